"""Setting 32 mark bits: (old & ~mask) ^ value, in the five ways in which rules write it.

Spec: specs/targets/mark.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.effect import Assign, Effect
from verifier.model.extension import WHOLE_MARK, Malformed, Option, integer, value_and_mask
from verifier.model.fields import Field
from verifier.model.listing import Piece, piece
from verifier.model.predicate import Predicate

WAYS = {"--set-xmark": 1, "--set-mark": 1, "--and-mark": 1, "--or-mark": 1, "--xor-mark": 1}


@dataclass(frozen=True, slots=True)
class SetMark:
    """field := (field & ~mask) ^ value, for packets within `scope` (MT-1)."""

    field: Field
    value: int
    mask: int
    scope: Predicate

    def effect(self) -> Effect:
        return Assign(self.field, self.value, self.mask)

    def condition(self) -> Predicate:
        return self.scope

    def spelling(self) -> str:
        return f"--set-xmark {self.value:#x}/{self.mask:#x}"


def parse_marking(option: Option) -> tuple[int, int]:
    """Value and mask of the assignment that the option stands for (MT-2)."""
    text = option.arguments[0]
    if option.negated:
        raise Malformed(f"{option.flag} cannot be inverted")
    match option.flag:
        case "--set-xmark":
            return value_and_mask(text)
        case "--set-mark":
            value, mask = value_and_mask(text)
            return value, value | mask
        case "--and-mark":
            return 0, integer(text) ^ WHOLE_MARK
        case "--or-mark":
            return integer(text), integer(text)
        case _:
            return integer(text), 0


def listed_ways() -> tuple[Piece, ...]:
    """How a listing prints an assignment of mark bits; `set` without a mask sets all of them."""
    return (
        piece("--set-xmark", "xset (0x[0-9a-f]+/0x[0-9a-f]+)"),
        piece("--set-xmark", "set (0x[0-9a-f]+)", lambda match: (f"{match.group(1)}/{WHOLE_MARK:#x}",)),
        piece("--and-mark", "and (0x[0-9a-f]+)"),
        piece("--or-mark", "or (0x[0-9a-f]+)"),
        piece("--xor-mark", "xor (0x[0-9a-f]+)"),
    )
