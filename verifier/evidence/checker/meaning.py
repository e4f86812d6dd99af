"""What the terms of a script mean, as nodes: bit by bit, with everything folded that is known where they stand.

A query is taken apart into cases where it asserts that one of many things holds, such as that the other end is one of a
node's pods. Each case is followed under what its assertions say of single constants: where they give a value, it stands in
the constant's place; where they leave some values, a test that holds for all of these is true, one for none is false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias, cast

from verifier.evidence.checker.choices import chosen, over
from verifier.evidence.checker.nodes import FALSE, TRUE, Nodes, TooManyNodesError
from verifier.evidence.checker.terms import Choice, Function, Term, Value

Vector = tuple[int, ...]
Case: TypeAlias = tuple[Mapping[int, Value], int]
"""Values of constants, and the literal that says what else a case says; it speaks of none of these constants."""
MANY = 4
"""An assertion of that many alternatives is taken apart into cases."""
WIDE = 32
"""Arguments of so many bits may wait."""
MOST_ARGUMENTS = 3
MOST_OUTLINED = 300
"""An outline of more conjunctions is not worth keeping."""
MOST_TRIED = 2000
"""To find out whether there is an outline is worth so many conjunctions."""


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
        self._memories: dict[tuple[tuple[int, int], ...], dict[object, Value]] = {}
        self._always: dict[object, Value] = {}
        self._now: dict[object, Value] = {}
        self._left: dict[int, int] = {}
        self._folded: dict[int, int] = {}
        self._own: dict[tuple[int, int], Vector] = {}
        self._fills: dict[tuple[int, Vector], dict[int, int]] = {}
        self._folds: dict[tuple[tuple[int, int], ...], dict[int, int]] = {}
        self._waiting: dict[tuple[Function, tuple[int, ...]], tuple[int, ...]] = {}

    def cases(self, assertions: Sequence[Term]) -> list[Case]:
        """The cases of a query: all assertions can hold exactly where the literal of some case can."""
        given = self.given(assertions)
        chosen = max(assertions, key=lambda term: len(_alternatives(term)), default=None)
        if chosen is None or len(_alternatives(chosen)) < MANY:
            return [(given, self._case(given, assertions, TRUE))]
        rest = [term for term in assertions if term is not chosen]
        found: list[Case] = []
        for alternative in self._split(given, chosen):
            points, said = self._points(alternative)
            values = {**points, **given}
            found.append((values, self._case(values, rest, TRUE if said else alternative)))
        return found

    def under(self, values: Mapping[int, Value], assertions: Sequence[Term]) -> int:
        """The literal that says that all assertions hold where these constants have these values."""
        self._enter(values)
        frame = Frame(())
        members = []
        for term in assertions:
            member = cast(int, self._value(term, frame))
            if member == FALSE:
                return FALSE
            members.append(member)
        return self.nodes.conjunction(members)

    def _enter(self, values: Mapping[int, Value]) -> None:
        self._values = dict(values)
        self._mask = sum(1 << number for number in values)
        self._now = {}
        self._left = {}
        self._folded = {}
        self._always = self._memories.setdefault((), {})

    def _case(self, values: Mapping[int, Value], assertions: Sequence[Term], alternative: int) -> int:
        """All assertions, and the alternative, which says itself which values the constants have that it gives."""
        self._enter(values)
        left: dict[int, int] = {}
        for term in _conjuncts(assertions):
            open_constants = term.constants & ~self._mask
            if open_constants and not open_constants & (open_constants - 1):
                literal = cast(int, self._value(term, Frame(())))
                owner = self.nodes.owner[literal >> 1]
                if literal == FALSE:
                    return FALSE
                if owner >= 0:
                    left[owner] = self.nodes.both(left.get(owner, TRUE), literal)
        self._now = {}
        self._left = left
        key = tuple(sorted(left.items()))
        self._folded = self._folds.setdefault(key, {})
        self._always = self._memories.setdefault(key, {})
        frame = Frame(())
        members = [alternative, *left.values()]
        for term in assertions:
            member = cast(int, self._value(term, frame))
            if member == FALSE:
                return FALSE
            members.append(member)
        return self.nodes.conjunction(members)

    def _fold(self, literal: int) -> int:
        """The literal, or what it is for all values that the query leaves its constant."""
        left = self._left.get(self.nodes.owner[literal >> 1])
        if left is None:
            return literal
        found = self._folded.get(literal)
        if found is None:
            if not self.nodes.meet(literal, left):
                found = FALSE
            else:
                found = literal if self.nodes.meet(literal ^ 1, left) else TRUE
            self._folded[literal] = found
        return found

    def _split(self, given: Mapping[int, Value], term: Term) -> list[int]:
        """The alternatives of an assertion, as literals under the given values."""
        found: list[int] = []
        self._enter(given)
        for alternative in _alternatives(term):
            arguments = [self._value(each, Frame(())) for each in term.arguments] if term.operation == "call" else []
            found.append(cast(int, self._value(alternative, Frame(arguments))))
        return found

    def _points(self, literal: int) -> tuple[dict[int, Value], bool]:
        """The constants to which a literal leaves a single value, with that, and whether it says nothing else."""
        if literal in {TRUE, FALSE}:
            return {}, False
        members = self.nodes.members.get(literal >> 1, (literal,)) if not literal & 1 else (literal,)
        values: dict[int, Value] = {}
        for member in members:
            owner = self.nodes.owner[member >> 1]
            if owner >= 0:
                bits = self.nodes.point(member, self._vector(self._constants[owner]))
                if bits is not None:
                    values[owner] = bits if isinstance(self._constants[owner], tuple) else bits[0]
        return values, len(values) == len(members)

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
        general = cast(int, self._apart(term, Frame(())))
        values = self._values
        return self._replaced(general, self._vector(self._constants[number]), self._vector(values[number]))

    def _apart(self, term: Term, frame: Frame) -> Value:
        """A term followed without anything that the query at hand says."""
        kept = self._values, self._mask, self._left, self._always
        self._values, self._mask, self._left, self._always = {}, 0, {}, self._memories.setdefault((), {})
        try:
            return self._value(term, frame)
        finally:
            self._values, self._mask, self._left, self._always = kept

    def _replaced(self, literal: int, old: Vector, new: Vector) -> int:
        places = {self.nodes.bit[bit >> 1]: other for bit, other in zip(old, new, strict=True)}
        return self.nodes.applied(literal, places, {})

    @staticmethod
    def _vector(value: Value) -> Vector:
        return value if isinstance(value, tuple) else (cast(int, value),)

    def _call(self, term: Term, frame: Frame) -> Value:
        function = cast(Function, term.payload)
        arguments: list[Value] = []
        for each in term.arguments:
            arguments.append(self._value(each, frame))  # noqa: PERF401 (a comprehension would cost a frame per level)
        return over(self.nodes, arguments, lambda values: self._applied(function, values))

    def _applied(self, function: Function, arguments: Sequence[Value]) -> Value:
        known = self._memory(function.body.constants)
        key = (function, *arguments)
        found = known.get(key)
        if found is None:
            waiting = self._which_wait(function, arguments)
            if waiting:
                found = self._filled(self._outline(function, arguments, waiting), arguments, waiting)
            else:
                found = self._value(function.body, Frame(arguments))
            known[key] = found
        return found

    def _outline(self, function: Function, arguments: Sequence[Value], waiting: Sequence[int]) -> Value:
        """The body, followed with a constant of its own for each argument that waits."""
        partly = list(arguments)
        for place in waiting:
            partly[place] = self._own_constant(place, function.widths[place])
        known = self._memory(function.body.constants)
        key = (function, *partly)
        found = known.get(key)
        if found is None:
            found = known[key] = self._value(function.body, Frame(partly))
        return found

    def _own_constant(self, place: int, width: int) -> Vector:
        """What stands for the argument at a place until it is filled in; it is none of the script's constants."""
        found = self._own.get((place, width))
        if found is None:
            found = self._own[place, width] = self.nodes.constant(-2 - len(self._own), width)
        return found

    def _filled(self, outline: Value, arguments: Sequence[Value], waiting: Sequence[int]) -> Value:
        """An outline with the arguments in the places of the constants that stand for them."""
        bits: dict[int, int] = {}
        key: list[tuple[int, Vector]] = []
        for place in waiting:
            argument = self._vector(arguments[place])
            own = self._own_constant(place, len(argument))
            if own != argument:
                bits.update((self.nodes.bit[bit >> 1], other) for bit, other in zip(own, argument, strict=True))
                key.append((place, argument))
        if not bits:
            return outline
        memo = self._fills.setdefault(key[0], {}) if len(key) == 1 else {}
        replaced = self.nodes.replaced

        def filled(value: Value) -> Value:
            if isinstance(value, int):
                return replaced(value, bits, memo)
            return tuple([replaced(literal, bits, memo) for literal in self._vector(value)])

        if isinstance(outline, Choice):
            return chosen(self.nodes, [(replaced(way, bits, memo), filled(value)) for way, value in outline.ways])
        return filled(outline)

    def _which_wait(self, function: Function, arguments: Sequence[Value]) -> tuple[int, ...]:
        """The places of the wide arguments that wait, all or one, where the outline stays small.

        All others are values: what else there is might be about what stands for an argument that waits.
        """
        if len(function.widths) > MOST_ARGUMENTS or max(function.widths) < WIDE:
            return ()
        open_ = tuple([place for place, each in enumerate(arguments) if max(self._vector(each)) > FALSE])
        found = self._waiting.get((function, open_))
        if found is None:
            wide = [place for place, width in enumerate(function.widths) if width >= WIDE]
            found = ()
            for ways in ([tuple(wide)], [(place,) for place in wide] if len(wide) > 1 else []):
                sizes = [(self._size(function, arguments, way), way) for way in ways if set(way) >= set(open_)]
                size, best = min(sizes, default=(MOST_OUTLINED, ()))
                if size < MOST_OUTLINED:
                    found = best
                    break
            self._waiting[function, open_] = found
        return found

    def _size(self, function: Function, arguments: Sequence[Value], waiting: Sequence[int]) -> int:
        """How many conjunctions an outline has, or more than are wanted where it takes too many to find out."""
        limit = self.nodes.most_conjunctions
        most = len(self.nodes.members) + MOST_TRIED
        self.nodes.most_conjunctions = min(limit, most)
        try:
            outline = self._outline(function, arguments, waiting)
        except TooManyNodesError:
            if most > limit:
                raise
            return MOST_OUTLINED
        finally:
            self.nodes.most_conjunctions = limit
        if isinstance(outline, Choice):
            return self.nodes.size([way for way, _ in outline.ways])
        return self.nodes.size(self._vector(outline))

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
        return over(self.nodes, values, lambda each: self._operation(term, each))

    def _operation(self, term: Term, values: Sequence[Value]) -> Value:
        operation = term.operation
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
            member = self._fold(cast(int, self._value(each, frame)))
            if flip and not (operation == "=>" and place < last):
                member ^= 1
            if member == FALSE:
                return FALSE ^ flip
            members.append(member)
        return self.nodes.conjunction(members) ^ flip

    def _chosen(self, term: Term, frame: Frame) -> Value:
        """A vector that is changed under a condition is followed for each of the values that it has before."""
        before = term.arguments[2]
        if term.width and before.named and before.local:
            value = self._value(before, frame)
            if isinstance(value, Choice):
                return chosen(self.nodes, [(way, self._changed(term, frame, each)) for way, each in value.ways])
        return self._branched(term, frame)

    def _changed(self, term: Term, frame: Frame, before: Value) -> Value:
        inner = Frame(frame.arguments)
        inner.known[term.arguments[2]] = before
        return self._branched(term, inner)

    def _branched(self, term: Term, frame: Frame) -> Value:
        condition = self._fold(cast(int, self._value(term.arguments[0], frame)))
        if condition in {TRUE, FALSE}:
            return self._value(term.arguments[1 if condition == TRUE else 2], frame)
        then = self._value(term.arguments[1], frame)
        otherwise = self._value(term.arguments[2], frame)
        if not term.width:
            return self.nodes.choice(condition, cast(int, then), cast(int, otherwise))
        return chosen(self.nodes, ((condition, then), (condition ^ 1, otherwise)))

    def _equal(self, one: Vector, other: Vector) -> int:
        """Bit by bit, the last first, so that diagrams grow from their ends."""
        if one == other:
            return TRUE
        if max(one) <= FALSE and max(other) <= FALSE:
            return FALSE
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


def _alternatives(term: Term) -> tuple[Term, ...]:
    """What an assertion says that one of holds, where it says no more than that."""
    body = cast(Function, term.payload).body if term.operation == "call" else term
    return body.arguments if body.operation == "or" else ()


def _conjuncts(assertions: Sequence[Term]) -> Iterator[Term]:
    """What assertions say one by one."""
    waiting = list(reversed(assertions))
    while waiting:
        term = waiting.pop()
        if term.operation == "and":
            waiting.extend(reversed(term.arguments))
        else:
            yield term
