"""Do the rules of a node mean what its policies say in every cluster with these policies and these pods on the node?

What is refuted is shown in a cluster that could be: the pods of the node and the few pods elsewhere that it takes.

Spec: specs/questions/for_all.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verifier.model.cluster import Cluster, Pod
from verifier.model.disagreement import Disagreement
from verifier.model.fields import NAMESPACE_NAME
from verifier.model.finding import Answer, Difference, Question
from verifier.model.node import NodeState
from verifier.model.options import Progress, VerifyOptions
from verifier.model.path import Path
from verifier.model.predicate import Range
from verifier.model.profile import IdealSet, Profile
from verifier.model.snapshot import Snapshot
from verifier.questions.universal import Universe, Universes, bound
from verifier.questions.verify import NodeVerdict, left_open, verify_node
from verifier.semantics.conditions import UnknownConditionError
from verifier.semantics.kinds import TooManyKindsError

LIKED_HOSTS = 10
"""An imagined pod's address is that many after the first of its range, where there are so many."""


@dataclass(frozen=True, slots=True, eq=False)
class Logic:
    """What was proved and refuted of a node whoever is elsewhere; `snapshot` and `node` are those of the differences.

    `ideal` is what its sets stand for today. `kinds` of pods were told apart by `conditions`; `unexplained` are the sets of which nobody knows what they stand for.
    """

    verdict: NodeVerdict
    snapshot: Snapshot
    node: NodeState
    ideal: Mapping[str, IdealSet]
    kinds: int
    conditions: int
    unexplained: tuple[str, ...]
    presumed: tuple[str, ...] = ()


def ask(snapshot: Snapshot, node: NodeState, profile: Profile, options: VerifyOptions, progress: Progress) -> Logic:
    """Every selected question about a node, for every cluster (FA-1); Disagreement where two of our readings differ."""
    deviations = profile.deviations(node)
    universes = Universes(snapshot.cluster, node, profile, deviations)
    try:
        universes.check(options.settings)
        made = universes.universe(far=profile.far_ends)
        whole = replace(snapshot, cluster=made.cluster)
        verdict = verify_node(whole, made.node, profile, options, progress, deviations=deviations)
        if not profile.far_ends and any(each.answer is not Answer.PROVED for each in verdict.questions):
            made = universes.universe(far=True)
            whole = replace(snapshot, cluster=made.cluster)
            verdict = verify_node(whole, made.node, profile, options, progress, deviations=deviations)
    except (TooManyKindsError, UnknownConditionError) as error:
        return Logic(_undecided(snapshot, node, options, str(error)), snapshot, node, universes.ideal, 0, 0, ())
    told = (universes.ideal, made.kinds, made.conditions, made.unexplained, made.presumed)
    if not verdict.differences:
        return Logic(verdict, whole, made.node, *told)
    shown, there = _shown(made, verdict.differences, snapshot)
    again = verify_node(
        shown, there, profile, _refuted(verdict, options), progress, deviations=deviations, premises=False
    )
    _confirm(verdict.questions, again.questions)
    return Logic(replace(verdict, differences=again.differences), shown, there, *told)


def _undecided(snapshot: Snapshot, node: NodeState, options: VerifyOptions, reason: str) -> NodeVerdict:
    questions: list[Question] = []
    for family in options.families or (4, 6):
        pods = [p for p in snapshot.cluster.pods if p.node == node.name and p.has_traffic and family in p.addresses]
        questions.extend(left_open(pods, family, options, reason))
    return NodeVerdict(Answer.UNDECIDED, tuple(questions), (), (), (), (), ())


def _refuted(verdict: NodeVerdict, options: VerifyOptions) -> VerifyOptions:
    """The options that ask again what was refuted."""
    found = [question for question in verdict.questions if question.answer is Answer.REFUTED]
    pods = {question.pod for question in found}
    paths = tuple(path for path in Path if any(question.path is path for question in found))
    families = tuple(sorted({question.family for question in found}))
    return replace(options, pods=tuple(sorted(pods)), paths=paths, families=families)


def _confirm(asked: Sequence[Question], again: Sequence[Question]) -> None:
    """Raises Disagreement where what is refuted for some cluster is not refuted for the one that was imagined."""
    found = {(each.pod, each.path, each.family): each.answer for each in again}
    for each in asked:
        if each.answer is Answer.REFUTED and found[each.pod, each.path, each.family] is not Answer.REFUTED:
            where = f"{each.pod}, {each.path.value}, IPv{each.family}"
            raise Disagreement(f"{where}: refuted for some cluster, and not for one that has what it takes")


def _shown(made: Universe, differences: Sequence[Difference], snapshot: Snapshot) -> tuple[Snapshot, NodeState]:
    """A cluster with an address for each of the pods elsewhere that differences name (FA-7)."""
    pods: list[Pod] = []
    taken: dict[int, set[int]] = {}
    for pod in made.cluster.pods:
        for family, address in pod.addresses.items():
            taken.setdefault(family, set()).add(address)
    by_handle = {(family, at[0]): each.pod for each in made.cluster.anywhere for family, at in each.at.items()}
    for difference in differences:
        for handle, ranges in difference.anywhere:
            pod = by_handle[difference.family, handle]
            free = _address(ranges, taken.setdefault(difference.family, set()))
            if free is not None:
                pods.append(replace(pod, name=f"pod-{len(pods) + 1}", addresses={difference.family: free}))
    cluster = _named(replace(made.cluster, pods=(*made.cluster.pods, *pods), anywhere=()))
    node = bound(cluster, made.node, made.selections)
    return replace(snapshot, cluster=cluster), node


def _named(cluster: Cluster) -> Cluster:
    """The cluster without namespaces that no pod is in, each called by its name where no other one is."""
    used = {pod.namespace for pod in cluster.pods} | {each.namespace for each in cluster.network_sets}
    spaces = {name: each for name, each in cluster.namespaces.items() if name in used}
    names: dict[str, str] = {}
    for name, each in spaces.items():
        own = each.labels[NAMESPACE_NAME]
        names[name] = own if own not in spaces and own not in names.values() else name
    return replace(
        cluster,
        namespaces={names[name]: replace(each, name=names[name]) for name, each in spaces.items()},
        pods=tuple(replace(pod, namespace=names.get(pod.namespace, pod.namespace)) for pod in cluster.pods),
    )


def _address(ranges: Sequence[Range], taken: set[int]) -> int | None:
    """An address of these ranges that no pod has yet; None where there is none left."""
    for first in _candidates(ranges):
        if first not in taken:
            taken.add(first)
            return first
    return None


def _candidates(ranges: Sequence[Range]) -> Iterator[int]:
    for first, last in sorted(ranges, key=lambda each: (each[0] - each[1], each[0])):
        start = first + LIKED_HOSTS if last - first > 2 * LIKED_HOSTS else first
        yield from range(start, last + 1)
