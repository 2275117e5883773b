"""A run as a document for people and for other programs: judgement and windows in, text out. No clock, no network."""
