"""Every way through rules that leaves the counters as they are: which rules a packet meets, and which packets go so.

Spec: specs/questions/explain.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from verifier.model import effect as effects
from verifier.model.effect import Verdict
from verifier.model.fields import ICMP_OF, ConnState, Field
from verifier.model.path import IN_INTERFACE_CHAINS, OUT_INTERFACE_CHAINS, OUT_PORT_CHAINS
from verifier.model.predicate import Predicate
from verifier.model.ruleset import Rule, Ruleset
from verifier.semantics.atoms import FreeTest, MarkTest, NameTest
from verifier.semantics.boxes import Box3, complement, meet, merge
from verifier.semantics.compile import MARK_SHIFT, SEEN_EARLY, Compiled, Compiler, early_states
from verifier.semantics.sight import WHOLE, Sight

ChainKey: TypeAlias = tuple[str, str]
Hit: TypeAlias = tuple[str, str, int]
"""Table, chain and number of a rule that was met; number 0 is the chain's policy."""

ORDER = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
MOST = 20_000
"""So many packets that differ in what is known of them are kept apart; with more, no answer is given."""


class TooManyWaysError(Exception):
    """More ways than can be told apart."""


@dataclass(frozen=True, slots=True)
class Going:
    """Packets on their way: the counted rules that they met, and what is known of them."""

    hits: tuple[Hit, ...]
    sight: Sight


Crowd: TypeAlias = dict[Going, list[Box3]]
Step: TypeAlias = Callable[[Sight], Iterator[tuple[Sight, bool]]]


@dataclass(frozen=True, slots=True)
class Ended:
    """Where a way ends: a verdict, or in words why none is known; `hook` is the built-in chain it came by, if known."""

    verdict: Verdict | None
    text: str
    hook: str = ""


