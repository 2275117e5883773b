"""The running operator: watch, queue, observe, reconcile, and everything with a clock or a loop."""
