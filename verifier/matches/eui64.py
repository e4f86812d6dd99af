"""-m eui64: whether an IPv6 source is made of the hardware address, which this model does not have.

Spec: specs/matches/eui64.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing

LISTED = listing("eui64")
MODULE = opaque_module("eui64", "whether an IPv6 source is made of the hardware address", arity={})
