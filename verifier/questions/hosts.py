"""Paths between the node and its own pods: each asked whole, by the solver and by the diagram."""

from __future__ import annotations

from verifier.model.finding import Kind
from verifier.model.path import HOOKS, Path
from verifier.questions.demands import Demand, Run
from verifier.questions.judge import Demanded, compare_staying
from verifier.questions.ledger import Circumstance, Ledger
from verifier.questions.lemmas import Lemmas
from verifier.questions.translated import TranslatedPackets
from verifier.questions.world import World
from verifier.semantics.diagram import Diagram
from verifier.semantics.interfaces import NO_INTERFACE, NO_PORTS, Interfaces, Ports
from verifier.semantics.places import LocalPod
from verifier.semantics.program import ChainKey
from verifier.semantics.regions import Region, both, minus
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Summaries
from verifier.smt.formula import TRUE
from verifier.smt.solver import UnsettledError


class Hosts:
    """Node to pod and pod to node in one run, with one entry mark."""

    def __init__(
        self,
        world: World,
        run: Run,
        mark: int,
        summaries: Summaries,
        ledger: Ledger,
        lemmas: Lemmas,
        translated: TranslatedPackets,
    ) -> None:
        self._translated = translated
        self._world = world
        self._run = run
        self._mark = mark
        self._summaries = summaries
        self._ledger = ledger
        self._lemmas = lemmas
        self._whole: set[Path] = set()

    def ask(self, path: Path, local: LocalPod) -> None:
        """Whether everything between the node's own addresses and the pod is as demanded."""
        hooks = self._summaries.program.path(HOOKS[path])
        if not self._world.demands.near(self._run.demand):
            return
        served = path is Path.POD_TO_NODE and bool(self._world.served)
        denies = self._run.demand is Demand.DROP or (self._run.demand is Demand.POLICY and served)
        if not denies and not self._summaries.program.may_refuse(hooks):
            return
        try:
            self._ask(path, local, hooks)
        except UnsettledError as error:
            self._ledger.undecided(local.pod.full_name, path, [str(error)])

    def _ask(self, path: Path, local: LocalPod, hooks: list[ChainKey]) -> None:
        scene = self._scene(path, local)
        formula = self._summaries.accepted(hooks, scene, self._mark)
        diagram = Diagram(self._summaries.program, self._summaries.dispatch)
        can, dropped = diagram.path(hooks, scene, self._mark)
        everything: Region = {scene.world: scene.services}
        sure = minus(everything, dropped)
        self._ledger.count("paths")
        self._confirm(path, scene, formula, can, sure)
        asked = self._world.demands.nearby(self._run.demand, path, scene)
        excused = {kind: self._world.excused(kind, {path: scene.real}, scene) for kind in Kind}
        demanded = Demanded(asked.allow, minus(everything, asked.open), excused)
        elsewhere = self._translated.elsewhere(path, scene)
        if path is Path.POD_TO_NODE:
            self._world.note_unserved(self._run, scene, demanded, elsewhere[1], local.pod.full_name, path)
            demanded = self._world.unserved(self._run, scene, demanded)
        self._world.note_used(Kind.BLOCKED, {path: scene.real}, scene, minus(demanded.allow, sure))
        self._world.note_used(Kind.LEAK, {path: scene.real}, scene, both(can, demanded.deny))
        verdicts = compare_staying(can, sure if diagram.reasons else can, demanded, elsewhere)
        if verdicts.possible:
            self._ledger.undecided(local.pod.full_name, path, [*diagram.reasons, *self._translated.reasons])
        at = {kind: Circumstance(kind, path, self._run.states, None, self._mark) for kind in Kind}
        for kind in Kind:
            boxes = [
                (cells, scene.destination, service) if scene.free is Axis.SOURCE else (scene.source, cells, service)
                for cells, service in verdicts.of(kind).items()
            ]
            if boxes:
                self._ledger.refuted((local.pod.full_name,), at[kind], "", boxes)

    def _confirm(self, path: Path, scene: Scene, formula: int, can: Region, sure: Region) -> None:
        """The solver agrees with the diagram on what the path accepts; raises Disagreement where it does not."""
        whole = formula == TRUE and not minus({scene.world: scene.services}, sure)
        if whole and path in self._whole:
            return
        self._lemmas.confirm(scene, ((formula, can, sure),))
        if whole:
            self._whole.add(path)

    def _scene(self, path: Path, local: LocalPod) -> Scene:
        own = self._world.places.own
        name = f"{path.value} {local.pod.full_name}"
        device = Interfaces(((local.device, -1),), local.pod.full_name)
        state, services = self._run.state, self._run.services
        if path is Path.NODE_TO_POD:
            return Scene(name, own, local.bit, Axis.SOURCE, NO_INTERFACE, device, state, services, own, NO_PORTS)
        ports = Ports(Interfaces(((local.port, -1),)), NO_INTERFACE)
        return Scene(name, local.bit, own, Axis.DESTINATION, device, NO_INTERFACE, state, services, own, ports)
