"""The way around the parts: what the hooks of a path do to a pair of ends when pods' parts are left closed.

Of every chain only the rules that both ends allow are kept, written down without positions or names; pairs with the same
remainder have the same shape, and a shape is evaluated once, with the parts as free truth values.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from typing import TypeAlias

from verifier.model.path import FORWARD, IN_INTERFACE_CHAINS, OUT_INTERFACE_CHAINS
from verifier.semantics.parts import Behaviour, Parts, Role
from verifier.semantics.places import NO_INTERFACE, Interfaces, LocalPod, Places
from verifier.semantics.program import ChainKey, Instruction, Kind, Token, changed
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Exit, Outcome, Summaries
from verifier.smt.formula import FALSE, TRUE, Literal

PART, CHOICE = "part", "choice"
"""Kinds of atoms: a part lets the packet pass; among several ways of passing it takes this one."""

End: TypeAlias = LocalPod | None
"""A local pod, or None for everything remote."""

Needs: TypeAlias = tuple[tuple[Role, int, Behaviour], ...]
"""Behaviours that an evaluation relied on: role, entry mark, behaviour."""

Outcomes: TypeAlias = dict[Outcome, Literal]


class Frames:
    """Shapes of the paths through one program. A path of a pair evaluates to the formula of what it accepts."""

    def __init__(self, places: Places, parts: Parts, summaries: Summaries, wire: str, services: int) -> None:
        self._places = places
        self._program = program = summaries.program
        self._summaries = summaries
        self._parts = parts
        hooks = program.path(FORWARD)
        self._wire = wire
        self._services = services
        refusing = program.may_refuse(hooks)
        self.hooks = [hook for hook in hooks if refusing and self._matters(hook)]
        self._shapes: dict[tuple[int, ...], int] = {}
        self._bodies: list[tuple[Token, ...]] = []
        self._tokens: list[Token] = []
        self._token_numbers: dict[Token, int] = {}
        self._token_of: dict[tuple[int, str, int, int], int] = {}
        self._sides: dict[int, tuple[bool, bool]] = {}
        self._classes: dict[tuple[Axis, int], int] = {}
        self._class_numbers: dict[object, int] = {}
        self._class_shapes: dict[tuple[int, int], tuple[int, ...]] = {}
        self._entered: dict[tuple[Role, int, int], Behaviour] = {}
        self._alive: dict[tuple[ChainKey, bool, bool, int], int] = {}
        self._depends: dict[ChainKey, tuple[bool, bool]] = {}
        self._chain_shapes: dict[tuple[ChainKey, str, int, int], int] = {}
        self._literals: dict[tuple[int, str, int, int], Literal] = {}
        self._results: dict[tuple[int, int], list[tuple[Needs, Outcomes]]] = {}
        self._paths: dict[tuple[object, ...], list[tuple[Needs, Literal]]] = {}
        self.keys: dict[tuple[Role, int], tuple[ChainKey, str]] = {}

    def accepted(self, source: End, destination: End, mark: int) -> Literal:
        """What the forward path accepts of the packets between two ends, parts as atoms (PART, (role, condition))."""
        at = (self._class_of(source, Axis.SOURCE), self._class_of(destination, Axis.DESTINATION))
        shapes = self._class_shapes.get(at)
        if shapes is None:
            shapes = tuple([self._shape(hook, hook[1], source, destination) for hook in self.hooks])
            self._class_shapes[at] = shapes
        key = (shapes, mark)
        for needs, literal in self._paths.get(key, ()):
            if self._met(needs, source, destination):
                return literal
        needs_made: list[tuple[Role, int, Behaviour]] = []
        literal = self._path(shapes, source, destination, mark, needs_made)
        self._paths.setdefault(key, []).append((tuple(dict.fromkeys(needs_made)), literal))
        return literal

    def _class_of(self, end: End, axis: Axis) -> int:
        """Ends of a class have the same shape with every other end."""
        key = (axis, _cell(end))
        found = self._classes.get(key)
        if found is None:
            signature = (axis, _sort(end), tuple([self._signature(hook, hook[1], end, axis) for hook in self.hooks]))
            found = self._classes[key] = self._class_numbers.setdefault(signature, len(self._class_numbers))
        return found

    def _signature(self, key: ChainKey, hook: str, end: End, axis: Axis) -> object:
        """What a chain looks like from one end: the rules that it decides, in place, as tokens where it alone does."""
        alive = self._allowed(key, axis, end, hook)
        items: list[object] = []
        for one in self._program.chains[key].body:
            mine = alive >> one.position & 1
            sides = self._influence(one)
            decides = sides[0] if axis is Axis.SOURCE else sides[1]
            if not decides:
                continue
            if not mine:
                items.append(())
            elif sides == (True, True):
                inner: tuple[object, ...] = ()
                if one.target is not None and not one.test.factors and not self._parts.is_part(one):
                    inner = (self._signature(one.target, hook, end, axis),)
                items.append((one.position, inner or _cell(end)))
            else:
                other = self._places.pods[0]
                ends = (end, other) if axis is Axis.SOURCE else (other, end)
                items.append((one.position, self._numbered(one, hook, *ends)))
        return tuple([item for item in items if item != ()])

    def _met(self, needs: Needs, source: End, destination: End) -> bool:
        return all(self._enter(role, mark, source, destination) == behaviour for role, mark, behaviour in needs)

    def _enter(self, role: Role, mark: int, source: End, destination: End) -> Behaviour:
        local = source if role is Role.EGRESS else destination
        assert local is not None
        at = (role, local.cell, mark)
        found = self._entered.get(at)
        if found is None:
            key, hook = self.keys[role, local.cell]
            found = self._entered[at] = self._parts.enter(role, local, key, hook, mark)
        return found

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
        for token in self._bodies[shape]:
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
        """A part left closed: it drops, or passes by one of its ways out, freely chosen."""
        behaviour = self._enter(role, mark, source, destination)
        needs.append((role, mark, behaviour))
        store = self._summaries.store
        passes = store.atom(PART, (role, behaviour.condition))
        out: Outcomes = {(Exit.DROP, 0): passes ^ 1}
        left = passes
        last = len(behaviour.outcomes) - 1
        for index, outcome in enumerate(behaviour.outcomes):
            chosen = TRUE if index == last else store.atom(CHOICE, (role, behaviour.condition, mark, index))
            out[outcome] = store.both(left, chosen)
            left = store.both(left, chosen ^ 1)
        return out

    # ------------------------------------------------------------------ shapes

    def _shape(self, key: ChainKey, hook: str, source: End, destination: End) -> int:
        """The number of the shape of a chain for a pair; chains that one end cannot influence share it."""
        on_source, on_destination = self._dependence(key)
        at = (
            key,
            hook,
            _cell(source) if on_source else _sort(source),
            _cell(destination) if on_destination else _sort(destination),
        )
        known_shape = self._chain_shapes.get(at)
        if known_shape is not None:
            return known_shape
        alive = self._allowed(key, Axis.SOURCE, source, hook) & self._allowed(key, Axis.DESTINATION, destination, hook)
        tokens: list[int] = []
        body = self._program.chains[key].body
        known = self._token_of
        mine, theirs = (_cell(source), _sort(source)), (_cell(destination), _sort(destination))
        while alive:
            low = alive & -alive
            alive ^= low
            one = body[low.bit_length() - 1]
            sides = self._sides.get(id(one)) or self._influence(one)
            found = known.get((id(one), hook, mine[not sides[0]], theirs[not sides[1]]))
            token = self._numbered(one, hook, source, destination) if found is None else found
            if token >= 0:
                tokens.append(token)
        shape = tuple(tokens)
        number = self._shapes.get(shape)
        if number is None:
            number = self._shapes[shape] = len(self._bodies)
            self._bodies.append(tuple([self._tokens[token] for token in shape]))
        self._chain_shapes[at] = number
        return number

    def _numbered(self, one: Instruction, hook: str, source: End, destination: End) -> int:
        """The number of a rule's token; rules that one end cannot influence share it. -1: it matches nothing here."""
        sides = self._influence(one)
        at = (
            id(one),
            hook,
            _cell(source) if sides[0] else _sort(source),
            _cell(destination) if sides[1] else _sort(destination),
        )
        found = self._token_of.get(at)
        if found is None:
            token = self._token(one, hook, source, destination)
            found = -1 if token is None else self._token_numbers.setdefault(token, len(self._tokens))
            if found == len(self._tokens) and token is not None:
                self._tokens.append(token)
            self._token_of[at] = found
        return found

    def _token(self, one: Instruction, hook: str, source: End, destination: End) -> Token | None:
        match = self._literal(one, hook, source, destination)
        if match == FALSE:
            return None
        marks = one.test.marks
        if one.target is not None:
            role = self._parts.role(one, source, destination)
            if role is not None:
                local = source if role is Role.EGRESS else destination
                assert local is not None
                if self.keys.setdefault((role, local.cell), (one.target, hook)) != (one.target, hook):
                    self._parts.several.add((role, local.cell))
                return Token(marks, match, one.kind, one.after, part=role)
            shape = self._shape(one.target, hook, source, destination)
            return Token(marks, match, one.kind, one.after, mask=self._program.chains[one.target].entry, shape=shape)
        if one.kind is Kind.UNKNOWN:
            free = self._summaries.opaque(id(one.rule), f"{one.text} ({one.rule.origin})")
            return Token(marks, match, one.kind, one.after, free=free)
        return Token(marks, match, one.kind, one.after, one.value, one.mask, one.shift)

    def _literal(self, one: Instruction, hook: str, source: End, destination: End) -> Literal:
        """The tests of a rule that both ends allow; without tests that couple the ends it is the same for all pods."""
        if one.test.factors:
            return self._summaries.matches(one, self.pair_scene(source, destination).at(hook))
        key = (id(one), hook, _sort(source), _sort(destination))
        found = self._literals.get(key)
        if found is None:
            scene = self.pair_scene(source, destination).at(hook)
            found = self._literals[key] = self._summaries.matches(one, scene)
        return found

    def _allowed(self, key: ChainKey, axis: Axis, end: End, hook: str) -> int:
        """Positions (as bits) of the rules of a chain that one end allows, whatever the other end is."""
        exists = hook in (IN_INTERFACE_CHAINS if axis is Axis.SOURCE else OUT_INTERFACE_CHAINS)
        at = (key, axis is Axis.SOURCE, exists, _cell(end))
        found = self._alive.get(at)
        if found is None:
            interfaces = self._interfaces(end) if exists else NO_INTERFACE
            mask = end.bit if end is not None else self._places.remote
            found = 0
            for one in self._program.chains[key].body:
                tested = one.test.source if axis is Axis.SOURCE else one.test.destination
                if tested & mask and _may_name(one, axis, interfaces):
                    found |= 1 << one.position
            self._alive[at] = found
        return found

    def _interfaces(self, end: End) -> Interfaces:
        return Interfaces(((self._wire if end is None else end.device, -1),))

    def _dependence(self, key: ChainKey) -> tuple[bool, bool]:
        """Whether the shape of a chain depends on its source end, and on its destination end."""
        found = self._depends.get(key)
        if found is None:
            sides = [self._influence(one) for one in self._program.chains[key].body]
            found = (any(source for source, _ in sides), any(destination for _, destination in sides))
            self._depends[key] = found
        return found

    def _influence(self, one: Instruction) -> tuple[bool, bool]:
        """Whether what a rule does to a pair depends on its source end, and on its destination end."""
        found = self._sides.get(id(one))
        if found is None:
            found = self._sides[id(one)] = self._influenced(one)
        return found

    def _influenced(self, one: Instruction) -> tuple[bool, bool]:
        if one.test.factors:
            return True, True
        everything = self._summaries.everything
        source = one.test.source != everything[0] or any(not test.outgoing for test in one.test.names)
        destination = one.test.destination != everything[1] or any(test.outgoing for test in one.test.names)
        if one.target is not None and not self._parts.is_part(one):
            inner = self._dependence(one.target)
            source, destination = source or inner[0], destination or inner[1]
        return source, destination

    def pair_scene(self, source: End, destination: End) -> Scene:
        """Both ends as they are: one address each, or everything remote behind the wire."""
        remote = self._places.remote
        axis = Axis.SOURCE if source is None else Axis.DESTINATION if destination is None else Axis.NEITHER
        mine = source.bit if source is not None else remote
        theirs = destination.bit if destination is not None else remote
        real = remote if axis is not Axis.NEITHER else 0
        name = f"{_cell(source)} to {_cell(destination)}"
        return Scene(
            name,
            mine,
            theirs,
            axis,
            self._interfaces(source),
            self._interfaces(destination),
            self._program.state,
            self._services,
            real,
        )


def _may_name(one: Instruction, axis: Axis, interfaces: Interfaces) -> bool:
    for test in one.test.names:
        if test.outgoing == (axis is Axis.DESTINATION):
            holds, unknown = interfaces.test(test)
            if not holds and not unknown:
                return False
    return True


def _sort(end: End) -> int:
    """What about an end a rule without coupled tests can tell, once the end is known to allow it."""
    if end is None:
        return -3
    return -1 if end.device is not None else -2


def _cell(end: End) -> int:
    return -4 if end is None else end.cell
