"""What must become of the packets of each path, and which differences compilers document, as definitions.

Spec: specs/answers.md (ANS-5 to ANS-9), specs/assumptions.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from verifier.evidence.bundle.policies import Policies, Side
from verifier.evidence.bundle.predicates import Predicates
from verifier.evidence.bundle.script import Function, NotExpressibleError, Script
from verifier.evidence.bundle.terms import (
    FALSE,
    TRUE,
    Term,
    addresses,
    conj,
    disj,
    equal,
    negation,
    number,
    truth,
    variable,
)
from verifier.evidence.bundle.world import is_protocol, is_state
from verifier.model.assumption import (
    EXISTING_CONNECTIONS,
    ICMP_ERRORS,
    INVALID_STATE,
    OTHER_PROTOCOLS,
    RULES_WITHOUT_PORTS,
    SERVICE_ADDRESSES,
    SERVICE_HAIRPIN,
    UNTRACKED_STATE,
    Setting,
    chosen,
    presences,
)
from verifier.model.bundle import Plan
from verifier.model.cluster import Cluster
from verifier.model.fields import ICMP, ICMPV6, POLICED_PROTOCOLS, ConnState
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.model.policy import Action, Direction
from verifier.model.profile import Deviation, reading
from verifier.model.selection import speak_of_every_protocol
from verifier.reference.policies import Counting, perhaps, surely

SERVED = (Path.POD_TO_REMOTE, Path.POD_TO_NODE)
NEAR = {Path.NODE_TO_POD: Direction.INGRESS, Path.POD_TO_NODE: Direction.EGRESS}
"""The paths between a node and its pods, with the direction in which the pod is protected."""
ANSWERING = {
    Path.REMOTE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_REMOTE: (Direction.EGRESS,),
    Path.POD_TO_POD: (Direction.EGRESS, Direction.INGRESS),
}
"""The directions in which the ends on this node are judged (U-37)."""
NOTHING_GRANTED = Counting()


@dataclass(frozen=True, slots=True)
class Asked:
    """The definitions of one path: must pass, must not pass, and what of a leak and of a blocked packet is excused."""

    allow: Function
    deny: Function
    leak: Function
    blocked: Function


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads policies and predicates: as they count for new packets, and of a connection's other direction."""

    policies: Policies
    replies: Callable[[], Policies]
    predicates: Predicates


