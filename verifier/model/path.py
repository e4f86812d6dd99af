"""The ways a packet can take through a node, each with its hooks.

Spec: specs/universe.md
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class Path(Enum):
    """A path, named by its two ends; "remote" is whatever is neither this node nor one of its pods."""

    REMOTE_TO_POD = "remote-to-pod"
    POD_TO_REMOTE = "pod-to-remote"
    POD_TO_POD = "pod-to-pod"
    NODE_TO_POD = "node-to-pod"
    POD_TO_NODE = "pod-to-node"


FORWARD = (
    ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("nat", "PREROUTING"),
    ("mangle", "FORWARD"), ("filter", "FORWARD"), ("security", "FORWARD"),
    ("mangle", "POSTROUTING"), ("nat", "POSTROUTING"),
)  # fmt: skip
INPUT = (
    ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("nat", "PREROUTING"),
    ("mangle", "INPUT"), ("filter", "INPUT"), ("security", "INPUT"), ("nat", "INPUT"),
)  # fmt: skip
OUTPUT = (
    ("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("nat", "OUTPUT"), ("filter", "OUTPUT"), ("security", "OUTPUT"),
    ("mangle", "POSTROUTING"), ("nat", "POSTROUTING"),
)  # fmt: skip

HOOKS: dict[Path, tuple[tuple[str, str], ...]] = {
    Path.REMOTE_TO_POD: FORWARD,
    Path.POD_TO_REMOTE: FORWARD,
    Path.POD_TO_POD: FORWARD,
    Path.NODE_TO_POD: OUTPUT,
    Path.POD_TO_NODE: INPUT,
}
"""The built-in chains of each path, as (table, chain) in the order in which the kernel visits them (CH-1)."""

BUILT_IN_CHAINS = frozenset(chain for hooks in HOOKS.values() for _, chain in hooks)
"""The names of the kernel's own chains, in whatever table."""

BEFORE_ROUTING = ("PREROUTING", "OUTPUT")
"""The hooks whose nat table may change a destination; the chains after them see the new one (NAT-1)."""


def before_routing(hooks: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The hooks of a path up to the nat table that may change the destination, and those after it."""
    last = max((n for n, (table, hook) in enumerate(hooks) if table == "nat" and hook in BEFORE_ROUTING), default=-1)
    return list(hooks[: last + 1]), list(hooks[last + 1 :])


OUT_INTERFACE_CHAINS = ("FORWARD", "OUTPUT", "POSTROUTING")
IN_INTERFACE_CHAINS = ("PREROUTING", "INPUT", "FORWARD")
"""Hooks at which the packet has that interface; elsewhere the name is empty (CH-2)."""

OUT_PORT_CHAINS = ("FORWARD", "POSTROUTING")
"""Hooks at which a bridged packet has the port that it leaves by; the one that it came by it keeps throughout (CH-2)."""
