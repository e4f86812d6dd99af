"""Chains as flows of packet regions: an independent reading of the rules, for listing and for checking the formulas.

Packets are pushed through the rules as regions. Where a test is opaque the packets go both ways, so that what leaves by
an outcome is what *can* leave so; outcomes then overlap exactly where something opaque decides.

Spec: specs/chains/traversal.md
"""

from __future__ import annotations

from typing import TypeVar

from verifier.model.effect import Verdict
from verifier.semantics.boxes import Box3
from verifier.semantics.compile import Guarded
from verifier.semantics.dispatch import Dispatch
from verifier.semantics.program import ChainKey, Instruction, Kind, Program, changed
from verifier.semantics.regions import Region, cut, join
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.sets import Alternatives
from verifier.semantics.summaries import Exit

Leaving = dict[tuple[Exit, int], Region]
EVERYWHERE = -1
Key = TypeVar("Key")


class Diagram:
    """Pushes regions through the chains of one program; with `loses` a rule may take packets out that go neither way."""

    loses = False

    def __init__(self, program: Program, dispatch: Dispatch) -> None:
        self._program = program
        self._dispatch = dispatch
        self.reasons: dict[str, None] = {}

    def part(self, key: ChainKey, mark: int, scene: Scene, *, accepting: bool = False) -> tuple[Region, Region]:
        """(what can pass the chain, what can be refused in it): dropped, or with `accepting` not accepted."""
        out: Leaving = {}
        falling = self._run(key, mark & self._program.chains[key].entry, self.start(scene), scene, out)
        passing: Region = {}
        dropped: Region = {}
        for region in falling.values():
            if accepting:
                dropped = join(dropped, region)
            else:
                passing = join(passing, region)
        for (way, _), region in out.items():
            if way is Exit.DROP:
                dropped = join(dropped, region)
            else:
                passing = join(passing, region)
        return passing, dropped

    def path(self, hooks: list[ChainKey], scene: Scene, mark: int) -> tuple[Region, Region]:
        """(what can pass every hook, what can be dropped at one)."""
        state: dict[int, Region] = {mark: self.start(scene)}
        passed: Region = {}
        dropped: Region = {}
        for hook in hooks:
            after: dict[int, Region] = {}
            refusing = self._program.chains[hook].policy is Verdict.DROP
            for entered, region in state.items():
                out: Leaving = {}
                falling = self._run(hook, entered & self._program.chains[hook].entry, region, scene.at(hook[1]), out)
                for left_mark, part in falling.items():
                    out[Exit.RETURN, left_mark] = join(out.get((Exit.RETURN, left_mark), {}), part)
                for (way, left_mark), part in out.items():
                    if way is Exit.PASS:
                        passed = join(passed, part)
                    elif way is Exit.DROP or (way is Exit.RETURN and refusing):
                        dropped = join(dropped, part)
                    else:
                        after[left_mark] = join(after.get(left_mark, {}), part)
            state = after
        for region in state.values():
            passed = join(passed, region)
        return passed, dropped

    def start(self, scene: Scene) -> Region:
        """All packets of a scene."""
        world = scene.world if scene.free is not Axis.NEITHER else 1
        return {world: scene.services} if world and scene.services else {}

    def _run(self, key: ChainKey, mark: int, region: Region, scene: Scene, out: Leaving) -> dict[int, Region]:
        """Push a region through a chain; returns what falls off its end or returns, by mark."""
        state: dict[int, Region] = {mark: region} if region else {}
        back: dict[int, Region] = {}
        for one in self._dispatch.rules(key, scene):
            live = [m for m in state if all(test.holds(m) for test in one.test.marks)]
            if not live:
                continue
            arriving: dict[int, Region] = {}
            for entered in live:
                taken, left = self._split(one, state[entered], scene)
                if not taken and not self.loses:
                    continue
                del state[entered]
                if left:
                    _add(arriving, entered, left)
                if taken:
                    self._apply(one, entered, taken, scene, arriving, back, out)
            for arrived, part in arriving.items():
                _add(state, arrived, part)
            if not state:
                break
        for left_mark, rest in state.items():
            _add(back, left_mark, rest)
        return back

    def _split(self, one: Instruction, region: Region, scene: Scene) -> tuple[Region, Region]:
        """(what can match the rule, what can fail to)."""
        test = one.test
        source, destination = test.source & scene.source, test.destination & scene.destination
        sure_source, sure_destination = source, destination
        for name in test.names:
            axis, interfaces = scene.named(name)
            holds, unknown = interfaces.test(name)
            if unknown:
                self.reasons[self._program.located(interfaces.unknown(name), one.rule)] = None
            if axis is Axis.DESTINATION:
                destination, sure_destination = destination & (holds | unknown), sure_destination & holds
            else:
                source, sure_source = source & (holds | unknown), sure_source & holds
        if not source or not destination:
            return {}, region
        inside, outside = self._cut(one, region, source, destination, scene)
        if not inside:
            return inside, outside
        if test.guarded and not all(self._known(guarded, one, scene) for guarded in test.guarded):
            return inside, join(outside, inside)
        if test.opaque:
            for free in test.opaque:
                named = free.field is not None
                text = self._program.located(free.text, one.rule) if named else f"{free.text} ({one.rule.origin})"
                self.reasons[text] = None
            return inside, join(outside, inside)
        if (source, destination) != (sure_source, sure_destination):
            outside = self._cut(one, region, sure_source, sure_destination, scene)[1]
        return inside, outside

    def _cut(
        self, one: Instruction, region: Region, source: int, destination: int, scene: Scene
    ) -> tuple[Region, Region]:
        if not source or not destination:
            return {}, region
        inside, outside = cut(region, self._free(scene, source, destination), one.test.service)
        for factor in one.test.factors:
            inside, missed = self._factor(factor, inside, scene)
            outside = join(outside, missed)
        for guarded in one.test.guarded:
            taken, missed = self._factor(self._boxes(guarded.parts, scene), inside, scene)
            perhaps, missed = self._factor(self._boxes(guarded.doubtful, scene), missed, scene)
            if perhaps and guarded.doubt is not None:
                self.reasons[self._program.located(guarded.doubt.text, one.rule)] = None
                taken, missed = join(taken, perhaps), join(missed, perhaps)
            inside, lost = (missed, taken) if guarded.negated else (taken, missed)
            if not self._known(guarded, one, scene):
                inside = join(taken, missed)
            outside = join(outside, lost)
        return inside, outside

    def _boxes(self, parts: Alternatives, scene: Scene) -> tuple[Box3, ...]:
        """The boxes whose interface test holds, cut to the addresses for which it does."""
        out = []
        for name, (source, destination, service) in parts:
            axis, interfaces = scene.named(name)
            holds, _ = interfaces.test(name)
            if axis is Axis.DESTINATION:
                out.append((source, destination & holds, service))
            else:
                out.append((source & holds, destination, service))
        return tuple(out)

    def _known(self, guarded: Guarded, one: Instruction, scene: Scene) -> bool:
        for name, _ in guarded.all:
            interfaces = scene.named(name)[1]
            if interfaces.test(name)[1]:
                self.reasons[self._program.located(interfaces.unknown(name), one.rule)] = None
                return False
        return True

    def _free(self, scene: Scene, source: int, destination: int) -> int:
        if scene.free is Axis.SOURCE:
            return source
        return destination if scene.free is Axis.DESTINATION else EVERYWHERE

    def _factor(self, factor: tuple[tuple[int, int, int], ...], region: Region, scene: Scene) -> tuple[Region, Region]:
        taken: Region = {}
        rest = region
        for source, destination, service in factor:
            if source & scene.source and destination & scene.destination:
                part, rest = cut(rest, self._free(scene, source, destination), service)
                taken = join(taken, part)
        return taken, rest

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
        if one.kind in (Kind.ASSIGN, Kind.COPY):
            _add(state, changed(one, mark) & one.after, taken)
        elif one.kind in (Kind.CALL, Kind.GOTO):
            assert one.target is not None
            if one.target == scene.beyond:
                _add(out, (Exit.BEYOND, mark & self._program.chains[one.target].entry), taken)
                return
            inner = self._run(one.target, mark & self._program.chains[one.target].entry, taken, scene, out)
            for left_mark, region in inner.items():
                if one.kind is Kind.CALL:
                    _add(state, left_mark & one.after, region)
                else:
                    _add(back, left_mark, region)
        elif one.kind is Kind.UNKNOWN:
            self.reasons[f"{one.text} ({one.rule.origin})"] = None
            for way in (Exit.PASS, Exit.DROP):
                _add(out, (way, 0), taken)
        elif one.kind is Kind.DROP:
            _add(out, (Exit.DROP, 0), taken)
        elif one.kind is Kind.RETURN:
            _add(back, mark & one.after, taken)
        else:
            _add(out, (Exit.ACCEPT, mark & one.after), taken)


def _add(regions: dict[Key, Region], key: Key, region: Region) -> None:
    known = regions.get(key)
    regions[key] = join(known, region) if known else region