class Demands:
    """What is asked under the plan's settings."""

    def __init__(self, script: Script, plan: Plan, cluster: Cluster, readers: Readers, own: Function) -> None:
        self._script = script
        self._own = own
        self._plan = plan
        self._cluster = cluster
        self._readers = readers
        self._sure = surely(plan.settings)
        self._perhaps = perhaps(plan.settings)
        in_force = [each for each in plan.deviations if plan.family in each.families]
        self._deviations = [each for each in in_force if each.rewritten is None]
        self._read = reading(cluster, [each for each in in_force if each.rewritten is not None])
        self._policed = script.define(
            "policed", is_protocol(*POLICED_PROTOCOLS), ("what NetworkPolicy decides",)
        ).call()

    def path(self, path: Path) -> Asked:
        """The definitions of a path."""
        name = path.value
        allow = self._script.define(f"{name}/must-pass", self._allow(path), ("packets that must be accepted",))
        deny = self._script.define(f"{name}/must-not-pass", self._deny(path), ("packets that must not be accepted",))
        leak = self._excuse(path, Kind.LEAK, "documented: accepted although the policies deny it")
        blocked = self._excuse(path, Kind.BLOCKED, "documented: not accepted although it must be")
        return Asked(allow, deny, leak, blocked)

    def staying(self, path: Path, asked: Asked) -> Asked:
        """The same for packets that the node sends nowhere else: those to addresses of Services are an assumption (NAT-5)."""
        setting = self._setting(SERVICE_ADDRESSES)
        if not self._plan.translates or path not in SERVED or setting is Setting.ALLOW:
            return asked
        served = conj((is_state(ConnState.NEW), self._policed, self._served()))
        name, comment = path.value, "with what is assumed of addresses of Services"
        allow = conj((asked.allow.call(), negation(served)))
        deny = asked.deny.call()
        if setting is Setting.DENY:
            deny = disj((deny, conj((asked.allow.call(), served))))
        return Asked(
            self._script.define(f"{name}/must-pass-unserved", allow, (comment,)),
            self._script.define(f"{name}/must-not-pass-unserved", deny, (comment,)),
            asked.leak,
            asked.blocked,
        )

    def _served(self) -> Term:
        """Whether a packet goes to a port of a Service, at one of its addresses or at the node."""
        parts: list[Term] = []
        for service in self._cluster.services:
            ends = [value for family, value in (*service.addresses, *service.external) if family == self._plan.family]
            there = addresses(variable("dst"), self._script.address, [(value, value) for value in ends])
            for port in service.ports:
                here = self._own.call({"a": variable("dst")}) if port.node_port else FALSE
                for where, number_ in ((there, port.number), (here, port.node_port)):
                    named = equal(variable("dport"), number(number_, 16))
                    parts.append(conj((where, is_protocol(port.protocol), named)))
        return self._script.define("served", disj(parts), ("ports of Services, at their addresses and nodes",)).call()

    def _setting(self, name: str) -> Setting:
        return chosen(self._plan.settings, name)

    def _side(self, direction: Direction, counting: Counting) -> Side:
        name = direction.value if counting == self._sure else f"{direction.value}-perhaps"
        if counting == NOTHING_GRANTED != self._sure:
            name = f"{direction.value}-narrow"
        return self._readers.policies.side(self._cluster, direction, counting, name)

    # ------------------------------------------------------------------ what must and what must not pass

    def _allow(self, path: Path) -> Term:
        new, existing = TRUE, TRUE
        if path not in NEAR:
            new = conj(self._side(each, self._sure).allowed for each in Direction)
            if self._setting(EXISTING_CONNECTIONS) is not Setting.ALLOW:
                existing = conj(self._covered(each, self._sure) for each in Direction)
        elif any(tier.unmatched is Action.PASS for tier in self._cluster.tiers):
            new = self._side(NEAR[path], self._sure).tolerated
        parts = [
            conj((is_state(ConnState.NEW), self._policed, new)),
            conj((is_state(ConnState.ESTABLISHED), self._policed, existing)),
            conj((is_state(ConnState.RELATED), self._policed)),
            *self._settled(Setting.ALLOW),
            conj((negation(self._policed), self._other(path, Setting.ALLOW))),
        ]
        return disj(parts)

    def _deny(self, path: Path) -> Term:
        parts = [*self._settled(Setting.DENY), conj((negation(self._policed), self._other(path, Setting.DENY)))]
        if path not in NEAR:
            ends = ANSWERING[path]
            denied = disj(negation(self._side(each, self._perhaps).allowed) for each in ends)
            parts.append(conj((is_state(ConnState.NEW), self._policed, denied)))
            if self._setting(EXISTING_CONNECTIONS) is Setting.DENY:
                cut = disj(negation(self._covered(each, self._perhaps)) for each in ends)
                parts.append(conj((is_state(ConnState.ESTABLISHED), self._policed, cut)))
        return disj(parts)

    def _settled(self, setting: Setting) -> list[Term]:
        """Packets of states that an assumption settles (AS-5)."""
        states = ((ConnState.INVALID, INVALID_STATE), (ConnState.UNTRACKED, UNTRACKED_STATE))
        return [is_state(state) for state, name in states if self._setting(name) is setting]

    def _other(self, path: Path, setting: Setting) -> Term:
        """Of protocols that NetworkPolicy does not decide, those that must pass, or that must not (AS-2 to AS-4)."""
        related, icmp = is_state(ConnState.RELATED), is_protocol(ICMP, ICMPV6)
        errors = conj((related, icmp, truth(self._setting(ICMP_ERRORS) is setting)))
        others = self._setting(OTHER_PROTOCOLS)
        passing = setting is Setting.ALLOW
        known = disj((is_state(ConnState.ESTABLISHED), conj((related, negation(icmp)))))
        later = conj((known, truth(passing and others is Setting.ALLOW)))
        new = self._others_near(setting) if path in NEAR else self._others_forwarded(path, setting)
        return disj((errors, later, conj((is_state(ConnState.NEW), new))))

    def _others_near(self, setting: Setting) -> Term:
        return truth(setting is Setting.ALLOW and self._setting(OTHER_PROTOCOLS) is not Setting.ANY)

    def _others_forwarded(self, path: Path, setting: Setting) -> Term:
        others, ports = self._setting(OTHER_PROTOCOLS), self._setting(RULES_WITHOUT_PORTS)
        if speak_of_every_protocol(self._cluster):
            return self._spoken_of(path, setting)
        if others is Setting.ANY and ports is Setting.ANY:
            return FALSE
        if setting is Setting.DENY:
            return disj(self._end(each, Setting.DENY) for each in ANSWERING[path])
        refused = disj(self._end(each, Setting.DENY) for each in ANSWERING[path])
        return conj((negation(refused), *(self._end(each, Setting.ALLOW) for each in Direction)))

    def _spoken_of(self, path: Path, setting: Setting) -> Term:
        """What is the same however the policies stand that do not speak of the packet's protocol (AS-18)."""

        def passes(direction: Direction, counting: Counting) -> Iterator[Term]:
            for way in presences(self._plan.settings):
                name = f"{direction.value}-of-every-protocol-{way.name.lower().replace('_', '-')}"
                name += "-perhaps" if counting.lenient else ""
                side = self._readers.policies.side(self._cluster, direction, replace(counting, others=way), name)
                yield side.allowed

        refused = disj(negation(disj(passes(each, self._perhaps))) for each in ANSWERING[path])
        if setting is Setting.DENY:
            return refused
        return conj((negation(refused), *(conj(passes(each, self._sure)) for each in Direction)))

    def _end(self, direction: Direction, setting: Setting) -> Term:
        """Whether an end asks that such a packet passes, or that it does not."""
        others, ports = self._setting(OTHER_PROTOCOLS), self._setting(RULES_WITHOUT_PORTS)
        sure, wide = self._side(direction, self._sure), self._side(direction, self._perhaps)
        between = TRUE if ports is others else negation(wide.allowed)
        asked = disj(
            (
                conj((sure.allowed, truth(ports is setting))),
                conj((negation(sure.allowed), between, truth(others is setting))),
            )
        )
        isolated = conj((sure.isolated, asked))
        return disj((negation(sure.isolated), isolated)) if setting is Setting.ALLOW else isolated

    def _covered(self, direction: Direction, counting: Counting) -> Term:
        """Whether the end's policies allow the packet, or a connection the other way round that it may answer (AS-6)."""
        other = Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
        replies = self._readers.replies().side(self._cluster, other, counting, f"{other.value}-on-some-port")
        return disj((self._side(direction, counting).allowed, replies.turned()))

    # ------------------------------------------------------------------ excuses

    def _excuse(self, path: Path, kind: Kind, comment: str) -> Function:
        parts: list[Term] = []
        sentences: list[str] = []
        for each in self._deviations:
            if each.kind is kind and path in each.paths:
                parts.append(self._excused(each))
                sentences.append(f"  {each.name}: {each.sentence} ({each.source})")
        if self._read is not self._cluster and path not in NEAR:
            parts.append(self._by_reading(path, kind))
            readers = [each for each in self._plan.deviations if each.rewritten is not None]
            sentences += [f"  {each.name}: {each.sentence} ({each.source})" for each in readers]
        return self._script.define(f"{path.value}/excused-{kind.value}", disj(parts), (comment, *sentences))

    def _excused(self, deviation: Deviation) -> Term:
        parts = [self._readers.predicates.term(deviation.where)]
        if deviation.denied_by is not None:
            parts.append(negation(self._side(deviation.denied_by, NOTHING_GRANTED).allowed))
        return conj(parts)

    def _by_reading(self, path: Path, kind: Kind) -> Term:
        """What the node does follows from how the compiler reads policies (ANS-9)."""
        read = {
            each: self._readers.policies.side(self._read, each, NOTHING_GRANTED, f"{each.value}-as-read")
            for each in ANSWERING[path]
        }
        if kind is Kind.BLOCKED:
            follows = disj(negation(side.allowed) for side in read.values())
        else:
            written = {each: self._side(each, NOTHING_GRANTED) for each in read}
            follows = conj(disj((written[each].allowed, side.allowed)) for each, side in read.items())
        return conj((is_state(ConnState.NEW), self._policed, follows))


def check_expressible(plan: Plan) -> None:
    """Raises NotExpressibleError where something is asked that no query of a bundle asks."""
    if plan.translates and chosen(plan.settings, SERVICE_HAIRPIN) is not Setting.ANY:
        raise NotExpressibleError(f"assumption {SERVICE_HAIRPIN} is settled")
