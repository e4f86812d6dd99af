"""-m connlabel: a label of the connection, which this model does not have.

Spec: specs/matches/connlabel.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, quoted

LISTED = listing("", piece("--label", "connlabel (?P<no>! )?'?([^\\s']+)'?", quoted), piece("--set", "set"))
MODULE = opaque_module("connlabel", "a label of the connection", arity={"--label": 1, "--set": 0})
