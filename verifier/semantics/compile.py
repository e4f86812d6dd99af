"""Predicates become masks: what a rule matches, cut into the parts that a traversal asks for.

A rule is a conjunction; its tests of one axis become one mask per axis, tests of the concrete mark and of interfaces
stay tests, whatever couples two axes becomes a factor (a list of boxes), and what has no static meaning stays a named
opaque test. State is a constant of every traversal, so a predicate is compiled once per state that it depends on.

Spec: specs/chains/predicates.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from verifier.model.fields import ConnState, End, Field
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Masked,
    Member,
    Named,
    Not,
    Opaque,
    PortNamed,
    Predicate,
    Thing,
    all_of,
    any_of,
    equals,
    negate,
)
from verifier.semantics.atoms import FreeTest, MarkTest, NameTest
from verifier.semantics.boxes import Box3, complement, meet, merge
from verifier.semantics.sets import Alternatives, UnclearSetError
from verifier.semantics.space import Space

MARK_SHIFT = {Field.MARK: 0, Field.CONNMARK: 32}
"""Mark and connection mark are one concrete number of 64 bits."""

UNTRACKED_BIT = 1 << 64
"""Beside them stands whether the packet was taken out of connection tracking on its way (CH-11)."""

RPFILTER = "rpfilter"
"""The one opaque text with a known value: every packet's source is routed back through its interface (U-33)."""


EARLY = "whether the raw table already sees the state of the packet"
SEEN_EARLY = FreeTest(EARLY, Opaque(EARLY))
"""Holds where a packet has its state before tracking looks at it, as far as that is open (CH-12)."""


def early_states(state: ConnState, hook: str) -> tuple[ConnState, ...]:
    """The states that a packet may have to the raw table, which comes before tracking; the first one where SEEN_EARLY holds."""
    if state is ConnState.UNTRACKED or (state is ConnState.RELATED and hook == "OUTPUT"):
        return (state, ConnState.INVALID)
    return (ConnState.INVALID,)


