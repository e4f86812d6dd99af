"""One packet of every class of a pod's packets: what neither the rules on their way nor the policies tell apart is one.

Spec: specs/classes.md
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.model.assumption import defaults
from verifier.model.fields import ConnState
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.path import HOOKS, Path
from verifier.model.profile import Profile
from verifier.model.representative import Representative
from verifier.model.snapshot import Snapshot
from verifier.questions.packets import ordinary, plainest
from verifier.questions.sent_on import SentOn
from verifier.questions.telling import Telling, at
from verifier.questions.world import World
from verifier.semantics.places import LocalPod, Wire
from verifier.semantics.regions import slice_at
from verifier.semantics.scene import Scene
from verifier.smt.classes import classes


def representatives(
    snapshot: Snapshot, node: NodeState, profile: Profile, options: VerifyOptions
) -> Iterator[Representative]:
    """One packet of every class of the packets of the selected pods of a node, made when it is asked for.

    `options` selects families, pods and paths, in this order of the packets. They enter with mark 0. A pod whose address
    another live pod claims has none, nor has a family of which no rules were read.
    """
    for family in options.families or (4, 6):
        if family in node.rulesets:
            ruleset = node.rulesets[family]
            world = World(family, ruleset, snapshot.cluster, node, profile, (), defaults())
            yield from _all(world, options)


def _all(world: World, options: VerifyOptions) -> Iterator[Representative]:
    telling = Telling(world)
    translated = {state: SentOn(telling, state) for state in ConnState}
    for local in world.places.pods:
        if options.pods and local.name not in options.pods:
            continue
        for path in options.paths or tuple(Path):
            for state in ConnState:
                for scene, wire in telling.scenes(local, path, state):
                    if scene.world and scene.services:
                        yield from _direct(telling, local, path, scene, wire)
                    yield from translated[state].to(local, path, scene, wire)


def _direct(telling: Telling, local: LocalPod, path: Path, scene: Scene, wire: Wire | None) -> Iterator[Representative]:
    """The classes of packets that go where they are addressed: of ends, and at each of them of services."""
    hooks, world = HOOKS[path], telling.world
    told, _ = telling.by_rules(hooks, scene)
    for cells, _ in classes(sorted(told.ends | telling.by_policies(scene)[0]), scene.world):
        here = at(scene, cells)
        there, staying = telling.by_rules(hooks, here)
        possible = slice_at(staying, cells)
        for services, _ in classes(sorted(there.services | telling.by_policies(here)[1]), possible):
            box = ordinary(world, services, scene.state)
            packet = plainest(world, path, (here.source, here.destination), box, wire, scene.state)
            yield Representative(local.name, path, packet)
