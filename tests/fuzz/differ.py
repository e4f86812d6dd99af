"""What the judges say of the packets of one world, and where they disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fuzz.encoder import Encoder, Possible
from tests.fuzz.world import World
from verifier.evidence.kernel.records import Shot
from verifier.model.effect import Target, Verdict
from verifier.model.trace import ChainTrace
from verifier.reference.chains import sent_to, walk
from verifier.reference.view import view_of

LEFT_OPEN = (
    "source",
    "destination",
    "no rule gives it this destination",
)
"""How the engine's reasons begin that the reference does not need: it decides there, the engine leaves it open."""
IN_SETS = (
    "nomatch of a list of sets",
    "entries marked nomatch in a set",
    "entries with interfaces, marks",
    "bridge ports",
)
"""What the engine's reasons contain where it leaves a set open that the reference decides."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two judges that say different things of one packet: `judge` is who differs from the reference.

    `met` are the rules that matched to one of them, as (table, chain, number).
    """

    judge: str
    shot: Shot
    text: str
    met: frozenset[tuple[str, str, int]] = frozenset()


@dataclass(slots=True)
class Figures:
    """What was compared: counts by judge, and why packets were not compared."""

    packets: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.packets + other.packets, self.apart + other.apart)


def walked(world: World, shots: Sequence[Shot]) -> list[ChainTrace]:
    """The reference's walk of each packet."""
    node, cluster = world.read()
    view = view_of(node, cluster)
    return [walk(shot.packet, shot.path, node, view) for shot in shots]


def targets(world: World, shots: Sequence[Shot], traces: Sequence[ChainTrace]) -> list[tuple[Target, ...]]:
    """Where the node sends each packet that its rules give another destination; () for the others."""
    node, cluster = world.read()
    view = view_of(node, cluster)
    return [
        sent_to(shot.packet, shot.path, node, view)[0] if trace.verdict is None else ()
        for shot, trace in zip(shots, traces, strict=True)
    ]


def encoded(world: World, shots: Sequence[Shot]) -> list[Possible]:
    """What the encoder says of each packet."""
    node, cluster = world.read()
    return Encoder(node, cluster, world.family).judge(shots)


def encoder_and_reference(
    shots: Sequence[Shot], traces: Sequence[ChainTrace], answers: Sequence[Possible], figures: Figures
) -> list[Disagreement]:
    """Packets of which the encoder says something else than the reference."""
    found: list[Disagreement] = []
    for shot, trace, answer in zip(shots, traces, answers, strict=True):
        figures.packets["encoder"] += 1
        text = answer.fault or _difference(trace, answer, figures)
        if text:
            found.append(Disagreement("encoder", shot, text, met(trace)))
    return found


def met(trace: ChainTrace) -> frozenset[tuple[str, str, int]]:
    """The rules that the reference says the packet meets."""
    return frozenset((step.table, step.chain, step.number) for step in trace.steps if step.number)


def _difference(trace: ChainTrace, answer: Possible, figures: Figures) -> str:
    if trace.verdict is None:
        figures.apart["the reference leaves it open"] += 1
        return ""
    can = answer.accept if trace.verdict is Verdict.ACCEPT else answer.drop
    if not can:
        return f"the reference says {trace.verdict.value}, the encoder {answer.verdict and answer.verdict.value}"
    if answer.verdict is not None:
        return ""
    if any(reason.startswith(LEFT_OPEN) or any(text in reason for text in IN_SETS) for reason in answer.reasons):
        figures.apart["the encoder leaves it open"] += 1
        return ""
    return f"the reference says {trace.verdict.value}, the encoder leaves it open: {'; '.join(answer.reasons)}"
