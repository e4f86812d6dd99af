"""Names of sets are computed from policies, and every recorded set is explained by one."""

from __future__ import annotations

import dataclasses

import pytest

from tests.corpus_path import corpus
from verifier.compilers.calico import MODULE as CALICO
from verifier.compilers.calico_sets import peer_selector, unique_id
from verifier.compilers.kube_router import MODULE as KUBE_ROUTER
from verifier.compilers.kube_router_sets import MERGED, hashed
from verifier.compilers.weave import MODULE as WEAVE
from verifier.compilers.weave_deviations import NAMED_PORTS
from verifier.compilers.weave_sets import set_name
from verifier.model.ipset import IpSet
from verifier.model.profile import Profile
from verifier.model.written import Requirement, WrittenPeer, WrittenSelector
from verifier.readers.snapshot import read_snapshot

CLIENT = WrittenPeer(WrittenSelector((("app", "client"),)))
TEAM = WrittenSelector((("kubernetes.io/metadata.name", "team-b"),))
RECORDINGS = [
    *(
        (CALICO, name)
        for name in (
            "seed",
            "shop",
            "shop-nft",
            "shop-drop",
            "shop-tiers",
            "shop-services",
            "shop-services-proxy-late",
            "features",
            "features-dual",
            "scale-small",
            "scale",
            "seed-mask",
            "seed-v331",
        )
    ),
    *(
        (KUBE_ROUTER, name)
        for name in ("seed", "shop", "shop-services", "shop-services-proxy-last", "features", "features-dual")
    ),
    *((WEAVE, name) for name in ("seed", "shop-numeric", "features-numeric", "scale-small-numeric")),
]


@pytest.mark.parametrize(
    ("peer", "home", "selector", "identity"),
    [
        (
            CLIENT,
            "demo",
            '(projectcalico.org/namespace == "demo" && (projectcalico.org/orchestrator == "k8s" && app == "client"))',
            "s:N7qB4dD1ts0--qbzE-HjtMk",
        ),
        (
            WrittenPeer(namespaces=TEAM),
            "x",
            '(pcns.kubernetes.io/metadata.name == "team-b" && projectcalico.org/orchestrator == "k8s")',
            "s:a_sG3wUbuH4Nz-nbt4Bl5Dz",
        ),
        (
            WrittenPeer(WrittenSelector((("b", "y"), ("a", "x")))),
            "demo",
            (
                '(projectcalico.org/namespace == "demo" && '
                '(projectcalico.org/orchestrator == "k8s" && a == "x" && b == "y"))'
            ),
            "",
        ),
        (
            WrittenPeer(WrittenSelector((), (Requirement("b", "NotIn", ("q", "p", "q")),)), WrittenSelector()),
            "x",
            '(has(projectcalico.org/namespace) && (projectcalico.org/orchestrator == "k8s" && b not in {"p", "q"}))',
            "",
        ),
    ],
)
def test_calico_names_a_set_by_its_selector(peer: WrittenPeer, home: str, selector: str, identity: str) -> None:
    assert peer_selector(peer, home) == selector
    assert unique_id("s", selector).startswith(identity)


def test_kube_router_names_a_set_by_policy_and_rule() -> None:
    assert hashed("default", "whoami", "IPv4") == "IZ5JGF4W6BKI7CEV"
    assert hashed("default", "debug", "egressrule", 0, "IPv4", "pod") == "P226T6HGLTLDGDLC"
    assert hashed("default", "whoami", "ingressrule", 0, "IPv4", "ipblock") == "KLLOHJLFVAV654Z2"
    assert hashed("default", "whoami", "IPv6") == "GZIEGRFLGG6BN3N7"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ingress-default-allow:default", "weave-;rGqyMIl1HN^cfDki~Z$3]6!N"),
        ("egress-default-allow:default", "weave-s_+ChJId4Uy_$}G;WdH|~TK)I"),
        ("default:", "weave-k?Z;25^M}|1s7P3|H9i;*;MhG"),
        (":app=source", "weave-I239Zp%sCvoVt*D6u=A!2]YEk"),
        ("source:", "weave-HboJG1fGgG]/SR%k9H#hv5e96"),
        (":", "weave-!KbcPP7#:Z;q|kV;:5)S@i1Yb"),
    ],
)
def test_weave_names_a_set_by_what_it_stands_for(text: str, name: str) -> None:
    assert set_name(text) == name


