"""The packet that is shown for a region is an ordinary one."""

from __future__ import annotations

import pytest

from verifier.model.fields import ICMP, ICMPV6, ConnState
from verifier.semantics.decode import ServiceBox, simplest_service


@pytest.mark.parametrize(
    ("protocol", "state", "kind"),
    [
        (ICMP, ConnState.NEW, 8),
        (ICMP, ConnState.RELATED, 3),
        (ICMP, ConnState.ESTABLISHED, 0),
        (ICMPV6, ConnState.NEW, 128),
        (ICMPV6, ConnState.RELATED, 1),
        (ICMPV6, ConnState.ESTABLISHED, 129),
    ],
)
def test_icmp_has_the_type_that_its_state_usually_has(protocol: int, state: ConnState, kind: int) -> None:
    assert simplest_service(ServiceBox((protocol,)), state).icmp == kind * 256


def test_what_is_usual_gives_way_to_the_region() -> None:
    assert simplest_service(ServiceBox((ICMP,), icmp=((11 * 256, 11 * 256),)), ConnState.RELATED).icmp == 11 * 256
