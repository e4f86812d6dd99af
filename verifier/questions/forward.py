"""Forwarded paths: remote to pod, pod to remote, pod to pod, by composition of the pods' parts.

The path between two ends is a formula over their parts (verifier.semantics.frames). Where it is the conjunction of the
parts and the parts' lemmas hold, the path is proved; otherwise what it accepts is computed from the parts' regions, pair
by pair. A pod whose part is not one thing (it depends on how it is entered) has its paths asked whole.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from verifier.model.disagreement import Disagreement
from verifier.model.finding import Kind
from verifier.model.path import FORWARD, Path
from verifier.questions.demands import Demand, Run
from verifier.questions.forms import UNKNOWN, Form, Forms
from verifier.questions.judge import Demanded, Verdicts, compare_staying
from verifier.questions.ledger import Circumstance, Ledger
from verifier.questions.lemmas import Lemma, Lemmas
from verifier.questions.strangers import RemoteParts
from verifier.questions.translated import TranslatedPackets
from verifier.questions.world import World
from verifier.semantics.diagram import Diagram
from verifier.semantics.frames import PART, Frames
from verifier.semantics.parts import Parts, Role
from verifier.semantics.places import LocalPod, Wire
from verifier.semantics.regions import Region, both, minus, same, slice_at, within
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.shapes import End
from verifier.semantics.skeleton import Span, evaluate
from verifier.semantics.stages import find_stages
from verifier.semantics.summaries import ADDRESS, OPAQUE, SERVICE, Summaries
from verifier.smt.formula import TRUE, Literal
from verifier.smt.solver import Solver, UnsettledError

NEAR = {Path.REMOTE_TO_POD: Role.INGRESS, Path.POD_TO_REMOTE: Role.EGRESS}
"""The role of the pod; the policies of the remote end have a say in the other one."""


class Forward:
    """All forwarded paths of one run, wire and entry mark."""

    def __init__(
        self,
        world: World,
        run: Run,
        wire: Wire,
        mark: int,
        summaries: Summaries,
        solver: Solver,
        ledger: Ledger,
        translated: TranslatedPackets,
        *,
        written: bool,
        pairs: bool,
    ) -> None:
        self._translated = translated
        self._world = world
        self._run = run
        self._wire = wire
        self._mark = mark
        self._summaries = summaries
        self._solver = solver
        self._ledger = ledger
        stages = find_stages(summaries.program, summaries.program.path(FORWARD), mark, world.places.common)
        both_ways = run.demand is Demand.EXISTING
        read = tuple(dict.fromkeys((world.demands.policies, world.demands.wide_policies)))
        self._parts = Parts(world.places, read, summaries, wire, run.services, stages, both_ways=both_ways, pairs=pairs)
        self._frames = Frames(world.places, self._parts, summaries, wire, run.services)
        self.lemmas = Lemmas(world, run, self._parts, summaries, solver, ledger, written=written)
        self._remote_parts = RemoteParts(self._parts, self.lemmas)
        self._hooks = self._frames.hooks
        self._forms = Forms(summaries.store, solver, ledger, wire)
        self._checked: set[tuple[Path, Literal]] = set()
        self._walked: set[Literal] = set()
        self._open: set[Literal] = set()
        self._slices: dict[tuple[Role, int, int], tuple[int, int, int, int]] = {}

    # ------------------------------------------------------------------ remote ends

    def remote(self, path: Path, local: LocalPod) -> None:
        """One pod and everything remote behind the wire."""
        if not self._wire.remote:
            return
        try:
            self._remote(path, local)
        except UnsettledError as error:
            self._ledger.undecided(local.pod.full_name, path, [str(error)])

    def _remote(self, path: Path, local: LocalPod) -> None:
        role = NEAR[path]
        source, destination = (None, local) if role is Role.INGRESS else (local, None)
        self._ledger.count("paths")
        literal = self._frames.accepted(source, destination, self._mark)
        lemma = self.lemmas.get(role, local)
        roles = [each for each in Role if each is role or self._forms.speaks_of(literal, each)]
        whole = self._frames.rolls(source, destination)
        if role.other in roles and not self._remote_parts.composable(role.other):
            whole = True
        form = UNKNOWN if whole else self._forms.form(path, literal, roles, lemma.scene)
        by_parts = form.conjunction and not self._world.served
        if by_parts and self._composable(form, (lemma,)) and not self._suspect(lemma, roles):
            if (path, literal) not in self._checked:
                self._accepted(path, form, literal, source, destination, (lemma,))
            return
        scene = self._frames.pair_scene(source, destination)
        can, sure, reasons = self._accepted(path, form, literal, source, destination, (lemma,))
        demanded = self._demanded(path, scene, lemma)
        elsewhere = self._translated.elsewhere(path, scene)
        if role is Role.EGRESS:
            self._world.note_unserved(self._run, scene, demanded, elsewhere[1], local.pod.full_name, path)
            demanded = self._world.unserved(self._run, scene, demanded)
        verdicts = compare_staying(can, can if can == sure else sure, demanded, elsewhere)
        self.lemmas.note(Kind.LEAK, lemma, both(can, demanded.deny))
        self.lemmas.note(Kind.BLOCKED, lemma, minus(demanded.allow, sure))
        self._record(
            path,
            (local.pod.full_name,),
            self._selecting(local, role),
            (source, destination),
            verdicts,
            [*reasons, *lemma.reasons, *self._translated.reasons],
        )

    def _suspect(self, lemma: Lemma, roles: Sequence[Role]) -> bool:
        """Whether one of these parts between the pod and the remote ends is not as it should be."""
        if lemma.touched & self._wire.remote:
            return True
        other = lemma.role.other
        return other in roles and bool(self._remote_parts.touched(other) & lemma.local.bit)

    def _demanded(self, path: Path, scene: Scene, lemma: Lemma) -> Demanded:
        """Must deny: what the local end denies. Must allow: what both ends allow; the remote end is asked only now."""
        remote = self._wire.remote
        excused = {kind: within(region, remote) for kind, region in lemma.excused.items()}
        must_allow = within(lemma.allowed, remote)
        if must_allow:
            far = self._world.demands.asked(self._run.demand, NEAR[path].other.direction, scene)
            must_allow = both(must_allow, far.allow)
        everything: Region = {scene.world: scene.services}
        return Demanded(must_allow, minus(everything, within(lemma.open, remote)), excused)

    # ------------------------------------------------------------------ pairs

    @property
    def idle(self) -> bool:
        """Whether nothing on the forward path can refuse a packet, which is all that is asked."""
        return not self._hooks and not self._world.demands.denies(self._run.demand)

    def pairs(self, chosen: set[int]) -> None:
        """Every ordered pair of pods of which one is among the chosen cells."""
        pods = self._world.places.pods
        if len(chosen) == len(pods):
            for senders in self._kin(pods, Axis.SOURCE):
                for receivers in self._kin(pods, Axis.DESTINATION):
                    self._group(senders, receivers)
            return
        for source in pods:
            others = pods if source.cell in chosen else [pod for pod in pods if pod.cell in chosen]
            self._each([source], others)

    def _kin(self, pods: list[LocalPod], axis: Axis) -> list[list[LocalPod]]:
        groups: dict[int, list[LocalPod]] = {}
        for pod in pods:
            groups.setdefault(self._frames.kin.of(pod, axis), []).append(pod)
        return list(groups.values())

    def _group(self, senders: list[LocalPod], receivers: list[LocalPod]) -> None:
        """All pairs of two groups of kin: settled by an example of each order, or pair by pair."""
        try:
            settled = self._settled(senders, receivers)
        except UnsettledError:
            settled = False
        if not settled:
            self._each(senders, receivers)

    def _settled(self, senders: list[LocalPod], receivers: list[LocalPod]) -> bool:
        examples = self._frames.kin.examples(senders, receivers)
        if examples is None:
            return False
        literals: set[Literal] = set()
        for source, destination in examples:
            if self._frames.rolls(source, destination):
                return False
            needs, literal = self._frames.story(source, destination, self._mark)
            literals.add(literal)
            marks = {role: [mark for each, mark, _ in needs if each is role] for role in Role}
            parted = self._alike(senders, Role.EGRESS, marks), self._alike(receivers, Role.INGRESS, marks)
            if len(parted[0]) > 1 or len(parted[1]) > 1:
                for some in parted[0]:
                    for others in parted[1]:
                        self._group(some, others)
                return True
            self._pair(source, destination)
        self._spot_check(senders, receivers)
        if literals <= self._open:
            return True
        if not literals <= self._walked:
            return False
        self._suspects(senders, receivers)
        return True

    def _spot_check(self, senders: list[LocalPod], receivers: list[LocalPod]) -> None:
        """A pair that was no example has the shape that its kin promise; raises Disagreement where it has not."""
        source, destination = senders[-1], receivers[-1]
        if source is not destination and not self._frames.resembles(source, destination):
            raise Disagreement(f"{source.pod.full_name} and {destination.pod.full_name} are not like their kin")

    def _alike(self, pods: list[LocalPod], role: Role, marks: dict[Role, list[int]]) -> list[list[LocalPod]]:
        """Pods whose parts behave alike when entered with these marks."""
        groups: dict[object, list[LocalPod]] = {}
        for pod in pods:
            key = tuple([self._frames.behaviour(role, mark, pod) for mark in marks[role]])
            groups.setdefault(key, []).append(pod)
        return list(groups.values())

    def _suspects(self, senders: list[LocalPod], receivers: list[LocalPod]) -> None:
        """The pairs, among groups whose paths are the conjunction of their parts, of which a part is not as it should be."""
        lemmas = {pod.cell: self.lemmas.get(Role.INGRESS, pod) for pod in receivers}
        touched = [(pod, lemmas[pod.cell].touched) for pod in receivers if lemmas[pod.cell].touched]
        several = [pod for pod in receivers if not self._single(lemmas[pod.cell])]
        for source in senders:
            lemma = self.lemmas.get(Role.EGRESS, source)
            if not self._single(lemma):
                self._each([source], receivers)
                continue
            found = {pod.cell: pod for pod in several}
            found.update({pod.cell: pod for pod, ends in touched if ends & source.bit})
            if lemma.touched:
                found.update({pod.cell: pod for pod in receivers if pod.bit & lemma.touched})
            self._each([source], list(found.values()))

    def _each(self, senders: list[LocalPod], receivers: list[LocalPod]) -> None:
        for source in senders:
            for destination in receivers:
                if source is not destination:
                    try:
                        self._pair(source, destination)
                    except UnsettledError as error:
                        for local in (source, destination):
                            self._ledger.undecided(local.pod.full_name, Path.POD_TO_POD, [str(error)])

    def _pair(self, source: LocalPod, destination: LocalPod) -> None:
        literal = self._frames.accepted(source, destination, self._mark)
        rolls = self._frames.rolls(source, destination)
        if literal in self._open and not rolls:
            return
        sender, receiver = self.lemmas.get(Role.EGRESS, source), self.lemmas.get(Role.INGRESS, destination)
        if rolls:
            self._judge_pair(UNKNOWN, literal, sender, receiver)
            return
        touched = sender.touched & destination.bit or receiver.touched & source.bit
        if not touched and literal in self._walked and self._single(sender) and self._single(receiver):
            return
        form = self._forms.form(Path.POD_TO_POD, literal, (Role.EGRESS, Role.INGRESS), sender.scene)
        if form.literal == TRUE and not self._world.demands.denies(self._run.demand):
            everything = _point(self._run.services)
            self._check_path(Path.POD_TO_POD, literal, source, destination, everything, everything)
            self._open.add(literal)
            return
        by_parts = form.conjunction and self._composable(form, (sender, receiver))
        if by_parts and not touched:
            self._walk_by_parts(literal, source, destination, sender, receiver)
            return
        self._judge_pair(form if not by_parts else None, literal, sender, receiver)

    def _judge_pair(self, form: Form | None, literal: Literal, sender: Lemma, receiver: Lemma) -> None:
        """Compare what a pair's path accepts with what is demanded; `form` None: it is the conjunction of its parts."""
        source, destination = sender.local, receiver.local
        mine, theirs = self._slice(sender, destination.bit), self._slice(receiver, source.bit)
        reasons: list[str] = []
        if form is None:
            can, sure = _point(mine[0] & theirs[0]), _point(mine[1] & theirs[1])
            self._check_path(Path.POD_TO_POD, literal, source, destination, can, sure)
            self._walked.add(literal)
        else:
            can, sure, reasons = self._accepted(Path.POD_TO_POD, form, literal, source, destination, (sender, receiver))
        must = mine[2] & theirs[2]
        demanded = Demanded(
            _point(must),
            _point(self._run.services & ~(mine[3] & theirs[3])),
            self._excused_pair(sender, receiver),
        )
        elsewhere = self._translated.elsewhere(Path.POD_TO_POD, self._frames.pair_scene(source, destination))
        verdicts = compare_staying(can, can if can == sure else sure, demanded, elsewhere)
        differing = {Kind.LEAK: slice_at(both(can, demanded.deny), 1), Kind.BLOCKED: must & ~slice_at(sure, 1)}
        for lemma, other in ((sender, destination), (receiver, source)):
            for kind, services in differing.items():
                if services and lemma.excused[kind]:
                    self.lemmas.note(kind, lemma, {other.bit: services})
        pods = (source.pod.full_name, destination.pod.full_name)
        broken = self._broken(sender, receiver, differing[Kind.LEAK])
        group = (
            self._selecting(source, Role.EGRESS) if broken[0] else "",
            self._selecting(destination, Role.INGRESS) if broken[1] else "",
        )
        reasons.extend([*sender.reasons, *receiver.reasons, *self._translated.reasons])
        self._record(Path.POD_TO_POD, pods, group, (source, destination), verdicts, reasons)

    def _broken(self, sender: Lemma, receiver: Lemma, leak: int) -> tuple[int, int]:
        """Whether the sender's and the receiver's part differ; told apart, whether their policies deny what leaks."""
        source, destination = sender.local.bit, receiver.local.bit
        if not self._world.apart:
            return sender.touched & destination, receiver.touched & source
        return leak & ~self._slice(sender, destination)[3], leak & ~self._slice(receiver, source)[3]

    def _excused_pair(self, sender: Lemma, receiver: Lemma) -> dict[Kind, Region]:
        """What is excused between two pods: a leak by a reading only where every end that denies allows so (ANS-9)."""
        ends = ((sender, receiver.local.bit), (receiver, sender.local.bit))
        excused = dict.fromkeys(Kind, 0)
        read = self._run.services
        for lemma, bit in ends:
            for kind in Kind:
                excused[kind] |= slice_at(lemma.plain[kind], bit)
            if lemma.read is not None:
                allowed = slice_at(lemma.read, bit)
                excused[Kind.BLOCKED] |= self._run.services & ~allowed
                read &= allowed | slice_at(lemma.allowed, bit)
        if sender.read is not None:
            excused[Kind.LEAK] |= read
        return {kind: _point(services) for kind, services in excused.items()}

    def _single(self, lemma: Lemma) -> bool:
        """Whether the pod's part is one thing, however it is entered."""
        key = (lemma.role, lemma.local.cell)
        return lemma.exists and key not in self._parts.several and len(self._parts.conditions[key]) == 1

    def _walk_by_parts(
        self, literal: Literal, source: LocalPod, destination: LocalPod, sender: Lemma, receiver: Lemma
    ) -> None:
        mine, theirs = self._slice(sender, destination.bit), self._slice(receiver, source.bit)
        can, sure = _point(mine[0] & theirs[0]), _point(mine[1] & theirs[1])
        self._check_path(Path.POD_TO_POD, literal, source, destination, can, sure)
        self._walked.add(literal)

    def _slice(self, lemma: Lemma, bit: int) -> tuple[int, int, int, int]:
        """What a lemma says of one other end: can, sure, allowed, open, as services."""
        key = (lemma.role, lemma.local.cell, bit)
        found = self._slices.get(key)
        if found is None:
            a, b, c = (slice_at(region, bit) for region in (lemma.can, lemma.sure, lemma.allowed))
            found = self._slices[key] = (a, b, c, c if lemma.open is lemma.allowed else slice_at(lemma.open, bit))
        return found

    # ------------------------------------------------------------------ what a path accepts

    def _composable(self, form: Form, lemmas: tuple[Lemma, ...]) -> bool:
        """Whether the path may be put together from the parts of these pods."""
        if form.literal is None:
            return False
        for lemma in lemmas:
            if lemma.exists and not self._single(lemma):
                return False
            if form.conjunction and not lemma.exists:
                return False
        return True

    def _accepted(
        self, path: Path, form: Form, literal: Literal, source: End, destination: End, lemmas: tuple[Lemma, ...]
    ) -> tuple[Region, Region, list[str]]:
        """(can be accepted, surely accepted, opaque reasons)."""
        if self._composable(form, lemmas):
            assert form.literal is not None
            can, sure, reasons = self._evaluated(form.literal, source, destination)
            self._check_path(path, literal, source, destination, can, sure)
            return can, sure, reasons
        self._ledger.count("paths asked whole")
        scene = self._frames.pair_scene(source, destination)
        formula = self._summaries.accepted(self._hooks, scene, self._mark)
        diagram = Diagram(self._summaries.program, self._summaries.dispatch)
        can, dropped = diagram.path(self._hooks, scene, self._mark)
        sure = minus(diagram.start(scene), dropped)
        self.lemmas.confirm(scene, ((formula, can, sure),))
        return can, sure, list(diagram.reasons)

    def _evaluated(self, literal: Literal, source: End, destination: End) -> tuple[Region, Region, list[str]]:
        """The formula of a path over the regions of its parts."""
        scene = self._frames.pair_scene(source, destination)
        world = scene.world if scene.free is not Axis.NEITHER else 1
        everything: Region = {world: scene.services}
        reasons: dict[str, None] = {}

        def atom(kind: str, payload: Hashable) -> Span:
            if kind == PART:
                assert isinstance(payload, tuple)
                return self._part(payload[0], source, destination, reasons)
            if kind == ADDRESS:
                assert isinstance(payload, int)
                region: Region = {payload & world: scene.services} if payload & world else {}
                return region, region
            if kind == SERVICE:
                assert isinstance(payload, int)
                region = {world: payload & scene.services} if payload & scene.services else {}
                return region, region
            assert kind == OPAQUE
            assert isinstance(payload, tuple)
            reasons[payload[1]] = None
            return everything, {}

        can, sure = evaluate(self._summaries.store, literal, everything, atom)
        return can, sure, list(reasons)

    def _part(self, role: Role, source: End, destination: End, reasons: dict[str, None]) -> Span:
        local, other = (source, destination) if role is Role.EGRESS else (destination, source)
        if local is None:
            assert other is not None
            span, further = self._remote_parts.span(role, other)
            reasons.update(dict.fromkeys(further))
            return span
        lemma = self.lemmas.get(role, local)
        reasons.update(dict.fromkeys(lemma.reasons))
        if other is None:
            remote = self._wire.remote
            return within(lemma.can, remote), within(lemma.sure, remote)
        can, sure, *_ = self._slice(lemma, other.bit)
        return _point(can), _point(sure)

    def _check_path(
        self, path: Path, literal: Literal, source: End, destination: End, can: Region, sure: Region
    ) -> None:
        """Once per formula, the diagram walks the whole path of a pair and must find the same."""
        if (path, literal) in self._checked:
            return
        self._checked.add((path, literal))
        scene = self._frames.pair_scene(source, destination)
        diagram = Diagram(self._summaries.program, self._summaries.dispatch)
        walked, dropped = diagram.path(self._hooks, scene, self._mark)
        self._ledger.count("paths walked by the diagram")
        if diagram.reasons:
            consistent = not minus(sure, walked) and not minus(minus(diagram.start(scene), dropped), can)
        else:
            consistent = same(walked, can) and same(can, sure)
        if not consistent:
            raise Disagreement(f"{path.value} {scene.name}: the composed path and the walked one differ")

    # ------------------------------------------------------------------ books

    def _selecting(self, local: LocalPod, role: Role) -> object:
        return self._world.policies.selecting(role.direction, local.bit)

    def _record(
        self,
        path: Path,
        pods: tuple[str, ...],
        group: object,
        ends: tuple[End, End],
        verdicts: Verdicts,
        reasons: list[str],
    ) -> None:
        if verdicts.possible:
            for pod in pods:
                self._ledger.undecided(pod, path, reasons)
        if not verdicts.leak and not verdicts.blocked:
            return
        if self._wire.doubt and path is not Path.POD_TO_POD:
            for pod in pods:
                self._ledger.undecided(pod, path, [self._wire.doubt])
            return
        scene = self._frames.pair_scene(*ends)
        for kind in Kind:
            boxes = [
                (
                    cells if scene.free is Axis.SOURCE else scene.source,
                    cells if scene.free is Axis.DESTINATION else scene.destination,
                    service,
                )
                for cells, service in verdicts.of(kind).items()
            ]
            if boxes:
                at = Circumstance(kind, path, self._run.states, self._wire, self._mark)
                self._ledger.refuted(pods, at, group, boxes)


def _point(services: int) -> Region:
    return {1: services} if services else {}
