"""The one place that sees both ends: read a snapshot, ask, walk what was found, hand over."""

from __future__ import annotations

import gc
import hashlib
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from verifier.compilers import PROFILES, by_name, enforcement, generic, recognise
from verifier.evidence.explain import explain as explain_packet
from verifier.evidence.names import Names
from verifier.evidence.probe import ends_of
from verifier.evidence.regions import join
from verifier.evidence.replay import Asked
from verifier.evidence.root_cause import Knowledge, RootCauses, with_root_causes, without_engine
from verifier.evidence.sent_on import ways
from verifier.evidence.witness import build_findings
from verifier.model.assumption import ASSUMPTIONS, Setting
from verifier.model.bundle import ExportReport
from verifier.model.cluster import Cluster
from verifier.model.counters import CounterReport, Share, Way
from verifier.model.evidence import CheckOptions, CheckReport
from verifier.model.explanation import Comparison
from verifier.model.finding import Answer, Finding, NodeReport, Premise, VerifyReport
from verifier.model.node import NodeState
from verifier.model.options import Probe, Progress, Readings, ReplayOptions, VerifyOptions, silent
from verifier.model.origin import InputError, Origin
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Policy
from verifier.model.profile import Deviation, Enforcer, Profile
from verifier.model.replay_report import NodeReplay, ReplayReport
from verifier.model.ruleset import Ruleset, chain_of
from verifier.model.snapshot import Snapshot
from verifier.model.story import ExplainReport, ProfilePage, ProfileReport, Story
from verifier.questions.cause import Asking
from verifier.questions.explain import Scenery, counter_report
from verifier.questions.for_all import Logic
from verifier.questions.for_all import ask as ask_for_all
from verifier.questions.representatives import representatives
from verifier.questions.variants import alone, unexplained, wrong_sets
from verifier.questions.verify import NodeVerdict, verify_node
from verifier.readers.assumptions import read_assumptions
from verifier.readers.counters import read_counted
from verifier.readers.snapshot import read_snapshot
from verifier.reference.view import view_of
from verifier.session.ambiguity import ambiguous
from verifier.session.audit import check_bundle, check_inputs, made_anew
from verifier.session.evidence import Bundle, check_directory
from verifier.session.for_all import established, together
from verifier.session.kernel import asked_of, replayed, unanswered, with_replays
from verifier.session.selection import check_found, check_usable, chosen_nodes, judged_nowhere, selected, some
from verifier.session.steps import with_steps

COMPARED = {
    Comparison.AGREE: Answer.PROVED,
    Comparison.LEAK: Answer.REFUTED,
    Comparison.BLOCKED: Answer.REFUTED,
    Comparison.EXCUSED: Answer.PROVED,
    Comparison.UNSPECIFIED: Answer.PROVED,
    Comparison.UNDECIDED: Answer.UNDECIDED,
}


def verify(snapshot_path: str, options: VerifyOptions, progress: Progress = silent) -> VerifyReport:
    """Prove or refute every selected pod, path and family of every selected node.

    Raises InputError where the snapshot or the selection cannot be used, Disagreement where our own parts differ.
    """
    with _no_collections():
        deadline = None if options.timeout is None else time.monotonic() + options.timeout
        snapshot = _read(snapshot_path, progress)
        nodes = selected(snapshot, options)
        reports, shown = [], []
        for number, node in enumerate(nodes):
            progress(node.name, number, len(nodes))
            if deadline is not None:
                options = replace(options, timeout=max(deadline - time.monotonic(), 0.001))
            logic = _for_all(snapshot, node, options, progress)
            report = _verify_node(snapshot, node, options, progress, logic)
            if logic is not None:
                shown.append(logic.snapshot)
            reports.append(_shown_to_kernel(report, snapshot, node, options, progress) if options.replay else report)
        told = ambiguous(snapshot, nodes, options)
        answer = Answer.REFUTED if told else _worst(report.answer for report in reports)
        everybody = together(snapshot.cluster, shown)
        found = VerifyReport(answer, snapshot.inputs, tuple(reports), snapshot.notes, everybody, told)

        def again(changed: Snapshot) -> list[NodeReport]:
            return [_verify_node(changed, node, replace(options, for_all=False), silent) for node in nodes]

        return with_steps(found, snapshot, options, again)