class _CoupledError(Exception):
    """A predicate that is not a union of boxes."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """Membership in a set that names interfaces: some box holds together with its interface test, or none `negated`.

    With those of `doubtful` it does where the free truth value of `doubt` is true.
    """

    parts: Alternatives
    negated: bool
    doubtful: Alternatives = ()
    doubt: FreeTest | None = None

    @property
    def all(self) -> Alternatives:
        """Every interface test with its box."""
        return self.parts + self.doubtful


@dataclass(slots=True)
class Compiled:
    """A predicate in one state: masks per axis and the tests that are none.

    `factors` are unions of boxes that couple axes, `guarded` those that
    couple them with interfaces; `opaque` tests have free truth values.
    """

    source: int
    destination: int
    service: int
    marks: tuple[MarkTest, ...] = ()
    names: tuple[NameTest, ...] = ()
    factors: tuple[tuple[Box3, ...], ...] = ()
    guarded: tuple[Guarded, ...] = ()
    opaque: tuple[FreeTest, ...] = ()
    never: bool = False

    @property
    def marks_read(self) -> int:
        mask = 0
        for test in self.marks:
            mask |= test.mask
        return mask


@dataclass(slots=True)
class _Draft:
    boxes: list[Box3]
    marks: list[MarkTest] = field(default_factory=list)
    names: list[NameTest] = field(default_factory=list)
    opaque: list[FreeTest] = field(default_factory=list)
    factors: list[list[Box3]] = field(default_factory=list)
    guarded: list[Guarded] = field(default_factory=list)


class Compiler:
    """Compiles the predicates of one space."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._known: dict[tuple[int, ConnState], Compiled] = {}
        self._depends: dict[int, bool] = {}
        self._keep: list[Predicate] = []
        self._boxed: dict[tuple[int, ConnState], list[Box3]] = {}
        self._labels: dict[Predicate, list[Box3]] = {}

    def compile(self, predicate: Predicate, state: ConnState) -> Compiled:
        """What the predicate means for packets in this state; never raises."""
        stateful = self._depends.get(id(predicate))
        if stateful is None:
            stateful = self._depends[id(predicate)] = _reads_state(predicate)
            self._keep.append(predicate)
        key = (id(predicate), state if stateful else ConnState.NEW)
        found = self._known.get(key)
        if found is None:
            draft = _Draft([self.space.everything])
            self._conjoin(draft, predicate, False, state)
            found = self._known[key] = _finished(draft, self.space.everything)
        return found

    def boxes(self, predicate: Predicate, state: ConnState = ConnState.NEW) -> list[Box3]:
        """The predicate as a union of boxes; raises ValueError where it is none (never for policies)."""
        key = id(predicate), state
        found = self._boxed.get(key)
        if found is None:
            try:
                found = self._boxed[key] = self._boxes(predicate, False, state)
            except (_CoupledError, UnclearSetError) as error:
                raise ValueError(str(error)) from error
            self._keep.append(predicate)
        return found

    def _conjoin(self, draft: _Draft, predicate: Predicate, negated: bool, state: ConnState) -> None:
        match predicate:
            case All(parts) if not negated:
                for part in parts:
                    self._conjoin(draft, part, False, state)
            case AnyOf(parts) if negated:
                for part in parts:
                    self._conjoin(draft, part, True, state)
            case Not(part):
                self._conjoin(draft, part, not negated, state)
            case Masked(field_, value, mask) if field_ in MARK_SHIFT:
                shift = MARK_SHIFT[field_]
                draft.marks.append(MarkTest(value << shift, mask << shift, negated))
            case Named() | InRange(Field.BRIDGED, ((0, 0),) | ((1, 1),)):
                draft.names.append(_name_test(predicate, negated))
            case AnyOf(parts) if all(_is_name_test(part) for part in parts):
                alternatives = tuple((_name_test(part, False), self.space.everything) for part in parts)
                draft.guarded.append(Guarded(alternatives, negated))
            case Member(name, directions, False) if self.space.sets.names_interfaces(name):
                self._guard(draft, name, directions, negated)
            case Opaque(text, chance) if text != RPFILTER:
                draft.opaque.append(FreeTest(text, chance=chance))
            case _:
                self._restrict(draft, predicate, negated, state)

    def _guard(self, draft: _Draft, name: str, directions: tuple[str, ...], negated: bool) -> None:
        try:
            sure, perhaps = self.space.sets.guarded(name, directions)
            text = f"set {name}: whether a longer network with a bridge port hides a wider one is chance"
            doubt = FreeTest(text, Member(name, directions)) if perhaps else None
            draft.guarded.append(Guarded(sure, negated, perhaps, doubt))
        except UnclearSetError as error:
            draft.opaque.append(self._free(str(error), Member(name, directions), negated))

    def _restrict(self, draft: _Draft, predicate: Predicate, negated: bool, state: ConnState) -> None:
        try:
            boxes = self._boxes(predicate, negated, state)
        except (_CoupledError, UnclearSetError) as error:
            settled = _settled(predicate, state)
            if settled != predicate:
                self._keep.append(settled)
                self._conjoin(draft, settled, negated, state)
            else:
                draft.opaque.append(self._free(str(error), predicate, negated))
            return
        if len(boxes) <= 1:
            draft.boxes = meet(draft.boxes, boxes)
        else:
            draft.factors.append(boxes)

    def _free(self, text: str, predicate: Predicate, negated: bool) -> FreeTest:
        """A test of which nothing is known, with what it asks of the packet, and whether that may change on its way."""
        match predicate:
            case Member(name):
                return FreeTest(text, predicate, negated, changes=not self.space.sets.lasts(name))
            case InRange(field_) | Masked(field_):
                return FreeTest(text, predicate, negated, changes=field_ in MARK_SHIFT)
            case _:
                return FreeTest(text, predicate if isinstance(predicate, Named) else None, negated)

    def _boxes(self, predicate: Predicate, negated: bool, state: ConnState) -> list[Box3]:
        match predicate:
            case Not(part):
                return self._boxes(part, not negated, state)
            case All(parts):
                return self._meet(parts, negated, state) if not negated else self._join(parts, negated, state)
            case AnyOf(parts):
                return self._join(parts, negated, state) if not negated else self._meet(parts, negated, state)
            case _:
                positive = self._positive(predicate, state)
                return complement(positive, self.space.everything) if negated else positive

    def _meet(self, parts: tuple[Predicate, ...], negated: bool, state: ConnState) -> list[Box3]:
        out = [self.space.everything]
        for part in parts:
            out = meet(out, self._boxes(part, negated, state))
        return out

    def _join(self, parts: tuple[Predicate, ...], negated: bool, state: ConnState) -> list[Box3]:
        return merge([box for part in parts for box in self._boxes(part, negated, state)])

    def _positive(self, predicate: Predicate, state: ConnState) -> list[Box3]:
        source, destination, service = self.space.everything
        match predicate:
            case InRange(Field.STATE, ranges):
                return [self.space.everything] if any(lo <= state <= hi for lo, hi in ranges) else []
            case InRange(Field.SOURCE | Field.DESTINATION as end, ranges, family):
                mask = self.space.address_mask(ranges) if family in (0, self.space.family) else 0
                box = (mask, destination, service) if end is Field.SOURCE else (source, mask, service)
                return [box] if mask else []
            case InRange(field_, ranges) if field_ in self.space.services.axes or field_ is Field.PROTOCOL:
                return self._service(
                    self.space.services.protocols(ranges)
                    if field_ is Field.PROTOCOL
                    else self.space.services.within(field_, ranges)
                )
            case Masked(Field.CT_STATUS, value) if state in (ConnState.INVALID, ConnState.UNTRACKED):
                return [] if value else [self.space.everything]
            case Masked(Field.TCP_FLAGS | Field.CT_STATUS as field_, value, mask):
                return self._service(self.space.services.masked(field_, value, mask))
            case Member(name, directions, nomatch):
                return self.space.sets.boxes(name, directions, nomatch)
            case LabelIn(label, values):
                return self._label(predicate, label.end, lambda: self.space.inventory.mask(label, values))
            case LabelText(label, test, text):
                return self._label(predicate, label.end, lambda: self.space.inventory.containing(label, test, text))
            case Thing(end, part):
                return self._things(end, part, state)
            case PortNamed():
                return self.space.named_port(predicate)
            case Opaque(text) if text == RPFILTER:
                return [self.space.everything]
            case _:
                raise _CoupledError(_wording(predicate))

    def _service(self, mask: int) -> list[Box3]:
        source, destination, _ = self.space.everything
        return [(source, destination, mask)] if mask else []

    def _label(self, predicate: Predicate, end: End, mask: Callable[[], int]) -> list[Box3]:
        found = self._labels.get(predicate)
        if found is None:
            found = self._labels[predicate] = self._at(end, mask())
        return found

    def _things(self, end: End, part: Predicate, state: ConnState) -> list[Box3]:
        """The pods that satisfy a selector, and the networks of every network set that does."""
        pods = meet(self._at(end, self.space.inventory.all), self._boxes(part, False, state))
        networks = self._at(end, self.space.address_mask(self.space.inventory.networks(part)))
        return merge([*pods, *networks])

    def _at(self, end: End, mask: int) -> list[Box3]:
        source, destination, service = self.space.everything
        box = (mask, destination, service) if end is End.SOURCE else (source, mask, service)
        return [box] if mask else []


