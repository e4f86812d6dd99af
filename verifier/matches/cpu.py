"""-m cpu: the processor that handles the packet, which no field of the packet tells.

Spec: specs/matches/cpu.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("", piece("--cpu", "cpu (?P<no>! )?([0-9]+)"))
MODULE = opaque_module("cpu", "the processor that handles the packet", arity={"--cpu": 1})
