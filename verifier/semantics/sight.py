"""What is known of a packet in the midst of the rules: names of interfaces, mark bits, and what else had to be so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from verifier.model.counters import Condition
from verifier.model.fields import Field
from verifier.model.predicate import Masked, Named, Opaque, Predicate
from verifier.semantics.atoms import FreeTest, MarkTest, NameTest

WHOLE = (1 << 64) - 1
"""Mark and connection mark, together."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the rules so far tell of a packet.

    `names` are tests of interfaces that hold. Of the mark bits, those of `fixed` have the value of `value`; the others
    are what they were at the beginning (of the listing, or after a chain that it does not show: `since`), turned over
    where `value` says so; `asked` are those of the beginning that some rule tested, with the outcome in `answer`.
    """

    names: tuple[NameTest, ...] = ()
    fixed: int = 0
    value: int = 0
    asked: int = 0
    answer: int = 0
    since: str = ""
    conditions: tuple[Condition, ...] = ()

    def assigned(self, value: int, mask: int) -> Sight:
        """After mark := (mark & ~mask) ^ value."""
        return replace(self, fixed=self.fixed | mask, value=(self.value & ~mask) ^ value)

    def forgotten(self, bits: int) -> Sight:
        """With these mark bits fixed to what nobody knows; tests of them begin anew."""
        settled = replace(self, conditions=self.told())
        return replace(settled, fixed=self.fixed & ~bits, value=self.value & ~bits, asked=0, answer=0)

    def left(self, chain: str) -> Sight:
        """After a chain that nobody sees came back."""
        passed = Condition(Opaque(f"chain {chain}, which is not listed, lets it come back"), True)
        told = (*self.told(), passed)
        return Sight(self.names, since=f"when it comes back from {chain}", conditions=told)

    def told(self) -> tuple[Condition, ...]:
        """Everything that had to be so, the mark bits of the beginning included."""
        out = list(self.conditions)
        for field, shift in ((Field.MARK, 0), (Field.CONNMARK, 32)):
            asked, answer = self.asked >> shift & 0xFFFFFFFF, self.answer >> shift & 0xFFFFFFFF
            if asked:
                out.append(Condition(Masked(field, answer, asked), True, self.since or "when it enters"))
        return tuple(out)

    def named(self) -> tuple[Condition, ...]:
        """The tests of interfaces as conditions."""
        return tuple(Condition(_predicate(test), not test.negated) for test in self.names)

    def marked(self, test: MarkTest) -> Iterator[tuple[Sight, bool]]:
        """The sights in which a test of the mark holds, and those in which it does not."""
        known = self.fixed | self.asked
        now = self.value & self.fixed | (self.answer ^ self.value) & self.asked & ~self.fixed
        if test.value & ~test.mask or (now ^ test.value) & test.mask & known:
            yield self, test.negated
            return
        open_bits = test.mask & ~known
        flipped = (test.value ^ self.value) & open_bits
        sure = replace(self, asked=self.asked | open_bits, answer=self.answer | flipped)
        yield sure, not test.negated
        earlier = 0
        while open_bits:
            bit = open_bits & -open_bits
            answer = self.answer | flipped & earlier | (bit & ~flipped)
            yield replace(self, asked=self.asked | earlier | bit, answer=answer), test.negated
            earlier |= bit
            open_bits ^= bit

    def interface(self, test: NameTest) -> Iterator[tuple[Sight, bool]]:
        """The sights in which a test of an interface holds, and those in which it does not."""
        plain = replace(test, negated=False)
        known = self._known(plain)
        for answer in (True, False):
            if known is None or known is answer:
                sight = self if known is not None else self._with(replace(plain, negated=not answer))
                yield sight, answer != test.negated

    def _known(self, test: NameTest) -> bool | None:
        for other in self.names:
            if (other.outgoing, other.port) != (test.outgoing, test.port):
                continue
            if not other.negated and not other.prefix:
                return test.holds(other.name)
            within = test.name.startswith(other.name) if other.prefix else False
            if other.negated and (within or (not test.prefix and other.name == test.name and not other.prefix)):
                return False
            if not other.negated:
                if test.prefix and other.name.startswith(test.name):
                    return True
                if not within:
                    return False
        same = [other for other in self.names if replace(other, negated=False) == test]
        return not same[0].negated if same else None

    def _with(self, test: NameTest) -> Sight:
        kept = self.names
        if not test.negated and not test.prefix:
            kept = tuple(each for each in kept if (each.outgoing, each.port) != (test.outgoing, test.port))
        return replace(self, names=tuple(sorted((*kept, test), key=repr)))

    def free(self, test: FreeTest) -> Iterator[tuple[Sight, bool]]:
        """Both truth values of a test that has no static meaning; of one thing asked twice, the same."""
        predicate = test.field if test.field is not None else Opaque(test.text)
        for condition in self.conditions if test.shared is not None else ():
            if condition.predicate == predicate:
                yield self, condition.holds != test.negated
                return
        for holds in (True, False):
            told = Condition(predicate, holds)
            added = self if told in self.conditions else replace(self, conditions=(*self.conditions, told))
            yield added, holds != test.negated


def _predicate(test: NameTest) -> Predicate:
    fields = {
        (False, False): Field.IN_INTERFACE,
        (True, False): Field.OUT_INTERFACE,
        (False, True): Field.PHYS_IN,
        (True, True): Field.PHYS_OUT,
    }
    return Named(fields[test.outgoing, test.port], test.name, test.prefix)
