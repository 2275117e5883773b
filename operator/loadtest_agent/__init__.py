"""Our code inside the load pods: standard library and what Locust brings, nothing else."""
