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

    `selecting` are the policies that isolate the protected end, `passing` those that select it in tiers that leave to
    later ones what no rule matches; `deciding` is the rule that allowed or denied, None where the end of a tier did, or
    where nothing isolates the end. With `reasons`, something in a policy has no static
    meaning and `allowed` is what it would be if that did not match. `passed` are the rules that passed the packet on to
    the next tier, in order.
    """

    allowed: bool
    selecting: tuple[Policy, ...]
    policy: Policy | None
    deciding: PolicyRule | None
    reasons: tuple[str, ...] = ()
    passing: tuple[Policy, ...] = ()
    passed: tuple[tuple[Policy, PolicyRule], ...] = ()

    @property
    def unmatched(self) -> tuple[Policy, ...]:
        """The policies that select the protected end and of which no rule matched, in tiers that no rule left."""
        left = {policy.tier for policy, _ in self.passed}
        return tuple(policy for policy in (*self.selecting, *self.passing) if policy.tier not in left)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the specification asks of a packet on its path.

    `must` None: nothing, it is unspecified. `because` says in one phrase why; `assumption` names the assumption that
    it rests on, "" where it rests on none. The traces are None for an end that is not judged.
    """

    must: Verdict | None
    because: str
    assumption: str = ""
    ingress: PolicyTrace | None = None
    egress: PolicyTrace | None = None
