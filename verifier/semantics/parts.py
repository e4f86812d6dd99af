"""A pod's part: what the first chain that fixes one end to that pod does, over all other ends at once.

A stage (verifier.semantics.stages) is the part of every end, remote ones included: these are gathered in classes.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from verifier.model.policy import Direction
from verifier.semantics.atoms import NameTest
from verifier.semantics.interfaces import Interfaces
from verifier.semantics.places import Holder, LocalPod, Places, Strangers, Wire
from verifier.semantics.policies import Policies
from verifier.semantics.program import ChainKey, Instruction
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.stages import Stage
from verifier.semantics.summaries import Exit, Outcome, Summaries
from verifier.smt.classes import classes
from verifier.smt.formula import Literal


class Role(IntEnum):
    """Which end a part protects: EGRESS its source, INGRESS its destination."""

    EGRESS = 0
    INGRESS = 1

    @property
    def axis(self) -> Axis:
        """The end that it protects."""
        return Axis.SOURCE if self is Role.EGRESS else Axis.DESTINATION

    @property
    def direction(self) -> Direction:
        """The policies that speak of that end."""
        return Direction.EGRESS if self is Role.EGRESS else Direction.INGRESS

    @property
    def other(self) -> Role:
        """The role of the opposite end."""
        return Role.INGRESS if self is Role.EGRESS else Role.EGRESS


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A part entered with some mark: which of the pod's pass conditions holds, and the ways out that pass.

    `condition` indexes the pod's distinct pass conditions. `otherwise` are the ways out that do not pass; without any
    it drops.
    """

    condition: int
    outcomes: tuple[Outcome, ...]
    otherwise: tuple[Outcome, ...] = ()


