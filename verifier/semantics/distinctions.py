"""What the rules on the way of some packets tell apart among them: the ends and the services that rules ask for.

Packets are pushed through every rule of the dump, those that change nothing included, so that packets which no rule
found here tells apart meet the same rules from the first hook to the last.

Spec: specs/classes.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verifier.model.effect import Continue
from verifier.model.ruleset import Chain, Rule
from verifier.semantics.atoms import NameTest
from verifier.semantics.boxes import Box3
from verifier.semantics.compile import Compiled
from verifier.semantics.diagram import Diagram, Leaving
from verifier.semantics.dispatch import Dispatch
from verifier.semantics.program import ChainKey, Instruction, Kind, Program
from verifier.semantics.regions import Region, join
from verifier.semantics.scene import Axis, Scene


class EveryRule(Program):
    """All chains in one state as they are written: no rule is left out or taken together with another."""

    whole = True

    def _tests(self, rule: Rule, chain: Chain) -> Sequence[Compiled]:
        """A rule without effect is met all the same."""
        return self._compiled(rule, chain)

    def _instruction(self, rule: Rule, test: Compiled, chain: Chain, callers: tuple[ChainKey, ...]) -> Instruction:
        made = super()._instruction(rule, test, chain, callers)
        if isinstance(rule.effect, Continue):
            made.kind = Kind.ASSIGN
        return made

    def _drop_idle(self) -> None:
        """Every rule is met, whatever it does."""

    def _gather(self) -> None:
        """Rules that end alike are several."""


class Distinctions(Diagram):
    """Remembers what the rules tell apart among the packets that come to them.

    `ends` are sets of cells of the free end, `services` sets of services: packets in the same ones of them meet the same
    rules. `sent` are the packets that a rule of the nat table gives another destination; they go no further here.
    """

    def __init__(self, program: EveryRule) -> None:
        super().__init__(program, Dispatch(program))
        self.ends: set[int] = set()
        self.services: set[int] = set()
        self.sent: Region = {}

    def stays(self, hooks: Iterable[ChainKey], scene: Scene, mark: int) -> Region:
        """The packets of a scene that may go on to where they are addressed, or be dropped on their way."""
        passed, dropped = self.path(self._program.path(tuple(hooks)), scene, mark)
        return join(passed, dropped)

    def _split(self, one: Instruction, region: Region, scene: Scene) -> tuple[Region, Region]:
        inside, outside = super()._split(one, region, scene)
        if inside and outside:
            self._note(one, scene)
        return inside, outside

    def _note(self, one: Instruction, scene: Scene) -> None:
        test = one.test
        self._note_box((test.source, test.destination, test.service), scene)
        for factor in test.factors:
            for box in factor:
                if box[0] & scene.source and box[1] & scene.destination:
                    self._note_box(box, scene)
        for name in test.names:
            self._note_name(name, scene)
        for guarded in test.guarded:
            for name, box in guarded.all:
                self._note_name(name, scene)
                self._note_box(box, scene)

    def _note_box(self, box: Box3, scene: Scene) -> None:
        self.ends.add(box[0] if scene.free is Axis.SOURCE else box[1])
        self.services.add(box[2])

    def _note_name(self, test: NameTest, scene: Scene) -> None:
        axis, interfaces = scene.named(test)
        if axis is scene.free:
            self.ends.update(interfaces.test(test))

    def _apply(
        self,
        one: Instruction,
        mark: int,
        taken: Region,
        scene: Scene,
        state: dict[int, Region],
        back: dict[int, Region],
        out: Leaving,
    ) -> None:
        if one.targets:
            self.sent = join(self.sent, taken)
            return
        super()._apply(one, mark, taken, scene, state, back, out)
