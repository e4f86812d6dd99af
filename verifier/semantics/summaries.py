"""Chains as formulas: what a chain does to the packets of a scene, per mark with which they enter.

A summary maps outcomes (how the packet leaves, with which mark) to the formula of the packets that leave so. Chains are
never unfolded: a summary is made once per chain, entry mark (only bits that may still be read) and what the constants
of the scene decide inside it, and shared by every question.

Spec: specs/chains/traversal.md
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

from verifier.model.disagreement import Disagreement
from verifier.model.effect import Verdict
from verifier.model.ruleset import Rule
from verifier.semantics.atoms import FreeTest, NameTest
from verifier.semantics.compile import Compiled, Guarded
from verifier.semantics.dispatch import Dispatch
from verifier.semantics.program import ChainKey, Instruction, Kind, Program, changed
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.sets import Alternatives
from verifier.smt.formula import FALSE, TRUE, Literal, Store

ADDRESS, SERVICE, LABEL, OPAQUE = "address", "service", "label", "opaque"
"""Kinds of atoms: cells of the free end, cells of the services, a label test of the free end, a free truth value."""


class Exit(IntEnum):
    """How a packet leaves a chain."""

    ACCEPT = 0  # this hook is done
    DROP = 1
    RETURN = 2
    PASS = 3  # past everything that is known: accepted by the free choice of an opaque effect
    SENT = 4  # this hook is done, and the packet has another destination
    BEYOND = 5  # into the chain that the scene leaves open


Outcome: TypeAlias = tuple[Exit, int]
Summary: TypeAlias = dict[Outcome, Literal]
Constants: TypeAlias = tuple[frozenset[int], frozenset[int], bool]
"""Masks that a chain tests the source and the destination for, and whether it tests interfaces."""

MANY = 400
"""Above this many distinct constants in a chain a summary is not shared between scenes."""


class Summaries:
    """Summaries of one program; `store` holds the formulas. `opaque_texts` says what each opaque atom stands for.

    `rolled` are the opaque atoms whose value is drawn anew whenever a packet comes by their rule. A formula gives them
    one value, so that it may not speak of what becomes of a packet that comes by twice.
    """

    def __init__(self, program: Program, store: Store) -> None:
        self.program = program
        self.store = store
        self.dispatch = Dispatch(program)
        self.opaque_texts: dict[int, str] = {}
        self.rolled: set[int] = set()
        self.everything = program.everything
        self._known: dict[tuple[object, ...], Summary] = {}
        self._constants: dict[tuple[ChainKey, ChainKey | None], Constants] = {}
        self.evaluations = 0

    def opaque(self, key: object, text: str) -> Literal:
        """The free truth value of one occurrence."""
        literal = self.store.atom(OPAQUE, (key, text))
        self.opaque_texts[literal >> 1] = text
        return literal

    def _cells(self, kind: str, mask: int, world: int) -> Literal:
        inside = mask & world
        if not inside:
            return FALSE
        return TRUE if inside == world else self.store.atom(kind, inside)

    def end(self, axis: Axis, mask: int, scene: Scene) -> Literal:
        """Whether that end of the packet lies in the mask."""
        fixed = scene.source if axis is Axis.SOURCE else scene.destination
        if scene.free is axis:
            return self._cells(ADDRESS, mask, fixed)
        inside = mask & fixed
        if inside and inside != fixed:
            raise Disagreement(f"{scene.name}: a rule tells addresses apart that were taken for one")
        return TRUE if inside else FALSE

    def services(self, mask: int, scene: Scene) -> Literal:
        """Whether the packet's service lies in the mask."""
        return self._cells(SERVICE, mask, scene.services)

    def matches(self, one: Instruction, scene: Scene) -> Literal:
        """The formula of the packets of the scene that the rule matches, marks aside."""
        test = one.test
        everything = self.everything
        literals: list[Literal] = []
        if test.names:
            literals.extend(self._name(name, one.rule, scene) for name in test.names)
        if test.destination != everything[1]:
            literals.append(self.end(Axis.DESTINATION, test.destination, scene))
        if test.source != everything[0]:
            literals.append(self.end(Axis.SOURCE, test.source, scene))
        if FALSE in literals:
            return FALSE
        if test.service != everything[2]:
            literals.append(self.services(test.service, scene))
        literals.extend(self._factor(factor, scene) for factor in test.factors)
        literals.extend(self._guard(guarded, one, scene) for guarded in test.guarded)
        literals.extend(self._free(one, index, free) for index, free in enumerate(test.opaque))
        return self.store.unit(literals)

    def _free(self, one: Instruction, index: int, test: FreeTest) -> Literal:
        text = f"{test.text} ({one.rule.origin})"
        if test.field is not None:
            text = self.program.located(test.text, one.rule)
        if test.shared is not None:
            return self.opaque(test.shared, text) ^ int(test.negated)
        literal = self.opaque((id(one.rule), index), text)
        self.rolled.add(literal >> 1)
        return literal

    def rolls(self, match: Literal) -> set[int]:
        """The atoms in the match of a rule that are drawn anew whenever a packet comes by."""
        return self.rolled.intersection(self.store.atoms([match])) if self.rolled else set()

    def _factor(self, factor: tuple[tuple[int, int, int], ...], scene: Scene) -> Literal:
        return self.store.either(
            self.store.both(
                self.store.both(self.end(Axis.SOURCE, source, scene), self.end(Axis.DESTINATION, destination, scene)),
                self.services(service, scene),
            )
            for source, destination, service in factor
        )

    def _guard(self, guarded: Guarded, one: Instruction, scene: Scene) -> Literal:
        found = self._alternatives(guarded.parts, one.rule, scene)
        if guarded.doubt is not None:
            perhaps = self._alternatives(guarded.doubtful, one.rule, scene)
            found = self.store.either((found, self.store.both(perhaps, self._free(one, 0, guarded.doubt))))
        return found ^ int(guarded.negated)

    def _alternatives(self, parts: Alternatives, rule: Rule, scene: Scene) -> Literal:
        return self.store.either(
            self.store.both(self._name(name, rule, scene), self._factor((box,), scene)) for name, box in parts
        )

    def _name(self, test: NameTest, rule: Rule, scene: Scene) -> Literal:
        axis, interfaces = scene.named(test)
        holds, unknown = interfaces.test(test)
        known = self.end(axis, holds, scene) if holds else FALSE
        if not unknown:
            return known
        where = self.end(axis, unknown, scene)
        text = self.program.located(interfaces.unknown(test), rule)
        free = self.opaque(("interface", test.outgoing, test.name, test.prefix, test.port), text)
        return self.store.either((known, self.store.both(where, free ^ int(test.negated))))

    def summary(self, key: ChainKey, mark: int, scene: Scene) -> Summary:
        """What the chain does to packets that enter with this mark."""
        chain = self.program.chains[key]
        mark &= chain.entry
        signature = (key, mark, self._signature(key, scene))
        found = self._known.get(signature)
        if found is None:
            found = self._known[signature] = self._run(key, mark, scene)
        return found

    def _run(self, key: ChainKey, mark: int, scene: Scene) -> Summary:
        either, both = self.store.either, self.store.both
        out: dict[Outcome, list[Literal]] = {}
        state: dict[int, Literal] = {mark: TRUE}
        for one in self.dispatch.rules(key, scene):
            hit = [m for m in state if all(test.holds(m) for test in one.test.marks)]
            if not hit:
                continue
            self.evaluations += 1
            match = self.matches(one, scene)
            if match == FALSE:
                continue
            staying: dict[int, list[Literal]] = {}
            for entered in hit:
                taken = both(state[entered], match)
                if taken == FALSE:
                    continue
                left = both(state[entered], match ^ 1)
                del state[entered]
                self._apply(one, entered, taken, scene, out, staying)
                if left != FALSE:
                    staying.setdefault(entered & one.after, []).append(left)
            for other, formula in state.items():
                staying.setdefault(other & one.after, []).append(formula)
            state = {m: formula for m, parts in staying.items() if (formula := either(parts)) != FALSE}
            if not state:
                break
        for left_mark, formula in state.items():
            out.setdefault((Exit.RETURN, left_mark), []).append(formula)
        return {outcome: formula for outcome, parts in out.items() if (formula := either(parts)) != FALSE}

    def _apply(
        self,
        one: Instruction,
        mark: int,
        taken: Literal,
        scene: Scene,
        out: dict[Outcome, list[Literal]],
        staying: dict[int, list[Literal]],
    ) -> None:
        """Do what the rule does to the packets `taken`: into `out` where they leave, else into `staying`."""
        if one.kind in (Kind.ASSIGN, Kind.COPY):
            staying.setdefault(changed(one, mark) & one.after, []).append(taken)
        elif one.kind in (Kind.CALL, Kind.GOTO):
            assert one.target is not None
            if one.target == scene.beyond:
                out.setdefault((Exit.BEYOND, mark & self.program.chains[one.target].entry), []).append(taken)
                return
            for (way, left_mark), formula in self.summary(one.target, mark, scene).items():
                part = self.store.both(taken, formula)
                if part == FALSE:
                    continue
                if way is Exit.RETURN and one.kind is Kind.CALL:
                    staying.setdefault(left_mark & one.after, []).append(part)
                else:
                    out.setdefault((way, left_mark), []).append(part)
        elif one.kind is Kind.UNKNOWN:
            free = self.opaque(id(one.rule), f"{one.text} ({one.rule.origin})")
            out.setdefault((Exit.PASS, 0), []).append(self.store.both(taken, free))
            out.setdefault((Exit.DROP, 0), []).append(self.store.both(taken, free ^ 1))
        elif one.kind is Kind.DROP:
            out.setdefault((Exit.DROP, 0), []).append(taken)
        else:
            way = Exit.SENT if one.targets else Exit.ACCEPT if one.kind is Kind.ACCEPT else Exit.RETURN
            out.setdefault((way, mark & one.after), []).append(taken)

    def accepted(self, hooks: list[ChainKey], scene: Scene, mark: int) -> Literal:
        """The packets of the scene that pass every hook of a path."""
        passed, state, _ = self._through(hooks, scene, mark)
        return self.store.either([*passed, *state.values()])

    def sent(self, hooks: list[ChainKey], scene: Scene, mark: int) -> dict[int, Literal]:
        """The packets of the scene to which the last of the hooks gives another destination, by the mark they have then."""
        return self._through(hooks, scene, mark)[2]

    def _through(
        self, hooks: list[ChainKey], scene: Scene, mark: int
    ) -> tuple[list[Literal], dict[int, Literal], dict[int, Literal]]:
        """(packets that nothing stops any more, packets past the last hook by mark, those of them that it sent elsewhere)."""
        store = self.store
        state: dict[int, Literal] = {mark: TRUE}
        passed: list[Literal] = []
        sent: dict[int, list[Literal]] = {}
        for hook in hooks:
            after: dict[int, list[Literal]] = {}
            sent = {}
            for entered, formula in state.items():
                for (way, left_mark), part in self.summary(hook, entered, scene.at(hook[1])).items():
                    joined = store.both(formula, part)
                    if way is Exit.SENT:
                        sent.setdefault(left_mark, []).append(joined)
                    if way is Exit.PASS:
                        passed.append(joined)
                    elif self.goes_on(hook, way):
                        after.setdefault(left_mark, []).append(joined)
            state = {m: formula for m, parts in after.items() if (formula := store.either(parts)) != FALSE}
        return passed, state, {m: store.either(parts) for m, parts in sent.items()}

    def goes_on(self, hook: ChainKey, way: Exit) -> bool:
        """Whether a packet that leaves a built-in chain this way meets the next hook."""
        return way in (Exit.ACCEPT, Exit.SENT) or (
            way is Exit.RETURN and self.program.chains[hook].policy is not Verdict.DROP
        )

    def destinations(self, key: ChainKey) -> frozenset[int]:
        """The masks of destinations that the rules of a chain, and of those it calls, tell apart."""
        return self.decided(key)[1]

    def _signature(self, key: ChainKey, scene: Scene) -> object:
        """What the constants of the scene decide inside a chain: scenes that agree share its summary."""
        sources, destinations, names = self.decided(key, scene.beyond)
        if len(sources) + len(destinations) > MANY:
            return scene.name, (scene.incoming.key, scene.outgoing.key, scene.ports.key) if names else None
        parts: list[object] = [scene.free, scene.services, scene.world, scene.beyond]
        if scene.free is not Axis.SOURCE:
            parts.append(tuple([mask & scene.source != 0 for mask in sources]))
        if scene.free is not Axis.DESTINATION:
            parts.append(tuple([mask & scene.destination != 0 for mask in destinations]))
        if names:
            parts.append((scene.incoming.groups, scene.outgoing.groups, scene.ports.key))
        return tuple(parts)

    def decided(self, key: ChainKey, beyond: ChainKey | None = None) -> Constants:
        """What is tested in a chain and below it, but for a chain that is left open."""
        found = self._constants.get((key, beyond))
        if found is None:
            sources: set[int] = set()
            destinations: set[int] = set()
            names = False
            for one in self.program.chains[key].body:
                _collect(one.test, self.everything, sources, destinations)
                names = names or bool(one.test.names or one.test.guarded)
                if one.target is not None and one.target != beyond:
                    inner = self.decided(one.target, beyond)
                    sources |= inner[0]
                    destinations |= inner[1]
                    names = names or inner[2]
            found = self._constants[key, beyond] = (frozenset(sources), frozenset(destinations), names)
        return found


def _collect(test: Compiled, everything: tuple[int, int, int], sources: set[int], destinations: set[int]) -> None:
    if test.source != everything[0]:
        sources.add(test.source)
    if test.destination != everything[1]:
        destinations.add(test.destination)
    guarded = [tuple(box for _, box in each.all) for each in test.guarded]
    for factor in (*test.factors, *guarded):
        for source, destination, _ in factor:
            if source != everything[0]:
                sources.add(source)
            if destination != everything[1]:
                destinations.add(destination)


__all__ = ["ADDRESS", "LABEL", "OPAQUE", "SERVICE", "Exit", "Outcome", "Summaries", "Summary"]
