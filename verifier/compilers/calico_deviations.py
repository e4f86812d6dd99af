"""Where Calico documents that it differs from NetworkPolicy, as far as a dump shows that it does.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.compilers.hooks import chains_under, conjuncts, rules_of
from verifier.model.addresses import networks
from verifier.model.effect import Finish, Return, Untrack, Verdict
from verifier.model.fields import ADDRESS_BITS, IPIP, UDP, ConnState, Field
from verifier.model.finding import Kind, Premise
from verifier.model.node import NodeState
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.predicate import TRUE, InRange, Member, Predicate, Range, all_of, equals, negate
from verifier.model.profile import Deviation
from verifier.model.ruleset import Rule, Ruleset

FROM_PODS = frozenset({Path.POD_TO_REMOTE, Path.POD_TO_POD, Path.POD_TO_NODE})
VXLAN_PORT = 4789
VXLAN_NODES = "all-vxlan-net"
"""How the set of the other nodes' VXLAN addresses is called, after its family."""
CONFIGURED_ACTION = "Configured DefaultEndpointToHostAction"
SMALLEST_PREFIX = {4: 8, 6: 64}
"""No cluster gives services a larger range; a wider rule in cali-cidr-block is not Calico's."""

VXLAN = Premise(
    "vxlan-from-pods",
    "VXLAN packets (UDP to the VXLAN port) from pods are dropped whatever the policies say",
    "Calico, FelixConfiguration: allowVXLANPacketsFromWorkloads, vxlanPort",
)
IP_IN_IP = Premise(
    "ipip-from-pods",
    "IP-in-IP packets (protocol 4) from pods are dropped whatever the policies say",
    "Calico, FelixConfiguration: allowIPIPPacketsFromWorkloads",
)
OWN_NODE = Premise(
    "own-node-egress",
    "a pod's connections to its own node are subject to its egress policies",
    "Calico, FelixConfiguration: defaultEndpointToHostAction applies after the pod's egress policies",
)
OWN_NODE_DROPPED = Premise(
    "endpoint-to-host",
    "connections from pods to their own node are dropped by the configured action",
    "Calico, FelixConfiguration: defaultEndpointToHostAction",
)
SERVICE_LOOPS = Premise(
    "service-loop-prevention",
    "packets from pods to addresses of services that nothing translated are dropped",
    "Calico, FelixConfiguration: serviceLoopPrevention",
)
NOT_TRACKED = Premise(
    "vxlan-not-tracked",
    "packets to the VXLAN port are not tracked, so that each counts as the first of a connection",
    "Calico v3.29 and later, felix/rules/static.go: VXLAN packets are kept out of connection tracking",
)
DOCUMENTED = (VXLAN, IP_IN_IP, OWN_NODE, OWN_NODE_DROPPED, SERVICE_LOOPS, NOT_TRACKED)

BEGINNING: Predicate = negate(InRange(Field.STATE, ((ConnState.ESTABLISHED, ConnState.RELATED),)))
"""Felix accepts established and related packets before any rule that a deviation speaks of."""


def deviations(node: NodeState) -> tuple[Deviation, ...]:
    """The documented differences that this dump's rules show (CAL-10 to CAL-14)."""
    return (
        *_encapsulation(node),
        *_tunnel_ends(node),
        *_not_tracked(node),
        *_own_node(node),
        *_service_loops(node),
    )


def _encapsulation(node: NodeState) -> Iterator[Deviation]:
    drops = [rule for chain in chains_under(node, "cali-fw-") for rule in chain.rules if _drops(rule)]
    trusted = {VXLAN_PORT, *(port for rule in rules_of(node, "cali-INPUT") for port in _udp_ports(rule))}
    for port in sorted({port for rule in drops for port in _udp_ports(rule)} & trusted):
        yield Deviation(
            name=VXLAN.name,
            sentence=f"VXLAN packets (UDP port {port}) from pods are dropped whatever the policies say",
            source=VXLAN.source,
            kind=Kind.BLOCKED,
            paths=FROM_PODS,
            where=all_of(equals(Field.PROTOCOL, UDP), equals(Field.DESTINATION_PORT, port), BEGINNING),
        )
    if any(_matched(rule) == [equals(Field.PROTOCOL, IPIP)] for rule in drops):
        yield Deviation(
            name=IP_IN_IP.name,
            sentence=IP_IN_IP.sentence,
            source=IP_IN_IP.source,
            kind=Kind.BLOCKED,
            paths=FROM_PODS,
            where=all_of(equals(Field.PROTOCOL, IPIP), BEGINNING),
        )


def _tunnel_ends(node: NodeState) -> Iterator[Deviation]:
    """cali-INPUT drops, in every state, what reaches this end of a tunnel from anything but another node."""
    for port in sorted(_tunnel_ports(node)):
        yield Deviation(
            name=VXLAN.name,
            sentence=f"VXLAN packets (UDP port {port}) to the node are dropped unless another node sends them",
            source=VXLAN.source,
            kind=Kind.BLOCKED,
            paths=frozenset({Path.POD_TO_NODE}),
            where=all_of(equals(Field.PROTOCOL, UDP), equals(Field.DESTINATION_PORT, port)),
        )
    if any(_drops(rule) and equals(Field.PROTOCOL, IPIP) in _matched(rule) for rule in rules_of(node, "cali-INPUT")):
        yield Deviation(
            name=IP_IN_IP.name,
            sentence="IP-in-IP packets (protocol 4) to the node are dropped unless another node sends them",
            source=IP_IN_IP.source,
            kind=Kind.BLOCKED,
            paths=frozenset({Path.POD_TO_NODE}),
            where=equals(Field.PROTOCOL, IPIP),
        )


