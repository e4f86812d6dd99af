"""What the dates of policies and dumps show: whether a policy is certainly younger than a dump, or was never changed.

Spec: specs/questions/cause.md (WHY-8)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from verifier.compilers.selection import written_policies
from verifier.model.cluster import Cluster
from verifier.model.node import NodeState
from verifier.model.profile import Sign
from verifier.model.written import WrittenPolicy

LAST_ZONE = timedelta(hours=12)
"""A dump has the node's own time, which is at most so far behind UTC."""


def full_name(policy: WrittenPolicy) -> str:
    """The name by which findings call the policy."""
    return f"{policy.namespace}/{policy.name}"


def youngest(policy: WrittenPolicy) -> str:
    """The time of the policy's last known change, as written, "" where its metadata do not say."""
    return max((text for text in (policy.created, *policy.changed) if _utc(text)), default="", key=_utc_key)


def younger_policies(node: NodeState, cluster: Cluster) -> Iterator[Sign]:
    """Policies that certainly changed after the node's dump was made."""
    made = [(_printed(each.generated), each.generated) for each in node.rulesets.values() if each.generated]
    dates = [(date, text) for date, text in made if date is not None]
    if not dates:
        return
    date, text = min(dates)
    for policy in written_policies(cluster):
        changed = youngest(policy)
        when = _utc(changed)
        if when is not None and when > date + LAST_ZONE:
            yield Sign(
                full_name(policy),
                f"policy {full_name(policy)} was changed at {changed}, after the dump was made ({text})",
            )


def weighed(sign: Sign, policy: WrittenPolicy | None) -> Sign:
    """A sign that is not certain becomes so where the API server says that the policy's spec did change."""
    if sign.certain or policy is None or policy.generation is None or policy.generation < 2:
        return sign
    sentence = f"{sign.sentence}, and its spec has changed since it was created (generation {policy.generation})"
    return replace(sign, certain=True, sentence=sentence)


def possible(sign: Sign, policy: WrittenPolicy | None) -> bool:
    """Whether a sign that is not certain may be one: a policy of generation 1 has never been changed."""
    return sign.certain or policy is None or policy.generation != 1


def _utc(text: str) -> datetime | None:
    with suppress(ValueError):
        date = datetime.fromisoformat(text)
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return None


def _utc_key(text: str) -> datetime:
    return _utc(text) or datetime.min.replace(tzinfo=UTC)


def _printed(text: str) -> datetime | None:
    """A date as C prints it (`Mon Nov 23 19:17:45 2026`), taken as UTC whatever its zone."""
    with suppress(ValueError):
        return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    return None
