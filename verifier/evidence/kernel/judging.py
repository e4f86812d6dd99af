"""What the reports of a packet say: accepted, dropped, or that it was not in the situation that was asked for.

Spec: specs/kernel.md (KER-2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import mul

from verifier.evidence.kernel.connections import addressed
from verifier.evidence.kernel.dump import Dump, asks_for_destination
from verifier.evidence.kernel.orders import HOOK_NAMES, INPUT_HOOK, OUTPUT_HOOK, Order, Sight
from verifier.evidence.kernel.reports import Sighting
from verifier.evidence.kernel.scenery import Scenery
from verifier.evidence.kernel.standins import told_apart
from verifier.evidence.kernel.taps import STATES
from verifier.evidence.kernel.wire import EXTENSIONS
from verifier.model.addresses import address_text
from verifier.model.fields import ICMPV6, ConnState, has_ports

UNTRACKED_MESSAGES = (*range(130, 137), 143, 151, 152)
"""ICMPv6 types of neighbour discovery and multicast listeners: connection tracking never looks at them."""
SENT_ELSEWHERE = "the rules send the packet to"
Interfaces = tuple[int, int, int, int]
"""In, out, port in, port out."""
KNOWN_BEFORE: Mapping[str, Interfaces] = {"P": (1, 0, 1, 0), "S": (0, 1, 0, 0)}
"""Which of them a packet has before the tables of its hook, by how the places there begin."""
ChainIndex = Mapping[tuple[str, str], int]


def impossible(order: Order, scenery: Scenery, dumps: Mapping[int, Dump]) -> str:
    """Why an order cannot be sent at all, "" where it can."""
    if order.family not in dumps:
        return f"no rules of IPv{order.family} are loaded"
    if order.family == 6 and order.protocol in EXTENSIONS:
        return f"protocol {order.protocol} is a header of IPv6 behind which the protocol is looked for"
    if order.hook == OUTPUT_HOOK and (order.incoming or order.port_in):
        return "a packet of the node itself came in by no interface"
    if order.hook == INPUT_HOOK and (order.outgoing or order.port_out):
        return "a packet to the node itself leaves by no interface"
    for name in (order.incoming, order.outgoing, order.port_in, order.port_out):
        if name and name not in scenery.index:
            return f"the stage has no interface {name}"
        if name in scenery.stand_ins:
            asked = told_apart(name, scenery.stand_ins[name], dumps[order.family].tested)
            if asked:
                return f"the kernel can have no interface of the packet's name, and a rule asks for {asked}"
    for port, interface in ((order.port_in, order.incoming), (order.port_out, order.outgoing)):
        if port and scenery.bridge_of.get(port) != interface:
            return f"{port} is no port of {interface or 'a bridge'} on the stage"
    if order.bridged and not (order.port_in and order.port_out):
        return "a bridged packet has a port that it came in by and one that it leaves by"
    sent = addressed(order)
    if sent != order.sent_to:
        if "nat" not in dumps[order.family].tables:
            return "where no nat table is loaded, nothing translates the destination of a packet"
        asking = asks_for_destination(dumps[order.family].early, address=sent[0] != order.destination)
        if asking:
            return f"nothing says where it was sent before it was translated with its connection, and a rule asks: {asking}"
    return ""


def judge(order: Order, sighting: Sighting, scenery: Scenery, dump: Dump) -> Sight | None:
    """What became of the packet; None where it must be sent again with exact reports."""
    steps = _steps(sighting, dump.index)
    if sighting.error:
        return Sight(None, sighting.error)
    if not sighting.begun:
        return _before_the_hook(order, sighting, scenery, dump, steps) if sighting.places else None
    different = _difference(order, sighting, scenery, dump)
    if different:
        return Sight(None, different, None, steps, sighting.reply)
    if sighting.left is not None:
        return Sight(True, "", sighting.left, steps)
    if not sighting.ended:
        return Sight(False, "", steps[-1][2] if steps else None, steps, sighting.reply)
    return _on_the_way_out(sighting, steps) if sighting.places else None


def lost(order: Order) -> Sight:
    """What can be said of a packet that nothing was seen of, although it was to be told of exactly."""
    if order.hook == OUTPUT_HOOK:
        return Sight(None, "the kernel sends no such packet")
    return Sight(None, "the kernel discards such a packet before any rule sees it")


def _steps(sighting: Sighting, index: ChainIndex) -> list[tuple[int, int, int | None]]:
    """The steps in chains that the dump has; the last mark is what the packet left with."""
    steps = sighting.steps
    if steps and sighting.left is not None:
        steps[-1] = (*steps[-1][:3], sighting.left)
    return [(index[table, chain], number, mark) for table, chain, number, mark in steps if (table, chain) in index]


def _before_the_hook(
    order: Order, sighting: Sighting, scenery: Scenery, dump: Dump, steps: list[tuple[int, int, int | None]]
) -> Sight:
    """The packet did not reach the tables of its hook: by rules before them, or by something else."""
    last = sighting.places[-1]
    if different := _other_way(sighting, scenery.wanted(order), KNOWN_BEFORE[last[0]], scenery):
        return Sight(None, different, None, steps)
    state = next((place[2] for place in sighting.places if place[1] == "2"), "")
    wrong = _state(order, int(state), dump) if state else ""
    mark = steps[-1][2] if steps else None
    match last[1]:
        case "0":
            return Sight(False, "", mark, steps)
        case "1":
            return Sight(None, "connection tracking itself discards such a packet", None, steps)
        case "2":
            return Sight(None, wrong, None, steps) if wrong else Sight(False, "", mark, steps)
        case "3":
            return Sight(None, wrong or "the packet cannot be translated as its rules say", None, steps)
        case _:
            return Sight(None, wrong or "routing refuses such a packet", None, steps)


def _on_the_way_out(sighting: Sighting, steps: list[tuple[int, int, int | None]]) -> Sight:
    """The packet passed its hook and did not leave: dropped by mangle's POSTROUTING, or by something else."""
    if "Q1" in sighting.places:
        return Sight(None, "the source of the packet cannot be translated as its rules say", None, steps)
    if "Q0" in sighting.places:
        return Sight(False, "", steps[-1][2] if steps else None, steps, sighting.reply)
    return Sight(None, "the kernel discards such a packet between its hooks", None, steps)


