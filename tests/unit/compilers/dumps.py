"""Nodes for tests of compilers: from lines of a filter table, and from recordings."""

from __future__ import annotations

from functools import cache

from tests.corpus_path import corpus
from tests.pages.world import whole_dump
from verifier.model.cluster import Pod
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.snapshot import Snapshot
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.snapshot import read_snapshot


def node(*rules: str, rules6: tuple[str, ...] = (), interfaces: tuple[str, ...] | None = None) -> NodeState:
    """A node with these rules (-A, -N, -P) in its filter tables, and no file but the interfaces given."""
    texts = {4: "\n".join(rules), 6: "\n".join(rules6)}
    rulesets = {family: read_ruleset(whole_dump(text), f"ip{family}", family) for family, text in texts.items() if text}
    return NodeState(name="node-a", rulesets=rulesets, interfaces=interfaces)


def pod(full_name: str) -> Pod:
    """A pod of which only the name matters."""
    namespace, name = full_name.split("/")
    return Pod(namespace, name, {}, {}, "node-a", False, "Running", (), Origin("test"))


@cache
def recorded(compiler: str, scenario: str) -> Snapshot:
    """A recording, read once."""
    return read_snapshot(str(corpus(compiler, scenario)))
