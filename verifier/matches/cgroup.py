"""-m cgroup: the control group of the sender, which this model does not have.

Spec: specs/matches/cgroup.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, quoted

LISTED = listing(
    "", piece("--path", "cgroup (?P<no>! )?(/.*?)", quoted), piece("--cgroup", "cgroup (?P<no>! )?([0-9]+)")
)
MODULE = opaque_module("cgroup", "the control group of the sender", arity={"--cgroup": 1, "--path": 1})
