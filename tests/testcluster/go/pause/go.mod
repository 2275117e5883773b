module loadtest-operator/testcluster/pause

go 1.26.0
