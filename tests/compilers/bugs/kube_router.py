"""Bugs in what is written in kube-router's style.

Spec: specs/compilers/kube_router.md
"""

from __future__ import annotations

import re
from dataclasses import replace

from tests.compilers.bugs.writing import (
    Writing,
    both,
    by_set,
    early,
    exchanged,
    forgetful,
    inserted,
    policy_of,
    replaced,
    stale,
    without,
)
from tests.compilers.dump import Dump

PODS = "KUBE-POD-FW-.*"
POLICIES = "KUBE-NWPLCY-[A-Z2-7]{16}"
SETS = r"(inet6:)?KUBE-(SRC|DST)-"
ALLOW = r"-j MARK --set-xmark 0x10000/0x10000"


def _no_exceptions(_head: str, members: list[str]) -> list[str]:
    return list(dict.fromkeys(member.removesuffix(" nomatch") for member in members))


def _numbers_mixed(dump: Dump) -> Dump:
    """The pods of every number that a policy's named ports have are in the set of each."""
    members: dict[str, list[str]] = {}
    for line in dump.sets:
        word, name, rest = line.split(" ", 2)
        if word == "add":
            members.setdefault(name, []).append(rest)
    chains: dict[str, set[str]] = {}
    for line in (line for lines in dump.rules.values() for line in lines):
        if found := re.search(r' np" .*--match-set (\S+) dst', line):
            chains.setdefault(line.split()[1], set()).add(found[1])
    lines = list(dump.sets)
    for names in chains.values():
        pods = dict.fromkeys(pod for name in sorted(names) for pod in members[name])
        lines += [f"add {name} {pod}" for name in sorted(names) for pod in pods if pod not in members[name]]
    return replace(dump, sets=tuple(lines))


WRITINGS: dict[str, tuple[Writing, tuple[str, ...]]] = {
    "what a policy allows is accepted at once": (replaced(POLICIES, ALLOW, "-j ACCEPT"), ("NP-7",)),
    "what a pod's chain allows is accepted at once": (
        replaced(PODS, "-j MARK --set-xmark 0x20000/0x20000", "-j ACCEPT"),
        ("NP-7", "KR-3"),
    ),
    "the mark of a pod's chain stays": (without(PODS, "--set-xmark 0x0/0x10000"), ("NP-7", "KR-3")),
    "nothing is rejected": (without(PODS, "-j REJECT"), ("NP-4", "NP-12")),
    "nothing is rejected in IPv6": (without(PODS, "-j REJECT", (6,)), ("NP-4", "NP-36")),
    "what is marked is rejected": (replaced(PODS, r"! (--mark \S+ -j REJECT)", r"\1"), ("NP-5", "KR-3")),
    "the reject stands before the policies": (early(PODS, "-j REJECT", "policy"), ("NP-6",)),
    "only TCP is rejected": (replaced(PODS, "^(.*-j REJECT.*)$", r"-p tcp \1"), ("NP-43",)),
    "known connections are judged anew": (without("KUBE-NWPLCY-COMMON", "ESTABLISHED"), ("NP-57",)),
    "the node cannot reach its pods": (without(PODS, "from local node"), ("NP-55",)),
    "a pod without ingress policies accepts nothing": (without(PODS, "default ingress"), ("NP-5",)),
    "every pod may send": (
        inserted(PODS, "-j KUBE-NWPLCY-DEFAULT", "common netpol rules"),
        ("NP-4", "NP-12"),
    ),
    "policies are entered for the other direction": (
        replaced(
            PODS, r"^-([sd]) (\S+) (.* policy\")", lambda found: f"-{'sd'['ds'.index(found[1])]} {found[2]} {found[3]}"
        ),
        ("NP-4", "NP-9"),
    ),
    "sets are tested at the other end": (exchanged(POLICIES), ("NP-16", "KR-5")),
    "the set of peers is not tested": (
        replaced(POLICIES, r'(ingress pods( np)?") -m set --match-set \S+ src', r"\1"),
        ("NP-14", "NP-16"),
    ),
    "sets of peers are tested for what is not in them": (
        replaced(POLICIES, r'(ingress pods( np)?") -m set --match-set', r"\1 -m set ! --match-set"),
        ("NP-16",),
    ),
    "exceptions are members": (by_set(SETS, _no_exceptions), ("NP-32", "KR-5")),
    "policies mark with another bit": (replaced(POLICIES, ALLOW, "-j MARK --set-xmark 0x40000/0x40000"), ("KR-3",)),
    "of a pair only the second rule is written": (without(POLICIES, ALLOW), ("NP-15",)),
    "packets to pods are not sent through their chains": (without("KUBE-ROUTER-FORWARD", "^-d "), ("NP-4", "KR-1")),
    "packets from pods are not sent through their chains": (without("KUBE-ROUTER-FORWARD", "^-s "), ("NP-4", "KR-1")),
    "what policies allow is left to a chain that drops": (
        both(without("KUBE-(ROUTER-FORWARD|NWPLCY-TAIL)", "0x20000 -j ACCEPT"), policy_of("FORWARD", "DROP")),
        ("NP-5", "KR-1"),
    ),
    "a named port opens the numbers of other pods": (_numbers_mixed, ("NP-45", "NP-48", "KR-5")),
    "sets of IPv6 are not filled": (by_set("inet6:", lambda _head, _members: []), ("NP-36", "KR-5")),
    "an address of the past stays in the sets": (stale(SETS, " timeout 0"), ("NP-27", "KR-5")),
    "the first member of each set is lost": (forgetful(SETS), ("NP-16", "KR-5")),
    "ports are those of the source": (replaced(POLICIES, "--dport", "--sport"), ("NP-49",)),
}
"""By name: what is written otherwise, and the clauses that this breaks."""
