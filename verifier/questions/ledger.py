"""The books of a verification: what every question was answered, and every region that differs."""

from __future__ import annotations

from dataclasses import dataclass, field

from verifier.model.fields import ConnState
from verifier.model.finding import Answer, Kind
from verifier.model.path import Path
from verifier.questions.arrivals import Arrival
from verifier.semantics.boxes import Box3
from verifier.semantics.places import Wire

RANK = {Answer.PROVED: 0, Answer.UNDECIDED: 1, Answer.REFUTED: 2}


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What a differing region has in common beside its box: the states, the wire and the entry mark.

    `arrival` tells where packets come from that the node has sent there itself.
    """

    kind: Kind
    path: Path
    states: tuple[ConnState, ...]
    wire: Wire | None
    mark: int
    arrival: Arrival | None = None


@dataclass(slots=True)
class Ledger:
    """Mutable record of one family's answers; `differing` gathers boxes by circumstance and by whose policies apply.

    `firm` are the questions that new packets refute.
    """

    answers: dict[tuple[str, Path], Answer] = field(default_factory=dict)
    reasons: dict[tuple[str, Path], dict[str, None]] = field(default_factory=dict)
    differing: dict[tuple[Circumstance, object], list[Box3]] = field(default_factory=dict)
    assumptions: set[str] = field(default_factory=set)
    statistics: dict[str, int] = field(default_factory=dict)
    firm: set[tuple[str, Path]] = field(default_factory=set)

    @property
    def spotless(self) -> bool:
        """Whether nothing differs and nothing is undecided."""
        return not self.differing and not self.reasons

    def ask(self, pod: str, path: Path) -> None:
        """Open a question; it is proved unless something says otherwise."""
        self.answers.setdefault((pod, path), Answer.PROVED)

    def undecided(self, pod: str, path: Path, reasons: list[str]) -> None:
        """A question hangs on something that is not known."""
        self._lower(pod, path, Answer.UNDECIDED)
        known = self.reasons.setdefault((pod, path), {})
        known.update(dict.fromkeys(reasons))

    def refuted(self, pods: tuple[str, ...], circumstance: Circumstance, group: object, boxes: list[Box3]) -> None:
        """Packets differ, whatever the opaque constructs do."""
        for pod in pods:
            self._lower(pod, circumstance.path, Answer.REFUTED)
            if circumstance.states == (ConnState.NEW,):
                self.firm.add((pod, circumstance.path))
        self.differing.setdefault((circumstance, group), []).extend(boxes)

    def _lower(self, pod: str, path: Path, answer: Answer) -> None:
        key = (pod, path)
        if key in self.answers and RANK[answer] > RANK[self.answers[key]]:
            self.answers[key] = answer

    def count(self, name: str, by: int = 1) -> None:
        self.statistics[name] = self.statistics.get(name, 0) + by
