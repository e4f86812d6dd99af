"""Two sets of policies: read both, compare them for every cluster, walk what differs.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from verifier.evidence.imagined import layer_findings
from verifier.model.assumption import ASSUMPTIONS
from verifier.model.cluster import Cluster
from verifier.model.finding import Premise
from verifier.model.layer import LayerOptions, LayerReport, PairReport, PairVerdict, Side
from verifier.model.options import Progress, silent
from verifier.model.origin import InputError, Origin
from verifier.questions.layer import compare
from verifier.readers.policy_files import read_policies


def compare_layers(policies: str, translations: str, options: LayerOptions, progress: Progress = silent) -> LayerReport:
    """Compare the policies of one file or directory with those of another into which they were converted.

    Raises InputError where one cannot be used, Disagreement where our own parts differ.
    """
    progress("reading", 0, 0)
    (first, read), (second, also_read) = read_policies(policies), read_policies(translations)
    sides = _side(policies, first), _side(translations, second)
    verdict = compare(*sides, options, progress)
    return LayerReport(
        verdict.answer,
        verdict.together,
        tuple(sorted({*read, *also_read}, key=lambda file: file.path)),
        sides,
        tuple(_pair(each, sides, options) for each in verdict.pairs),
        layer_findings(verdict.differences, sides, options.settings),
        verdict.missing,
        verdict.surplus,
        verdict.reasons,
        tuple(_premises(verdict.assumptions, options)),
        tuple(_notes(first, second)),
        verdict.statistics,
    )


def _side(path: str, cluster: Cluster) -> Side:
    if not cluster.policies_known:
        problem = "there is no policy, and no empty List that says so"
        raise InputError(Origin(path), problem, "give what `kubectl get networkpolicies -A -o yaml` prints")
    return Side(path, cluster.tiers, cluster.network_sets)


def _pair(verdict: PairVerdict, sides: tuple[Side, Side], options: LayerOptions) -> PairReport:
    findings = layer_findings(verdict.differences, sides, options.settings)
    return PairReport(verdict.policy, verdict.translation, verdict.answer, findings, verdict.reasons, verdict.edits)


def _premises(names: Iterable[str], options: LayerOptions) -> Iterator[Premise]:
    wanted = set(names)
    for each in ASSUMPTIONS:
        if each.name in wanted:
            yield Premise(each.name, each.sentence, each.source, options.settings[each.name].value)


def _notes(*clusters: Cluster) -> Iterator[str]:
    inventory = sum(len(cluster.pods) + len(cluster.workloads) for cluster in clusters)
    if inventory:
        yield "the pods that were read are not asked about: every pod is, that there could be"
    for cluster in clusters:
        yield from (f"{count} {kind}, not read" for kind, count in cluster.ignored.items())
