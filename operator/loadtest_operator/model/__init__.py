"""Spec, status, conditions and quantities of both resources, and the CRDs made from them; knows nothing else."""
