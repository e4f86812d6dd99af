"""Predicates over a packet as terms, each as it is written.

Spec: specs/chains/predicates.md
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from verifier.evidence.bundle.interfaces import Interfaces
from verifier.evidence.bundle.inventory import Inventory
from verifier.evidence.bundle.script import NotExpressibleError, Script
from verifier.evidence.bundle.sets import Sets
from verifier.evidence.bundle.terms import (
    FALSE,
    TRUE,
    Term,
    addresses,
    conj,
    disj,
    equal,
    masked,
    negation,
    number,
    truth,
    variable,
    within,
)
from verifier.model.fields import ICMP, ICMPV6, PORT_PROTOCOLS, TCP, Field
from verifier.model.predicate import (
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
)

NAMES = {
    Field.SOURCE: "src",
    Field.DESTINATION: "dst",
    Field.PROTOCOL: "proto",
    Field.SOURCE_PORT: "sport",
    Field.DESTINATION_PORT: "dport",
    Field.ICMP: "icmp",
    Field.TCP_FLAGS: "flags",
    Field.STATE: "state",
    Field.CT_STATUS: "status",
}
ADDRESSES = (Field.SOURCE, Field.DESTINATION)
EXISTS_FOR = {
    Field.SOURCE_PORT: PORT_PROTOCOLS,
    Field.DESTINATION_PORT: PORT_PROTOCOLS,
    Field.ICMP: (ICMP, ICMPV6),
    Field.TCP_FLAGS: (TCP,),
}
"""The protocols whose packets have a field (U-1, U-3)."""
RPFILTER = "rpfilter"
"""The one text without a static meaning of its own that holds for every packet of the universe (U-33)."""


class Predicates:
    """Predicates of one family as terms.

    `marks` says what a test of a mark means here, `tracking` gives state and translation status where they are not the
    packet's own, because a rule may have taken it out of connection tracking. With `any_port` a test of the destination
    port asks whether some port passes it.
    """

    def __init__(
        self,
        script: Script,
        sets: Sets,
        interfaces: Interfaces,
        inventory: Inventory,
        marks: Callable[[Field, int, int], Term] | None = None,
        tracking: dict[Field, Term] | None = None,
        *,
        any_port: bool = False,
    ) -> None:
        self._script = script
        self._sets = sets
        self._interfaces = interfaces
        self._inventory = inventory
        self._marks = marks
        self._tracking = tracking or {}
        self._any_port = any_port

    def seen_with(self, tracking: dict[Field, Term]) -> Predicates:
        """The same, with another state and translation status."""
        other = copy(self)
        other._tracking = tracking
        return other

    def term(self, predicate: Predicate) -> Term:
        """The predicate over the variables of the packet."""
        ends = self._inventory.ends(predicate)
        if len(ends) == 1:
            return self._inventory.selected(predicate, next(iter(ends)))
        match predicate:
            case InRange(field, ranges, family):
                return self._in_range(field, ranges) if family in (0, self._script.family) else FALSE
            case Masked(field, value, mask):
                return self._masked(field, value, mask)
            case Named():
                return self._interfaces.test(predicate, self._script)
            case Member():
                return self._sets.member(predicate)
            case PortNamed():
                return self._inventory.port(predicate, any_port=self._any_port)
            case All(parts):
                return conj([self.term(part) for part in parts])
            case AnyOf(parts):
                return disj([self.term(part) for part in self._inventory.gathered(parts)])
            case Not(part):
                return negation(self.term(part))
            case Thing(end, part):
                return self._inventory.thing(end, part, self.term(part))
            case Opaque(text):
                return TRUE if text == RPFILTER else self._script.unknown(text)
            case LabelIn() | LabelText():
                raise AssertionError(predicate)

    def opaque(self, predicate: Predicate) -> bool:
        """Whether the predicate has a part of which each occurrence has a truth value of its own."""
        match predicate:
            case Opaque(text):
                return text != RPFILTER
            case Member(name):
                return self._sets.changes(name)
            case All(parts) | AnyOf(parts):
                return any(self.opaque(part) for part in parts)
            case Not(part):
                return self.opaque(part)
            case _:
                return False

    def _value(self, field: Field) -> Term:
        return self._tracking.get(field) or variable(NAMES[field])

    def _in_range(self, field: Field, ranges: tuple[tuple[int, int], ...]) -> Term:
        if field in ADDRESSES:
            return addresses(variable(NAMES[field]), self._script.address, ranges)
        if field is Field.BRIDGED:
            yes = self._interfaces.bridged(self._script)
            holds = {value: any(first <= value <= last for first, last in ranges) for value in (0, 1)}
            return truth(holds[1]) if holds[0] == holds[1] else yes if holds[1] else negation(yes)
        if field in (Field.MARK, Field.CONNMARK):
            if self._marks is None or any(first != last for first, last in ranges):
                raise NotExpressibleError(f"a range of the {field.value}")
            return disj(self._marks(field, first, 0xFFFFFFFF) for first, _ in ranges)
        if field is Field.DESTINATION_PORT and self._any_port:
            return self._exists(field) if ranges else FALSE
        return conj((self._exists(field), within(self._value(field), self._script.widths[NAMES[field]], ranges)))

    def _masked(self, field: Field, value: int, mask: int) -> Term:
        if field in (Field.MARK, Field.CONNMARK):
            if self._marks is None:
                raise NotExpressibleError(f"a test of the {field.value} outside the rules")
            return self._marks(field, value, mask)
        if field not in NAMES:
            raise NotExpressibleError(f"a mask over the {field.value}")
        width = self._script.address if field in ADDRESSES else self._script.widths[NAMES[field]]
        return conj((self._exists(field), masked(self._value(field), width, value, mask)))

    def _exists(self, field: Field) -> Term:
        protocols = EXISTS_FOR.get(field, ())
        return disj(equal(variable("proto"), number(each, 8)) for each in protocols) if protocols else TRUE


def asks_of_connections(predicate: Predicate) -> bool:
    """Whether some part asks what connection tracking says of the packet."""
    match predicate:
        case InRange(field) | Masked(field):
            return field in (Field.STATE, Field.CT_STATUS)
        case All(parts) | AnyOf(parts):
            return any(asks_of_connections(part) for part in parts)
        case Not(part):
            return asks_of_connections(part)
        case _:
            return False