def _not_tracked(node: NodeState) -> Iterator[Deviation]:
    trusted = {VXLAN_PORT, *_tunnel_ports(node)}
    untracking = [rule for rule in rules_of(node, "cali-PREROUTING", table="raw") if isinstance(rule.effect, Untrack)]
    for port in sorted(
        {port for rule in untracking if len(_matched(rule)) == 2 for port in _udp_ports(rule)} & trusted
    ):
        yield Deviation(
            name=NOT_TRACKED.name,
            sentence=f"packets to the VXLAN port (UDP port {port}) are not tracked, so that each counts as the first of a connection",
            source=NOT_TRACKED.source,
            kind=Kind.BLOCKED,
            paths=FROM_PODS | {Path.REMOTE_TO_POD},
            where=all_of(equals(Field.PROTOCOL, UDP), equals(Field.DESTINATION_PORT, port), negate(BEGINNING)),
        )


def _tunnel_ports(node: NodeState) -> set[int]:
    """The UDP ports that cali-INPUT accepts from the other nodes' VXLAN addresses and then drops."""
    accepted: set[int] = set()
    dropped: set[int] = set()
    for rule in rules_of(node, "cali-INPUT"):
        from_nodes = any(isinstance(part, Member) and part.name.endswith(VXLAN_NODES) for part in _matched(rule))
        if from_nodes and isinstance(rule.effect, Finish) and rule.effect.verdict is Verdict.ACCEPT:
            accepted |= set(_udp_ports(rule))
        elif _drops(rule):
            dropped |= set(_udp_ports(rule))
    return accepted & dropped


def _own_node(node: NodeState) -> Iterator[Deviation]:
    families = [ruleset for ruleset in node.rulesets.values() if ("filter", "cali-wl-to-host") in ruleset.chains]
    if not families:
        return
    # One setting governs both families: where they differ, at least one of them is not what was configured.
    if all(_drops_at_own_node(ruleset) for ruleset in families):
        yield Deviation(
            name=OWN_NODE_DROPPED.name,
            sentence=OWN_NODE_DROPPED.sentence,
            source=OWN_NODE_DROPPED.source,
            kind=Kind.BLOCKED,
            paths=frozenset({Path.POD_TO_NODE}),
            where=BEGINNING,
        )
        return
    yield Deviation(
        name=OWN_NODE.name,
        sentence=OWN_NODE.sentence,
        source=OWN_NODE.source,
        kind=Kind.BLOCKED,
        paths=frozenset({Path.POD_TO_NODE}),
        where=BEGINNING,
        denied_by=Direction.EGRESS,
    )


def _drops_at_own_node(ruleset: Ruleset) -> bool:
    """Whether the configured action drops, or returns to an INPUT chain that drops what it has no rule for."""
    chain = ruleset.chains["filter", "cali-wl-to-host"]
    configured = [rule for rule in chain.rules if CONFIGURED_ACTION in rule.comments and rule.match == TRUE]
    if not configured:
        return False
    if isinstance(configured[-1].effect, Return):
        top = ruleset.chains.get(("filter", "INPUT"))
        return top is not None and (
            top.policy is Verdict.DROP or any(rule.match == TRUE and _drops(rule) for rule in top.rules)
        )
    return _drops(configured[-1])


def _service_loops(node: NodeState) -> Iterator[Deviation]:
    for family, ruleset in node.rulesets.items():
        chain = ruleset.chains.get(("filter", "cali-cidr-block"))
        for rule in chain.rules if chain else ():
            span = _destination(rule)
            if span is None or not _drops(rule) or not _may_be_services(node, family, span):
                continue
            (network,) = networks(family, (span,))
            yield Deviation(
                name=SERVICE_LOOPS.name,
                sentence=f"packets from pods to addresses of services in {network} that nothing translated are dropped",
                source=SERVICE_LOOPS.source,
                kind=Kind.BLOCKED,
                paths=frozenset({Path.POD_TO_REMOTE}),
                where=all_of(InRange(Field.DESTINATION, (span,)), BEGINNING),
            )


def _destination(rule: Rule) -> Range | None:
    """The one network that is all the rule asks for."""
    matched = _matched(rule)
    if len(matched) == 1 and isinstance(matched[0], InRange) and matched[0].field is Field.DESTINATION:
        ranges = matched[0].ranges
        return ranges[0] if len(ranges) == 1 else None
    return None


def _may_be_services(node: NodeState, family: int, span: Range) -> bool:
    """Whether a network can be a range of services: neither huge, nor where a route of the node leads."""
    bits = ADDRESS_BITS[family]
    routes = [route for route in node.routes or () if route.family == family]
    if span[1] - span[0] >= 1 << bits - SMALLEST_PREFIX[family] or not routes:
        return False
    everything = (0, (1 << bits) - 1)
    return not any(
        route.first <= span[1] and span[0] <= route.last
        for route in routes
        if route.interface and (route.first, route.last) != everything
    )


def _drops(rule: Rule) -> bool:
    return isinstance(rule.effect, Finish) and rule.effect.verdict is Verdict.DROP


def _matched(rule: Rule) -> list[Predicate]:
    """What the rule asks for, each once."""
    return list(dict.fromkeys(conjuncts(rule.match)))


def _udp_ports(rule: Rule) -> Iterator[int]:
    """The UDP destination port of a rule that names exactly one, whatever else it asks for (a `u32` test, a set)."""
    matched = _matched(rule)
    ports = [part for part in matched if isinstance(part, InRange) and part.field is Field.DESTINATION_PORT]
    if equals(Field.PROTOCOL, UDP) in matched and len(ports) == 1 and len(ports[0].ranges) == 1:
        first, last = ports[0].ranges[0]
        if first == last:
            yield first
