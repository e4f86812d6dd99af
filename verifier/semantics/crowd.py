"""Kinds of pods as bits of an integer: which of them fulfil a condition, and which give the same answers to several.

Spec: specs/questions/for_all.md (FA-4)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verifier.model.fields import Label, Scope
from verifier.semantics.conditions import ACCOUNT_NAME, SPACE_NAME, Condition, Conditions, Key, Test, Value
from verifier.semantics.kinds import Kind
from verifier.semantics.line import cells


class Crowd:
    """All kinds of pods, found by what they have."""

    def __init__(self, kinds: Sequence[Kind], conditions: Conditions) -> None:
        self.kinds = tuple(kinds)
        self.all = (1 << len(kinds)) - 1
        self._conditions = conditions
        self._known: dict[Condition, int] = {}
        self._values: dict[Key, dict[Value, int]] = {}
        for place, kind in enumerate(kinds):
            for name, port in kind.ports.items():
                self._add(name, port, place)
        for scope, labels in ((Scope.POD, [k.labels for k in kinds]), (Scope.NAMESPACE, [k.space for k in kinds])):
            known: dict[str, Label] = {}
            for place, each in enumerate(labels):
                for key, value in each.items():
                    label = known.setdefault(key, Label(SPACE_NAME.end, scope, key))
                    self._add(label, value, place)
        for place, kind in enumerate(kinds):
            self._add(ACCOUNT_NAME, kind.account, place)

    def _add(self, key: Key, value: Value, place: int) -> None:
        values = self._values.setdefault(key, {})
        values[value] = values.get(value, 0) | 1 << place

    def mask(self, condition: Condition) -> int:
        """The kinds that fulfil a condition."""
        found = self._known.get(condition)
        if found is None:
            found = self._known[condition] = self._mask(condition)
        return found

    def _mask(self, condition: Condition) -> int:
        if isinstance(condition, int):
            mask = self.all
            for test in self._conditions.terms[condition]:
                mask &= self._passing(test)
            return mask
        joint, parts = condition
        masks = [self.mask(part) for part in parts]
        if joint == "&":
            mask = self.all
            for each in masks:
                mask &= each
            return mask
        mask = 0
        for each in masks:
            mask |= each
        return mask if joint == "|" else self.all & ~mask

    def _passing(self, test: Test) -> int:
        mask = 0
        for value, having in self._values.get(test.key, {}).items():
            if test.passes(value):
                mask |= having
        if test.passes(None):
            present = 0
            for having in self._values.get(test.key, {}).values():
                present |= having
            mask |= self.all & ~present
        return mask

    def answers(self, conditions: Iterable[Condition], among: int) -> dict[int, int]:
        """What each kind answers to conditions, as a number per kind: kinds with one number are alike."""
        found = dict.fromkeys(cells(among), 0)
        for place, condition in enumerate(conditions):
            mask, bit = self.mask(condition) & among, 1 << place
            if mask.bit_count() * 2 > len(found):
                mask ^= among
            for kind in cells(mask):
                found[kind] |= bit
        return found
