"""What a traversal carries along: how it stands, and the bits of both marks that some rule tests.

Spec: specs/evidence.md (EV-5), specs/chains/traversal.md (CH-3, CH-7, CH-11)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from verifier.evidence.bundle.script import Function, Script
from verifier.evidence.bundle.terms import (
    FALSE,
    Term,
    apply,
    choice,
    conj,
    disj,
    equal,
    masked,
    negation,
    number,
    variable,
)
from verifier.model.effect import Assign, Copy, Untrack
from verifier.model.fields import ICMP_OF, TCP, ConnState, Field
from verifier.model.ipset import IpSet, MarkPart
from verifier.model.predicate import All, AnyOf, InRange, Masked, Member, Not, Predicate
from verifier.model.ruleset import Rule

STATUS = 3
GOING, BACK, ACCEPTED, DROPPED, LOST, SENT, AWAY = range(7)
MEANINGS = {
    GOING: "the next rule of the chain is asked",
    BACK: "the chain is left, its caller goes on",
    ACCEPTED: "accepted, as far as this table's built-in chain goes",
    DROPPED: "dropped",
    LOST: "what becomes of it is not known",
    SENT: "given the destination that is asked about",
    AWAY: "given another destination",
}
MARKS = (Field.MARK, Field.CONNMARK)
S = variable("s")


@dataclass(frozen=True, slots=True)
class Layout:
    """The bits of a traversal: how it stands, whether tracking was switched off, and the bits kept of each mark."""

    bits: Mapping[Field, tuple[int, ...]]
    untracks: bool

    @property
    def low(self) -> int:
        """How many bits there are below the three that say how it stands."""
        return sum(len(kept) for kept in self.bits.values()) + self.untracks

    @property
    def width(self) -> int:
        return STATUS + self.low

    def span(self, which: Field) -> tuple[int, int]:
        """The highest and the lowest place of a mark's bits; the first below the second where it has none."""
        low = 0 if which is Field.MARK else len(self.bits[Field.MARK])
        return low + len(self.bits[which]) - 1, low

    def packed(self, which: Field, value: int) -> int:
        """The kept bits of a value of a mark."""
        return sum(1 << place for place, bit in enumerate(self.bits[which]) if value >> bit & 1)


def layout(rules: Iterable[Rule], sets: Mapping[str, IpSet] | None) -> Layout:
    """Keep the bits that some rule tests, and those that are copied to such."""
    every = list(rules)
    tested = dict.fromkeys(MARKS, 0)
    for rule in every:
        for which, mask in _tested(rule.match, sets or {}):
            tested[which] |= mask
    copies = [rule.effect for rule in every if isinstance(rule.effect, Copy)]
    while True:
        before = dict(tested)
        for each in copies:
            tested[each.source] |= tested[each.target] & each.source_mask
        if before == tested:
            break
    bits = {which: tuple(bit for bit in range(32) if tested[which] >> bit & 1) for which in MARKS}
    return Layout(bits, any(isinstance(rule.effect, Untrack) for rule in every))


def _tested(predicate: Predicate, sets: Mapping[str, IpSet]) -> Iterable[tuple[Field, int]]:
    match predicate:
        case Masked(field_, _, mask) if field_ in MARKS:
            yield field_, mask & 0xFFFFFFFF
        case InRange(field_) if field_ in MARKS:
            yield field_, 0xFFFFFFFF
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _tested(part, sets)
        case Not(part):
            yield from _tested(part, sets)
        case Member(name) if name in sets:
            content = sets[name].content
            members = [sets[each].content for each in content.lists if each in sets]
            for each in (content, *members):
                if each.members and any(isinstance(part, MarkPart) for part in each.members[0].parts):
                    yield Field.MARK, 0xFFFFFFFF
        case _:
            return


