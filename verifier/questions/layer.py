"""Do two sets of policies mean the same in every cluster, policy by policy and together?

Spec: specs/questions/layer.md
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from verifier.model.assumption import READINGS, Setting, chosen, granted
from verifier.model.finding import Answer, Kind
from verifier.model.layer import (
    RESERVED_LABELS,
    Edit,
    LayerDifference,
    LayerOptions,
    LayerVerdict,
    Outcome,
    PairVerdict,
    Side,
)
from verifier.model.options import Progress, silent
from verifier.model.policy import Action, Direction, Policy
from verifier.model.predicate import Predicate
from verifier.questions.layer_edits import Edits
from verifier.semantics.free.decode import box_of, fields, packet_of, preferred
from verifier.semantics.free.policies import FreePolicies, Pair, negation
from verifier.semantics.free.space import FreeSpace
from verifier.semantics.free.texts import TooManyTexts
from verifier.semantics.readings import Counting
from verifier.smt.boxes import Boxes
from verifier.smt.formula import FALSE, Literal
from verifier.smt.solver import OUT_OF_TIME, UnsettledError

LISTED = 200
"""How many boxes of one region are listed before the report says that there are more."""

STRENGTH = (Outcome.DENIED, Outcome.ISOLATED, Outcome.PASSED, Outcome.ALLOWED)
"""What a policy makes of packets of a pod that it selects, from what keeps most out to what lets most in."""


@dataclass(slots=True)
class _Asked:
    """Where the questions go: the deadline, and how many were asked."""

    deadline: float | None
    options: LayerOptions
    queries: int = 0
    rests: set[str] = field(default_factory=set)

    def check(self) -> None:
        """UnsettledError where the time is over."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise UnsettledError(OUT_OF_TIME)


def compare(policies: Side, translations: Side, options: LayerOptions, progress: Progress = silent) -> LayerVerdict:
    """Compare each policy with its translation, then all policies of both sides at once."""
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    asked = _Asked(deadline, options)
    partners = _partners(policies, translations)
    pairs: list[PairVerdict] = []
    whole = _space((policies, translations), asked)
    for number, (policy, translation) in enumerate(partners):
        progress(policy.name, number, len(partners))
        if isinstance(whole, _Comparison) and whole.alike(policy, translation):
            pairs.append(PairVerdict(policy, translation, Answer.PROVED))
            _note_assumptions([policy, translation], asked)
        else:
            pairs.append(_pair((policies, translations), policy, translation, asked))
    paired = {id(each) for pair in partners for each in pair}
    missing = tuple(each for each in policies.policies if id(each) not in paired)
    surplus = tuple(each for each in translations.policies if id(each) not in paired)
    progress("all policies together", len(partners), len(partners))
    together, differences, reasons = _together(whole, policies, translations, pairs)
    answers = {together, *(pair.answer for pair in pairs)}
    worst = next(each for each in (Answer.REFUTED, Answer.UNDECIDED, Answer.PROVED) if each in answers)
    return LayerVerdict(
        worst,
        together,
        tuple(pairs),
        differences,
        missing,
        surplus,
        reasons,
        tuple(sorted(asked.rests)),
        (
            ("policies", len(policies.policies)),
            ("translations", len(translations.policies)),
            ("queries", asked.queries),
        ),
    )


def _partners(policies: Side, translations: Side) -> list[tuple[Policy, Policy]]:
    """Each policy with the one that is its conversion, or that bears its name, in order of names (LAY-7)."""
    known = {each.name: each for each in translations.policies}
    known |= {each.converted: each for each in translations.policies if each.converted}
    named = ((each, each.name if each.name in known else each.converted) for each in policies.policies)
    pairs = [(each, known[name]) for each, name in named if name in known]
    return sorted(pairs, key=lambda pair: pair[0].name)


