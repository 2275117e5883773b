"""The `loadtest` command, for people and pipelines: reads files, shows what happens, answers with an exit code."""
