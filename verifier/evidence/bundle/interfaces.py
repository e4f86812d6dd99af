"""Interfaces and bridge ports as numbers: every name that an end can have, and what is known of those that are not told.

Spec: specs/evidence.md (EV-4), specs/universe.md (U-5, U-32, U-40 to U-42)
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.evidence.bundle.script import Script
from verifier.evidence.bundle.terms import TRUE, Term, conj, disj, equal, negation, number, variable
from verifier.model.bundle import NO_PORT, Known, Plan, Port
from verifier.model.fields import Field
from verifier.model.predicate import Named

VARIABLES = {
    Field.IN_INTERFACE: "in-interface",
    Field.OUT_INTERFACE: "out-interface",
    Field.PHYS_IN: "in-port",
    Field.PHYS_OUT: "out-port",
}


def leaving(coming: Port, going: Port) -> Port:
    """The port by which a packet leaves: only what comes by a port and goes by a port is bridged (U-40)."""
    for end in (coming, going):
        if end == NO_PORT or end.known is Known.FOREIGN:
            return NO_PORT
    return going if coming.known is not Known.NOTHING else coming


class Interfaces:
    """The numbers of all names of one plan."""

    def __init__(self, plan: Plan) -> None:
        names = [pod.interface for pod in plan.pods] + [name for wire in plan.wires for name in wire.interfaces]
        self.names: list[str | None] = ["", *sorted({name for name in names if name is not None})]
        if None in names or plan.translates:
            self.names.append(None)
        ports = [pod.port for pod in plan.pods] + [wire.port for wire in plan.wires]
        distinct = {leaving(a, b) for a in ports for b in ports} | set(ports) | {NO_PORT}
        self.ports = sorted(distinct, key=lambda port: (port != NO_PORT, port.known.name, port.text))
        self.name_bits = max(1, (len(self.names) - 1).bit_length())
        self.port_bits = max(1, (len(self.ports) - 1).bit_length())

    def interface(self, name: str | None) -> Term:
        """The number of an interface; None stands for one of which nothing is known."""
        return number(self.names.index(name), self.name_bits)

    def port(self, port: Port) -> Term:
        """The number of a bridge port."""
        return number(self.ports.index(port), self.port_bits)

    def table(self) -> Iterator[str]:
        """What each number stands for, as comments."""
        for name in self.names:
            text = "an interface of which nothing is known" if name is None else name or "no interface"
            yield f"in-interface, out-interface {self.interface(name)}: {text}"
        for port in self.ports if len(self.ports) > 1 else ():
            yield f"in-port, out-port {self.port(port)}: {described(port)}"

    def test(self, test: Named, script: Script) -> Term:
        """Whether a textual field has a name; free where nothing tells."""
        value = variable(VARIABLES[test.field])
        parts: list[Term] = []
        if test.field in (Field.IN_INTERFACE, Field.OUT_INTERFACE):
            answers = [(self.interface(name), _fits(test, name)) for name in self.names]
        else:
            answers = [(self.port(port), _decided(test, port)) for port in self.ports]
        for code, answer in answers:
            if answer is None:
                free = script.unknown(f"{test.field.value} {test.name}{'+' if test.prefix else ''}", test)
                parts.append(conj((equal(value, code), free)))
            elif answer:
                parts.append(equal(value, code))
        return TRUE if all(answer for _, answer in answers) else disj(parts)

    def bridged(self, script: Script) -> Term:
        """Whether a bridge forwards the packet: it leaves by a port."""
        return negation(self.test(Named(Field.PHYS_OUT, ""), script))


def described(port: Port) -> str:
    """What is known of a port, in words."""
    match port.known:
        case Known.NAME:
            return port.text or "no port"
        case Known.BEGINNING:
            return f"a pod's port, {port.text}..."
        case Known.FOREIGN:
            return f"no port of the bridge (neither {port.uplink} nor {port.text}...)"
        case Known.NOTHING:
            return "a port of which nothing is known, or none"


def _fits(test: Named, name: str | None) -> bool | None:
    if name is None:
        return None
    return name.startswith(test.name) if test.prefix else name == test.name


def _decided(test: Named, port: Port) -> bool | None:
    """Whether a port has a name, None where nothing tells (U-41)."""
    if port.known is Known.NAME:
        return _fits(test, port.text)
    if port.known is Known.BEGINNING:
        if test.prefix and port.text.startswith(test.name):
            return True
        return None if test.name.startswith(port.text) else False
    if port.known is Known.FOREIGN and (test.name.startswith(port.text) or test == Named(test.field, port.uplink)):
        return False
    return None
