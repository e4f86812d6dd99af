"""kube-router's network policy controller, upstream and as k3s and RKE2 carry it.

Spec: specs/compilers/kube_router.md
"""

from __future__ import annotations

import re

from verifier.compilers.hooks import chains_under, conjuncts, entered, hooked, jump, rules_of
from verifier.compilers.kube_router_sets import computed_set, ideal_sets, selections, unwritten
from verifier.compilers.kube_router_signs import signs, traces_of
from verifier.model.cluster import Cluster
from verifier.model.effect import Assign, Finish, Verdict
from verifier.model.fields import ICMP, ICMPV6, NAMESPACE_NAME, ConnState, End, Field, Label, Scope
from verifier.model.finding import Kind, Premise
from verifier.model.node import NodeState
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.predicate import InRange, LabelIn, Predicate, all_of, any_of, equals, negate
from verifier.model.profile import Deviation, MarkBit, Profile, Sign
from verifier.model.ruleset import Rule

POD_CHAIN, POLICY_CHAIN = "KUBE-POD-FW-", "KUBE-NWPLCY-"
TOP_CHAINS = ("KUBE-ROUTER-INPUT", "KUBE-ROUTER-FORWARD", "KUBE-ROUTER-OUTPUT")
COMMON, DEFAULT, TAIL = "KUBE-NWPLCY-COMMON", "KUBE-NWPLCY-DEFAULT", "KUBE-NWPLCY-TAIL"

FIXED = {
    "KUBE-ROUTER-INPUT": "kube-router: packets to this node",
    "KUBE-ROUTER-FORWARD": "kube-router: forwarded packets",
    "KUBE-ROUTER-OUTPUT": "kube-router: packets from this node",
    COMMON: "what every pod accepts or drops before policies",
    DEFAULT: "a direction in which no policy isolates the pod",
    TAIL: "end of kube-router's chains",
}

MARKS = (MarkBit(0x10000, "allowed by a policy"), MarkBit(0x20000, "allowed by every pod chain it met"))

OWN_NODE = Premise(
    "own-node-egress",
    "a pod's connections to its own node are subject to its egress policies",
    "kube-router, network policy controller: the INPUT chain runs each local pod's chain for its source",
)
DEFAULT_DENY = Premise(
    "default-deny",
    "packets from and to addresses of the node's pod network that are no pod's are rejected",
    "kube-router, --netpol-default-deny: pods that are not programmed yet are rejected, by the node's pod network",
)
ICMP_ALLOWED = Premise(
    "icmp-always-allowed",
    "ICMP echo requests, errors and neighbour discovery are accepted whatever the policies say",
    "kube-router, network policy controller: common rules of every pod",
)

POD_COMMENTS = (
    re.compile(r"(?P<namespace>[^/\s]+)/(?P<name>\S+) (?:in|out|reject|log-drop)"),
    re.compile(r".*\bPOD name:\s*(?P<name>\S+) namespace:\s*(?P<namespace>\S+)(?: to chain .*)?"),
)
"""The two dialects in which comments name a pod."""

POLICY_COMMENTS = (
    re.compile(r"(?P<namespace>[^/\s]+)/(?P<name>\S+) (?:(?:in|e)gress (?:pods|any|cidr)(?: np)?|policy)"),
    re.compile(r".*\bselected by policy name:?\s*(?P<name>\S+) namespace:?\s*(?P<namespace>\S+)"),
)
"""The two dialects in which comments name a policy together with its namespace."""

BARE_POLICY_COMMENT = re.compile(r"run through nw policy (?P<name>\S+)")
"""The older dialect's jump to a policy, whose namespace is that of the pod."""

ALWAYS_ACCEPTED_ICMP: Predicate = any_of(
    all_of(equals(Field.PROTOCOL, ICMP), InRange(Field.ICMP, tuple((t << 8, t << 8 | 255) for t in (3, 8, 11)))),
    all_of(
        equals(Field.PROTOCOL, ICMPV6),
        InRange(Field.ICMP, tuple((t << 8, t << 8 | 255) for t in (1, 3, 128, 129, 135, 136))),
    ),
)
"""The ICMP messages that kube-router accepts whatever the policies say (KR-11)."""


