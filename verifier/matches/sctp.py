"""-m sctp: ports of SCTP, and chunk types.

Spec: specs/matches/sctp.md
"""

from __future__ import annotations

from verifier.matches.chunked import chunked_parser
from verifier.matches.module import MatchModule
from verifier.matches.transport import SYNONYMS
from verifier.model.fields import SCTP

MODULE = MatchModule(
    "sctp",
    "ports and chunk types of SCTP",
    arity={"--sport": 1, "--dport": 1, "--chunk-types": 2},
    parse=chunked_parser("sctp", SCTP),
    synonyms=SYNONYMS,
)
