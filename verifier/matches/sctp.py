"""-m sctp: ports of SCTP, and chunk types.

Spec: specs/matches/sctp.md
"""

from __future__ import annotations

import re

from verifier.matches.chunked import chunked_parser
from verifier.matches.module import MatchModule
from verifier.matches.transport import PORTS, SYNONYMS
from verifier.model.fields import SCTP
from verifier.model.listing import listing, piece

CHUNKS = {
    0: "DATA", 1: "INIT", 2: "INIT_ACK", 3: "SACK", 4: "HEARTBEAT", 5: "HEARTBEAT_ACK", 6: "ABORT", 7: "SHUTDOWN",
    8: "SHUTDOWN_ACK", 9: "ERROR", 10: "COOKIE_ECHO", 11: "COOKIE_ACK", 12: "ECN_ECNE", 13: "ECN_CWR",
    14: "SHUTDOWN_COMPLETE", 64: "I_DATA", 128: "ASCONF_ACK", 130: "RE_CONFIG", 132: "PAD", 192: "FORWARD_TSN",
    193: "ASCONF", 194: "I_FORWARD_TSN",
}  # fmt: skip


def _chunks(match: re.Match[str]) -> tuple[str, ...]:
    """How many of the chunks, and which, by name; flags stay behind their colon."""
    names = []
    for word in match.group(3).split(","):
        number, colon, flags = word.partition(":")
        name = CHUNKS.get(int(number, 16), number) if number.startswith("0x") else number
        names.append(name + colon + flags)
    return match.group(2), ",".join(names)


LISTED = listing("sctp", *PORTS, piece("--chunk-types", "(?P<no>! )?(any|all|only|none) (\\S+)", _chunks))
MODULE = MatchModule(
    "sctp",
    "ports and chunk types of SCTP",
    arity={"--sport": 1, "--dport": 1, "--chunk-types": 2},
    parse=chunked_parser("sctp", SCTP),
    synonyms=SYNONYMS,
)
