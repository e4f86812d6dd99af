"""-m mark: the packet's mark.

Spec: specs/matches/mark.md
"""

from __future__ import annotations

from verifier.matches.marks import mark_parser
from verifier.matches.module import MatchModule
from verifier.model.fields import Field
from verifier.model.predicate import TRUE

MODULE = MatchModule("mark", "the packet's mark", arity={"--mark": 1}, parse=mark_parser(Field.MARK, TRUE))