def export(snapshot_path: str, directory: str, options: VerifyOptions, progress: Progress = silent) -> ExportReport:
    """Verify, and write what was proved and refuted into a directory as evidence for others.

    Raises InputError where the snapshot, the selection or the directory cannot be used, Disagreement where our own parts
    differ.
    """
    check_directory(directory)
    with _no_collections():
        snapshot = _read(snapshot_path, progress)
        bundle = Bundle(snapshot, options)
        reports = []
        for number, node in enumerate(nodes := selected(snapshot, options)):
            progress(node.name, number, len(nodes))
            reports.append(report := _verify_node(snapshot, node, options, progress))
            bundle.add(report, node, _profile_of(node, options.compiler), progress)
        answer = _worst(report.answer for report in reports)
        found = VerifyReport(answer, snapshot.inputs, tuple(reports), snapshot.notes, snapshot.cluster)
        return bundle.written(found, directory)


def check_evidence(directory: str, options: CheckOptions, progress: Progress = silent) -> CheckReport:
    """Check a bundle of evidence, and where a snapshot is given, whether the bundle is about that.

    Raises InputError where the bundle was tampered with or cannot be read, or was made from other files.
    """
    with _no_collections():
        report, found = check_bundle(directory, options, progress)
        if not options.snapshot:
            return report
        check_inputs(found, _read(options.snapshot, progress))
        differences = tuple(made_anew(found, options.snapshot, export))
        return replace(report, snapshot=options.snapshot, contradictions=(*report.contradictions, *differences))


def explain(snapshot_path: str, probe: Probe) -> ExplainReport:
    """Walk one packet through both sides, at every node that judges it.

    Raises InputError where the snapshot, the ends or the node cannot be used.
    """
    with _no_collections():
        snapshot = _read(snapshot_path, silent)
        check_usable(snapshot, "explain")
        nodes = chosen_nodes(snapshot, (probe.node,) if probe.node else ())
        ends = ends_of(probe, snapshot.cluster)
        stories: list[Story] = []
        for node in nodes:
            profile = _profile_of(node, probe.compiler)
            found = ways(probe, ends, snapshot.cluster, node, profile)
            stories.extend(_story(each, snapshot, node, profile, probe.settings) for each in found)
        if not stories:
            raise judged_nowhere(probe, nodes)
        answer = _worst(COMPARED[story.explanation.comparison] for story in stories)
        return ExplainReport(answer, snapshot.inputs, tuple(stories), snapshot.notes)


def replay(snapshot_path: str, options: ReplayOptions, progress: Progress = silent) -> ReplayReport:
    """Ask the kernel what becomes of packets, and whether that is what the reference says (REP-1).

    Raises InputError where the snapshot, the selection or the ends of the packet cannot be used.
    """
    with _no_collections():
        snapshot = _read(snapshot_path, progress)
        nodes = _replaying(snapshot, options)
        reports = []
        for node in nodes:
            profile = _profile_of(node, options.selected.compiler)
            asked, notes = _asked(snapshot, node, profile, options, progress)
            if options.probe is not None and not asked:
                continue
            backends, brief = options.selected.backends, options.all_classes
            found = replayed(asked, snapshot, node, profile, backends, progress, brief=brief)
            chains = {step.chain for packet in found.packets for step in packet.expected.steps}
            reports.append(
                NodeReplay(
                    node.name,
                    profile.name,
                    found.packets,
                    (*notes, *found.notes),
                    _phrases(chains, snapshot, node, profile),
                    profile.mark_bits(node),
                )
            )
        if options.probe is not None and not reports:
            raise judged_nowhere(options.probe, nodes)
        check_found(options.findings, {packet.name for node in reports for packet in node.packets}, snapshot)
        return ReplayReport(
            snapshot.inputs, tuple(reports), options.probe is not None, snapshot.notes, snapshot.cluster
        )


def _story(
    found: tuple[Path, Packet],
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    settings: Mapping[str, Setting],
) -> Story:
    path, packet = found
    told = explain_packet(packet, path, snapshot, node, profile, settings=settings)
    applied = enforcement(profile, node, snapshot.cluster)
    if applied.by is Enforcer.ELSEWHERE and told.comparison is not Comparison.UNSPECIFIED:
        told = replace(told, comparison=Comparison.UNDECIDED, sentence=f"not decided: {applied.sentence}")
    chains = {step.chain for step in told.chains.steps}
    return Story(profile.name, told, _phrases(chains, snapshot, node, profile), profile.mark_bits(node))


