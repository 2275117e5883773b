"""The agent with real Locust processes on loopback."""
