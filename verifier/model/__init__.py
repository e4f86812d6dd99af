"""Frozen facts with no opinions: what was read, what it means, and what was answered."""
