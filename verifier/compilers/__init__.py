"""The compilers that are known: what wrote a dump, and what that tells about its names and its documented limits.

Spec: specs/compilers/generic.md
"""

from __future__ import annotations

from verifier.compilers import (
    antrea,
    azure,
    calico,
    cilium,
    elsewhere,
    flannel,
    generic,
    kube_router,
    no_policy_engine,
    romana,
    weave,
)
from verifier.model.cluster import Cluster
from verifier.model.node import NodeState
from verifier.model.profile import Enforcement, Enforcer, Profile

PROFILES: tuple[Profile, ...] = (
    antrea.MODULE,
    azure.MODULE,
    calico.MODULE,
    cilium.MODULE,
    flannel.MODULE,
    generic.MODULE,
    kube_router.MODULE,
    no_policy_engine.MODULE,
    romana.MODULE,
    weave.MODULE,
)
"""Every profile, sorted by name."""

WITHOUT_ENGINE = (flannel.MODULE, no_policy_engine.MODULE)
"""The profiles of nodes on which nobody applies policies, in the order in which they are tried."""

ENGINES = tuple(profile for profile in PROFILES if profile not in (*WITHOUT_ENGINE, generic.MODULE))


def recognise(node: NodeState) -> Profile:
    """The profile of the one compiler whose chains the node's built-in chains enter (GEN-1).

    The generic profile where there is none, and where there are several: what no single compiler answers for must not
    be excused by the documentation of one of them. Without any chain of any compiler, nobody applies policies (GEN-3).
    """
    at_work = _at_work(node)
    if len(at_work) == 1:
        return at_work[0]
    if not at_work and not _remains(node):
        return next((profile for profile in WITHOUT_ENGINE if profile.recognises(node)), generic.MODULE)
    return generic.MODULE


def enforcement(profile: Profile, node: NodeState, cluster: Cluster) -> Enforcement:
    """Who applies the policies on a node that is judged with this profile (GEN-3, GEN-4)."""
    reason = elsewhere.seen(node, cluster)
    if reason:
        return Enforcement(Enforcer.ELSEWHERE, reason)
    if profile is not generic.MODULE:
        return profile.enforcement(node)
    at_work, remains = [each.name for each in _at_work(node)], _remains(node)
    if at_work[1:]:
        return Enforcement(sentence=f"several compilers are at work here: {', '.join(at_work)}")
    if remains and not at_work:
        return Enforcement(sentence=f"no built-in chain enters the chains that are here of {', '.join(remains)}")
    return Enforcement()


def _at_work(node: NodeState) -> list[Profile]:
    return [profile for profile in ENGINES if profile.recognises(node)]


def _remains(node: NodeState) -> list[str]:
    """The compilers that have a chain in the dump, whether or not anything enters it."""
    names = {name for ruleset in node.rulesets.values() for name in ruleset.chains}
    return [profile.name for profile in ENGINES if any(profile.own_chain(*name) for name in names)]


def by_name(name: str) -> Profile:
    """The profile with this name; KeyError, whose message lists the names, where there is none."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise KeyError(f"no compiler profile is named {name!r}; known are {', '.join(known.name for known in PROFILES)}")
