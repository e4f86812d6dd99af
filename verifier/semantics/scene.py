"""What is fixed while chains are traversed: the two ends, their interfaces, the state and the services asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace

from verifier.model.fields import ConnState
from verifier.model.path import IN_INTERFACE_CHAINS, OUT_INTERFACE_CHAINS, OUT_PORT_CHAINS
from verifier.semantics.atoms import NameTest
from verifier.semantics.interfaces import NO_INTERFACE, UNKNOWN_PORTS, Axis, Interfaces, Ports


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A family of packets: at most one end is a set of addresses (`free`), the other is one address.

    `source` and `destination` are masks; `services` the services asked about; `real` the cells of the free end that
    count, where the mask is kept wider so that summaries can be shared. `name` keeps apart what must not be shared.
    `beyond` is a chain that is left open: entering it is a way out.
    """

    name: str
    source: int
    destination: int
    free: Axis
    incoming: Interfaces
    outgoing: Interfaces
    state: ConnState
    services: int
    real: int
    ports: Ports = UNKNOWN_PORTS
    beyond: tuple[str, str] | None = None

    @property
    def world(self) -> int:
        """The cells of the free end, 0 where both ends are fixed."""
        if self.free is Axis.SOURCE:
            return self.source
        return self.destination if self.free is Axis.DESTINATION else 0

    def at(self, hook: str) -> Scene:
        """The scene as a hook sees it: an interface that does not exist there is the empty name (CH-2)."""
        incoming = self.incoming if hook in IN_INTERFACE_CHAINS else NO_INTERFACE
        outgoing = self.outgoing if hook in OUT_INTERFACE_CHAINS else NO_INTERFACE
        leaving = self.ports.leaving if hook in OUT_PORT_CHAINS else NO_INTERFACE
        return replace(self, incoming=incoming, outgoing=outgoing, ports=replace(self.ports, leaving=leaving))

    def named(self, test: NameTest) -> tuple[Axis, Interfaces]:
        """What a test of a name asks of, and whose end it depends on."""
        if test.port:
            return (self.ports.along, self.ports.leaving) if test.outgoing else (Axis.SOURCE, self.ports.coming)
        return (Axis.DESTINATION, self.outgoing) if test.outgoing else (Axis.SOURCE, self.incoming)


__all__ = ["Axis", "Scene"]
