"""One family of one node, ready to be asked: space, rules, places, policies and what excuses a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace

from verifier.model.assumption import SERVICE_ADDRESSES, Setting
from verifier.model.cluster import Cluster
from verifier.model.effect import Call, Continue, Effect, Finish, Goto, Return, Translate, Untrack, Verdict
from verifier.model.fields import ConnState, Field
from verifier.model.finding import Kind
from verifier.model.node import NodeState
from verifier.model.path import Path
from verifier.model.policy import Direction, Tier
from verifier.model.predicate import InRange, Predicate, equals
from verifier.model.profile import Deviation, Profile, reading
from verifier.model.ruleset import Chain, Ruleset
from verifier.questions.demands import Demand, Demands, Kept, Run
from verifier.questions.judge import Demanded
from verifier.semantics.bridges import bridged_networks
from verifier.semantics.compile import Compiler
from verifier.semantics.places import Places
from verifier.semantics.policies import Policies
from verifier.semantics.readings import readings as assumed_readings
from verifier.semantics.readings import settled
from verifier.semantics.regions import Region, both, join, minus, union, within
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.space import Space

ANSWERING = {
    Path.REMOTE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_REMOTE: (Direction.EGRESS,),
    Path.POD_TO_POD: (Direction.EGRESS, Direction.INGRESS),
}
"""The directions in which ends on this node are judged (U-37)."""


class World:
    """Everything about a family of a node that does not depend on a question.

    `covered` are the assumptions about Services with the questions, by pod and path, of which they cover a packet. With `apart` differences are told by the pod whose policies they break: the destination where its own deny
    something, else the source.
    """

    def __init__(
        self,
        family: int,
        ruleset: Ruleset,
        cluster: Cluster,
        node: NodeState,
        profile: Profile,
        deviations: tuple[Deviation, ...],
        settings: Mapping[str, Setting],
        *,
        apart: bool = False,
    ) -> None:
        self.family = family
        self.ruleset = ruleset
        in_force = [each for each in deviations if family in each.families]
        self.deviations = tuple(each for each in in_force if each.rewritten is None)
        readings = _readings(cluster, [each for each in in_force if each.rewritten is not None])
        predicates: list[Predicate] = [rule.match for chain in ruleset.chains.values() for rule in chain.rules]
        assumed = assumed_readings(cluster, settings)
        for each in (assumed.written, *(other.tiers for other in readings.values())):
            predicates.extend(_asked(each))
        predicates.extend(deviation.where for deviation in self.deviations)
        predicates.append(InRange(Field.SOURCE, bridged_networks(family, node, profile.bridge(node))))
        predicates.extend(destinations(ruleset))
        self.translates = ruleset.translates
        if self.translates:
            predicates.extend(_served(cluster))
        self.space = Space(family, cluster, node, predicates)
        self.compiler = Compiler(self.space)
        self.places = Places(self.space, node, profile)
        kept = Kept(self._later_states(), self.translation_known)
        self.demands = Demands(settings, cluster, assumed, self.compiler, kept)
        self.policies = self.demands.policies
        self.readings = {name: Policies(settled(each.tiers), self.compiler) for name, each in readings.items()}
        self.used_deviations: set[str] = set()
        self.apart = apart
        self.covered: set[tuple[str, str, Path]] = set()
        self.served = self._service_addresses(cluster) if self.translates else []

    def under(self, name: str, setting: Setting) -> World:
        """The same family with another setting of one assumption; itself where that changes nothing that is asked."""
        demands = self.demands.under(name, setting)
        if demands is self.demands:
            return self
        other = copy(self)
        other.demands, other.policies = demands, demands.policies
        return other

    def tracked_apart(self, runs: list[Run]) -> list[Run]:
        """The runs, with services that some rule takes out of tracking asked apart: no pod's part is entered in two states."""
        lost = 0
        for chain in self.ruleset.chains.values():
            for rule in chain.rules:
                if isinstance(rule.effect, Untrack):
                    lost |= self.compiler.compile(rule.match, ConnState.INVALID).service
        parts = (~lost, lost) if lost else ()
        return [_cut(run, part) for run in runs for part in parts if run.services & part] if parts else runs

    def _later_states(self) -> tuple[tuple[ConnState, ...], ...]:
        """ESTABLISHED and RELATED, together where nothing tells them apart."""
        later = (ConnState.ESTABLISHED, ConnState.RELATED)
        apart = any(
            len({any(lo <= state <= hi for lo, hi in ranges) for state in later}) > 1 for ranges in self.space.states
        )
        return ((later[0],), (later[1],)) if apart or self._nat_matters() else (later,)

    def _nat_matters(self) -> bool:
        """Whether the nat table, which ESTABLISHED packets do not meet, can do more than translate a source."""
        chains = self.ruleset.chains
        for (table, _), chain in chains.items():
            if table == "nat" and chain.policy is Verdict.DROP:
                return True
            if table == "nat" and not all(_harmless(rule.effect, chains) for rule in chain.rules):
                return True
        return _loops(chains)

    def _service_addresses(self, cluster: Cluster) -> list[tuple[int, int]]:
        """What the cluster's Services are reached by, as boxes of destinations and services (NAT-5)."""
        space = self.space
        out: list[tuple[int, int]] = []
        for service in cluster.services:
            ends = [a for family, a in (*service.addresses, *service.external) if family == self.family]
            reached = space.address_mask((a, a) for a in ends)
            for port in service.ports:
                proto = space.services.protocols([(port.protocol, port.protocol)])
                for mask, number in ((reached, port.number), (self.places.own, port.node_port)):
                    if mask and number:
                        out.append((mask, proto & space.services.within(Field.DESTINATION_PORT, ((number, number),))))
        return out

    @property
    def translation_known(self) -> bool:
        """Whether the dump shows what this node translates (NAT-4)."""
        return ("nat", "PREROUTING") in self.ruleset.chains

    def unserved(self, run: Run, scene: Scene, demanded: Demanded) -> Demanded:
        """The demand with what the assumption says of addresses of Services that this node does not translate."""
        there = self._unserved(run, scene, demanded)
        if not there or run.unserved is Setting.ALLOW:
            return demanded
        deny = join(demanded.deny, there) if run.unserved is Setting.DENY else demanded.deny
        return Demanded(minus(demanded.allow, there), deny, demanded.excused)

    def note_unserved(
        self, run: Run, scene: Scene, demanded: Demanded, translated: Region, pod: str, path: Path
    ) -> None:
        """Remember a question about packets to such addresses; `translated` are those that surely go elsewhere."""
        if minus(self._unserved(run, scene, demanded), translated):
            self.covered.add((SERVICE_ADDRESSES, pod, path))

    def _unserved(self, run: Run, scene: Scene, demanded: Demanded) -> Region:
        if run.unserved is Setting.ALLOW and run.demand is not Demand.POLICY:
            return {}
        return both(demanded.allow, union(self.served, scene.world, scene.services))

    def excused(self, kind: Kind, paths: Mapping[Path, int], scene: Scene) -> Region:
        """What documented deviations leave unspecified; `paths` gives the cells of the free end that belong to each path."""
        out: Region = {}
        for deviation in self.deviations:
            if deviation.kind is kind:
                out = join(out, self.excused_by(deviation, paths, scene))
        return out

    def excused_by(self, deviation: Deviation, paths: Mapping[Path, int], scene: Scene) -> Region:
        """What one deviation leaves unspecified in a scene."""
        world = 0
        for path, cells in paths.items():
            if path in deviation.paths:
                world |= cells
        if not world:
            return {}
        boxes = [
            (source if scene.free is Axis.SOURCE else destination if scene.free is Axis.DESTINATION else 1, service)
            for source, destination, service in self.compiler.boxes(deviation.where, scene.state)
            if source & scene.source and destination & scene.destination
        ]
        region = union(boxes, world, scene.services)
        if deviation.denied_by is not None:
            allowed = self.demands.narrowest.region(deviation.denied_by, scene)
            region = both(region, minus({world: scene.services}, allowed))
        return region

    def read(self, direction: Direction, scene: Scene) -> Region | None:
        """What the policies allow as documented deviations read them; None where these read them as they are."""
        return self.readings[""].region(direction, scene) if self.readings else None

    def read_excused(self, kind: Kind, paths: Mapping[Path, int], scene: Scene) -> Region:
        """What readings excuse in a scene, by the path of each cell of its free end (ANS-9)."""
        out: Region = {}
        for path, cells in paths.items() if self.readings else ():
            here = within({scene.world: scene.services}, cells)
            leak = here
            blocked: Region = {}
            for end in ANSWERING.get(path, ()):
                read = self.readings[""].region(end, scene)
                leak = both(leak, join(read, self.demands.narrowest.region(end, scene)))
                blocked = join(blocked, minus(here, read))
            if path in ANSWERING:
                out = join(out, leak if kind is Kind.LEAK else blocked)
        return out

    def note_reading(self, kind: Kind, path: Path, scene: Scene, difference: Region) -> None:
        """Remember the readings that excuse some of a difference on a path."""
        for end in ANSWERING.get(path, ()) if self.readings else ():
            policies = self.demands.narrowest if kind is Kind.LEAK else self.readings[""]
            self.note_read(kind, end, scene, minus(difference, policies.region(end, scene)))

    def note_read(self, kind: Kind, direction: Direction, scene: Scene, difference: Region) -> None:
        """Remember the readings without which not all of a difference were excused."""
        names = [name for name in self.readings if name]
        if not difference or set(names) <= self.used_deviations:
            return
        regions = {name: each.region(direction, scene) for name, each in self.readings.items()}
        told = {
            name: minus(difference, region) if kind is Kind.LEAK else both(difference, region)
            for name, region in regions.items()
        }
        if not minus(difference, told[""]):
            return
        needed = [name for name in names if minus(told[name], told[""])]
        self.used_deviations.update(needed or names)

    def note_used(self, kind: Kind, paths: Mapping[Path, int], scene: Scene, difference: Region) -> None:
        """Remember the deviations that excused some of a difference."""
        if not difference:
            return
        for deviation in self.deviations:
            fresh = deviation.kind is kind and deviation.name not in self.used_deviations
            if fresh and both(self.excused_by(deviation, paths, scene), difference):
                self.used_deviations.add(deviation.name)


