"""The Helm chart: what it makes of values, what it refuses, and that it grants what the plain manifest grants."""
