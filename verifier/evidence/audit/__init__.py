"""Bundles of evidence as they are found: nothing that one claims is believed before it is checked."""
