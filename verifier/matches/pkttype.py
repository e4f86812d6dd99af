"""-m pkttype: how the link layer addressed the packet, which this model does not have.

Spec: specs/matches/pkttype.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("", piece("--pkt-type", "PKTTYPE (?:=|(?P<no>!=)) (\\S+)"))
MODULE = opaque_module("pkttype", "how the link layer addressed the packet", arity={"--pkt-type": 1})
