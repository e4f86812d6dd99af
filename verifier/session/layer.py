"""Two sets of policies: read both, compare them for every cluster, walk what differs.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from verifier.evidence.imagined import layer_findings
from verifier.model.assumption import ASSUMPTIONS
from verifier.model.cluster import Cluster
from verifier.model.finding import Premise
from verifier.model.layer import RESERVED_LABELS, LayerOptions, LayerReport, PairReport, PairVerdict, Side
from verifier.model.options import Progress, silent
from verifier.model.origin import InputError, Origin
from verifier.model.policy import Policy
from verifier.model.snapshot import InputFile
from verifier.policies.tiers import in_tiers
from verifier.questions.layer import compare
from verifier.readers.policy_files import read_policies
from verifier.readers.snapshot import read_cluster
from verifier.semantics.free.space import RESERVED as RESERVED_PREFIXES

RESERVED = Premise(
    RESERVED_LABELS,
    f"pods carry no labels of their own whose names begin with {', '.join(RESERVED_PREFIXES)}",
    "Calico, labels of endpoints: a label of their own hides the one that they inherit",
    "allow",
)
NATIVE = "stand beside both sides, and are not compared"


def compare_layers(
    policies: str, translations: str | None, options: LayerOptions, progress: Progress = silent
) -> LayerReport:
    """Compare policies with those into which they were converted.

    Both are a file or a directory; without `translations` the first is a snapshot that has both. Raises InputError where
    they cannot be used, Disagreement where our own parts differ.
    """
    progress("reading", 0, 0)
    read = _both(policies) if translations is None else _each(policies, translations)
    verdict = compare(*read.sides, options, progress)
    return LayerReport(
        verdict.answer,
        verdict.together,
        tuple(sorted(set(read.inputs), key=lambda file: file.path)),
        read.sides,
        tuple(_pair(each, read.sides, options) for each in verdict.pairs),
        layer_findings(verdict.differences, read.sides, options.settings),
        verdict.missing,
        verdict.surplus,
        verdict.reasons,
        tuple(_premises(verdict.assumptions, options)),
        (*read.notes, *_places(verdict.pairs)),
        verdict.statistics,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Both sides, the files that they were read from, and what is to be said of them."""

    sides: tuple[Side, Side]
    inputs: tuple[InputFile, ...]
    notes: tuple[str, ...]


def _each(policies: str, translations: str) -> _Read:
    (first, read), (second, also_read) = read_policies(policies), read_policies(translations)
    sides = _side(policies, first), _side(translations, second)
    return _Read(sides, (*read, *also_read), tuple(_notes(first, second)))


def _both(path: str) -> _Read:
    """The NetworkPolicies of a snapshot, and what it has of their conversions."""
    cluster, inputs = read_cluster(path)
    if not cluster.converted:
        problem = "the snapshot has no policies into which NetworkPolicies were converted"
        raise InputError(Origin(path), problem, "add what the compiler made of them to cluster/, or give two files")
    _, beside = _of_networkpolicies(cluster)
    notes = [f"{beside} {'policy' if beside == 1 else 'policies'} of other kinds {NATIVE}"] if beside else []
    return _Read(sides_of(cluster, path), inputs, tuple(notes))


def sides_of(cluster: Cluster, path: str) -> tuple[Side, Side]:
    """The NetworkPolicies of a cluster, and their conversions."""
    own, _ = _of_networkpolicies(cluster)
    return (
        Side(f"NetworkPolicies of {path}", in_tiers((), own)),
        Side(f"conversions of {path}", in_tiers((), cluster.converted), cluster.network_sets),
    )


def _of_networkpolicies(cluster: Cluster) -> tuple[list[Policy], int]:
    """The NetworkPolicies, and how many policies there are of other kinds."""
    every = [policy for tier in cluster.tiers for policy in tier.policies]
    own = [policy for policy in every if policy.written is not None]
    return own, len(every) - len(own)


def _side(path: str, cluster: Cluster) -> Side:
    """All policies that were read; where NetworkPolicies were read as well, their conversions alone."""
    if cluster.converted:
        return Side(path, in_tiers((), cluster.converted), cluster.network_sets)
    if not cluster.policies_known and not cluster.tiers:
        problem = "there is no policy, and no empty List that says so"
        raise InputError(Origin(path), problem, "give what `kubectl get networkpolicies -A -o yaml` prints")
    return Side(path, cluster.tiers, cluster.network_sets)


def _places(pairs: Iterable[PairVerdict]) -> Iterator[str]:
    """Translations that stand elsewhere among the policies than what they translate."""
    for pair in pairs:
        here, there = ((each.tier, each.order) for each in (pair.policy, pair.translation))
        if here != there:
            yield (
                f"{pair.translation.name} stands at {_place(there)}, {pair.policy.name} at {_place(here)}: "
                "policies of other kinds may come between"
            )


def _place(place: tuple[str, float | None]) -> str:
    tier, order = place
    return f"{'no order' if order is None else f'order {order:g}'} of tier {tier}"


def _pair(verdict: PairVerdict, sides: tuple[Side, Side], options: LayerOptions) -> PairReport:
    findings = layer_findings(verdict.differences, sides, options.settings)
    return PairReport(verdict.policy, verdict.translation, verdict.answer, findings, verdict.reasons, verdict.edits)


def _premises(names: Iterable[str], options: LayerOptions) -> Iterator[Premise]:
    wanted = set(names)
    if RESERVED_LABELS in wanted:
        yield RESERVED
    for each in ASSUMPTIONS:
        if each.name in wanted:
            yield Premise(each.name, each.sentence, each.source, options.settings[each.name].value)


def _notes(*clusters: Cluster) -> Iterator[str]:
    inventory = sum(len(cluster.pods) + len(cluster.workloads) for cluster in clusters)
    if inventory:
        yield "the pods that were read are not asked about: every pod is, that there could be"
    for cluster in clusters:
        yield from (f"{count} {kind}, not read" for kind, count in cluster.ignored.items())
