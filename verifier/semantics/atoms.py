"""The tests of a rule that are no masks: of the concrete mark, of interfaces, and without static meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Beginning:
    """A name of which the beginning is known, and that there is more of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A name that may be empty; it is not `uplink` and does not begin with `pods`, the names of a bridge's ports."""

    pods: str
    uplink: str


Name: TypeAlias = str | Beginning | Foreign | None
"""What is known of the name of an interface or bridge port; "" where there is none, None where nothing is known."""


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
    """A test of an interface, or with `port` of a bridge port."""

    outgoing: bool
    name: str
    prefix: bool
    negated: bool
    port: bool = False

    def holds(self, name: str) -> bool:
        return (name.startswith(self.name) if self.prefix else name == self.name) != self.negated

    def decide(self, name: Name) -> bool | None:
        """Whether it holds for a name, None where that is not known."""
        if isinstance(name, str):
            return self.holds(name)
        match name:
            case Beginning(text) if self.prefix and text.startswith(self.name):
                return not self.negated
            case Beginning(text) if not self.name.startswith(text):
                return self.negated
            case Foreign(pods, uplink) if self.name.startswith(pods) or (self.name == uplink and not self.prefix):
                return self.negated
            case _:
                return None

    @property
    def text(self) -> str:
        """What it asks, in words."""
        if not self.port:
            return f"{'out' if self.outgoing else 'in'}-interface {self.name}"
        if not self.name:
            return "bridged" if self.outgoing else "physical in-interface"
        return f"physical {'out' if self.outgoing else 'in'}-interface {self.name}{'+' if self.prefix else ''}"


@dataclass(frozen=True, slots=True)
class FreeTest:
    """A test without static meaning. `field` is what it asks of the packet, None where that is no one thing.

    All rules that ask the same have one answer, unless the field `changes` or there is none: then each occurrence has a
    truth value of its own. `chance`: both values do occur.
    """

    text: str
    field: Predicate | None = None
    negated: bool = False
    chance: bool = False
    changes: bool = False

    @property
    def shared(self) -> Predicate | None:
        """What all rules that ask the same are asking, None where each occurrence has a truth value of its own."""
        return None if self.changes else self.field
