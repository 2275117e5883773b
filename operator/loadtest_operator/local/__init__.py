"""The same LoadTest on this machine: Locust as processes, the cluster's agent, verdict and store. No cluster."""
