"""-m ipv6header: which extension headers an IPv6 packet has, which this model does not have.

Spec: specs/matches/ipv6header.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("ipv6header", "which extension headers an IPv6 packet has", arity={"--header": 1, "--soft": 0})
