"""The fields of a packet between ends that nobody has listed: every label of either end is a field of its own.

A field has one cell for each value that some policy can tell apart: absent, each text that a selector names, any other.
What any cluster obeys (an address that is no pod's has no labels, two pods of one namespace share its labels) are formulas
beside them. No inventory is needed, and no product of values is ever enumerated.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from verifier.model.cluster import NetworkSet
from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, ConnState, End, Field, Label, Scope
from verifier.model.layer import Asked
from verifier.model.predicate import (
    Declared,
    LabelIn,
    LabelText,
    PortNamed,
    Predicate,
    Range,
    tests_of,
)
from verifier.semantics.cuts import SPECIAL, WIDTH, Cuts
from verifier.semantics.free.texts import NAME, VALUE, TextClass, TooManyTexts, text_classes
from verifier.semantics.line import Line, cells, single
from verifier.semantics.services import Services
from verifier.smt.formula import FALSE, TRUE, Literal, Store
from verifier.smt.solver import World

SERVICE, PORT_NAME, OPAQUE = "service", "port name", "opaque"
ADDRESS = {End.SOURCE: "source address", End.DESTINATION: "destination address"}
PORT = {End.SOURCE: Field.SOURCE_PORT, End.DESTINATION: Field.DESTINATION_PORT}
FAMILIES = (4, 6)
_Key: TypeAlias = tuple[Scope, str]
RESERVED = ("calico/k8s_ns", "k8s_ns/label/", "pcns.", "pcsa.", "projectcalico.org/")
"""How the labels begin that Calico gives endpoints itself: a pod's own label of such a name would hide one."""

_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class LabelField:
    """A label of one end: cell 0 is that it is absent, then each of `values`, then each class of all others."""

    label: Label
    values: tuple[str, ...]
    others: tuple[TextClass, ...]

    @property
    def kind(self) -> str:
        return f"{self.label.end.value} {self.label.scope.value} {self.label.key}"

    @property
    def cells(self) -> range:
        return range(1 + len(self.values) + len(self.others))

    @property
    def all(self) -> int:
        return (1 << len(self.cells)) - 1

    @property
    def possible(self) -> int:
        """The cells of values that a label can have at all (LAY-3)."""
        form = _NAMESPACE if is_name(self.label) else _VALUE
        return self.all & ~sum(1 << n for n, value in enumerate(self.values, 1) if not form.fullmatch(value))

    def mask(self, values: frozenset[str] | None) -> int:
        """The cells of a label that exists with one of the values (None: any)."""
        if values is None:
            return self.all & ~1
        return sum(1 << n for n, value in enumerate(self.values, 1) if value in values)

    def passing(self, asked: Asked) -> int:
        """The cells of a label that exists with a value whose text passes a test that the field was made for."""
        named = sum(1 << n for n, value in enumerate(self.values, 1) if asked.test.holds(value, asked.text))
        first = 1 + len(self.values)
        return named | sum(1 << n for n, each in enumerate(self.others, first) if asked in each.passed)


OWNERS = {Scope.NAMESPACE: NAMESPACE_NAME, Scope.SERVICE_ACCOUNT: SERVICE_ACCOUNT_NAME}
"""The labels that every pod has, and nothing else."""


def is_name(label: Label) -> bool:
    """Whether the label is the name of the end's namespace or service account, which every pod has."""
    return OWNERS.get(label.scope) == label.key


