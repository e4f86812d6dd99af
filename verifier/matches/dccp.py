"""-m dccp: ports of DCCP, and packet types.

Spec: specs/matches/dccp.md
"""

from __future__ import annotations

import re

from verifier.matches.chunked import chunked_parser
from verifier.matches.module import MatchModule
from verifier.matches.transport import PORTS, SYNONYMS
from verifier.model.fields import DCCP
from verifier.model.listing import listing, piece

TYPES = ("REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID")


def _types(match: re.Match[str]) -> tuple[str, ...]:
    """Types of packets by name; all numbers from 10 are invalid ones."""
    words = match.group(2).split(",")
    names = [TYPES[min(int(word), 10)] if word.isdecimal() else word for word in words]
    return (",".join(dict.fromkeys(names)),)


LISTED = listing(
    "dccp",
    *PORTS,
    piece("--dccp-types", "(?P<no>! ?)?([0-9]+(?:,[0-9]+)*|[A-Z]+(?:,[A-Z]+)*)", _types),
    piece("--dccp-option", "option=(?P<no>!)?([0-9]+)"),
)
MODULE = MatchModule(
    "dccp",
    "ports and packet types of DCCP",
    arity={"--sport": 1, "--dport": 1, "--dccp-types": 1, "--dccp-option": 1},
    parse=chunked_parser("dccp", DCCP),
    synonyms=SYNONYMS,
)
