"""Which compiler a dump is taken for."""

from __future__ import annotations

import pytest

from tests.unit.compilers.dumps import node, recorded
from verifier.compilers import PROFILES, by_name, enforcement, recognise
from verifier.model.cluster import Cluster, Pod
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.profile import Enforcement, Enforcer

CALICO = (
    "features", "features-dual", "scale-small", "seed", "seed-mask", "seed-v331", "shop", "shop-drop", "shop-nft",
    "shop-services", "shop-services-proxy-late", "shop-tiers",
)  # fmt: skip
KUBE_ROUTER = ("features", "features-dual", "scale-small", "seed", "shop", "shop-services", "shop-services-proxy-last")
WEAVE = ("features", "scale-small", "seed", "shop", "shop-services")
AZURE = ("features", "scale-small", "seed", "shop", "shop-services", "shop-services-proxy-last")
RECORDINGS = [
    *(("calico", name, "calico") for name in CALICO),
    *(("kube-router", name, "kube-router") for name in KUBE_ROUTER),
    *(("weave", name, "weave") for name in WEAVE),
    *(("azure", name, "azure") for name in AZURE),
]


@pytest.mark.parametrize(("compiler", "scenario", "profile"), RECORDINGS)
def test_recordings_are_recognised(compiler: str, scenario: str, profile: str) -> None:
    """A recording is recognised from its dump alone."""
    assert [recognise(read).name for read in recorded(compiler, scenario).nodes] == [profile]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(("-A FORWARD -j cali-FORWARD", "-N cali-FORWARD"), id="jump"),
        pytest.param(("-A INPUT -i cali+ -g cali-wl-to-host", "-N cali-wl-to-host"), id="goto from INPUT alone"),
    ],
)
def test_calico_by_one_hook(rules: tuple[str, ...]) -> None:
    """One rule of a built-in chain that enters a Calico chain is enough."""
    assert recognise(node(*rules)).name == "calico"


def test_calico_by_the_other_family() -> None:
    """The family does not matter."""
    assert recognise(node("-P INPUT ACCEPT", rules6=("-A INPUT -j cali-INPUT", "-N cali-INPUT"))).name == "calico"


def test_first_releases_of_kube_router() -> None:
    """Up to v0.4 the pods' chains are entered from FORWARD itself."""
    old = node("-A FORWARD -d 10.0.0.2/32 -j KUBE-POD-FW-A", "-N KUBE-POD-FW-A")
    assert recognise(old).name == "kube-router"


@pytest.mark.parametrize(
    "chain", ["KUBE-SERVICES", "KUBE-FORWARD", "KUBE-FIREWALL", "KUBE-PROXY-FIREWALL", "KUBE-ROUTER-SERVICES"]
)
def test_service_proxies_are_not_kube_router(chain: str) -> None:
    """kube-proxy's chains, and those of kube-router as service proxy, say nothing about policies."""
    proxy = node(f"-A INPUT -j {chain}", f"-A FORWARD -j {chain}", f"-N {chain}")
    assert recognise(proxy).name == "no-policy-engine"


def test_remains_are_no_evidence() -> None:
    """Chains that no built-in chain enters are what an earlier plug-in left behind."""
    mixed = node("-A FORWARD -j cali-FORWARD", "-N cali-FORWARD", "-A KUBE-ROUTER-FORWARD -j KUBE-POD-FW-A")
    assert recognise(mixed).name == "calico"


def test_two_compilers_at_work_are_none() -> None:
    """With both hooked in, the documentation of neither speaks for the node."""
    both = node(
        "-A FORWARD -j cali-FORWARD", "-N cali-FORWARD",
        "-A INPUT -s 10.0.0.2/32 -j KUBE-POD-FW-A", "-A KUBE-POD-FW-A -j DROP",
    )  # fmt: skip
    assert recognise(both).name == "generic"
    assert recognise(both).deviations(both) == ()


FLANNEL = ("-A FORWARD -j FLANNEL-FWD", "-A FLANNEL-FWD -s 10.0.0.0/16 -j ACCEPT")


def test_flannel_beside_an_engine_is_the_engine() -> None:
    """flannel carries packets for Canal and for k3s, whose policy engines decide."""
    assert recognise(node(*FLANNEL)).name == "flannel"
    assert recognise(node(*FLANNEL, "-A FORWARD -j cali-FORWARD", "-N cali-FORWARD")).name == "calico"
    assert (
        recognise(node(*FLANNEL, "-A FORWARD -j KUBE-ROUTER-FORWARD", "-N KUBE-ROUTER-FORWARD")).name == "kube-router"
    )


def test_flannel_beside_what_an_engine_left_is_not_alone() -> None:
    """Chains of an engine that nothing enters any more may have been meant to be entered."""
    assert recognise(node(*FLANNEL, "-A KUBE-POD-FW-A -j REJECT")).name == "generic"


