"""The sample target: a small shop that can be made slow or faulty on demand, standard library only."""
