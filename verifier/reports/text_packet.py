"""One packet, its rules and its policies, as lines for people."""

from __future__ import annotations

from collections.abc import Callable

from verifier.model.addresses import address_text
from verifier.model.fields import ICMP, ICMPV6, TCP, ConnState, has_ports
from verifier.model.origin import Origin
from verifier.model.packet import FREE_INTERFACE, Packet
from verifier.model.policy import Policy, PolicyRule
from verifier.model.ruleset import Rule
from verifier.model.trace import Step
from verifier.reports.page import Segment
from verifier.reports.spelling import policy_rule_text, port_text, protocol_word
from verifier.reports.words import flags_text, translation_text

SYN, ACK = 2, 16


def packet_segments(packet: Packet, name: Callable[[int, int], str]) -> list[Segment]:
    """ "tcp 10.0.0.1:1024 (shop/web) -> 10.0.0.2:80 (shop/api), NEW, in eth0, out cali1"."""
    ported = has_ports(packet.protocol)
    segments: list[Segment] = [(protocol_word(packet.protocol), "strong")]
    if packet.protocol in (ICMP, ICMPV6):
        segments.append(f" type {packet.icmp >> 8} code {packet.icmp & 255}")
    ends = [(" ", packet.source, packet.source_port), (" -> ", packet.destination, packet.destination_port)]
    if packet.original is not None:
        ends[1:] = [(" -> ", *packet.original), (" sent on to ", packet.destination, packet.destination_port)]
    for arrow, address, port in ends:
        segments += [arrow, (end_text(packet.family, address, port if ported else None), "strong")]
        owner = name(packet.family, address)
        if owner:
            segments += [" (", (owner, "name"), ")"]
    details = [packet.state.name]
    if packet.protocol == TCP and packet.tcp_flags != (SYN if packet.state is ConnState.NEW else ACK):
        details.append(f"flags {flags_text(packet.tcp_flags)}")
    if packet.ct_status and packet.original is None:
        details.append(f"connection {translation_text(packet.ct_status)}")
    if packet.mark:
        details.append(f"mark {packet.mark:#x}")
    ways = (("in", packet.in_interface, packet.phys_in), ("out", packet.out_interface, packet.phys_out))
    for way, interface, bridge_port in ways:
        if interface not in ("", FREE_INTERFACE):
            details.append(f"{way} {interface}" + (f" by port {port_text(bridge_port)}" if bridge_port else ""))
    return [*segments, ", " + ", ".join(details)]


def end_text(family: int, address: int, port: int | None) -> str:
    """An address with its port, IPv6 in brackets then; alone where there is no port."""
    text = address_text(family, address)
    if port is None:
        return text
    return f"[{text}]:{port}" if family == 6 else f"{text}:{port}"


def policy_segments(policy: Policy, rule: PolicyRule | None) -> list[Segment]:
    """Policy, rule, what it says, and where."""
    named = f"{policy.name} {rule.text}" if rule else policy.name
    origin = rule.origin if rule else policy.origin
    return [(named, "name"), f": {policy_rule_text(policy, rule)}", *origin_segments(origin)]


def place_segments(step: Step, phrase: str) -> list[Segment]:
    """Table, chain and number of a step, with what the compiler means by the chain."""
    number = f" rule {step.number}" if step.number else " policy"
    explained = f" ({phrase})" if phrase else ""
    return [f"{step.table} ", (step.chain, "name"), f"{number}{explained}"]


def rule_segments(rule: Rule) -> list[Segment]:
    """The rule as it stands in the dump."""
    return [(rule.text, "code")]


def origin_segments(origin: Origin) -> list[Segment]:
    """Two spaces, then file and line."""
    return ["  ", (str(origin), "dim")]
