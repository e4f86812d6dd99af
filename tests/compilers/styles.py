"""The plug-ins in whose style policies are compiled, each with the worlds that it can express."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.compilers import azure, calico, kube_router, weave
from tests.compilers.dump import Dump
from tests.compilers.meaning import EGRESS, INGRESS, SIDES, Cluster, is_named, types
from tests.compilers.worlds import World, world
from tests.felix.selectors import Objects


@dataclass(frozen=True, slots=True)
class Style:
    """A plug-in: the name of its profile, its compiler, the families of its blocks, and how a world is fitted to it."""

    name: str
    compiled: Callable[[Objects, Objects], Dump]
    families: tuple[int, ...] = (4,)
    fitted: Callable[[World], World] = lambda each: each

    def world(self, seed: int) -> World:
        """A random world whose policies the plug-in keeps as they are meant."""
        return self.fitted(world(f"{self.name} {seed}", self.families))


def _for_kube_router(each: World) -> World:
    """Policies that kube-router does not mix up.

    A chain of both directions is entered for either, and the blocks of a rule become one set, so that policies are split
    by direction and rules by blocks. Named ports toward blocks are left out, and of `::/0` two parts are kept.
    """
    cluster, found = Cluster(each.objects), []
    for policy in each.policies:
        apart = len(types(policy)) > 1 and len(cluster.subjects(policy)) > 1
        parts = types(policy) if apart else [""]
        for direction in parts:
            part = copy.deepcopy(policy)
            if direction:
                part["metadata"]["name"] += f"-{direction}"
                part["spec"]["policyTypes"] = [direction.capitalize()]
            for side in SIDES:
                if side in part["spec"]:
                    part["spec"][side] = [kept for rule in part["spec"][side] for kept in _split(rule, side)]
            found.append(part)
    return World(each.objects, found)


def _split(rule: dict[str, Any], direction: str) -> list[dict[str, Any]]:
    """Rules that have no more than one block each."""
    peers = rule.get(SIDES[direction], [])
    others = [peer for peer in peers if "ipBlock" not in peer]
    blocks = [peer for peer in peers if "ipBlock" in peer and peer["ipBlock"]["cidr"] != "::/0"]
    if not peers:
        return [rule]
    found = [{**rule, SIDES[direction]: others}] if others else []
    for block in blocks:
        ports = [port for port in rule.get("ports", []) if direction == INGRESS or not is_named(port)]
        if ports or not rule.get("ports"):
            found.append({**rule, SIDES[direction]: [block]} | ({"ports": ports} if ports else {}))
    return found


def _for_weave(each: World) -> World:
    """Most policies without names of ports: one that has them is refused whole."""
    found = copy.deepcopy(each.policies)
    for policy in found[1:]:
        for direction in (INGRESS, EGRESS):
            for rule in policy["spec"].get(direction, []):
                for port in filter(is_named, rule.get("ports", [])):
                    port["port"] = 8080
    return World(each.objects, found)


STYLES = {
    style.name: style
    for style in (
        Style("azure", azure.compiled),
        Style("calico", calico.compiled, (4, 6)),
        Style("kube-router", kube_router.compiled, (4, 6), _for_kube_router),
        Style("weave", weave.compiled, (4,), _for_weave),
    )
}
