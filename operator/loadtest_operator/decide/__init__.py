"""What should exist and what the status should say, given what is observed. Pure: no I/O, no clock."""
