"""Rules compiled once: the chains that the hooks of a node reach in one state, with the mark bits still read later.

Spec: specs/chains/traversal.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from typing import TypeAlias

from verifier.model import effect as effects
from verifier.model.effect import Verdict
from verifier.model.fields import ICMP_OF, TCP, ConnState, CtStatus, Field
from verifier.model.origin import Origin
from verifier.model.path import BEFORE_ROUTING, HOOKS
from verifier.model.predicate import TRUE, Opaque
from verifier.model.ruleset import Chain, Rule, Ruleset
from verifier.semantics.atoms import FreeTest, MarkTest, NameTest
from verifier.semantics.compile import MARK_SHIFT, SEEN_EARLY, UNTRACKED_BIT, Compiled, Compiler, early_states

ChainKey: TypeAlias = tuple[str, str]


_SPARED = "whether the nat table is asked after routing about what is RELATED and comes with a translated destination"
PERHAPS_SPARED = FreeTest(_SPARED, Opaque(_SPARED))


class Kind(Enum):
    """What an instruction does."""

    ACCEPT = auto()
    DROP = auto()
    RETURN = auto()
    CALL = auto()
    GOTO = auto()
    ASSIGN = auto()
    COPY = auto()
    UNKNOWN = auto()


@dataclass(slots=True, eq=False)
class Instruction:
    """A rule that can matter in this state. `after` are the mark bits that may be read once it is past.

    `targets` are the destinations that a rule of the nat table gives to its packets. To this program it is an accept:
    what it takes is another packet from there on (verifier.semantics.translations).
    """

    rule: Rule
    test: Compiled
    kind: Kind
    target: ChainKey | None = None
    value: int = 0
    mask: int = 0
    shift: int = 0
    text: str = ""
    always: bool = False
    position: int = 0
    after: int = 0
    targets: tuple[effects.Target, ...] = ()


def changed(one: Instruction | Token, mark: int) -> int:
    """The mark after an assignment or a copy."""
    if one.kind is Kind.ASSIGN:
        return (mark & ~one.mask) ^ one.value
    return (mark & ~one.mask) ^ _moved(one, mark & one.value)


def _moved(one: Instruction | Token, bits: int) -> int:
    """Bits of the source of a copy, at their place in its target."""
    return bits >> one.shift if one.shift > 0 else bits << -one.shift


@dataclass(frozen=True, slots=True)
class Token:
    """A rule as the shape of a path remembers it: its tests for one pair of ends, and what it does.

    `match` and `free` are formulas (verifier.smt.formula), `shape` the number of the shape of the chain it enters,
    `part` the role of the part it enters (-1 for none).
    """

    marks: tuple[MarkTest, ...]
    match: int
    kind: Kind
    after: int
    value: int = 0
    mask: int = 0
    shift: int = 0
    part: int = -1
    shape: int = -1
    free: int = 1


@dataclass(slots=True, eq=False)
class CompiledChain:
    """A chain; `policy` is the verdict at its end, None for a user chain. `entry` are the mark bits it may read;
    `closed` says that no packet comes back from it, `rolls` that something in it is drawn anew for each packet."""

    key: ChainKey
    policy: Verdict | None
    body: list[Instruction]
    entry: int = 0
    can_refuse: bool = False
    closed: bool = False
    rolls: bool = False


class Program:
    """All chains reachable from the hooks of every path, for packets in one state.

    A program is `whole` where it also tells who comes to chains in which nothing can happen.
    """

    whole = False

    def __init__(self, ruleset: Ruleset, compiler: Compiler, state: ConnState) -> None:
        self._ruleset = ruleset
        self._compiler = compiler
        self.everything = compiler.space.everything
        self._whole = Compiled(*self.everything)
        self.state = state
        self.chains: dict[ChainKey, CompiledChain] = {}
        self._sites: dict[str, Origin] = {}
        self._untracks = any(
            isinstance(rule.effect, effects.Untrack) for chain in ruleset.chains.values() for rule in chain.rules
        )
        hooks = {hook for path in HOOKS.values() for hook in path}
        self.hooks = {hook for hook in hooks if hook in ruleset.chains and self._traversed(hook)}
        for hook in sorted(self.hooks):
            self._load(hook, ())
        self._drop_idle()
        self._gather()
        self._number()
        self._liveness()
        self._refusals()

    def _traversed(self, hook: ChainKey) -> bool:
        """Only the first packet of a connection meets the nat table (CH-6)."""
        return hook[0] != "nat" or self.state in (ConnState.NEW, ConnState.RELATED)

    def path(self, hooks: Sequence[ChainKey]) -> list[ChainKey]:
        """The hooks of a path that exist here, in order."""
        return [hook for hook in hooks if hook in self.hooks]

    def located(self, text: str, rule: Rule) -> str:
        """What is not known, with the place of the first rule that asked it."""
        return f"{text} ({self._sites.setdefault(text, rule.origin)})"

    def may_refuse(self, hooks: Sequence[ChainKey]) -> bool:
        """Whether some packet could fail to pass these hooks."""
        chains = [self.chains[hook] for hook in hooks]
        return any(chain.can_refuse or chain.policy is Verdict.DROP for chain in chains)

    def _load(self, key: ChainKey, callers: tuple[ChainKey, ...]) -> None:
        chain = self._ruleset.chains[key]
        made = self.chains[key] = CompiledChain(key, chain.policy, [])
        if key in self.hooks and key[0] == "nat":
            made.body.extend(self._spared(chain))
        for instruction in self._instructions(chain, (*callers, key)):
            made.body.append(instruction)
            if instruction.always and self._ends(instruction):
                made.closed = instruction.kind is not Kind.RETURN and not any(self._returns(one) for one in made.body)
                break

    def _spared(self, chain: Chain) -> Iterator[Instruction]:
        """The packets that go past a chain of the nat table: untracked (CH-11), or translated as their connection is (CH-6)."""
        if not (chain.rules or chain.policy is Verdict.DROP or self.whole):
            return
        rule = chain.rules[0] if chain.rules else Rule(TRUE, effects.Continue(), chain.origin, "")
        if self._untracks:
            yield Instruction(rule, self._if_untracked(self._whole, held=True), Kind.ACCEPT)
        if self.state is ConnState.RELATED:
            space = self._compiler.space
            icmp = ICMP_OF[space.family]
            services = space.services.protocols(((icmp, icmp),))
            services |= space.services.masked(Field.CT_STATUS, CtStatus.SNAT, CtStatus.SNAT)
            translated = space.services.masked(Field.CT_STATUS, CtStatus.DNAT, CtStatus.DNAT)
            if chain.name in BEFORE_ROUTING:
                services |= translated
            else:
                perhaps = replace(self._whole, service=translated & ~services, opaque=(PERHAPS_SPARED,))
                yield Instruction(rule, perhaps, Kind.ACCEPT)
            yield Instruction(rule, replace(self._whole, service=services), Kind.ACCEPT)

    def _ends(self, one: Instruction) -> bool:
        """Whether nothing that matches goes on with the next rule."""
        if one.kind is Kind.CALL:
            assert one.target is not None
            return self.chains[one.target].closed
        return one.kind in (Kind.ACCEPT, Kind.DROP, Kind.RETURN, Kind.GOTO, Kind.UNKNOWN)

    def _returns(self, one: Instruction) -> bool:
        """Whether a packet may leave the chain at this rule and come back to its caller."""
        if one.kind is Kind.GOTO:
            assert one.target is not None
            return not self.chains[one.target].closed
        return one.kind is Kind.RETURN

    def _instructions(self, chain: Chain, callers: tuple[ChainKey, ...]) -> Iterator[Instruction]:
        """The rules of a chain; one that asks for the state asks twice where a packet may have been taken out of tracking."""
        for rule in chain.rules:
            for test in self._tests(rule, chain):
                if not test.never:
                    yield self._instruction(rule, test, chain, callers)

    def _tests(self, rule: Rule, chain: Chain) -> Sequence[Compiled]:
        if isinstance(rule.effect, effects.Continue):
            return ()
        if isinstance(rule.effect, effects.Untrack) and not self._untracks:
            return ()
        return self._compiled(rule, chain)

    def _compiled(self, rule: Rule, chain: Chain) -> Sequence[Compiled]:
        """The test of a rule, or several: for packets that were taken out of tracking, and for the others."""
        tests = self._early(rule) if chain.table == "raw" else (self._compiler.compile(rule.match, self.state),)
        if not self._untracks:
            return tests
        untracked = self._compiler.compile(rule.match, ConnState.UNTRACKED)
        if tests == (untracked,):
            return tests
        # What is no longer tracked comes first: no rule tracks a packet again, but the rule itself may untrack it.
        return self._if_untracked(untracked, held=True), *(self._if_untracked(test, held=False) for test in tests)

    def _early(self, rule: Rule) -> tuple[Compiled, ...]:
        """The test of a rule before tracking, or several that exclude each other where the packet's state is open (CH-12)."""
        without = self._compiler.compile(rule.match, ConnState.INVALID)
        held = self._compiler.compile(rule.match, self.state)
        attached = isinstance(rule.effect, effects.Untrack) and self.state is ConnState.RELATED
        if len(early_states(self.state, "OUTPUT")) == 1 or (held == without and not attached):
            return (without,)
        early = replace(held, opaque=(*held.opaque, SEEN_EARLY))
        late = replace(without, opaque=(*without.opaque, replace(SEEN_EARLY, negated=True)))
        if len(early_states(self.state, "PREROUTING")) > 1:
            return early, late
        own = NameTest(outgoing=False, name="", prefix=False, negated=False)
        services = self._compiler.space.services
        answers = services.protocols([(each, each) for each in (TCP, ICMP_OF[self._compiler.space.family])])
        return (
            *(() if attached else (_narrowed(early, own, answers),)),
            _narrowed(late, own, answers),
            _narrowed(without, own, ~answers),
            _narrowed(without, replace(own, negated=True), services.all),
        )

    def _if_untracked(self, test: Compiled, *, held: bool) -> Compiled:
        return replace(test, marks=(*test.marks, MarkTest(UNTRACKED_BIT if held else 0, UNTRACKED_BIT, negated=False)))

    def _instruction(self, rule: Rule, test: Compiled, chain: Chain, callers: tuple[ChainKey, ...]) -> Instruction:
        made = Instruction(rule, test, Kind.UNKNOWN)
        made.always = _unconditional(test, self.everything)
        match rule.effect:
            case effects.Finish(verdict):
                made.kind = Kind.ACCEPT if verdict is Verdict.ACCEPT else Kind.DROP
            case effects.Return():
                made.kind = Kind.RETURN
            case effects.Call(name) | effects.Goto(name):
                self._transfer(made, name, chain, callers)
            case effects.Assign(field, value, mask):
                made.kind = Kind.ASSIGN
                made.value, made.mask = value << MARK_SHIFT[field], mask << MARK_SHIFT[field]
            case effects.Copy(target, source, target_mask, source_mask):
                made.kind = Kind.COPY
                made.mask = target_mask << MARK_SHIFT[target]
                made.value = source_mask << MARK_SHIFT[source]
                made.shift = MARK_SHIFT[source] - MARK_SHIFT[target]
            case effects.Translate(rewrites, text, targets):
                made.kind = Kind.UNKNOWN if rewrites and not targets else Kind.ACCEPT
                made.text, made.targets = text, targets
            case effects.Untrack():
                made.kind = Kind.ASSIGN
                made.value = made.mask = UNTRACKED_BIT
            case effects.Unknown(text):
                made.text = text
        return made

    def _transfer(self, made: Instruction, name: str, chain: Chain, callers: tuple[ChainKey, ...]) -> None:
        key = (chain.table, name)
        if key not in self._ruleset.chains:
            made.text = f"chain {name} is not in the dump"
        elif key in callers:
            made.text = f"chain {name} calls itself"
        else:
            made.kind = Kind.CALL if isinstance(made.rule.effect, effects.Call) else Kind.GOTO
            made.target = key
            if key not in self.chains:
                self._load(key, callers)

    def _drop_idle(self) -> None:
        """Forget assignments of bits that nothing reads, and calls of chains in which nothing happens."""
        read = 0
        for chain in self.chains.values():
            for one in chain.body:
                read |= one.test.marks_read | (one.value if one.kind is Kind.COPY else 0)
        idle: set[ChainKey] = set()
        changed = True
        while changed:
            changed = False
            for key, chain in self.chains.items():
                kept = [one for one in chain.body if not _idle(one, read, idle)]
                changed = changed or len(kept) != len(chain.body)
                chain.body = kept
                if key not in idle and all(one.kind is Kind.RETURN for one in kept):
                    idle.add(key)
                    changed = True
        for chain in self.chains.values():
            for one in chain.body:
                if one.kind is Kind.GOTO and one.target in idle:
                    one.kind, one.target = Kind.RETURN, None

    def _gather(self) -> None:
        """Rules in a row that end alike and differ on one axis only become one: a list of addresses to drop is one test."""
        for chain in self.chains.values():
            body: list[Instruction] = []
            for one in chain.body:
                united = _united(body[-1], one) if body else None
                if united is None:
                    body.append(one)
                else:
                    body[-1] = replace(body[-1], test=united, always=_unconditional(united, self.everything))
            chain.body = body

    def _number(self) -> None:
        for chain in self.chains.values():
            for position, one in enumerate(chain.body):
                one.position = position

    def _liveness(self) -> None:
        """Backward over all chains to a fixed point: a bit is live where some continuation may read it first."""
        leaving: dict[ChainKey, int] = dict.fromkeys(self.chains, 0)
        accepting: dict[ChainKey, int] = dict.fromkeys(self.chains, 0)
        sequences = [self.path(hooks) for hooks in HOOKS.values()]
        before: object = None
        while before != (state := (dict(leaving), dict(accepting), {k: c.entry for k, c in self.chains.items()})):
            before = state
            for sequence in sequences:
                for here, following in pairwise(sequence):
                    leaving[here] |= self.chains[following].entry
                    accepting[here] |= self.chains[following].entry
            for key in reversed(list(self.chains)):
                self._live_chain(key, leaving, accepting)

    def _live_chain(self, key: ChainKey, leaving: dict[ChainKey, int], accepting: dict[ChainKey, int]) -> None:
        chain = self.chains[key]
        live = leaving[key]
        for one in reversed(chain.body):
            one.after = live
            otherwise = 0 if one.always else live
            if one.kind is Kind.ASSIGN:
                live = otherwise | (live & ~one.mask)
            elif one.kind is Kind.COPY:
                live = otherwise | (live & ~one.mask) | one.value
            elif one.kind in (Kind.CALL, Kind.GOTO):
                assert one.target is not None
                leaving[one.target] |= live if one.kind is Kind.CALL else leaving[key]
                accepting[one.target] |= accepting[key]
                live = otherwise | self.chains[one.target].entry
            elif one.kind is Kind.ACCEPT:
                one.after = accepting[key] | otherwise
                live = otherwise | accepting[key]
            elif one.kind is Kind.RETURN:
                one.after = leaving[key] | otherwise
                live = otherwise | leaving[key]
            else:
                live = otherwise
            live |= one.test.marks_read
        chain.entry = live

    def _refusals(self) -> None:
        changed = True
        while changed:
            changed = False
            for chain in self.chains.values():
                if not chain.can_refuse and any(self._refuses(one) for one in chain.body):
                    chain.can_refuse = changed = True
                if not chain.rolls and any(self._rolls(one) for one in chain.body):
                    chain.rolls = changed = True

    def _refuses(self, one: Instruction) -> bool:
        if one.kind in (Kind.DROP, Kind.UNKNOWN):
            return True
        return one.target is not None and self.chains[one.target].can_refuse

    def _rolls(self, one: Instruction) -> bool:
        if any(test.shared is None for test in one.test.opaque):
            return True
        return one.target is not None and self.chains[one.target].rolls


