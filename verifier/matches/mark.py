"""-m mark: the packet's mark.

Spec: specs/matches/mark.md
"""

from __future__ import annotations

from verifier.matches.marks import mark_parser
from verifier.matches.module import MatchModule
from verifier.model.fields import Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import TRUE

LISTED = listing("", piece("--mark", "(?:mark|MARK) match (?P<no>! ?)?(0x[0-9a-f]+(?:/0x[0-9a-f]+)?)"))
MODULE = MatchModule("mark", "the packet's mark", arity={"--mark": 1}, parse=mark_parser(Field.MARK, TRUE))
