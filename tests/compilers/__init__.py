"""Compilers of NetworkPolicies of our own, in the style of each plug-in: small, obvious, and wrong in named ways on demand.

What one of them writes for a random cluster is proved; with one of its bugs switched on it is refuted exactly where an
exhaustive comparison finds a packet that differs.
"""
