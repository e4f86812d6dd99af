"""What must become of a packet about which the policy API says nothing, or of one of a connection.

Spec: specs/assumptions.md (AS-2 to AS-6)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from verifier.model.assumption import (
    EXISTING_CONNECTIONS,
    ICMP_ERRORS,
    INVALID_STATE,
    OTHER_PROTOCOLS,
    RULES_WITHOUT_PORTS,
    UNTRACKED_STATE,
    Setting,
    chosen,
    presences,
)
from verifier.model.effect import Verdict
from verifier.model.fields import ICMP, ICMPV6, POLICED_PROTOCOLS, ConnState, End, Field
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction, PolicyRule
from verifier.model.predicate import All, AnyOf, InRange, Not, PortNamed, Predicate, Thing
from verifier.model.selection import speak_of_every_protocol
from verifier.model.trace import Expectation, PolicyTrace
from verifier.reference.policies import Counting, judge, perhaps, surely
from verifier.reference.view import View

NODE_PATHS = (Path.NODE_TO_POD, Path.POD_TO_NODE)
ANSWERING = {
    Path.REMOTE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_REMOTE: (Direction.EGRESS,),
    Path.POD_TO_POD: (Direction.EGRESS, Direction.INGRESS),
}
"""The directions that this node answers for."""
VERDICTS = {Setting.ALLOW: Verdict.ACCEPT, Setting.DENY: Verdict.DROP, Setting.ANY: None}
PASSING = {name: f"{name} packets belong to a connection that was let through" for name in ("ESTABLISHED", "RELATED")}


def undefined(packet: Packet, path: Path, view: View, settings: Mapping[str, Setting]) -> Expectation | None:
    """What is asked of a packet that the policies do not simply decide; None where they do."""
    for state, name in ((ConnState.INVALID, INVALID_STATE), (ConnState.UNTRACKED, UNTRACKED_STATE)):
        if packet.state is state:
            return _settled(name, settings)
    if packet.protocol not in POLICED_PROTOCOLS:
        return _other_protocol(packet, path, view, settings)
    if packet.state is ConnState.ESTABLISHED and path not in NODE_PATHS:
        return _existing(packet, path, view, settings)
    return Expectation(Verdict.ACCEPT, PASSING[packet.state.name]) if packet.state is not ConnState.NEW else None


def _settled(name: str, settings: Mapping[str, Setting]) -> Expectation:
    setting = chosen(settings, name)
    return Expectation(VERDICTS[setting], f"assumption {name}={setting.value}", name)


def _other_protocol(packet: Packet, path: Path, view: View, settings: Mapping[str, Setting]) -> Expectation:
    """AS-2 to AS-4: its state tells whether policies could speak of it at all."""
    if packet.state is ConnState.RELATED and packet.protocol in (ICMP, ICMPV6):
        return _settled(ICMP_ERRORS, settings)
    setting, ports = (chosen(settings, name) for name in (OTHER_PROTOCOLS, RULES_WITHOUT_PORTS))
    if packet.state is not ConnState.NEW or path in NODE_PATHS:
        passes = setting is Setting.ALLOW or (setting is Setting.DENY and packet.state is ConnState.NEW)
        asked = Verdict.ACCEPT if passes else None
        return Expectation(asked, f"assumption {OTHER_PROTOCOLS}={setting.value}", OTHER_PROTOCOLS)
    if speak_of_every_protocol(view.cluster):
        return _spoken_of(packet, path, view, settings)
    if setting is Setting.ANY and ports is Setting.ANY:
        return _settled(OTHER_PROTOCOLS, settings)
    ends = {each: _end(packet, each, view, settings) for each in Direction}
    for each in ANSWERING[path]:
        if ends[each][0] is Verdict.DROP:
            return Expectation(Verdict.DROP, *_because(ends[each][1], settings))
    for verdict, name in ends.values():
        if verdict is not Verdict.ACCEPT:
            return Expectation(None, *_because(name, settings))
    names = [name for _, name in ends.values() if name] or [OTHER_PROTOCOLS]
    return Expectation(Verdict.ACCEPT, *_because(names[0], settings))


def _spoken_of(packet: Packet, path: Path, view: View, settings: Mapping[str, Setting]) -> Expectation:
    """AS-18: what is the same however the policies stand that do not speak of the packet's protocol."""
    ways = presences(settings)

    def judged(direction: Direction, counting: Counting) -> list[PolicyTrace]:
        return [judge(packet, view.cluster, direction, view, replace(counting, others=way)) for way in ways]

    sure = {each: judged(each, surely(settings)) for each in Direction}
    ingress, egress = (sure[each][0] for each in Direction)
    reasons = tuple(reason for each in Direction for trace in sure[each] for reason in trace.reasons)
    if reasons:
        return Expectation(None, "; ".join(dict.fromkeys(reasons)), "", ingress, egress)
    for each in ANSWERING[path]:
        if not any(trace.allowed for trace in judged(each, perhaps(settings))):
            return Expectation(Verdict.DROP, f"{each.value} policies deny it", "", ingress, egress)
    if all(trace.allowed for traces in sure.values() for trace in traces):
        return Expectation(Verdict.ACCEPT, "the policies of both ends allow it", "", ingress, egress)
    return Expectation(None, *_because(OTHER_PROTOCOLS, settings), ingress, egress)


