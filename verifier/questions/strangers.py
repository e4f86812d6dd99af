"""What remote ends' own rules and policies say of the traffic with a node's pods, where their rules are on this node too.

Some compilers have every node enforce the policies of both ends. Then a stage (verifier.semantics.stages) is the part of
remote ends as well; their lemmas go one way, because a node answers for its own pods only: what the policies of both
ends allow must pass, what a remote end's policies deny is free.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from verifier.questions.lemmas import Lemma, Lemmas
from verifier.semantics.parts import Parts, Role
from verifier.semantics.places import LocalPod
from verifier.semantics.regions import Region, join, slice_at
from verifier.semantics.skeleton import Span


class RemoteParts:
    """The parts of all remote ends of one run, to be asked about once a path has entered them."""

    def __init__(self, parts: Parts, lemmas: Lemmas) -> None:
        self._parts = parts
        self._lemmas = lemmas
        self._decided: dict[Role, list[Lemma]] = {}
        self._touched: dict[Role, int] = {}

    def composable(self, role: Role) -> bool:
        """Whether each part is one thing, however it is entered."""
        return all(self._single(role, lemma.holder.cell) for lemma in self._all(role))

    def touched(self, role: Role) -> int:
        """The pods of which some remote end's part blocks what its policies allow."""
        if role not in self._touched:
            touched = 0
            for lemma in self._all(role):
                touched |= lemma.touched
            self._touched[role] = touched
        return self._touched[role]

    def span(self, role: Role, local: LocalPod) -> tuple[Span, tuple[str, ...]]:
        """What the parts let through between remote ends and a pod, and what could not be read."""
        can: Region = {}
        sure: Region = {}
        reasons: dict[str, None] = {}
        for lemma in self._all(role):
            can = join(can, _column(lemma.holder.bit, slice_at(lemma.can, local.bit)))
            sure = join(sure, _column(lemma.holder.bit, slice_at(lemma.sure, local.bit)))
            reasons.update(dict.fromkeys(lemma.reasons))
        return (can, sure), tuple(reasons)

    def _all(self, role: Role) -> list[Lemma]:
        found = self._decided.get(role)
        if found is None:
            found = [self._lemmas.get(role, strangers) for strangers in self._parts.strangers(role)]
            self._decided[role] = found
        return found

    def _single(self, role: Role, cell: int) -> bool:
        key = (role, cell)
        return key not in self._parts.several and len(self._parts.conditions.get(key, ())) == 1


def _column(ends: int, services: int) -> Region:
    return {ends: services} if services else {}
