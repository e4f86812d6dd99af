"""What the Calico profile reads out of a dump."""

from __future__ import annotations

import pytest

from tests.unit.compilers.dumps import node, pod, recorded
from verifier.compilers.calico import MODULE as CALICO
from verifier.compilers.calico_hash import LONGEST_CHAIN, interface_suffix, limited
from verifier.model.cluster import Pod
from verifier.model.node import NodeState
from verifier.model.snapshot import Snapshot

WITH_ROUTES = ("features", "features-dual", "scale-small", "seed", "seed-mask", "seed-v331", "shop", "shop-drop", "shop-nft", "shop-tiers")  # fmt: skip


def local_pods(snapshot: Snapshot, read: NodeState) -> list[Pod]:
    return [pod for pod in snapshot.cluster.pods if pod.node == read.name and pod.has_traffic]


@pytest.mark.parametrize(
    ("namespace", "name", "suffix"),
    [
        ("default", "nginx", "c440f455693"),
        ("default", "db-8d66ff5f7-bp6kf", "95aa86cbb2a"),
        ("demo", "server", "e0cf0fbcf9f"),
    ],
)
def test_interface_suffix(namespace: str, name: str, suffix: str) -> None:
    """The published names of pods' interfaces are recomputed."""
    assert interface_suffix(namespace, name) == suffix


@pytest.mark.parametrize(
    ("prefix", "suffix", "longest", "name"),
    [
        ("felix", "12345678910", 13, "felix_Y2QCZIS"),
        ("felix", "_2345", 10, "felix_kMQI"),
        ("felix", "12345", 10, "felix12345"),
        ("felix", "", 10, "felix_"),
        ("cali-pi-", "aaa-allow-konnectivity-agent", LONGEST_CHAIN, "cali-pi-_j5sVgQTfF-APgMw0kN9"),
        ("cali-pri-", "ksa.kube-system.coredns", LONGEST_CHAIN, "cali-pri-_u2Tn2rSoAPffvE7JO6"),
        ("cali-pri-", "ksa.kube-system.calico-kube-controllers", LONGEST_CHAIN, "cali-pri-_PTRGc0U-L5Kz7V6ERW"),
        ("cali-pri-", "ksa.calico-system.calico-kube-controllers", LONGEST_CHAIN, "cali-pri-_nzzjLvInId1gPHmQz_"),
        ("cali-pri-", "ksa.kube-system.metrics-server", LONGEST_CHAIN, "cali-pri-_CVSZITRyIpEmH8AB6H"),
        ("cali-pri-", "projectcalico-default-allow", LONGEST_CHAIN, "cali-pri-_TI1Jm4dJqQzYb0Rx3u"),
    ],
)
def test_names_of_limited_length(prefix: str, suffix: str, longest: int, name: str) -> None:
    """The published names of chains are recomputed."""
    assert limited(prefix, suffix, longest) == name


@pytest.mark.parametrize("scenario", WITH_ROUTES)
def test_interfaces_are_those_of_the_routes(scenario: str) -> None:
    """For every local pod, the computed interface is the one that the node's route to its address leaves by."""
    snapshot = recorded("calico", scenario)
    (read,) = snapshot.nodes
    routes = {(route.family, route.first): route.interface for route in read.routes or () if route.first == route.last}
    pods = local_pods(snapshot, read)
    computed = {pod.full_name: CALICO.pod_interface(read, pod) for pod in pods}
    routed = {pod.full_name: routes[4, pod.addresses[4]] for pod in pods if 4 in pod.addresses}
    assert routed
    assert {name: computed[name] for name in routed} == routed


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"rules": ("-N cali-tw-azve0cf0fbcf9f",)}, id="chain to the pod"),
        pytest.param({"rules": ("-N cali-fw-azve0cf0fbcf9f",)}, id="chain from the pod"),
        pytest.param({"interfaces": ("lo", "azve0cf0fbcf9f")}, id="interface"),
    ],
)
def test_interface_of_another_plug_in(known: dict[str, tuple[str, ...]]) -> None:
    """The prefix is the dump's, and any trace of the interface makes the name believed."""
    read = node(
        "-A FORWARD -j cali-FORWARD", "-A cali-FORWARD -i azv+ -j cali-from-wl-dispatch", "-N cali-from-wl-dispatch",
        *known.get("rules", ()), interfaces=known.get("interfaces"),
    )  # fmt: skip
    assert CALICO.pod_interfaces(read) == ("azv",)
    assert CALICO.pod_interface(read, pod("demo/server")) == "azve0cf0fbcf9f"


def test_unknown_interface_is_not_believed() -> None:
    """A name that neither chains, interfaces nor routes know is left to the routes."""
    read = node("-A FORWARD -j cali-FORWARD", "-A cali-FORWARD -i cali+ -j cali-from-wl-dispatch", "-N cali-from-wl-dispatch")  # fmt: skip
    assert CALICO.pod_interface(read, pod("demo/server")) == ""


def test_several_prefixes() -> None:
    """A list of prefixes is kept whole."""
    read = node(
        "-A FORWARD -j cali-FORWARD",
        "-A cali-FORWARD -i cali+ -j A", "-A cali-FORWARD -o cali+ -j A",
        "-A cali-FORWARD -i tap+ -j A", "-A cali-FORWARD -o tap+ -j A", "-N A",
    )  # fmt: skip
    assert CALICO.pod_interfaces(read) == ("cali", "tap")