class _Comparison:
    """Two sides over one space, of which one formula after another is asked."""

    def __init__(self, sides: tuple[Side, Side], policies: Iterable[Policy], asked: _Asked) -> None:
        """TooManyTexts where some label has too many values that can be told apart."""
        self.space = FreeSpace(_predicates(policies), [each for side in sides for each in side.network_sets])
        self.sides = FreePolicies(self.space, sides[0].network_sets), FreePolicies(self.space, sides[1].network_sets)
        self._asked = asked
        if self.space.reserved:
            asked.rests.add(RESERVED_LABELS)
        settings = asked.options.settings
        sure, perhaps = granted(settings, perhaps=False), granted(settings, perhaps=True)
        self.narrow, self.wide = Counting(sure, perhaps, lenient=False), Counting(sure, perhaps, lenient=True)

    @property
    def opaque(self) -> tuple[str, ...]:
        """What was asked for that has no static meaning."""
        return tuple(dict.fromkeys([*self.sides[0].opaque, *self.sides[1].opaque]))

    def both(self, a: Pair, b: Pair) -> Pair:
        """Conjunction."""
        return self.sides[0].both(a, b)

    def allowing(self, side: FreePolicies, policies: Iterable[Policy], direction: Direction) -> tuple[Pair, ...]:
        """What each rule of some policies of a side matches that allows."""
        known = [side.decisions(policy, direction, self.narrow) for policy in policies]
        rules = [rule for each in known if each is not None for rule in each.rules]
        return tuple(dict.fromkeys(each.packets for each in rules if each.action is Action.ALLOW))

    def alike(self, policy: Policy, translation: Policy) -> bool:
        """Whether both were found to be one formula in both directions, so that there is nothing to ask."""
        left, right = self.sides
        return all(
            left.runs(left.decisions(policy, direction, reading))
            == right.runs(right.decisions(translation, direction, reading))
            for direction in Direction
            for reading in dict.fromkeys((self.narrow, self.wide))
        )

    def by_rule(self, candidate: _Candidate) -> Iterator[_Candidate]:
        """The candidate rule by rule, then what passes without one."""
        rest = candidate.packets
        for packets in candidate.by:
            yield replace(candidate, packets=self.both(candidate.packets, packets))
            rest = self.both(rest, negation(packets))
        yield replace(candidate, packets=rest)

    def boxes(self, literals: Iterable[Literal]) -> Boxes:
        """The solver for formulas made of these."""
        self._asked.check()
        self._asked.queries += 1
        space = self.space
        return Boxes(
            space.store,
            list(literals),
            space.background(),
            space.world,
            fields(space),
            lambda kind: preferred(space, kind),
            self._asked.deadline,
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A way in which two sides can differ: for sure, and where what has no static meaning turns out so.

    `by` has what each rule matches by which the side that lets them pass can do so.
    """

    kind: Kind
    direction: Direction
    packets: Pair
    policy: Outcome | None = None
    translation: Outcome | None = None
    by: tuple[Pair, ...] = ()


def _pair(sides: tuple[Side, Side], policy: Policy, translation: Policy, asked: _Asked) -> PairVerdict:
    try:
        compared = _Comparison(sides, [policy, translation], asked)
        candidates = [each for direction in Direction for each in _ways(compared, policy, translation, direction)]
        found, possible = _settled(compared, candidates, (policy, translation))
        edits = _edits(compared, policy, translation) if found else ()
    except (UnsettledError, TooManyTexts) as unsettled:
        return PairVerdict(policy, translation, Answer.UNDECIDED, (), (str(unsettled),))
    _note_assumptions([policy, translation], asked)
    if found:
        return PairVerdict(policy, translation, Answer.REFUTED, found, (), edits)
    if possible:
        return PairVerdict(policy, translation, Answer.UNDECIDED, (), compared.opaque)
    return PairVerdict(policy, translation, Answer.PROVED)


def _edits(compared: _Comparison, policy: Policy, translation: Policy) -> tuple[Edit, ...]:
    """What would make the translation agree, asked of the solver part by part."""

    def possible(packets: Pair) -> bool:
        return compared.boxes([packets[0]]).possible(packets[0])

    return tuple(Edits(compared.sides, compared.narrow, possible).of(policy, translation))


def _ways(compared: _Comparison, policy: Policy, translation: Policy, direction: Direction) -> Iterator[_Candidate]:
    """Every way in which a policy and its translation can decide differently."""
    both, (left_side, right_side) = compared.both, compared.sides

    def told(side: FreePolicies, each: Policy, reading: Counting) -> dict[Outcome, Pair]:
        return side.outcomes(side.decisions(each, direction, reading))

    asks = {
        reading: (told(left_side, policy, reading), told(right_side, translation, reading))
        for reading in dict.fromkeys((compared.narrow, compared.wide))
    }
    left, right = asks[compared.narrow][0][Outcome.OPEN], asks[compared.narrow][1][Outcome.OPEN]
    yield _Candidate(Kind.LEAK, direction, both(negation(left), right), None, Outcome.OPEN)
    yield _Candidate(Kind.BLOCKED, direction, both(left, negation(right)), Outcome.OPEN, None)
    for weak, here in enumerate(STRENGTH):
        for there in STRENGTH[weak + 1 :]:
            leak = both(asks[compared.wide][0][here], asks[compared.narrow][1][there])
            by = compared.allowing(right_side, [translation], direction) if there is Outcome.ALLOWED else ()
            yield _Candidate(Kind.LEAK, direction, leak, here, there, by)
            blocked = both(asks[compared.narrow][0][there], asks[compared.wide][1][here])
            by = compared.allowing(left_side, [policy], direction) if there is Outcome.ALLOWED else ()
            yield _Candidate(Kind.BLOCKED, direction, blocked, there, here, by)


def _settled(
    compared: _Comparison, candidates: list[_Candidate], pair: tuple[Policy, Policy] | None
) -> tuple[tuple[LayerDifference, ...], bool]:
    """The differences among candidates, and whether something without a static meaning could make others."""
    open_ones = [each for each in candidates if each.packets[1] != FALSE]
    if not open_ones:
        return (), False
    parts = {number: list(compared.by_rule(each)) for number, each in enumerate(open_ones)}
    apart = [part for each in parts.values() for part in each]
    boxes = compared.boxes(literal for each in (*open_ones, *apart) for literal in each.packets)
    found = [each for each in open_ones if each.packets[0] != FALSE and boxes.possible(each.packets[0])]
    found = [part for each in found for part in parts[open_ones.index(each)] if boxes.possible(part.packets[0])]
    differences = tuple(_difference(compared, boxes, each, pair) for each in found)
    if differences:
        return differences, False
    return (), any(each.packets[0] != each.packets[1] and boxes.possible(each.packets[1]) for each in open_ones)


def _difference(
    compared: _Comparison, boxes: Boxes, candidate: _Candidate, pair: tuple[Policy, Policy] | None
) -> LayerDifference:
    listed = list(islice(boxes.boxes(candidate.packets[0]), LISTED + 1))
    space = compared.space
    return LayerDifference(
        candidate.kind,
        candidate.direction,
        tuple(box_of(space, each) for each in listed[:LISTED]),
        packet_of(space, listed[0]),
        len(listed) <= LISTED,
        pair,
        candidate.policy,
        candidate.translation,
    )


def _space(sides: tuple[Side, Side], asked: _Asked) -> _Comparison | TooManyTexts:
    """All policies of both sides over one space, or why there is none."""
    try:
        return _Comparison(sides, [policy for side in sides for policy in side.policies], asked)
    except TooManyTexts as error:
        return error


def _together(
    compared: _Comparison | TooManyTexts, policies: Side, translations: Side, pairs: list[PairVerdict]
) -> tuple[Answer, tuple[LayerDifference, ...], tuple[str, ...]]:
    """Whether both sides allow the same, and what is different beside the pairs."""
    proved = {id(pair.translation): pair.policy for pair in pairs if pair.answer is Answer.PROVED}
    explained = {id(pair.translation): pair.policy for pair in pairs}
    if isinstance(compared, TooManyTexts):
        return Answer.UNDECIDED, (), (str(compared),)
    try:
        actual = _whole(compared, policies, translations, proved)
        answer = Answer.PROVED
        reasons: tuple[str, ...] = ()
        if any(each.packets[1] != FALSE for each in actual):
            boxes = compared.boxes(literal for each in actual for literal in each.packets)
            if any(boxes.possible(each.packets[0]) for each in actual):
                answer = Answer.REFUTED
            elif any(boxes.possible(each.packets[1]) for each in actual):
                answer, reasons = Answer.UNDECIDED, compared.opaque
        if answer is not Answer.REFUTED:
            return answer, (), reasons
        rest = actual if len(proved) == len(explained) else _whole(compared, policies, translations, explained)
        return answer, _settled(compared, rest, None)[0], ()
    except UnsettledError as unsettled:
        return Answer.UNDECIDED, (), (str(unsettled),)


def _whole(
    compared: _Comparison, policies: Side, translations: Side, instead: Mapping[int, Policy]
) -> list[_Candidate]:
    """Both kinds of differences in both directions, where some translations are taken as the policies that they are of."""
    found = []
    left, right = compared.sides
    for direction in Direction:
        allowed = {
            reading: (
                left.allowed(policies.tiers, direction, reading),
                right.allowed(translations.tiers, direction, reading, instead, left),
            )
            for reading in dict.fromkeys((compared.narrow, compared.wide))
        }
        leak = compared.both(negation(allowed[compared.wide][0]), allowed[compared.narrow][1])
        blocked = compared.both(allowed[compared.narrow][0], negation(allowed[compared.wide][1]))
        allowing = (
            compared.allowing(left, policies.policies, direction),
            compared.allowing(right, translations.policies, direction),
        )
        found.append(_Candidate(Kind.LEAK, direction, leak, by=allowing[1]))
        found.append(_Candidate(Kind.BLOCKED, direction, blocked, by=allowing[0]))
    return found


def _note_assumptions(policies: list[Policy], asked: _Asked) -> None:
    """Remember the assumptions that nobody settled and that some rule is read by."""
    settings: Mapping[str, Setting] = asked.options.settings
    needed = {name for policy in policies for rule in policy.rules for each in rule.readings for name in each.needs}
    asked.rests |= {name for name in READINGS if name in needed and chosen(settings, name) is Setting.ANY}


def _predicates(policies: Iterable[Policy]) -> Iterator[Predicate]:
    for policy in policies:
        yield from policy.subjects.values()
        for rule in policy.rules:
            yield from (rule.peer, rule.ports)
            for reading in rule.readings:
                yield from (reading.peer, reading.ports)
