"""Deviations of compilers that document that they read policies otherwise than they are written.

Spec: specs/answers.md (ANS-9)
"""

from __future__ import annotations

from collections.abc import Callable

from verifier.model.finding import Premise
from verifier.model.path import Path
from verifier.model.policy import Policy
from verifier.model.profile import Deviation

FORWARDED = frozenset({Path.REMOTE_TO_POD, Path.POD_TO_REMOTE, Path.POD_TO_POD})
BOTH_FAMILIES = frozenset({4, 6})


def rewriting(
    premise: Premise, read: Callable[[Policy], Policy | None], families: frozenset[int] = BOTH_FAMILIES
) -> Deviation:
    """The documented fact as a deviation: every policy counts as `read` gives it back, None where it does not count."""
    return Deviation(premise.name, premise.sentence, premise.source, None, FORWARDED, rewritten=read, families=families)


def without_ipv6(premise: Premise) -> Deviation:
    """Of a compiler that knows IPv4 only: no policy counts in IPv6."""
    return rewriting(premise, _absent, frozenset({6}))


def _absent(_policy: Policy) -> None:
    return None
