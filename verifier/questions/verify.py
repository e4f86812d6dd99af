"""Does what a node has loaded mean what its policies say? Every local pod, path and family.

Spec: specs/answers.md
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial

from verifier.compilers import enforcement
from verifier.model.assumption import ASSUMPTIONS, FINISHED_PODS, HOST_NETWORK_PODS, Setting
from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, ConnState, Scope
from verifier.model.finding import Answer, Difference, Question
from verifier.model.node import NodeState
from verifier.model.options import Progress, VerifyOptions, silent
from verifier.model.path import HOOKS, Path
from verifier.model.profile import Deviation, Enforcer, Profile
from verifier.model.snapshot import Snapshot
from verifier.questions.demands import Run
from verifier.questions.dependence import depended_on
from verifier.questions.differences import differences
from verifier.questions.forward import Forward
from verifier.questions.hosts import Hosts
from verifier.questions.ledger import RANK, Ledger
from verifier.questions.translated import TranslatedPackets
from verifier.questions.world import World
from verifier.semantics.bits import HeaderBits
from verifier.semantics.places import LocalPod
from verifier.semantics.program import Program
from verifier.semantics.summaries import Summaries
from verifier.smt.formula import Store
from verifier.smt.solver import Solver

LONGEST_ACCOUNT = 62
"""Of how many characters a service account's name may be to stand among the labels of its pods."""
FORWARDED = {Path.REMOTE_TO_POD, Path.POD_TO_REMOTE, Path.POD_TO_POD}
MOST_ENTRY_MARKS = 6
"""At most this many live mark bits are enumerated by --initial-mark any."""


@dataclass(frozen=True, slots=True)
class NodeVerdict:
    """All answers about one node, before its differences are walked and grouped.

    `deviations` and `assumptions` name those that some answer rests on; `statistics` counts what was asked. `doubts`
    are the reasons for which some packet of a pod, path and family is not decided, whatever the answer.
    """

    answer: Answer
    questions: tuple[Question, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]
    deviations: tuple[str, ...]
    statistics: tuple[tuple[str, int], ...]
    doubts: Mapping[tuple[str, Path, int], tuple[str, ...]] = field(default_factory=dict)


def verify_node(
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    options: VerifyOptions,
    progress: Progress = silent,
    *,
    deviations: tuple[Deviation, ...] | None = None,
    premises: bool = True,
) -> NodeVerdict:
    """Ask every selected question about a node; raises Disagreement when two of our own readings differ.

    `deviations`: those in force, None for all of the node's; without `premises` no assumption is tried otherwise.
    """
    in_force = profile.deviations(node) if deviations is None else deviations
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    questions: list[Question] = []
    found: list[Difference] = []
    notes: list[str] = []
    used: set[str] = set()
    statistics: Counter[str] = Counter()
    applied = enforcement(profile, node, snapshot.cluster)
    doubts: dict[tuple[str, Path, int], tuple[str, ...]] = {}
    rests: set[str] = set()
    for family in options.families or (4, 6):
        pods = [p for p in snapshot.cluster.pods if p.node == node.name and p.has_traffic and family in p.addresses]
        if not pods:
            continue
        if applied.by is Enforcer.ELSEWHERE:
            questions.extend(left_open(pods, family, options, applied.sentence))
            continue
        if family not in node.rulesets:
            questions.extend(_unread(pods, family, options))
            continue

        def family_of(
            options: VerifyOptions, family: int = family, *, apart: bool = applied.by is Enforcer.NOBODY
        ) -> _Family:
            return _Family(snapshot, node, profile, in_force, options, family, deadline, apart=apart)

        check = family_of(options)
        check.run(progress)
        questions.extend(answers := check.questions())
        if premises:
            rests.update(depended_on(check.world, answers, check.ledger.firm, partial(_again, family_of, options)))
        found.extend(differences(check.world, check.ledger))
        notes.extend(check.notes)
        used |= check.world.used_deviations
        doubts |= {(pod, path, family): tuple(reasons) for (pod, path), reasons in check.ledger.reasons.items()}
        statistics.update(check.ledger.statistics)
    return NodeVerdict(
        max((q.answer for q in questions), key=RANK.__getitem__, default=Answer.UNDECIDED),
        tuple(questions),
        tuple(found),
        tuple(notes),
        tuple(each.name for each in ASSUMPTIONS if each.name in rests),
        tuple(sorted(used)),
        tuple(sorted(statistics.items())),
        doubts,
    )


