"""What `explain` and `profile` hand to a report."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.assumption import Assumption
from verifier.model.explanation import Explanation
from verifier.model.finding import Answer, Premise
from verifier.model.profile import MarkBit
from verifier.model.snapshot import InputFile


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One packet at one node; `chains` and `marks` are what the compiler's profile knows of names and mark bits."""

    compiler: str
    explanation: Explanation
    chains: tuple[tuple[str, str], ...] = ()
    marks: tuple[MarkBit, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ExplainReport:
    """The outcome of `chainproof explain`: the packet's story at every node that judges it."""

    answer: Answer
    inputs: tuple[InputFile, ...]
    stories: tuple[Story, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """What is known of one compiler, apart from any dump."""

    name: str
    summary: str
    deviations: tuple[Premise, ...]


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """The outcome of `chainproof profile`."""

    profiles: tuple[ProfilePage, ...]
    assumptions: tuple[Assumption, ...]
