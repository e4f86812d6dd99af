"""-m dccp: ports of DCCP, and packet types.

Spec: specs/matches/dccp.md
"""

from __future__ import annotations

from verifier.matches.chunked import chunked_parser
from verifier.matches.module import MatchModule
from verifier.matches.transport import SYNONYMS
from verifier.model.fields import DCCP

MODULE = MatchModule(
    "dccp",
    "ports and packet types of DCCP",
    arity={"--sport": 1, "--dport": 1, "--dccp-types": 1, "--dccp-option": 1},
    parse=chunked_parser("dccp", DCCP),
    synonyms=SYNONYMS,
)
