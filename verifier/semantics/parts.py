"""A pod's part: what the first chain that fixes one end to that pod does, over all other ends at once.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from verifier.model.fields import ConnState
from verifier.semantics.atoms import NameTest
from verifier.semantics.interfaces import Interfaces
from verifier.semantics.places import LocalPod, Places, Surroundings, Wire
from verifier.semantics.program import ChainKey, Instruction, Program
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Exit, Outcome, Summaries
from verifier.smt.formula import Literal


class Role(IntEnum):
    """Which end a part protects: EGRESS its source, INGRESS its destination."""

    EGRESS = 0
    INGRESS = 1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A part entered with some mark: which of the pod's pass conditions holds, and the ways out that pass.

    `condition` indexes the pod's distinct pass conditions.
    """

    condition: int
    outcomes: tuple[Outcome, ...]


class Parts:
    """The parts of all local pods in one program, with one interface behind which the remote ends are.

    `several` are the parts that are not one thing: they are entered in different ways, or something in them is drawn anew
    each time.
    """

    def __init__(self, places: Places, program: Program, summaries: Summaries, wire: Wire, services: int) -> None:
        self.program = program
        self._summaries = summaries
        self._places = places
        self._scenes: dict[tuple[Role, int], Scene] = {}
        self._behaviours: dict[tuple[Role, int, ChainKey, str, int], Behaviour] = {}
        self.conditions: dict[tuple[Role, int], list[Literal]] = {}
        self.entries: dict[tuple[Role, int], tuple[ChainKey, str, int]] = {}
        self.several: set[tuple[Role, int]] = set()
        self._bits = {local.bit for local in places.pods}
        self._alone = {local.device for local in places.pods if local.cell in places.alone}
        around = places.around(wire)
        for local in places.pods:
            for role in Role:
                self._scenes[role, local.cell] = _wide(role, local, around, program.state, services)

    def scene(self, role: Role, local: LocalPod) -> Scene:
        """The pod at its end, everything else at the other."""
        return self._scenes[role, local.cell]

    def role(self, one: Instruction, source: LocalPod | None, destination: LocalPod | None) -> Role | None:
        """Whether calling this rule's chain is entering the part of one of these pods."""
        if one.target is None or not self.program.chains[one.target].can_refuse:
            return None
        if source is not None and self._fixes(one, source, Axis.SOURCE):
            return Role.EGRESS
        if destination is not None and self._fixes(one, destination, Axis.DESTINATION):
            return Role.INGRESS
        return None

    def _fixes(self, one: Instruction, local: LocalPod, axis: Axis) -> bool:
        mask = one.test.source if axis is Axis.SOURCE else one.test.destination
        if mask == local.bit:
            return True
        if local.cell not in self._places.alone:
            return False
        outgoing = axis is Axis.DESTINATION
        return any(test.outgoing == outgoing and _exact(test) and test.name == local.device for test in one.test.names)

    def is_part(self, one: Instruction) -> bool:
        """Whether the rule enters the part of a pod whenever a pair of ends allows it."""
        if one.target is None or not self.program.chains[one.target].can_refuse:
            return False
        if one.test.source in self._bits or one.test.destination in self._bits:
            return True
        return any(_exact(test) and test.name in self._alone for test in one.test.names)

    def enter(self, role: Role, local: LocalPod, key: ChainKey, hook: str, mark: int) -> Behaviour:
        """How the pod's part behaves when entered here with this mark."""
        mark &= self.program.chains[key].entry
        at = (role, local.cell, key, hook, mark)
        found = self._behaviours.get(at)
        if found is None:
            found = self._behaviours[at] = self._behave(role, local, key, hook, mark)
        return found

    def _behave(self, role: Role, local: LocalPod, key: ChainKey, hook: str, mark: int) -> Behaviour:
        who = (role, local.cell)
        if self.entries.setdefault(who, (key, hook, mark))[0] != key:
            self.several.add(who)
        summary = self._summaries.summary(key, mark, self.scene(role, local).at(hook))
        passes = self._summaries.store.either(formula for (way, _), formula in summary.items() if way is not Exit.DROP)
        known = self.conditions.setdefault(who, [])
        if passes not in known:
            known.append(passes)
        outcomes = sorted((o for o in summary if o[0] is not Exit.DROP), key=lambda o: (o[0], o[1]))
        if self.program.chains[key].rolls:
            self.several.add(who)
        return Behaviour(known.index(passes), tuple(outcomes))


def _exact(test: NameTest) -> bool:
    """Whether it asks for one interface by its name."""
    return not (test.negated or test.prefix or test.port)


def _wide(role: Role, local: LocalPod, around: Surroundings, state: ConnState, services: int) -> Scene:
    mine = Interfaces(((local.device, -1),), local.pod.full_name)
    name = f"{role.name.lower()} of {local.pod.full_name}"
    world, others = around.cells, around.interfaces
    real = world & ~local.bit
    if role is Role.EGRESS:
        ports = around.reached_from(local)
        return Scene(name, local.bit, world, Axis.DESTINATION, mine, others, state, services, real, ports)
    ports = around.reaching(local)
    return Scene(name, world, local.bit, Axis.SOURCE, others, mine, state, services, real, ports)
