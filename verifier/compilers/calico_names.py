"""What the names of Calico's chains say, where their comments or the names themselves can be read.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

import re
from collections.abc import Callable

from verifier.compilers.hooks import rules_of
from verifier.model.addresses import address_text
from verifier.model.node import NodeState

FIXED = {
    "cali-FORWARD": "Calico: forwarded packets",
    "cali-INPUT": "Calico: packets to this node",
    "cali-OUTPUT": "Calico: packets from this node",
    "cali-PREROUTING": "Calico: packets before routing",
    "cali-POSTROUTING": "Calico: packets after routing",
    "cali-wl-to-host": "from pods to this node",
    "cali-from-hep-forward": "forwarded packets from host endpoints",
    "cali-to-hep-forward": "forwarded packets to host endpoints",
    "cali-from-host-endpoint": "from host endpoints",
    "cali-to-host-endpoint": "to host endpoints",
    "cali-failsafe-in": "failsafe ports, inbound",
    "cali-failsafe-out": "failsafe ports, outbound",
    "cali-cidr-block": "addresses of services that nothing answers for",
    "cali-rpf-skip": "pods exempt from the reverse-path check",
    "cali-nat-outgoing": "source translation of what leaves the pod networks",
    "cali-fip-dnat": "floating addresses, destination",
    "cali-fip-snat": "floating addresses, source",
    "cali-forward-check": "marks for services in IPVS mode",
    "cali-forward-endpoint-mark": "forwarded by IPVS",
}

INGRESS, EGRESS = "ingress", "egress"


def explain_chain(node: NodeState, chain: str) -> str:
    """One phrase for a chain, "" where neither its name nor its comments say anything."""
    if chain in FIXED:
        return FIXED[chain]
    for prefix, direction, phrase in PREFIXES:
        if chain.startswith(prefix):
            return phrase(node, chain, chain.removeprefix(prefix), direction)
    return ""


def _pod(node: NodeState, _chain: str, interface: str, direction: str) -> str:
    addresses = [
        address_text(route.family, route.first)
        for route in node.routes or ()
        if route.interface == interface and route.first == route.last
    ]
    return f"{direction} of pod {' '.join(addresses)} ({interface})" if addresses else f"{direction} of pod {interface}"


def _host_endpoint(_node: NodeState, _chain: str, interface: str, direction: str) -> str:
    return f"{direction} of host endpoint {interface}"


def _dispatch(_node: NodeState, _chain: str, _suffix: str, direction: str) -> str:
    return "to pods, by interface" if direction == INGRESS else "from pods, by interface"


def _group(_node: NodeState, _chain: str, _suffix: str, direction: str) -> str:
    return f"group of policies, {direction}"


POLICY_COMMENT = re.compile(r"(?P<kind>[A-Z]\w*Policy|Policy) (?P<name>\S+) (?:in|e)gress")


def _policy(node: NodeState, chain: str, suffix: str, direction: str) -> str:
    found = _commented(node, chain, POLICY_COMMENT)
    if found:
        return f"{_policy_name(found['kind'], found['name'])}, {direction}"
    if suffix.startswith("_"):
        return f"a policy, {direction}"
    kind, _, rest = suffix.partition("/")
    if rest and kind in SHORT_KINDS:
        return f"{SHORT_KINDS[kind]} {rest}, {direction}"
    return f"{_policy_name('Policy', suffix)}, {direction}"


SHORT_KINDS = {
    "knp": "NetworkPolicy",
    "np": "Calico NetworkPolicy",
    "gnp": "Calico GlobalNetworkPolicy",
    "kcnp": "ClusterNetworkPolicy",
}
"""The kinds with which chain names begin since v3.32."""

KINDS = {"KubernetesNetworkPolicy": "NetworkPolicy", "KubernetesClusterNetworkPolicy": "ClusterNetworkPolicy"}
CONVERTED = "knp.default."
"""How names of converted NetworkPolicies began before v3.32, after their namespace."""


def _policy_name(kind: str, name: str) -> str:
    """A policy as the user knows it: a converted NetworkPolicy by its own name, others as Calico's."""
    if kind in KINDS:
        return f"{KINDS[kind]} {name}"
    if kind != "Policy":
        return f"Calico {kind} {name}"
    *_, namespace, last = ["", *name.split("/")]
    if namespace and last.startswith(CONVERTED):
        return f"NetworkPolicy {namespace}/{last.removeprefix(CONVERTED)}"
    return f"Calico policy {name}"


PROFILE_COMMENT = re.compile(r"Profile (?P<name>\S+) (?:in|e)gress")
NAMESPACE_PROFILES = ("kns.", "k8s_ns.", "ns.projectcalico.org/")
SERVICE_ACCOUNT_PROFILE = "ksa."


def _profile(node: NodeState, chain: str, suffix: str, direction: str) -> str:
    found = _commented(node, chain, PROFILE_COMMENT)
    name = found["name"] if found else suffix
    for prefix in NAMESPACE_PROFILES:
        if name.startswith(prefix):
            return f"profile of namespace {name.removeprefix(prefix)}, {direction}"
    if name.startswith(SERVICE_ACCOUNT_PROFILE):
        namespace, _, account = name.removeprefix(SERVICE_ACCOUNT_PROFILE).partition(".")
        return f"profile of service account {namespace}/{account}, {direction}"
    return f"a profile, {direction}" if name.startswith("_") else f"profile {name}, {direction}"


def _commented(node: NodeState, chain: str, wording: re.Pattern[str]) -> re.Match[str] | None:
    for rule in (rule for table in ("filter", "raw", "mangle") for rule in rules_of(node, chain, table=table)):
        for comment in rule.comments:
            found = wording.fullmatch(comment)
            if found:
                return found
    return None


Phrase = Callable[[NodeState, str, str, str], str]

PREFIXES: tuple[tuple[str, str, Phrase], ...] = (
    ("cali-fw-", EGRESS, _pod),
    ("cali-tw-", INGRESS, _pod),
    ("cali-pi-", INGRESS, _policy),
    ("cali-po-", EGRESS, _policy),
    ("cali-pri-", INGRESS, _profile),
    ("cali-pro-", EGRESS, _profile),
    ("cali-gi-", INGRESS, _group),
    ("cali-go-", EGRESS, _group),
    ("cali-fhfw-", "forwarded ingress", _host_endpoint),
    ("cali-thfw-", "forwarded egress", _host_endpoint),
    ("cali-fh-", INGRESS, _host_endpoint),
    ("cali-th-", EGRESS, _host_endpoint),
    ("cali-from-wl-dispatch", EGRESS, _dispatch),
    ("cali-to-wl-dispatch", INGRESS, _dispatch),
)
"""Chain prefixes with the direction they serve and how the rest of the name is told."""
