"""One compiled world: what an exhaustive comparison says of it, and what verify does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.compilers.dump import Dump
from tests.compilers.worlds import World
from tests.oracle import check
from tests.oracle.world import Judged, judge_family
from verifier.compilers import recognise
from verifier.model.finding import Answer, Kind
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.profile import Profile
from verifier.model.snapshot import Snapshot
from verifier.questions.verify import NodeVerdict, verify_node
from verifier.readers.snapshot import read_snapshot


@dataclass(frozen=True, slots=True)
class Trial:
    """A compiled world as it was read, with a judgement of every class of packets by family."""

    snapshot: Snapshot
    node: NodeState
    profile: Profile
    judged: Mapping[int, Judged]

    @property
    def observed(self) -> bool:
        """Whether a packet of some class differs."""
        return any(judged.sure(kind) for judged in self.judged.values() for kind in Kind)

    @property
    def expected(self) -> Answer:
        return Answer.REFUTED if self.observed else Answer.PROVED

    def verdict(self, *, premises: bool = True) -> NodeVerdict:
        """What verify says; without `premises` not on which assumptions it depends."""
        return verify_node(self.snapshot, self.node, self.profile, VerifyOptions(), premises=premises)

    def strict_faults(self) -> list[str]:
        """What is wrong with the verdict where no documented deviation excuses anything."""
        options = VerifyOptions(strict=True)
        verdict = verify_node(self.snapshot, self.node, self.profile, options, premises=False)
        return check(self.snapshot, self.node, self.profile, verdict, strict=True)

    def faults(self, verdict: NodeVerdict) -> list[str]:
        """What is wrong with a verdict: the answers, the regions, and whether its witnesses differ by the reference."""
        found = check(self.snapshot, self.node, self.profile, verdict, judgements=self.judged)
        if verdict.answer is not self.expected:
            reasons = sorted({reason for question in verdict.questions for reason in question.reasons})
            found.append(f"{verdict.answer.value} instead of {self.expected.value}: {reasons}")
        return found


def tried(dump: Dump, world: World, folder: Path) -> Trial:
    """Write the snapshot, read it, and compare every class of packets."""
    dump.write(folder, world.objects, world.policies)
    snapshot = read_snapshot(str(folder))
    (node,) = snapshot.nodes
    profile = recognise(node)
    families = {family for pod in snapshot.cluster.pods if pod.node == node.name for family in pod.addresses}
    found = {}
    for family in sorted(families):
        judged = judge_family(snapshot, node, profile, family)
        assert judged is not None and judged.complete, f"not every class of IPv{family} packets was compared"
        found[family] = judged
    return Trial(snapshot, node, profile, found)
