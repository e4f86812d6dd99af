"""The space of packets of one node and family: its address line, its services, its sets and its inventory.

Spec: specs/universe.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from verifier.model.addresses import merge as merge_ranges
from verifier.model.addresses import subtract, whole
from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import End, Field, Label, Scope
from verifier.model.node import InterfaceAddress, NodeState
from verifier.model.predicate import PortNamed, Predicate, Range, TextTest
from verifier.semantics.boxes import Box3, merge
from verifier.semantics.cuts import SPECIAL, WIDTH, Cuts
from verifier.semantics.inhabited import Inhabited
from verifier.semantics.line import Line
from verifier.semantics.services import Services
from verifier.semantics.sets import SetMeanings
from verifier.semantics.things import networks_of

ROUTED = ("@anycast", "@blackhole", "@unreachable", "@prohibit")
"""Types of routes, which IPv4 looks for in the table of local addresses only and so never finds."""

LOOPBACK_BROADCAST = (0x7FFFFFFF, 0x7FFFFFFF)
"""The last address of the network of lo, which no node gives to itself."""

MAPPED = (0xFFFF << 32, (0xFFFF << 32) + 0xFFFFFFFF)
"""IPv4-mapped IPv6 addresses, which the kernel does not call unicast (PR-9)."""


class Inventory:
    """Which address has which labels: the one place where labels meet addresses.

    Masks are over the cells of the address line. An address that several live pods share is in `ambiguous`.
    """

    def __init__(self, family: int, line: Line, cluster: Cluster) -> None:
        self.pods: list[tuple[Pod, int]] = []
        self.all = 0
        self.ambiguous = 0
        self._pod_values: dict[str, dict[str, int]] = {}
        self._namespaces: dict[str, int] = {}
        self._accounts: dict[str, tuple[Pod, int]] = {}
        self._cluster = cluster
        self._family = family
        for pod in (*cluster.pods, *(each.pod for each in cluster.anywhere)):
            address = pod.addresses.get(family)
            if address is None or not pod.has_traffic:
                continue
            bit = line.mask(address, address)
            self.ambiguous |= self.all & bit
            self.all |= bit
            self.pods.append((pod, bit))
            self._namespaces[pod.namespace] = self._namespaces.get(pod.namespace, 0) | bit
            account = f"{pod.namespace}/{pod.service_account}"
            self._accounts[account] = pod, self._accounts.get(account, (pod, 0))[1] | bit
            for key, value in pod.labels.items():
                values = self._pod_values.setdefault(key, {})
                values[value] = values.get(value, 0) | bit

    def mask(self, label: Label, values: frozenset[str] | None) -> int:
        """The addresses of the pods whose label exists with one of the values (None: any)."""
        if values is not None and label.scope is Scope.POD:
            known = self._pod_values.get(label.key, {})
            return _union(known.get(value, 0) for value in values)
        return self._where(label, lambda value: values is None or value in values)

    def containing(self, label: Label, test: TextTest, text: str) -> int:
        """The addresses of the pods whose label exists and passes a test of its text."""
        return self._where(label, lambda value: test.holds(value, text))

    def networks(self, part: Predicate) -> list[Range]:
        """The networks of every network set that satisfies a selector by itself."""
        return list(networks_of(part, self._family, self._cluster))

    def _where(self, label: Label, passes: Callable[[str], bool]) -> int:
        if label.scope is Scope.POD:
            return _union(mask for value, mask in self._pod_values.get(label.key, {}).items() if passes(value))
        carriers: Iterable[tuple[Mapping[str, str], int]]
        if label.scope is Scope.NAMESPACE:
            carriers = ((self._cluster.namespace_labels(name), bit) for name, bit in self._namespaces.items())
        elif label.scope is Scope.SERVICE_ACCOUNT:
            carriers = ((self._cluster.account_labels(pod), bit) for pod, bit in self._accounts.values())
        else:
            return 0
        return _union(bit for labels, bit in carriers if label.key in labels and passes(labels[label.key]))

    def value(self, pod: Pod, label: Label) -> str | None:
        """The value that a pod has for a label, None where it is absent."""
        return self._cluster.label(pod, label)


class Space:
    """Lines, sets and inventory of a family, built from everything that can tell packets apart."""

    def __init__(self, family: int, cluster: Cluster, node: NodeState, predicates: Iterable[Predicate]) -> None:
        self.family = family
        cuts = Cuts(family)
        for predicate in predicates:
            cuts.visit(predicate)
        sets = node.sets
        cuts.visit_sets(sets or {})
        facts = node_facts(family, cluster, node)
        for ranges in facts.values():
            cuts.add_addresses(ranges)
        guests = [each.at[family] for each in cluster.anywhere if family in each.at]
        for pod in (*cluster.pods, *(each.pod for each in cluster.anywhere)):
            address = pod.addresses.get(family)
            if address is not None:
                cuts.add_addresses([(address, address)])
            for port in (*pod.ports, *pod.sidecar_ports):
                cuts.add_port(port.protocol, port.name, port.number)
        for each in cluster.network_sets:
            cuts.add_addresses(each.networks.get(family, ()))
        self.own = own_addresses(family, cluster, node)
        cuts.add_addresses((a, a) for a in self.own)
        self.labels = cuts.labels
        self.interfaces = cuts.interfaces
        self.states = cuts.states
        self.addresses = _line(family, cuts, guests)
        self.services = Services(cuts.services)
        self.everything: Box3 = (self.addresses.all, self.addresses.all, self.services.all)
        self.sets = SetMeanings(family, self.addresses, self.services, sets, facts)
        self.inventory = Inventory(family, self.addresses, cluster)
        self._named: dict[PortNamed, list[Box3]] = {}

    def address_mask(self, ranges: Iterable[Range]) -> int:
        """The cells of address ranges that the space was built with."""
        return _union(self.addresses.mask(lo, hi) for lo, hi in ranges)

    def named_port(self, test: PortNamed) -> list[Box3]:
        """Ends that declare a port of this name and protocol, with its numbers (NP-45, NP-48)."""
        found = self._named.get(test)
        if found is None:
            source, destination, _ = self.everything
            at_source = test.end is End.SOURCE
            field = Field.SOURCE_PORT if at_source else Field.DESTINATION_PORT
            proto = self.services.protocols([(test.protocol, test.protocol)])
            boxes: list[Box3] = []
            for pod, bit in self.inventory.pods:
                for number in pod.ports_named(test.name, test.protocol, test.declared):
                    mask = proto & self.services.within(field, ((number, number),))
                    boxes.append((bit, destination, mask) if at_source else (source, bit, mask))
            found = self._named[test] = merge(boxes)
        return found


def _line(family: int, cuts: Cuts, guests: Sequence[tuple[int, int]]) -> Line:
    """The line of addresses; with the pods that can be anywhere, where there are any (FA-2)."""
    top = (1 << WIDTH[family]) - 1
    if not guests:
        return Line(cuts.addresses, top)
    return Inhabited(cuts.addresses - {(handle, handle) for handle, _ in guests}, top, guests)


def own_addresses(family: int, cluster: Cluster, node: NodeState) -> tuple[int, ...]:
    """The node's own addresses that traffic can have: not loopback, not link-local. Sorted."""
    known = {a.address for a in node.addresses or () if a.family == family}
    if node.addresses is None and node.name in cluster.nodes:
        known = {address for fam, address in cluster.nodes[node.name].addresses if fam == family}
    excluded = [r for name in ("loopback", "link-local") for r in SPECIAL[family].get(name, ())]
    return tuple(sorted(a for a in known if not any(lo <= a <= hi for lo, hi in excluded)))


