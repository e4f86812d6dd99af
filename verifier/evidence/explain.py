"""One packet walked through the policies and through the rules, and who is right.

Spec: specs/answers.md
"""

from __future__ import annotations

from collections.abc import Mapping

from verifier.model.assumption import Setting
from verifier.model.effect import Verdict
from verifier.model.explanation import Comparison, Explanation, Party
from verifier.model.finding import Kind
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.profile import Profile
from verifier.model.snapshot import Snapshot
from verifier.model.trace import ChainTrace, Expectation
from verifier.reference.chains import walk
from verifier.reference.specification import excused, expectation
from verifier.reference.view import View, view_of

KINDS = {Comparison.LEAK: Kind.LEAK, Comparison.BLOCKED: Kind.BLOCKED}
OUTCOMES = {Verdict.ACCEPT: "accepted", Verdict.DROP: "dropped"}


def explain(
    packet: Packet,
    path: Path,
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    *,
    settings: Mapping[str, Setting],
) -> Explanation:
    """The packet's story on a path of this node."""
    view = view_of(node, snapshot.cluster, profile.bridge(node))
    trace = walk(packet, path, node, view)
    expected = expectation(packet, path, view, settings)
    comparison = _compared(trace, expected)
    deviations: tuple[str, ...] = ()
    if comparison in KINDS:
        deviations = excused(packet, path, KINDS[comparison], profile.deviations(node), view)
        comparison = Comparison.EXCUSED if deviations else comparison
    return Explanation(
        node=node.name,
        path=path,
        packet=packet,
        source=_party(packet.family, packet.source, view),
        destination=_party(packet.family, packet.destination, view),
        chains=trace,
        expectation=expected,
        comparison=comparison,
        sentence=_sentence(comparison, trace, expected, deviations),
        deviations=deviations,
    )


def _party(family: int, address: int, view: View) -> Party:
    pod = view.pods.get((family, address))
    if pod is not None:
        return Party(address, pod, view.cluster.namespaces.get(pod.namespace), pod.full_name)
    for node in view.cluster.nodes.values():
        if (family, address) in node.addresses:
            return Party(address, None, None, f"node {node.name}")
    service = next((each for each in view.cluster.services if (family, address) in each.addresses), None)
    return Party(address, None, None, f"remote, service {service.namespace}/{service.name}" if service else "remote")


def _compared(trace: ChainTrace, expected: Expectation) -> Comparison:
    """How the two sides stand to each other before any deviation is heard."""
    if any(judged is not None and judged.reasons for judged in (expected.ingress, expected.egress)):
        return Comparison.UNDECIDED
    if expected.must is None:
        return Comparison.UNSPECIFIED
    if trace.verdict is None:
        return Comparison.UNDECIDED
    if trace.verdict is expected.must:
        return Comparison.AGREE
    return Comparison.LEAK if trace.verdict is Verdict.ACCEPT else Comparison.BLOCKED


def _sentence(comparison: Comparison, trace: ChainTrace, expected: Expectation, deviations: tuple[str, ...]) -> str:
    outcome = OUTCOMES[trace.verdict] if trace.verdict else "treated in a way that is not known"
    asked = OUTCOMES[expected.must] if expected.must else ""
    match comparison:
        case Comparison.AGREE:
            return f"the packet is {outcome}, as it must be ({expected.because})"
        case Comparison.LEAK | Comparison.BLOCKED:
            return f"the packet is {outcome} and must be {asked} ({expected.because}): the rules are wrong"
        case Comparison.EXCUSED:
            return f"the packet is {outcome} and should be {asked}, which {', '.join(deviations)} documents"
        case Comparison.UNSPECIFIED:
            return f"the packet is {outcome}, and nothing is asked ({expected.because}): nobody is wrong"
        case Comparison.UNDECIDED:
            reasons = "; ".join(trace.reasons) or expected.because
            return f"not decided: {reasons}"