class FreeSpace:
    """All packets that predicates can tell apart; `world` has the cells that exist of every field."""

    def __init__(self, predicates: Iterable[Predicate], network_sets: Iterable[NetworkSet] = ()) -> None:
        self.store = Store()
        cuts = {family: Cuts(family) for family in FAMILIES}
        values: dict[_Key, set[str]] = {(Scope.NAMESPACE, NAMESPACE_NAME): set()}
        texts: dict[_Key, set[Asked]] = {}
        self._named: set[PortNamed] = set()
        for predicate in predicates:
            for cut in cuts.values():
                cut.visit(predicate)
            for test in tests_of(predicate):
                match test:
                    case LabelIn(label, named_values):
                        values.setdefault((label.scope, label.key), set()).update(named_values or ())
                    case LabelText(label, asked, text):
                        values.setdefault((label.scope, label.key), set())
                        texts.setdefault((label.scope, label.key), set()).add(Asked(asked, text))
                    case PortNamed():
                        self._named.add(test)
                    case _:
                        pass
        for each in network_sets:
            for family in FAMILIES:
                cuts[family].add_addresses(each.networks.get(family, ()))
        for named in self._named:
            cuts[4].services.ports[PORT[named.end]].add((0, 0))
        self.lines = {family: Line(cuts[family].addresses, (1 << WIDTH[family]) - 1) for family in FAMILIES}
        self.services = Services(cuts[4].services)
        if any(scope is Scope.SERVICE_ACCOUNT for scope, _ in values):
            values.setdefault((Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME), set())
        self.labels = dict(_label_fields(values, texts))
        self.kinds = {each.kind: each for each in self.labels.values()}
        self.world = self._world()

    def _world(self) -> World:
        addresses = 0
        for family in FAMILIES:
            never = 0
            for ranges in SPECIAL[family].values():
                for first, last in ranges:
                    never |= self.lines[family].mask(first, last)
            addresses |= (self.lines[family].all & ~never) << self.offset(family)
        world = dict.fromkeys(ADDRESS.values(), addresses)
        world[SERVICE] = self.services.policed & self.services.feasible(ConnState.NEW)
        for kind, known in self.kinds.items():
            reserved = known.label.scope is Scope.POD and known.label.key.startswith(RESERVED)
            world[kind] = 1 if reserved else known.possible
        return world

    def offset(self, family: int) -> int:
        """The first of the cells of addresses of a family: those of IPv6 follow those of IPv4."""
        return 0 if family == 4 else self.lines[4].count

    @property
    def reserved(self) -> bool:
        """Whether some policy asks for a label of a name that Calico keeps for itself."""
        return any(label.scope is Scope.POD and label.key.startswith(RESERVED) for label in self.labels)

    @property
    def accounts(self) -> bool:
        """Whether some policy asks which service account a pod has, or for labels of it."""
        asked = [known for label, known in self.labels.items() if label.scope is Scope.SERVICE_ACCOUNT]
        return any(known.values or len(known.others) > 1 or not is_name(known.label) for known in asked)

    def atom(self, kind: str, mask: int) -> Literal:
        """The formula that a field is in these cells, the same for masks that agree on the cells that exist."""
        world = self.world[kind]
        mask &= world
        if mask in (0, world):
            return TRUE if mask else FALSE
        lowest = world & -world
        return self.store.atom(kind, world & ~mask) ^ 1 if mask & lowest else self.store.atom(kind, mask)

    def masked(self, literal: Literal) -> tuple[str, int] | None:
        """The field and the cells that a formula asks for, None where it is no such test."""
        kind, payload = self.store.nodes[literal >> 1]
        if kind not in self.world or not isinstance(payload, int):
            return None
        return kind, self.world[kind] & ~payload if literal & 1 else payload

    def addresses(self, end: End, ranges: Iterable[Range], family: int) -> Literal:
        """The formula that an end has an address in ranges of a family (0: of whichever has it)."""
        mask = 0
        for each in (family,) if family else FAMILIES:
            for first, last in ranges:
                if last < 1 << WIDTH[each]:
                    mask |= self.lines[each].mask(first, last) << self.offset(each)
        return self.atom(ADDRESS[end], mask)

    def implied(self, addresses: int, others: int) -> bool:
        """Whether addresses are all of a family of which the other end's are: then that says all (LAY-5)."""
        world = self.world[ADDRESS[End.SOURCE]]
        families = (self.lines[family].all << self.offset(family) for family in FAMILIES)
        return any(addresses & world == cells & world and not others & world & ~cells for cells in families)

    def label(self, label: Label, values: frozenset[str] | None) -> Literal:
        """The formula that a label exists with one of the values (None: any)."""
        if values is None and is_name(label):
            return self.is_pod(label.end)
        known = self.labels[label]
        return self.atom(known.kind, known.mask(values))

    def text(self, label: Label, asked: Asked) -> Literal:
        """The formula that a label exists with a value whose text passes a test."""
        known = self.labels[label]
        return self.atom(known.kind, known.passing(asked))

    def is_pod(self, end: End) -> Literal:
        """The formula that an end is a pod."""
        known = self.labels[Label(end, Scope.NAMESPACE, NAMESPACE_NAME)]
        return self.atom(known.kind, known.mask(None))

    def port_named(self, named: PortNamed) -> Literal:
        """The formula that an end calls its port so, with all that follows from it."""
        numbers = self.services.protocols([(named.protocol, named.protocol)])
        none = self.services.within(PORT[named.end], ((0, 0),))
        found = self._name(named)
        if named.declared is Declared.FIRST:
            found = self.store.both(found, self._name(replace(named, declared=Declared.REGULAR)))
        return self.store.both(self.store.both(found, self.is_pod(named.end)), self.atom(SERVICE, numbers & ~none))

    def _name(self, named: PortNamed) -> Literal:
        return self.store.atom(PORT_NAME, named)

    def background(self) -> tuple[Literal, ...]:
        """What the ends of a packet obey in every cluster (LAY-2 to LAY-6)."""
        return (*self._owners(), *self._shared(), *self._addresses(), *self._port_names())

    def _implies(self, condition: Literal, consequence: Literal) -> Literal:
        return self.store.both(condition, consequence ^ 1) ^ 1

    def _owners(self) -> Iterator[Literal]:
        """Only pods have labels, and every pod has a namespace and a service account."""
        for label, known in self.labels.items():
            exists = self.atom(known.kind, known.all & ~1)
            yield self._implies(exists, self.is_pod(label.end))
            if is_name(label):
                yield self._implies(self.is_pod(label.end), exists)

    def _shared(self) -> Iterator[Literal]:
        """Two pods of one namespace share its labels, with the same service account also those of that.

        Of namespaces and accounts that no policy names, there are many.
        """
        same = self._same(Scope.NAMESPACE)
        shared = {Scope.NAMESPACE: same}
        if Label(End.SOURCE, Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME) in self.labels:
            shared[Scope.SERVICE_ACCOUNT] = self.store.both(same, self._same(Scope.SERVICE_ACCOUNT))
        for label, known in self.labels.items():
            if label.scope not in shared or is_name(label) or label.end is not End.SOURCE:
                continue
            other = self.labels[replace(label, end=End.DESTINATION)]
            for cell in known.cells:
                here = self.store.both(shared[label.scope], self.atom(known.kind, 1 << cell))
                yield self._implies(here, self.atom(other.kind, 1 << cell))

    def _same(self, scope: Scope) -> Literal:
        """The formula that both ends have one namespace, or one name of a service account, that some policy names."""
        ends = [self.labels[Label(end, scope, OWNERS[scope])] for end in End]
        known = ends[0]
        alone = [n for n, each in enumerate(known.others, 1 + len(known.values)) if len(each.samples) == 1]
        cells = [*range(1, len(known.values) + 1), *alone]
        return self.store.either(self.store.both(*(self.atom(end.kind, 1 << cell) for end in ends)) for cell in cells)

    def _addresses(self) -> Iterator[Literal]:
        """Both ends are of one family, and two ends have two addresses."""
        four = [self.atom(ADDRESS[end], self.lines[4].all) for end in End]
        yield self._implies(four[0], four[1])
        yield self._implies(four[1], four[0])
        for family in FAMILIES:
            line = self.lines[family]
            for cell in cells(line.all):
                if line.first(cell) == line.last(cell):
                    mask = 1 << cell + self.offset(family)
                    assert single(mask)
                    yield self.store.both(*(self.atom(ADDRESS[end], mask) for end in End)) ^ 1

    def _port_names(self) -> Iterator[Literal]:
        """Only a pod names its ports, those of one protocol, and the first of a name is one of them."""
        for each in sorted(self._named, key=str):
            yield self._implies(self._name(each), self.port_named(each))


def _label_fields(
    values: Mapping[_Key, set[str]], texts: Mapping[_Key, set[Asked]]
) -> Iterator[tuple[Label, LabelField]]:
    for key in sorted(values, key=lambda key: (key[0].value, key[1])):
        named, tests = tuple(sorted(values[key])), texts.get(key, set())
        others = (TextClass((), frozenset()),) if not tests else _text_classes(key, tests, named)
        for end in End:
            label = Label(end, *key)
            yield label, LabelField(label, named, others)


def _text_classes(key: _Key, tests: Iterable[Asked], named: tuple[str, ...]) -> tuple[TextClass, ...]:
    is_owner = OWNERS.get(key[0]) == key[1]
    try:
        return text_classes(tests, named, NAME if is_owner else VALUE, empty=not is_owner)
    except TooManyTexts:
        raise TooManyTexts(f"the values of label {key[1]} can turn out in too many ways to be listed") from None
