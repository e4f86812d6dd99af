"""Stages: chains that all packets enter and in which one of their ends decides, whichever end that is.

A stage is the part of every end at once. Entering the other stage for good is one of its ways out, so that each stage is
about one end's rules only, even where the one is written inside the other.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verifier.semantics.compile import Compiled
from verifier.semantics.program import ChainKey, Instruction, Kind, Program, changed
from verifier.semantics.scene import Axis
from verifier.semantics.summaries import Exit, Outcome

MOST_ARRIVALS = 64
"""With more (chain, mark) pairs per chain than this no stage is looked for."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A chain as the part of every end on one axis; `beyond` is the other stage where its rules enter that for good.

    An `accepting` stage drops nothing: it passes what it accepts, and what comes back from it is left to its callers.
    """

    key: ChainKey
    hook: str
    beyond: ChainKey | None
    accepting: bool = False


class _TooManyMarksError(Exception):
    """The marks with which chains are entered cannot be told apart one by one."""


class _Flow:
    """Which marks can arrive where, were every test but those of marks to hold for some packets and fail for others."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._ways: dict[tuple[ChainKey, int], frozenset[Outcome]] = {}
        self._arrivals: dict[ChainKey, int] = {}
        self.arriving: dict[int, set[int]] = {}

    def path(self, hooks: Sequence[ChainKey], mark: int) -> None:
        """Follow packets with this mark through the hooks of a path."""
        marks = {mark}
        for hook in hooks:
            ways = [way for entered in marks for way in self.ways(hook, entered)]
            marks = {left for way, left in ways if way in (Exit.ACCEPT, Exit.RETURN)}

    def comes_back(self, one: Instruction) -> bool:
        """Whether some packet that arrives at this call returns from it."""
        assert one.target is not None
        ways = [way for mark in self.arriving.get(id(one), ()) for way in self.ways(one.target, mark)]
        return any(way is Exit.RETURN for way, _ in ways)

    def ways(self, key: ChainKey, mark: int) -> frozenset[Outcome]:
        """How packets that enter a chain with a mark can leave it."""
        mark &= self._program.chains[key].entry
        found = self._ways.get((key, mark))
        if found is None:
            self._arrivals[key] = self._arrivals.get(key, 0) + 1
            if self._arrivals[key] > MOST_ARRIVALS:
                raise _TooManyMarksError
            found = self._ways[key, mark] = frozenset(self._run(key, mark))
        return found

    def _run(self, key: ChainKey, mark: int) -> set[Outcome]:
        out: set[Outcome] = set()
        marks = {mark}
        for one in self._program.chains[key].body:
            hit = {m for m in marks if all(test.holds(m) for test in one.test.marks)}
            staying = marks - hit if _for_all(one.test, self._program.everything) else marks
            after = {m & one.after for m in staying}
            for entered in hit:
                for way, left in self._do(one, entered):
                    if way is None:
                        after.add(left & one.after)
                    else:
                        out.add((way, left))
            marks = after
        return out | {(Exit.RETURN, left) for left in marks}

    def _do(self, one: Instruction, mark: int) -> Iterator[tuple[Exit | None, int]]:
        """What becomes of a packet that the tests let through; None: it goes on with the next rule."""
        if one.kind in (Kind.ASSIGN, Kind.COPY):
            yield None, changed(one, mark)
        elif one.kind in (Kind.CALL, Kind.GOTO):
            assert one.target is not None
            self.arriving.setdefault(id(one), set()).add(mark)
            for way, left in self.ways(one.target, mark):
                yield (None if way is Exit.RETURN and one.kind is Kind.CALL else way), left
        elif one.kind is Kind.ACCEPT:
            yield Exit.ACCEPT, mark & one.after
        elif one.kind is Kind.RETURN:
            yield Exit.RETURN, mark & one.after


