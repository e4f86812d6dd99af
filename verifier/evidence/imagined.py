"""Differences of two sets of policies become findings: each packet walked by the reference among imaginary pods.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from verifier.model.addresses import address_text
from verifier.model.assumption import Setting
from verifier.model.cluster import Cluster, ContainerPort, Namespace, Pod, ServiceAccount
from verifier.model.disagreement import Disagreement
from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, Scope
from verifier.model.finding import Kind, Witness
from verifier.model.layer import (
    Imagined,
    LayerDifference,
    LayerFinding,
    LayerWitness,
    NamedPort,
    Outcome,
    Side,
)
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import Declared
from verifier.model.trace import PolicyTrace
from verifier.reference.policies import judge, perhaps, surely
from verifier.reference.view import view_of

NOWHERE = Origin("imagined")
RULED = {Action.ALLOW: Outcome.ALLOWED, Action.DENY: Outcome.DENIED}


def layer_findings(
    differences: Sequence[LayerDifference], sides: tuple[Side, Side], settings: Mapping[str, Setting]
) -> tuple[LayerFinding, ...]:
    """The findings, in the order of the differences; Disagreement where the reference does not see a difference."""
    return tuple(_identified(_finding(each, sides, settings) for each in differences))


def judged_otherwise(witness: Witness, node: NodeState, cluster: Cluster) -> bool:
    """Whether the policies of a cluster judge the packet of a finding otherwise than those by which it was found."""
    view = view_of(node, cluster)
    told = ((witness.ingress, Direction.INGRESS), (witness.egress, Direction.EGRESS))
    return any(
        trace is not None and judge(witness.packet, cluster, direction, view).allowed is not trace.allowed
        for trace, direction in told
    )


def _finding(difference: LayerDifference, sides: tuple[Side, Side], settings: Mapping[str, Setting]) -> LayerFinding:
    witness = _walked(difference, sides, settings)
    if not _confirmed(difference, witness):
        packet = witness.packet
        ends = " -> ".join(address_text(packet.family, each) for each in (packet.source, packet.destination))
        raise Disagreement(
            f"an imaginable packet {ends} that the engine calls {difference.kind.value} for {difference.direction.value} "
            "is treated alike by the reference"
        )
    left, right = _deciding(witness.policy), _deciding(witness.translation)
    return LayerFinding(
        "",
        difference.kind,
        difference.direction,
        difference.region,
        difference.complete,
        witness,
        left,
        right,
        _sentence(difference),
    )


def _walked(difference: LayerDifference, sides: tuple[Side, Side], settings: Mapping[str, Setting]) -> LayerWitness:
    """The packet with what each side says of it: of a leak the policies are read widely and the translation narrowly."""
    cluster, packet = _imaginary(difference)
    leak = difference.kind is Kind.LEAK
    traces = []
    for number, side in enumerate(sides):
        tiers = side.tiers if difference.pair is None else _alone(side, difference.pair[number])
        here = replace(cluster, tiers=tiers, network_sets=side.network_sets)
        counting = (perhaps if leak is (number == 0) else surely)(settings)
        view = view_of(NodeState("", {}), here)
        traces.append(judge(packet, here, difference.direction, view, counting))
    pods = {pod.name: pod for pod in cluster.pods}
    return LayerWitness(
        packet,
        pods.get("source"),
        pods.get("destination"),
        tuple(cluster.namespaces.values()),
        traces[0],
        traces[1],
        tuple(cluster.service_accounts.values()),
    )


def _alone(side: Side, policy: Policy) -> tuple[Tier, ...]:
    """The tier of a policy with no other in it, which denies what no rule matches: so that is told from what is passed on."""
    return tuple(
        replace(tier, policies=(policy,), unmatched=Action.DENY)
        for tier in side.tiers
        if any(each is policy for each in tier.policies)
    )


def _imaginary(difference: LayerDifference) -> tuple[Cluster, Packet]:
    """The cluster that has just the two ends of the packet."""
    imagined = difference.packet
    ends = {"source": imagined.source, "destination": imagined.destination}
    numbers = {"source": imagined.source_port, "destination": imagined.destination_port}
    pods = tuple(
        _pod(name, end, tuple(each for each in imagined.names if each.end.value == name), numbers[name])
        for name, end in ends.items()
        if end.labels is not None
    )
    namespaces: dict[str, Namespace] = {}
    accounts: dict[str, ServiceAccount] = {}
    for pod, end in zip(pods, (end for end in ends.values() if end.labels is not None), strict=True):
        labels = _labels(end, Scope.NAMESPACE)
        known = namespaces.setdefault(pod.namespace, Namespace(pod.namespace, labels, NOWHERE))
        own = _labels(end, Scope.SERVICE_ACCOUNT)
        made = ServiceAccount(pod.namespace, pod.service_account, own, NOWHERE)
        account = accounts.setdefault(made.full_name, made) if own else made
        if known.labels != labels or account.labels != own:
            raise Disagreement(f"the two ends of an imaginable packet see other labels of namespace {pod.namespace}")
    packet = Packet(
        imagined.source.family,
        imagined.source.address,
        imagined.destination.address,
        imagined.protocol,
        imagined.source_port,
        imagined.destination_port,
        imagined.icmp,
    )
    return Cluster(namespaces, pods, service_accounts=accounts), packet


def _pod(name: str, end: Imagined, names: tuple[NamedPort, ...], port: int) -> Pod:
    return Pod(
        _labels(end, Scope.NAMESPACE)[NAMESPACE_NAME],
        name,
        _labels(end, Scope.POD),
        {end.family: end.address},
        "",
        host_network=False,
        phase="Running",
        ports=tuple(_declared(names, port)),
        origin=NOWHERE,
        service_account=_labels(end, Scope.SERVICE_ACCOUNT).get(SERVICE_ACCOUNT_NAME, "default"),
        sidecar_ports=tuple(
            ContainerPort(each.name, each.protocol, port) for each in names if each.declared is Declared.SIDECAR
        ),
    )


def _labels(end: Imagined, wanted: Scope) -> dict[str, str]:
    return {key: value for (scope, key), value in (end.labels or {}).items() if scope is wanted}


def _declared(names: tuple[NamedPort, ...], port: int) -> Iterator[ContainerPort]:
    """The ports of regular containers; one that is not the first of its name comes after another number."""
    firsts = {(each.protocol, each.name) for each in names if each.declared is Declared.FIRST}
    for each in names:
        if each.declared is Declared.REGULAR:
            if (each.protocol, each.name) not in firsts:
                yield ContainerPort(each.name, each.protocol, port % 65535 + 1)
            yield ContainerPort(each.name, each.protocol, port)


def _confirmed(difference: LayerDifference, witness: LayerWitness) -> bool:
    """Whether the reference sees the same difference."""
    if witness.policy.reasons or witness.translation.reasons:
        return False
    if difference.pair is None:
        leak = difference.kind is Kind.LEAK
        return (witness.policy.allowed, witness.translation.allowed) == (not leak, leak)
    wanted = ((difference.policy, witness.policy), (difference.translation, witness.translation))
    return all(
        _outcome(trace) is outcome if outcome is not None else _outcome(trace) is not Outcome.OPEN
        for outcome, trace in wanted
    )


def _outcome(trace: PolicyTrace) -> Outcome:
    """What a policy made of a packet that was asked alone."""
    if not trace.selecting:
        return Outcome.OPEN
    if trace.deciding is not None:
        return RULED[trace.deciding.action]
    return Outcome.PASSED if trace.allowed else Outcome.ISOLATED


def _deciding(trace: PolicyTrace) -> tuple[tuple[Policy, PolicyRule | None], ...]:
    if trace.policy is not None:
        return ((trace.policy, trace.deciding),)
    return tuple((policy, None) for policy in (*trace.passing, *trace.selecting))


def _sentence(difference: LayerDifference) -> str:
    end = "destination" if difference.direction is Direction.INGRESS else "source"
    if difference.pair is None:
        leak = difference.kind is Kind.LEAK
        return f"the policies {'deny' if leak else 'allow'} it, their translations {'allow' if leak else 'deny'} it"
    if difference.translation is Outcome.OPEN:
        return f"the policy selects the {end}, its translation does not"
    if difference.policy is Outcome.OPEN:
        return f"the translation selects the {end}, the policy does not"
    assert difference.policy is not None
    assert difference.translation is not None
    return f"the policy {difference.policy.value}, its translation {difference.translation.value}"


def _identified(findings: Iterable[LayerFinding]) -> Iterator[LayerFinding]:
    """Findings with ids that do not change with line numbers or regions."""
    given: Counter[str] = Counter()
    for finding in findings:
        sides = [
            [(policy.name, rule.text if rule else "") for policy, rule in each]
            for each in (finding.policies, finding.translations)
        ]
        key = (finding.direction.value, finding.sentence, sides)
        name = f"{finding.kind.value}-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}"
        given[name] += 1
        yield replace(finding, id=name if given[name] == 1 else f"{name}-{given[name]}")
