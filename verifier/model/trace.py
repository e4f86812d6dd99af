"""One packet's story, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.effect import Verdict
from verifier.model.policy import Policy, PolicyRule
from verifier.model.ruleset import Rule


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that matched, in the chain where it stands, with the mark before and after it.

    `rule` is None for a built-in chain's policy. `number` counts from 1 within the chain, 0 for the policy.
    """

    table: str
    chain: str
    number: int
    rule: Rule | None
    mark_before: int
    mark_after: int


@dataclass(frozen=True, slots=True)
class ChainTrace:
    """How the node's rules treat a packet: verdict None means that something opaque decides, named in `reasons`."""

    verdict: Verdict | None
    steps: tuple[Step, ...]
    mark: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyTrace:
    """How the policies treat a packet in one direction.

    `selecting` are the policies that isolate the protected end; `deciding` the rule that allowed or denied, None where
    the end of a tier did, or where nothing isolates the end.
    """

    allowed: bool
    selecting: tuple[Policy, ...]
    policy: Policy | None
    deciding: PolicyRule | None
