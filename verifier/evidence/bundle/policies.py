"""What the policies allow, as definitions: each policy as it is written, with the addresses of the pods it speaks of.

Spec: specs/policies/network_policy.md, specs/assumptions.md (AS-1, AS-7 to AS-11)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verifier.evidence.bundle.inventory import Inventory
from verifier.evidence.bundle.predicates import Predicates
from verifier.evidence.bundle.script import Function, NotExpressibleError, Script
from verifier.evidence.bundle.terms import Term, conj, disj, equal, negation, number, variable
from verifier.model.addresses import address_text
from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import End
from verifier.model.policy import Action, Direction, Policy, PolicyRule
from verifier.reference.view import View

PEER = {Direction.INGRESS: End.SOURCE, Direction.EGRESS: End.DESTINATION}
VARIABLE = {End.SOURCE: "src", End.DESTINATION: "dst"}


@dataclass(frozen=True, slots=True)
class Side:
    """What the policies say in one direction: whether they isolate the protected end, and what they allow."""

    isolated: Term
    allowed: Term
    function: Function | None = None

    def turned(self) -> Term:
        """What is allowed of a packet that goes the other way."""
        if self.function is None:
            return self.allowed
        return self.function.call({"src": variable("dst"), "dst": variable("src")})


class Policies:
    """The policies of a cluster under readings that count; `reader` makes predicates with or without a guest."""

    def __init__(self, script: Script, view: View, inventory: Inventory, reader: Callable[[Inventory], Predicates]):
        self._script = script
        self._view = view
        self._inventory = inventory
        self._reader = reader
        self._plain = reader(inventory)
        self._policies: dict[tuple[int, Direction, tuple[str, ...]], tuple[Term, Term] | None] = {}
        self._sides: dict[tuple[tuple[str, ...], Direction], Side] = {}
        self._bodies: dict[str, Term] = {}
        self._functions: dict[str, Function] = {}
        self._guests: dict[End, list[tuple[str, int, Predicates]]] = {}

    def side(self, cluster: Cluster, direction: Direction, counting: frozenset[str], name: str) -> Side:
        """One direction, with the definitions that it takes, called after `name`; equal ones are one."""
        made = [self._policy(policy, direction, counting) for policy in _of(cluster, direction)]
        key = tuple(f"{selects.text} {allows.text}" for selects, allows in made), direction
        if key not in self._sides:
            isolated = disj(selects for selects, _ in made)
            allowed = disj(allows for _, allows in made)
            text = f"whether some policy isolates the {PEER[_other(direction)].value} in {direction.value}"
            isolated = self._defined(f"{name}-isolates", isolated, text)
            allowed = disj((negation(isolated), allowed))
            allowed = self._defined(f"{name}-allows", allowed, f"what {direction.value} policies allow")
            self._sides[key] = Side(isolated, allowed, self._functions.get(allowed.text))
        return self._sides[key]

    def _policy(self, policy: Policy, direction: Direction, counting: frozenset[str]) -> tuple[Term, Term]:
        """Whom a policy selects, and what it allows them."""
        rules = [rule for rule in policy.rules if rule.direction is direction]
        if any(rule.action is not Action.ALLOW for rule in rules):
            raise NotExpressibleError(f"policy {policy.name} has rules that do not allow")
        needed = tuple(sorted(counting & self._live(rules, direction)))
        key = id(policy), direction, needed
        found = self._policies.get(key)
        if found is None:
            found = self._policies[key] = self._written(policy, rules, direction, frozenset(needed))
        return found

    def _live(self, rules: list[PolicyRule], direction: Direction) -> frozenset[str]:
        """The assumptions that may tell readings of these rules apart."""
        guests = {name for name, _, _ in self._hosted(PEER[direction])} if rules else set()
        return frozenset(guests).union(*(reading.needs for rule in rules for reading in rule.readings))

    def _written(
        self, policy: Policy, rules: list[PolicyRule], direction: Direction, counting: frozenset[str]
    ) -> tuple[Term, Term]:
        selects = self._plain.term(policy.subjects[direction])
        name = f"policy/{policy.name}/{direction.value}"
        if counting:
            name += "/wide"
        parts: list[Term] = []
        for rule in rules:
            comment = f"{self._script.place(rule.origin)}  {policy.name} {rule.text}"
            parts.append(self._defined(f"{name}/{rule.text}", self._rule(rule, counting), comment))
        allows = conj((selects, disj(parts)))
        return selects, self._defined(
            name, allows, f"{self._script.place(policy.origin)}  policy {policy.name}, {direction.value}"
        )

    def _defined(self, name: str, body: Term, comment: str) -> Term:
        """The call of a definition with this body, of one that there is already where it is the same."""
        if body.text in ("true", "false"):
            return body
        if body.text not in self._bodies:
            function = self._script.define(name, body, (comment,))
            self._bodies[body.text] = function.call()
            self._functions[function.call().text] = function
        return self._bodies[body.text]

    def _rule(self, rule: PolicyRule, counting: frozenset[str]) -> Term:
        """A rule in its narrow reading, and in every wider one that counts, with and without each guest that counts."""
        written = [(rule.peer, rule.ports)]
        written += [(each.peer, each.ports) for each in rule.readings if each.needs <= counting]
        end = PEER[rule.direction]
        ways = [conj((self._plain.term(peer), self._plain.term(ports))) for peer, ports in written]
        for name, at, reader in self._hosted(end):
            if name in counting:
                there = equal(variable(VARIABLE[end]), number(at, self._script.address))
                ways += [conj((there, reader.term(peer), reader.term(ports))) for peer, ports in written]
        return disj({way.text: way for way in ways}.values())

    def _hosted(self, end: End) -> list[tuple[str, int, Predicates]]:
        """The pods that are no pods to every plug-in, by the assumption that says so and their address."""
        if end not in self._guests:
            self._guests[end] = [
                (name, at, self._reader(self._inventory.hosting(end, pod))) for name, at, pod in self._every_guest()
            ]
        return self._guests[end]

    def _every_guest(self) -> Iterator[tuple[str, int, Pod]]:
        for (family, at), found in sorted(self._view.guests.items()):
            if family == self._script.family:
                for name, pod in found:
                    yield name, at, pod

    def guests(self) -> list[str]:
        """Who is a guest, in words."""
        return [
            f"{address_text(self._script.family, at)} {pod.full_name} ({name})" for name, at, pod in self._every_guest()
        ]


def _of(cluster: Cluster, direction: Direction) -> Iterator[Policy]:
    """The policies that count in a direction; with more than one tier, or one that does not deny the rest, none are written."""
    tiers = [tier for tier in cluster.tiers if any(direction in policy.subjects for policy in tier.policies)]
    if len(tiers) > 1 or any(tier.unmatched is not Action.DENY for tier in tiers):
        raise NotExpressibleError("policies in tiers")
    return (policy for tier in tiers for policy in tier.policies if direction in policy.subjects)


def _other(direction: Direction) -> Direction:
    return Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
