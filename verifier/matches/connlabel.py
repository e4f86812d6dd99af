"""-m connlabel: a label of the connection, which this model does not have.

Spec: specs/matches/connlabel.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("connlabel", "a label of the connection", arity={"--label": 1, "--set": 0})
