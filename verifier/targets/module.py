"""What a target extension is: its options, how to read them, and what it does to a packet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from verifier.model.effect import Continue, Effect, Unknown
from verifier.model.extension import Option, wording
from verifier.model.predicate import TRUE, Predicate


class Target(Protocol):
    """The target of one rule with its options, understood."""

    def effect(self) -> Effect:
        """What it does to a packet that the rule matches."""

    def condition(self) -> Predicate:
        """The packets that it touches at all; on others the rule has no effect."""

    def spelling(self) -> str:
        """The options as iptables-save prints them after `-j NAME`, "" for none."""


@dataclass(frozen=True, slots=True)
class TargetModule:
    """One target extension.

    `arity` says how many arguments each option takes; `synonyms` maps other names of an option to the one in `arity`.
    `parse(options, family)` reads the options of one use (family 4 or 6; options have their full names, each at most
    once) and raises Malformed for what iptables refuses, Unsupported for what has no meaning here.
    """

    name: str
    summary: str
    arity: Mapping[str, int]
    parse: Callable[[tuple[Option, ...], int], Target]
    synonyms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlainTarget:
    """A target whose effect its options do not change, or have decided already."""

    result: Effect
    options: tuple[Option, ...]

    def effect(self) -> Effect:
        return self.result

    def condition(self) -> Predicate:
        return TRUE

    def spelling(self) -> str:
        return wording(self.options)


def plain_module(name: str, summary: str, effect: Effect, arity: Mapping[str, int] | None = None) -> TargetModule:
    """A target that always has this effect."""
    return TargetModule(name, summary, arity or {}, lambda options, family: PlainTarget(effect, options))  # noqa: ARG005


def continuing_module(name: str, summary: str, arity: Mapping[str, int] | None = None) -> TargetModule:
    """A target that changes nothing that this model has: the next rule follows."""
    return plain_module(name, summary, Continue(), arity)


def unknown_module(name: str, summary: str, reason: str, arity: Mapping[str, int] | None = None) -> TargetModule:
    """A target after which anything may become of the packet; `reason` says why."""

    def parse(options: tuple[Option, ...], family: int) -> PlainTarget:  # noqa: ARG001  one signature for all
        return PlainTarget(Unknown(f"{jump_wording(name, options)}: {reason}"), options)

    return TargetModule(name, summary, arity or {}, parse)


def jump_wording(name: str, options: tuple[Option, ...]) -> str:
    """A target with its options as the rule writes them."""
    return f"-j {name} {wording(options)}" if options else f"-j {name}"