def _narrowed(test: Compiled, name: NameTest, services: int) -> Compiled:
    return replace(test, names=(*test.names, name), service=test.service & services)


def _unconditional(test: Compiled, everything: tuple[int, int, int]) -> bool:
    return (test.source, test.destination, test.service) == everything and not (
        test.marks or test.names or test.factors or test.guarded or test.opaque
    )


def _united(first: Instruction, second: Instruction) -> Compiled | None:
    """The test of both rules as one, None where they are not one."""
    if first.kind is not second.kind or first.kind not in (Kind.ACCEPT, Kind.DROP, Kind.RETURN):
        return None
    if first.targets or second.targets:
        return None
    one, two = first.test, second.test
    if one.opaque or two.opaque or one.marks != two.marks or one.names != two.names:
        return None
    if one.factors != two.factors or one.guarded != two.guarded:
        return None
    same = (one.source == two.source, one.destination == two.destination, one.service == two.service)
    if sum(same) < 2:
        return None
    return replace(
        one,
        source=one.source | two.source,
        destination=one.destination | two.destination,
        service=one.service | two.service,
    )


def _idle(one: Instruction, read: int, idle: set[ChainKey]) -> bool:
    if one.kind is Kind.ASSIGN:
        return (one.mask | one.value) & read == 0
    if one.kind is Kind.COPY:
        return (one.mask | _moved(one, one.value)) & read == 0
    return one.kind is Kind.CALL and one.target in idle


__all__ = ["ChainKey", "CompiledChain", "Instruction", "Kind", "Program"]
