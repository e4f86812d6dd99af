"""-m connmark: the mark of the packet's connection.

Spec: specs/matches/connmark.md
"""

from __future__ import annotations

from verifier.matches.marks import mark_parser
from verifier.matches.module import MatchModule
from verifier.model.fields import ConnState, Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import InRange

TRACKED = InRange(Field.STATE, ((ConnState.NEW, ConnState.RELATED),))
"""Packets that belong to a connection: all but INVALID and UNTRACKED (CN-1)."""

LISTED = listing("", piece("--mark", "(?:connmark|CONNMARK) match (?P<no>! ?)?(0x[0-9a-f]+(?:/0x[0-9a-f]+)?)"))
MODULE = MatchModule(
    "connmark", "the connection's mark", arity={"--mark": 1}, parse=mark_parser(Field.CONNMARK, TRACKED)
)
