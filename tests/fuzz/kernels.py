"""The kernel as a judge of random worlds: the same text loaded by its own tools, the same packets sent through its hooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.fuzz.differ import Disagreement, Figures, met
from tests.fuzz.world import BRIDGE, BUILT_IN, INTERFACES, OWN, PORTS, World
from verifier.evidence.agreement import in_one_order
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Seen, Shot, Stage
from verifier.model.effect import Call, Goto, Verdict
from verifier.model.predicate import All, AnyOf, Not, Opaque, Predicate
from verifier.model.trace import ChainTrace
from verifier.reference.chains import every_way
from verifier.reference.view import view_of

STAGE = Stage(
    INTERFACES,
    ((BRIDGE, PORTS),),
    (("eth0", 4, OWN[4][0], 32), ("eth0", 6, OWN[6][0], 128)),
)
"""What every world's packets need."""


def backends() -> tuple[dict[Backend, Kernel], dict[Backend, str]]:
    """A kernel, not yet entered, for each back end that works here; and why the others do not."""
    missing = {backend: why for backend in Backend if (why := unavailable(backend))}
    return {backend: Kernel(STAGE, backend) for backend in Backend if backend not in missing}, missing


@contextmanager
def entered(kernels: dict[Backend, Kernel]) -> Iterator[dict[Backend, Kernel]]:
    """All of them with their namespaces."""
    with ExitStack() as stack:
        for kernel in kernels.values():
            stack.enter_context(kernel)
        yield kernels


def seen(kernel: Kernel, world: World, shots: Sequence[Shot]) -> list[Seen]:
    """What the kernel does to each packet; raises Refused where its tools do not take the world."""
    kernel.load(world.family, world.rules(), world.members())
    return kernel.ask(shots)


def kernel_and_reference(
    backend: Backend,
    world: World,
    shots: Sequence[Shot],
    traces: Sequence[ChainTrace],
    answers: Sequence[Seen],
    figures: Figures,
) -> list[Disagreement]:
    """Packets to which the kernel does something else than the reference says: verdict, final mark, rule path."""
    found: list[Disagreement] = []
    view = _Paths(world)
    for shot, trace, answer in zip(shots, traces, answers, strict=True):
        if answer.verdict is None:
            figures.apart[f"{backend.value}: {answer.reason}"] += 1
        elif trace.verdict is not None:
            figures.packets[backend.value] += 1
            text = view.difference(trace, answer)
            if text and not view.agrees_otherwise(shot, answer):
                theirs = ((step.table, step.chain, step.number) for step in answer.steps if step.number is not None)
                found.append(Disagreement(backend.value, shot, text, met(trace).union(theirs)))
    return found


class _Paths:
    """Rule paths of one world, as far as the reference can tell them.

    In a chain with an opaque test it follows one way of several.
    """

    def __init__(self, world: World) -> None:
        self._node, cluster = world.read()
        self._view = view_of(self._node, cluster)
        (ruleset,) = self._node.rulesets.values()
        chains = ruleset.chains.values()
        self._doubtful = {
            (chain.table, chain.name) for chain in chains for rule in chain.rules if opaque_in(rule.match)
        }

    def agrees_otherwise(self, shot: Shot, answer: Seen) -> bool:
        """Whether the kernel took another of the ways that lead to one verdict."""
        ways = every_way(shot.packet, shot.path, self._node, self._view)
        return any(not self.difference(way.trace, answer) for way in ways if way.trace.verdict is not None)

    def difference(self, trace: ChainTrace, answer: Seen) -> str:
        """How the two differ about one packet, "" where they do not."""
        assert trace.verdict is not None
        assert answer.verdict is not None
        if trace.verdict is not answer.verdict:
            return f"the reference says {trace.verdict.value}, the kernel {answer.verdict.value}"
        if self._doubtful & set(self._visited(trace)):
            return ""
        ours = [(step.table, step.chain, step.number) for step in trace.steps if step.number]
        theirs = [(step.table, step.chain, step.number) for step in in_one_order(answer) if step.number is not None]
        if answer.steps and ours != theirs:
            return f"the rules that match differ: the reference {_path(ours)}, the kernel {_path(theirs)}"
        if trace.verdict is Verdict.ACCEPT and answer.mark is not None and answer.mark != trace.mark:
            return f"the final mark is {trace.mark:#x} to the reference, {answer.mark:#x} to the kernel"
        return ""

    def _visited(self, trace: ChainTrace) -> Iterator[tuple[str, str]]:
        """The chains of the walk, and perhaps built-in ones that are not of its path."""
        yield from ((table, name) for table, names in BUILT_IN.items() for name in names)
        for step in trace.steps:
            yield step.table, step.chain
            if step.rule is not None and isinstance(step.rule.effect, Call | Goto):
                yield step.table, step.rule.effect.chain


def opaque_in(predicate: Predicate) -> bool:
    """Whether a test has no static meaning, or a part of it."""
    match predicate:
        case Opaque():
            return True
        case All(parts) | AnyOf(parts):
            return any(map(opaque_in, parts))
        case Not(part):
            return opaque_in(part)
        case _:
            return False


def _path(steps: list[tuple[str, str, int]]) -> str:
    return " ".join(f"{table}/{chain}#{number}" for table, chain, number in steps) or "none"


__all__ = ["backends", "entered", "kernel_and_reference", "seen"]