def _again(
    family_of: Callable[[VerifyOptions], _Family],
    options: VerifyOptions,
    settings: Mapping[str, Setting],
    pods: Set[str],
    paths: Set[Path],
) -> list[Question]:
    """The answers about these pods and paths of a family under other settings."""
    chosen = tuple(path for path in Path if path in paths)
    other = family_of(replace(options, settings=settings, pods=tuple(sorted(pods)), paths=chosen))
    other.run(silent)
    return other.questions()


def _unread(pods: list[Pod], family: int, options: VerifyOptions) -> list[Question]:
    name = "iptables-save" if family == 4 else "ip6tables-save"
    return left_open(pods, family, options, f"{name} is missing or empty, so nothing is known about IPv{family}")


def left_open(pods: list[Pod], family: int, options: VerifyOptions, reason: str) -> list[Question]:
    """Every selected question about these pods, undecided for one reason."""
    return [
        Question(pod.full_name, path, family, Answer.UNDECIDED, (reason,))
        for pod in pods
        if not options.pods or pod.full_name in options.pods
        for path in (options.paths or tuple(Path))
    ]


def _blind(cluster: Cluster, world: World) -> str:
    """Why what the policies ask cannot be known, "" where it can."""
    if not cluster.policies_known:
        return "no NetworkPolicy was read, and no empty List that would say that there is none"
    if any(label.scope is Scope.NODE for label in world.space.labels):
        return "policies select nodes, and no Node was read"
    selected = any(label.scope is Scope.NAMESPACE and label.key != NAMESPACE_NAME for label in world.space.labels)
    peers = {pod.namespace for pod in cluster.pods if world.family in pod.addresses and _may_be_peer(pod, world)}
    unknown = sorted(peers & cluster.unlabelled)
    if selected and unknown:
        return f"the labels of namespace {unknown[0]} are not known, and policies select namespaces by label"
    return _blind_to_accounts(cluster, world)


def _blind_to_accounts(cluster: Cluster, world: World) -> str:
    """Why what the policies ask of service accounts cannot be known, "" where it can (CSL-4)."""
    asked = {label.key for label in world.space.labels if label.scope is Scope.SERVICE_ACCOUNT}
    for pod in cluster.pods if asked else ():
        if world.family not in pod.addresses or not _may_be_peer(pod, world):
            continue
        account = f"{pod.namespace}/{pod.service_account}"
        if asked - {SERVICE_ACCOUNT_NAME} and account not in cluster.service_accounts:
            return (
                f"the labels of service account {account} are not known, and policies select service accounts by label"
            )
        if len(pod.service_account) > LONGEST_ACCOUNT:
            return f"the name of service account {account} is too long for Calico to show it to every selector"
    return ""


def _may_be_peer(pod: Pod, world: World) -> bool:
    """Whether a selector may select the pod as a peer (AS-10, AS-11)."""
    if pod.has_traffic:
        return True
    return world.demands.setting(HOST_NETWORK_PODS if pod.host_network else FINISHED_PODS) is not Setting.DENY


