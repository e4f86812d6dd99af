"""NetworkPolicies as Calico's Felix writes them, of both families, by the compiler of tests/felix.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

from dataclasses import replace

from tests.compilers.dump import Dump
from tests.compilers.meaning import Cluster
from tests.compilers.places import node_addresses, pod_routes
from tests.felix.dialect import Dialect
from tests.felix.samples import DIALECTS
from tests.felix.selectors import Objects
from tests.felix.tables import Node

NEWEST = Dialect((3, 32))
FIRST = (3, 20)
"""From this release on every construct of a NetworkPolicy is expressed."""
RELEASES = {name: dialect for name, dialect in DIALECTS.items() if dialect.release >= FIRST}


def compiled(objects: Objects, policies: Objects, dialect: Dialect = NEWEST) -> Dump:
    """What Felix has on the node for both families."""
    rules, sets = {}, []
    for family in (4, 6):
        node = Node(replace(dialect, family=family), objects, policies)
        rules[family] = tuple(node.saved().splitlines())
        sets += node.sets.saved(family).splitlines()
    local = Cluster(objects).local
    return Dump(rules, tuple(sets), node_addresses(), pod_routes(local, dialect.interface))
