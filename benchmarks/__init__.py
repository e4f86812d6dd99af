"""Measurements of whole processes, on recordings and on synthetic snapshots of any size."""
