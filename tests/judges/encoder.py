"""The encoder as a judge: the packet as a scene of one point, its formula put to Z3, the diagram asked as well."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tests.judges import ChainJudgement, Judge
from verifier.model.assumption import Presence, defaults, presences
from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.fields import POLICED_PROTOCOLS, TCP, ConnState, CtStatus, Field, has_ports
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import HOOKS, Path, before_routing
from verifier.model.policy import Direction
from verifier.model.predicate import Predicate, all_of, equals
from verifier.model.ruleset import Ruleset
from verifier.model.selection import speak_of_every_protocol
from verifier.questions.arrivals import arrivals
from verifier.questions.world import destinations
from verifier.semantics.compile import MARK_SHIFT, Compiler
from verifier.semantics.diagram import Diagram
from verifier.semantics.interfaces import Interfaces, Ports
from verifier.semantics.policies import Policies
from verifier.semantics.program import ChainKey, Program
from verifier.semantics.readings import readings, standing
from verifier.semantics.regions import slice_at
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.space import Space
from verifier.semantics.summaries import ADDRESS, SERVICE, Summaries
from verifier.semantics.translations import Translations
from verifier.smt.formula import Store
from verifier.smt.solver import Solver

LACKING = ("source", "destination")
"""A test of an address under a mask with holes is free in a proof."""


def _point(packet: Packet) -> Predicate:
    """Exactly this packet, as far as cells can tell."""
    parts = [
        equals(Field.SOURCE, packet.source),
        equals(Field.DESTINATION, packet.destination),
        equals(Field.PROTOCOL, packet.protocol),
        equals(Field.CT_STATUS, packet.ct_status),
    ]
    if has_ports(packet.protocol):
        ports = ((Field.SOURCE_PORT, packet.source_port), (Field.DESTINATION_PORT, packet.destination_port))
        parts += [equals(field, port) for field, port in ports]
    if packet.protocol == TCP:
        parts.append(equals(Field.TCP_FLAGS, packet.tcp_flags))
    if packet.protocol in (1, 58):
        parts.append(equals(Field.ICMP, packet.icmp))
    return all_of(*parts)


@lru_cache(maxsize=8)
def _compiler(packet: Packet, node: NodeState, cluster: Cluster) -> Compiler:
    ruleset = node.rulesets.get(packet.family, Ruleset(packet.family))
    predicates = [
        _point(packet),
        _point(_as_sent(packet)),
        *destinations(ruleset),
        *(rule.match for chain in ruleset.chains.values() for rule in chain.rules),
    ]
    for tier in cluster.tiers:
        for policy in tier.policies:
            predicates += policy.subjects.values()
            predicates += [part for rule in policy.rules for part in (rule.peer, rule.ports)]
    return Compiler(Space(packet.family, cluster, node, predicates))


def _scene(packet: Packet, compiler: Compiler) -> Scene:
    ((source, destination, services),) = compiler.boxes(_point(packet), packet.state)
    incoming, outgoing = (Interfaces(((name, -1),)) for name in (packet.in_interface, packet.out_interface))
    ports = Ports(Interfaces(((packet.phys_in, -1),)), Interfaces(((packet.phys_out, -1),)))
    return Scene("point", source, destination, Axis.NEITHER, incoming, outgoing, packet.state, services, 0, ports)


def chains(packet: Packet, path: Path, node: NodeState, cluster: Cluster) -> ChainJudgement:
    if packet.family not in node.rulesets:
        return ChainJudgement(None, None, ("nothing was read for this family",))
    compiler = _compiler(packet, node, cluster)
    program = Program(node.rulesets[packet.family], compiler, packet.state)
    summaries = Summaries(program, Store())
    before, after = before_routing(program.path(HOOKS[path]))
    mark = packet.mark | packet.connmark << MARK_SHIFT[Field.CONNMARK]
    scene = _scene(_as_sent(packet), compiler)
    translations = Translations(program, summaries, before)
    translations.add(replace(scene, free=Axis.SOURCE, real=scene.source), mark)
    if packet.original is None:
        if translations.elsewhere(scene)[0]:
            rules = tuple(each.rule.text for each in translations.entries)
            return ChainJudgement(None, None, (*rules, *translations.reasons))
        return _judged(summaries, [*before, *after], scene, mark)
    if not translations.entries and not Diagram(program, summaries.dispatch).path(before, scene, mark)[0]:
        return ChainJudgement(Verdict.DROP, None, ())
    scene = _scene(packet, compiler)
    for entered, arriving in arrivals(compiler.space, translations.entries).items():
        for each in arriving:
            if 1 << each.cell == scene.destination and slice_at(each.sure, scene.source) & scene.services:
                return _judged(summaries, after, scene, entered)
    return ChainJudgement(None, None, ("no rule gives it this destination",))


def _as_sent(packet: Packet) -> Packet:
    """The packet as it was before the node gave it another destination."""
    if packet.original is None:
        return packet
    address, port = packet.original
    return replace(packet, destination=address, destination_port=port, ct_status=packet.ct_status & ~CtStatus.DNAT)


def _judged(summaries: Summaries, hooks: list[ChainKey], scene: Scene, mark: int) -> ChainJudgement:
    """Whether the packet of a scene passes the hooks."""
    program, solver = summaries.program, Solver(summaries.store)
    formula = summaries.accepted(hooks, scene, mark)
    world = {ADDRESS: 0, SERVICE: scene.services}
    accepted = solver.possible(formula, world)
    dropped = solver.possible(formula ^ 1, world)
    diagram = Diagram(program, summaries.dispatch)
    assert [bool(region) for region in diagram.path(hooks, scene, mark)] == [accepted, dropped], "diagram and Z3 differ"
    verdict = None if accepted and dropped else Verdict.ACCEPT if accepted else Verdict.DROP
    return ChainJudgement(verdict, None, tuple(summaries.opaque_texts.values()))


def policies(packet: Packet, node: NodeState, cluster: Cluster, direction: Direction | None) -> bool | None:
    if packet.state in (ConnState.INVALID, ConnState.UNTRACKED):
        return None
    policed = packet.protocol in POLICED_PROTOCOLS
    if not policed and not speak_of_every_protocol(cluster):
        return None
    if packet.state is not ConnState.NEW:
        return True
    both = readings(cluster, defaults())
    compiler = _compiler(packet, node, replace(cluster, tiers=both.written))
    scene = _scene(packet, compiler)
    directions = (direction,) if direction else (Direction.INGRESS, Direction.EGRESS)
    answers = {
        all(_allows(one, scene, node, replace(cluster, tiers=standing(tiers, way)), compiler) for one in directions)
        for tiers in (both.narrow, both.wide)
        for way in ((Presence.WRITTEN,) if policed else presences(defaults()))
    }
    return answers.pop() if len(answers) == 1 else None


def _allows(direction: Direction, scene: Scene, node: NodeState, cluster: Cluster, compiler: Compiler) -> bool:
    """As a formula over the peer's end and as a region."""
    peer = Axis.SOURCE if direction is Direction.INGRESS else Axis.DESTINATION
    scene = replace(scene, free=peer)
    made, store = Policies(cluster.tiers, compiler), Store()
    ruleset = node.rulesets.get(compiler.space.family, Ruleset(compiler.space.family))
    summaries = Summaries(Program(ruleset, compiler, scene.state), store)
    formula = made.formula(direction, scene, summaries)
    world = {ADDRESS: scene.world, SERVICE: scene.services}
    allowed = Solver(store).possible(formula, world)
    assert (slice_at(made.region(direction, scene), scene.world) != 0) is allowed, "region and formula differ"
    return allowed


JUDGE = Judge("encoder", chains, policies, free=LACKING)
