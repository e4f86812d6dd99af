"""Formulas over atoms, exact packet classes, and the only solver."""
