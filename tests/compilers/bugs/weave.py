"""Bugs in what is written in Weave Net's style.

Spec: specs/compilers/weave.md
"""

from __future__ import annotations

from tests.compilers.bugs.writing import (
    Writing,
    early,
    exchanged,
    forgetful,
    inserted,
    replaced,
    stale,
    without,
)

RULES = "WEAVE-NPC-(INGRESS|EGRESS-CUSTOM)"
SETS = "weave-"

WRITINGS: dict[str, tuple[Writing, tuple[str, ...]]] = {
    "the mark is another bit": (
        replaced("WEAVE-NPC-EGRESS-ACCEPT", "0x40000/0x40000", "0x20000/0x20000"),
        ("NP-5", "WV-4"),
    ),
    "the mark of egress lets in": (
        inserted("WEAVE-NPC", "-m mark --mark 0x40000/0x40000 -j ACCEPT", "WEAVE-NPC-DEFAULT"),
        ("NP-7",),
    ),
    "egress accepts at once": (replaced("WEAVE-NPC-EGRESS-ACCEPT", "-j MARK.*", "-j ACCEPT"), ("NP-7", "WV-4")),
    "replies to a pod are judged anew": (without("WEAVE-NPC", "ESTABLISHED"), ("NP-57",)),
    "replies of a pod are judged anew": (without("WEAVE-NPC-EGRESS", "ESTABLISHED"), ("NP-57",)),
    "packets of the overlay are asked for egress": (without("WEAVE-NPC-EGRESS", "vethwe-bridge"), ("U-37", "WV-2")),
    "packets to the overlay are asked for ingress": (without("WEAVE-NPC", "vethwe-bridge"), ("U-37", "WV-2")),
    "a pod cannot reach its node": (without("WEAVE-NPC-EGRESS", "--dst-type LOCAL"), ("NP-55",)),
    "what leaves the bridge is accepted first": (
        early("FORWARD", "! -o weave -j ACCEPT", "-j WEAVE-NPC-EGRESS"),
        ("NP-4", "WV-1"),
    ),
    "what nothing lets in is not dropped": (without("FORWARD", "-o weave -j DROP"), ("NP-12", "WV-1")),
    "what nothing lets out is not dropped": (without("WEAVE-NPC-EGRESS", "-j DROP"), ("NP-12",)),
    "the drop of egress stands before its rules": (early("WEAVE-NPC-EGRESS", "-j DROP", "EGRESS-CUSTOM"), ("NP-6",)),
    "only TCP is dropped toward pods": (
        replaced("FORWARD", "^-o weave -j DROP", "-o weave -p tcp -j DROP"),
        ("NP-43",),
    ),
    "pods without ingress policies accept nothing": (without("WEAVE-NPC-DEFAULT", "."), ("NP-5",)),
    "pods without egress policies send nothing": (without("WEAVE-NPC-EGRESS-DEFAULT", "."), ("NP-5",)),
    "rules let nothing in": (replaced("WEAVE-NPC-INGRESS", "-j ACCEPT", "-j RETURN"), ("NP-15",)),
    "sets are tested at the other end": (exchanged(RULES), ("NP-16", "WV-5")),
    "only exceptions are let in": (replaced(RULES, "-m set ! --match-set", "-m set --match-set"), ("NP-32",)),
    "a block with a port loses its source": (
        replaced("WEAVE-NPC-INGRESS", r"^-s \S+ (.*--dport)", r"\1"),
        ("NP-31", "NP-40"),
    ),
    "rules of a policy are for the pods of every policy": (
        replaced("WEAVE-NPC-INGRESS", r"-m set --match-set \S+ dst ", ""),
        ("NP-2",),
    ),
    "a list of namespaces is full": (forgetful(SETS, "list:set"), ("NP-17", "WV-5")),
    "an address of the past stays in the sets": (stale(SETS), ("NP-27", "WV-5")),
    "the first member of each set is lost": (forgetful(SETS, "hash:ip"), ("NP-16", "WV-5")),
    "ports are those of the source": (replaced(RULES, "--dport", "--sport"), ("NP-49",)),
}
"""By name: what is written otherwise, and the clauses that this breaks."""