def find_stages(program: Program, hooks: Sequence[ChainKey], mark: int, shared: str = "") -> dict[Axis, Stage]:
    """The stages of a path on which packets start with this mark: at most one per axis, else none on that axis.

    `shared` is the interface of all pods where they have one, so that a rule that tests it enters a chain for all of them.
    """
    sites: dict[Axis, set[tuple[ChainKey, str]]] = {}
    for hook in hooks:
        for axis, key in _candidates(program, hook, shared):
            sites.setdefault(axis, set()).add((key, hook[1]))
    chosen = {axis: found.pop() for axis, found in sites.items() if len(found) == 1}
    if not chosen:
        return {}
    flow = _Flow(program)
    try:
        flow.path(hooks, mark)
    except _TooManyMarksError:
        return {}
    stages: dict[Axis, Stage] = {}
    for axis, (key, hook_name) in chosen.items():
        other = chosen.get(Axis.DESTINATION if axis is Axis.SOURCE else Axis.SOURCE)
        beyond = other[0] if other is not None and other[1] == hook_name else None
        calls = [] if beyond is None else _calls(program, key, beyond)
        left_for_good = bool(calls) and not any(flow.comes_back(one) for one in calls)
        accepting = not program.chains[key].can_refuse
        stages[axis] = Stage(key, hook_name, beyond if left_for_good and not accepting else None, accepting)
    return stages


def _candidates(program: Program, key: ChainKey, shared: str) -> Iterator[tuple[Axis, ChainKey]]:
    """Chains below this one that are entered whatever the ends are, and that decide by one of them."""
    for one in program.chains[key].body:
        if one.target is None:
            continue
        if shared and _of_interface(one, program, shared) and _chooses(program, one.target):
            yield (Axis.DESTINATION if one.test.names[0].outgoing else Axis.SOURCE), one.target
            continue
        if not program.chains[one.target].can_refuse or _tests_ends(one, program):
            continue
        axis = _decides(program, one.target)
        if axis is None:
            yield from _candidates(program, one.target, shared)
        else:
            yield axis, one.target


def _of_interface(one: Instruction, program: Program, shared: str) -> bool:
    """Whether the rule asks of the ends only that one of them is behind this interface."""
    source, destination, _ = program.everything
    test = one.test
    if len(test.names) != 1 or test.factors or test.guarded or (test.source, test.destination) != (source, destination):
        return False
    (name,) = test.names
    return name.name == shared and not (name.negated or name.prefix or name.port)


def _chooses(program: Program, key: ChainKey) -> bool:
    """Whether the chain drops some packets, or accepts some and lets others come back."""
    chain = program.chains[key]
    return chain.can_refuse or (not chain.closed and _accepts(program, key))


def _accepts(program: Program, key: ChainKey) -> bool:
    body = program.chains[key].body
    return any(one.kind is Kind.ACCEPT or (one.target is not None and _accepts(program, one.target)) for one in body)


def _tests_ends(one: Instruction, program: Program) -> bool:
    source, destination, _ = program.everything
    test = one.test
    plain = test.source == source and test.destination == destination
    return not plain or bool(test.names or test.factors or test.guarded)


def _decides(program: Program, key: ChainKey) -> Axis | None:
    """The one axis that the chain's own rules test, where they call chains by it."""
    source, destination, _ = program.everything
    tested = [one for one in program.chains[key].body if _tests_ends(one, program)]
    if not any(one.target is not None for one in tested):
        return None
    if any(one.test.names or one.test.factors or one.test.guarded for one in tested):
        return None
    if all(one.test.destination == destination for one in tested):
        return Axis.SOURCE
    return Axis.DESTINATION if all(one.test.source == source for one in tested) else None


def _calls(program: Program, key: ChainKey, target: ChainKey) -> list[Instruction]:
    """The rules in a chain and below it that enter another."""
    seen = {key}
    waiting = [key]
    found: list[Instruction] = []
    while waiting:
        for one in program.chains[waiting.pop()].body:
            if one.target == target:
                found.append(one)
            elif one.target is not None and one.target not in seen:
                seen.add(one.target)
                waiting.append(one.target)
    return found


def _for_all(test: Compiled, everything: tuple[int, int, int]) -> bool:
    """Whether the rule matches all packets with a fitting mark."""
    plain = (test.source, test.destination, test.service) == everything
    return plain and not (test.names or test.factors or test.guarded or test.opaque)
