"""Random fault schedules: the operator's own runtime against a model of the API server, kubelet and agents."""
