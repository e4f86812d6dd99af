"""From counters before and after a test: which rules the packets met, which packets can have, and what the policies want.

Spec: specs/questions/explain.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from verifier.model.assumption import defaults
from verifier.model.cluster import Cluster
from verifier.model.counters import Condition, CountedRule, CounterReport, Share, Way, Wish
from verifier.model.effect import Verdict
from verifier.model.fields import ConnState
from verifier.model.finding import Answer, Box
from verifier.model.node import NodeState
from verifier.model.origin import InputError, Origin
from verifier.model.path import HOOKS, Path
from verifier.model.profile import Profile
from verifier.model.ruleset import Chain, Ruleset
from verifier.questions.wishes import Ends
from verifier.questions.world import World
from verifier.semantics.boxes import Box3, merge
from verifier.semantics.decode import service_boxes
from verifier.semantics.ways import ChainKey, Crowd, Ended, Hit, TooManyWaysError, Ways
from verifier.smt.counts import extents

AGAIN = "list the same chains twice, with -v and -x, and no change of the rules in between"
MOST_WAYS = 300


@dataclass(frozen=True, slots=True)
class Scenery:
    """What is known beside the listings: the cluster and the node's other rules, or nothing (`known` False)."""

    cluster: Cluster
    node: NodeState
    profile: Profile
    known: bool


def counter_report(before: Ruleset, after: Ruleset, scenery: Scenery) -> CounterReport:
    """Explain the difference of the counters of two readings of the same rules.

    Raises InputError where the two are not of the same rules, where counters are missing or went down, and where the
    node's own rules are others.
    """
    counted = _differences(before, after)
    changed = tuple(_rule_at(after, hit, count) for hit, count in counted.items() if count)
    notes: list[str] = []
    if not changed:
        return _report(
            after, Answer.UNDECIDED, "no counter changed: no packet met a rule of the listing", (), (), notes
        )
    rules = _whole(after, scenery, notes)
    in_force = scenery.profile.deviations(scenery.node) if scenery.known else ()
    world = World(after.family, rules, scenery.cluster, scenery.node, scenery.profile, in_force, defaults())
    try:
        found = _ended(world, rules, counted, after)
    except TooManyWaysError:
        found = {}
        notes.append("the packets can have gone more ways than are told apart")
    if len(found) > MOST_WAYS:
        notes.append(f"{len(found)} ways fit the rules, more than are told apart")
        found = {}
    ends = Ends(world) if scenery.known else None
    ways = [_way(after, hits, how, crowds, counted, world, ends) for (hits, how), crowds in found.items()]
    fitting = _fitting([way for way in ways if way.shares], counted) or _fitting(ways, counted)
    if not fitting:
        why = notes or ["no packets can have left these counters: they were read while rules or packets changed"]
        return _report(after, Answer.UNDECIDED, why[0], changed, (), why[1:])
    answer, sentence = _judged(fitting)
    return _report(after, answer, sentence, changed, fitting, notes)


def _fitting(ways: Sequence[Way], counted: Mapping[Hit, int]) -> tuple[Way, ...]:
    """The ways that some packets can have gone, with how many; () where no packets can have left the counters."""
    kinds = [Counter((step.table, step.chain, step.number) for step in way.steps) for way in ways]
    found = extents(kinds, {hit: count for hit, count in counted.items() if count}) if ways else None
    if found is None:
        return ()
    fitting = [replace(way, least=least, most=most) for way, (least, most) in zip(ways, found, strict=True) if most]
    return tuple(sorted(fitting, key=lambda way: -way.least))


def _report(
    after: Ruleset,
    answer: Answer,
    sentence: str,
    changed: tuple[CountedRule, ...],
    ways: tuple[Way, ...],
    notes: Sequence[str],
) -> CounterReport:
    return CounterReport(answer, sentence, after.family, changed, ways, tuple(notes), ())


def _differences(before: Ruleset, after: Ruleset) -> dict[Hit, int]:
    """How many packets met each rule and policy in between, rule by rule."""
    counted: dict[Hit, int] = {}
    for key, chain in after.chains.items():
        earlier = before.chains.get(key)
        if earlier is None:
            raise InputError(chain.origin, f"chain {key[1]} of table {key[0]} is not in {before.path}", AGAIN)
        _check_same(earlier, chain)
        for number, (old, new) in enumerate(zip(earlier.rules, chain.rules, strict=True), 1):
            counted[*key, number] = _grown(old.packets, new.packets, f"rule {number} of {key[1]}", new.origin)
        if chain.policy is not None and chain.packets is not None and earlier.packets is not None:
            counted[*key, 0] = _grown(earlier.packets, chain.packets, f"the policy of {key[1]}", chain.origin)
    for key, chain in before.chains.items():
        if key not in after.chains:
            raise InputError(chain.origin, f"chain {key[1]} of table {key[0]} is not in {after.path}", AGAIN)
    return counted