@dataclass(slots=True)
class Traversal:
    """The definitions by which rules act on a traversal."""

    script: Script
    layout: Layout
    translates: bool = False
    attached: Term = FALSE
    """Whether a packet has its connection before the raw table (CH-12), so that no rule takes it out of tracking."""
    _known: dict[str, Function] = field(default_factory=dict)
    _tracked: dict[Field, Term] = field(default_factory=dict)

    def announce(self) -> None:
        """Say in the script what the bits are, and define the moves."""
        shape = self.layout
        for status, meaning in list(MEANINGS.items())[: None if self.translates else SENT]:
            self.script.comment(f"  {number(status, STATUS)}  {meaning}")
        if shape.untracks:
            self.script.comment(f"bit {shape.low - 1}: taken out of connection tracking")
        for which in MARKS:
            _, low = shape.span(which)
            for place, bit in enumerate(shape.bits[which]):
                self.script.comment(f"bit {low + place}: bit {1 << bit:#x} of the {which.value}")
        self._known["going"] = self.script.define("going", self._stands(GOING))
        moves = {"accepted": ACCEPTED, "dropped": DROPPED, "back": BACK, "lost": LOST, "go": GOING}
        if self.translates:
            moves |= {"sent": SENT, "away": AWAY}
        for name, status in moves.items():
            self._known[name] = self._define(name, self._with(number(status, STATUS)))
        resumed = apply("ite", self._stands(BACK), self.move("go", S), S)
        self._known["resumed"] = self._define("resumed", resumed, "after a call: what left the called chain goes on")
        left = apply("ite", self._stands(GOING), self.move("back", S), S)
        self._known["left"] = self._define("left", left, "after a goto: where that chain ends, this one is left")
        ended = disj((self._stands(GOING), self._stands(BACK)))
        self._known["ended"] = self.script.define(
            "ended", ended, ("the end of a built-in chain, whose policy decides",)
        )
        following = apply("ite", self._stands(ACCEPTED), self.move("go", S), S)
        self._known["following"] = self._define("following", following, "the next built-in chain goes on with it")

    def _define(self, name: str, body: Term, comment: str = "") -> Function:
        return self.script.define(name, body, (comment,) if comment else (), self.layout.width)

    def move(self, name: str, state: Term) -> Term:
        """One of the definitions for a traversal."""
        return self._known[name].call({"s": state})

    def going(self, state: Term = S) -> Term:
        """Whether the next rule is asked."""
        return self.move("going", state)

    def stands(self, status: int, state: Term) -> Term:
        """Whether a traversal stands like this."""
        return equal(self._high(state), number(status, STATUS))

    def _stands(self, status: int) -> Term:
        return self.stands(status, S)

    def _high(self, state: Term) -> Term:
        width = self.layout.width
        return apply(f"(_ extract {width - 1} {width - STATUS})", state)

    def _with(self, status: Term) -> Term:
        if not self.layout.low:
            return status
        return apply("concat", status, apply(f"(_ extract {self.layout.low - 1} 0)", S))

    # ------------------------------------------------------------------ marks and tracking

    def entering(self, mark: Term | None) -> Term:
        """A traversal that begins, with the kept bits of the mark in `mark` (None: all clear)."""
        kept = len(self.layout.bits[Field.MARK])
        above = self.layout.width - kept
        if mark is None or not kept:
            return number(0, self.layout.width)
        return apply("concat", number(0, above), mark)

    def test(self, which: Field, value: int, mask: int) -> Term:
        """Whether mark & mask == value, for bits that are kept."""
        if value & ~mask:
            return FALSE
        high, low = self.layout.span(which)
        shape = self.layout
        return masked(self._mark(high, low), high - low + 1, shape.packed(which, value), shape.packed(which, mask))

    def _mark(self, high: int, low: int) -> Term:
        return apply(f"(_ extract {high} {low})", S)

    def assign(self, effect: Assign) -> Term | None:
        """The traversal after a mark is set; None where no kept bit changes."""
        high, low = self.layout.span(effect.field)
        bits = high - low + 1
        cleared, flipped = (self.layout.packed(effect.field, each) for each in (effect.mask, effect.value))
        if not bits or not cleared | flipped:
            return None
        return self._replaced(effect.field, _changed(self._mark(high, low), bits, cleared, number(flipped, bits)))

    def copy(self, effect: Copy) -> Term | None:
        """The traversal after one mark is copied into the other; None where no kept bit changes."""
        high, low = self.layout.span(effect.target)
        kept = self.layout.bits[effect.target]
        cleared = self.layout.packed(effect.target, effect.target_mask)
        coming: list[Term] = []
        for bit in reversed(kept):
            source = self.layout.bits[effect.source]
            if effect.source_mask >> bit & 1:
                place = self.layout.span(effect.source)[1] + source.index(bit)
                coming.append(apply(f"(_ extract {place} {place})", S))
            else:
                coming.append(number(0, 1))
        if not kept or (not cleared and all(each.text == "#b0" for each in coming)):
            return None
        flipped = coming[0] if len(coming) == 1 else apply("concat", *coming)
        return self._replaced(effect.target, _changed(self._mark(high, low), len(kept), cleared, flipped))

    def untrack(self) -> Term:
        """The traversal after the packet is taken out of connection tracking."""
        return choice(self.attached, S, self._put(self.layout.low - 1, self.layout.low - 1, number(1, 1)))

    def _replaced(self, which: Field, value: Term) -> Term:
        return self._put(*self.layout.span(which), value)

    def _put(self, high: int, low: int, value: Term) -> Term:
        parts = [apply(f"(_ extract {self.layout.width - 1} {high + 1})", S), value]
        if low:
            parts.append(apply(f"(_ extract {low - 1} 0)", S))
        return apply("concat", *parts)

    def tracking(self) -> dict[Field, Term]:
        """State and translation status as rules see them (CH-11); nothing where no rule switches tracking off."""
        if not self.layout.untracks:
            return {}
        off = self._off()
        state = apply("ite", off, number(ConnState.UNTRACKED, 3), variable("state"))
        status = apply("ite", off, number(0, 2), variable("status"))
        self.script.comment("connection tracking as the rules see it")
        self._tracked = {
            Field.STATE: self.script.define("tracked-state", state, (), 3).call(),
            Field.CT_STATUS: self.script.define("tracked-status", status, (), 2).call(),
        }
        return self._tracked

    def before_tracking(self, own: Term) -> dict[Field, Term]:
        """State and translation status as rules of the raw table see them, where packets have neither yet (CH-12).

        Of what is UNTRACKED, and of errors and resets that are RELATED and the node's `own`, it is open whether that is seen.
        """
        untracked, related = number(ConnState.UNTRACKED, 3), number(ConnState.RELATED, 3)
        said, off = variable("state"), self._off()
        seen = self.script.unknown("whether the raw table already sees the state of the packet", "early")
        answers = disj(equal(variable("proto"), number(each, 8)) for each in (TCP, ICMP_OF[self.script.family]))
        self.attached = conj((seen, equal(said, related), own, answers))
        early = conj((negation(off), disj((self.attached, conj((seen, equal(said, untracked)))))))
        state = choice(off, untracked, choice(early, said, number(ConnState.INVALID, 3)))
        status = choice(early, variable("status"), number(0, 2))
        self.script.comment("connection tracking as the rules of the raw table see it")
        return {
            Field.STATE: self.script.define("state-in-raw", state, (), 3).call(),
            Field.CT_STATUS: self.script.define("status-in-raw", status, (), 2).call(),
        }

    def _off(self) -> Term:
        """Whether a rule has taken the packet out of connection tracking."""
        place = self.layout.low - 1
        return equal(apply(f"(_ extract {place} {place})", S), number(1, 1)) if self.layout.untracks else FALSE

    def meets_nat(self, family: int, *, before_routing: bool) -> Term:
        """Whether the packet sees a chain of the nat table (CH-6): tracked, first of its connection, not translated with another."""
        state = self._tracked.get(Field.STATE) or variable("state")
        first = [equal(state, number(each, 3)) for each in (ConnState.NEW, ConnState.RELATED)]
        related = conj((first[1], negation(equal(variable("proto"), number(ICMP_OF[family], 8)))))
        if not before_routing:
            why = "whether the nat table is asked after routing about what is RELATED and comes with a translated destination"
            asked = disj((negation(masked(variable("status"), 2, 2, 2)), self.script.unknown(why, "after routing")))
            return disj((first[0], conj((related, negation(masked(variable("status"), 2, 1, 1)), asked))))
        return disj((first[0], conj((related, equal(variable("status"), number(0, 2))))))


def _changed(value: Term, bits: int, cleared: int, flipped: Term) -> Term:
    """(value & ~cleared) ^ flipped."""
    whole = (1 << bits) - 1
    if cleared == whole:
        return flipped
    kept = apply("bvand", value, number(whole & ~cleared, bits)) if cleared else value
    return kept if _zero(flipped) else apply("bvxor", kept, flipped)


def _zero(term: Term) -> bool:
    return term.text.startswith(("#b", "#x")) and not set(term.text[2:]) - {"0"}