def node_facts(family: int, cluster: Cluster, node: NodeState) -> dict[str, tuple[Range, ...]]:
    """Address types as `-m addrtype` sees them, by the names that matches use ("@local", ...).

    Types that depend on routes other than to own addresses are left out, which makes them undecided.
    """
    special = SPECIAL[family]
    facts = _on_every_node(family)
    known = [a for a in node.addresses or () if a.family == family]
    own = {(a.address, a.address) for a in known}
    if node.addresses is None:
        if node.name not in cluster.nodes:
            return facts
        own |= {(a, a) for fam, a in cluster.nodes[node.name].addresses if fam == family}
    whole_line = whole(family)
    if family == 4:
        ends = [(0, 0), LOOPBACK_BROADCAST, (whole_line[0][1],) * 2, *(_broadcast(a) for a in known if a.prefix < 31)]
        facts["@broadcast"] = subtract(ends, own)
        facts["@local"] = subtract([*own, *special["loopback"]], facts["@broadcast"])
        facts["@unicast"] = subtract(whole_line, [*facts["@local"], *facts["@broadcast"], *special["multicast"]])
    else:
        facts["@local"] = merge_ranges([*own, *special["loopback"]])
        facts["@unicast"] = subtract(whole_line, [*special["multicast"], *special["unspecified"], MAPPED])
    return facts


def _on_every_node(family: int) -> dict[str, tuple[Range, ...]]:
    """Types that need no knowledge of a node: of the others IPv4 has none in the table that is asked (AT-1)."""
    facts = {
        "@multicast": SPECIAL[family]["multicast"],
        "@unspec": SPECIAL[family]["unspecified"] if family == 6 else (),
    }
    return facts | (dict.fromkeys(ROUTED, ()) if family == 4 else {})


def _broadcast(address: InterfaceAddress) -> Range:
    value = address.address | (1 << (32 - address.prefix)) - 1
    return (value, value)


def _union(masks: Iterable[int]) -> int:
    out = 0
    for mask in masks:
        out |= mask
    return out