DENIES = "(default-deny)"
"""How the comments of the rules end that --netpol-default-deny adds to the tail."""

ENDS = {Field.SOURCE: End.SOURCE, Field.DESTINATION: End.DESTINATION}


def _own(chain: str) -> bool:
    return chain in TOP_CHAINS or chain.startswith((POD_CHAIN, POLICY_CHAIN))


def _own_chain(table: str, chain: str) -> bool:
    return table == "filter" and _own(chain)


OWN_IN_BUILT_IN = "KUBE-ROUTER rule to explicitly ACCEPT"
"""How the comment of the one rule begins that the k3s and RKE2 fork appends to built-in chains (KR-2)."""


def _own_rule(table: str, chain: str, rule: Rule) -> bool:
    """Rules of its chains bear no signature; in built-in chains there is the fork's rule on the mark."""
    return _own_chain(table, chain) or any(comment.startswith(OWN_IN_BUILT_IN) for comment in rule.comments)


def _jumps(table: str, chain: str) -> tuple[Rule, ...]:
    target = f"KUBE-ROUTER-{chain}"
    return (jump(chain, target),) if table == "filter" and target in TOP_CHAINS else ()


def _recognises(node: NodeState) -> bool:
    return hooked(node, _own)


def _explain_chain(node: NodeState, chain: str) -> str:
    if chain in FIXED:
        return FIXED[chain]
    if chain.startswith(POD_CHAIN):
        pod = _pod_of(node, chain)
        return f"traffic of pod {'/'.join(pod)}" if pod else ""
    if chain.startswith(POLICY_CHAIN):
        policy = _policy_of(node, chain)
        return f"NetworkPolicy {'/'.join(policy)}" if policy else ""
    return ""


def _named(comments: tuple[str, ...], dialects: tuple[re.Pattern[str], ...]) -> tuple[str, str] | None:
    """Namespace and name in the first comment that follows one of the dialects."""
    for comment in comments:
        for dialect in dialects:
            found = dialect.fullmatch(comment)
            if found:
                return found["namespace"], found["name"]
    return None


def _pod_of(node: NodeState, chain: str) -> tuple[str, str] | None:
    """The pod of a KUBE-POD-FW chain: from its own rules, else from the rules that enter it."""
    callers = (rule for rule in rules_of(node, *TOP_CHAINS, "FORWARD", "OUTPUT") if entered(rule.effect) == chain)
    for rule in (*rules_of(node, chain), *callers):
        pod = _named(rule.comments, POD_COMMENTS)
        if pod:
            return pod
    return None


def _policy_of(node: NodeState, chain: str) -> tuple[str, str] | None:
    """The policy of a KUBE-NWPLCY chain: from its own rules, else (it may be empty) from the rules that enter it."""
    for rule in rules_of(node, chain):
        policy = _named(rule.comments, POLICY_COMMENTS)
        if policy:
            return policy
    for caller in chains_under(node, POD_CHAIN):
        for rule in caller.rules:
            if entered(rule.effect) != chain:
                continue
            policy = _named(rule.comments, POLICY_COMMENTS)
            if policy:
                return policy
            bare = next(filter(None, map(BARE_POLICY_COMMENT.fullmatch, rule.comments)), None)
            pod = _pod_of(node, caller.name) if bare else None
            if bare and pod:
                return pod[0], bare["name"]
    return None


def _mark_bits(node: NodeState) -> tuple[MarkBit, ...]:
    """Of the bits that kube-router uses, those that this dump sets: the oldest releases set none (KR-3)."""
    set_here = {
        rule.effect.mask
        for chain in chains_under(node, POD_CHAIN, POLICY_CHAIN)
        for rule in chain.rules
        if isinstance(rule.effect, Assign) and rule.effect.field is Field.MARK and rule.effect.value == rule.effect.mask
    }
    return tuple(bit for bit in MARKS if bit.mask in set_here)