def _check_same(before: Chain, after: Chain) -> None:
    for number, (old, new) in enumerate(zip(before.rules, after.rules, strict=False), 1):
        if old.text != new.text:
            problem = f"rule {number} of {after.name} is another than in {old.origin}: {new.text}"
            raise InputError(new.origin, problem, AGAIN)
    if len(before.rules) != len(after.rules):
        problem = f"chain {after.name} has {len(after.rules)} rules, and {len(before.rules)} in {before.origin.path}"
        raise InputError(after.origin, problem, AGAIN)
    if before.policy is not after.policy:
        raise InputError(after.origin, f"chain {after.name} has another policy than in {before.origin.path}", AGAIN)


def _grown(before: int | None, after: int | None, what: str, origin: Origin) -> int:
    if before is None or after is None:
        problem = f"{what} has no exact counter"
        raise InputError(origin, problem, "list with -v and -x (iptables -nvxL), or save with iptables-save -c")
    if after < before:
        problem = f"the counter of {what} went down from {before} to {after}: counters were reset in between"
        raise InputError(origin, problem, "read both without -Z, and without loading the rules again in between")
    return after - before


def _rule_at(ruleset: Ruleset, hit: Hit, packets: int) -> CountedRule:
    table, chain, number = hit
    rule = ruleset.chains[table, chain].rules[number - 1] if number else None
    return CountedRule(table, chain, number, rule, packets)


def _whole(listed: Ruleset, scenery: Scenery, notes: list[str]) -> Ruleset:
    """The node's rules, which must begin as the listing does; the listing alone where nothing else is known."""
    node = scenery.node.rulesets.get(listed.family) if scenery.known else None
    if node is None:
        return listed
    for key, chain in listed.chains.items():
        known = node.chains.get(key)
        if known is None:
            problem = f"chain {key[1]} of table {key[0]} is not among the rules of node {scenery.node.name}"
            raise InputError(chain.origin, problem, f"give a snapshot of the same moment as {listed.path}")
        if chain.policy is None and len(chain.rules) < len(known.rules):
            notes.append(
                f"{chain.name} is listed up to rule {len(chain.rules)} of {len(known.rules)}; the rest is the dump's"
            )
            known = replace(known, rules=known.rules[: len(chain.rules)])
        _check_same(known, chain)
    return node


def _ended(
    world: World, rules: Ruleset, counted: Mapping[Hit, int], listed: Ruleset
) -> dict[tuple[tuple[Hit, ...], Ended], list[tuple[ConnState, Crowd]]]:
    """Every way of packets in every state, with the packets that can go it."""
    found: dict[tuple[tuple[Hit, ...], Ended], list[tuple[ConnState, Crowd]]] = {}
    for state in ConnState:
        ways = Ways(rules, world.compiler, state, counted)
        for hooks in _hooks(rules, listed, state):
            ways.from_hooks(hooks)
        for entry in _entries(rules, listed):
            ways.from_chain(entry)
        for key, crowd in ways.ended.items():
            found.setdefault(key, []).append((state, crowd))
    return found


def _hooks(rules: Ruleset, listed: Ruleset, state: ConnState) -> list[list[ChainKey]]:
    """Built-in chains from which listed ones are reached, each with what comes before it on the way."""
    tables = {table for table, _ in listed.chains}
    if not all(("filter", name) in rules.chains for name in ("INPUT", "FORWARD", "OUTPUT")):
        return []
    sequences: dict[tuple[ChainKey, ...], None] = {}
    for path in HOOKS.values():
        for number, hook in enumerate(path):
            skipped = hook[0] == "nat" and state not in (ConnState.NEW, ConnState.RELATED)
            if hook[0] in tables and hook in rules.chains and not skipped:
                before = [each for each in path[:number] if each in rules.chains and each[0] != "nat"]
                sequences[*before, hook] = None
    return [list(sequence) for sequence in sequences]


