"""The encoder as a judge of many packets: one compiled ruleset, packets that share a scene judged together.

A scene is a whole end wide, as the engine asks its questions; its formula is evaluated at the cells of every packet, the
diagram's regions are looked up there as well, and Z3 itself is asked about some of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from verifier.evidence.kernel.records import Shot
from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.fields import ConnState, CtStatus, Field
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import HOOKS, before_routing
from verifier.model.predicate import Masked, Predicate
from verifier.questions.arrivals import arrivals
from verifier.questions.world import destinations
from verifier.semantics.bits import HeaderBits
from verifier.semantics.compile import MARK_SHIFT, Compiler
from verifier.semantics.diagram import Diagram
from verifier.semantics.interfaces import Interfaces, Ports
from verifier.semantics.line import Line
from verifier.semantics.program import ChainKey, Program
from verifier.semantics.regions import Region, slice_at
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.services import Services
from verifier.semantics.space import Space
from verifier.semantics.summaries import ADDRESS, SERVICE, Summaries
from verifier.semantics.translations import Translations
from verifier.smt.formula import AND, FALSE, TRUE, UNIT, Literal, Store
from verifier.smt.solver import Solver

READ = {
    Field.SOURCE_PORT: lambda packet: packet.source_port,
    Field.DESTINATION_PORT: lambda packet: packet.destination_port,
    Field.ICMP: lambda packet: packet.icmp,
    Field.TCP_FLAGS: lambda packet: packet.tcp_flags,
    Field.CT_STATUS: lambda packet: packet.ct_status,
}
ASKED = (12, 2)
"""Of each ruleset, how many packets Z3 is asked about by classes, and how many over header bits."""


@dataclass(frozen=True, slots=True)
class Possible:
    """What can become of a packet; both where something is not known, which `reasons` name."""

    accept: bool
    drop: bool
    reasons: tuple[str, ...] = ()
    fault: str = ""  # two readings of the engine's own contradict each other

    @property
    def verdict(self) -> Verdict | None:
        if self.accept == self.drop:
            return None
        return Verdict.ACCEPT if self.accept else Verdict.DROP


def service_cell(services: Services, packet: Packet) -> int:
    """The one cell of the services that holds a packet, as a mask."""
    block = next(block for block in services.blocks if packet.protocol in block.protocols)
    mask = block.mask
    for name, axis in zip(block.fields, block.axes, strict=True):
        value = READ[name](packet)
        if isinstance(axis, Line):
            chosen = axis.cell(value)
        else:
            chosen = next(index for index, group in enumerate(axis.groups) if value in group)
        mask &= services.spread(block, name, 1 << chosen)
    return mask


class Encoder:
    """All packets of one ruleset."""

    def __init__(self, node: NodeState, cluster: Cluster, family: int) -> None:
        ruleset = node.rulesets[family]
        predicates: list[Predicate] = [*destinations(ruleset)]
        predicates += [Masked(Field.CT_STATUS, status, status) for status in (CtStatus.SNAT, CtStatus.DNAT)]
        predicates += [rule.match for chain in ruleset.chains.values() for rule in chain.rules]
        self._ruleset = ruleset
        self._predicates = predicates
        self._compiler = Compiler(Space(family, cluster, node, predicates))
        self._summaries: dict[ConnState, Summaries] = {}
        self._solvers: dict[tuple[ConnState, bool], Solver] = {}
        self._left = list(ASKED)

    def judge(self, shots: Sequence[Shot]) -> list[Possible]:
        """What the engine says of each packet."""
        found: dict[int, Possible] = {}
        scenes: dict[Hashable, list[int]] = {}
        for number, shot in enumerate(shots):
            if shot.packet.original is not None:
                found[number] = self._sent_on(shot)
            else:
                scenes.setdefault(self._scene_of(shot), []).append(number)
        for numbers in scenes.values():
            ends = {side: {getattr(shots[n].packet, side) for n in numbers} for side in ("source", "destination")}
            free = Axis.SOURCE if len(ends["source"]) >= len(ends["destination"]) else Axis.DESTINATION
            fixed = "destination" if free is Axis.SOURCE else "source"
            parts: dict[int, list[int]] = {}
            for number in numbers:
                cell = self._compiler.space.addresses.cell(getattr(shots[number].packet, fixed))
                parts.setdefault(cell, []).append(number)
            for part in parts.values():
                answers = self._together([shots[number] for number in part], free)
                found |= dict(zip(part, answers, strict=True))
        return [found[number] for number in range(len(shots))]

    def _scene_of(self, shot: Shot) -> Hashable:
        packet = shot.packet
        wires = (packet.in_interface, packet.out_interface, packet.phys_in, packet.phys_out)
        return shot.path, packet.state, packet.mark, packet.connmark, wires

    def _of(self, state: ConnState) -> Summaries:
        if state not in self._summaries:
            program = Program(self._ruleset, self._compiler, state)
            self._summaries[state] = Summaries(program, Store())
        return self._summaries[state]

    def _scene(self, packet: Packet, free: Axis) -> Scene:
        """The scene of a packet; its free end is every address."""
        space = self._compiler.space
        source, destination = (1 << space.addresses.cell(each) for each in (packet.source, packet.destination))
        if free is Axis.SOURCE:
            source = space.addresses.all
        if free is Axis.DESTINATION:
            destination = space.addresses.all
        services = space.services.all if free is not Axis.NEITHER else service_cell(space.services, packet)
        incoming, outgoing, coming, leaving = (
            Interfaces(((name, -1),))
            for name in (packet.in_interface, packet.out_interface, packet.phys_in, packet.phys_out)
        )
        real = {Axis.SOURCE: source, Axis.DESTINATION: destination, Axis.NEITHER: 0}[free]
        name = f"{free.name} {packet.source if free is Axis.DESTINATION else packet.destination}"
        ports = Ports(coming, leaving)
        return Scene(name, source, destination, free, incoming, outgoing, packet.state, services, real, ports)

    def _together(self, shots: list[Shot], free: Axis) -> list[Possible]:
        """The packets of one scene: formula and diagram once, looked up for each."""
        packet = shots[0].packet
        space, summaries = self._compiler.space, self._of(packet.state)
        scene = self._scene(packet, free)
        hooks = summaries.program.path(HOOKS[shots[0].path])
        mark = packet.mark | packet.connmark << MARK_SHIFT[Field.CONNMARK]
        translations = self._translating(hooks, scene, mark, packet)
        formula = summaries.accepted(hooks, scene, mark)
        passed, dropped = Diagram(summaries.program, summaries.dispatch).path(hooks, scene, mark)
        ends = [each.packet.source if free is Axis.SOURCE else each.packet.destination for each in shots]
        points = [
            (1 << space.addresses.cell(end), service_cell(space.services, each.packet))
            for end, each in zip(ends, shots, strict=True)
        ]
        atoms = summaries.store.atoms([formula])
        reasons = tuple(summaries.opaque_texts[atom] for atom in atoms if atom in summaries.opaque_texts)
        may_leave, leave = translations.elsewhere(scene)
        values = values_at(summaries.store, formula, points)
        answers: list[Possible] = []
        for number, point in enumerate(points):
            if _holds(may_leave, point):
                doubts = (*translations.reasons, *summaries.opaque_texts.values())
                why = ("goes elsewhere",) if _holds(leave, point) else doubts
                answers.append(Possible(True, True, why))
            else:
                said = bool(values[0] >> number & 1), bool(values[1] >> number & 1)
                answers.append(self._point(summaries, formula, said, (passed, dropped), point, reasons))
        return answers

    def _translating(self, hooks: list[ChainKey], scene: Scene, mark: int, packet: Packet) -> Translations:
        """What the nat table sends elsewhere in the scene."""
        before, _ = before_routing(hooks)
        summaries = self._of(packet.state)
        translations = Translations(summaries.program, summaries, before)
        if before and self._ruleset.translates:
            translations.add(replace(scene, free=Axis.SOURCE, real=scene.source), mark)
        return translations

    def _point(
        self,
        summaries: Summaries,
        formula: Literal,
        said: tuple[bool, bool],
        regions: tuple[Region, Region],
        point: tuple[int, int],
        reasons: tuple[str, ...],
    ) -> Possible:
        """The answer about one packet: `said` is what its formula can be, which Z3 sharpens where that is anything."""
        accept, drop = said
        which = next((n for n, left in enumerate(self._left) if left), None)
        if (accept and drop) or which is not None:
            self._left[which or 0] -= 1
            solver, world = self._solver(summaries, bits=which == 1), {ADDRESS: point[0], SERVICE: point[1]}
            asked = solver.possible(formula, world), solver.possible(formula ^ 1, world)
            if (asked[0] and not accept) or (asked[1] and not drop):
                return Possible(accept, drop, reasons, f"Z3 says {asked} where the formula says {said}")
            accept, drop = asked
        flows = tuple(_holds(region, point) for region in regions)
        fault = ""
        if (accept and not flows[0]) or (drop and not flows[1]) or (flows != (accept, drop) and not reasons):
            fault = f"the diagram says {flows} where the formula says {(accept, drop)}"
        return Possible(accept, drop, reasons, fault)

    def _solver(self, summaries: Summaries, *, bits: bool) -> Solver:
        key = (summaries.program.state, bits)
        if key not in self._solvers:
            define = HeaderBits(self._compiler.space) if bits else None
            self._solvers[key] = Solver(summaries.store, define=define)
        return self._solvers[key]

    def _sent_on(self, shot: Shot) -> Possible:
        """A packet that the node itself gives its destination: what can arrive there, and what becomes of it."""
        packet, space = shot.packet, self._compiler.space
        summaries = self._of(packet.state)
        before, after = before_routing(summaries.program.path(HOOKS[shot.path]))
        mark = packet.mark | packet.connmark << MARK_SHIFT[Field.CONNMARK]
        sent = self._scene(as_sent(packet), Axis.NEITHER)
        translations = Translations(summaries.program, summaries, before)
        translations.add(replace(sent, free=Axis.SOURCE, real=sent.source), mark)
        if not translations.entries and not Diagram(summaries.program, summaries.dispatch).path(before, sent, mark)[0]:
            return Possible(False, True)
        scene = self._scene(packet, Axis.NEITHER)
        found = Possible(True, True, ("no rule gives it this destination",))
        for entered, arriving in arrivals(space, translations.entries).items():
            for each in arriving:
                if 1 << each.cell != scene.destination:
                    continue
                if slice_at(each.sure, scene.source) & scene.services:
                    return self._arrived(summaries, after, scene, entered)
                if slice_at(each.can, scene.source) & scene.services:
                    found = Possible(True, True, (*found.reasons, *translations.reasons))
        return found

    def _arrived(self, summaries: Summaries, hooks: list[ChainKey], scene: Scene, mark: int) -> Possible:
        formula = summaries.accepted(hooks, scene, mark)
        solver, world = self._solver(summaries, bits=False), {SERVICE: scene.services, ADDRESS: 0}
        return Possible(
            solver.possible(formula, world),
            solver.possible(formula ^ 1, world),
            tuple(summaries.opaque_texts.values()),
        )


def as_sent(packet: Packet) -> Packet:
    """The packet as it was before the node gave it another destination."""
    if packet.original is None:
        return packet
    address, port = packet.original
    return replace(packet, destination=address, destination_port=port, ct_status=packet.ct_status & ~CtStatus.DNAT)


def _holds(region: Region, point: tuple[int, int]) -> bool:
    return slice_at(region, point[0]) & point[1] != 0


def values_at(store: Store, formula: Literal, points: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Where a formula can be true and where it can be false, a bit per point; what is opaque is both."""
    all_points = (1 << len(points)) - 1
    known: dict[int, tuple[int, int]] = {0: (0, all_points)}

    def value(literal: Literal) -> tuple[int, int]:
        true, false = known[literal >> 1]
        return (false, true) if literal & 1 else (true, false)

    for node in store.below(formula):
        kind, payload = store.nodes[node]
        if kind in (AND, UNIT):
            assert isinstance(payload, frozenset)
            true, false = all_points, 0
            for part in payload:
                one = value(part)
                true &= one[0]
                false |= one[1]
            known[node] = true, false
        elif kind in (ADDRESS, SERVICE):
            assert isinstance(payload, int)
            side = 0 if kind == ADDRESS else 1
            true = sum(1 << n for n, point in enumerate(points) if point[side] & payload)
            known[node] = true, all_points ^ true
        else:
            known[node] = all_points, all_points
    assert (FALSE, TRUE) == (0, 1)
    return value(formula)
