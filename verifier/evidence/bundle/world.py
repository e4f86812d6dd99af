"""Which packets there are: states and what goes with them, who is where, and by which interfaces packets come and go.

Spec: specs/universe.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verifier.evidence.bundle.interfaces import Interfaces, leaving
from verifier.evidence.bundle.script import NotExpressibleError, Script
from verifier.evidence.bundle.terms import (
    TRUE,
    Term,
    apply,
    conj,
    disj,
    equal,
    masked,
    negation,
    number,
    variable,
    within,
)
from verifier.model.bundle import Plan, PodPlace, Port, WirePlace
from verifier.model.fields import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, ConnState
from verifier.model.path import Path
from verifier.reference.view import View

INNER = {
    4: ((0, 0), (0x7F000000, 0x7FFFFFFF), (0xE0000000, 0xEFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF)),
    6: ((0, 1), (0xFE80 << 112, (0xFEC0 << 112) - 1), (0xFF << 120, (1 << 128) - 1)),
}
"""Unspecified, loopback, multicast, broadcast and link-local addresses: no forwarded packet has them (U-30)."""
NEW_TYPES = {ICMP: (8, 13, 15, 17), ICMPV6: (128, 139)}
KNOWN_TYPES = {ICMP: (0, 8, 13, 14, 15, 16, 17, 18), ICMPV6: (128, 129, 139, 140)}
UNTRACKED_TYPES = (130, 131, 132, 133, 134, 135, 136, 143, 151, 152)
VALIDATED = (TCP, UDP, UDPLITE, SCTP, ICMP, ICMPV6)
FIN, SYN, RST, ACK, URG = 1, 2, 4, 16, 32
OF_CONNECTIONS = (SYN, SYN | URG, SYN | ACK, ACK, ACK | URG, FIN | ACK, FIN | ACK | URG, RST, RST | ACK)
"""The flags of TCP packets of known connections, but for PSH, ECE and CWR (U-25)."""
COUNTED = FIN | SYN | RST | ACK | URG


def is_state(state: ConnState) -> Term:
    """Whether the packet has a state."""
    return equal(variable("state"), number(state, 3))


def is_protocol(*protocols: int) -> Term:
    """Whether the packet is of one of these protocols."""
    return disj(equal(variable("proto"), number(each, 8)) for each in protocols)


class World:
    """The universe of one plan, as definitions."""

    def __init__(self, script: Script, plan: Plan, view: View, interfaces: Interfaces) -> None:
        self._script = script
        self._plan = plan
        self._view = view
        self._interfaces = interfaces
        self._family = plan.family
        body = self._possible()
        self.possible = script.define("possible", body, ("packets that there are (U-20 to U-26)",)).call()
        own = [value for family, value in view.types.own if family == self._family]
        local = [value for family, value in view.local if family == self._family]
        a = variable("a")
        width = script.address
        owned = within(a, width, [(each, each) for each in sorted(own)])
        inner = within(a, width, INNER[self._family])
        self.own_address = script.define(
            "own", Term(conj((owned, negation(inner))).text, a.reads), ("the node's addresses (U-36)",)
        )
        pods = within(a, width, [(each, each) for each in sorted(local)])
        if plan.translates:
            comment = "addresses that packets can be sent to (U-30)"
            self._reachable = script.define("reachable", negation(inner), (comment,))
        remote = negation(disj((inner, owned, pods)))
        self._remote = script.define(
            "remote", remote, ("addresses that are neither here nor never forwarded (U-30, U-31)",)
        )
        networks = view.networks.get(self._family)
        self._behind = TRUE
        if any(wire.bridge for wire in plan.wires) and networks is not None:
            self._behind = script.define(
                "behind-bridge", within(a, width, networks), ("addresses behind the bridge (U-42)",)
            ).call()

    def _possible(self) -> Term:
        proto, flags, icmp = variable("proto"), variable("flags"), variable("icmp")

        def types(kinds: Iterable[int]) -> Term:
            return within(icmp, 16, [(kind << 8, kind << 8 | 255) for kind in kinds])

        def where(protocol: int, body: Term) -> Term:
            return disj((negation(equal(proto, number(protocol, 8))), body))

        begins = disj(masked(flags, 8, wanted, SYN | ACK | FIN | RST) for wanted in (SYN, ACK))
        belongs = where(TCP, disj(masked(flags, 8, wanted, COUNTED) for wanted in OF_CONNECTIONS))
        untranslated = equal(variable("status"), number(0, 2))
        tracked = where(ICMPV6, negation(types(UNTRACKED_TYPES)))
        new = [where(TCP, begins), *(where(each, types(kinds)) for each, kinds in NEW_TYPES.items())]
        if self._plan.translation_known:
            new.append(untranslated)
        known = [belongs, *(where(each, types(kinds)) for each, kinds in KNOWN_TYPES.items())]
        sorts = {
            ConnState.NEW: new,
            ConnState.ESTABLISHED: known,
            ConnState.RELATED: [belongs, tracked],
            ConnState.INVALID: [is_protocol(*VALIDATED), untranslated],
            ConnState.UNTRACKED: [untranslated],
        }
        return disj(conj((is_state(state), *parts)) for state, parts in sorts.items())

    # ------------------------------------------------------------------ ends

    def remote(self, variable_: str) -> Term:
        """Whether an end is remote."""
        return self._remote.call({"a": variable(variable_)})

    def own(self, variable_: str) -> Term:
        """Whether an end is the node itself."""
        return self.own_address.call({"a": variable(variable_)})

    def sent_on(self) -> list[Term]:
        """What is so of a packet that is yet to be given another destination."""
        untranslated = equal(apply("bvand", variable("status"), number(2, 2)), number(0, 2))
        return [self._reachable.call({"a": variable("original-dst")}), untranslated]

    def wires(self, path: Path, pod: PodPlace, *, ports: bool) -> Term:
        """By which interface and port a packet between a pod and a remote end comes or goes (U-32, U-42)."""
        return disj(self._wire(path, pod, wire, ports=ports) for wire in self._plan.wires)

    def _wire(self, path: Path, pod: PodPlace, wire: WirePlace, *, ports: bool) -> Term:
        incoming = path is Path.REMOTE_TO_POD
        far = variable("src" if incoming else "dst")
        name = variable("in-interface" if incoming else "out-interface")
        known = [equal(name, self._interfaces.interface(each)) for each in wire.interfaces]
        crossing = self.ports(wire.port, pod.port) if incoming else self.ports(pod.port, wire.port)
        inside: Term = TRUE
        if any(each.bridge for each in self._plan.wires):
            if self._family not in self._view.networks:
                raise NotExpressibleError("which addresses are behind the bridge is not known")
            behind = Term(self._behind.text.replace(" a)", f" {far.text})"), far.reads)
            inside = behind if wire.bridge else negation(behind)
        return conj((inside, disj(known), *(crossing if ports else ())))

    def ports(self, coming: Port, going: Port) -> Sequence[Term]:
        """The ports by which a packet comes and leaves."""
        return (
            equal(variable("in-port"), self._interfaces.port(coming)),
            equal(variable("out-port"), self._interfaces.port(leaving(coming, going))),
        )
