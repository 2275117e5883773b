"""What api, e2e and bench tests share: kubectl with patience, the operator as a process, LoadTests in few words."""
