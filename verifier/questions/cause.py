"""Why are packets treated wrongly: would other sets, or the compiler's rules alone, treat them as they must be?

Spec: specs/questions/cause.md
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from verifier.model.finding import Box, CausePart, Finding, Kind, Reason
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.path import Path
from verifier.model.profile import IdealSet, Profile
from verifier.model.snapshot import Snapshot
from verifier.questions.overlap import common, plain, tidy, without
from verifier.questions.variants import Alone, unexplained, with_ideal_sets, without_knowledge, wrong_sets
from verifier.questions.verify import verify_node

FEW = 4
"""Fewer than one in so many pods concerned: only these are asked about again."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What still differs at a repaired node, by kind, path, family and pod, and what is not decided there."""

    wrong: Mapping[tuple[Kind, Path, int, str], list[Box]]
    doubts: Mapping[tuple[str, Path, int], tuple[str, ...]]

    def region(self, finding: Finding) -> list[Box]:
        """What differs in the way of a finding, at its pods."""
        found: dict[Box, None] = {}
        for pod in finding.pods:
            found.update(dict.fromkeys(self.wrong.get((finding.kind, finding.path, finding.family, pod), ())))
        return list(found)

    def reasons(self, finding: Finding) -> tuple[str, ...]:
        """Why some packet of the finding's pods on its path is not decided."""
        keys = ((pod, finding.path, finding.family) for pod in finding.pods)
        return tuple(dict.fromkeys(reason for key in keys for reason in self.doubts.get(key, ())))


class Asking:
    """The repaired nodes of one node, each asked about when it is needed first."""

    def __init__(
        self,
        snapshot: Snapshot,
        node: NodeState,
        profile: Profile,
        options: VerifyOptions,
        findings: Sequence[Finding],
        ideal: Mapping[str, IdealSet],
        by_itself: Alone,
    ) -> None:
        self._snapshot, self._node, self._profile = snapshot, node, profile
        self._options = _narrowed(options, findings, snapshot, node)
        self._deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self._deviations = profile.deviations(node)
        self._sets = wrong_sets(node, ideal)
        self._strange = unexplained(node, profile, ideal)
        self._alone = by_itself.node
        self._asked: dict[str, Repaired] = {}

    def parts(self, finding: Finding) -> tuple[CausePart, ...]:
        """The finding's region by what has to be repaired (WHY-1 to WHY-5)."""
        region = plain(finding.region)
        own = self._repaired("own") if self._alone is not None else None
        sets = self._repaired("sets") if self._sets else None
        by_sets = common(region, sets.region(finding)) if sets else region
        by_own = common(region, own.region(finding)) if own else region
        mended = without(region, by_sets)
        found = [
            _mended((Reason.SETS,), common(mended, by_own), finding, sets),
            _mended((Reason.FOREIGN,), without(by_sets, by_own), finding, own),
            replace(_mended((Reason.SETS, Reason.FOREIGN), without(mended, by_own), finding, sets, own), either=True),
        ]
        rest = common(by_sets, by_own)
        if rest and sets and own:
            both = self._repaired("both")
            still = common(rest, both.region(finding))
            found.append(_mended((Reason.SETS, Reason.FOREIGN), without(rest, still), finding, both))
            rest = still
        parts = [part for part in (*found, *self._chains(finding, rest)) if part.region]
        if len(parts) == 1:
            return (replace(parts[0], region=finding.region),)
        return tuple(replace(part, region=tidy(part.region)) for part in parts)

    def _chains(self, finding: Finding, rest: list[Box]) -> Iterable[CausePart]:
        """What no repair mends is the chains' fault, as far as it does not hang on what nobody can explain (WHY-5)."""
        if not rest or not self._strange:
            return (CausePart((Reason.CHAINS,), tuple(rest)),)
        whatever = self._repaired("whatever")
        still = common(rest, whatever.region(finding))
        reasons = whatever.reasons(finding)
        return (
            CausePart((Reason.CHAINS,), tuple(still)),
            CausePart((Reason.OPEN,), tuple(without(rest, still)), because=reasons),
        )

    def _repaired(self, repair: str) -> Repaired:
        known = self._asked.get(repair)
        if known is None:
            node = self._node if repair == "sets" or self._alone is None else self._alone
            if repair in ("sets", "both", "whatever") and self._sets:
                node = with_ideal_sets(node, self._sets)
            if repair == "whatever":
                node = without_knowledge(node, self._strange)
            known = self._asked[repair] = self._ask(node)
        return known

    def _ask(self, node: NodeState) -> Repaired:
        options = self._options
        if self._deadline is not None:
            options = replace(options, timeout=max(self._deadline - time.monotonic(), 0.001))
        verdict = verify_node(self._snapshot, node, self._profile, options, deviations=self._deviations, premises=False)
        wrong: dict[tuple[Kind, Path, int, str], list[Box]] = {}
        for difference in verdict.differences:
            boxes = plain(difference.region)
            for pod in difference.pods:
                wrong.setdefault((difference.kind, difference.path, difference.family, pod), []).extend(boxes)
        return Repaired(wrong, verdict.doubts)


def _mended(reasons: tuple[Reason, ...], region: list[Box], finding: Finding, *nodes: Repaired | None) -> CausePart:
    """Packets that do not differ at these repaired nodes: mended, unless something there is not decided (WHY-4)."""
    doubts = tuple(dict.fromkeys(reason for each in nodes if each and region for reason in each.reasons(finding)))
    return CausePart((Reason.OPEN,) if doubts else reasons, tuple(region), because=doubts)


def _narrowed(
    options: VerifyOptions, findings: Sequence[Finding], snapshot: Snapshot, node: NodeState
) -> VerifyOptions:
    """Only what was found wrong is asked again."""
    pods = {pod for finding in findings for pod in finding.pods}
    local = sum(pod.node == node.name and pod.has_traffic for pod in snapshot.cluster.pods)
    few = len(pods) * FEW < local
    return replace(
        options,
        pods=tuple(sorted(pods)) if few else options.pods,
        paths=tuple(path for path in Path if any(finding.path is path for finding in findings)),
        families=tuple(sorted({finding.family for finding in findings})),
        bits=False,
    )
