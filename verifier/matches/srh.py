"""-m srh: the segment routing header of an IPv6 packet, which this model does not have.

Spec: specs/matches/srh.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

_NUMBERS = tuple(f"{name}-{test}" for name in ("hdr-len", "segs-left", "last-entry") for test in ("eq", "gt", "lt"))
_SEGMENTS = ("psid", "nsid", "lsid")
LISTED = listing(
    "srh",
    *(piece(f"--srh-{name}", f"{name}:(?P<no>!)?([0-9]+)") for name in ("next-hdr", *_NUMBERS, "tag")),
    *(piece(f"--srh-{name}", f"{name} (?P<no>! )?(\\S+)") for name in _SEGMENTS),
)
MODULE = opaque_module(
    "srh",
    "the segment routing header of an IPv6 packet",
    arity=dict.fromkeys((f"--srh-{name}" for name in ("next-hdr", *_NUMBERS, "tag", *_SEGMENTS)), 1),
)
