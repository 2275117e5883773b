"""A real Kubernetes for the tests: found, or built and started. Nothing here is part of the product.

`cluster.ensure()` gives a whole cluster, `apiserver.ApiServer()` an API server alone.
"""
