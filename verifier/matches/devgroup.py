"""-m devgroup: the group of an interface, which this model does not have.

Spec: specs/matches/devgroup.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("devgroup", "the group of an interface", arity={"--src-group": 1, "--dst-group": 1})
