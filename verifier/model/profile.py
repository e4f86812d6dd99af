"""What is known about one compiler: how to recognise its rules and where it documents that it deviates.

Spec: specs/compilers/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from verifier.model.cluster import Cluster, Pod
from verifier.model.finding import Kind, Premise
from verifier.model.ipset import IpSet
from verifier.model.node import NodeState
from verifier.model.path import BUILT_IN_CHAINS, Path
from verifier.model.policy import Direction, Policy
from verifier.model.predicate import TRUE, Predicate, Range
from verifier.model.ruleset import Rule


@dataclass(frozen=True, slots=True)
class Deviation:
    """A documented difference between a compiler and the specification.

    It turns a finding of `kind` on `paths` into unspecified for the packets of `where`, in `families`; with `denied_by`,
    only for packets that the pod's own policies of that direction deny. `source` names the document that says so.

    With `rewritten`, the compiler documents that it reads policies as if they were written otherwise (None: as if they
    were not there). Then exactly what such policies would have it do is excused, of the forwarded packets that policies
    decide: a leak where every end on this node that denies allows by the rewritten ones, a blocked packet where some end
    on this node denies by them. All rewritings in force are taken together, and nothing but `families` limits them
    (ANS-9); their `kind` is None: either.
    """

    name: str
    sentence: str
    source: str
    kind: Kind | None
    paths: frozenset[Path]
    where: Predicate = TRUE
    denied_by: Direction | None = None
    rewritten: Callable[[Policy], Policy | None] | None = None
    families: frozenset[int] = frozenset({4, 6})


def reading(cluster: Cluster, deviations: Iterable[Deviation]) -> Cluster:
    """The cluster with its policies as these deviations read them; the same one where they change nothing."""
    rewritings = list(dict.fromkeys(each.rewritten for each in deviations if each.rewritten is not None))
    tiers = tuple(
        replace(tier, policies=tuple(made for each in tier.policies if (made := _read(each, rewritings)) is not None))
        for tier in cluster.tiers
    )
    if all(new.policies == old.policies for new, old in zip(tiers, cluster.tiers, strict=True)):
        return cluster
    return replace(cluster, tiers=tiers)


def _read(policy: Policy, rewritings: Iterable[Callable[[Policy], Policy | None]]) -> Policy | None:
    current: Policy | None = policy
    for rewritten in rewritings:
        current = None if current is None else rewritten(current)
    return current


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


@dataclass(frozen=True, slots=True)
class Selection:
    """The pods that a set stands for in every cluster with these policies: its content, whoever is there.

    `pods` is over the labels of a SOURCE, of its namespace and service account. With `ports`, of (protocol or None for any, name, number
    or None for any), only pods that declare one of them; with `entries` the set holds their addresses with these ports.
    `networks` are addresses that it holds besides, whoever is there.
    """

    pods: Predicate
    ports: tuple[tuple[int | None, str, int | None], ...] = ()
    entries: bool = False
    networks: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """A bridge whose ports lead to the pods: what goes from port to port is bridged, the rest is routed (U-40).

    The names of the pods' ports begin with `pod_ports`; behind the port `uplink` is the rest of the bridge's network.
    `networks` are by family what the dump itself says of it, for where neither addresses nor routes of the node tell.
    """

    interface: str
    pod_ports: str
    uplink: str
    networks: Mapping[int, tuple[Range, ...]] = field(default_factory=dict)


def _no_bridge(_node: NodeState) -> Bridge | None:
    return None


@dataclass(frozen=True, slots=True)
class Sign:
    """Something in a dump that shows that a policy changed after it was compiled.

    `policy` ("namespace/name") is the policy concerned, of the cluster or not; `rules` are rules of the dump that bear
    the sign. One that is not `certain` is also what a compiler's mistake could look like; an `unread` one is of a policy
    of a kind that is not read, so that nothing need have changed.
    """

    policy: str
    sentence: str
    rules: tuple[Rule, ...] = ()
    certain: bool = True
    unread: bool = False


def _no_signs(_node: NodeState, _cluster: Cluster) -> tuple[Sign, ...]:
    return ()


def _no_interface(_node: NodeState, _pod: Pod) -> str:
    return ""


def _no_prefixes(_node: NodeState) -> tuple[str, ...]:
    return ()


def _no_sets(_node: NodeState, _cluster: Cluster) -> Mapping[str, IdealSet]:
    return {}


def _no_selections(_node: NodeState, _cluster: Cluster) -> Mapping[str, Selection | None]:
    return {}


def _always_written(_node: NodeState, _cluster: Cluster, _family: int) -> Mapping[str, Selection]:
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
    selections(node, cluster)   the same sets with the pods that they stand for in every cluster, None for one that stands for
                                the same addresses in all of them (blocks); one that is left out is not known there
    far_ends                    whether it applies the policies of ends elsewhere, too (U-37)
    unwritten(node, cluster, f)  pods of a family for which it has no rules because there is none, by what they are: when there is one,
                                it writes other rules
    own_chain(table, chain)     whether it writes this chain itself; a built-in chain is nobody's
    chain_names(node, cluster)  phrases for chains whose names are computed from the cluster's objects, by name
    notes(node, cluster)        what a reader of an answer about this node has to know, as sentences
    computed_set(name)          whether the name is one that it computes from policies, so that ideal_sets explains it
    own_rule(table, chain, rule) whether a rule of an own chain, or one of a built-in chain that enters none, is its own
    jumps(table, chain)         the rules by which it enters its chains from a built-in chain, in order
    enforcement(node)           who applies the policies on this node
    bridge(node)                the bridge whose ports the pods are; None where it has none, or none that is known
    signs(node, cluster)        what shows that policies changed after they were compiled
    kinds                       the kinds of policies that any release of it compiles, None where that is not known
    """

    name: str
    summary: str
    recognises: Callable[[NodeState], bool]
    explain_chain: Callable[[NodeState, str], str]
    mark_bits: Callable[[NodeState], tuple[MarkBit, ...]]
    deviations: Callable[[NodeState], tuple[Deviation, ...]]
    pod_interface: Callable[[NodeState, Pod], str] = _no_interface
    pod_interfaces: Callable[[NodeState], tuple[str, ...]] = _no_prefixes
    documented: tuple[Premise, ...] = ()
    ideal_sets: Callable[[NodeState, Cluster], Mapping[str, IdealSet]] = _no_sets
    selections: Callable[[NodeState, Cluster], Mapping[str, Selection | None]] = _no_selections
    far_ends: bool = False
    unwritten: Callable[[NodeState, Cluster, int], Mapping[str, Selection]] = _always_written
    own_chain: Callable[[str, str], bool] = _no_chain
    chain_names: Callable[[NodeState, Cluster], Mapping[str, str]] = _no_names
    notes: Callable[[NodeState, Cluster], tuple[str, ...]] = _no_notes
    computed_set: Callable[[str], bool] = _no_name
    own_rule: Callable[[str, str, Rule], bool] = _own_chains_only
    jumps: Callable[[str, str], tuple[Rule, ...]] = _no_jump
    enforcement: Callable[[NodeState], Enforcement] = by_rules
    bridge: Callable[[NodeState], Bridge | None] = _no_bridge
    signs: Callable[[NodeState, Cluster], tuple[Sign, ...]] = _no_signs
    kinds: frozenset[str] | None = None

    def unenforced(self, cluster: Cluster) -> Iterator[str]:
        """Which kinds of the cluster's policies it does not know, as sentences (ANS-10)."""
        known = self.kinds
        if known is None:
            return
        found = Counter(policy.kind for tier in cluster.tiers for policy in tier.policies)
        for kind, number in sorted(found.items()):
            if kind not in known:
                what = "the one" if number == 1 else f"the {number}"
                yield f"{self.name} compiles no {kind}: nothing on this node enforces {what} that the cluster has"
