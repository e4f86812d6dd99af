"""The way around the parts: what the hooks of a path do to a pair of ends when pods' parts are left closed.

A shape (verifier.semantics.shapes) is evaluated once per entry mark, with the parts as free truth values.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from verifier.model.path import FORWARD
from verifier.semantics.kin import Kin
from verifier.semantics.parts import Behaviour, Parts, Role
from verifier.semantics.places import Places, Wire
from verifier.semantics.program import ChainKey, Kind, Token, changed
from verifier.semantics.scene import Scene
from verifier.semantics.shapes import End, Shapes, cell_of
from verifier.semantics.summaries import Exit, Outcome, Summaries
from verifier.smt.formula import FALSE, TRUE, Literal

PART, CHOICE = "part", "choice"
"""Kinds of atoms: a part lets the packet pass; among several ways of passing it takes this one."""

Needs: TypeAlias = tuple[tuple[Role, int, Behaviour], ...]
"""Behaviours that an evaluation relied on: role, entry mark, behaviour."""

Outcomes: TypeAlias = dict[Outcome, Literal]


class Frames:
    """What the forward path of one program accepts of a pair of ends, as a formula over the ends' parts."""

    def __init__(self, places: Places, parts: Parts, summaries: Summaries, wire: Wire, services: int) -> None:
        self._summaries = summaries
        self._parts = parts
        self._program = program = summaries.program
        self.shapes = Shapes(places, parts, summaries, wire, services)
        hooks = program.path(FORWARD)
        refusing = program.may_refuse(hooks)
        self.hooks = [hook for hook in hooks if refusing and self._matters(hook)]
        self.kin = Kin(self.shapes, self.hooks)
        self._pair_shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._entered: dict[tuple[Role, int, int], Behaviour] = {}
        self._results: dict[tuple[int, int], list[tuple[Needs, Outcomes]]] = {}
        self._paths: dict[tuple[object, ...], list[tuple[Needs, Literal]]] = {}

    def accepted(self, source: End, destination: End, mark: int) -> Literal:
        """What the forward path accepts of the packets between two ends, parts as atoms (PART, (role, condition))."""
        return self.story(source, destination, mark)[1]

    def story(self, source: End, destination: End, mark: int) -> tuple[Needs, Literal]:
        """What the path accepts, and how the parts have to behave for that to hold."""
        shapes = self._pair(source, destination)
        key = (shapes, mark)
        for known in self._paths.get(key, ()):
            if self._met(known[0], source, destination):
                return known
        needs_made: list[tuple[Role, int, Behaviour]] = []
        literal = self._path(shapes, source, destination, mark, needs_made)
        made = (tuple(dict.fromkeys(needs_made)), literal)
        self._paths.setdefault(key, []).append(made)
        return made

    def _pair(self, source: End, destination: End) -> tuple[int, ...]:
        at = self.kin.pair(source, destination)
        shapes = self._pair_shapes.get(at)
        if shapes is None:
            shapes = tuple([self.shapes.shape(hook, hook[1], source, destination) for hook in self.hooks])
            self._pair_shapes[at] = shapes
        return shapes

    def resembles(self, source: End, destination: End) -> bool:
        """Whether the shapes that a pair gets from its kin are those that its own rules make."""
        own = tuple([self.shapes.shape(hook, hook[1], source, destination) for hook in self.hooks])
        return own == self._pair(source, destination)

    def rolls(self, source: End, destination: End) -> bool:
        """Whether a packet meets something around the parts twice that is drawn anew each time: a formula cannot say so."""
        return bool(self._summaries.rolled) and self.shapes.rolls_again(self._pair(source, destination))

    def pair_scene(self, source: End, destination: End) -> Scene:
        """Both ends as they are: one address each, or everything remote behind the wire."""
        return self.shapes.pair_scene(source, destination)

    def behaviour(self, role: Role, mark: int, local: End) -> Behaviour:
        """How a pod's part behaves when it is entered with a mark."""
        at = (role, cell_of(local), mark)
        found = self._entered.get(at)
        if found is None:
            found = self._entered[at] = self._behaviour(role, mark, local)
        return found

    def _behaviour(self, role: Role, mark: int, local: End) -> Behaviour:
        if local is None:
            return self._parts.enter_all(role, mark)
        stage = self._parts.stages.get(role)
        key, hook = self.shapes.keys[role, local.cell] if stage is None else (stage.key, stage.hook)
        return self._parts.enter(role, local, key, hook, mark)

    def _met(self, needs: Needs, source: End, destination: End) -> bool:
        return all(self._enter(role, mark, source, destination) == behaviour for role, mark, behaviour in needs)

    def _enter(self, role: Role, mark: int, source: End, destination: End) -> Behaviour:
        return self.behaviour(role, mark, source if role is Role.EGRESS else destination)

    def _path(
        self,
        shapes: tuple[int, ...],
        source: End,
        destination: End,
        mark: int,
        needs: list[tuple[Role, int, Behaviour]],
    ) -> Literal:
        store = self._summaries.store
        state: dict[int, Literal] = {mark: TRUE}
        passed: list[Literal] = []
        for hook, shape in zip(self.hooks, shapes, strict=True):
            after: dict[int, list[Literal]] = {}
            for entered, formula in state.items():
                entry = entered & self._program.chains[hook].entry
                outcomes = self._evaluate(shape, entry, source, destination, needs)
                for (way, left_mark), part in outcomes.items():
                    joined = store.both(formula, part)
                    if way is Exit.PASS:
                        passed.append(joined)
                    elif self._summaries.goes_on(hook, way):
                        after.setdefault(left_mark, []).append(joined)
            state = {m: formula for m, parts in after.items() if (formula := store.either(parts)) != FALSE}
        return store.either([*passed, *state.values()])

    def _matters(self, hook: ChainKey) -> bool:
        """Whether a hook can refuse a packet or change what a later one reads."""
        return self._program.may_refuse([hook]) or bool(self._program.chains[hook].body)

    def _evaluate(
        self, shape: int, mark: int, source: End, destination: End, needs: list[tuple[Role, int, Behaviour]]
    ) -> Outcomes:
        for known, outcomes in self._results.get((shape, mark), ()):
            if self._met(known, source, destination):
                needs.extend(known)
                return outcomes
        own: list[tuple[Role, int, Behaviour]] = []
        store = self._summaries.store
        out: dict[Outcome, list[Literal]] = {}
        state: dict[int, Literal] = {mark: TRUE}
        for token in self.shapes.bodies[shape]:
            staying: dict[int, list[Literal]] = {}
            for entered, formula in state.items():
                taken = FALSE
                if all(test.holds(entered) for test in token.marks):
                    taken = store.both(formula, token.match)
                if taken == FALSE:
                    staying.setdefault(entered & token.after, []).append(formula)
                    continue
                left = store.both(formula, token.match ^ 1)
                if left != FALSE:
                    staying.setdefault(entered & token.after, []).append(left)
                for (way, left_mark), part in self._do(token, entered, source, destination, own).items():
                    joined = store.both(taken, part)
                    if joined == FALSE:
                        continue
                    if way is None:
                        staying.setdefault(left_mark & token.after, []).append(joined)
                    else:
                        out.setdefault((way, left_mark), []).append(joined)
            state = {m: formula for m, parts in staying.items() if (formula := store.either(parts)) != FALSE}
            if not state:
                break
        for left_mark, formula in state.items():
            out.setdefault((Exit.RETURN, left_mark), []).append(formula)
        made = {outcome: formula for outcome, parts in out.items() if (formula := store.either(parts)) != FALSE}
        self._results.setdefault((shape, mark), []).append((tuple(dict.fromkeys(own)), made))
        needs.extend(own)
        return made

    def _do(
        self, token: Token, mark: int, source: End, destination: End, needs: list[tuple[Role, int, Behaviour]]
    ) -> dict[tuple[Exit | None, int], Literal]:
        """What becomes of a packet that the token's tests let through; None: it goes on with the next rule."""
        if token.kind in (Kind.ASSIGN, Kind.COPY):
            return {(None, changed(token, mark)): TRUE}
        if token.kind in (Kind.CALL, Kind.GOTO):
            if token.part >= 0:
                inner = self._closed(Role(token.part), mark, source, destination, needs)
            else:
                inner = self._evaluate(token.shape, mark & token.mask, source, destination, needs)
            returning = None if token.kind is Kind.CALL else Exit.RETURN
            return {(returning if way is Exit.RETURN else way, m): formula for (way, m), formula in inner.items()}
        if token.kind is Kind.UNKNOWN:
            return {(Exit.PASS, 0): token.free, (Exit.DROP, 0): token.free ^ 1}
        if token.kind is Kind.DROP:
            return {(Exit.DROP, 0): TRUE}
        return {(Exit.ACCEPT if token.kind is Kind.ACCEPT else Exit.RETURN, mark & token.after): TRUE}

    def _closed(
        self, role: Role, mark: int, source: End, destination: End, needs: list[tuple[Role, int, Behaviour]]
    ) -> Outcomes:
        """A part left closed: it drops, or passes by one of its ways out, freely chosen; one may lead into the other."""
        behaviour = self._enter(role, mark, source, destination)
        needs.append((role, mark, behaviour))
        store = self._summaries.store
        passes = store.atom(PART, (role, behaviour.condition))
        refused = behaviour.otherwise or ((Exit.DROP, 0),)
        out: dict[Outcome, list[Literal]] = {}
        for outcome, formula in self._chosen(refused, passes ^ 1, (role, behaviour.condition, mark, "refused")):
            out.setdefault(outcome, []).append(formula)
        for outcome, taken in self._chosen(behaviour.outcomes, passes, (role, behaviour.condition, mark)):
            way, left_mark = outcome
            if way is not Exit.BEYOND:
                out.setdefault(outcome, []).append(taken)
                continue
            for further, formula in self._closed(role.other, left_mark, source, destination, needs).items():
                assert further[0] is not Exit.RETURN
                out.setdefault(further, []).append(store.both(taken, formula))
        return {outcome: store.either(formulas) for outcome, formulas in out.items()}

    def _chosen(
        self, outcomes: tuple[Outcome, ...], left: Literal, who: tuple[object, ...]
    ) -> Iterator[tuple[Outcome, Literal]]:
        """One of several ways out, freely chosen."""
        store = self._summaries.store
        for index, outcome in enumerate(outcomes):
            chosen = TRUE if index == len(outcomes) - 1 else store.atom(CHOICE, (*who, index))
            yield outcome, store.both(left, chosen)
            left = store.both(left, chosen ^ 1)
