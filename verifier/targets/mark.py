"""-j MARK: sets bits of the packet's mark.

Spec: specs/targets/mark.md
"""

from __future__ import annotations

from verifier.model.extension import Malformed, Option
from verifier.model.fields import Field
from verifier.model.listing import listing
from verifier.model.predicate import TRUE
from verifier.targets.marking import WAYS, SetMark, listed_ways, parse_marking
from verifier.targets.module import TargetModule


def parse(options: tuple[Option, ...], family: int) -> SetMark:  # noqa: ARG001  one signature for all
    """Read the one option."""
    if len(options) != 1:
        raise Malformed("MARK takes exactly one of " + ", ".join(WAYS))
    return SetMark(Field.MARK, *parse_marking(options[0]), TRUE)


LISTED = listing("MARK", *listed_ways())
MODULE = TargetModule("MARK", "sets bits of the packet's mark", arity=WAYS, parse=parse)