def administered(trace: PolicyTrace) -> bool:
    """Whether a rule of a tier that isolates nobody decided (CNP-18)."""
    return trace.policy is not None and trace.policy in trace.passing


def _end(
    packet: Packet, direction: Direction, view: View, settings: Mapping[str, Setting]
) -> tuple[Verdict | None, str]:
    """What one end asks of a new packet of another protocol, and the assumption that says so."""
    setting, ports = (chosen(settings, name) for name in (OTHER_PROTOCOLS, RULES_WITHOUT_PORTS))
    trace = judge(packet, view.cluster, direction, view, surely(settings))
    if not trace.selecting:
        return Verdict.ACCEPT, ""
    if trace.allowed:
        return VERDICTS[ports], RULES_WITHOUT_PORTS
    if judge(packet, view.cluster, direction, view, perhaps(settings)).allowed and ports is not setting:
        return None, RULES_WITHOUT_PORTS
    return VERDICTS[setting], OTHER_PROTOCOLS


def _because(name: str, settings: Mapping[str, Setting]) -> tuple[str, str]:
    return f"assumption {name}={chosen(settings, name).value}", name


def _existing(packet: Packet, path: Path, view: View, settings: Mapping[str, Setting]) -> Expectation:
    """AS-6: a connection that the policies of both ends would let begin goes on; of others, the assumption speaks."""
    setting = chosen(settings, EXISTING_CONNECTIONS)
    if setting is Setting.ALLOW or all(_covered(packet, each, view, surely(settings)) for each in Direction):
        return Expectation(Verdict.ACCEPT, PASSING[packet.state.name])
    if setting is Setting.DENY and not all(_covered(packet, each, view, perhaps(settings)) for each in ANSWERING[path]):
        return Expectation(Verdict.DROP, *_because(EXISTING_CONNECTIONS, settings))
    return Expectation(None, *_because(EXISTING_CONNECTIONS, settings))


def _covered(packet: Packet, direction: Direction, view: View, counting: Counting) -> bool:
    """Whether the end's policies allow the packet, or a connection of its protocol the other way round."""
    if judge(packet, view.cluster, direction, view, counting).allowed:
        return True
    other = Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
    back = replace(packet, source=packet.destination, destination=packet.source, state=ConnState.NEW, tcp_flags=2)
    begins, ends = _ports(view, End.SOURCE), _ports(view, End.DESTINATION)
    return any(
        judge(replace(back, source_port=begin, destination_port=end), view.cluster, other, view, counting).allowed
        for begin in begins
        for end in ends
    )


def _ports(view: View, end: End) -> list[int]:
    """Ports of one end of which every rule of every policy treats some as it treats any other one."""
    rules = [rule for tier in view.cluster.tiers for policy in tier.policies for rule in policy.rules]
    found = {port for rule in rules for port in _edges(rule, end)}
    if found or end is End.DESTINATION:
        for pod in view.cluster.pods:
            found.update(port.number for port in (*pod.ports, *pod.sidecar_ports))
    return sorted({0} | found | {port + 1 for port in found if port < 65535})


def _edges(rule: PolicyRule, end: End) -> Iterator[int]:
    field = Field.SOURCE_PORT if end is End.SOURCE else Field.DESTINATION_PORT
    waiting: list[Predicate] = [rule.peer, rule.ports]
    for each in rule.readings:
        waiting.extend((each.peer, each.ports))
    while waiting:
        match waiting.pop():
            case InRange(tested, ranges) if tested is field:
                for first, last in ranges:
                    yield from (first, last)
            case PortNamed(_, _, _, where) if where is end:
                yield 0
            case All(parts) | AnyOf(parts):
                waiting.extend(parts)
            case Not(part) | Thing(_, part):
                waiting.append(part)
