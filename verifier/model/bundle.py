"""What a bundle of evidence has to ask about one family of a node, as plain data.

Spec: specs/evidence.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from verifier.model.assumption import Setting
from verifier.model.finding import Answer, Finding, Question
from verifier.model.profile import Deviation


class Known(Enum):
    """How much is known of the name of a bridge port."""

    NAME = "the name"  # "" where there is no port
    BEGINNING = "how it begins, and that there is more"
    FOREIGN = "that it is none of the bridge's ports; it may be empty"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Port:
    """A bridge port: for a beginning `text` is that, for a foreign one how the names of pods' ports begin."""

    known: Known
    text: str = ""
    uplink: str = ""


NO_PORT = Port(Known.NAME)
UNKNOWN_PORT = Port(Known.NOTHING)


@dataclass(frozen=True, slots=True)
class PodPlace:
    """A pod of the node: its address, the interface by which its packets come (None: not known) and its bridge port."""

    name: str
    address: int
    interface: str | None
    port: Port


@dataclass(frozen=True, slots=True)
class WirePlace:
    """Interfaces that lead to remote ends and that no rule tells apart; `bridge` where they are a known bridge."""

    interfaces: tuple[str, ...]
    port: Port
    bridge: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of one family of a node with their answers, and all that a query about them has to know.

    `deviations` are those in force. `translation_known` says whether the dump shows what the node translates (NAT-4),
    `translates` whether some rule gives packets another destination;
    with `any_mark` packets enter with any mark, else with none.
    """

    family: int
    pods: tuple[PodPlace, ...]
    wires: tuple[WirePlace, ...]
    questions: tuple[Question, ...]
    findings: tuple[Finding, ...]
    settings: Mapping[str, Setting]
    deviations: tuple[Deviation, ...]
    translation_known: bool
    translates: bool = False
    any_mark: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """One family of a node in a bundle: its script ("" where there is none, for the reason `left_out`) and how many
    queries and questions it has; `asked` are those of the questions that some query answers.
    """

    node: str
    family: int
    script: str
    queries: int
    asked: int
    questions: int
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The outcome of `chainproof evidence export`.

    `answer` is that of `verify`, undecided where not everything that was proved or refuted could be exported; `size` counts
    the bytes of all files.
    """

    answer: Answer
    directory: str
    files: int
    size: int
    families: tuple[Exported, ...]
    notes: tuple[str, ...] = ()
