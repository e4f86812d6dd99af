"""-m udp: ports of UDP.

Spec: specs/matches/udp.md
"""

from __future__ import annotations

from verifier.matches.module import MatchModule
from verifier.matches.transport import PORTS, SYNONYMS, port_parser
from verifier.model.fields import UDP
from verifier.model.listing import listing

LISTED = listing("udp", *PORTS)
MODULE = MatchModule(
    "udp",
    "ports of UDP",
    arity={"--sport": 1, "--dport": 1},
    parse=port_parser(UDP, disputed="udp"),
    synonyms=SYNONYMS,
)
