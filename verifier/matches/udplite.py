"""-m udplite: ports of UDP-Lite.

Spec: specs/matches/udplite.md
"""

from __future__ import annotations

from verifier.matches.module import MatchModule
from verifier.matches.transport import SYNONYMS, port_parser
from verifier.model.fields import UDPLITE

MODULE = MatchModule(
    "udplite",
    "ports of UDP-Lite",
    arity={"--sport": 1, "--dport": 1},
    parse=port_parser(UDPLITE),
    synonyms=SYNONYMS,
)