def _finished(draft: _Draft, everything: Box3) -> Compiled:
    if not draft.boxes or any(not factor for factor in draft.factors):
        return Compiled(0, 0, 0, never=True)
    source, destination, service = draft.boxes[0]
    impossible = any(test.value & ~test.mask and not test.negated for test in draft.marks)
    factors = tuple(tuple(factor) for factor in draft.factors if factor != [everything])
    return Compiled(
        source,
        destination,
        service,
        tuple(draft.marks),
        tuple(draft.names),
        factors,
        tuple(draft.guarded),
        tuple(draft.opaque),
        impossible,
    )


INCOMING = (Field.IN_INTERFACE, Field.PHYS_IN)
PORTS = (Field.PHYS_IN, Field.PHYS_OUT)


def _is_name_test(predicate: Predicate) -> bool:
    inner = predicate.part if isinstance(predicate, Not) else predicate
    return isinstance(inner, Named) or inner in (equals(Field.BRIDGED, 0), equals(Field.BRIDGED, 1))


def _name_test(predicate: Predicate, negated: bool) -> NameTest:
    """A test of an interface or port; a packet is bridged where it leaves by a port (PD-2)."""
    match predicate:
        case Not(part):
            return _name_test(part, not negated)
        case Named(which, name, prefix):
            return NameTest(which not in INCOMING, name, prefix, negated, which in PORTS)
        case _:
            return NameTest(True, "", False, (predicate == equals(Field.BRIDGED, 1)) != negated, True)


def _settled(predicate: Predicate, state: ConnState) -> Predicate:
    """The predicate for packets of this state, without its tests of the state."""
    match predicate:
        case InRange(Field.STATE, ranges):
            return TRUE if any(lo <= state <= hi for lo, hi in ranges) else FALSE
        case Not(part):
            return negate(_settled(part, state))
        case All(parts):
            return all_of(*(_settled(part, state) for part in parts))
        case AnyOf(parts):
            return any_of(*(_settled(part, state) for part in parts))
        case _:
            return predicate


def _reads_state(predicate: Predicate) -> bool:
    match predicate:
        case InRange(field_):
            return field_ is Field.STATE
        case Masked(field_):
            return field_ in (Field.STATE, Field.CT_STATUS)
        case All(parts) | AnyOf(parts):
            return any(_reads_state(part) for part in parts)
        case Not(part):
            return _reads_state(part)
        case _:
            return False


def _wording(predicate: Predicate) -> str:
    match predicate:
        case Opaque(text):
            return text
        case Named(field_, name):
            return f"{field_.value} {name}"
        case InRange(field_) | Masked(field_):
            return field_.value
        case _:
            return type(predicate).__name__
