"""Bugs in what is written in Azure NPM's style.

Spec: specs/compilers/azure.md
"""

from __future__ import annotations

import re

from tests.compilers.azure import EVERYWHERE, set_name
from tests.compilers.bugs.writing import (
    Writing,
    both,
    by_chain,
    by_set,
    early,
    exchanged,
    forgetful,
    replaced,
    stale,
    without,
)

STAGES = "AZURE-NPM-(INGRESS|EGRESS)"
POLICIES = r"AZURE-NPM-(INGRESS|EGRESS)-[0-9a-z]{10}"
SETS = "azure-npm-"
SAME_KEY = re.compile(r"!(nslabel-[^:\s]+:)[^:\s]*?-AND-!\1")


def _no_exceptions(_head: str, members: list[str]) -> list[str]:
    return list(dict.fromkeys(member.removesuffix(" nomatch") for member in members))


def _one_by_one(rules: list[str]) -> list[str]:
    """A rule that excludes several sets is written once for each of them."""
    found = []
    for rule in rules:
        several = SAME_KEY.search(rule)
        if several is None:
            found.append(rule)
            continue
        texts = re.findall(rf"!({re.escape(several[1])}[^\s\"]*?)(?=-AND-|-ON-|\")", rule)
        for kept in texts:
            others = [set_name(text) for text in texts if text != kept]
            found.append(re.sub(rf"-m set ! --match-set ({'|'.join(others)}) \S+ ", "", rule))
    return found


WRITINGS: dict[str, tuple[Writing, tuple[str, ...]]] = {
    "ingress alone lets a packet through": (
        replaced("AZURE-NPM-INGRESS-ALLOW-MARK", "-j AZURE-NPM-EGRESS", "-j AZURE-NPM-ACCEPT"),
        ("NP-7",),
    ),
    "what ingress allows is accepted before egress": (
        early("AZURE-NPM-EGRESS", "ACCEPT-ON-INGRESS", "."),
        ("NP-7", "AZ-3"),
    ),
    "the mark of ingress is not dropped": (without("AZURE-NPM-INGRESS", "-j DROP"), ("NP-12", "AZ-3")),
    "the mark of egress is not dropped": (without("AZURE-NPM-EGRESS", "-j DROP"), ("NP-12", "AZ-3")),
    "what no rule allows is not marked": (without(POLICIES, "DROP-ALL"), ("NP-4", "NP-12")),
    "the first policy drops for all": (replaced(POLICIES, "(DROP-ALL -j) MARK.*", r"\1 DROP"), ("NP-6",)),
    "policies mark with another bit": (replaced(POLICIES, "0x400/0x400", "0x1000/0x1000"), ("AZ-3",)),
    "an allowed packet is asked of the next policy": (
        replaced(POLICIES, "-j AZURE-NPM-(ACCEPT|INGRESS-ALLOW-MARK)", "-j RETURN"),
        ("NP-6",),
    ),
    "egress is asked only of what ingress allows": (without("AZURE-NPM", "-j AZURE-NPM-EGRESS"), ("NP-4", "AZ-1")),
    "everything is accepted before egress": (early("AZURE-NPM", "ACCEPT", "EGRESS"), ("NP-4", "AZ-1")),
    "only TCP is asked of policies": (replaced("FORWARD", "^", "-p tcp "), ("NP-43", "AZ-1")),
    "known connections are judged anew": (replaced("FORWARD", "-m conntrack --ctstate NEW ", ""), ("NP-57", "AZ-1")),
    "policies are entered by the other end": (exchanged(STAGES), ("NP-4",)),
    "sets are tested at the other end": (exchanged(POLICIES), ("NP-16", "AZ-4")),
    "what is excluded is asked for": (replaced(POLICIES, "-m set ! --match-set", "-m set --match-set"), ("NP-23",)),
    "a policy selects pods of every namespace": (
        replaced(STAGES, r"(-m set --match-set \S+ \S+ )-m set --match-set \S+ \S+ (-m comment)", r"\1\2"),
        ("NP-2",),
    ),
    "a pod selector speaks of every namespace": (
        replaced(POLICIES, r"(--match-set \S+ src )-m set --match-set \S+ src (.*podlabel-\S+-AND-ns-)", r"\1\2"),
        ("NP-16",),
    ),
    "not in a namespace is also outside the cluster": (
        both(
            replaced(POLICIES, rf"-m set --match-set {set_name(EVERYWHERE)} \S+ (?=-m set !)", ""),
            replaced(POLICIES, rf"{EVERYWHERE}-AND-(?=!)", ""),
        ),
        ("NP-20",),
    ),
    "of several values each alone is excluded": (by_chain(POLICIES, _one_by_one), ("NP-23", "NP-25")),
    "exceptions are members": (by_set(SETS, _no_exceptions), ("NP-32", "AZ-4")),
    "a list of sets lacks its first": (forgetful(SETS, "list:set"), ("NP-17", "AZ-4")),
    "named ports are looked up at the source": (replaced(POLICIES, "dst,dst", "src,dst"), ("NP-45", "AZ-7")),
    "an address of the past stays in the sets": (stale(SETS), ("NP-27", "AZ-4")),
    "the first member of each set is lost": (forgetful(SETS), ("NP-16", "AZ-4")),
    "ports are those of the source": (replaced(POLICIES, "--dport", "--sport"), ("NP-49",)),
}
"""By name: what is written otherwise, and the clauses that this breaks."""
