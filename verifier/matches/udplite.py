"""-m udplite: ports of UDP-Lite.

Spec: specs/matches/udplite.md
"""

from __future__ import annotations

from verifier.matches.module import MatchModule
from verifier.matches.transport import PORTS, SYNONYMS, port_parser
from verifier.model.fields import UDPLITE
from verifier.model.listing import listing

LISTED = listing("udp-?lite", *PORTS)
MODULE = MatchModule(
    "udplite",
    "ports of UDP-Lite",
    arity={"--sport": 1, "--dport": 1},
    parse=port_parser(UDPLITE),
    synonyms=SYNONYMS,
)