def assumptions(path: str) -> Mapping[str, Setting]:
    """The settings that a file of choices gives; InputError where it cannot be used."""
    return read_assumptions(path)


def explain_counters(readings: Readings) -> CounterReport:
    """Explain the counters of the same rules before and after a test.

    Raises InputError where the files, the snapshot or the node cannot be used, or are not of the same rules.
    """
    with _no_collections():
        before, first = read_counted(readings.before, readings.family, readings.table)
        after, second = read_counted(readings.after, before.family, readings.table)
        if readings.snapshot:
            snapshot = _read(readings.snapshot, silent)
            check_usable(snapshot, "explain")
            node = _counting(snapshot, after, readings.node)
        else:
            node = NodeState("", {after.family: after})
            snapshot = Snapshot("", Cluster(), (node,), ())
        scenery = Scenery(snapshot.cluster, node, _profile_of(node, readings.compiler), bool(readings.snapshot))
        found = counter_report(before, after, scenery)
        joined = tuple(_joined(way) for way in found.ways)
        chains = {step.chain for way in joined for step in way.steps}
        return replace(
            found,
            ways=joined,
            notes=(*found.notes, *snapshot.notes),
            inputs=(first, second, *snapshot.inputs),
            node=node.name,
            chains=_phrases(chains, snapshot, node, scenery.profile),
            marks=scenery.profile.mark_bits(node),
            cluster=scenery.cluster,
            addresses=_own_addresses(snapshot, node),
        )


def _counting(snapshot: Snapshot, listed: Ruleset, name: str) -> NodeState:
    """The node whose rules were listed: the one named, or the only one that has such chains."""
    nodes = chosen_nodes(snapshot, (name,) if name else ())
    fitting = [node for node in nodes if set(listed.chains) <= set(_chains_of(node, listed.family))]
    if len(nodes) > 1 and len(fitting) != 1:
        fits = f"the rules of {len(fitting)} nodes" if fitting else "no node's rules"
        raise InputError(Origin(listed.path), f"{fits} have all of these chains", "say which node it is with --node")
    return (fitting or list(nodes))[0]


def _chains_of(node: NodeState, family: int) -> Collection[tuple[str, str]]:
    return node.rulesets[family].chains if family in node.rulesets else ()


def _joined(way: Way) -> Way:
    def joined(shares: tuple[Share, ...]) -> tuple[Share, ...]:
        return tuple(replace(share, region=join(share.region)) for share in shares)

    wishes = None if way.wishes is None else {wish: joined(shares) for wish, shares in way.wishes.items()}
    return replace(way, shares=joined(way.shares), wishes=wishes)


def profiles(name: str = "") -> ProfileReport:
    """What is known of one compiler, or of all; InputError where the name is none."""
    known = [_profile(name)] if name else PROFILES
    pages = tuple(ProfilePage(profile.name, profile.summary, profile.documented) for profile in known)
    return ProfileReport(pages, ASSUMPTIONS)


