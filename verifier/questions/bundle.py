"""What a bundle of evidence has to ask about a family of a node: who is where, as plain data.

Spec: specs/evidence.md
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.bundle import UNKNOWN_PORT, Known, Plan, PodPlace, Port, WirePlace
from verifier.model.finding import Finding, Question
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.profile import Profile
from verifier.model.snapshot import Snapshot
from verifier.questions.world import World
from verifier.semantics.atoms import Beginning, Foreign, Name


def plan_of(
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    options: VerifyOptions,
    family: int,
    questions: Iterable[Question],
    findings: Iterable[Finding],
) -> Plan:
    """The plan of a family that has rules in the dump."""
    deviations = () if options.strict else profile.deviations(node)
    world = World(family, node.rulesets[family], snapshot.cluster, node, profile, deviations, options.settings)
    places = world.places
    return Plan(
        family=family,
        pods=tuple(PodPlace(each.pod.full_name, each.address, each.device, _port(each.port)) for each in places.pods),
        wires=tuple(
            WirePlace(
                wire.alike, _port(wire.port), places.bridge is not None and wire.interface == places.bridge.interface
            )
            for wire in places.wires
        ),
        questions=tuple(each for each in questions if each.family == family),
        findings=tuple(each for each in findings if each.family == family),
        settings=options.settings,
        deviations=deviations,
        translation_known=world.translation_known,
        translates=world.translates,
        any_mark=options.initial_mark_any,
    )


def _port(name: Name) -> Port:
    match name:
        case None:
            return UNKNOWN_PORT
        case Beginning(text):
            return Port(Known.BEGINNING, text)
        case Foreign(pods, uplink):
            return Port(Known.FOREIGN, pods, uplink)
        case _:
            return Port(Known.NAME, name)
