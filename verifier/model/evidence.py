"""What checking a bundle of evidence found.

Spec: specs/evidence.md (EV-10 to EV-14)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Standing(Enum):
    """What became of a bundle's claims."""

    CONFIRMED = "confirmed"  # every claim was checked and holds
    INCOMPLETE = "incomplete"  # nothing contradicts a claim, not every one could be checked
    CONTRADICTED = "contradicted"  # a check says otherwise than a claim


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What is asked of a check.

    `solver` says whether a second solver is asked, `timeout` how many seconds it has for a script (None: as many as it
    takes). `snapshot` is the path of the snapshot to compare the bundle with, "" for none.
    """

    solver: bool = True
    timeout: float | None = None
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class CheckedFamily:
    """One family of a node in a bundle: what its manifest claims, and what was shown of it.

    `questions` counts the claims, proved or refuted; `confirmed` are those whose queries were all shown as claimed, and
    `undecided` the questions of which nothing is claimed. `queries`, `unsat` and `sat` count the queries of the script and
    those that were shown. `solver` says how many answers of the second solver were compared, None where it was not asked.
    `missing` says what could not be checked, `contradictions` what was found to be otherwise.
    """

    node: str
    family: int
    script: str
    questions: int
    confirmed: int
    undecided: int
    queries: int = 0
    unsat: int = 0
    sat: int = 0
    solver: int | None = None
    missing: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of `chainproof evidence check`.

    `digest` is the SHA-256 of the manifest, by which a bundle can be named; `claimed` the answer that the manifest gives as a
    whole. `solver` names the second solver ("" where none was asked), `snapshot` the snapshot that the bundle was compared
    with ("" where it was not). `missing` and `contradictions` are those of the bundle as a whole.
    """

    directory: str
    digest: str
    claimed: str
    files: int
    families: tuple[CheckedFamily, ...]
    solver: str = ""
    snapshot: str = ""
    missing: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """Contradicted where anything is, else incomplete where anything is missing, else confirmed."""
        if self.contradictions or any(family.contradictions for family in self.families):
            return Standing.CONTRADICTED
        if self.missing or any(family.missing for family in self.families):
            return Standing.INCOMPLETE
        return Standing.CONFIRMED
