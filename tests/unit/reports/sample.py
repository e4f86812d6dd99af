"""A small cluster with one leak in it, built by hand."""

from __future__ import annotations

from dataclasses import replace

from verifier.model.cluster import Cluster, Namespace, Pod
from verifier.model.effect import Call, Finish, Verdict
from verifier.model.fields import NAMESPACE_NAME, TCP, ConnState, End, Field, Label, Scope
from verifier.model.finding import (
    Answer,
    Box,
    Finding,
    Kind,
    NodeReport,
    Premise,
    Question,
    VerifyReport,
    Witness,
)
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Action, Direction, Policy, PolicyRule
from verifier.model.predicate import TRUE, All, InRange, LabelIn, equals
from verifier.model.ruleset import Rule
from verifier.model.snapshot import InputFile
from verifier.model.trace import ChainTrace, PolicyTrace, Step

WHOLE = ((0, 65535),)
REMOTE = ((1, (127 << 24) - 1), (128 << 24, (224 << 24) - 1), (240 << 24, (1 << 32) - 2))
NODE_ADDRESS = 0xC0A80001


def address(number: int) -> int:
    """10.244.1.0 plus `number`."""
    return 0x0AF40100 + number


def pod(namespace: str, name: str, number: int, node: str = "node-a", **labels: str) -> Pod:
    return Pod(
        namespace, name, labels, {4: address(number)}, node, False, "Running", (), Origin("cluster/pods.yaml", number)
    )


def namespace(name: str, **labels: str) -> Namespace:
    return Namespace(name, {NAMESPACE_NAME: name, **labels}, Origin("cluster/namespaces.yaml", 1))


PODS = (
    pod("shop", "api-0", 1, app="api", tier="back"),
    pod("shop", "api-1", 2, app="api", tier="back"),
    pod("shop", "web-0", 3, app="web", tier="front"),
    pod("dev", "probe", 4, app="probe"),
    pod("shop", "web-1", 260, node="node-b", app="web", tier="front"),
    pod("dev", "other", 261, node="node-b", app="other"),
)
CLUSTER = Cluster(namespaces={"shop": namespace("shop", team="sales"), "dev": namespace("dev")}, pods=PODS)

INGRESS_RULE = PolicyRule(
    Direction.INGRESS,
    LabelIn(Label(End.SOURCE, Scope.POD, "app"), frozenset({"web"})),
    All((equals(Field.PROTOCOL, TCP), InRange(Field.DESTINATION_PORT, ((8080, 8080),)))),
    Action.ALLOW,
    Origin("cluster/policies.yaml", 14),
    "ingress[0]",
)
POLICY = Policy(
    "NetworkPolicy",
    "shop/api",
    {Direction.INGRESS: LabelIn(Label(End.DESTINATION, Scope.POD, "app"), frozenset({"api"}))},
    (INGRESS_RULE,),
    Origin("cluster/policies.yaml", 3),
)
JUMP = Rule(TRUE, Call("POD-FW-1"), Origin("nodes/node-a/iptables-save", 9), "-A FORWARD -j POD-FW-1")
ACCEPT = Rule(
    equals(Field.PROTOCOL, TCP),
    Finish(Verdict.ACCEPT),
    Origin("nodes/node-a/iptables-save", 12),
    "-A POD-FW-1 -p tcp -j ACCEPT",
)
PACKET = Packet(4, address(261), address(1), TCP, 32768, 22, in_interface="eth0", out_interface="cali1")
TRACE = ChainTrace(
    Verdict.ACCEPT,
    (Step("filter", "FORWARD", 1, JUMP, 0, 0), Step("filter", "POD-FW-1", 3, ACCEPT, 0, 0x10000)),
    0x10000,
)
DENIED = PolicyTrace(False, (POLICY,), None, None)
WITNESS = Witness(PACKET, TRACE, DENIED, None)
BOX = Box(REMOTE, ((address(1), address(2)),), (TCP,), WHOLE, ((0, 8079), (8081, 65535)), WHOLE, (ConnState.NEW,))
CAUSE = "the rules accept what shop/api denies: no rule of the chain tests the source"

LEAK = Finding(
    "leak-1a2b3c", Kind.LEAK, Path.REMOTE_TO_POD, 4, (BOX,), WITNESS, ("shop/api-0", "shop/api-1"),
    ((POLICY, None),), (ACCEPT,), CAUSE,
)  # fmt: skip


def questions(answer: Answer, *reasons: str) -> tuple[Question, ...]:
    return tuple(
        Question(each.full_name, path, 4, answer, reasons) for each in PODS if each.node == "node-a" for path in Path
    )


def node_report(answer: Answer, *findings: Finding, **changes: object) -> NodeReport:
    report = NodeReport(
        "node-a", "calico", answer, questions(answer), findings,
        chains=(("POD-FW-1", "ingress of shop/api-0"),), addresses=((4, NODE_ADDRESS),),
    )  # fmt: skip
    return replace(report, **changes)  # type: ignore[arg-type]


def verify_report(*nodes: NodeReport, notes: tuple[str, ...] = ()) -> VerifyReport:
    answers = {node.answer for node in nodes}
    answer = next(each for each in (Answer.REFUTED, Answer.UNDECIDED, Answer.PROVED) if each in answers)
    return VerifyReport(answer, (InputFile("cluster/pods.yaml", "0" * 64),), nodes, notes, CLUSTER)


def refuted(*findings: Finding) -> VerifyReport:
    return verify_report(
        node_report(
            Answer.REFUTED,
            *(findings or (LEAK,)),
            notes=("nodes/node-a/routes.json is missing: interfaces follow the compiler's naming",),
            deviations=(
                Premise("endpoint-to-host", "connections to the node are dropped", "Calico, FelixConfiguration"),
            ),
            assumptions=(Premise("other-protocols", "protocols other than TCP, UDP and SCTP", "Kubernetes", "any"),),
            statistics=(("rules", 12),),
        )
    )
