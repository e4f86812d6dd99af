"""What the policies allow, as definitions: each policy as it is written, with the addresses of the pods it speaks of.

Spec: specs/policies/network_policy.md, specs/policies/cluster_network_policy.md, specs/assumptions.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from verifier.evidence.bundle.inventory import Inventory
from verifier.evidence.bundle.predicates import Predicates
from verifier.evidence.bundle.script import Function, NotExpressibleError, Script
from verifier.evidence.bundle.terms import FALSE, TRUE, Term, conj, disj, equal, negation, number, variable
from verifier.model.addresses import address_text
from verifier.model.assumption import EQUAL_PRIORITIES, Presence
from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import End, Field
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import All, AnyOf, InRange, Not, PortNamed, Predicate, Thing
from verifier.reference.policies import Counting
from verifier.reference.view import View

PEER = {Direction.INGRESS: End.SOURCE, Direction.EGRESS: End.DESTINATION}
ACTIONS = (Action.ALLOW, Action.PASS, Action.DENY)
VARIABLE = {End.SOURCE: "src", End.DESTINATION: "dst"}


@dataclass(frozen=True, slots=True)
class Side:
    """What the policies say in one direction: whether they isolate the protected end, and what they allow.

    `tolerated` is what they allow if everything is where they isolate (CNP-18).
    """

    isolated: Term
    allowed: Term
    tolerated: Term
    function: Function | None = None

    def turned(self) -> Term:
        """What is allowed of a packet that goes the other way."""
        if self.function is None:
            return self.allowed
        return self.function.call({"src": variable("dst"), "dst": variable("src")})


class Policies:
    """The policies of a cluster under readings that count; `reader` makes predicates with or without a guest.

    With `some_port` the reader takes ports for any port, which tells what is allowed on some port, where every rule allows.
    """

    def __init__(
        self,
        script: Script,
        view: View,
        inventory: Inventory,
        reader: Callable[[Inventory], Predicates],
        *,
        some_port: bool = False,
    ) -> None:
        self._script = script
        self._view = view
        self._inventory = inventory
        self._reader = reader
        self._some_port = some_port
        self._plain = reader(inventory)
        self._known: dict[tuple[int, Direction, Counting], Side] = {}
        self._bodies: dict[str, Term] = {}
        self._functions: dict[str, Function] = {}
        self._guests: dict[End, list[tuple[str, int, Predicates]]] = {}

    def side(self, cluster: Cluster, direction: Direction, counting: Counting, name: str) -> Side:
        """One direction, with the definitions that it takes, called after `name`; equal ones are one."""
        key = id(cluster), direction, counting
        if key not in self._known:
            self._known[key] = self._side(cluster, direction, counting, name)
        return self._known[key]

    def _side(self, cluster: Cluster, direction: Direction, counting: Counting, name: str) -> Side:
        standing = [(tier, _standing(tier, direction, counting)) for tier in cluster.tiers]
        tiers = [(tier, policies) for tier, policies in standing if policies]
        isolated, allowed, tolerated = FALSE, TRUE, TRUE
        for tier, policies in reversed(tiers):
            steps = list(self._steps(tier, policies, direction, counting))
            selected = disj(self._plain.term(policy.subjects[direction]) for policy in policies)
            if tier.unmatched is not Action.PASS:
                text = f"whether some policy isolates the {PEER[_other(direction)].value} in {direction.value}"
                selected = self._defined(f"{name}-isolates", selected, text)
                isolated = disj((selected, isolated))
            inner = {Action.DENY: FALSE, Action.ALLOW: selected, Action.PASS: allowed}[tier.unmatched]
            for action, matches in reversed(steps):
                inner = _first(action, matches, inner, allowed)
            if tier.unmatched is not Action.PASS:
                inner = disj((conj((negation(selected), allowed)), inner))
                tolerated = disj((selected, tolerated))
            else:
                kept = tolerated
                for action, matches in reversed(steps):
                    tolerated = _first(action, matches, tolerated, kept)
            title = f"{name}-allows" if tier is tiers[0][0] else f"{name}-allows-from-{tier.name}"
            allowed = self._defined(title, inner, f"what {direction.value} policies allow")
        return Side(isolated, allowed, tolerated, self._functions.get(allowed.text))

    def _steps(
        self, tier: Tier, policies: list[Policy], direction: Direction, counting: Counting
    ) -> Iterator[tuple[Action, Term]]:
        """What the tier says in order, as actions with the packets that each is for; the first that holds decides."""
        for _, group in groupby(policies, key=lambda policy: policy.order if tier.ties_open else id(policy)):
            said = [list(self._policy(policy, direction, counting)) for policy in group]
            if len(said) == 1:
                yield from said[0]
                continue
            lenient = EQUAL_PRIORITIES in (counting.perhaps if counting.lenient else counting.sure)
            for action in ACTIONS if lenient else reversed(ACTIONS):
                yield action, disj(_decided(steps, action) for steps in said)

    def _policy(self, policy: Policy, direction: Direction, counting: Counting) -> Iterator[tuple[Action, Term]]:
        """What a policy says in order; one whose rules all allow says it at once."""
        rules = [rule for rule in policy.rules if rule.direction is direction]
        if counting.others is Presence.WITHOUT_RULES and not policy.every_protocol:
            return
        selects = self._plain.term(policy.subjects[direction])
        name = f"policy/{policy.name}/{direction.value}"
        place = f"{self._script.place(policy.origin)}  policy {policy.name}, {direction.value}"
        if self._some_port and not all(_allows_some_port(rule) for rule in rules):
            raise NotExpressibleError(f"policy {policy.name}, of which rules may deny, is asked about some port")
        if all(rule.action is Action.ALLOW for rule in rules):
            counts = counting.perhaps if counting.lenient else counting.sure
            parts = [self._called(policy, rule, counts) for rule in rules]
            wide = "/wide" if counts & self._live(rules, direction) else ""
            yield Action.ALLOW, self._defined(f"{name}{wide}", conj((selects, disj(parts))), place)
            return
        decided = Action.ALLOW if counting.lenient else Action.DENY
        for rule in rules:
            matches = self._called(policy, rule, counting.sure)
            yield rule.action, conj((selects, matches))
            if rule.action in (decided, Action.PASS):
                perhaps = self._called(policy, rule, counting.perhaps)
                if perhaps.text != matches.text:
                    yield decided, conj((selects, perhaps))

    def _called(self, policy: Policy, rule: PolicyRule, counts: frozenset[str]) -> Term:
        """The call of a rule's definition under the readings that count."""
        live = counts & self._live([rule], rule.direction)
        name = f"policy/{policy.name}/{rule.direction.value}{'/wide' if live else ''}/{rule.text}"
        comment = f"{self._script.place(rule.origin)}  {policy.name} {rule.text}"
        return self._defined(name, self._rule(rule, live), comment)

    def _live(self, rules: list[PolicyRule], direction: Direction) -> frozenset[str]:
        """The assumptions that may tell readings of these rules apart."""
        guests = {name for name, _, _ in self._hosted(PEER[direction])} if rules else set()
        return frozenset(guests).union(*(reading.needs for rule in rules for reading in rule.readings))

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
            if name in counting and name not in rule.settled:
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


