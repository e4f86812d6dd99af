"""Which compiler a dump is taken for."""

from __future__ import annotations

import pytest

from tests.unit.compilers.dumps import node, recorded
from verifier.compilers import PROFILES, by_name, recognise
from verifier.model.node import NodeState

CALICO = (
    "features", "features-dual", "scale-small", "seed", "seed-mask", "seed-v331", "shop", "shop-drop", "shop-nft",
    "shop-services", "shop-services-proxy-late", "shop-tiers",
)  # fmt: skip
KUBE_ROUTER = ("features", "features-dual", "scale-small", "seed", "shop", "shop-services", "shop-services-proxy-last")
OTHERS = [("weave", "seed"), ("weave", "shop-services"), ("azure", "seed"), ("azure", "shop-services")]
RECORDINGS = [
    *(("calico", name, "calico") for name in CALICO),
    *(("kube-router", name, "kube-router") for name in KUBE_ROUTER),
    *((compiler, name, "generic") for compiler, name in OTHERS),
]


@pytest.mark.parametrize(("compiler", "scenario", "profile"), RECORDINGS)
def test_recordings_are_recognised(compiler: str, scenario: str, profile: str) -> None:
    """A recording is recognised from its dump alone; Weave Net and Azure NPM have no profile."""
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
    assert recognise(node(f"-A INPUT -j {chain}", f"-A FORWARD -j {chain}", f"-N {chain}")).name == "generic"


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
    with pytest.raises(KeyError, match="calico, generic, kube-router"):
        by_name("cilium")


@pytest.mark.parametrize(("compiler", "scenario", "profile"), RECORDINGS)
def test_deviations_are_documented(compiler: str, scenario: str, profile: str) -> None:
    """Whatever a dump shows is in the profile's list for people, under one name."""
    (read,) = recorded(compiler, scenario).nodes
    listed = [premise.name for premise in by_name(profile).documented]
    assert len(listed) == len(set(listed))
    assert {deviation.name for deviation in by_name(profile).deviations(read)} <= set(listed)