def _deviations(node: NodeState) -> tuple[Deviation, ...]:
    found = []
    if any(entered(rule.effect).startswith(POD_CHAIN) for rule in rules_of(node, "KUBE-ROUTER-INPUT", "INPUT")):
        found.append(
            Deviation(
                name=OWN_NODE.name,
                sentence=OWN_NODE.sentence,
                source=OWN_NODE.source,
                kind=Kind.BLOCKED,
                paths=frozenset({Path.POD_TO_NODE}),
                where=negate(InRange(Field.STATE, ((ConnState.ESTABLISHED, ConnState.RELATED),))),
                denied_by=Direction.EGRESS,
            )
        )
    unclaimed = [part for rule in rules_of(node, TAIL) if (part := _unclaimed(rule)) is not None]
    if unclaimed:
        found.append(
            Deviation(
                name=DEFAULT_DENY.name,
                sentence=DEFAULT_DENY.sentence,
                source=DEFAULT_DENY.source,
                kind=Kind.BLOCKED,
                paths=frozenset({Path.REMOTE_TO_POD, Path.POD_TO_REMOTE}),
                where=any_of(*unclaimed),
            )
        )
    if any(_accepts_icmp(rule) for rule in rules_of(node, COMMON, DEFAULT)):
        found.append(
            Deviation(
                name=ICMP_ALLOWED.name,
                sentence=ICMP_ALLOWED.sentence,
                source=ICMP_ALLOWED.source,
                kind=Kind.LEAK,
                paths=frozenset(Path),
                where=ALWAYS_ACCEPTED_ICMP,
            )
        )
    return tuple(found)


def _unclaimed(rule: Rule) -> Predicate | None:
    """The packets of a default-deny rule one of whose ends, the one that the rule tests, is no pod (KR-12)."""
    if not any(comment.endswith(DENIES) for comment in rule.comments) or not _drops(rule):
        return None
    for part in conjuncts(rule.match):
        if isinstance(part, InRange) and part.field in ENDS:
            return all_of(part, negate(LabelIn(Label(ENDS[part.field], Scope.NAMESPACE, NAMESPACE_NAME), None)))
    return None


def _drops(rule: Rule) -> bool:
    return isinstance(rule.effect, Finish) and rule.effect.verdict is Verdict.DROP


def _accepts_icmp(rule: Rule) -> bool:
    icmp = (equals(Field.PROTOCOL, ICMP), equals(Field.PROTOCOL, ICMPV6))
    return rule.effect == Finish(Verdict.ACCEPT) and any(part in icmp for part in conjuncts(rule.match))


def _signs(node: NodeState, cluster: Cluster) -> tuple[Sign, ...]:
    return signs(node, cluster, traces_of(node, _policies(node)))


def _policies(node: NodeState) -> dict[tuple[int, str], str]:
    """The policy of every policy chain that comments name, by (family, chain)."""
    found: dict[tuple[int, str], str] = {}
    for family, ruleset in node.rulesets.items():
        for (table, name), chain in ruleset.chains.items():
            if table != "filter" or not name.startswith((POD_CHAIN, POLICY_CHAIN)):
                continue
            for rule in chain.rules:
                target = entered(rule.effect) if name.startswith(POD_CHAIN) else name
                if not target.startswith(POLICY_CHAIN) or target in FIXED or (family, target) in found:
                    continue
                policy = _named(rule.comments, POLICY_COMMENTS) or _bare(node, name, rule)
                if policy:
                    found[family, target] = "/".join(policy)
    return found


def _bare(node: NodeState, chain: str, rule: Rule) -> tuple[str, str] | None:
    """The policy of a jump in the older dialect, whose namespace is that of the pod."""
    bare = next(filter(None, map(BARE_POLICY_COMMENT.fullmatch, rule.comments)), None)
    pod = _pod_of(node, chain) if bare else None
    return (pod[0], bare["name"]) if bare and pod else None


MODULE = Profile(
    name="kube-router",
    summary="kube-router's network policy controller, also inside k3s and RKE2: a chain per pod, found by address",
    recognises=_recognises,
    explain_chain=_explain_chain,
    mark_bits=_mark_bits,
    deviations=_deviations,
    documented=(OWN_NODE, DEFAULT_DENY, ICMP_ALLOWED),
    ideal_sets=ideal_sets,
    selections=selections,
    unwritten=unwritten,
    own_chain=_own_chain,
    computed_set=computed_set,
    own_rule=_own_rule,
    jumps=_jumps,
    signs=_signs,
    kinds=frozenset({"NetworkPolicy"}),
)
