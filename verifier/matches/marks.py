"""Tests of 32 mark bits under a mask, for the packet's mark and its connection's.

Spec: specs/matches/mark.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verifier.model.extension import Malformed, Option, spell_value_and_mask, value_and_mask
from verifier.model.fields import Field
from verifier.model.predicate import FALSE, TRUE, Masked, Predicate, all_of, negate


@dataclass(frozen=True, slots=True)
class MarkTest:
    """Holds when the field agrees with `value` on all bits, taken under `mask` (MK-1); within `scope` only."""

    field: Field
    value: int
    mask: int
    negated: bool
    scope: Predicate

    def meaning(self) -> Predicate:
        if self.value & ~self.mask:
            agrees = FALSE
        elif self.mask == 0:
            agrees = TRUE
        else:
            agrees = Masked(self.field, self.value, self.mask)
        return all_of(self.scope, negate(agrees, self.negated))

    def spelling(self) -> str:
        return f"{'! ' if self.negated else ''}--mark {spell_value_and_mask(self.value, self.mask)}"


def mark_parser(field: Field, scope: Predicate) -> Callable[[tuple[Option, ...], int], MarkTest]:
    """A `parse` for a test of `field` that is false, inverted or not, outside `scope`."""

    def parse(options: tuple[Option, ...], family: int) -> MarkTest:  # noqa: ARG001  one signature for all
        if not options:
            raise Malformed("--mark is missing")
        value, mask = value_and_mask(options[0].arguments[0])
        return MarkTest(field, value, mask, options[0].negated, scope)

    return parse
