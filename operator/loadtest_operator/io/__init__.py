"""The only modules that talk to anything: the API server and the agents."""
