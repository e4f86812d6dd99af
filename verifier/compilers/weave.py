"""Weave Net with its network policy controller weave-npc: two flat lists of rules over sets, on a bridge of all pods.

Spec: specs/compilers/weave.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from verifier.compilers.hooks import conjuncts, hooked, jump, rules_of
from verifier.compilers.weave_deviations import DOCUMENTED, deviations
from verifier.compilers.weave_sets import computed_set, ideal_sets, selections
from verifier.model.cluster import Pod
from verifier.model.effect import Assign, Effect, Return, Translate
from verifier.model.fields import ADDRESS_BITS, Field
from verifier.model.node import NodeState
from verifier.model.predicate import InRange, Named, Not, Range
from verifier.model.profile import Bridge, MarkBit, Profile
from verifier.model.ruleset import Rule

BRIDGE, POD_PORTS, UPLINK = "weave", "vethwepl", "vethwe-bridge"
PORTS = "vethwe"
"""How the names of all interfaces begin that Weave makes for itself and for pods."""
MULTICAST: Range = (0xE0000000, 0xEFFFFFFF)

CHAINS = {
    "WEAVE-NPC": "ingress of pods",
    "WEAVE-NPC-DEFAULT": "pods that no ingress policy selects",
    "WEAVE-NPC-INGRESS": "what ingress rules allow",
    "WEAVE-NPC-EGRESS": "egress of pods",
    "WEAVE-NPC-EGRESS-DEFAULT": "pods that no egress policy selects",
    "WEAVE-NPC-EGRESS-CUSTOM": "what egress rules allow",
    "WEAVE-NPC-EGRESS-ACCEPT": "marks what may leave",
    "WEAVE-EXPOSE": "addresses that Weave exposes",
    "WEAVE": "translation of sources",
    "WEAVE-CANARY": "shows that nobody flushed the rules",
}
MARK = MarkBit(0x40000, "egress allowed")


def _own(chain: str) -> bool:
    return chain.startswith("WEAVE-NPC") or chain == "WEAVE-EXPOSE"


def _own_chain(_table: str, chain: str) -> bool:
    return _own(chain) or chain in CHAINS


def _recognises(node: NodeState) -> bool:
    return hooked(node, _own)


def _pod_interface(node: NodeState, pod: Pod) -> str:
    """The bridge, for every pod whose address the bridge can reach (WV-2)."""
    address = pod.addresses.get(4)
    known = _spans(node)
    reached = address is not None and (not known or any(first <= address <= last for first, last in known))
    return BRIDGE if reached else ""


def _spans(node: NodeState) -> tuple[Range, ...]:
    """The IPv4 networks of the bridge's own addresses, else those that the dump names; () where neither is there."""
    attached = tuple(
        (entry.address >> host << host, (entry.address >> host << host) | (1 << host) - 1)
        for entry in node.addresses or ()
        if entry.interface == BRIDGE and entry.family == 4
        for host in [ADDRESS_BITS[4] - entry.prefix]
    )
    return attached or _ranges(node)


def _pod_interfaces(_node: NodeState) -> tuple[str, ...]:
    return (PORTS,)


def _explain_chain(_node: NodeState, chain: str) -> str:
    phrase = CHAINS.get(chain, "")
    return f"Weave Net: {phrase}" if phrase else ""


def _mark_bits(node: NodeState) -> tuple[MarkBit, ...]:
    """The bit that this dump sets for what may leave: releases without egress policies set none (WV-4)."""
    chains = [name for name in CHAINS if name.startswith("WEAVE-NPC-EGRESS")]
    return (MARK,) if any(_sets_mark(rule.effect) for rule in rules_of(node, *chains)) else ()


def _sets_mark(effect: Effect) -> bool:
    return isinstance(effect, Assign) and effect.field is Field.MARK and effect.value == MARK.mask


def _bridge(node: NodeState) -> Bridge | None:
    """The bridge, where the interfaces that were read do not say that its uplink is missing (WV-2)."""
    if node.interfaces is not None and not {BRIDGE, UPLINK} <= set(node.interfaces):
        return None
    ranges = _ranges(node)
    return Bridge(BRIDGE, POD_PORTS, UPLINK, {4: ranges} if ranges else {})


def _ranges(node: NodeState) -> tuple[Range, ...]:
    """The range of pods' addresses by Weave's own rules of translation: what leaves it, and what enters it (WV-3)."""
    leaving, entering = set(), set()
    for rule in rules_of(node, "WEAVE", table="nat"):
        if isinstance(rule.effect, Return) or not isinstance(rule.effect, Translate):
            continue
        inside = {
            part.field: span for part in conjuncts(rule.match) if isinstance(part, InRange) for span in part.ranges
        }
        outside = {part.field: span for part, span in _excluded(conjuncts(rule.match))}
        if inside.get(Field.SOURCE) and inside.get(Field.SOURCE) == outside.get(Field.DESTINATION):
            leaving.add(inside[Field.SOURCE])
        if inside.get(Field.DESTINATION) and inside.get(Field.DESTINATION) == outside.get(Field.SOURCE):
            entering.add(inside[Field.DESTINATION])
    return tuple(sorted(leaving & entering))


def _excluded(parts: tuple[object, ...]) -> Iterator[tuple[InRange, Range]]:
    for part in parts:
        if isinstance(part, Not) and isinstance(part.part, InRange) and len(part.part.ranges) == 1:
            yield part.part, part.part.ranges[0]


OWN_IN_BUILT_IN = (
    re.compile(r"-A INPUT .*Block non-local access to Weave Net control port.* -j DROP"),
    re.compile(r"-A FORWARD -o weave -m state --state NEW -j NFLOG --nflog-group 86"),
    re.compile(r"-A FORWARD -o weave -j DROP"),
    re.compile(r"-A FORWARD -i weave ! -o weave -j ACCEPT"),
    re.compile(r"-A FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
)
"""What Weave Net itself writes into built-in chains beside the jumps into its own (WV-1)."""


def _own_rule(table: str, chain: str, rule: Rule) -> bool:
    """Rules of its chains bear no signature; in built-in chains it writes a few more, always the same."""
    return _own_chain(table, chain) or any(wording.fullmatch(rule.text) for wording in OWN_IN_BUILT_IN)


def _jumps(table: str, chain: str) -> tuple[Rule, ...]:
    incoming, outgoing = Named(Field.IN_INTERFACE, BRIDGE), Named(Field.OUT_INTERFACE, BRIDGE)
    entrances = {
        ("filter", "INPUT"): ((incoming, "WEAVE-NPC-EGRESS"),),
        ("filter", "FORWARD"): ((incoming, "WEAVE-NPC-EGRESS"), (outgoing, "WEAVE-NPC")),
    }
    return tuple(replace(jump(chain, target), match=match) for match, target in entrances.get((table, chain), ()))


MODULE = Profile(
    name="weave",
    summary="Weave Net with weave-npc: lists of rules over sets of pods, which are ports of one bridge; IPv4 only",
    recognises=_recognises,
    pod_interface=_pod_interface,
    pod_interfaces=_pod_interfaces,
    explain_chain=_explain_chain,
    mark_bits=_mark_bits,
    deviations=deviations,
    documented=DOCUMENTED,
    own_chain=_own_chain,
    ideal_sets=ideal_sets,
    selections=selections,
    computed_set=computed_set,
    own_rule=_own_rule,
    jumps=_jumps,
    bridge=_bridge,
    kinds=frozenset({"NetworkPolicy"}),
)
