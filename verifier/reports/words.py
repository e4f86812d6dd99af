"""Addresses and boxes in the user's vocabulary: pods by name or label, networks, ports."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from verifier.model.addresses import merge, networks, subtract, whole
from verifier.model.cluster import Cluster, Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME, ConnState, CtStatus, End
from verifier.model.finding import Box, Endpoint
from verifier.model.path import Path
from verifier.model.predicate import Range
from verifier.reports.selectors import pods_text
from verifier.reports.spelling import LISTED, networks_text, protocol_word, ranges_text

WHOLE_PORTS: tuple[Range, ...] = ((0, 65535),)
NEVER_REMOTE = {
    4: ((0, 0), (127 << 24, (128 << 24) - 1), (224 << 24, (240 << 24) - 1), ((1 << 32) - 1, (1 << 32) - 1)),
    6: ((0, 1), (0xFE80 << 112, (0xFEC0 << 112) - 1), (0xFF << 120, (1 << 128) - 1)),
}
"""Addresses that are never remote (U-30): unspecified, loopback, link-local (6), multicast, broadcast."""

REMOTE_END = {Path.REMOTE_TO_POD: End.SOURCE, Path.POD_TO_REMOTE: End.DESTINATION}
NODE_END = {Path.NODE_TO_POD: End.SOURCE, Path.POD_TO_NODE: End.DESTINATION}
PATH_ORDER = tuple(Path)


class Inventory:
    """Which pod has which address."""

    def __init__(self, cluster: Cluster) -> None:
        self.namespaces = cluster.namespaces
        self.pods = tuple(pod for pod in cluster.pods if pod.has_traffic)
        self._by_address = {(family, address): pod for pod in self.pods for family, address in pod.addresses.items()}
        self._services = {
            end: f"Service {service.full_name}"
            for service in cluster.services
            for end in (*service.addresses, *service.external)
        }
        self._sorted = {
            family: sorted(address for kind, address in self._by_address if kind == family) for family in (4, 6)
        }

    @classmethod
    def of(cls, pods: Iterable[Pod | None]) -> Inventory:
        """Just these pods."""
        return cls(Cluster(pods=tuple(pod for pod in pods if pod is not None)))

    def pod(self, family: int, address: int) -> Pod | None:
        """The pod that has the address."""
        return self._by_address.get((family, address))

    def name(self, family: int, address: int) -> str:
        """The name of the pod that has the address, "" where it is no pod's."""
        pod = self.pod(family, address)
        return pod.full_name if pod else ""

    def called(self, family: int, address: int) -> str:
        """The name of the pod, else of the Service that has the address, "" where it is neither's."""
        return self.name(family, address) or self._services.get((family, address), "")

    def split(self, family: int, ranges: Iterable[Range]) -> tuple[list[Pod], tuple[Range, ...]]:
        """The pods of ranges that hold nothing but pods, and all other ranges."""
        pods: list[Pod] = []
        others: list[Range] = []
        known = self._sorted[family]
        for first, last in ranges:
            inside = known[bisect_left(known, first) : bisect_right(known, last)]
            if len(inside) == last - first + 1:
                pods += [self._by_address[family, address] for address in inside]
            else:
                others.append((first, last))
        return pods, tuple(others)


