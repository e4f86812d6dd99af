"""Answers, findings, and the regions of packets that they speak of.

Spec: specs/answers.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from verifier.model.cluster import Cluster
from verifier.model.fields import ConnState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.predicate import Range
from verifier.model.replay import Outcome, Replay, worst
from verifier.model.ruleset import Rule
from verifier.model.snapshot import InputFile
from verifier.model.trace import ChainTrace, PolicyTrace
from verifier.model.trace import Step as TraceStep


class Answer(Enum):
    """What a question gets."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


class Kind(Enum):
    """What is wrong: denied by policy but accepted (a breach), or allowed by policy but not accepted (an outage)."""

    LEAK = "leak"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Addresses and ports that a sender wrote: a product of address ranges, protocols and port ranges."""

    addresses: tuple[Range, ...]
    protocols: tuple[int, ...]
    ports: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A product of field values; every packet in it differs.

    Addresses are sorted, disjoint inclusive ranges. `protocols` are the protocol numbers, None for all 256. Ports,
    icmp and flags are inclusive ranges, whole where the field does not matter or does not exist. `states` in order of
    ConnState. Interfaces are () where the interface does not matter; `tcp_flags` and
    `ct_status` (a CtStatus) None where they do not. `through` are the addresses to which the packets were sent before
    the node gave them this destination, () where it did not.
    """

    source: tuple[Range, ...]
    destination: tuple[Range, ...]
    protocols: tuple[int, ...] | None
    source_ports: tuple[Range, ...]
    destination_ports: tuple[Range, ...]
    icmp: tuple[Range, ...]
    states: tuple[ConnState, ...]
    tcp_flags: tuple[int, ...] | None = None
    in_interfaces: tuple[str, ...] = ()
    out_interfaces: tuple[str, ...] = ()
    ct_status: tuple[int, ...] | None = None
    through: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A region on which a node and its policies differ, as the engine found it, with its simplest packet.

    `excused` is not part of it: packets that an assumption or a deviation leaves unspecified are in no difference.
    `anywhere` are some of the pods that can be anywhere among its other ends, by the handle of each, with the addresses at
    which it is one.
    """

    kind: Kind
    path: Path
    family: int
    pods: tuple[str, ...]
    region: tuple[Box, ...]
    packet: Packet
    anywhere: tuple[tuple[int, tuple[Range, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Witness:
    """The simplest packet of a finding with both sides' stories."""

    packet: Packet
    chains: ChainTrace
    ingress: PolicyTrace | None
    egress: PolicyTrace | None


class Reason(Enum):
    """What has to be repaired so that packets of a finding are treated as they must be (specs/questions/cause.md)."""

    CHAINS = "chain-logic"
    SETS = "set-content"
    FOREIGN = "foreign-rules"
    POLICY = "policy-changed"
    OPEN = "not-decided"


@dataclass(frozen=True, slots=True)
class SetFault:
    """A set that does not hold what it stands for: members that are missing and surplus, named as people know them.

    `quirk` says why the compiler itself fills it so, "" where it does not.
    """

    name: str
    meaning: str
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    quirk: str = ""


