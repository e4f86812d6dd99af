"""Protocols, ports and their names, as every kind of policy of Kubernetes writes them.

Spec: specs/policies/network_policy.md (NP-41 to NP-48)
"""

from __future__ import annotations

import re
from dataclasses import replace

from verifier.model.assumption import REPEATED_PORT_NAMES, SIDECAR_PORTS
from verifier.model.document import Part, shown
from verifier.model.fields import SCTP, TCP, UDP, Field
from verifier.model.predicate import Declared, InRange, PortNamed, Predicate, all_of, any_of, equals
from verifier.policies.kind import Shared

PROTOCOLS = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP}
_NAMES = ((REPEATED_PORT_NAMES, Declared.REGULAR), (SIDECAR_PORTS, Declared.SIDECAR))
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]{0,13}[a-z0-9])?")


def protocol(part: Part) -> int:
    """The protocol of a port, TCP unless it says otherwise (NP-41, NP-43)."""
    if part.entries.get("protocol") is None:
        return TCP
    name = part.text("protocol")
    if name not in PROTOCOLS:
        problem = f"expected TCP, UDP or SCTP, found {shown(name)}"
        raise part.fault("protocol", problem, "name one of the three in capitals")
    return PROTOCOLS[name]


def port_number(part: Part, key: str, value: object) -> int:
    """A port's number, 1 to 65535."""
    if type(value) is not int or not 0 < value < 65536:
        raise part.fault(key, f"expected 1 to 65535, found {shown(value)}", "give a port number without quotes")
    return value


def port_name(part: Part, key: str, name: str) -> str:
    """The name of a port, as containers may call theirs."""
    if not _PORT_NAME.fullmatch(name):
        remedy = "remove the quotes" if name.isdigit() else "a name has at most 15 of a-z, 0-9 and '-', one a letter"
        raise part.fault(key, f"expected a port number or the name of one, found {shown(name)}", remedy)
    return name


def port_range(number: int, first: int, last: int) -> Predicate:
    """The ports of one protocol from the first to the last, both included (NP-44)."""
    return all_of(equals(Field.PROTOCOL, number), InRange(Field.DESTINATION_PORT, ((first, last),)))


def readings(ports: list[Predicate], shared: Shared) -> list[tuple[str, Predicate]]:
    """Any of the ports in the narrowest reading, under "", and what wider readings of names add (AS-8, AS-9)."""
    found = [("", shared.one(any_of(*ports)))]
    named = [port for port in ports if isinstance(port, PortNamed)]
    for name, declared in _NAMES if named else ():
        wider = [replace(port, declared=declared) for port in named]
        found.append((name, shared.one(any_of(*(shared.one(port) for port in wider)))))
    return found
