"""Bugs in what is written in Calico's style.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

import re

from tests.compilers.bugs.writing import (
    Writing,
    both,
    by_chain,
    early,
    exchanged,
    forgetful,
    policy_of,
    replaced,
    stale,
    without,
)

PODS, INTO, OUT_OF = r"cali-[tf]w-.*", "cali-tw-.*", "cali-fw-.*"
POLICIES = r"cali-p[io]-.*"
SETS = r"cali[46]0s:"
ALLOW = r"-j MARK --set-xmark 0x10000/0x10000"
END = "End of tier"


def _drops_always(rules: list[str]) -> list[str]:
    """The end of the policies of a direction that has none."""
    if any(END in rule for rule in rules):
        return rules
    place = next(at for at, rule in enumerate(rules) if "-j cali-pr" in rule)
    return [*rules[:place], "-m mark --mark 0x0/0x20000 -j DROP", *rules[place:]]


def _first_of_group(rules: list[str]) -> list[str]:
    return [rules[0], "-j RETURN", *rules[1:]]


def _mixed_up(rules: list[str]) -> list[str]:
    """Every pod has the chain of the next."""
    targets = [found[1] for rule in rules if (found := re.search(r"-g (cali-tw-\S+)", rule))]
    following = dict(zip(targets, [*targets[1:], *targets[:1]], strict=True))
    return [re.sub(r"-g (cali-tw-\S+)", lambda found: f"-g {following[found[1]]}", rule) for rule in rules]


WRITINGS: dict[str, tuple[Writing, tuple[str, ...]]] = {
    "the accept mark is not cleared": (without(PODS, "--set-xmark 0x0/0x30000"), ("NP-7", "CAL-4")),
    "what a policy lets out is accepted at once": (replaced("cali-po-.*", ALLOW, "-j ACCEPT"), ("NP-7",)),
    "a policy returns where it should mark": (replaced(POLICIES, ALLOW, "-j RETURN"), ("NP-15", "CAL-4")),
    "policies mark with another bit": (replaced(POLICIES, ALLOW, "-j MARK --set-xmark 0x40000/0x40000"), ("CAL-4",)),
    "known connections are judged anew": (without(PODS, "RELATED,ESTABLISHED"), ("NP-57",)),
    "the end of the policies does not drop": (without(PODS, END), ("NP-4", "NP-12")),
    "the drop stands before the policies": (early(PODS, END, "-j cali-[pg][io]-"), ("NP-6",)),
    "only TCP is dropped at the end": (replaced(PODS, rf"^(.*{END}.*)$", r"-p tcp \1"), ("NP-43",)),
    "the test after a policy is turned round": (
        replaced(PODS, r"(if policy accepted.*--mark) 0x10000/", r"\1 0x0/"),
        ("NP-4", "CAL-4"),
    ),
    "profiles allow nothing": (without("cali-pr[io]-kns.*", ALLOW), ("NP-5",)),
    "a pod without policies is dropped at their end": (by_chain(PODS, _drops_always), ("NP-5", "NP-9")),
    "packets to a pod go through its egress": (
        replaced("cali-to-wl-dispatch.*", "-g cali-tw-", "-g cali-fw-"),
        ("NP-4", "CAL-5"),
    ),
    "packets to a pod go through the chain of another": (by_chain("cali-to-wl-dispatch.*", _mixed_up), ("CAL-2",)),
    "packets from pods are not sent through their chains": (
        without("cali-FORWARD", "-j cali-from-wl-dispatch"),
        ("NP-4", "CAL-1"),
    ),
    "the first policy of a group decides": (by_chain("cali-g[io]-.*", _first_of_group), ("NP-6",)),
    "sets are tested at the other end": (exchanged(POLICIES), ("NP-16", "CAL-8")),
    "sets are tested for what is not in them": (
        replaced(POLICIES, r"-m set --match-set (cali\S+:\S+ (src|dst) )", r"-m set ! --match-set \1"),
        ("NP-16",),
    ),
    "named ports are looked up at the source": (replaced(POLICIES, "dst,dst", "src,dst"), ("NP-45",)),
    "an exception clears the other scratch bit": (
        replaced(POLICIES, "--set-xmark 0x0/0x80000", "--set-xmark 0x0/0x100000"),
        ("NP-32", "CAL-4"),
    ),
    "the scratch bit is not set before exceptions": (
        without(POLICIES, "--set-xmark 0x80000/0x180000"),
        ("NP-31", "CAL-4"),
    ),
    "IPv6 is not sent through the chains": (without("FORWARD", "cali-FORWARD", (6,)), ("NP-36", "CAL-1")),
    "policies of IPv6 have no rules": (without(POLICIES, "-m set", (6,)), ("NP-36",)),
    "what policies allow is left to a chain that drops": (
        both(without("FORWARD", "explicitly accepted"), policy_of("FORWARD", "DROP")),
        ("NP-5", "CAL-1"),
    ),
    "an address of the past stays in the sets": (stale(SETS), ("NP-27", "CAL-8")),
    "the first member of each set is lost": (forgetful(SETS), ("NP-16", "CAL-8")),
    "ports are those of the source": (replaced(POLICIES, "--dports", "--sports"), ("NP-49",)),
}
"""By name: what is written otherwise, and the clauses that this breaks."""
