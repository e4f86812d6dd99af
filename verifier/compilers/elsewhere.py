"""What applies policies outside iptables: what it leaves in a dump, which pods it runs as, where its verdicts are.

Spec: specs/compilers/generic.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.compilers.hooks import enters
from verifier.model.cluster import Cluster, Pod
from verifier.model.node import NodeState

NAME_LABELS = ("app", "app.kubernetes.io/name", "k8s-app", "name")
"""The labels by which the agents of a plug-in are known."""


@dataclass(frozen=True, slots=True)
class Outsider:
    """A policy engine whose verdicts no dump shows: prefixes of its chains, its agents' name, and its means."""

    name: str
    prefixes: tuple[str, ...]
    agents: tuple[str, ...]
    means: str

    def own_chain(self, _table: str, chain: str) -> bool:
        """Whether the name of a chain is one of its own."""
        return chain.startswith(self.prefixes) if self.prefixes else False

    def trace(self, node: NodeState, cluster: Cluster) -> str:
        """What shows that it is at work on a node, "" where nothing does."""
        chain = enters(node, self.own_chain)
        if chain:
            return f"the rules enter its chain {chain}"
        pod = next((pod for pod in cluster.pods if pod.node == node.name and self._agent(pod)), None)
        return f"its agent {pod.full_name} is on this node" if pod is not None else ""

    def _agent(self, pod: Pod) -> bool:
        names = {pod.labels.get(key) for key in NAME_LABELS}
        return pod.host_network and not names.isdisjoint(self.agents)


ANTREA = Outsider("antrea", ("ANTREA-",), ("antrea",), "Antrea applies policies in the flows of Open vSwitch")
CILIUM = Outsider("cilium", ("CILIUM_", "OLD_CILIUM_"), ("cilium",), "Cilium applies policies in eBPF programs")
KUBE_NETWORK_POLICIES = Outsider(
    "kube-network-policies",
    (),
    ("kindnet", "kube-network-policies"),
    "kube-network-policies applies policies in a program that nftables asks (NFQUEUE)",
)
CALICO_CHAINS = "cali-"
CALICO = Outsider(
    "calico",
    (),
    ("calico-node", "canal"),
    "Calico applies policies in nftables' own tables or in eBPF programs",
)
"""Calico where it writes nothing into iptables; where it does, its profile answers."""
OUTSIDERS = (ANTREA, CILIUM, KUBE_NETWORK_POLICIES)


def seen(node: NodeState, cluster: Cluster) -> str:
    """Why the rules of this node cannot tell what its policies come to, "" where nothing speaks against them (GEN-4)."""
    for each in OUTSIDERS:
        trace = each.trace(node, cluster)
        if trace:
            return f"{each.means}, which no dump of iptables shows ({trace})"
    agent = "" if _has_chains(node, CALICO_CHAINS) else CALICO.trace(node, cluster)
    return f"{CALICO.means}, which no dump of iptables shows ({agent}, and no chain of its is)" if agent else ""


def _has_chains(node: NodeState, prefix: str) -> bool:
    return any(name.startswith(prefix) for ruleset in node.rulesets.values() for _, name in ruleset.chains)
