"""From a LoadTest to what is created for it: names, the agent's configuration, pods, Jobs, Service, ConfigMap. Pure."""