def test_a_rule_of_somebody_is_no_bystander() -> None:
    """One rule or one chain that is not known leaves room for a policy engine that is not known either."""
    assert recognise(node("-P FORWARD DROP")).name == "no-policy-engine"
    assert recognise(node("-A FORWARD -s 10.0.0.2/32 -j DROP")).name == "generic"
    assert recognise(node("-A FORWARD -j OURS", "-N OURS")).name == "generic"
    assert recognise(node("-P FORWARD DROP", rules6=("-A FORWARD -j OURS", "-N OURS"))).name == "generic"


@pytest.mark.parametrize(
    ("chain", "name", "phrase"),
    [
        ("CILIUM_FORWARD", "cilium", "Cilium: masquerade"),
        ("OLD_CILIUM_INPUT", "cilium", "Cilium: masquerade"),
        ("ANTREA-FORWARD", "antrea", "Antrea: routing"),
        ("ANTREA-POL-INGRESS-RULES", "antrea", "Antrea: policies for the node"),
        ("ROMANA-FORWARD-IN", "romana", "Romana: forwarded packets to pods"),
        ("ROMANA-T1-S12-W", "romana", "Romana: tenant 1, segment 12"),
        ("FLANNEL-FWD", "flannel", "flannel: accepts"),
    ],
)
def test_others_are_known_by_their_chains(chain: str, name: str, phrase: str) -> None:
    """A chain that is entered names its compiler, which owns and explains it."""
    read = node(f"-A FORWARD -j {chain}", f"-N {chain}")
    profile = recognise(read)
    assert profile.name == name
    assert profile.explain_chain(read, chain).startswith(phrase)
    assert profile.own_chain("filter", chain)
    assert not profile.own_chain("filter", "FORWARD")


@pytest.mark.parametrize("chain", ["KUBE-ROUTER-INPUT", "KUBE-POD-FW-A", "KUBE-NWPLCY-TAIL"])
def test_kube_router_owns_its_chains(chain: str) -> None:
    """In the filter table, and not those of its service proxy."""
    profile = by_name("kube-router")
    assert profile.own_chain("filter", chain)
    assert not profile.own_chain("nat", chain)
    assert not profile.own_chain("filter", "KUBE-ROUTER-SERVICES")


def agent(host_network: bool = True, place: str = "node-a", **labels: str) -> Cluster:
    made = Pod("kube-system", "agent", labels, {4: 1}, place, host_network, "Running", (), Origin("test"))
    return Cluster(pods=(made,))


@pytest.mark.parametrize(
    ("cluster", "by"),
    [
        (Cluster(), Enforcer.NOBODY),
        (agent(app="cilium"), Enforcer.ELSEWHERE),
        (agent(name="kube-network-policies"), Enforcer.ELSEWHERE),
        (agent(app="antrea"), Enforcer.ELSEWHERE),
        (agent(app="cilium", host_network=False), Enforcer.NOBODY),
        (agent(app="cilium", place="node-b"), Enforcer.NOBODY),
        (agent(tier="cilium"), Enforcer.NOBODY),
    ],
)
def test_agents_tell_who_applies_policies(cluster: Cluster, by: Enforcer) -> None:
    """An agent on this node's host network, known by its labels, applies policies where no dump shows it."""
    read = node(*FLANNEL)
    assert enforcement(recognise(read), read, cluster).by is by


def test_an_engine_applies_its_policies_by_rules() -> None:
    """Of a dump with one engine there is nothing to say."""
    read = node("-A FORWARD -j cali-FORWARD", "-N cali-FORWARD")
    assert enforcement(recognise(read), read, Cluster()) == Enforcement()


def test_nothing_read_is_generic() -> None:
    """A node without any dump has the generic profile, which knows nothing."""
    empty = NodeState(name="node-a")
    profile = recognise(empty)
    assert profile.name == "generic"
    assert (profile.pod_interfaces(empty), profile.mark_bits(empty), profile.deviations(empty)) == ((), (), ())


def test_profiles_by_name() -> None:
    """Names are unique and sorted, each finds its profile, and another one says which there are."""
    names = [profile.name for profile in PROFILES]
    assert names == sorted(set(names))
    assert [by_name(name) for name in names] == list(PROFILES)
    with pytest.raises(KeyError, match="calico, cilium, flannel, generic, kube-router"):
        by_name("no-such")


@pytest.mark.parametrize(("compiler", "scenario", "profile"), RECORDINGS)
def test_deviations_are_documented(compiler: str, scenario: str, profile: str) -> None:
    """Whatever a dump shows is in the profile's list for people, under one name."""
    (read,) = recorded(compiler, scenario).nodes
    listed = [premise.name for premise in by_name(profile).documented]
    assert len(listed) == len(set(listed))
    assert {deviation.name for deviation in by_name(profile).deviations(read)} <= set(listed)
