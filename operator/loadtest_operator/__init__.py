"""The operator and the command: everything that decides, builds, stores and talks."""
