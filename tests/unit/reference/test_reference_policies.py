"""Policies and the three-valued specification of one packet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reference.worlds import cluster, ip, net, node, packet, pod, policy, selecting
from verifier.model.assumption import Setting
from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.fields import ConnState, Field
from verifier.model.finding import Kind
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Action, Direction, Policy, Tier
from verifier.model.predicate import FALSE, TRUE, InRange, Opaque, equals
from verifier.model.profile import Deviation
from verifier.reference.policies import judge
from verifier.reference.specification import excused, expectation
from verifier.reference.view import View, view_of

WEB = pod("shop/web", "10.0.0.2", {"app": "web"})
API = pod("shop/api", "10.0.0.3", {"app": "api"})
FAR = pod("shop/far", "10.0.1.9", {"app": "far"}, on="node-b")
IN, OUT = Direction.INGRESS, Direction.EGRESS
HTTP = equals(Field.DESTINATION_PORT, 80)
WEB_IN = policy("shop/web", IN, selecting(IN, "shop", app="web"), (InRange(Field.SOURCE, (net("10.0.1.0/24"),)), HTTP))
FAR_OUT = policy("shop/far", OUT, selecting(OUT, "shop", app="far"), (TRUE, equals(Field.DESTINATION_PORT, 81)))


def seen(*policies: Policy) -> View:
    return view_of(node(), cluster(WEB, API, FAR, policies=policies))


def test_not_selected_means_allowed() -> None:
    """A pod that no policy selects in a direction is not isolated in it."""
    view = seen(WEB_IN)
    trace = judge(packet("9.9.9.9", "10.0.0.3"), view.cluster, IN, view)
    assert (trace.allowed, trace.selecting, trace.deciding) == (True, (), None)
    assert judge(packet("10.0.0.2", "9.9.9.9"), view.cluster, OUT, view).selecting == ()


def test_the_rule_that_allows_is_named() -> None:
    """An isolated pod needs a rule with this peer and this port; without one the end of the tier denies."""
    view = seen(WEB_IN)
    allowed = judge(packet("10.0.1.7", "10.0.0.2"), view.cluster, IN, view)
    assert (allowed.allowed, allowed.policy, allowed.deciding) == (True, WEB_IN, WEB_IN.rules[0])
    for one in (packet("10.0.2.7", "10.0.0.2"), packet("10.0.1.7", "10.0.0.2", port=81)):
        denied = judge(one, view.cluster, IN, view)
        assert (denied.allowed, denied.selecting, denied.deciding) == (False, (WEB_IN,), None)


def test_rules_count_in_their_own_direction_only() -> None:
    """What a policy allows to come in opens nothing for what goes out."""
    both = replace(WEB_IN, subjects={IN: selecting(IN, "shop", app="web"), OUT: selecting(OUT, "shop", app="web")})
    wide = replace(both, rules=(replace(both.rules[0], peer=TRUE),))
    view = seen(wide)
    assert judge(packet("10.0.0.2", "10.0.1.7"), view.cluster, OUT, view).allowed is False
    assert judge(packet("10.0.1.7", "10.0.0.2"), view.cluster, IN, view).allowed is True


def test_tiers_are_asked_in_order() -> None:
    """A rule that passes hands the packet to the next tier; a tier that selects nobody is skipped."""
    everybody = selecting(IN, "shop")
    passing = replace(WEB_IN, subjects={IN: everybody}, rules=(replace(WEB_IN.rules[0], action=Action.PASS),))
    admin = Tier("admin", (passing,), Action.DENY)
    empty = Tier("empty", (replace(WEB_IN, subjects={IN: FALSE}),), Action.DENY)
    base = Cluster(pods=(WEB, API, FAR), tiers=(admin, empty, Tier("networkpolicy", (WEB_IN,), Action.DENY)))
    view = view_of(node(), base)
    trace = judge(packet("10.0.1.7", "10.0.0.2"), base, IN, view)
    assert (trace.deciding, trace.passed, trace.unmatched) == (WEB_IN.rules[0], ((passing, passing.rules[0]),), ())
    assert judge(packet("10.0.1.7", "10.0.0.3"), base, IN, view).allowed is True
    assert judge(packet("10.0.2.7", "10.0.0.3"), base, IN, view).allowed is False


def test_opaque_policies_are_not_guessed() -> None:
    """A peer without a meaning leaves the specification open and says why."""
    strange = policy("shop/odd", IN, selecting(IN, "shop", app="web"), (Opaque("fqdn"), TRUE), line=4)
    view = seen(strange)
    wish = expectation(packet("9.9.9.9", "10.0.0.2"), Path.REMOTE_TO_POD, view, {})
    assert (wish.must, wish.because) == (None, "fqdn (p.yaml:4)")
    view = seen(replace(strange, subjects={IN: Opaque("odd selector")}))
    assert expectation(packet("9.9.9.9", "10.0.0.2"), Path.REMOTE_TO_POD, view, {}).must is None


@pytest.mark.parametrize(
    ("one", "path", "must"),
    [
        (packet("10.0.1.7", "10.0.0.2"), Path.REMOTE_TO_POD, Verdict.ACCEPT),
        (packet("10.0.2.7", "10.0.0.2"), Path.REMOTE_TO_POD, Verdict.DROP),
        (packet("10.0.1.9", "10.0.0.2"), Path.REMOTE_TO_POD, None),  # the other node's to enforce
        (packet("10.0.1.9", "10.0.0.2", port=81), Path.REMOTE_TO_POD, Verdict.DROP),
        (packet("10.0.0.3", "10.0.1.9"), Path.POD_TO_REMOTE, Verdict.ACCEPT),
        (packet("10.0.0.3", "10.0.0.2"), Path.POD_TO_POD, Verdict.DROP),
        (packet("10.0.0.2", "10.0.0.3"), Path.POD_TO_POD, Verdict.ACCEPT),
        (packet("192.168.0.10", "10.0.0.2"), Path.NODE_TO_POD, Verdict.ACCEPT),
        (packet("10.0.0.2", "192.168.0.10"), Path.POD_TO_NODE, Verdict.ACCEPT),
        (packet("10.0.0.2", "10.0.0.2"), Path.POD_TO_POD, None),
        (packet("9.9.9.9", "10.0.1.9"), Path.REMOTE_TO_POD, None),
        (packet("9.9.9.9", "10.0.1.9"), Path.POD_TO_REMOTE, None),
        (packet("192.168.0.10", "10.0.0.2"), Path.REMOTE_TO_POD, None),
        (packet("224.0.0.5", "10.0.0.2"), Path.REMOTE_TO_POD, None),
        (packet("10.0.0.3", "127.0.0.1"), Path.POD_TO_REMOTE, None),
        (packet("9.9.9.9", "10.0.0.2"), Path.NODE_TO_POD, None),
        (packet("10.0.0.2", "9.9.9.9"), Path.POD_TO_NODE, None),
    ],
)
def test_what_a_new_connection_must_get(one: Packet, path: Path, must: Verdict | None) -> None:
    """Denied where a local end denies, allowed where both ends allow, otherwise free; the node is always allowed."""
    assert expectation(one, path, seen(WEB_IN, FAR_OUT), {}).must is must


def test_replies_must_pass() -> None:
    """ESTABLISHED and RELATED packets of the three protocols are accepted whatever the policies say."""
    for state in (ConnState.ESTABLISHED, ConnState.RELATED):
        one = replace(packet("10.0.2.7", "10.0.0.2"), state=state)
        assert expectation(one, Path.REMOTE_TO_POD, seen(WEB_IN), {}).must is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("other-protocols", packet("10.0.1.7", "10.0.0.2", protocol=1)),
        ("invalid-state", replace(packet("10.0.1.7", "10.0.0.2"), state=ConnState.INVALID)),
        ("untracked-state", replace(packet("10.0.1.7", "10.0.0.2"), state=ConnState.UNTRACKED)),
    ],
)
def test_assumptions_decide_what_the_api_leaves_open(name: str, one: Packet) -> None:
    """Each undefined item is unspecified by default and follows its setting otherwise."""
    found = {setting: expectation(one, Path.REMOTE_TO_POD, seen(WEB_IN), {name: setting}).must for setting in Setting}
    assert found == {Setting.ALLOW: Verdict.ACCEPT, Setting.DENY: Verdict.DROP, Setting.ANY: None}
    wish = expectation(one, Path.REMOTE_TO_POD, seen(WEB_IN), {})
    assert (wish.must, wish.assumption) == (None, name)


def test_deviations_excuse_their_own_kind_and_packets() -> None:
    """A deviation counts for its kind, its paths, its packets, and where asked only for what policies deny."""
    where = equals(Field.DESTINATION_PORT, 80)
    wide = Deviation("wide", "s", "doc", Kind.BLOCKED, frozenset({Path.POD_TO_NODE}), where)
    denied = replace(wide, name="denied", denied_by=OUT)
    open_view = seen()
    shut = seen(policy("shop/web", OUT, selecting(OUT, "shop", app="web")))
    one = packet("10.0.0.2", "192.168.0.10")
    assert excused(one, Path.POD_TO_NODE, Kind.BLOCKED, (wide, denied), open_view) == ("wide",)
    assert excused(one, Path.POD_TO_NODE, Kind.BLOCKED, (wide, denied), shut) == ("wide", "denied")
    assert excused(one, Path.POD_TO_NODE, Kind.LEAK, (wide,), shut) == ()
    assert excused(one, Path.NODE_TO_POD, Kind.BLOCKED, (wide,), shut) == ()
    assert excused(replace(one, destination_port=81), Path.POD_TO_NODE, Kind.BLOCKED, (wide,), shut) == ()


def test_finished_and_host_network_pods_have_no_labels() -> None:
    """Their addresses are ordinary addresses: no policy selects them."""
    done = replace(WEB, phase="Succeeded")
    host = replace(API, host_network=True)
    view = view_of(node(), cluster(done, host))
    assert view.pods == {}
    assert ip("10.0.0.2") not in {address for _, address in view.local}