class Ways:
    """The ways of packets in one state. `counted` has the difference of each counted rule; others are free."""

    def __init__(self, ruleset: Ruleset, compiler: Compiler, state: ConnState, counted: Mapping[Hit, int]) -> None:
        self._chains = ruleset.chains
        self._compiler = compiler
        self._state = state
        self._counted = counted
        self._hook = ""
        self._reaching: dict[ChainKey, bool] = {}
        self.ended: dict[tuple[tuple[Hit, ...], Ended], Crowd] = {}

    def from_hooks(self, hooks: Sequence[ChainKey]) -> None:
        """Walk built-in chains one after the other, entering with mark 0; only the last one's end is an end."""
        crowd: Crowd = {Going((), Sight(fixed=WHOLE)): self._coming(hooks)}
        for number, hook in enumerate(hooks):
            chain = self._chains[hook]
            self._hook = hook[1]
            last = number == len(hooks) - 1
            accepted: Crowd = {}
            rest = self._chain(hook, crowd, (hook,), accepted, last=last, later=not last)
            verdict = chain.policy or Verdict.ACCEPT
            by_policy = self._met(rest, (*hook, 0))
            if last:
                self._end(by_policy, Ended(verdict, f"by the policy of {hook[1]}"))
            elif verdict is Verdict.ACCEPT:
                _join(accepted, by_policy)
            crowd = accepted

    def from_chain(self, key: ChainKey) -> None:
        """Walk a chain that some chain calls which is not known; nothing is known of the packets that enter."""
        self._hook = key[1] if self._chains[key].policy is not None else ""
        entering: Crowd = {Going((), Sight()): self._feasible()}
        rest = self._chain(key, entering, (key,), {}, last=True, later=False)
        policy = self._chains[key].policy
        if policy is not None:
            self._end(self._met(rest, (*key, 0)), Ended(policy, f"by the policy of {key[1]}"))
        else:
            self._end(rest, Ended(None, f"leaves {key[1]} for the chain that called it"))

    def _coming(self, hooks: Sequence[ChainKey]) -> list[Box3]:
        """All packets that can come by these hooks: error messages about a connection go past the nat table (CH-6)."""
        everything = self._feasible()
        if self._state is not ConnState.RELATED or all(table != "nat" for table, _ in hooks):
            return everything
        space = self._compiler.space
        icmp = ICMP_OF[space.family]
        spared = space.services.protocols(((icmp, icmp),))
        return [(source, destination, services & ~spared) for source, destination, services in everything]

    def _feasible(self) -> list[Box3]:
        """All packets that can be in the state."""
        space = self._compiler.space
        return [(space.addresses.all, space.addresses.all, space.services.feasible(self._state))]

    def _end(self, crowd: Crowd, how: Ended) -> None:
        how = replace(how, hook=self._hook)
        for going, boxes in crowd.items():
            if going.hits:
                _join(self.ended.setdefault((going.hits, how), {}), {going: boxes})

    def _chain(
        self,
        key: ChainKey,
        crowd: Crowd,
        callers: tuple[ChainKey, ...],
        accepted: Crowd,
        *,
        last: bool,
        later: bool,
    ) -> Crowd:
        """The packets that come back from a chain; those that are accepted in an earlier table go to `accepted`.

        `later` says whether counted rules may follow once the chain is left.
        """
        rules = self._chains[key].rules
        back: Crowd = {}
        for number, rule in enumerate(rules, 1):
            if not crowd:
                break
            if not (later or self._ahead(key, number)):
                crowd = {going: boxes for going, boxes in crowd.items() if going.hits}
            following = later or self._ahead(key, number + 1)
            met, crowd = self._split(rule, (*key, number), crowd)
            if not met:
                continue
            match rule.effect:
                case effects.Finish(verdict):
                    self._finish(met, verdict, accepted, last=last)
                case effects.Return():
                    _join(back, met)
                case effects.Call(name):
                    _join(crowd, self._called((key[0], name), met, callers, accepted, last=last, later=following))
                case effects.Goto(name):
                    _join(back, self._called((key[0], name), met, callers, accepted, last=last, later=later))
                case effects.Assign(field, value, mask):
                    _join(crowd, _changed(met, _assignment(field, value, mask)))
                case effects.Copy(target, _, target_mask, _):
                    _join(crowd, _changed(met, _copy(target, target_mask)))
                case effects.Unknown(text):
                    self._end(met, Ended(None, f"not known: {text}"))
                case effects.Translate(_, text):
                    self._end(met, Ended(Verdict.ACCEPT if last else None, f"translated ({text})"))
                case _:
                    _join(crowd, met)
            if len(crowd) + len(back) > MOST:
                raise TooManyWaysError
        _join(back, crowd)
        return back

    def _finish(self, met: Crowd, verdict: Verdict, accepted: Crowd, *, last: bool) -> None:
        if last:
            self._end(met, Ended(verdict, ""))
        elif verdict is Verdict.ACCEPT:
            _join(accepted, met)

    def _called(
        self,
        key: ChainKey,
        met: Crowd,
        callers: tuple[ChainKey, ...],
        accepted: Crowd,
        *,
        last: bool,
        later: bool,
    ) -> Crowd:
        if key in callers:
            self._end(met, Ended(None, f"chain {key[1]} calls itself"))
            return {}
        if key in self._chains:
            return self._chain(key, met, (*callers, key), accepted, last=last, later=later)
        self._end(met, Ended(None, f"ends in {key[1]}, a chain that is not listed"))
        return _changed(met, lambda sight: sight.left(key[1]))

    def _ahead(self, key: ChainKey, number: int) -> bool:
        """Whether a counted rule may be met in a chain from this number on."""
        rules = self._chains[key].rules
        if (*key, 0) in self._counted or any(self._leads(rule, key[0]) for rule in rules[number - 1 :]):
            return True
        return any((*key, place) in self._counted for place in range(number, len(rules) + 1))

    def _leads(self, rule: Rule, table: str) -> bool:
        if not isinstance(rule.effect, effects.Call | effects.Goto):
            return False
        return self._reaches((table, rule.effect.chain))

    def _reaches(self, key: ChainKey) -> bool:
        """Whether counted rules stand in a chain or in one that it leads to."""
        found = self._reaching.get(key)
        if found is None:
            self._reaching[key] = False
            chain = self._chains.get(key)
            rules = chain.rules if chain else ()
            found = any((*key, place) in self._counted for place in range(1, len(rules) + 1)) or any(
                self._leads(rule, key[0]) for rule in rules
            )
            self._reaching[key] = found
        return found

    def _split(self, rule: Rule, hit: Hit, crowd: Crowd) -> tuple[Crowd, Crowd]:
        """Those that the rule matches, with the hit if it is counted, and the others."""
        states = early_states(self._state, self._hook) if hit[0] == "raw" else (self._state,)
        if rule.asked is None:
            met, past = self._parted(rule.match, states, crowd)
            return self._met(met, hit), past
        counted, past = self._parted(rule.asked, states, crowd)
        met, untouched = self._parted(rule.match, states, self._met(counted, hit))
        _join(past, untouched)
        return met, past

    def _parted(self, predicate: Predicate, states: tuple[ConnState, ...], crowd: Crowd) -> tuple[Crowd, Crowd]:
        """Those for which it holds, and those for which it does not, where the rule may see them in one of some states."""
        tests = [self._compiler.compile(predicate, state) for state in states]
        met: Crowd = {}
        past: Crowd = {}
        for going, boxes in crowd.items():
            apart = tests[0] != tests[-1]
            for known, early in going.sight.free(SEEN_EARLY) if apart else ((going.sight, True),):
                for sight, part, holds in self._tested(tests[0 if early else -1], known, boxes):
                    _join(met if holds else past, {replace(going, sight=sight): part})
        return met, past

    def _met(self, crowd: Crowd, hit: Hit) -> Crowd:
        difference = self._counted.get(hit)
        if difference is None:
            return crowd
        if difference == 0:
            return {}
        return {replace(going, hits=(*going.hits, hit)): boxes for going, boxes in crowd.items()}

    def _tested(self, test: Compiled, sight: Sight, boxes: list[Box3]) -> Iterator[tuple[Sight, list[Box3], bool]]:
        """The parts in which all tests hold, and those in which the first that fails is each of them in turn."""
        if test.never:
            yield sight, boxes, False
            return
        everything = self._compiler.space.everything
        for factor in (((test.source, test.destination, test.service),), *test.factors):
            outside = meet(boxes, complement(factor, everything))
            if outside:
                yield sight, outside, False
            boxes = meet(boxes, factor)
            if not boxes:
                return
        holding = [sight]
        for step in self._steps(test):
            following: list[Sight] = []
            for each in holding:
                for after, holds in step(each):
                    if holds:
                        following.append(after)
                    else:
                        yield after, boxes, False
            holding = following
        for each in holding:
            yield each, boxes, True

    def _steps(self, test: Compiled) -> Iterator[Step]:
        for name in test.names:
            if not self._hook or self._hook in _seen_at(name):
                yield _interface(name)
            else:
                yield _nameless(name)
        for mark in test.marks:
            yield _marked(mark)
        for guarded in test.guarded:
            words = " or ".join(part.text for part, _ in guarded.all)
            yield _free(FreeTest(f"a set or list of interfaces ({words})"))
        for opaque in test.opaque:
            yield _free(opaque)