class Parts:
    """The parts of all ends in one program, with one interface behind which the remote ends are.

    `several` are the parts that are not one thing: they are entered in different ways, or something in them is drawn anew
    each time. `stages` are the chains that are everybody's part, by role. With `both_ways` what is asked of an end depends on
    its policies of both directions. Without `pairs` a pod's part is over remote ends only.
    """

    def __init__(
        self,
        places: Places,
        policies: tuple[Policies, ...],
        summaries: Summaries,
        wire: Wire,
        services: int,
        stages: dict[Axis, Stage],
        *,
        both_ways: bool = False,
        pairs: bool = True,
    ) -> None:
        self.program = summaries.program
        self.stages = {role: stages[role.axis] for role in Role if role.axis in stages}
        self._stage_roles = {stage.key: role for role, stage in self.stages.items()}
        self._summaries = summaries
        self._places = places
        self._policies = policies
        self._both_ways = both_ways
        self._wire = wire
        self._services = services
        self._strangers: dict[Role, list[Strangers]] = {}
        self._scenes: dict[tuple[Role, int], Scene] = {}
        self._behaviours: dict[tuple[Role, int, ChainKey, str, int], Behaviour] = {}
        self.conditions: dict[tuple[Role, int], list[Literal]] = {}
        self.entries: dict[tuple[Role, int], tuple[ChainKey, str, int]] = {}
        self.several: set[tuple[Role, int]] = set()
        self._bits = {local.bit for local in places.pods}
        self._alone = {local.device for local in places.pods if local.cell in places.alone}
        self._around = places.around(wire)
        self._met = self._around.cells if pairs else wire.remote

    def scene(self, role: Role, holder: Holder) -> Scene:
        """The end where it is, everything else at the other; of remote ends only what they exchange with pods counts."""
        found = self._scenes.get((role, holder.cell))
        if found is None:
            found = self._scenes[role, holder.cell] = self._wide(role, holder)
        return found

    def strangers(self, role: Role) -> list[Strangers]:
        """The remote ends in classes that neither a stage nor the policies of its direction tell apart."""
        found = self._strangers.get(role)
        if found is None:
            stage = self.stages[role]
            sources, destinations, _ = self._summaries.decided(stage.key, stage.beyond)
            tested = sources if role is Role.EGRESS else destinations
            roles = (role, role.other) if self._both_ways else (role,)
            told = (each.protected(one.direction) for each in self._policies for one in roles)
            masks = sorted(tested.union(*told))
            found = self._strangers[role] = [
                Strangers(cells, (cells & -cells).bit_length() - 1, self._wire.interface, self._wire.port)
                for cells, _ in classes(masks, self._wire.remote)
            ]
        return found

    def enter_all(self, role: Role, mark: int) -> Behaviour:
        """How the remote ends behave in a stage; those that do not all behave by their first condition are `several`."""
        stage = self.stages[role]
        outcomes: set[Outcome] = set()
        otherwise: set[Outcome] = set()
        for strangers in self.strangers(role):
            behaviour = self.enter(role, strangers, stage.key, stage.hook, mark)
            outcomes.update(behaviour.outcomes)
            otherwise.update(behaviour.otherwise)
        return Behaviour(0, tuple(sorted(outcomes)), tuple(sorted(otherwise)))

    def accepting(self, key: ChainKey) -> bool:
        """Whether the part passes only what it accepts."""
        role = self._stage_roles.get(key)
        return role is not None and self.stages[role].accepting

    def role(self, one: Instruction, source: LocalPod | None, destination: LocalPod | None) -> Role | None:
        """Whether calling this rule's chain is entering the part of one of these pods."""
        if one.target in self._stage_roles:
            return self._stage_roles[one.target]
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
        if one.target in self._stage_roles:
            return True
        if one.target is None or not self.program.chains[one.target].can_refuse:
            return False
        if one.test.source in self._bits or one.test.destination in self._bits:
            return True
        return any(_exact(test) and test.name in self._alone for test in one.test.names)

    def enter(self, role: Role, holder: Holder, key: ChainKey, hook: str, mark: int) -> Behaviour:
        """How the part of an end behaves when entered here with this mark."""
        mark &= self.program.chains[key].entry
        at = (role, holder.cell, key, hook, mark)
        found = self._behaviours.get(at)
        if found is None:
            found = self._behaviours[at] = self._behave(role, holder, key, hook, mark)
        return found

    def _behave(self, role: Role, holder: Holder, key: ChainKey, hook: str, mark: int) -> Behaviour:
        who = (role, holder.cell)
        if self.entries.setdefault(who, (key, hook, mark))[0] != key:
            self.several.add(who)
        summary = self._summaries.summary(key, mark, self.scene(role, holder).at(hook))
        refusing = (Exit.DROP, Exit.RETURN) if self.accepting(key) else (Exit.DROP,)
        passes = self._summaries.store.either(formula for (way, _), formula in summary.items() if way not in refusing)
        known = self.conditions.setdefault(who, [])
        if passes not in known:
            known.append(passes)
        outcomes = sorted(o for o in summary if o[0] not in refusing)
        otherwise = sorted(o for o in summary if o[0] in refusing and o[0] is not Exit.DROP)
        if self.program.chains[key].rolls:
            self.several.add(who)
        return Behaviour(known.index(passes), tuple(outcomes), tuple(otherwise))

    def _wide(self, role: Role, holder: Holder) -> Scene:
        mine = Interfaces(((holder.device, -1),), holder.name)
        name = f"{role.name.lower()} of {holder.name}"
        world, others = self._around.cells, self._around.interfaces
        if isinstance(holder, LocalPod):
            world = self._met
        real = world & ~holder.bit if isinstance(holder, LocalPod) else self._places.local_bits
        beyond = self.stages[role].beyond if role in self.stages else None
        state, services = self.program.state, self._services
        if role is Role.EGRESS:
            ports = self._around.reached_from(holder)
            return Scene(name, holder.bit, world, Axis.DESTINATION, mine, others, state, services, real, ports, beyond)
        ports = self._around.reaching(holder)
        return Scene(name, world, holder.bit, Axis.SOURCE, others, mine, state, services, real, ports, beyond)


def _exact(test: NameTest) -> bool:
    """Whether it asks for one interface by its name."""
    return not (test.negated or test.prefix or test.port)