@dataclass(frozen=True, slots=True)
class CausePart:
    """Packets of a finding that have the same reasons.

    Of several `reasons` all have to be repaired, or with `either` any one of them. `sets` are the sets to blame,
    `rules` the rules of others that decide, `because` what shows that a policy changed, or why nothing is decided;
    `sentence` says it all.
    """

    reasons: tuple[Reason, ...]
    region: tuple[Box, ...]
    either: bool = False
    sets: tuple[SetFault, ...] = ()
    rules: tuple[Rule, ...] = ()
    because: tuple[str, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class RootCause:
    """Why the packets of a finding go wrong: parts that together are its region, the largest first."""

    sentence: str
    parts: tuple[CausePart, ...]


class Step(Enum):
    """One of the steps from policies to what a node does, where a compiler first makes policies of its own of them."""

    CONVERSION = "policies to conversions"
    RULES = "conversions to rules"
    SETS = "sets to inventory"


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """What is known of one step, in one word and in one sentence."""

    step: Step
    answer: Answer
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Packets on which a node and its policies differ, all for one cause.

    `policies` are the policy rules that decide (or the policies whose isolation does), `rules` the chain rules that
    decide. `pods` are the local pods concerned ("namespace/name"). `cause` is one sentence. `places` say where those of
    `rules` stand that the witness did not meet, `missed` which of `rules` should have matched it and did not. `root`
    is what to repair, None where nobody asked, `replays` what the kernel makes of the witness, () likewise. `step` is the
    one that is to blame, None where there is one step only.
    """

    id: str
    kind: Kind
    path: Path
    family: int
    region: tuple[Box, ...]
    witness: Witness
    pods: tuple[str, ...]
    policies: tuple[tuple[Policy, PolicyRule | None], ...]
    rules: tuple[Rule, ...]
    cause: str
    assumptions: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    places: tuple[TraceStep, ...] = ()
    missed: tuple[Rule, ...] = ()
    root: RootCause | None = None
    replays: tuple[Replay, ...] = ()
    step: Step | None = None

    @property
    def replayed(self) -> Outcome | None:
        """Whether the kernel confirms the finding, None where nobody asked it."""
        return worst(each.outcome for each in self.replays) if self.replays else None

    def place(self, rule: Rule) -> TraceStep | None:
        """Where one of `rules` stands."""
        return next((step for step in (*self.witness.chains.steps, *self.places) if step.rule is rule), None)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that was asked: a pod on a path in a family; `reasons` say why it is undecided."""

    pod: str
    path: Path
    family: int
    answer: Answer
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Premise:
    """Something that an answer rests on: an assumption with its setting, or a deviation that excused something."""

    name: str
    sentence: str
    source: str
    setting: str = ""


@dataclass(frozen=True, slots=True)
class ForAll:
    """What the answers about a node rest on that hold for every cluster (specs/questions/for_all.md).

    The rules were judged with `sets` bound to what they stand for and `kinds` of pods elsewhere, which `conditions` tell
    apart; `faults` are the sets that do not hold that today, `unexplained` those of which nobody knows what it is.
    `presumed` says of which pods there is none as long as the rules are what they are.
    """

    logic: Answer
    kinds: int
    conditions: int
    sets: int
    faults: tuple[SetFault, ...] = ()
    unexplained: tuple[str, ...] = ()
    presumed: tuple[str, ...] = ()

    @property
    def contents(self) -> Answer:
        """Whether all sets hold today what they stand for."""
        if self.faults:
            return Answer.REFUTED
        return Answer.UNDECIDED if self.unexplained else Answer.PROVED


@dataclass(frozen=True, slots=True)
class NodeReport:
    """All answers about one node.

    `chains` holds a phrase for each chain that a finding mentions and whose name the compiler's profile can explain;
    `addresses` the node's own (family, address); `enforcement` says who applies the policies, where that is not simply
    the rules. With `for_all` the questions were asked for every cluster, and the findings are of one that could be.
    """

    node: str
    compiler: str
    answer: Answer
    questions: tuple[Question, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    assumptions: tuple[Premise, ...] = ()
    deviations: tuple[Premise, ...] = ()
    statistics: tuple[tuple[str, int], ...] = ()
    chains: tuple[tuple[str, str], ...] = ()
    addresses: tuple[tuple[int, int], ...] = ()
    enforcement: str = ""
    for_all: ForAll | None = None

    @property
    def families(self) -> tuple[tuple[int, Answer], ...]:
        """The address families that were asked about, each with its answer (FAM-1)."""
        asked: dict[int, set[Answer]] = {}
        for question in self.questions:
            asked.setdefault(question.family, set()).add(question.answer)
        worst = (Answer.REFUTED, Answer.UNDECIDED, Answer.PROVED)
        return tuple((family, next(each for each in worst if each in asked[family])) for family in sorted(asked))


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Packets of a family of which two policies of one tier and order say different things, each by its first rule (AMB-1).

    `rules` are the two policies with these rules, in the order of their names. `packet` is the simplest of `region`.
    """

    id: str
    tier: str
    order: float | None
    direction: Direction
    family: int
    rules: tuple[tuple[Policy, PolicyRule], tuple[Policy, PolicyRule]]
    region: tuple[Box, ...]
    packet: Packet

    @property
    def path(self) -> Path | None:
        """None: the packets are of no path, as no node is asked about."""
        return None


@dataclass(frozen=True, slots=True, eq=False)
class VerifyReport:
    """The outcome of `chainproof verify`; `cluster` is what was read, for the names of addresses.

    `ambiguities` are findings about the policies, which no node can answer for. `steps` has the answer of every step, where
    the snapshot has conversions of its policies.
    """

    answer: Answer
    inputs: tuple[InputFile, ...]
    nodes: tuple[NodeReport, ...]
    notes: tuple[str, ...] = ()
    cluster: Cluster = field(default_factory=Cluster)
    ambiguities: tuple[Ambiguity, ...] = ()
    steps: tuple[StepAnswer, ...] = ()

    @property
    def replayed(self) -> Outcome | None:
        """Not confirmed where the kernel contradicts a finding, not replayed where it was asked and answered nothing.

        None where nobody asked, or there was nothing to ask about. A finding that alone could not be replayed is still
        a finding (REP-7).
        """
        found = {each.replayed for node in self.nodes for each in node.findings}
        asked = found - {None}
        if not asked:
            return None
        return next(
            (each for each in (Outcome.NOT_CONFIRMED, Outcome.CONFIRMED) if each in asked), Outcome.NOT_REPLAYED
        )