def test_stray_prefix_is_not_reserved() -> None:
    """A prefix that one rule names among many others of another prefix would hide what that rule does."""
    read = node(
        "-A FORWARD -j cali-FORWARD", "-A INPUT -j cali-INPUT",
        "-A cali-FORWARD -i eth+ -j A", "-A cali-FORWARD -i cali+ -j A", "-A cali-FORWARD -o cali+ -j A",
        "-A cali-INPUT -i cali+ -g A", "-N A",
    )  # fmt: skip
    assert CALICO.pod_interfaces(read) == ("cali",)


MARKS_32 = {"accept": 0x10000, "pass": 0x20000, "scratch0": 0x80000, "scratch1": 0x100000}


@pytest.mark.parametrize(
    ("scenario", "marks"),
    [
        ("seed", MARKS_32),
        ("seed-v331", MARKS_32),
        ("seed-mask", {meaning: mask << 8 for meaning, mask in MARKS_32.items()}),
        ("shop", MARKS_32),
        ("shop-tiers", MARKS_32 | {"drop": 0x40000}),
    ],
)
def test_mark_bits_of_recordings(scenario: str, marks: dict[str, int]) -> None:
    """The bits are inferred under each mask; the drop bit shows only where some policy denies."""
    (read,) = recorded("calico", scenario).nodes
    assert {bit.meaning: bit.mask for bit in CALICO.mark_bits(read)} == marks


def test_drop_bit_is_set_before_it_is_dropped() -> None:
    """A drop on a bit that the rule before does not set (a scratch bit) says nothing about the drop bit."""
    accepting = (
        '-A cali-tw-cali1 -m comment --comment "Return if profile accepted" -m mark --mark 0x10000/0x10000 -j RETURN'
    )
    policy = ("-A cali-pi-p -j MARK --set-xmark 0x10000/0x10000", "-A cali-pi-p -m mark --mark 0x80000/0x80000 -j DROP")
    read = node("-A FORWARD -j cali-FORWARD", "-N cali-FORWARD", accepting, *policy)
    assert [bit.meaning for bit in CALICO.mark_bits(read)] == ["accept"]


def test_mark_bits_without_tiers() -> None:
    """v3.28 has no start-of-tier rule: pass is the lowest other bit that cali-FORWARD clears."""
    read = node(
        "-A FORWARD -j cali-FORWARD",
        "-A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000",
        '-A cali-tw-cali1 -m comment --comment "Return if profile accepted" -m mark --mark 0x10000/0x10000 -j RETURN',
    )
    assert {bit.meaning: bit.mask for bit in CALICO.mark_bits(read)} == {
        "accept": 0x10000, "pass": 0x20000, "scratch0": 0x40000, "scratch1": 0x80000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scenario", "chain", "phrase"),
    [
        ("seed", "cali-pi-_ZGe_CBEYi1Q3ic73s2t", "NetworkPolicy default/access-nginx, ingress"),
        ("seed-v331", "cali-pi-_Y070s4FecrKgH-0DVFy", "NetworkPolicy default/access-nginx, ingress"),
        ("shop-tiers", "cali-pi-np/dev/shell", "Calico NetworkPolicy dev/shell, ingress"),
        ("shop-tiers", "cali-po-gnp/deny-metadata", "Calico GlobalNetworkPolicy deny-metadata, egress"),
        ("shop-tiers", "cali-po-_qBmoA25_YxJ3antHvtt", "NetworkPolicy shop/default-deny, egress"),
        ("shop-tiers", "cali-go-it1ZZ-fccppiHxAn8yVm", "group of policies, egress"),
        ("seed", "cali-pri-kns.blog", "profile of namespace blog, ingress"),
        ("seed", "cali-tw-cali12d4a061371", "ingress of pod 10.244.1.2 (cali12d4a061371)"),
        ("seed", "cali-fw-cali12d4a061371", "egress of pod 10.244.1.2 (cali12d4a061371)"),
        ("seed", "cali-from-wl-dispatch-1", "from pods, by interface"),
        ("seed", "cali-wl-to-host", "from pods to this node"),
        ("seed", "FORWARD", ""),
    ],
)
def test_chains_of_recordings_are_explained(scenario: str, chain: str, phrase: str) -> None:
    """Comments name policies and profiles; routes name the pods behind interfaces."""
    (read,) = recorded("calico", scenario).nodes
    assert CALICO.explain_chain(read, chain) == phrase


@pytest.mark.parametrize(
    ("chain", "phrase"),
    [
        ("cali-pi-_N0mE1uEul9nsAbL_P-4", "a policy, ingress"),
        ("cali-po-default.allow-dns", "Calico policy default.allow-dns, egress"),
        ("cali-po-knp/shop/allow-dns", "NetworkPolicy shop/allow-dns, egress"),
        ("cali-pri-ksa.default.default", "profile of service account default/default, ingress"),
        ("cali-pro-_kJqfZpgUe7r2t4A-14", "a profile, egress"),
        ("cali-pro-k8s_ns.shop", "profile of namespace shop, egress"),
        ("cali-tw-cali1", "ingress of pod cali1"),
        ("cali-thfw-eth0", "forwarded egress of host endpoint eth0"),
        ("cali-fh-eth0", "ingress of host endpoint eth0"),
        ("cali-something-new", ""),
    ],
)
def test_names_without_comments(chain: str, phrase: str) -> None:
    """Where no comment helps, what can be read from the name is said, and no more."""
    assert CALICO.explain_chain(NodeState(name="node-a"), chain) == phrase