def _seen_at(test: NameTest) -> tuple[str, ...]:
    """The hooks at which packets have what a test asks for."""
    if test.port:
        return OUT_PORT_CHAINS if test.outgoing else ORDER
    return OUT_INTERFACE_CHAINS if test.outgoing else IN_INTERFACE_CHAINS


def _interface(test: NameTest) -> Step:
    return lambda sight: sight.interface(test)


def _nameless(test: NameTest) -> Step:
    """A test at a hook where packets have no such interface (CH-2)."""
    return lambda sight: iter(((sight, test.holds("")),))


def _marked(test: MarkTest) -> Step:
    return lambda sight: sight.marked(test)


def _free(test: FreeTest) -> Step:
    return lambda sight: sight.free(test)


def _changed(crowd: Crowd, change: Callable[[Sight], Sight]) -> Crowd:
    out: Crowd = {}
    for going, boxes in crowd.items():
        _join(out, {replace(going, sight=change(going.sight)): boxes})
    return out


def _assignment(field: Field, value: int, mask: int) -> Callable[[Sight], Sight]:
    shift = MARK_SHIFT[field]
    return lambda sight: sight.assigned(value << shift, mask << shift)


def _copy(field: Field, mask: int) -> Callable[[Sight], Sight]:
    return lambda sight: sight.forgotten(mask << MARK_SHIFT[field])


def _join(into: Crowd, crowd: Crowd) -> None:
    for going, boxes in crowd.items():
        into[going] = merge([*into[going], *boxes]) if going in into else boxes
