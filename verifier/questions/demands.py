"""What the specification asks of each state and protocol, as the assumptions are settled.

Spec: specs/assumptions.md (AS-1 to AS-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from verifier.model.assumption import (
    EXISTING_CONNECTIONS,
    ICMP_ERRORS,
    INVALID_STATE,
    OTHER_PROTOCOLS,
    READINGS,
    RULES_WITHOUT_PORTS,
    SERVICE_ADDRESSES,
    UNTRACKED_STATE,
    Presence,
    Setting,
    chosen,
    presences,
)
from verifier.model.cluster import Cluster
from verifier.model.fields import ICMP, ICMPV6, ConnState, Field
from verifier.model.path import Path
from verifier.model.policy import Action, Direction
from verifier.model.selection import speak_of_every_protocol
from verifier.semantics.compile import Compiler
from verifier.semantics.policies import Policies
from verifier.semantics.readings import Readings, readings, settled, standing, tolerating
from verifier.semantics.regions import Region, both, join, minus, within
from verifier.semantics.scene import Axis, Scene


class Demand(Enum):
    """What the specification asks of the packets of a run."""

    POLICY = "the policies decide"
    ACCEPT = "must be accepted"
    DROP = "must be dropped"
    EXISTING = "must be accepted where the policies would let the connection begin"
    OTHERS = "the policies decide as far as assumptions say that they speak of such protocols"


@dataclass(frozen=True, slots=True)
class Run:
    """Packets that are judged alike: a state, services, and a demand; `assumption` names the setting behind it.

    `states` are all the states that the rules treat as they treat `state`; `unserved` is what is asked of packets to
    addresses of Services that the node does not translate, where the policies allow them. Where `closer` is given, this
    run asks for more than it may and is cheaper to prove; where it does not prove everything, those are asked instead.
    """

    state: ConnState
    states: tuple[ConnState, ...]
    services: int
    demand: Demand
    assumption: str = ""
    unserved: Setting = Setting.ALLOW
    closer: tuple[Run, ...] = ()


class Asked(NamedTuple):
    """What one end of a scene asks: what it lets pass, and what it does not refuse. Between the two it asks nothing."""

    allow: Region
    open: Region


@dataclass(frozen=True, slots=True)
class Kept:
    """What the demands need to know of the family: its later states, and whether translations are known."""

    later: tuple[tuple[ConnState, ...], ...]
    translation_known: bool


class Demands:
    """The policies of a cluster under some settings; `narrowest` are those in which nothing is granted."""

    def __init__(
        self,
        settings: Mapping[str, Setting],
        cluster: Cluster,
        read: Readings,
        compiler: Compiler,
        kept: Kept,
        narrowest: Policies | None = None,
    ) -> None:
        self.settings = settings
        self._cluster = cluster
        self._read = read
        self._compiler = compiler
        self._services = compiler.space.services
        self._kept = kept
        self.narrowest = narrowest or Policies(settled(cluster.tiers), compiler)
        self._administered = any(tier.unmatched is Action.PASS for tier in cluster.tiers)
        self._speaking = speak_of_every_protocol(cluster)
        self._standing: dict[tuple[Presence, bool], Policies] = {}
        self.policies = self.narrowest if read.narrow is cluster.tiers else Policies(read.narrow, compiler)
        self.wide_policies = self.policies if read.wide is read.narrow else Policies(read.wide, compiler)

    def under(self, name: str, setting: Setting) -> Demands:
        """The same with another setting of one assumption; itself where that changes nothing that is asked."""
        settings = {**self.settings, name: setting}
        if name in READINGS and name not in self._read.live:
            return self
        if name not in READINGS:
            other = copy(self)
            other.settings = settings
            return other
        read = readings(self._cluster, settings)
        return Demands(settings, self._cluster, read, self._compiler, self._kept, self.narrowest)

    def setting(self, name: str) -> Setting:
        """How an assumption is settled."""
        return chosen(self.settings, name)

    # ------------------------------------------------------------------ runs

    def runs(self) -> list[Run]:
        """What is asked: the policed protocols in states that policies decide, and whatever an assumption settles."""
        services, new = self._services, self._new()
        unserved = self.setting(SERVICE_ADDRESSES)
        runs = [Run(ConnState.NEW, (ConnState.NEW,), services.policed & new, Demand.POLICY, unserved=unserved)]
        runs.extend(self._later())
        runs.extend(self._others(new))
        for state, name in ((ConnState.INVALID, INVALID_STATE), (ConnState.UNTRACKED, UNTRACKED_STATE)):
            if self.setting(name) is not Setting.ANY:
                runs.append(Run(state, (state,), services.feasible(state), _demand(self.setting(name)), name))
        return runs

    def _new(self) -> int:
        new = self._services.feasible(ConnState.NEW)
        return new & self._services.within(Field.CT_STATUS, ((0, 0),)) if self._kept.translation_known else new

    def _later(self) -> Iterator[Run]:
        """Packets of connections: RELATED ones must pass, ESTABLISHED ones where nobody denies the connection now."""
        services = self._services
        keep = self.setting(EXISTING_CONNECTIONS) is Setting.ALLOW
        for states in self._kept.later:
            policed = services.policed & services.feasible(states[0])
            each = tuple(
                Run(states[0], (state,), policed, Demand.EXISTING, EXISTING_CONNECTIONS)
                if state is ConnState.ESTABLISHED
                else Run(states[0], (state,), policed, Demand.ACCEPT)
                for state in states
            )
            if self.denies(Demand.EXISTING):
                yield from each
            else:
                yield Run(states[0], states, policed, Demand.ACCEPT, closer=() if keep else each)

    def _others(self, new: int) -> Iterator[Run]:
        """What assumptions ask of protocols that NetworkPolicy does not decide."""
        services = self._services
        others = services.all & ~services.policed
        errors = others & services.protocols(((ICMP, ICMP), (ICMPV6, ICMPV6)))
        setting = self.setting(OTHER_PROTOCOLS)
        settled = setting is not Setting.ANY or self.setting(RULES_WITHOUT_PORTS) is not Setting.ANY
        if settled or self._speaking:
            name = OTHER_PROTOCOLS if settled else ""
            yield Run(ConnState.NEW, (ConnState.NEW,), others & new, Demand.OTHERS, name)
        for states in self._kept.later:
            for state in states if setting is Setting.ALLOW else ():
                left = others & ~errors if state is ConnState.RELATED else others
                yield Run(states[0], (state,), left & services.feasible(state), Demand.ACCEPT, OTHER_PROTOCOLS)
            if ConnState.RELATED in states and self.setting(ICMP_ERRORS) is not Setting.ANY:
                demand = _demand(self.setting(ICMP_ERRORS))
                yield Run(
                    states[0], (ConnState.RELATED,), errors & services.feasible(ConnState.RELATED), demand, ICMP_ERRORS
                )

    # ------------------------------------------------------------------ what is asked of a scene

    def denies(self, demand: Demand) -> bool:
        """Whether a demand may ask for a packet to be dropped."""
        if demand is Demand.EXISTING:
            return self.setting(EXISTING_CONNECTIONS) is Setting.DENY
        if demand is Demand.OTHERS:
            settings = (self.setting(OTHER_PROTOCOLS), self.setting(RULES_WITHOUT_PORTS))
            return self._speaking or Setting.DENY in settings
        return demand is not Demand.ACCEPT

    def near(self, demand: Demand) -> bool:
        """Whether anything is asked between a node and its pods, where no policy counts (AS-3)."""
        return demand is not Demand.OTHERS or self.setting(OTHER_PROTOCOLS) is not Setting.ANY

    def nearby(self, demand: Demand, path: Path, scene: Scene) -> Asked:
        """What must pass between a node and its pods, and what may: whatever no policy of an administrator may deny (CNP-18)."""
        everything: Region = {scene.world: scene.services} if scene.services else {}
        if not self.near(demand) or demand is Demand.DROP:
            return Asked({}, {} if demand is Demand.DROP else everything)
        if demand is not Demand.POLICY or not self._administered:
            return Asked(everything, everything)
        direction = Direction.INGRESS if path is Path.NODE_TO_POD else Direction.EGRESS
        return Asked(both(everything, self._tolerating.region(direction, scene)), everything)

    @cached_property
    def _tolerating(self) -> Policies:
        return Policies(tolerating(self._read.narrow), self._compiler)

    def asked(self, demand: Demand, direction: Direction, scene: Scene) -> Asked:
        """What the end that a direction protects asks of a scene, whether that end is fixed or free."""
        everything: Region = {scene.world: scene.services} if scene.world else {}
        match demand:
            case Demand.POLICY:
                allow = self.policies.region(direction, scene)
                wide = allow if self.wide_policies is self.policies else self.wide_policies.region(direction, scene)
                return Asked(allow, wide)
            case Demand.ACCEPT:
                return Asked(everything, everything)
            case Demand.DROP:
                return Asked({}, {})
            case Demand.EXISTING:
                covered = self._covered(self.policies, direction, scene)
                if self.setting(EXISTING_CONNECTIONS) is not Setting.DENY:
                    return Asked(covered, everything)
                return Asked(covered, self._covered(self.wide_policies, direction, scene))
            case Demand.OTHERS:
                asked = self._asked_of_every if self._speaking else self._asked_of_others
                return asked(direction, scene, everything)

    def _covered(self, policies: Policies, direction: Direction, scene: Scene) -> Region:
        """The packets that may belong to a connection which the end's policies let begin: as request or as reply (AS-6)."""
        there = policies.region(direction, scene)
        axis = {Axis.SOURCE: Axis.DESTINATION, Axis.DESTINATION: Axis.SOURCE, Axis.NEITHER: Axis.NEITHER}[scene.free]
        back = replace(scene, source=scene.destination, destination=scene.source, free=axis)
        other = Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
        for cells, services in policies.region(other, back).items():
            there = join(there, {cells: self._services.of_same_protocols(services) & scene.services})
        return there

    def _asked_of_every(self, direction: Direction, scene: Scene, everything: Region) -> Asked:
        """Protocols of which some policies speak and others do not: what is the same however the latter stand (AS-18)."""
        allow, left = everything, everything
        stands = dict.fromkeys(
            (self._stand(presence, wide=False), self._stand(presence, wide=True))
            for presence in presences(self.settings)
        )
        for narrow, wide in stands:
            region = narrow.region(direction, scene)
            allow = both(allow, region)
            left = minus(left, region if wide is narrow else wide.region(direction, scene))
        return Asked(allow, minus(everything, left))

    def _stand(self, presence: Presence, *, wide: bool) -> Policies:
        """The policies where those that do not speak of every protocol stand so."""
        wide = wide and self.wide_policies is not self.policies
        key = presence, wide
        if key not in self._standing:
            read = self._read.wide if wide else self._read.narrow
            tiers = standing(read, presence)
            known = self.wide_policies if wide else self.policies
            self._standing[key] = known if tiers is read else Policies(tiers, self._compiler)
        return self._standing[key]

    def _asked_of_others(self, direction: Direction, scene: Scene, everything: Region) -> Asked:
        """Protocols that NetworkPolicy does not decide: what is isolated, and what a rule without ports says (AS-3, AS-4)."""
        isolated = self.policies.isolated(direction)
        protected = Axis.DESTINATION if direction is Direction.INGRESS else Axis.SOURCE
        if scene.free is protected:
            free = within(everything, scene.world & ~isolated)
        else:
            fixed = scene.destination if protected is Axis.DESTINATION else scene.source
            free = {} if fixed & isolated else everything
        matched = minus(self.policies.region(direction, scene), free)
        wide = minus(self.wide_policies.region(direction, scene), free)
        denied = minus(minus(everything, free), wide)
        ports, others = self.setting(RULES_WITHOUT_PORTS), self.setting(OTHER_PROTOCOLS)
        between = ports if ports is others else Setting.ANY
        allow = free
        refused: Region = {}
        for region, setting in ((matched, ports), (minus(wide, matched), between), (denied, others)):
            if setting is Setting.ALLOW:
                allow = join(allow, region)
            elif setting is Setting.DENY:
                refused = join(refused, region)
        return Asked(allow, minus(everything, refused))


def _demand(setting: Setting) -> Demand:
    return Demand.ACCEPT if setting is Setting.ALLOW else Demand.DROP
