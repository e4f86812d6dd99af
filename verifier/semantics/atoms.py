"""The tests of a rule that are no masks: of the concrete mark, of interfaces, and without static meaning."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.predicate import Predicate


@dataclass(frozen=True, slots=True)
class MarkTest:
    """Holds when mark & mask == value, or does not when `negated`."""

    value: int
    mask: int
    negated: bool

    def holds(self, mark: int) -> bool:
        return (mark & self.mask == self.value) != self.negated


@dataclass(frozen=True, slots=True)
class NameTest:
    """An interface test."""

    outgoing: bool
    name: str
    prefix: bool
    negated: bool

    def holds(self, name: str) -> bool:
        return (name.startswith(self.name) if self.prefix else name == self.name) != self.negated


@dataclass(frozen=True, slots=True)
class FreeTest:
    """A test without static meaning. `field` is what it asks of the packet, shared by all rules that ask the same;
    None where each occurrence has a truth value of its own. `chance`: both values do occur.
    """

    text: str
    field: Predicate | None = None
    negated: bool = False
    chance: bool = False
