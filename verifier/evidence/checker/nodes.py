"""Shared Boolean nodes: decision diagrams for what tests a single constant, conjunctions for everything else.

A literal is twice the number of a node, plus one where it is negated. There are three kinds of node: the constant true,
a decision on one bit (high where the bit is 1, low where it is 0), and a conjunction of literals. Decisions test the bits
of a single constant in a fixed order and are reduced, so that two formulas over one constant are equivalent exactly when
they are the same literal. That is what makes a set of addresses equal to itself, however it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Result = TypeVar("Result")

TRUE = 0
FALSE = 1
MIXED = -1
"""The owner of a conjunction: it speaks of several constants."""
FLAT = 16
"""A conjunction inside another one is taken apart up to this many members."""
LONG = 4
"""A conjunction of that many other conjunctions is looked through for members that can be put together."""
MOST_NODES = 20_000_000
"""More than this is no script that is meant to be checked."""
MOST_REMEMBERED = 500_000
"""So many results are kept for another time."""


class TooManyNodesError(Exception):
    """The formulas need more nodes than anybody should have to hold."""


class Nodes:
    """The nodes of one script; every method gives literals that are equivalent to what its name says."""

    def __init__(self) -> None:
        self.owner = [MIXED]
        """Per node: the constant whose bits it tests, or MIXED."""
        self.bit = [MIXED]
        """Per decision: the bit that it tests, by its place in the order of all bits."""
        self.high = [TRUE]
        self.low = [TRUE]
        self.members: dict[int, tuple[int, ...]] = {}
        """Per conjunction: what it is of."""
        self._decisions: dict[tuple[int, int, int], int] = {}
        self._conjunctions: dict[tuple[int, ...], int] = {}
        self.owner_of_bit: list[int] = []
        self.most_conjunctions = MOST_NODES
        self._both: dict[tuple[int, int], int] = {}
        self._meet: dict[tuple[int, int], bool] = {}

    def constant(self, owner: int, width: int) -> tuple[int, ...]:
        """The literals of a new constant's bits, the most significant first."""
        first = len(self.owner_of_bit)
        self.owner_of_bit.extend([owner] * width)
        return tuple(self.decision(bit, TRUE, FALSE) for bit in range(first, first + width))

    def decision(self, bit: int, high: int, low: int) -> int:
        """If the bit then high else low; both test later bits of the same constant only."""
        if high == low:
            return high
        if high & 1:
            return self.decision(bit, high ^ 1, low ^ 1) ^ 1
        key = (bit, high, low)
        found = self._decisions.get(key)
        if found is None:
            found = self._new(self.owner_of_bit[bit], bit, high, low)
            self._decisions[key] = found
        return found

    def _new(self, owner: int, bit: int, high: int, low: int) -> int:
        number = len(self.owner)
        if number >= MOST_NODES:
            raise TooManyNodesError
        self.owner.append(owner)
        self.bit.append(bit)
        self.high.append(high)
        self.low.append(low)
        return 2 * number

    def conjunction(self, literals: Iterable[int]) -> int:
        """All of the literals hold."""
        same: dict[int, int] = {}
        gates: dict[int, None] = {}
        waiting = list(literals)
        waiting.reverse()
        while waiting:
            literal = waiting.pop()
            if literal == TRUE:
                continue
            if literal == FALSE:
                return FALSE
            owner = self.owner[literal >> 1]
            if owner != MIXED:
                met = self.both(same[owner], literal) if owner in same else literal
                if met == FALSE:
                    return FALSE
                same[owner] = met
            elif not literal & 1 and len(self.members[literal >> 1]) <= FLAT:
                waiting.extend(reversed(self.members[literal >> 1]))
            elif literal ^ 1 in gates:
                return FALSE
            else:
                gates[literal] = None
        if len(gates) >= LONG:
            return self._gate([*same.values(), *self._gathered(gates)])
        return self._gate([*same.values(), *gates])

    def _gathered(self, gates: Iterable[int]) -> Iterable[int]:
        """The same with fewer members: of products of tests that differ in one constant alone, one with all its values.

        (a = 1 and p) or (a = 2 and p) becomes (a = 1 or a = 2) and p, here with both sides negated.
        """
        kept: dict[int, None] = {}
        products: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for gate in gates:
            members = self.members[gate >> 1] if gate & 1 else ()
            owners = tuple(self.owner[member >> 1] for member in members)
            if not members or MIXED in owners:
                kept[gate] = None
            else:
                order = sorted(range(len(owners)), key=owners.__getitem__)
                shape = tuple(owners[place] for place in order)
                products.setdefault(shape, []).append(tuple(members[place] for place in order))
        for alike in products.values():
            kept.update(dict.fromkeys(self.conjunction(product) ^ 1 for product in self._united(alike)))
        return kept

    def _united(self, products: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Products of tests of the same constants, place by place, with those united that differ in one place alone."""
        for place in range(len(products[0])):
            groups: dict[tuple[int, ...], list[int]] = {}
            for product in products:
                groups.setdefault(product[:place] + product[place + 1 :], []).append(product[place])
            products = [
                (*rest[:place], values[0] if len(values) == 1 else self.disjunction(values), *rest[place:])
                for rest, values in groups.items()
            ]
        return products

    def _gate(self, members: list[int]) -> int:
        """The members keep the order of their first meeting, which no node made meanwhile can change."""
        if not members:
            return TRUE
        if len(members) == 1:
            return members[0]
        key = tuple(sorted(members))
        found = self._conjunctions.get(key)
        if found is None:
            if len(self.members) >= self.most_conjunctions:
                raise TooManyNodesError
            found = self._new(MIXED, MIXED, TRUE, TRUE)
            self.members[found >> 1] = tuple(members)
            self._conjunctions[key] = found
        return found

    def both(self, one: int, other: int) -> int:
        """The conjunction of two formulas over the same constant."""
        if other in (one, TRUE):
            return one
        if one == TRUE:
            return other
        if FALSE in (one, other) or one == other ^ 1:
            return FALSE
        key = (one, other) if one < other else (other, one)
        found = self._both.get(key)
        if found is None:
            bit = min(self.bit[one >> 1], self.bit[other >> 1])
            high, low = self._halves(one, bit)
            other_high, other_low = self._halves(other, bit)
            found = self.decision(bit, self.both(high, other_high), self.both(low, other_low))
            self._remember(self._both, key, found)
        return found

    def meet(self, one: int, other: int) -> bool:
        """Whether some value satisfies both of two formulas over the same constant."""
        if FALSE in (one, other) or one == other ^ 1:
            return False
        if TRUE in (one, other) or one == other:
            return True
        key = (one, other) if one < other else (other, one)
        found = self._meet.get(key)
        if found is None:
            bit = min(self.bit[one >> 1], self.bit[other >> 1])
            high, low = self._halves(one, bit)
            other_high, other_low = self._halves(other, bit)
            found = self.meet(high, other_high) or self.meet(low, other_low)
            self._remember(self._meet, key, found)
        return found

    @staticmethod
    def _remember(memory: dict[tuple[int, int], Result], key: tuple[int, int], result: Result) -> None:
        if len(memory) >= MOST_REMEMBERED:
            memory.clear()
        memory[key] = result

    def point(self, literal: int, bits: tuple[int, ...]) -> tuple[int, ...] | None:
        """The values of a constant's bits, where a formula over it leaves a single one; None where it leaves more."""
        values: list[int] = []
        for bit in bits:
            if literal in {TRUE, FALSE} or self.bit[literal >> 1] != self.bit[bit >> 1]:
                return None
            high, low = self._halves(literal, self.bit[bit >> 1])
            if FALSE not in {high, low}:
                return None
            values.append(FALSE if high == FALSE else TRUE)
            literal = low if high == FALSE else high
        return tuple(values) if literal == TRUE else None

    def _halves(self, literal: int, bit: int) -> tuple[int, int]:
        node, sign = literal >> 1, literal & 1
        if self.bit[node] != bit:
            return literal, literal
        return self.high[node] ^ sign, self.low[node] ^ sign

    def disjunction(self, literals: Iterable[int]) -> int:
        """One of the literals holds."""
        return self.conjunction([literal ^ 1 for literal in literals]) ^ 1

    def choice(self, condition: int, then: int, otherwise: int) -> int:
        """If the condition then one literal else another."""
        if condition == TRUE or then == otherwise:
            return then
        if condition == FALSE:
            return otherwise
        if then in {TRUE, condition}:
            return self.disjunction((condition, otherwise))
        if then in {FALSE, condition ^ 1}:
            return self.conjunction((condition ^ 1, otherwise))
        if otherwise in {TRUE, condition ^ 1}:
            return self.disjunction((condition ^ 1, then))
        if otherwise in {FALSE, condition}:
            return self.conjunction((condition, then))
        return self.disjunction((self.conjunction((condition, then)), self.conjunction((condition ^ 1, otherwise))))

    def same(self, one: int, other: int) -> int:
        """Both literals hold or neither."""
        return self.choice(one, other, other ^ 1)

    def different(self, one: int, other: int) -> int:
        """One of two literals holds and the other does not."""
        return self.choice(one, other ^ 1, other)

    def all_of(self, one: int, other: int) -> int:
        """Two literals hold."""
        if TRUE in {one, other} or one == other:
            return other if one == TRUE else one
        return self.conjunction((one, other))

    def one_of(self, one: int, other: int) -> int:
        """One of two literals holds."""
        return self.all_of(one ^ 1, other ^ 1) ^ 1

    def applied(self, literal: int, bits: dict[int, int], memo: dict[int, int]) -> int:
        """A formula over one constant with other literals in the place of the constant's bits."""
        node, sign = literal >> 1, literal & 1
        if not node:
            return literal
        found = memo.get(node)
        if found is None:
            condition = bits[self.bit[node]]
            if condition in {TRUE, FALSE}:
                found = self.applied(self.high[node] if condition == TRUE else self.low[node], bits, memo)
            else:
                high, low = self.applied(self.high[node], bits, memo), self.applied(self.low[node], bits, memo)
                found = self._decided(condition, high, low)
            memo[node] = found
        return found ^ sign

    def _decided(self, condition: int, high: int, low: int) -> int:
        """The same as a choice; where the condition is a bit before all that the rest tests, it is a decision."""
        node = condition >> 1
        if self.high[node] == TRUE and self.low[node] == FALSE and not condition & 1:
            rest = [each >> 1 for each in (high, low) if each > FALSE]
            if all(self.owner[each] == self.owner[node] and self.bit[each] > self.bit[node] for each in rest):
                return self.decision(self.bit[node], high, low)
        return self.choice(condition, high, low)

    def replaced(self, literal: int, bits: dict[int, int], memo: dict[int, int]) -> int:
        """A formula with other literals in the place of some constants' bits, of all that each of these has."""
        node, sign = literal >> 1, literal & 1
        if not node:
            return literal
        found = memo.get(node)
        if found is None:
            members = self.members.get(node)
            if members is None:
                found = self.applied(2 * node, bits, memo) if self.bit[node] in bits else 2 * node
            else:
                found = self._all_replaced(members, bits, memo)
            memo[node] = found
        return found ^ sign

    def _all_replaced(self, members: tuple[int, ...], bits: dict[int, int], memo: dict[int, int]) -> int:
        found: list[int] = []
        for member in members:
            other = self.replaced(member, bits, memo)
            if other == FALSE:
                return FALSE
            found.append(other)
        return self.conjunction(found)

    def size(self, literals: Iterable[int]) -> int:
        """How many conjunctions formulas have, each counted once."""
        seen: set[int] = set()
        waiting = [literal >> 1 for literal in literals]
        while waiting:
            node = waiting.pop()
            if node in self.members and node not in seen:
                seen.add(node)
                waiting.extend(member >> 1 for member in self.members[node])
        return len(seen)
