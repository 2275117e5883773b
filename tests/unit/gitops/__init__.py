"""The reading of conditions that tests on real servers trust."""
