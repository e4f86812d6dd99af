"""How Felix makes up names: identifiers of limited length, interfaces, and the chains of policies and profiles.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping

from verifier.model.cluster import Cluster
from verifier.model.node import NodeState
from verifier.model.policy import Policy

LONGEST_CHAIN = 28


def interface_suffix(namespace: str, pod: str) -> str:
    """What follows the prefix in the name of a pod's host-side interface (CAL-2)."""
    return hashlib.sha1(f"{namespace}.{pod}".encode(), usedforsecurity=False).hexdigest()[:11]


def limited(prefix: str, suffix: str, longest: int) -> str:
    """The name of a thing whose prefix and suffix may be too long together (CAL-5)."""
    suffix = suffix or "_"
    length = len(prefix) + len(suffix)
    if length < longest or (length == longest and not suffix.startswith("_")):
        return prefix + suffix
    digest = base64.urlsafe_b64encode(hashlib.sha256(suffix.encode()).digest()).decode().rstrip("=")
    return f"{prefix}_{digest[: longest - 1 - len(prefix)]}"


def policy_identities(namespace: str, name: str) -> tuple[str, ...]:
    """What a NetworkPolicy's chains are named after, in the releases from 2.1 to 3.32 (CAL-5)."""
    return (
        f"np.projectcalico.org/{namespace}.{name}",
        f"{namespace}.{name}",
        f"knp.default.{namespace}.{name}",
        f"{namespace}/knp.default.{name}",
        f"default/{namespace}/knp.default.{name}",
        f"knp/{namespace}/{name}",
    )


def identities(policy: Policy) -> tuple[str, ...]:
    """What the chains of a policy of any kind are named after, in the releases from 2.1 to 3.32 (CAL-5)."""
    namespace, slash, name = policy.name.rpartition("/")
    if policy.written is not None:
        return policy_identities(namespace, name)
    if policy.kind in CLUSTER_KINDS:
        return CLUSTER_KINDS[policy.kind](name)
    tiered = name if name.startswith(f"{policy.tier}.") else f"{policy.tier}.{name}"
    spelled = tuple(f"{namespace}{slash}{each}" for each in dict.fromkeys((tiered, name)))
    kind = "np" if namespace else "gnp"
    return (*spelled, *(f"{policy.tier}/{each}" for each in spelled), f"{kind}/{namespace}{slash}{name}")


CLUSTER_KINDS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "AdminNetworkPolicy": lambda name: (f"adminnetworkpolicy/kanp.adminnetworkpolicy.{name}",),
    "BaselineAdminNetworkPolicy": lambda name: (f"baselineadminnetworkpolicy/kbanp.baselineadminnetworkpolicy.{name}",),
    "ClusterNetworkPolicy": lambda name: (f"kcnp/{name}",),
}
"""The policies of the whole cluster that Kubernetes has, and their names."""


def namespace_profiles(namespace: str) -> tuple[str, ...]:
    """What a namespace's profile is called, in the releases from 2.1 to 3.32 (CAL-5)."""
    return (f"ns.projectcalico.org/{namespace}", f"k8s_ns.{namespace}", f"kns.{namespace}")


def chain_names(_node: NodeState, cluster: Cluster) -> Mapping[str, str]:
    """The chains that the cluster's policies, namespaces and service accounts have in any release (CAL-5)."""
    named: dict[str, str] = {}
    for tier in cluster.tiers:
        for policy in tier.policies:
            for identity in identities(policy):
                named.update(_chains("cali-pi-", "cali-po-", identity, f"{policy.kind} {policy.name}"))
    for namespace in cluster.namespaces:
        for identity in namespace_profiles(namespace):
            named.update(_chains("cali-pri-", "cali-pro-", identity, f"profile of namespace {namespace}"))
    for namespace, account in {(pod.namespace, pod.service_account) for pod in cluster.pods}:
        phrase = f"profile of service account {namespace}/{account}"
        named.update(_chains("cali-pri-", "cali-pro-", f"ksa.{namespace}.{account}", phrase))
    return named


def _chains(inbound: str, outbound: str, identity: str, phrase: str) -> Iterator[tuple[str, str]]:
    yield limited(inbound, identity, LONGEST_CHAIN), f"{phrase}, ingress"
    yield limited(outbound, identity, LONGEST_CHAIN), f"{phrase}, egress"
