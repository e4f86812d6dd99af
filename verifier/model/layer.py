"""Two sets of policies for every cluster: imaginable packets, regions of them, and how the sets treat them.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from verifier.model.assumption import Setting, defaults
from verifier.model.cluster import Namespace, NetworkSet, Pod, ServiceAccount
from verifier.model.fields import End, Scope
from verifier.model.finding import Answer, Kind, Premise
from verifier.model.packet import Packet
from verifier.model.policy import Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import Declared, Range, TextTest
from verifier.model.snapshot import InputFile
from verifier.model.trace import PolicyTrace

RESERVED_LABELS = "reserved-labels"
"""The assumption that pods carry no labels of their own of the names that Calico keeps for what it adds (LAY-14)."""


class Outcome(Enum):
    """What one policy makes of a packet of an end that it protects, or that it does not protect the end."""

    OPEN = "does not select the pod"
    DENIED = "denies the packet by a rule"
    ISOLATED = "has no rule for the packet"
    PASSED = "passes the packet on"
    ALLOWED = "allows the packet"


@dataclass(frozen=True, slots=True)
class Asked:
    """A test of the text of a label's value."""

    test: TextTest
    text: str


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one label: whether it may be absent, which of the texts that some selector names it may have, and
    whether it may have any other; `excluded` are the named texts that it may not have.

    With `texts`, any other value has to turn out as one of them says: tests that it passes, and that it does not.
    """

    absent: bool
    named: tuple[str, ...]
    others: bool
    excluded: tuple[str, ...] = ()
    texts: tuple[tuple[tuple[Asked, bool], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class FreeEnd:
    """One end of imaginable packets, as far as it is narrowed.

    `labels` by scope and key, in order; that of the namespace's name is absent for an address that is no pod's.
    `addresses` are ranges by family, None for every address.
    """

    labels: tuple[tuple[Scope, str, Values], ...] = ()
    addresses: tuple[tuple[int, tuple[Range, ...]], ...] | None = None


@dataclass(frozen=True, slots=True)
class FreeService:
    """A product of protocols, destination ports, source ports and ICMP types; whole ranges where nothing narrows."""

    protocols: tuple[int, ...]
    destination_ports: tuple[Range, ...]
    source_ports: tuple[Range, ...]
    icmp: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class NamedPort:
    """Whether an end of the packet calls its port so: the destination that to which it is sent."""

    end: End
    protocol: int
    name: str
    declared: Declared
    holds: bool


@dataclass(frozen=True, slots=True)
class FreeBox:
    """A product of field values of imaginable packets; `services` is None for everything."""

    source: FreeEnd = FreeEnd()
    destination: FreeEnd = FreeEnd()
    services: tuple[FreeService, ...] | None = None
    names: tuple[NamedPort, ...] = ()


@dataclass(frozen=True, slots=True)
class Imagined:
    """One end of an imaginable packet: its address, and its labels by scope and key, None where it is no pod."""

    family: int
    address: int
    labels: Mapping[tuple[Scope, str], str] | None


@dataclass(frozen=True, slots=True)
class ImaginedPacket:
    """An imaginable packet. `names` are the names that its ends give their ports."""

    source: Imagined
    destination: Imagined
    protocol: int
    destination_port: int
    source_port: int
    icmp: int
    names: tuple[NamedPort, ...]


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """Packets that two sides treat differently, as the engine found them, with the simplest of them.

    Without a `pair` the sides are all the policies of each; with one they are these two policies alone, whose outcomes
    are `policy` and `translation`, None for any but open.
    """

    kind: Kind
    direction: Direction
    region: tuple[FreeBox, ...]
    packet: ImaginedPacket
    complete: bool = True
    pair: tuple[Policy, Policy] | None = None
    policy: Outcome | None = None
    translation: Outcome | None = None


@dataclass(frozen=True, slots=True)
class LayerWitness:
    """A packet between imaginary pods, with what each side says of it; the pods are in these namespaces.

    Their service accounts are named where some selector asks for them.
    """

    packet: Packet
    source: Pod | None
    destination: Pod | None
    namespaces: tuple[Namespace, ...]
    policy: PolicyTrace
    translation: PolicyTrace
    accounts: tuple[ServiceAccount, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerFinding:
    """A difference that the reference confirmed.

    `policies` and `translations` are the rules of each side that decide the witness, or without a rule the policies that
    select its end. A leak is what the translation lets pass and the policies do not, blocked the converse.
    """

    id: str
    kind: Kind
    direction: Direction
    region: tuple[FreeBox, ...]
    complete: bool
    witness: LayerWitness
    policies: tuple[tuple[Policy, PolicyRule | None], ...]
    translations: tuple[tuple[Policy, PolicyRule | None], ...]
    sentence: str


class Change(Enum):
    """What becomes of a part of a translation that is to mean what its policy does."""

    KEEP = "keep"
    REMOVE = "remove"
    ADD = "add"
    SELECT = "select"
    RELEASE = "do not select"


@dataclass(frozen=True, slots=True)
class Edit:
    """One part of a translation: a rule of it that may stay or has to go, or one of the policy that it lacks.

    To add is what one peer of a rule of the policy allows; to select is for the translation to select what the policy
    does in this direction, and to release that it selects nobody there.
    """

    change: Change
    direction: Direction
    policy: Policy
    rule: PolicyRule | None


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What the engine says of one policy and its translation; `edits` would make them agree."""

    policy: Policy
    translation: Policy
    answer: Answer
    differences: tuple[LayerDifference, ...] = ()
    reasons: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """What the engine says of two sets of policies.

    `missing` are the policies that nothing translates, `surplus` the translations of nothing. `together` answers about all
    policies of each side at once; `differences` are those of its that no pair explains. `assumptions` are those on which
    something rests.
    """

    answer: Answer
    together: Answer
    pairs: tuple[PairVerdict, ...]
    differences: tuple[LayerDifference, ...]
    missing: tuple[Policy, ...] = ()
    surplus: tuple[Policy, ...] = ()
    reasons: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    statistics: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One set of policies: how the report calls it, its tiers, and the labelled networks that its selectors may mean."""

    name: str
    tiers: tuple[Tier, ...]
    network_sets: tuple[NetworkSet, ...] = ()

    @property
    def policies(self) -> tuple[Policy, ...]:
        return tuple(policy for tier in self.tiers for policy in tier.policies)


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """On which terms two sets are compared; `timeout` is seconds for the whole run, None for no limit."""

    settings: Mapping[str, Setting] = field(default_factory=defaults)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class PairReport:
    """The answer about one policy and its translation; `edits` would make them agree."""

    policy: Policy
    translation: Policy
    answer: Answer
    findings: tuple[LayerFinding, ...] = ()
    reasons: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LayerReport:
    """The outcome of `chainproof verify --layer policies`; members as in LayerVerdict."""

    answer: Answer
    together: Answer
    inputs: tuple[InputFile, ...]
    sides: tuple[Side, Side]
    pairs: tuple[PairReport, ...]
    findings: tuple[LayerFinding, ...]
    missing: tuple[Policy, ...] = ()
    surplus: tuple[Policy, ...] = ()
    reasons: tuple[str, ...] = ()
    assumptions: tuple[Premise, ...] = ()
    notes: tuple[str, ...] = ()
    statistics: tuple[tuple[str, int], ...] = ()
