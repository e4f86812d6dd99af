"""Names of which only something is known, and the port by which a packet leaves a bridge."""

from __future__ import annotations

import pytest

from verifier.semantics.atoms import Beginning, Foreign, Name, NameTest
from verifier.semantics.interfaces import leaving

POD, UPLINK, ELSEWHERE = Beginning("vethwepl"), "vethwe-bridge", Foreign("vethwepl", "vethwe-bridge")


@pytest.mark.parametrize(
    ("name", "tested", "prefix", "answer"),
    [
        (POD, "vethwepl", True, True),
        (POD, "veth", True, True),
        (POD, "", True, True),
        (POD, "vethwepl1", True, None),
        (POD, "vethwepl1", False, None),
        (POD, "vethwe-bridge", False, False),
        (POD, "", False, False),
        (POD, "eth", True, False),
        (UPLINK, "vethwe-bridge", False, True),
        (UPLINK, "vethwepl", True, False),
        (ELSEWHERE, "vethwe-bridge", False, False),
        (ELSEWHERE, "vethwepl1", False, False),
        (ELSEWHERE, "vethwepl", True, False),
        (ELSEWHERE, "veth", True, None),
        (ELSEWHERE, "vethwe-bridge", True, None),
        (ELSEWHERE, "", False, None),
        (None, "veth1", False, None),
        ("", "", False, True),
    ],
)
def test_what_a_test_says_of_a_name(name: Name, tested: str, prefix: bool, answer: bool | None) -> None:
    """Decided only where every name that it may be gives the same answer; a negated test is decided where it is."""
    asked = {negated: NameTest(True, tested, prefix, negated, True).decide(name) for negated in (False, True)}
    assert asked == {False: answer, True: None if answer is None else not answer}


@pytest.mark.parametrize(
    ("source", "destination", "port"),
    [
        (POD, POD, POD),
        (POD, UPLINK, UPLINK),
        (UPLINK, POD, POD),
        (ELSEWHERE, POD, ""),
        (POD, ELSEWHERE, ""),
        ("", POD, ""),
        (None, POD, None),
        (POD, None, None),
        (None, ELSEWHERE, ""),
    ],
)
def test_only_what_goes_from_port_to_port_leaves_by_one(source: Name, destination: Name, port: Name) -> None:
    """Where the source may be no port of the bridge, nobody knows."""
    assert leaving(source, destination) == port