class Located(Protocol):
    """Something about packets of one path and family: a finding, or a part of a way."""

    @property
    def path(self) -> Path | None: ...

    @property
    def family(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """The node of a finding, with its own addresses: what local and remote mean there."""

    node: str
    addresses: tuple[tuple[int, int], ...]


class Words:
    """Regions of one node in words."""

    def __init__(self, inventory: Inventory, place: Place) -> None:
        self._inventory = inventory
        self._place = place

    def box(self, box: Box, finding: Located) -> str:
        """One line: "from X to Y, tcp 80, states ..."; what covers everything is left out."""
        source = self.end(box.source, finding, End.SOURCE)
        destination = self.end(box.destination, finding, End.DESTINATION)
        return f"{source} -> {destination}: {', '.join(_service(box, finding.family))}"

    def end(self, ranges: tuple[Range, ...], finding: Located, end: End) -> str:
        """One end of a box: everything there is, all of it except a few, or a list."""
        everything = self._everything(finding, end)
        if everything is None:
            return self._listed(ranges, finding, end)
        name, span, gaps = everything
        missing = _filled(finding.family, subtract(span, ranges), gaps)
        if not missing:
            return name
        shown = _filled(finding.family, ranges, gaps)
        if self._length(missing, finding) < self._length(shown, finding):
            return f"{name} except {self._listed(missing, finding, end)}"
        return self._listed(shown, finding, end)

    def _everything(self, finding: Located, end: End) -> tuple[str, tuple[Range, ...], tuple[Range, ...]] | None:
        """How to call all that can be at this end, its addresses, and single addresses inside that are something else."""
        family = finding.family
        own = merge((address, address) for kind, address in self._place.addresses if kind == family)
        if finding.path and REMOTE_END.get(finding.path) is end:
            local = [pod.addresses.get(family) for pod in self._inventory.pods if pod.node == self._place.node]
            gaps = merge([*own, *((address, address) for address in local if address is not None)])
            return "any remote address", subtract(whole(family), [*NEVER_REMOTE[family], *gaps]), gaps
        if finding.path and NODE_END.get(finding.path) is end:
            return ("the node", own, ()) if own else None
        return None

    def _length(self, ranges: tuple[Range, ...], finding: Located) -> int:
        """How many things have to be listed: networks, and the pods as one."""
        pods, others = self._inventory.split(finding.family, ranges)
        return bool(pods) + len(networks(finding.family, others))

    def _listed(self, ranges: tuple[Range, ...], finding: Located, end: End) -> str:
        pods, others = self._inventory.split(finding.family, ranges)
        parts = [pods_text(pods, self._population(finding, end), self._inventory.namespaces)] if pods else []
        if others:
            parts.append(networks_text(finding.family, others))
        return ", ".join(parts)

    def _population(self, finding: Located, end: End) -> Sequence[Pod]:
        """The pods that could be at that end: those a selector is to be exact among."""
        remote = finding.path is not None and REMOTE_END.get(finding.path) is end
        return [
            pod
            for pod in self._inventory.pods
            if finding.family in pod.addresses and (pod.node == self._place.node) is not remote
        ]


def _filled(family: int, ranges: tuple[Range, ...], gaps: tuple[Range, ...]) -> tuple[Range, ...]:
    """The ranges with the gaps that they surround, where that takes fewer networks."""
    filled = tuple(span for span in merge([*ranges, *gaps]) if any(span[0] <= first <= span[1] for first, _ in ranges))
    return filled if len(networks(family, filled)) < len(networks(family, ranges)) else ranges


def _service(box: Box, family: int) -> list[str]:
    """Protocol, ports and whatever else the box narrows."""
    parts = [_protocols(box)]
    if tuple(box.source_ports) != WHOLE_PORTS:
        parts.append(f"source port {ports_text(box.source_ports)}")
    if tuple(box.icmp) != WHOLE_PORTS:
        parts.append(f"icmp {', '.join(icmp_text(*span) for span in box.icmp)}")
    if box.tcp_flags is not None:
        parts.append(f"flags {' or '.join(flags_text(flags) for flags in box.tcp_flags)}")
    if box.ct_status is not None:
        parts.append(f"connection {' or '.join(translation_text(status) for status in box.ct_status)}")
    if box.through:
        parts.append(f"sent to {' or '.join(endpoint_text(family, each) for each in box.through)}")
    if box.states != (ConnState.NEW,):
        parts.append(" ".join(state.name for state in box.states))
    if box.in_interfaces:
        parts.append(f"in {' or '.join(box.in_interfaces)}")
    if box.out_interfaces:
        parts.append(f"out {' or '.join(box.out_interfaces)}")
    return parts


def endpoint_text(family: int, endpoint: Endpoint) -> str:
    """Addresses and ports as a sender writes them: "10.96.0.10 udp 53"."""
    ports = ports_text(endpoint.ports)
    service = _named_protocols(endpoint.protocols) + (f" {ports}" if ports else "")
    return f"{networks_text(family, endpoint.addresses)} {service}"


def _protocols(box: Box) -> str:
    ports = ports_text(box.destination_ports)
    if box.protocols is None:
        return f"any protocol{f', port {ports}' if ports else ''}"
    if len(box.protocols) > LISTED:
        named = f"every protocol except {_named_protocols(set(range(256)) - set(box.protocols))}"
        few = len(box.protocols) > 256 - 2 * LISTED
        return f"{named if few else f'{len(box.protocols)} protocols'}{f', port {ports}' if ports else ''}"
    return _named_protocols(box.protocols) + (f" {ports}" if ports else "")


def _named_protocols(numbers: Iterable[int]) -> str:
    return "/".join(protocol_word(number) for number in sorted(numbers))


def icmp_text(first: int, last: int) -> str:
    """A range of type * 256 + code: "type 8", "type 3 code 4", or from one to the other."""
    if first == last:
        return f"type {first >> 8} code {first & 255}"
    if first >> 8 == last >> 8 and first & 255 == 0 and last & 255 == 255:
        return f"type {first >> 8}"
    return f"type {first >> 8} code {first & 255} to type {last >> 8} code {last & 255}"


def flags_text(flags: int) -> str:
    """TCP flags by name, "none" where none is set."""
    names = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
    return ",".join(name for bit, name in enumerate(names) if flags >> bit & 1) or "none"


def translation_text(status: int) -> str:
    """Which ends of a connection are translated (a CtStatus)."""
    ends = [end for bit, end in ((CtStatus.SNAT, "source"), (CtStatus.DNAT, "destination")) if status & bit]
    return f"with translated {' and '.join(ends)}" if ends else "not translated"


def ports_text(ranges: tuple[Range, ...]) -> str:
    """Ports as a list, or as all but a few where that is shorter; "" for all of them."""
    missing = subtract(WHOLE_PORTS, ranges)
    if not missing:
        return ""
    return f"except {ranges_text(missing)}" if len(missing) < len(ranges) else ranges_text(ranges)


def labels_text(pod: Pod, namespaces: Mapping[str, Namespace] | None = None) -> str:
    """A pod's labels, and its namespace's beyond the name, for a parenthesis."""
    own = ", ".join(f"{key}={value}" for key, value in sorted(pod.labels.items())) or "no labels"
    namespace = (namespaces or {}).get(pod.namespace)
    beyond = (
        sorted((key, value) for key, value in namespace.labels.items() if key != NAMESPACE_NAME) if namespace else []
    )
    return own + (f"; namespace {', '.join(f'{key}={value}' for key, value in beyond)}" if beyond else "")
