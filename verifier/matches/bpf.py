"""-m bpf: a program over the packet's bytes, of which this model has only some.

Spec: specs/matches/bpf.md
"""

from __future__ import annotations

import re

from verifier.matches.module import opaque_module
from verifier.model.extension import Quoted
from verifier.model.listing import listing, piece


def _program(match: re.Match[str]) -> tuple[str, ...]:
    """The program with the number of its instructions before it, which a listing leaves out."""
    return (Quoted(f"{match.group(1).count(',') + 1},{match.group(1)}"),)


LISTED = listing(
    "match bpf",
    piece("--object-pinned", "pinned (\\S+)"),
    piece("--bytecode", "([0-9]+ [0-9]+ [0-9]+ [0-9]+(?:,[0-9]+ [0-9]+ [0-9]+ [0-9]+)*)", _program),
)
MODULE = opaque_module("bpf", "a program over the packet's bytes", arity={"--bytecode": 1, "--object-pinned": 1})
