"""Which packets the nat table sends to another destination before they are routed, where to, and with which mark.

A translated packet leaves the path of the address it was sent to. What it is from then on, with its new destination, is a
packet of the path to there (verifier.questions.translated).

Spec: specs/chains/translation.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from verifier.model.effect import Target
from verifier.model.ruleset import Rule
from verifier.semantics.diagram import Diagram, Leaving
from verifier.semantics.dispatch import Dispatch
from verifier.semantics.line import cells
from verifier.semantics.program import ChainKey, Instruction, Program
from verifier.semantics.regions import Region, both, join, minus
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Summaries
from verifier.smt.formula import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Translated:
    """Packets to `destinations` that a rule sends to its targets, as (source, service) pairs, with the mark they have then.

    `can` may be translated so; `sure` are, for some value of what is drawn by chance, whatever else is not known.
    """

    destinations: int
    can: Region
    sure: Region
    mark: int
    targets: tuple[Target, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Untouched:
    """Of the packets to `destinations`, those that may and those that do go somewhere else, as (source, service) pairs."""

    destinations: int
    may_leave: Region
    leave: Region


class Translations:
    """What one hook's tables before routing do to the destinations of all packets that come from some sources.

    `claims` are (formula, region that it implies, region that implies it), for the solver to confirm what the diagram
    has found.
    """

    def __init__(self, program: Program, summaries: Summaries, hooks: list[ChainKey]) -> None:
        self.entries: list[Translated] = []
        self.leaving: list[Untouched] = []
        self.reasons: dict[str, None] = {}
        self.claims: list[tuple[Literal, Region, Region]] = []
        self._program = program
        self._dispatch = summaries.dispatch
        self._summaries = summaries
        self._hooks = hooks

    def add(self, scene: Scene, mark: int) -> None:
        """Follow the packets of a scene whose free end is the source; its destinations are told apart where it matters."""
        for group in self._groups(scene.destination):
            self._follow(_to(scene, group), mark)

    def _groups(self, destinations: int) -> Iterable[int]:
        """Destinations that no rule of these hooks tells apart."""
        signatures: dict[int, list[int]] = {cell: [] for cell in cells(destinations)}
        tested = sorted({mask for hook in self._hooks for mask in self._summaries.destinations(hook)})
        for number, mask in enumerate(tested):
            for cell in cells(mask & destinations):
                signatures[cell].append(number)
        groups: dict[tuple[int, ...], int] = {}
        for cell, signature in signatures.items():
            key = tuple(signature)
            groups[key] = groups.get(key, 0) | 1 << cell
        return groups.values()

    def _follow(self, scene: Scene, mark: int) -> None:
        can = _Catcher(self._program, self._dispatch, certain=False)
        passed, dropped = can.path(self._hooks, scene, mark)
        sent = self._summaries.sent(self._hooks, scene, mark)
        if not can.caught:
            self.claims.extend((formula, {}, {}) for formula in sent.values())
            return
        sure = _Catcher(self._program, self._dispatch, certain=True)
        sure.path(self._hooks, scene, mark)
        may_leave: Region = {}
        for (one, left_mark), region in can.caught.items():
            may_leave = join(may_leave, region)
            known = sure.caught.get((one, left_mark), {})
            self.entries.append(Translated(scene.destination, region, known, left_mark, one.targets, one.rule))
        leave = minus(minus(may_leave, passed), dropped)
        self._claim(sent, can.caught, may_leave, leave)
        self.leaving.append(Untouched(scene.destination, may_leave, leave))
        self.reasons.update(sure.doubts)

    def _claim(
        self, sent: dict[int, Literal], caught: dict[tuple[Instruction, int], Region], may_leave: Region, leave: Region
    ) -> None:
        """Per mark and for all marks together, what the formulas have to confirm."""
        by_mark: dict[int, Region] = {}
        for (_, mark), region in caught.items():
            by_mark[mark] = join(by_mark.get(mark, {}), region)
        for mark, formula in sent.items():
            self.claims.append((formula, by_mark.get(mark, {}), {}))
        self.claims.append((self._summaries.store.either(sent.values()), may_leave, leave))

    def elsewhere(self, scene: Scene) -> tuple[Region, Region]:
        """(what may, what does go elsewhere) of the packets of a scene, over its free end."""
        may_leave: Region = {}
        leave: Region = {}
        for each in self.leaving:
            if each.destinations & scene.destination:
                may_leave = join(may_leave, _seen(each.may_leave, each.destinations, scene))
                leave = join(leave, _seen(each.leave, each.destinations, scene))
        return may_leave, leave


def _to(scene: Scene, destinations: int) -> Scene:
    return replace(scene, name=f"{scene.name} to {destinations}", destination=destinations, free=Axis.SOURCE)


def _seen(region: Region, destinations: int, scene: Scene) -> Region:
    """A region over sources as a scene sees it, whose free end may be the destination or neither."""
    if scene.free is Axis.SOURCE:
        world = {scene.source: scene.services}
        return both(region, world)
    out: Region = {}
    for sources, services in region.items():
        if sources & scene.source and services & scene.services:
            end = destinations & scene.destination if scene.free is Axis.DESTINATION else 1
            out = join(out, {end: services & scene.services})
    return out


class _Catcher(Diagram):
    """A diagram that takes out what is translated.

    With `certain`, a test without a static meaning loses the packets that it decides about, unless it is drawn by chance:
    then both ways are taken by some.
    """

    def __init__(self, program: Program, dispatch: Dispatch, *, certain: bool) -> None:
        super().__init__(program, dispatch)
        self.caught: dict[tuple[Instruction, int], Region] = {}
        self.doubts: dict[str, None] = {}
        self._certain = self.loses = certain

    def _split(self, one: Instruction, region: Region, scene: Scene) -> tuple[Region, Region]:
        inside, outside = super()._split(one, region, scene)
        if not self._certain:
            return inside, outside
        doubtful = both(inside, outside)
        doubts = self._doubts(one, scene) if doubtful else []
        if not doubts:
            return inside, outside
        self.doubts.update(dict.fromkeys(doubts))
        return minus(inside, doubtful), minus(outside, doubtful)

    def _doubts(self, one: Instruction, scene: Scene) -> list[str]:
        """What beside chance makes the rule match some packets and spare others."""
        names = (*one.test.names, *(name for guarded in one.test.guarded for name, _ in guarded.all))
        sides = [(scene.named(name)[1], name) for name in names]
        unknown = [self._program.located(side.unknown(name), one.rule) for side, name in sides if side.test(name)[1]]
        guards = [guarded.doubt for guarded in one.test.guarded if guarded.doubt is not None]
        return unknown + [f"{free.text} ({one.rule.origin})" for free in (*one.test.opaque, *guards) if not free.chance]

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
            key = (one, mark & one.after)
            self.caught[key] = join(self.caught.get(key, {}), taken)
            return
        super()._apply(one, mark, taken, scene, state, back, out)