class _Family:
    """The questions of one family of a node."""

    def __init__(
        self,
        snapshot: Snapshot,
        node: NodeState,
        profile: Profile,
        deviations: tuple[Deviation, ...],
        options: VerifyOptions,
        family: int,
        deadline: float | None,
        *,
        apart: bool,
    ) -> None:
        deviations = () if options.strict else deviations
        self.world = World(
            family, node.rulesets[family], snapshot.cluster, node, profile, deviations, options.settings, apart=apart
        )
        self.ledger = Ledger()
        self.notes: list[str] = []
        self._options = options
        self._family = family
        self._store = Store()
        self._programs: dict[ConnState, Program] = {}
        self._summaries: dict[tuple[ConnState, int], Summaries] = {}
        self._solver = Solver(self._store, deadline, HeaderBits(self.world.space) if options.bits else None)
        self._paths = options.paths or tuple(Path)
        self._chosen = [p for p in self.world.places.pods if not options.pods or p.pod.full_name in options.pods]
        self._blind = _blind(snapshot.cluster, self.world)
        self._open()

    def _open(self) -> None:
        """Open every question, and leave undecided what cannot be asked."""
        for local in self._chosen:
            for path in self._paths:
                self.ledger.ask(local.pod.full_name, path)
                if path in (Path.NODE_TO_POD, Path.POD_TO_NODE) and not self.world.places.own:
                    self.ledger.undecided(local.pod.full_name, path, ["the node's own addresses are not known"])
        claimed = self.world.places.claimed
        for local in self._chosen if claimed else ():
            for path in {Path.REMOTE_TO_POD, Path.POD_TO_REMOTE} & set(self._paths):
                self.ledger.undecided(local.pod.full_name, path, [claimed])
        for local in self._chosen if self._blind else ():
            for path in FORWARDED & set(self._paths):
                self.ledger.undecided(local.pod.full_name, path, [self._blind])
        for pod in self.world.places.shared:
            if not self._options.pods or pod.full_name in self._options.pods:
                for path in self._paths:
                    self.ledger.ask(pod.full_name, path)
                    self.ledger.undecided(pod.full_name, path, [self.world.places.rivals(pod)])

    def run(self, progress: Progress) -> None:
        """Ask everything, one run after the other."""
        runs = self.world.tracked_apart(self.world.demands.runs())
        for number, run in enumerate(runs):
            progress(f"IPv{self._family} {run.state.name}", number, len(runs))
            if run.services and not (run.closer and self._settled(run)):
                for each in run.closer or (run,):
                    self._run(each, self.ledger)
        progress(f"IPv{self._family}", len(runs), len(runs))
        self.ledger.count("solver questions", self._solver.asked)

    def _settled(self, run: Run) -> bool:
        """Whether a run that asks for more than it may proves everything, without any excuse."""
        used, books = set(self.world.used_deviations), Ledger(dict.fromkeys(self.ledger.answers, Answer.PROVED))
        self._run(run, books)
        if books.spotless and self.world.used_deviations == used:
            for name, count in books.statistics.items():
                self.ledger.count(name, count)
            return True
        self.world.used_deviations = used
        return False

    def _run(self, run: Run, ledger: Ledger) -> None:
        program = self._programs.get(run.state)
        if program is None:
            program = self._programs[run.state] = Program(self.world.ruleset, self.world.compiler, run.state)
        key = (run.state, run.services)
        summaries = self._summaries.get(key)
        if summaries is None:
            summaries = self._summaries[key] = Summaries(program, self._store)
        bits, solver = self._options.bits, self._solver
        for mark in self._entry_marks(program):
            for number, wire in enumerate(self.world.places.wires):
                settings = self._options.settings
                translated = TranslatedPackets(self.world, run, wire, mark, summaries, ledger, settings)
                forward = Forward(
                    self.world, run, wire, mark, summaries, solver, ledger, translated, written=bits, pairs=number == 0
                )
                self._forwarded(forward, pairs=number == 0)
                translated.ask(self._askable(), self._chosen, forward.lemmas)
            self._hosts(Hosts(self.world, run, mark, summaries, ledger, forward.lemmas, translated))

    def _askable(self) -> tuple[Path, ...]:
        """The paths of which it is known what to ask."""
        return tuple(path for path in self._paths if not (self._blind and path in FORWARDED))

    def _forwarded(self, forward: Forward, *, pairs: bool) -> None:
        if forward.idle or self._blind:
            return
        for path in (Path.REMOTE_TO_POD, Path.POD_TO_REMOTE):
            if path in self._paths:
                for local in self._chosen:
                    forward.remote(path, local)
        if pairs and Path.POD_TO_POD in self._paths:
            forward.pairs({local.cell for local in self._chosen})

    def _hosts(self, hosts: Hosts) -> None:
        if not self.world.places.own:
            return
        for path in (Path.NODE_TO_POD, Path.POD_TO_NODE):
            if path in self._paths:
                for local in self._chosen:
                    hosts.ask(path, local)

    def _entry_marks(self, program: Program) -> list[int]:
        """The marks with which packets enter: 0, or every value of the bits that some rule may read first."""
        if not self._options.initial_mark_any:
            return [0]
        live = 0
        for hooks in HOOKS.values():
            for hook in program.path(hooks)[:1]:
                live |= program.chains[hook].entry
        live &= 0xFFFFFFFF
        bits = [1 << n for n in range(32) if live >> n & 1]
        if len(bits) > MOST_ENTRY_MARKS:
            for local in self._chosen:
                for path in self._paths:
                    self.ledger.undecided(local.pod.full_name, path, [f"{len(bits)} bits of the entry mark matter"])
            bits = bits[:MOST_ENTRY_MARKS]
        marks = [0]
        for bit in bits:
            marks += [mark | bit for mark in marks]
        return marks

    def questions(self) -> list[Question]:
        """The answers, in the order of pods and paths."""
        order = list(Path)
        pods: list[LocalPod] = self.world.places.pods
        names = [p.pod.full_name for p in pods] + [p.full_name for p in self.world.places.shared]
        out = []
        for name in names:
            for path in order:
                answer = self.ledger.answers.get((name, path))
                if answer is not None:
                    reasons = tuple(self.ledger.reasons.get((name, path), ())) if answer is Answer.UNDECIDED else ()
                    out.append(Question(name, path, self._family, answer, reasons))
        return out
