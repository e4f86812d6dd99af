"""What two listings of the same rules, taken before and after a test, say about the packets in between.

Spec: specs/questions/explain.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.finding import Answer, Box
from verifier.model.path import Path
from verifier.model.predicate import Predicate
from verifier.model.profile import MarkBit
from verifier.model.ruleset import Rule
from verifier.model.snapshot import InputFile


@dataclass(frozen=True, slots=True)
class CountedRule:
    """A rule that packets met: its place (number from 1, 0 for the chain's policy) and how many met it in between.

    `rule` is None for a policy.
    """

    table: str
    chain: str
    number: int
    rule: Rule | None
    packets: int


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a packet must be, beyond its region: a predicate that holds or does not.

    `when` says of which moment it speaks, "" for the packet itself.
    """

    predicate: Predicate
    holds: bool
    when: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the packets that could have gone a way: a region and what else must be so.

    `path` None: nothing is known of the ends, or neither is a pod.
    """

    path: Path | None
    region: tuple[Box, ...]
    conditions: tuple[Condition, ...] = ()


class Wish(Enum):
    """What the policies want of packets."""

    ALLOW = "allow"
    DENY = "deny"
    OPEN = "nothing"


@dataclass(frozen=True, slots=True)
class Way:
    """One way through the rules that packets may have gone: the rules met, in order, and where it ends.

    `verdict` is None where the listing does not say what became of the packets; `end` says in words where the way
    ends. Between `least` and `most` packets went it. `shares` are all packets that could have; `wishes`, where the
    policies are known, the same packets by what the policies want.
    """

    steps: tuple[CountedRule, ...]
    verdict: Verdict | None
    end: str
    least: int
    most: int
    shares: tuple[Share, ...]
    wishes: Mapping[Wish, tuple[Share, ...]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CounterReport:
    """The outcome of `chainproof explain --before --after`.

    `changed` are the rules whose counters differ, in the order of the listing; `sentence` says who is right, or that
    it is not known. `chains`, `marks`, `cluster` and `addresses`, the node's own, serve to name things.
    """

    answer: Answer
    sentence: str
    family: int
    changed: tuple[CountedRule, ...]
    ways: tuple[Way, ...]
    notes: tuple[str, ...]
    inputs: tuple[InputFile, ...]
    node: str = ""
    chains: tuple[tuple[str, str], ...] = ()
    marks: tuple[MarkBit, ...] = ()
    cluster: Cluster = field(default_factory=Cluster)
    addresses: tuple[tuple[int, int], ...] = ()
