"""-m comment: words for people, without any test.

Spec: specs/matches/comment.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Option, save_string
from verifier.model.listing import listing, piece, quoted
from verifier.model.predicate import TRUE, Predicate


@dataclass(frozen=True, slots=True)
class Comment:
    """Holds for every packet (CO-1); None where no text was given."""

    text: str | None

    def meaning(self) -> Predicate:
        return TRUE

    def spelling(self) -> str:
        return "" if self.text is None else f"--comment {save_string(self.text)}"


def parse(options: tuple[Option, ...], family: int) -> Comment:  # noqa: ARG001  one signature for all
    """Read the text."""
    return Comment(str(options[0].arguments[0]) if options else None)


LISTED = listing("", piece("--comment", "/\\*[ ](.*?)[ ]\\*/", quoted))
MODULE = MatchModule("comment", "words for people", arity={"--comment": 1}, parse=parse)
