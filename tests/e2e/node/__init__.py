"""Tests that need the native node itself: they kill it, cut it off, or look at what it leaves behind."""
