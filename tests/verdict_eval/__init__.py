"""How often the verdict is right: measured on real and on synthetic runs, with the code that the operator runs."""