def destinations(ruleset: Ruleset) -> Iterator[Predicate]:
    """The destinations that rules give to packets, as tests: packets there are told apart (NAT-2)."""
    for chain in ruleset.chains.values():
        for rule in chain.rules:
            for target in rule.effect.targets if isinstance(rule.effect, Translate) else ():
                yield InRange(Field.DESTINATION, (target.addresses,), target.family)
                if target.ports is not None:
                    yield InRange(Field.DESTINATION_PORT, (target.ports,))


def _served(cluster: Cluster) -> Iterator[Predicate]:
    """The addresses and ports of Services, as tests."""
    for service in cluster.services:
        for family, address in (*service.addresses, *service.external):
            yield InRange(Field.DESTINATION, ((address, address),), family)
        for port in service.ports:
            yield equals(Field.PROTOCOL, port.protocol)
            yield InRange(Field.DESTINATION_PORT, tuple((n, n) for n in (port.number, port.node_port) if n))


def _asked(tiers: tuple[Tier, ...]) -> Iterator[Predicate]:
    """What the policies ask of packets."""
    for tier in tiers:
        for policy in tier.policies:
            yield from policy.subjects.values()
            for rule in policy.rules:
                yield from (rule.peer, rule.ports)


def _readings(cluster: Cluster, deviations: list[Deviation]) -> dict[str, Cluster]:
    """The cluster with its policies as the deviations read them, under "", and as all but one of them do, under its name.

    Nothing where they read every policy as it is; a deviation that changes nothing of what the others do is left out.
    """
    whole = reading(cluster, deviations)
    if whole is cluster:
        return {}
    found = {"": whole}
    for each in deviations:
        if reading(cluster, [each]) is not cluster:
            found[each.name] = reading(cluster, [other for other in deviations if other is not each])
    return found


def _loops(chains: Mapping[tuple[str, str], Chain]) -> bool:
    """Whether chains of the nat table lead back to themselves, so that what they do is not known."""
    callers = {name: set[str]() for table, name in chains if table == "nat"}
    for (table, name), chain in chains.items():
        for rule in chain.rules if table == "nat" else ():
            if isinstance(rule.effect, Call | Goto):
                callers.setdefault(rule.effect.chain, set()).add(name)
    while True:
        entries = {name for name, entering in callers.items() if not entering & callers.keys()}
        if not entries:
            return bool(callers)
        for name in entries:
            del callers[name]


def _cut(run: Run, services: int) -> Run:
    closer = tuple(_cut(each, services) for each in run.closer)
    return replace(run, services=run.services & services, closer=closer)


def _harmless(effect: Effect, chains: Mapping[tuple[str, str], Chain]) -> bool:
    match effect:
        case Return() | Continue():
            return True
        case Finish(verdict):
            return verdict is Verdict.ACCEPT
        case Call(name) | Goto(name):
            return ("nat", name) in chains
        case Translate(rewrites_destination):
            return not rewrites_destination
        case _:
            return False
