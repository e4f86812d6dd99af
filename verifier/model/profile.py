"""What is known about one compiler: how to recognise its rules and where it documents that it deviates.

Spec: specs/compilers/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from verifier.model.cluster import Cluster, Pod
from verifier.model.finding import Kind, Premise
from verifier.model.ipset import IpSet
from verifier.model.node import NodeState
from verifier.model.path import BUILT_IN_CHAINS, Path
from verifier.model.policy import Direction
from verifier.model.predicate import TRUE, Predicate
from verifier.model.ruleset import Rule


@dataclass(frozen=True, slots=True)
class Deviation:
    """A documented difference between a compiler and the specification.

    It turns a finding of `kind` on `paths` into unspecified for the packets of `where`; with `denied_by`, only for
    packets that the pod's own policies of that direction deny. `source` names the document that says so.
    """

    name: str
    sentence: str
    source: str
    kind: Kind
    paths: frozenset[Path]
    where: Predicate = TRUE
    denied_by: Direction | None = None


@dataclass(frozen=True, slots=True)
class MarkBit:
    """A bit of the packet mark that a compiler owns, and what it means."""

    mask: int
    meaning: str


class Enforcer(Enum):
    """Who applies the policies on a node."""

    RULES = "rules"  # the rules of the dump, as far as anything does
    NOBODY = "nobody"
    ELSEWHERE = "elsewhere"  # something that no dump of iptables shows


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Who applies the policies, and a sentence on it where there is something to say."""

    by: Enforcer = Enforcer.RULES
    sentence: str = ""


def by_rules(_node: NodeState) -> Enforcement:
    """The policies are applied by the rules of the dump: the enforcement of every compiler to iptables."""
    return Enforcement()


@dataclass(frozen=True, slots=True)
class IdealSet:
    """What a set of a compiler stands for in the cluster as it is now: its content, and one phrase that says so.

    `quirk` says why the loaded set differs where the compiler, by its own documented rule, fills it just so: such a
    set is wrong but not stale. "" everywhere else.
    """

    content: IpSet
    meaning: str
    quirk: str = ""


def _no_sets(_node: NodeState, _cluster: Cluster) -> Mapping[str, IdealSet]:
    return {}


def _no_names(_node: NodeState, _cluster: Cluster) -> Mapping[str, str]:
    return {}


def _no_notes(_node: NodeState, _cluster: Cluster) -> tuple[str, ...]:
    return ()


def _no_chain(_table: str, _chain: str) -> bool:
    return False


def _no_name(_name: str) -> bool:
    return False


def _own_chains_only(_table: str, chain: str, _rule: Rule) -> bool:
    return chain not in BUILT_IN_CHAINS


def _no_jump(_table: str, _chain: str) -> tuple[Rule, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Profile:
    """One compiler. Functions are pure and never decide a verdict; they say who is where and explain names.

    recognises(node)            does the dump alone show that this compiler wrote it
    pod_interface(node, pod)    the name its host-side interface has by the compiler's rule, "" where it has none
    pod_interfaces(node)        name prefixes reserved for pods' interfaces ("cali"), so that nothing remote uses them
    explain_chain(node, chain)  one phrase for a chain ("egress of shop/api"), "" where the name says nothing
    mark_bits(node)             the bits it owns in this dump
    deviations(node)            documented deviations that apply to this dump
    documented                  every deviation that some dump may show, for people
    ideal_sets(node, cluster)   the sets that it would make from the cluster as it is now, by their computed names
    own_chain(table, chain)     whether it writes this chain itself; a built-in chain is nobody's
    chain_names(node, cluster)  phrases for chains whose names are computed from the cluster's objects, by name
    notes(node, cluster)        what a reader of an answer about this node has to know, as sentences
    computed_set(name)          whether the name is one that it computes from policies, so that ideal_sets explains it
    own_rule(table, chain, rule) whether a rule of an own chain, or one of a built-in chain that enters none, is its own
    jumps(table, chain)         the rules by which it enters its chains from a built-in chain, in order
    enforcement(node)           who applies the policies on this node
    """

    name: str
    summary: str
    recognises: Callable[[NodeState], bool]
    pod_interface: Callable[[NodeState, Pod], str]
    pod_interfaces: Callable[[NodeState], tuple[str, ...]]
    explain_chain: Callable[[NodeState, str], str]
    mark_bits: Callable[[NodeState], tuple[MarkBit, ...]]
    deviations: Callable[[NodeState], tuple[Deviation, ...]]
    documented: tuple[Premise, ...] = ()
    ideal_sets: Callable[[NodeState, Cluster], Mapping[str, IdealSet]] = _no_sets
    own_chain: Callable[[str, str], bool] = _no_chain
    chain_names: Callable[[NodeState, Cluster], Mapping[str, str]] = _no_names
    notes: Callable[[NodeState, Cluster], tuple[str, ...]] = _no_notes
    computed_set: Callable[[str], bool] = _no_name
    own_rule: Callable[[str, str, Rule], bool] = _own_chains_only
    jumps: Callable[[str, str], tuple[Rule, ...]] = _no_jump
    enforcement: Callable[[NodeState], Enforcement] = by_rules
