"""What the terms of a script mean, as nodes: bit by bit, with everything folded that the known values decide.

A query is followed under the values that its own assertions give to constants, such as the address of the pod that it
is about: an assertion says that the constant has the value, so that nothing else needs to be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from verifier.evidence.checker.nodes import FALSE, TRUE, Nodes
from verifier.evidence.checker.terms import BOOL, Function, Term, Value

Vector = tuple[int, ...]


class Frame:
    """The arguments of a call, and what has been worked out under them."""

    __slots__ = ("arguments", "known")

    def __init__(self, arguments: Sequence[Value]) -> None:
        self.arguments = arguments
        self.known: dict[Term, Value] = {}


class Meaning:
    """Follows the terms of one script; what does not depend on the query at hand is worked out once."""

    def __init__(self, widths: Sequence[int]) -> None:
        self.nodes = Nodes()
        self._constants: list[Value] = []
        for number, width in enumerate(widths):
            bits = self.nodes.constant(number, max(width, 1))
            self._constants.append(bits if width else bits[0])
        self._values: dict[int, Value] = {}
        self._mask = 0
        self._always: dict[object, Value] = {}
        self._now: dict[object, Value] = {}
        self._patterns: dict[Function, tuple[int, Vector]] = {}

    def query(self, assertions: Sequence[Term]) -> int:
        """The literal that says that all assertions hold, under the values that they give to constants."""
        return self.under(self.given(assertions), assertions)

    def under(self, values: Mapping[int, Value], assertions: Sequence[Term]) -> int:
        """The literal that says that all assertions hold where these constants have these values."""
        self._values = dict(values)
        self._mask = sum(1 << number for number in values)
        self._now = {}
        frame = Frame(())
        members = []
        for term in assertions:
            member = cast(int, self._value(term, frame))
            if member == FALSE:
                return FALSE
            members.append(member)
        return self.nodes.conjunction(members)

    def given(self, assertions: Sequence[Term]) -> dict[int, Value]:
        """The constants that the assertions equate with values; the first counts where they contradict each other."""
        values: dict[int, Value] = {}
        waiting = list(reversed(assertions))
        while waiting:
            term = waiting.pop()
            if term.operation == "and":
                waiting.extend(reversed(term.arguments))
            elif term.operation == "constant":
                values.setdefault(cast(int, term.payload), TRUE)
            elif term.operation == "not" and term.arguments[0].operation == "constant":
                values.setdefault(cast(int, term.arguments[0].payload), FALSE)
            elif term.operation == "=" and len(term.arguments) == 2:
                one, other = sorted(term.arguments, key=lambda each: each.operation)
                if one.operation == "constant" and other.operation == "value":
                    values.setdefault(cast(int, one.payload), cast(Value, other.payload))
        return values

    def _value(self, term: Term, frame: Frame) -> Value:
        operation = term.operation
        if operation == "value":
            return cast(Value, term.payload)
        if operation == "parameter":
            return frame.arguments[cast(int, term.payload)]
        if operation == "constant":
            number = cast(int, term.payload)
            return self._values[number] if self._mask >> number & 1 else self._constants[number]
        if not term.named:
            return self._result(term, frame)
        known = frame.known if term.local else cast(dict[Term, Value], self._memory(term.constants))
        found = known.get(term)
        if found is None:
            found = self._at_values(term) if self._is_about_one(term) else self._result(term, frame)
            known[term] = found
        return found

    def _memory(self, constants: int) -> dict[object, Value]:
        return self._now if constants & self._mask else self._always

    def _is_about_one(self, term: Term) -> bool:
        """Whether the term is Boolean and depends on a single constant, whose value is known here."""
        constants = term.constants
        return not (term.width or term.local or not constants & self._mask or constants & (constants - 1))

    def _at_values(self, term: Term) -> Value:
        """The same as following the term, through its diagram: a long list of members is read once, not per query."""
        number = term.constants.bit_length() - 1
        values, mask = self._values, self._mask
        self._values, self._mask = {}, 0
        general = cast(int, self._value(term, Frame(())))
        self._values, self._mask = values, mask
        return self._replaced(general, self._vector(self._constants[number]), self._vector(values[number]))

    def _replaced(self, literal: int, old: Vector, new: Vector) -> int:
        places = {self.nodes.bit[bit >> 1]: other for bit, other in zip(old, new, strict=True)}
        return self.nodes.applied(literal, places, {})

    @staticmethod
    def _vector(value: Value) -> Vector:
        return value if isinstance(value, tuple) else (value,)

    def _call(self, term: Term, frame: Frame) -> Value:
        function = cast(Function, term.payload)
        arguments: list[Value] = []
        for each in term.arguments:
            arguments.append(self._value(each, frame))  # noqa: PERF401 (a comprehension would cost a frame per level)
        known = self._memory(function.body.constants)
        key = (function, *arguments)
        found = known.get(key)
        if found is None:
            if len(arguments) == 1 and function.body.width == BOOL and not function.body.constants:
                found = self._by_pattern(function, self._vector(arguments[0]))
            else:
                found = self._value(function.body, Frame(arguments))
            known[key] = found
        return found

    def _by_pattern(self, function: Function, argument: Vector) -> int:
        """A Boolean of one argument alone: followed once for a constant of its own, then the argument put in its place."""
        pattern = self._patterns.get(function)
        if pattern is None:
            width = function.widths[0]
            bits = self.nodes.constant(-2 - len(self._patterns), max(width, 1))
            pattern = (cast(int, self._value(function.body, Frame((bits if width else bits[0],)))), bits)
            self._patterns[function] = pattern
        return self._replaced(pattern[0], pattern[1], argument)

    def _result(self, term: Term, frame: Frame) -> Value:
        operation = term.operation
        if operation in {"and", "or", "=>"}:
            return self._connected(term, frame)
        if operation == "ite":
            return self._chosen(term, frame)
        if operation == "call":
            return self._call(term, frame)
        values: list[Value] = []
        for each in term.arguments:
            values.append(self._value(each, frame))  # noqa: PERF401 (a comprehension would cost a frame per level)
        if operation == "not":
            return cast(int, values[0]) ^ 1
        if operation == "xor":
            result = cast(int, values[0])
            for value in values[1:]:
                result = self.nodes.different(result, cast(int, value))
            return result
        vectors = [self._vector(value) for value in values]
        if operation == "=":
            equal = [self._equal(one, other) for one, other in pairwise(vectors)]
            return self.nodes.conjunction(equal)
        if operation == "distinct":
            pairs = [self._equal(one, other) ^ 1 for place, one in enumerate(vectors) for other in vectors[:place]]
            return self.nodes.conjunction(pairs)
        return self._on_bits(operation, vectors, term.payload)

    def _connected(self, term: Term, frame: Frame) -> int:
        """The arguments in their order, as far as the result is not settled; a => b => c is (not a) or (not b) or c."""
        operation = term.operation
        last = len(term.arguments) - 1
        flip = 0 if operation == "and" else 1
        members: list[int] = []
        for place, each in enumerate(term.arguments):
            member = cast(int, self._value(each, frame))
            if flip and not (operation == "=>" and place < last):
                member ^= 1
            if member == FALSE:
                return FALSE ^ flip
            members.append(member)
        return self.nodes.conjunction(members) ^ flip

    def _chosen(self, term: Term, frame: Frame) -> Value:
        condition = cast(int, self._value(term.arguments[0], frame))
        if condition in {TRUE, FALSE}:
            return self._value(term.arguments[1 if condition == TRUE else 2], frame)
        then = self._value(term.arguments[1], frame)
        otherwise = self._value(term.arguments[2], frame)
        if not isinstance(then, tuple) or not isinstance(otherwise, tuple):
            return self.nodes.choice(condition, cast(int, then), cast(int, otherwise))
        choice = self.nodes.choice
        return tuple([choice(condition, one, other) for one, other in zip(then, otherwise, strict=True)])

    def _equal(self, one: Vector, other: Vector) -> int:
        """Bit by bit, the last first, so that diagrams grow from their ends."""
        same = self.nodes.same
        bits = [same(a, b) for a, b in zip(reversed(one), reversed(other), strict=True)]
        return self.nodes.conjunction(bits)

    def _on_bits(self, operation: str, vectors: list[Vector], payload: object) -> Value:
        nodes = self.nodes
        if operation == "concat":
            return tuple([bit for vector in vectors for bit in vector])
        if operation == "extract":
            start, end = cast(tuple[int, int], payload)
            return vectors[0][start:end]
        if operation == "bvnot":
            return tuple([bit ^ 1 for bit in vectors[0]])
        if operation in {"bvule", "bvugt"}:
            return self._at_most(vectors[0], vectors[1]) ^ (operation == "bvugt")
        if operation in {"bvuge", "bvult"}:
            return self._at_most(vectors[1], vectors[0]) ^ (operation == "bvult")
        together = {"bvand": nodes.all_of, "bvor": nodes.one_of, "bvxor": nodes.different}[operation]
        result = vectors[0]
        for vector in vectors[1:]:
            result = tuple([together(one, other) for one, other in zip(result, vector, strict=True)])
        return result

    def _at_most(self, one: Vector, other: Vector) -> int:
        """Whether the first, read as a number, is at most the second: decided by the first bit that differs."""
        result = TRUE
        for a, b in zip(reversed(one), reversed(other), strict=True):
            result = self.nodes.choice(self.nodes.same(a, b), result, b)
        return result
