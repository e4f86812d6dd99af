"""What a match extension is: its options, how to read them, and what a reading means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from verifier.model.extension import Option, wording
from verifier.model.predicate import Opaque, Predicate


class Match(Protocol):
    """The options of one `-m NAME` of one rule, understood."""

    def meaning(self) -> Predicate:
        """The packets for which the match holds."""

    def spelling(self) -> str:
        """The options as iptables-save prints them after `-m NAME`, "" for none."""


@dataclass(frozen=True, slots=True)
class MatchModule:
    """One match extension.

    `arity` says how many arguments each option takes; `synonyms` maps other names of an option to the one in `arity`.
    `parse(options, family)` reads the options of one use (family 4 or 6; options have their full names, each at most
    once) and raises Malformed for what iptables refuses, Unsupported for what has no static meaning here.
    """

    name: str
    summary: str
    arity: Mapping[str, int]
    parse: Callable[[tuple[Option, ...], int], Match]
    synonyms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpaqueMatch:
    """A match without a static meaning, kept with its whole wording."""

    name: str
    options: tuple[Option, ...]

    def meaning(self) -> Predicate:
        words = wording(self.options)
        return Opaque(f"-m {self.name} {words}" if words else f"-m {self.name}")

    def spelling(self) -> str:
        return wording(self.options)


def opaque_module(
    name: str, summary: str, arity: Mapping[str, int], synonyms: Mapping[str, str] = MappingProxyType({})
) -> MatchModule:
    """An extension of which only the extent of its options is known."""
    return MatchModule(name, summary, arity, lambda options, family: OpaqueMatch(name, options), synonyms)  # noqa: ARG005