def _difference(order: Order, sighting: Sighting, scenery: Scenery, dump: Dump) -> str:
    """How the situation that the kernel saw differs from the one that was asked for, "" where it does not."""
    hook = sighting.begun[0]
    destination, port = sighting.destination[:-2], int.from_bytes(sighting.destination[-2:], "big")
    if int.from_bytes(destination, "big") != order.destination or (has_ports(order.protocol) and port != order.port):
        return _elsewhere(order, destination, port)
    if hook != order.hook:
        why = "its destination is the node's own" if hook == INPUT_HOOK else "its destination is not the node's own"
        return f"the kernel takes the packet through {HOOK_NAMES[hook]}, not {HOOK_NAMES[order.hook]}: {why}"
    different = _other_way(sighting, scenery.wanted(order), (1, 1, 1, 1), scenery)
    return different or _state(order, int(sighting.begun[2]), dump)


def never_tracked(order: Order) -> bool:
    """Whether connection tracking itself takes the packet out, so that it needs no help to be UNTRACKED."""
    return order.family == 6 and order.protocol == ICMPV6 and order.icmp >> 8 in UNTRACKED_MESSAGES


def _state(order: Order, state: int, dump: Dump) -> str:
    if state == order.state:
        return ""
    if state == ConnState.UNTRACKED and dump.untracks and not never_tracked(order):
        return ""
    return f"connection tracking calls such a packet {STATES[state].upper()}, not {STATES[order.state].upper()}"


def _elsewhere(order: Order, destination: bytes, port: int) -> str:
    text = address_text(order.family, int.from_bytes(destination, "big"))
    return f"{SENT_ELSEWHERE} {text}" + (f" port {port}" if has_ports(order.protocol) else "")


def _other_way(sighting: Sighting, wanted: Interfaces, known: Interfaces, scenery: Scenery) -> str:
    """How the interfaces of a packet differ from those that were asked for, as far as they are known where it was seen."""
    ours, theirs = (tuple(map(mul, known, each)) for each in (wanted, sighting.interfaces))
    if ours == theirs:
        return ""
    return f"the packet goes {_ways(theirs, scenery.name.get)}, not {_ways(ours, scenery.name.get)}"


def _ways(interfaces: Iterable[int], name: Callable[[int], str | None]) -> str:
    """In words: by which interfaces and ports."""
    words = ("in by", "out by", "in by port", "out by port")
    told = [f"{word} {name(at) or at}" for word, at in zip(words, interfaces, strict=True) if at]
    return ", ".join(told)
