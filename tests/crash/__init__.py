"""The operator is killed after each of its writes in turn; the next one has to end the story as if nothing had been."""
