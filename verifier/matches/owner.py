"""-m owner: who sent a local packet, which this model does not have.

Spec: specs/matches/owner.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, numbers, piece

LISTED = listing(
    "",
    piece("--socket-exists", "(?P<no>! )?owner socket exists"),
    piece("--uid-owner", "(?P<no>! )?owner UID match (\\S+)", numbers),
    piece("--gid-owner", "(?P<no>! )?owner GID match (\\S+)", numbers),
    piece("--suppl-groups", "incl\\. suppl\\. groups"),
)
MODULE = opaque_module(
    "owner",
    "who sent a local packet",
    arity={
        "--uid-owner": 1,
        "--gid-owner": 1,
        "--socket-exists": 0,
        "--suppl-groups": 0,
        "--pid-owner": 1,
        "--sid-owner": 1,
        "--cmd-owner": 1,
    },
)
