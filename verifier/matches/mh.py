"""-m mh: the type of a mobility message, which this model does not have.

Spec: specs/matches/mh.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("mh", "the type of a mobility message", arity={"--mh-type": 1})
