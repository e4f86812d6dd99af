"""The compilers that are known: what wrote a dump, and what that tells about its names and its documented limits.

Spec: specs/compilers/generic.md
"""

from __future__ import annotations

from verifier.compilers import calico, generic, kube_router
from verifier.model.node import NodeState
from verifier.model.profile import Profile

PROFILES: tuple[Profile, ...] = (
    calico.MODULE,
    generic.MODULE,
    kube_router.MODULE,
)
"""Every profile, sorted by name."""


def recognise(node: NodeState) -> Profile:
    """The profile of the one compiler whose chains the node's built-in chains enter (GEN-1).

    The generic profile where there is none, and where there are several: what no single compiler answers for must not
    be excused by the documentation of one of them.
    """
    known = [profile for profile in PROFILES if profile is not generic.MODULE and profile.recognises(node)]
    return known[0] if len(known) == 1 else generic.MODULE


def by_name(name: str) -> Profile:
    """The profile with this name; KeyError, whose message lists the names, where there is none."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise KeyError(f"no compiler profile is named {name!r}; known are {', '.join(known.name for known in PROFILES)}")
