"""Policies and clusters as they are not: every rule, peer, port, selector or pod changed in the same way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from tests.compilers.meaning import SIDES
from tests.compilers.worlds import World
from tests.felix.selectors import Objects

Part = dict[str, Any]
Reading = Callable[[World], World]


def by_policies(change: Callable[[Objects, World], Iterable[Part]]) -> Reading:
    """All policies at once."""

    def reads(world: World) -> World:
        return World(world.objects, list(change(copy.deepcopy(world.policies), world)))

    return reads


def by_spec(change: Callable[[Part], Part | None]) -> Reading:
    """The spec of each policy; None leaves the policy out."""

    def changed(policies: Objects, _world: World) -> Iterable[Part]:
        for policy in policies:
            spec = change(policy["spec"])
            if spec is not None:
                yield {**policy, "spec": spec}

    return by_policies(changed)


def by_rules(change: Callable[[list[Part], str, str, World], list[Part]]) -> Reading:
    """The rules of each direction; `change` is told where their peers stand and the policy's namespace."""

    def changed(policies: Objects, world: World) -> Iterable[Part]:
        for policy in policies:
            for direction, side in SIDES.items():
                written = policy["spec"].get(direction)
                if written:
                    policy["spec"][direction] = change(written, side, policy["metadata"]["namespace"], world)
            yield policy

    return by_policies(changed)


def by_rule(change: Callable[[Part, str], list[Part]]) -> Reading:
    """Each rule; `change` is told where its peers stand."""
    return by_rules(lambda rules, side, _space, _world: [kept for rule in rules for kept in change(rule, side)])


def by_peers(change: Callable[[list[Part]], list[Part]]) -> Reading:
    """The peers of each rule that has some; a rule that keeps none is left out."""

    def changed(rule: Part, side: str) -> list[Part]:
        if not rule.get(side):
            return [rule]
        peers = change(rule[side])
        return [{**rule, side: peers}] if peers else []

    return by_rule(changed)


def by_peer(change: Callable[[Part], Part | None]) -> Reading:
    """Each peer; None leaves it out."""
    return by_peers(lambda peers: [kept for peer in peers if (kept := change(peer)) is not None])


def by_block(change: Callable[[Part], Part]) -> Reading:
    """Each ipBlock."""
    return by_peer(lambda peer: {"ipBlock": change(peer["ipBlock"])} if "ipBlock" in peer else peer)


def by_ports(change: Callable[[list[Part]], list[Part]]) -> Reading:
    """The ports of each rule that has some; a rule that keeps none is left out."""

    def changed(rule: Part, _side: str) -> list[Part]:
        if not rule.get("ports"):
            return [rule]
        ports = change(rule["ports"])
        return [{**rule, "ports": ports}] if ports else []

    return by_rule(changed)


def by_port(change: Callable[[Part], Part | None]) -> Reading:
    """Each port; None leaves it out."""
    return by_ports(lambda ports: [kept for port in ports if (kept := change(port)) is not None])


def by_selector(change: Callable[[Part], Part]) -> Reading:
    """Each selector of pods and of namespaces, of subjects and of peers."""
    peers = by_peer(lambda peer: {key: part if key == "ipBlock" else change(part) for key, part in peer.items()})

    def reads(world: World) -> World:
        subjects = by_spec(lambda spec: {**spec, "podSelector": change(spec.get("podSelector", {}))})
        return subjects(peers(world))

    return reads


def by_requirement(change: Callable[[Part], list[Part]]) -> Reading:
    """Each expression of each selector."""

    def changed(selector: Part) -> Part:
        if "matchExpressions" not in selector:
            return selector
        return {**selector, "matchExpressions": [kept for e in selector["matchExpressions"] for kept in change(e)]}

    return by_selector(changed)


def by_object(change: Callable[[Part], Part | None]) -> Reading:
    """Each pod, namespace and node of the cluster; None leaves it out."""

    def reads(world: World) -> World:
        objects = (change(copy.deepcopy(each)) for each in world.objects)
        return World([each for each in objects if each is not None], world.policies)

    return reads


def by_pod(change: Callable[[Part], Part | None]) -> Reading:
    """Each pod of the cluster; None leaves it out."""
    return by_object(lambda each: change(each) if each["kind"] == "Pod" else each)


def container_ports(pod: Part) -> list[Part]:
    """The ports that the containers of a pod declare."""
    return [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