@contextmanager
def _no_collections() -> Iterator[None]:
    """What a run makes lives until its report: looking for garbage finds none and costs a twentieth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(path: str, progress: Progress) -> Snapshot:
    progress("reading", 0, 0)
    return read_snapshot(path)


def _for_all(snapshot: Snapshot, node: NodeState, options: VerifyOptions, progress: Progress) -> Logic | None:
    """What holds of a node whoever is elsewhere, where that was asked for and there is something to ask."""
    if not options.for_all or not any(pod.node == node.name and pod.has_traffic for pod in snapshot.cluster.pods):
        return None
    return ask_for_all(snapshot, node, _profile_of(node, options.compiler), options, progress)


def _verify_node(
    snapshot: Snapshot, node: NodeState, options: VerifyOptions, progress: Progress, logic: Logic | None = None
) -> NodeReport:
    profile = _profile_of(node, options.compiler)
    if not any(pod.node == node.name and pod.has_traffic for pod in snapshot.cluster.pods):
        note = "no pod of the cluster is on this node, so there was nothing to ask"
        return NodeReport(node.name, profile.name, Answer.UNDECIDED, (), (), (note,))
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    for_all = None
    if logic is None:
        verdict = verify_node(snapshot, node, profile, options, progress)
    else:
        verdict, for_all = logic.verdict, established(snapshot, node, logic)
        snapshot, node = logic.snapshot, logic.node
    if deadline is not None:
        options = replace(options, timeout=max(deadline - time.monotonic(), 0.001))
    findings = _findings(verdict, snapshot, node, profile, options)
    answer = verdict.answer if verdict.questions else Answer.UNDECIDED
    return NodeReport(
        node=node.name,
        compiler=profile.name,
        enforcement=enforcement(profile, node, snapshot.cluster).sentence,
        answer=answer if for_all is None else _worst([answer, for_all.contents]),
        questions=verdict.questions,
        findings=findings,
        notes=(*verdict.notes, *_notes(snapshot, node, profile, asked=bool(verdict.questions))),
        assumptions=tuple(_assumptions(verdict.assumptions, options)),
        deviations=tuple(_deviations(verdict.deviations, profile, node, snapshot.cluster)),
        statistics=verdict.statistics,
        chains=_phrases(_chains(findings), snapshot, node, profile),
        addresses=_own_addresses(snapshot, node),
        for_all=for_all,
    )


def _shown_to_kernel(
    report: NodeReport, snapshot: Snapshot, node: NodeState, options: VerifyOptions, progress: Progress
) -> NodeReport:
    """The report with every finding's witness replayed."""
    if not report.findings:
        return report
    profile = _profile_of(node, options.compiler)
    found = replayed(asked_of(report.findings), snapshot, node, profile, options.backends, progress)
    return replace(report, findings=with_replays(report.findings, found), notes=(*report.notes, *found.notes))


def _replaying(snapshot: Snapshot, options: ReplayOptions) -> tuple[NodeState, ...]:
    """The nodes whose packets are replayed."""
    if options.probe is None:
        return selected(snapshot, options.selected)
    check_usable(snapshot, "replay")
    return chosen_nodes(snapshot, options.selected.nodes)


def _asked(
    snapshot: Snapshot, node: NodeState, profile: Profile, options: ReplayOptions, progress: Progress
) -> tuple[list[Asked], tuple[str, ...]]:
    """The packets to replay at a node, and what has to be said of those that there are not."""
    if options.probe is not None:
        ends = ends_of(options.probe, snapshot.cluster)
        found = ways(options.probe, ends, snapshot.cluster, node, profile)
        return [Asked("", path, packet) for path, packet in found], ()
    progress(node.name, 0, 0)
    if options.all_classes:
        classes = representatives(snapshot, node, profile, options.selected)
        return [Asked(each.pod, each.path, each.packet) for each in classes], ()
    report = _verify_node(snapshot, node, options.selected, progress)
    wanted = [each for each in report.findings if not options.findings or each.id in options.findings]
    return asked_of(wanted), unanswered(report)


def _findings(
    verdict: NodeVerdict, snapshot: Snapshot, node: NodeState, profile: Profile, options: VerifyOptions
) -> tuple[Finding, ...]:
    if not verdict.differences:
        return ()
    in_force = () if options.strict else profile.deviations(node)
    found = build_findings(verdict.differences, snapshot, node, profile, options.settings, in_force)
    return tuple(_identified(_with_causes(found, snapshot, node, profile, options)))


def _with_causes(
    findings: tuple[Finding, ...], snapshot: Snapshot, node: NodeState, profile: Profile, options: VerifyOptions
) -> tuple[Finding, ...]:
    """The findings with their root causes, as the compiler would explain them whose chains the dump has (WHY-1)."""
    if profile.enforcement(node).by is Enforcer.NOBODY:
        return without_engine(findings)
    writer = _writer(node, profile)
    ideal = writer.ideal_sets(node, snapshot.cluster)
    by_itself = alone(node, writer)
    asking = Asking(snapshot, node, writer, options, findings, ideal, by_itself)
    known = Knowledge(
        profile=writer,
        wrong=wrong_sets(node, ideal),
        strange=unexplained(node, writer, ideal),
        foreign=by_itself.foreign,
        missing=by_itself.missing,
        signs=writer.signs(node, snapshot.cluster),
        separable=by_itself.separable,
        explained=writer is not generic.MODULE,
    )
    names = Names(node, writer, snapshot.path, writer.chain_names(node, snapshot.cluster))
    causes = RootCauses(node, view_of(node, snapshot.cluster), names, known)
    return with_root_causes(findings, causes, asking.parts)