def _first(action: Action, matches: Term, otherwise: Term, later: Term) -> Term:
    """What is allowed where a step comes first, by what is allowed otherwise and by later tiers."""
    if action is Action.ALLOW:
        return disj((matches, otherwise))
    rest = conj((negation(matches), otherwise))
    return rest if action is Action.DENY else disj((conj((matches, later)), rest))


def _decided(steps: list[tuple[Action, Term]], action: Action) -> Term:
    """The packets of which a policy says this first."""
    before: list[Term] = []
    found: list[Term] = []
    for said, matches in steps:
        if said is action:
            found.append(conj((matches, *before)))
        before.append(negation(matches))
    return disj(found)


def _allows_some_port(rule: PolicyRule) -> bool:
    """Whether what a rule allows on some port is what it allows without its tests of destination ports."""
    read = [(rule.peer, rule.ports), *((each.peer, each.ports) for each in rule.readings)]
    return rule.action is Action.ALLOW and not any(_asks_otherwise(part) for each in read for part in each)


def _asks_otherwise(predicate: Predicate, negated: bool = False) -> bool:
    """Whether a predicate asks for source ports, or for ports that something does not have."""
    match predicate:
        case InRange(Field.SOURCE_PORT) | PortNamed(_, _, _, End.SOURCE):
            return True
        case InRange(Field.DESTINATION_PORT) | PortNamed():
            return negated
        case All(parts) | AnyOf(parts):
            return any(_asks_otherwise(part, negated) for part in parts)
        case Not(part):
            return _asks_otherwise(part, True)
        case Thing(_, part):
            return _asks_otherwise(part, negated)
        case _:
            return False


def _standing(tier: Tier, direction: Direction, counting: Counting) -> list[Policy]:
    """The policies of a tier that count in a direction, as they stand to the packet's protocol (AS-18)."""
    counting_here = [policy for policy in tier.policies if direction in policy.subjects]
    if counting.others is Presence.ABSENT:
        return [policy for policy in counting_here if policy.every_protocol]
    return counting_here


def _other(direction: Direction) -> Direction:
    return Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
