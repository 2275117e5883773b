"""A real Kubernetes for the tests: found, or built and started. Nothing here is part of the product."""