def _entries(rules: Ruleset, listed: Ruleset) -> list[ChainKey]:
    """Listed chains that packets enter from chains that nobody knows."""
    if all(("filter", name) in rules.chains for name in ("INPUT", "FORWARD", "OUTPUT")):
        return []
    led = Counter(
        (table, getattr(rule.effect, "chain", "")) for (table, _), chain in rules.chains.items() for rule in chain.rules
    )
    return [
        key
        for key, chain in listed.chains.items()
        if chain.policy is not None or led[key] < (1 if chain.references is None else chain.references)
    ]


def _way(
    after: Ruleset,
    hits: tuple[Hit, ...],
    how: Ended,
    crowds: Iterable[tuple[ConnState, Crowd]],
    counted: Mapping[Hit, int],
    world: World,
    ends: Ends | None,
) -> Way:
    shares: _Gathered = {}
    wishes: dict[Wish, _Gathered] | None = None if ends is None else {wish: {} for wish in Wish}
    for state, crowd in crowds:
        placed: dict[_Kind, list[Box3]] = {}
        for going, boxes in crowd.items():
            if ends is None:
                told = (*going.sight.named(), *going.sight.told())
                placed.setdefault((None, tuple(dict.fromkeys(told))), []).extend(boxes)
                continue
            for path, possible in ends.possible(boxes, going.sight.names, how.hook).items():
                placed.setdefault((path, tuple(dict.fromkeys(going.sight.told()))), []).extend(possible)
        for kind, boxes in placed.items():
            merged = merge(boxes)
            _gather(shares, kind, merged, state)
            for wish, wanted in ends.wishes(merged, state, kind[0]).items() if ends is not None else ():
                if wishes is not None:
                    _gather(wishes[wish], (kind[0], ()), wanted, state)
    steps = tuple(_rule_at(after, hit, counted[hit]) for hit in hits)
    told_ = None if wishes is None else {wish: _shares(world, found) for wish, found in wishes.items() if found}
    return Way(steps, how.verdict, how.text, 0, 0, _shares(world, shares), told_)


_Kind: TypeAlias = tuple[Path | None, tuple[Condition, ...]]
_Gathered: TypeAlias = dict[_Kind, dict[Box3, list[ConnState]]]


def _gather(into: _Gathered, kind: _Kind, boxes: Iterable[Box3], state: ConnState) -> None:
    for box in boxes:
        into.setdefault(kind, {}).setdefault(box, []).append(state)


def _shares(world: World, found: _Gathered) -> tuple[Share, ...]:
    return tuple(
        Share(path, tuple(box for cells, states in boxes.items() for box in _told(world, cells, states)), conditions)
        for (path, conditions), boxes in found.items()
    )


def _told(world: World, box: Box3, states: Sequence[ConnState]) -> Iterable[Box]:
    """A box of cells in terms of addresses and services."""
    line = world.space.addresses
    for service in service_boxes(world.space.services, box[2]):
        yield Box(
            source=line.ranges(box[0]),
            destination=line.ranges(box[1]),
            protocols=None if len(service.protocols) == 256 else service.protocols,
            source_ports=service.source_ports,
            destination_ports=service.destination_ports,
            icmp=service.icmp,
            states=tuple(states),
            tcp_flags=service.tcp_flags,
            ct_status=service.ct_status,
        )


AGAINST = {Verdict.ACCEPT: Wish.DENY, Verdict.DROP: Wish.ALLOW}
"""What the policies wanted of packets that are treated wrongly."""


def _judged(ways: Sequence[Way]) -> tuple[Answer, str]:
    """Whether the policies wanted what surely happened."""
    if all(way.wishes is None for way in ways):
        return Answer.PROVED, "explained; what the policies wanted is not known without a snapshot"
    doubts: list[str] = []
    said = False
    for way in ways:
        wanted = set(way.wishes or ()) - {Wish.OPEN}
        if way.verdict is None:
            doubts.append("what became of some packets is not known")
        elif wanted == {AGAINST[way.verdict]} and way.least:
            done = "accepted" if way.verdict is Verdict.ACCEPT else "dropped"
            wish = "denied" if way.verdict is Verdict.ACCEPT else "allowed"
            return (
                Answer.REFUTED,
                f"not as the policies want: packets were {done}, and every one that can have gone so is {wish}",
            )
        elif AGAINST[way.verdict] in wanted:
            doubts.append("some of the packets that can have gone so are wanted otherwise")
        said = said or bool(wanted)
    if doubts:
        return Answer.UNDECIDED, f"not decided: {doubts[0]}"
    if not said:
        return Answer.PROVED, "explained; the policies say nothing of packets that can have gone so"
    return (
        Answer.PROVED,
        "as the policies want: every packet that can have gone so, and of which they speak, was to end so",
    )
