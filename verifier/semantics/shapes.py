"""Shapes: what is left of the chains for a pair of ends, written down without positions or names.

Of every chain only the rules that both ends allow are kept, as numbered tokens; pairs with the same remainder share a
shape.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

from verifier.model.path import IN_INTERFACE_CHAINS, OUT_INTERFACE_CHAINS
from verifier.semantics.interfaces import NO_INTERFACE, Interfaces
from verifier.semantics.parts import Parts, Role
from verifier.semantics.places import LocalPod, Places, Wire, pair_ports
from verifier.semantics.program import ChainKey, Instruction, Kind, Token
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Summaries
from verifier.smt.formula import FALSE, Literal

End: TypeAlias = LocalPod | None
"""A local pod, or None for everything remote."""


class Shapes:
    """Shapes of the chains of one program; `bodies[n]` holds the tokens of shape n.

    `keys` tells which chain is a pod's part, and at which hook it was met.
    """

    def __init__(self, places: Places, parts: Parts, summaries: Summaries, wire: Wire, services: int) -> None:
        self.places = places
        self.program = summaries.program
        self.parts = parts
        self._summaries = summaries
        self._wire = wire
        self._services = services
        self._shapes: dict[tuple[int, ...], int] = {}
        self.bodies: list[tuple[Token, ...]] = []
        self._draws: dict[int, Counter[int]] = {}
        self._tokens: list[Token] = []
        self._token_numbers: dict[Token, int] = {}
        self._token_of: dict[tuple[int, str, int, int], int] = {}
        self._sides: dict[int, tuple[bool, bool]] = {}
        self._alive: dict[tuple[ChainKey, bool, bool, int], int] = {}
        self._depends: dict[ChainKey, tuple[bool, bool]] = {}
        self._chain_shapes: dict[tuple[ChainKey, str, int, int], int] = {}
        self._literals: dict[tuple[int, str, int, int], Literal] = {}
        self.keys: dict[tuple[Role, int], tuple[ChainKey, str]] = {}

    def shape(self, key: ChainKey, hook: str, source: End, destination: End) -> int:
        """The number of the shape of a chain for a pair; chains that one end cannot influence share it."""
        on_source, on_destination = self._dependence(key)
        at = (
            key,
            hook,
            cell_of(source) if on_source else sort_of(source),
            cell_of(destination) if on_destination else sort_of(destination),
        )
        known_shape = self._chain_shapes.get(at)
        if known_shape is not None:
            return known_shape
        alive = self.allowed(key, Axis.SOURCE, source, hook) & self.allowed(key, Axis.DESTINATION, destination, hook)
        tokens: list[int] = []
        body = self.program.chains[key].body
        known = self._token_of
        mine, theirs = (cell_of(source), sort_of(source)), (cell_of(destination), sort_of(destination))
        while alive:
            low = alive & -alive
            alive ^= low
            one = body[low.bit_length() - 1]
            sides = self._sides.get(id(one)) or self.influence(one)
            found = known.get((id(one), hook, mine[not sides[0]], theirs[not sides[1]]))
            token = self.token(one, hook, source, destination) if found is None else found
            if token >= 0:
                tokens.append(token)
        shape = tuple(tokens)
        number = self._shapes.get(shape)
        if number is None:
            number = self._shapes[shape] = len(self.bodies)
            self.bodies.append(tuple([self._tokens[token] for token in shape]))
        self._chain_shapes[at] = number
        return number

    def rolls_again(self, shapes: tuple[int, ...]) -> bool:
        """Whether a packet that runs through these shapes can come twice by a test that is drawn anew each time."""
        drawn: Counter[int] = Counter()
        for shape in shapes:
            drawn += self._drawn(shape)
        return max(drawn.values(), default=0) > 1

    def _drawn(self, shape: int) -> Counter[int]:
        """How often each such test is met on the way through a shape."""
        found = self._draws.get(shape)
        if found is None:
            found = Counter()
            for token in self.bodies[shape]:
                found.update(self._summaries.rolls(token.match))
                if token.shape >= 0:
                    found += self._drawn(token.shape)
            self._draws[shape] = found
        return found

    def token(self, one: Instruction, hook: str, source: End, destination: End) -> int:
        """The number of a rule's token; rules that one end cannot influence share it. -1: it matches nothing here."""
        sides = self.influence(one)
        at = (
            id(one),
            hook,
            cell_of(source) if sides[0] else sort_of(source),
            cell_of(destination) if sides[1] else sort_of(destination),
        )
        found = self._token_of.get(at)
        if found is None:
            token = self._made(one, hook, source, destination)
            found = -1 if token is None else self._token_numbers.setdefault(token, len(self._tokens))
            if found == len(self._tokens) and token is not None:
                self._tokens.append(token)
            self._token_of[at] = found
        return found

    def _made(self, one: Instruction, hook: str, source: End, destination: End) -> Token | None:
        match = self._literal(one, hook, source, destination)
        if match == FALSE:
            return None
        marks = one.test.marks
        if one.target is not None:
            role = self.parts.role(one, source, destination)
            if role is not None:
                self._note_part(role, source if role is Role.EGRESS else destination, one.target, hook)
                return Token(marks, match, one.kind, one.after, part=role)
            shape = self.shape(one.target, hook, source, destination)
            return Token(marks, match, one.kind, one.after, mask=self.program.chains[one.target].entry, shape=shape)
        if one.kind is Kind.UNKNOWN:
            free = self._summaries.opaque(id(one.rule), f"{one.text} ({one.rule.origin})")
            return Token(marks, match, one.kind, one.after, free=free)
        return Token(marks, match, one.kind, one.after, one.value, one.mask, one.shift)

    def _note_part(self, role: Role, end: End, key: ChainKey, hook: str) -> None:
        """Remember where a pod's part is, unless it is everybody's."""
        stage = self.parts.stages.get(role)
        if stage is not None and stage.key == key:
            return
        assert end is not None
        known = self.keys.setdefault((role, end.cell), (key, hook))
        if stage is not None or known != (key, hook):
            self.parts.several.add((role, end.cell))

    def _literal(self, one: Instruction, hook: str, source: End, destination: End) -> Literal:
        """The tests of a rule that both ends allow; without tests that couple the ends it is the same for all pods."""
        if one.test.factors or one.test.guarded:
            return self._summaries.matches(one, self.pair_scene(source, destination).at(hook))
        key = (id(one), hook, sort_of(source), sort_of(destination))
        found = self._literals.get(key)
        if found is None:
            scene = self.pair_scene(source, destination).at(hook)
            found = self._literals[key] = self._summaries.matches(one, scene)
        return found

    def allowed(self, key: ChainKey, axis: Axis, end: End, hook: str) -> int:
        """Positions (as bits) of the rules of a chain that one end allows, whatever the other end is."""
        exists = hook in (IN_INTERFACE_CHAINS if axis is Axis.SOURCE else OUT_INTERFACE_CHAINS)
        at = (key, axis is Axis.SOURCE, exists, cell_of(end))
        found = self._alive.get(at)
        if found is None:
            interfaces = self._interfaces(end) if exists else NO_INTERFACE
            mask = end.bit if end is not None else self._wire.remote
            found = 0
            for one in self.program.chains[key].body:
                tested = one.test.source if axis is Axis.SOURCE else one.test.destination
                if tested & mask and _may_name(one, axis, interfaces):
                    found |= 1 << one.position
            self._alive[at] = found
        return found

    def _interfaces(self, end: End) -> Interfaces:
        if end is None:
            return Interfaces(((self._wire.interface, -1),))
        return Interfaces(((end.device, -1),), end.pod.full_name)

    def _dependence(self, key: ChainKey) -> tuple[bool, bool]:
        """Whether the shape of a chain depends on its source end, and on its destination end."""
        found = self._depends.get(key)
        if found is None:
            sides = [self.influence(one) for one in self.program.chains[key].body]
            found = (any(source for source, _ in sides), any(destination for _, destination in sides))
            self._depends[key] = found
        return found

    def influence(self, one: Instruction) -> tuple[bool, bool]:
        """Whether what a rule does to a pair depends on its source end, and on its destination end."""
        found = self._sides.get(id(one))
        if found is None:
            found = self._sides[id(one)] = self._influenced(one)
        return found

    def _influenced(self, one: Instruction) -> tuple[bool, bool]:
        if one.test.factors or one.test.guarded:
            return True, True
        everything = self._summaries.everything
        names = [test for test in one.test.names if not test.port]
        source = one.test.source != everything[0] or any(not test.outgoing for test in names)
        destination = one.test.destination != everything[1] or any(test.outgoing for test in names)
        if one.target is not None and not self.parts.is_part(one):
            inner = self._dependence(one.target)
            source, destination = source or inner[0], destination or inner[1]
        return source, destination

    def pair_scene(self, source: End, destination: End) -> Scene:
        """Both ends as they are: one address each, or everything remote behind the wire."""
        remote = self._wire.remote
        axis = Axis.SOURCE if source is None else Axis.DESTINATION if destination is None else Axis.NEITHER
        mine = source.bit if source is not None else remote
        theirs = destination.bit if destination is not None else remote
        real = remote if axis is not Axis.NEITHER else 0
        name = f"{cell_of(source)} to {cell_of(destination)}"
        return Scene(
            name,
            mine,
            theirs,
            axis,
            self._interfaces(source),
            self._interfaces(destination),
            self.program.state,
            self._services,
            real,
            pair_ports(*(self._wire.port if end is None else end.port for end in (source, destination))),
        )


def _may_name(one: Instruction, axis: Axis, interfaces: Interfaces) -> bool:
    for test in one.test.names:
        if not test.port and test.outgoing == (axis is Axis.DESTINATION):
            holds, unknown = interfaces.test(test)
            if not holds and not unknown:
                return False
    return True


def sort_of(end: End) -> int:
    """What about an end a rule without coupled tests can tell, once the end is known to allow it."""
    return -3 if end is None else end.sort


def cell_of(end: End) -> int:
    """The cell of a pod, a number of its own for everything remote."""
    return -4 if end is None else end.cell
