"""What the kube-router profile reads out of a dump."""

from __future__ import annotations

import pytest

from tests.unit.compilers.dumps import node, pod, recorded
from verifier.compilers.kube_router import ALWAYS_ACCEPTED_ICMP
from verifier.compilers.kube_router import MODULE as KUBE_ROUTER
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.model.policy import Direction

HOOKS = ("-A INPUT -j KUBE-ROUTER-INPUT", "-A FORWARD -j KUBE-ROUTER-FORWARD")
OLD = (
    *HOOKS,
    '-A KUBE-ROUTER-FORWARD -d 10.0.0.2/32 -m comment --comment "rule to jump traffic destined to POD name:web namespace: shop to chain KUBE-POD-FW-A" -j KUBE-POD-FW-A',
    '-A KUBE-ROUTER-INPUT -s 10.0.0.2/32 -m comment --comment "rule to jump traffic from POD name:web namespace: shop to chain KUBE-POD-FW-A" -j KUBE-POD-FW-A',
    '-A KUBE-POD-FW-A -d 10.0.0.2/32 -m comment --comment "run through nw policy allow-web" -j KUBE-NWPLCY-B',
    '-A KUBE-POD-FW-A -d 10.0.0.2/32 -m comment --comment "run through nw policy deny-all" -j KUBE-NWPLCY-C',
    '-A KUBE-POD-FW-A -m comment --comment "rule to REJECT traffic destined for POD name:web namespace: shop" -m mark ! --mark 0x10000/0x10000 -j REJECT',
    '-A KUBE-NWPLCY-B -m comment --comment "rule to ACCEPT traffic from source pods to dest pods selected by policy name allow-web namespace shop" -j MARK --set-xmark 0x10000/0x10000',
    "-N KUBE-NWPLCY-C",
)  # fmt: skip


@pytest.mark.parametrize(
    ("chain", "phrase"),
    [
        ("KUBE-NWPLCY-2MOBYX6LDT7ENHP3", "NetworkPolicy default/access-nginx"),
        ("KUBE-POD-FW-JZ75SE64OWUVXWEE", "traffic of pod default/busybox"),
        ("KUBE-NWPLCY-DEFAULT", "a direction in which no policy isolates the pod"),
        ("KUBE-ROUTER-FORWARD", "kube-router: forwarded packets"),
        ("FORWARD", ""),
        ("KUBE-NWPLCY-GONE", ""),
        ("KUBE-POD-FW-GONE", ""),
    ],
)
def test_chains_of_the_recording_are_explained(chain: str, phrase: str) -> None:
    """Comments name pods and policies; the fixed names come first."""
    (read,) = recorded("kube-router", "seed").nodes
    assert KUBE_ROUTER.explain_chain(read, chain) == phrase


@pytest.mark.parametrize("scenario", ["features-dual", "shop"])
def test_every_chain_of_a_recording_has_an_identity(scenario: str) -> None:
    """Pods' chains name local pods, policies' chains name policies of the cluster, empty ones included."""
    snapshot = recorded("kube-router", scenario)
    (read,) = snapshot.nodes
    pods = {pod.full_name for pod in snapshot.cluster.pods if pod.node == read.name and pod.has_traffic}
    policies = {policy.name for tier in snapshot.cluster.tiers for policy in tier.policies}
    chains = {name for ruleset in read.rulesets.values() for _, name in ruleset.chains}
    phrases = {KUBE_ROUTER.explain_chain(read, name) for name in chains if name.startswith("KUBE-POD-FW-")}
    assert phrases == {f"traffic of pod {name}" for name in pods}
    fixed = ("KUBE-NWPLCY-COMMON", "KUBE-NWPLCY-DEFAULT", "KUBE-NWPLCY-TAIL")
    own = {name for name in chains if name.startswith("KUBE-NWPLCY-")} - set(fixed)
    explained = {KUBE_ROUTER.explain_chain(read, name) for name in own} - {""}
    assert explained <= {f"NetworkPolicy {name}" for name in policies}
    entered = [name for name in own if KUBE_ROUTER.explain_chain(read, name)]
    assert entered


@pytest.mark.parametrize(
    ("chain", "phrase"),
    [
        ("KUBE-POD-FW-A", "traffic of pod shop/web"),
        ("KUBE-NWPLCY-B", "NetworkPolicy shop/allow-web"),
        ("KUBE-NWPLCY-C", "NetworkPolicy shop/deny-all"),
    ],
)
def test_older_comments(chain: str, phrase: str) -> None:
    """The older dialect is read too; an empty policy's name is in the jump, its namespace is the pod's."""
    assert KUBE_ROUTER.explain_chain(node(*OLD), chain) == phrase


def test_pod_named_by_its_jumps() -> None:
    """A pod's chain without comments of its own is named by the rules that enter it."""
    read = node(*HOOKS, OLD[2], "-A KUBE-POD-FW-A -j DROP", "-N KUBE-ROUTER-INPUT")
    assert KUBE_ROUTER.explain_chain(read, "KUBE-POD-FW-A") == "traffic of pod shop/web"


def test_pods_are_known_by_address() -> None:
    """No interface belongs to a pod, and no prefix is reserved."""
    (read,) = recorded("kube-router", "seed").nodes
    assert KUBE_ROUTER.pod_interface(read, pod("default/busybox")) == ""
    assert KUBE_ROUTER.pod_interfaces(read) == ()


def test_mark_bits() -> None:
    """The recording sets both bits; a dump of the first releases, which accept directly, none."""
    (read,) = recorded("kube-router", "seed").nodes
    assert [bit.mask for bit in KUBE_ROUTER.mark_bits(read)] == [0x10000, 0x20000]
    assert [bit.mask for bit in KUBE_ROUTER.mark_bits(node(*OLD))] == [0x10000]
    assert KUBE_ROUTER.mark_bits(node("-A KUBE-POD-FW-A -j MARK --set-xmark 0x0/0x10000")) == ()
    assert KUBE_ROUTER.mark_bits(node("-A FORWARD -d 10.0.0.2/32 -j KUBE-POD-FW-A", "-A KUBE-POD-FW-A -j ACCEPT")) == ()


@pytest.mark.parametrize("scenario", ["seed", "features-dual", "shop-services"])
def test_deviations_of_recordings(scenario: str) -> None:
    """Recordings run pods' chains in INPUT and accept some ICMP for everybody."""
    (read,) = recorded("kube-router", scenario).nodes
    egress, icmp = KUBE_ROUTER.deviations(read)
    assert (egress.name, egress.kind, egress.denied_by) == ("own-node-egress", Kind.BLOCKED, Direction.EGRESS)
    assert egress.paths == {Path.POD_TO_NODE}
    assert (icmp.name, icmp.kind, icmp.where) == ("icmp-always-allowed", Kind.LEAK, ALWAYS_ACCEPTED_ICMP)


def test_deviations_only_where_shown() -> None:
    """Without pods' chains in INPUT and without an ICMP rule nothing is excused."""
    bare = node(
        "-A FORWARD -j KUBE-ROUTER-FORWARD", "-A KUBE-ROUTER-FORWARD -s 10.0.0.2/32 -j KUBE-POD-FW-A",
        "-A KUBE-POD-FW-A -j KUBE-NWPLCY-COMMON", "-A KUBE-NWPLCY-COMMON -p tcp -j ACCEPT",
        "-A KUBE-NWPLCY-COMMON -p icmp -j DROP",
    )  # fmt: skip
    assert KUBE_ROUTER.deviations(bare) == ()
