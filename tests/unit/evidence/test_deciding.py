"""Which rule decides where chains stand for what they do to all that enter them."""

from __future__ import annotations

import pytest

from tests.unit.evidence.findings import difference, findings, node, packet
from verifier.model.finding import Kind

SHARED = """\
*filter
:FORWARD ACCEPT [0:0]
:web - [0:0]
:out - [0:0]
:allowed - [0:0]
:accept - [0:0]
-A FORWARD -d 10.0.0.2/32 -j web
-A web -p tcp -m tcp --dport 80 -j allowed
-A web -p tcp -m tcp --dport 81 -j accept
-A web -j DROP
-A allowed -j MARK --set-xmark 0x2/0x2
-A allowed -j out
-A out -m mark --mark 0x2/0x2 -j accept
-A accept -j ACCEPT
COMMIT
"""
FIRST = "-A accept -j ACCEPT"


@pytest.mark.parametrize(
    ("changed", "port", "told", "rules"),
    [
        ({}, 81, "iptables-save:9 accepts the packet", [9]),
        ({}, 80, "iptables-save:8 sets mark 0x2", [8, 13]),
        ({FIRST: f"-A accept -j MARK --set-xmark 0x0/0x2\n{FIRST}"}, 81, "iptables-save:9 accepts the packet", [9]),
        ({FIRST: f"-A accept -p udp -j DROP\n{FIRST}"}, 81, "iptables-save:15 accepts the packet", [15]),
        ({"-A web -p tcp -m tcp --dport 81 -j": "-A web -j"}, 81, "iptables-save:9 accepts the packet", [9]),
        ({"-A web -p tcp -m tcp --dport 80": "-A web -p tcp"}, 81, "iptables-save:8 sets mark 0x2", [8, 13]),
    ],
    ids=[
        "accepts all",
        "marks all",
        "clears, then accepts all",
        "accepts some",
        "entered by the rest",
        "entered by more",
    ],
)
def test_a_chain_that_accepts_all_decides_nothing(
    changed: dict[str, str], port: int, told: str, rules: list[int]
) -> None:
    """The rule that enters it does; a mark on the way is that of the rule that enters the chain which sets it."""
    text = SHARED
    for old, new in changed.items():
        text = text.replace(old, new)
    (finding,) = findings([difference(Kind.LEAK, packet("8.8.8.8", port=port))], node(text))
    assert told in finding.cause
    assert sorted(rule.origin.line for rule in finding.rules) == rules