@pytest.mark.parametrize(("recording", "open_"), [("shop", 0), ("features", 3), ("scale-small", 1), ("scale", 4)])
def test_weave_leaves_pods_of_rejected_policies_open(recording: str, open_: int) -> None:
    """The sets of pods that no policy selects, and no others, differ, all because policies with named ports are rejected."""
    snapshot = read_snapshot(str(corpus("weave", recording)))
    (node,) = snapshot.nodes
    loaded = node.sets or {}
    ideal = WEAVE.ideal_sets(node, snapshot.cluster)
    assert {name for name in loaded if WEAVE.computed_set(name)} == set(ideal)
    differing = [each for name, each in ideal.items() if each.content is not loaded[name]]
    assert {each.quirk for each in differing} <= {NAMED_PORTS.sentence}
    assert len(differing) == open_


@pytest.mark.parametrize(("profile", "recording"), RECORDINGS, ids=lambda value: getattr(value, "name", value))
def test_every_recorded_set_is_explained_and_holds_what_it_stands_for(profile: Profile, recording: str) -> None:
    snapshot = read_snapshot(str(corpus(profile.name, recording)))
    for node in snapshot.nodes:
        ideal = profile.ideal_sets(node, snapshot.cluster)
        loaded = node.sets or {}
        assert {name for name in loaded if profile.computed_set(name)} == set(ideal)
        assert [name for name, each in ideal.items() if each.content is not loaded[name]] == []


def test_sets_of_policies_that_are_not_there_stay_unexplained() -> None:
    snapshot = read_snapshot(str(corpus("calico", "shop-tiers")))
    (node,) = snapshot.nodes
    written = [
        dataclasses.replace(tier, policies=tuple(policy for policy in tier.policies if policy.written is not None))
        for tier in snapshot.cluster.tiers
    ]
    explained = CALICO.ideal_sets(node, dataclasses.replace(snapshot.cluster, tiers=tuple(written)))
    unexplained = [name for name in node.sets or {} if CALICO.computed_set(name) and name not in explained]
    assert (len(explained), len(unexplained)) == (12, 10)


@pytest.mark.parametrize(("recording", "wrong", "merged"), [("scale-small", 16, 1), ("scale", 116, 2)])
def test_sets_of_ports_by_name_hold_pods_that_call_it_otherwise(recording: str, wrong: int, merged: int) -> None:
    """All differing sets of kube-router's large recordings are of named ports, but for blocks that share a set."""
    snapshot = read_snapshot(str(corpus("kube-router", recording)))
    (node,) = snapshot.nodes
    loaded: dict[str, IpSet] = dict(node.sets or {})
    ideal = KUBE_ROUTER.ideal_sets(node, snapshot.cluster)
    assert set(ideal) == set(loaded)
    differing = {name: each for name, each in ideal.items() if each.content is not loaded[name]}
    assert len(differing) == wrong
    assert sum(each.quirk == MERGED for each in differing.values()) == merged
    for name, each in differing.items():
        if not each.quirk:
            held = {member.text for member in loaded[name].content.members}
            assert held > {member.text for member in each.content.content.members}
            assert "whose port http is" in each.meaning


def test_a_member_that_is_missing_shows() -> None:
    snapshot = read_snapshot(str(corpus("calico", "shop")))
    (node,) = snapshot.nodes
    loaded = dict(node.sets or {})
    name = next(name for name in loaded if name.startswith("cali40n:"))
    content = loaded[name].content
    changed = dataclasses.replace(loaded[name], content=dataclasses.replace(content, members=content.members[1:]))
    node = dataclasses.replace(node, sets={**loaded, name: changed})
    ideal = CALICO.ideal_sets(node, snapshot.cluster)
    assert [each for each in ideal if ideal[each].content is not (node.sets or {})[each]] == [name]
    assert {member.text for member in ideal[name].content.content.members} == {
        member.text for member in content.members
    }
