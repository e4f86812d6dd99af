"""What the policies allow, for every packet of a scene: as a formula and as a region.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verifier.model.fields import End
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import All, AnyOf, LabelIn, Not, Predicate
from verifier.semantics.boxes import Box3, meet
from verifier.semantics.compile import Compiler
from verifier.semantics.regions import Region, both, join, minus, union, within
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import LABEL, Summaries
from verifier.smt.formula import FALSE, TRUE, Literal, Store


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    rule: PolicyRule
    boxes: tuple[Box3, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Policy:
    policy: Policy
    subject: int
    rules: tuple[_Rule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Tier:
    tier: Tier
    policies: tuple[_Policy, ...]


class Policies:
    """All policies of some tiers over one space; boxes of a rule hold subject, peer and ports together."""

    def __init__(self, tiers: tuple[Tier, ...], compiler: Compiler) -> None:
        self._compiler = compiler
        self._tiers: dict[Direction, list[_Tier]] = {}
        self._isolated: dict[Direction, int] = {}
        self._selecting: dict[tuple[Direction, int], tuple[str, ...]] = {}
        for direction in Direction:
            self._tiers[direction] = [self._tier(tier, direction) for tier in tiers]
            self._isolated[direction] = 0
            for made in self._tiers[direction]:
                for policy in made.policies if made.tier.unmatched is Action.DENY else ():
                    self._isolated[direction] |= policy.subject

    def _tier(self, tier: Tier, direction: Direction) -> _Tier:
        policies = tuple(
            self._policy(policy, direction) for policy in tier.policies if policy.subjects.get(direction) is not None
        )
        return _Tier(tier, policies)

    def _policy(self, policy: Policy, direction: Direction) -> _Policy:
        subjects = self._compiler.boxes(policy.subjects[direction])
        side = 1 if direction is Direction.INGRESS else 0
        subject = 0
        for box in subjects:
            subject |= box[side]
        rules = tuple(
            _Rule(rule, tuple(meet(meet(subjects, self._compiler.boxes(rule.peer)), self._compiler.boxes(rule.ports))))
            for rule in policy.rules
            if rule.direction is direction
        )
        return _Policy(policy, subject, rules)

    def isolated(self, direction: Direction) -> int:
        """The addresses that some policy isolates in this direction: whatever no rule allows them is denied."""
        return self._isolated[direction]

    def protected(self, direction: Direction) -> set[int]:
        """Every set of addresses by which the policies tell the ends apart that they protect in this direction."""
        side = 1 if direction is Direction.INGRESS else 0
        policies = [policy for made in self._tiers[direction] for policy in made.policies]
        boxes = {box[side] for policy in policies for rule in policy.rules for box in rule.boxes}
        return boxes | {policy.subject for policy in policies}

    def selecting(self, direction: Direction, bit: int) -> tuple[str, ...]:
        """The names of the policies that isolate an address in this direction."""
        key = (direction, bit)
        found = self._selecting.get(key)
        if found is None:
            found = self._selecting[key] = tuple(
                policy.policy.name
                for made in self._tiers[direction]
                for policy in made.policies
                if policy.subject & bit
            )
        return found

    def _selected(self, direction: Direction, scene: Scene) -> Iterator[tuple[_Tier, list[_Policy], int]]:
        """Tiers that select some protected end of the scene, with those policies and what they select."""
        protected = scene.destination if direction is Direction.INGRESS else scene.source
        for made in self._tiers[direction]:
            policies = [policy for policy in made.policies if policy.subject & protected]
            subject = 0
            for policy in policies:
                subject |= policy.subject
            if policies:
                yield made, policies, subject & protected

    def formula(self, direction: Direction, scene: Scene, summaries: Summaries, *, written: bool = False) -> Literal:
        """What the policies of the scene's fixed protected end allow.

        With `written`, selectors stay tests of label fields as the policies have them; else the inventory has already
        turned them into addresses.
        """
        store = summaries.store
        value = TRUE
        for made, policies, _ in reversed(list(self._selected(direction, scene))):
            tail = {Action.DENY: FALSE, Action.ALLOW: TRUE, Action.PASS: value}[made.tier.unmatched]
            for action, rules in reversed(_runs(policies)):
                match = self._written if written else self._matches
                matches = store.either(match(rule, scene, summaries) for rule in rules)
                tail = _first(store, action, matches, tail, value)
            value = tail
        return value

    def _matches(self, rule: _Rule, scene: Scene, summaries: Summaries) -> Literal:
        store = summaries.store
        parts: list[Literal] = []
        for source, destination, service in rule.boxes:
            if source & scene.source and destination & scene.destination:
                parts.append(self._box((source, destination, service), scene, summaries))
        return store.either(parts)

    def _written(self, rule: _Rule, scene: Scene, summaries: Summaries) -> Literal:
        peer = self._literal(rule.rule.peer, scene, summaries)
        ports = self._literal(rule.rule.ports, scene, summaries)
        return summaries.store.both(peer, ports) if self._selects(rule, scene) else FALSE

    def _selects(self, rule: _Rule, scene: Scene) -> bool:
        return any(source & scene.source and destination & scene.destination for source, destination, _ in rule.boxes)

    def _literal(self, predicate: Predicate, scene: Scene, summaries: Summaries) -> Literal:
        store = summaries.store
        match predicate:
            case All(parts):
                out = TRUE
                for part in parts:
                    out = store.both(out, self._literal(part, scene, summaries))
                return out
            case AnyOf(parts):
                return store.either([self._literal(part, scene, summaries) for part in parts])
            case Not(part):
                return self._literal(part, scene, summaries) ^ 1
            case LabelIn(label, values) if (label.end is End.SOURCE) == (scene.free is Axis.SOURCE):
                return store.atom(LABEL, (label, values))
            case _:
                boxes = self._compiler.boxes(predicate)
                return store.either(self._box(box, scene, summaries) for box in boxes)

    def _box(self, box: Box3, scene: Scene, summaries: Summaries) -> Literal:
        source, destination, service = box
        ends = (summaries.end(Axis.SOURCE, source, scene), summaries.end(Axis.DESTINATION, destination, scene))
        return summaries.store.unit([*ends, summaries.services(service, scene)])

    def region(self, direction: Direction, scene: Scene) -> Region:
        """What the policies of the protected ends of the scene allow; the protected end may be the free one."""
        pending: Region = {scene.world: scene.services} if scene.world else {}
        allowed: Region = {}
        free_protected = scene.free is (Axis.DESTINATION if direction is Direction.INGRESS else Axis.SOURCE)
        for made, policies, subject in self._selected(direction, scene):
            here = within(pending, subject) if free_protected else pending
            pending = minus(pending, here)
            for action, rules in _runs(policies):
                matched = both(here, union(self._flat(rules, scene), scene.world, scene.services))
                here = minus(here, matched)
                if action is Action.ALLOW:
                    allowed = join(allowed, matched)
                elif action is Action.PASS:
                    pending = join(pending, matched)
            if made.tier.unmatched is Action.ALLOW:
                allowed = join(allowed, here)
            elif made.tier.unmatched is Action.PASS:
                pending = join(pending, here)
        return join(allowed, pending)

    def distinctions(self, direction: Direction, scene: Scene) -> Iterator[tuple[int, int]]:
        """Boxes of (free end, services) by which the policies of the protected ends tell packets of the scene apart."""
        free_protected = scene.free is (Axis.DESTINATION if direction is Direction.INGRESS else Axis.SOURCE)
        for _, policies, _ in self._selected(direction, scene):
            for policy in policies if free_protected else ():
                yield policy.subject, scene.services
            for policy in policies:
                yield from self._flat(list(policy.rules), scene)

    def _flat(self, rules: list[_Rule], scene: Scene) -> Iterator[tuple[int, int]]:
        for rule in rules:
            for source, destination, service in rule.boxes:
                if source & scene.source and destination & scene.destination:
                    yield (source if scene.free is Axis.SOURCE else destination), service


def _runs(policies: list[_Policy]) -> list[tuple[Action, list[_Rule]]]:
    """The rules of a tier in order, consecutive ones with the same action together."""
    runs: list[tuple[Action, list[_Rule]]] = []
    for policy in policies:
        for rule in policy.rules:
            if not runs or runs[-1][0] is not rule.rule.action:
                runs.append((rule.rule.action, []))
            runs[-1][1].append(rule)
    return runs


def _first(store: Store, action: Action, matches: Literal, tail: Literal, value: Literal) -> Literal:
    if action is Action.ALLOW:
        return store.either((matches, tail))
    rest = store.both(matches ^ 1, tail)
    return rest if action is Action.DENY else store.either((store.both(matches, value), rest))
