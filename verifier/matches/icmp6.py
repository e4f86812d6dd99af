"""-m icmp6: type and code of an ICMPv6 message.

Spec: specs/matches/icmp6.md
"""

from __future__ import annotations

from verifier.matches.icmp_types import icmp_parser, listed_types
from verifier.matches.module import MatchModule
from verifier.model.fields import ICMPV6

NAMES: dict[str, tuple[int, int | None]] = {
    "destination-unreachable": (1, None), "no-route": (1, 0), "communication-prohibited": (1, 1), "beyond-scope": (1, 2),
    "address-unreachable": (1, 3), "port-unreachable": (1, 4), "failed-policy": (1, 5), "reject-route": (1, 6),
    "packet-too-big": (2, None), "time-exceeded": (3, None), "ttl-exceeded": (3, None), "ttl-zero-during-transit": (3, 0),
    "ttl-zero-during-reassembly": (3, 1), "parameter-problem": (4, None), "bad-header": (4, 0),
    "unknown-header-type": (4, 1), "unknown-option": (4, 2), "echo-request": (128, None), "ping": (128, None),
    "echo-reply": (129, None), "pong": (129, None), "mld-listener-query": (130, None), "mld-listener-report": (131, None),
    "mld-listener-done": (132, None), "mld-listener-reduction": (132, None), "router-solicitation": (133, None),
    "router-advertisement": (134, None), "neighbour-solicitation": (135, None), "neighbor-solicitation": (135, None),
    "neighbour-advertisement": (136, None), "neighbor-advertisement": (136, None), "redirect": (137, None),
}  # fmt: skip

LISTED = listed_types("ipv6-icmp", "--icmpv6-type")
MODULE = MatchModule(
    "icmp6",
    "type and code of ICMPv6",
    arity={"--icmpv6-type": 1},
    parse=icmp_parser(ICMPV6, "--icmpv6-type", NAMES, any_type=None),
)
