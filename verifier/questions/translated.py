"""Packets that this node sends to another destination, judged as what they are from there on.

Until its destination is translated a packet runs through the chains with the address it was sent to; afterwards it is a
packet of the path to its new destination, with the mark that the chains before have given it. The policies are asked
about the new destination and the true source (NP-38).

Spec: specs/chains/translation.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from verifier.model.assumption import SERVICE_HAIRPIN, Setting, chosen
from verifier.model.fields import ConnState
from verifier.model.finding import Kind
from verifier.model.path import HOOKS, Path, before_routing
from verifier.model.policy import Direction
from verifier.questions.arrivals import Arrival, arrivals
from verifier.questions.demands import Demand, Run
from verifier.questions.judge import Demanded, Verdicts, compare
from verifier.questions.ledger import Circumstance, Ledger
from verifier.questions.lemmas import Lemmas
from verifier.questions.world import World
from verifier.semantics.diagram import Diagram
from verifier.semantics.interfaces import NO_INTERFACE, NO_PORTS, UNKNOWN_PORTS, Interfaces, Ports
from verifier.semantics.places import LocalPod, Wire, pair_ports
from verifier.semantics.regions import Region, both, join, minus, slice_at, within
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Summaries
from verifier.semantics.translations import Translations
from verifier.smt.solver import UnsettledError

UNROUTED = Interfaces(((None, -1),), "a packet that is yet to be routed")


@dataclass(frozen=True, slots=True)
class _Question:
    """Packets of one scene, all with one mark, after the translation.

    `demanded` is what is asked of them wherever they come from; `arrivals` says which of them
    exist, over the sources; `asked` are the cells of the free end that are to be judged, by path.
    """

    scene: Scene
    mark: int
    demanded: Demanded
    arrivals: list[Arrival]
    asked: Mapping[Path, int]


@dataclass(frozen=True, slots=True)
class _Passing:
    """What can and what surely does pass the hooks after the translation, and what is not known about them."""

    can: Region
    sure: Region
    reasons: tuple[str, ...]


class TranslatedPackets:
    """All packets of one run, wire and entry mark whose destination the node translates."""

    def __init__(
        self, world: World, run: Run, wire: Wire, mark: int, summaries: Summaries, ledger: Ledger,
        settings: Mapping[str, Setting],
    ) -> None:  # fmt: skip
        self._world = world
        self._run = run
        self._wire = wire
        self._mark = mark
        self._summaries = summaries
        self._ledger = ledger
        self._hairpin = chosen(settings, SERVICE_HAIRPIN)
        program, places = summaries.program, world.places
        self.any = run.state in (ConnState.NEW, ConnState.RELATED) and world.translates
        self._services = world.space.services.translated(run.services, None) if self.any else 0
        self._around = places.around(wire)
        self._others = places.local | wire.remote
        self._inbound = Translations(program, summaries, before_routing(program.path(HOOKS[Path.REMOTE_TO_POD]))[0])
        self._outbound = Translations(program, summaries, before_routing(program.path(HOOKS[Path.NODE_TO_POD]))[0])
        if self.any:
            coming = Ports(Interfaces(self._around.ports), UNKNOWN_PORTS.leaving)
            self._inbound.add(self._sent(self._others, self._around.interfaces, coming), mark)
            self._outbound.add(self._sent(places.own, NO_INTERFACE, NO_PORTS), mark)
        self._arriving = arrivals(world.space, self._inbound.entries)
        self._leaving = arrivals(world.space, self._outbound.entries)

    def _sent(self, sources: int, incoming: Interfaces, ports: Ports) -> Scene:
        """Everything that these sources may send, before it is routed."""
        everywhere = self._world.places.reachable
        state, services = self._run.state, self._run.services
        return Scene("sent", sources, everywhere, Axis.SOURCE, incoming, UNROUTED, state, services, sources, ports)

    def elsewhere(self, path: Path, scene: Scene) -> tuple[Region, Region]:
        """(what may, what does go elsewhere) of the packets of a path's scene, over its free end."""
        return (self._outbound if path is Path.NODE_TO_POD else self._inbound).elsewhere(scene)

    @property
    def reasons(self) -> list[str]:
        """What is not known about the translations."""
        return [*self._inbound.reasons, *self._outbound.reasons]

    def ask(self, paths: tuple[Path, ...], chosen: list[LocalPod], lemmas: Lemmas) -> None:
        """Every translated packet that comes from or goes to one of the chosen pods."""
        if not self.any:
            return
        self._confirm(lemmas)
        mine = sum(local.bit for local in chosen)
        for local in self._world.places.pods:
            if local.bit & mine and Path.POD_TO_REMOTE in paths:
                self._nowhere(local)
            for question in self._questions(local, paths, mine):
                try:
                    self._judge(local, question, lemmas)
                except UnsettledError as error:
                    for path, ends in question.asked.items():
                        self._undecided(local, path, ends, [str(error)])

    def _confirm(self, lemmas: Lemmas) -> None:
        """The solver agrees on what is sent elsewhere; raises Disagreement where it does not."""
        outside, own = self._others, self._world.places.own
        for found, sources in ((self._inbound, outside), (self._outbound, own)):
            if found.claims and sources:
                lemmas.confirm(self._sent(sources, NO_INTERFACE, NO_PORTS), found.claims)

    def _questions(self, local: LocalPod, paths: tuple[Path, ...], mine: int) -> list[_Question]:
        places = self._world.places
        out: list[_Question] = []
        for mark, arriving in self._arriving.items():
            asked = self._senders(local, paths, mine)
            here = [each for each in arriving if each.cell == local.cell]
            itself = Path.POD_TO_POD in asked and local.bit & mine
            if itself and any(slice_at(each.can, local.bit) for each in here):
                self._world.covered.add((SERVICE_HAIRPIN, local.pod.full_name, Path.POD_TO_POD))
            if here and asked:
                out.append(self._to_pod(local, mark, here, asked))
            if not local.bit & mine:
                continue
            for path, cells_ in ((Path.POD_TO_REMOTE, self._wire.remote), (Path.POD_TO_NODE, places.own)):
                met = [each for each in arriving if cells_ >> each.cell & 1 and slice_at(each.can, local.bit)]
                if path in paths and met:
                    out.append(self._from_pod(local, path, mark, met))
        for mark, leaving in self._leaving.items():
            here = [each for each in leaving if each.cell == local.cell]
            if here and local.bit & mine and Path.NODE_TO_POD in paths:
                out.append(self._from_node(local, mark, here))
        return out

    def _senders(self, local: LocalPod, paths: tuple[Path, ...], mine: int) -> dict[Path, int]:
        """Who is asked about as a sender to this pod: everything remote, the other pods, the pod itself if so assumed."""
        places = self._world.places
        asked: dict[Path, int] = {}
        if Path.REMOTE_TO_POD in paths and local.bit & mine:
            asked[Path.REMOTE_TO_POD] = self._wire.remote
        if Path.POD_TO_POD in paths:
            others = sum(pod.bit for pod in places.pods if local.bit & mine or pod.bit & mine)
            asked[Path.POD_TO_POD] = others if self._itself_asked else others & ~local.bit
        return asked

    @property
    def _itself_asked(self) -> bool:
        """Whether anything is asked of a pod that reaches itself: where that is to be dropped, nothing of what follows."""
        if self._run.demand is Demand.ACCEPT:
            return self._hairpin is Setting.ALLOW
        return self._hairpin is not Setting.ANY

    def _to_pod(self, local: LocalPod, mark: int, here: list[Arrival], asked: dict[Path, int]) -> _Question:
        places = self._world.places
        device = Interfaces(((local.device, -1),), local.pod.full_name)
        scene = self._scene(f"translated to {local.pod.full_name}", self._others, local.bit, Axis.SOURCE,
                            self._around.interfaces, device, self._around.reaching(local))  # fmt: skip
        ends = {Path.REMOTE_TO_POD: self._wire.remote, Path.POD_TO_POD: places.local}
        demanded = self._asked_by_policies(scene, ends)
        if self._hairpin is not Setting.ANY and self._run.demand is Demand.POLICY:
            demanded = self._itself(local, demanded)
        return _Question(scene, mark, demanded, here, asked)

    def _itself(self, local: LocalPod, demanded: Demanded) -> Demanded:
        """The demand with what the assumption says of a pod that reaches itself through a Service."""
        own: Region = {local.bit: self._services}
        allow, deny = minus(demanded.allow, own), minus(demanded.deny, own)
        if self._hairpin is Setting.ALLOW:
            return Demanded(join(allow, own), deny, demanded.excused)
        return Demanded(allow, join(deny, own), demanded.excused)

    def _asked_by_policies(self, scene: Scene, paths: Mapping[Path, int]) -> Demanded:
        """Denied where an end on this node denies, allowed where both ends allow (answers.md)."""
        everything: Region = {scene.world: scene.services}
        excused = {kind: self._world.excused(kind, paths, scene) for kind in Kind}
        if self._run.demand is Demand.POLICY:
            excused = {
                kind: join(region, self._world.read_excused(kind, paths, scene)) for kind, region in excused.items()
            }
        ingress, egress = (self._world.demands.asked(self._run.demand, each, scene) for each in Direction)
        deny: Region = {}
        for path, cells_ in paths.items():
            mine = {
                Path.REMOTE_TO_POD: ingress.open,
                Path.POD_TO_REMOTE: egress.open,
                Path.POD_TO_POD: both(ingress.open, egress.open),
            }[path]
            deny = join(deny, minus(within(everything, cells_), mine))
        return Demanded(both(ingress.allow, egress.allow), deny, excused)

    def _from_pod(self, local: LocalPod, path: Path, mark: int, met: list[Arrival]) -> _Question:
        """One pod and everything remote, or the node itself, to which its packets are sent."""
        ends = 0
        for each in met:
            ends |= 1 << each.cell
        device = Interfaces(((local.device, -1),), local.pod.full_name)
        outgoing, port = Interfaces(((self._wire.interface, -1),)), self._wire.port
        if path is Path.POD_TO_NODE:
            outgoing, port = NO_INTERFACE, ""
        name = f"{path.value}, translated, {local.pod.full_name}"
        ports = pair_ports(local.port, port)
        scene = self._scene(name, local.bit, ends, Axis.DESTINATION, device, outgoing, ports)
        demanded = (
            self._reached(path, scene) if path is Path.POD_TO_NODE else self._asked_by_policies(scene, {path: ends})
        )
        return _Question(scene, mark, demanded, met, {path: ends})

    def _from_node(self, local: LocalPod, mark: int, here: list[Arrival]) -> _Question:
        device = Interfaces(((local.device, -1),), local.pod.full_name)
        name = f"from the node, translated to {local.pod.full_name}"
        own = self._world.places.own
        scene = self._scene(name, own, local.bit, Axis.SOURCE, NO_INTERFACE, device, NO_PORTS)
        return _Question(scene, mark, self._reached(Path.NODE_TO_POD, scene), here, {Path.NODE_TO_POD: own})

    def _reached(self, path: Path, scene: Scene) -> Demanded:
        """A node and its pods reach each other unless an assumption says that such packets are dropped."""
        everything: Region = {scene.world: scene.services}
        excused = {kind: self._world.excused(kind, {path: scene.real}, scene) for kind in Kind}
        asked = self._world.demands.nearby(self._run.demand, path, scene)
        return Demanded(asked.allow, minus(everything, asked.open), excused)

    def _scene(
        self,
        name: str,
        source: int,
        destination: int,
        free: Axis,
        incoming: Interfaces,
        outgoing: Interfaces,
        ports: Ports,
    ) -> Scene:
        real = source if free is Axis.SOURCE else destination
        state, services = self._run.state, self._services
        return Scene(name, source, destination, free, incoming, outgoing, state, services, real, ports)

    def _judge(self, local: LocalPod, question: _Question, lemmas: Lemmas) -> None:
        """What the hooks after the translation accept, compared with what is demanded of the packets that exist."""
        passing = self._passing(question, lemmas)
        asked = question.demanded
        wrong = join(both(passing.can, asked.deny), minus(asked.allow, passing.sure))
        for path, ends in question.asked.items() if wrong else ():
            for arrival in question.arrivals:
                may = both(wrong, _there(arrival.can, question.scene, arrival.cell, ends))
                if may:
                    here = Demanded(both(asked.allow, may), both(asked.deny, may), asked.excused)
                    self._compare(local, replace(question, demanded=here, asked={path: ends}), arrival, passing)

    def _passing(self, question: _Question, lemmas: Lemmas) -> _Passing:
        scene = question.scene
        path = next(iter(question.asked))
        hooks = before_routing(self._summaries.program.path(HOOKS[path]))[1]
        formula = self._summaries.accepted(hooks, scene, question.mark)
        diagram = Diagram(self._summaries.program, self._summaries.dispatch)
        can, dropped = diagram.path(hooks, scene, question.mark)
        sure = minus(diagram.start(scene), dropped)
        lemmas.confirm(scene, ((formula, can, sure),))
        self._ledger.count("paths after a translation")
        return _Passing(can, sure, tuple(diagram.reasons))

    def _compare(self, local: LocalPod, question: _Question, arrival: Arrival, passing: _Passing) -> None:
        """Judge the packets of one path that arrive at one cell."""
        scene, here = question.scene, question.demanded
        ((path, ends),) = question.asked.items()
        found = compare(passing.can, passing.sure if passing.reasons else passing.can, here)
        does = _there(arrival.sure, scene, arrival.cell, ends)
        leak, blocked = both(found.leak, does), both(found.blocked, does)
        doubt = found.possible or bool(minus(found.leak, does) or minus(found.blocked, does))
        differing = {Kind.LEAK: both(passing.can, here.deny), Kind.BLOCKED: minus(here.allow, passing.sure)}
        for kind, region in differing.items():
            self._world.note_used(kind, question.asked, scene, region)
            if self._run.demand is Demand.POLICY:
                self._world.note_reading(kind, path, scene, region)
        if doubt:
            wrong = join(*(minus(region, here.excused.get(kind, {})) for kind, region in differing.items()))
            doubtful = minus(minus(wrong, leak), blocked)
            self._undecided(local, path, reduce(or_, doubtful, 0), [*passing.reasons, *self.reasons])
        self._record(local, path, scene, arrival, Verdicts(leak, blocked, doubt))

    def _undecided(self, local: LocalPod, path: Path, ends: int, reasons: list[str]) -> None:
        """What becomes of packets between a pod and these other ends is not known; to a pod that sends them neither."""
        self._ledger.undecided(local.pod.full_name, path, reasons)
        for sender in self._world.places.pods if path is Path.POD_TO_POD else ():
            if sender.bit & ends:
                self._ledger.undecided(sender.pod.full_name, path, reasons)

    def _record(self, local: LocalPod, path: Path, scene: Scene, arrival: Arrival, verdicts: Verdicts) -> None:
        if (
            self._wire.doubt
            and path in (Path.REMOTE_TO_POD, Path.POD_TO_REMOTE)
            and (verdicts.leak or verdicts.blocked)
        ):
            self._ledger.undecided(local.pod.full_name, path, [self._wire.doubt])
            return
        mine = self._selecting(Direction.EGRESS if scene.free is Axis.DESTINATION else Direction.INGRESS, local)
        for kind in Kind:
            at = Circumstance(kind, path, self._run.states, self._wire, self._mark, arrival)
            for ends, services in verdicts.of(kind).items():
                if scene.free is Axis.DESTINATION:
                    self._ledger.refuted((local.pod.full_name,), at, mine, [(scene.source, ends, services)])
                elif path is Path.POD_TO_POD:
                    for sender in (pod for pod in self._world.places.pods if pod.bit & ends):
                        pods = (sender.pod.full_name, local.pod.full_name)
                        group = (self._selecting(Direction.EGRESS, sender), mine)
                        self._ledger.refuted(pods, at, group, [(sender.bit, scene.destination, services)])
                else:
                    self._ledger.refuted((local.pod.full_name,), at, mine, [(ends, scene.destination, services)])

    def _selecting(self, direction: Direction, local: LocalPod) -> object:
        """Whose policies apply, which tells apart what is told of different pods."""
        return self._world.policies.selecting(direction, local.bit)

    def _nowhere(self, local: LocalPod) -> None:
        """Packets that are sent where no path leads: nobody knows here what becomes of them."""
        places = self._world.places
        known = places.local | places.remote | places.own
        for arriving in self._arriving.values():
            for arrival in arriving:
                if not known >> arrival.cell & 1 and slice_at(arrival.can, local.bit):
                    rule = arrival.sent.rule
                    reasons = [f"{rule.text} leads to no end of a path ({rule.origin})"]
                    self._ledger.undecided(local.pod.full_name, Path.POD_TO_REMOTE, reasons)


def _there(region: Region, scene: Scene, cell: int, ends: int) -> Region:
    """Which packets of a scene arrive at a cell, over its free end; `region` is over the sources."""
    if scene.free is Axis.SOURCE:
        return within(region, ends)
    services = slice_at(region, scene.source)
    return {1 << cell: services} if services and ends >> cell & 1 else {}