def _writer(node: NodeState, profile: Profile) -> Profile:
    """The profile itself, or for a node that nothing is recognised by the only compiler whose chains it still has."""
    if profile is not generic.MODULE:
        return profile
    found = [each for each in PROFILES if alone(node, each).missing]
    return found[0] if len(found) == 1 else profile


def _identified(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings with ids that do not change with line numbers, regions or what else is found."""
    given: Counter[str] = Counter()
    for finding in findings:
        policies = [(policy.name, rule.text if rule else "") for policy, rule in finding.policies]
        key = (finding.path.value, finding.family, finding.pods, policies, [rule.text for rule in finding.rules])
        name = f"{finding.kind.value}-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}"
        given[name] += 1
        yield replace(finding, id=name if given[name] == 1 else f"{name}-{given[name]}")


def _worst(answers: Iterable[Answer]) -> Answer:
    """Refuted where one is, else undecided where one is, else proved (ANS-6)."""
    found = set(answers)
    for answer in (Answer.REFUTED, Answer.UNDECIDED):
        if answer in found:
            return answer
    return Answer.PROVED


def _profile_of(node: NodeState, name: str) -> Profile:
    return _profile(name) if name else recognise(node)


def _profile(name: str) -> Profile:
    try:
        return by_name(name)
    except KeyError:
        known = ", ".join(profile.name for profile in PROFILES)
        raise InputError(Origin(name), "no compiler has this name", f"choose one of {known}") from None


def _assumptions(names: Iterable[str], options: VerifyOptions) -> Iterator[Premise]:
    wanted = set(names)
    for each in ASSUMPTIONS:
        if each.name in wanted:
            yield Premise(each.name, each.sentence, each.source, options.settings[each.name].value)


def _deviations(names: Iterable[str], profile: Profile, node: NodeState, cluster: Cluster) -> Iterator[Premise]:
    wanted = set(names)
    told: set[tuple[str, str]] = set()
    for each in profile.deviations(node):
        if each.name in wanted and (each.name, each.sentence) not in told:
            told.add((each.name, each.sentence))
            read = [policy.name for tier in cluster.tiers for policy in tier.policies if _read_otherwise(each, policy)]
            yield Premise(each.name, each.sentence + (f" (here {some(read)})" if read else ""), each.source)


def _read_otherwise(deviation: Deviation, policy: Policy) -> bool:
    return deviation.rewritten is not None and deviation.rewritten(policy) is not policy


def _chains(findings: Iterable[Finding]) -> set[str]:
    """The chains that the findings' packets met, and those of the rules that they name."""
    met = {step.chain for finding in findings for step in finding.witness.chains.steps}
    return met | {chain_of(rule) for finding in findings for rule in finding.rules}


def _notes(snapshot: Snapshot, node: NodeState, profile: Profile, *, asked: bool) -> tuple[str, ...]:
    if not asked:
        return ("the selection leaves nothing to ask",)
    return (*profile.notes(node, snapshot.cluster), *profile.unenforced(snapshot.cluster))


def _phrases(
    chains: Collection[str], snapshot: Snapshot, node: NodeState, profile: Profile
) -> tuple[tuple[str, str], ...]:
    """What the profile knows of these chains."""
    named = profile.chain_names(node, snapshot.cluster) if chains else {}
    explained = ((chain, named.get(chain) or profile.explain_chain(node, chain)) for chain in sorted(chains))
    return tuple((chain, phrase) for chain, phrase in explained if phrase)


def _own_addresses(snapshot: Snapshot, node: NodeState) -> tuple[tuple[int, int], ...]:
    known = snapshot.cluster.nodes.get(node.name)
    own = {*(known.addresses if known else ()), *((each.family, each.address) for each in node.addresses or ())}
    return tuple(sorted(own))
