"""Lemmas: a pod's part lets through exactly what that pod's policies ask, for every other end at once.

Each lemma is decided by the diagram and by the solver: where the diagram finds no difference, the solver has to prove
that there is none; where it finds one, the solver has to prove that both regions are exactly what the formulas say. Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from verifier.model.disagreement import Disagreement
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.questions.demands import Asked, Demand, Run
from verifier.questions.ledger import Ledger
from verifier.questions.world import World
from verifier.semantics.diagram import Diagram
from verifier.semantics.parts import Parts, Role
from verifier.semantics.places import Holder, LocalPod
from verifier.semantics.policies import Policies
from verifier.semantics.regions import Region, join, minus, within
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.skeleton import region_formula
from verifier.semantics.summaries import ADDRESS, SERVICE, Summaries
from verifier.smt.formula import FALSE, TRUE, Literal
from verifier.smt.solver import Solver

REMOTE_PATHS = {Role.EGRESS: Path.POD_TO_REMOTE, Role.INGRESS: Path.REMOTE_TO_POD}


@dataclass(slots=True)
class Lemma:
    """One end. Regions are over (other end, service): what its part passes and what its policies allow.

    `can` and `sure` differ where something opaque decides, `allowed` and `open` where nothing is asked. `read` is what the policies allow as deviations read them,
    `plain` what other deviations excuse, `excused` both together. `touched` are the other ends for which the part may differ
    from the policies; of remote ends only what they block counts.
    """

    role: Role
    holder: Holder
    scene: Scene
    allowed: Region
    open: Region
    can: Region = field(default_factory=dict)
    sure: Region = field(default_factory=dict)
    excused: dict[Kind, Region] = field(default_factory=dict)
    plain: dict[Kind, Region] = field(default_factory=dict)
    read: Region | None = None
    touched: int = 0
    exists: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def local(self) -> LocalPod:
        """The pod whose lemma it is."""
        assert isinstance(self.holder, LocalPod)
        return self.holder


class Lemmas:
    """All lemmas of one run."""

    def __init__(
        self,
        world: World,
        run: Run,
        parts: Parts,
        summaries: Summaries,
        solver: Solver,
        ledger: Ledger,
        *,
        written: bool,
    ) -> None:
        self._world = world
        self._run = run
        self._parts = parts
        self._summaries = summaries
        self._solver = solver
        self._ledger = ledger
        self._written = written
        self._known: dict[tuple[Role, int], Lemma] = {}
        self._everywhere: dict[tuple[Literal, Literal], bool] = {}

    def get(self, role: Role, holder: Holder) -> Lemma:
        """The decided lemma of an end."""
        key = (role, holder.cell)
        found = self._known.get(key)
        if found is None or (not found.exists and key in self._parts.entries):
            found = self._known[key] = self._decide(role, holder)
        return found

    def specified(self, role: Role, scene: Scene) -> Asked:
        """What must pass the scene's fixed end, and what may."""
        allow, wide = self._world.demands.asked(self._run.demand, role.direction, scene)
        narrow = within(allow, scene.real)
        return Asked(narrow, narrow if wide is allow else within(wide, scene.real))

    def _formulas(self, lemma: Lemma) -> tuple[Literal, Literal]:
        """What must pass and what may, as formulas; those of policies are made of their text, not of the region."""
        if self._run.demand is Demand.POLICY:
            demands = self._world.demands
            narrow = self._policy(demands.policies, lemma)
            one = demands.wide_policies is demands.policies
            return narrow, narrow if one else self._policy(demands.wide_policies, lemma)
        if self._run.demand in (Demand.ACCEPT, Demand.DROP):
            everything = TRUE if self._run.demand is Demand.ACCEPT else FALSE
            return everything, everything
        return self.formula(lemma.allowed, lemma.scene), self.formula(lemma.open, lemma.scene)

    def _policy(self, policies: Policies, lemma: Lemma) -> Literal:
        return policies.formula(lemma.role.direction, lemma.scene, self._summaries, written=self._written)

    def paths(self, role: Role, scene: Scene) -> dict[Path, int]:
        """Which cells of the free end belong to which path."""
        places = self._world.places
        return {REMOTE_PATHS[role]: scene.real & places.remote, Path.POD_TO_POD: scene.real & places.local}

    def _decide(self, role: Role, holder: Holder) -> Lemma:
        scene = self._parts.scene(role, holder)
        lemma = Lemma(role, holder, scene, *self.specified(role, scene))
        paths = self.paths(role, scene)
        if isinstance(holder, LocalPod):
            lemma.excused = lemma.plain = {kind: self._world.excused(kind, paths, scene) for kind in Kind}
            if self._run.demand is Demand.POLICY:
                self._read(lemma)
        entry = self._parts.entries.get((role, holder.cell))
        asked = self._formulas(lemma)
        if entry is None:
            if self._run.demand is Demand.POLICY:
                self.confirm(scene, _claims(lemma, asked))
            return lemma
        lemma.exists = True
        key, hook, mark = entry
        diagram = Diagram(self._parts.program, self._summaries.dispatch)
        can, dropped = diagram.part(key, mark, scene.at(hook), accepting=self._parts.accepting(key))
        lemma.can = within(can, scene.real)
        lemma.sure = minus({scene.real: scene.services}, dropped) if scene.real else {}
        lemma.reasons = tuple(diagram.reasons)
        passes = self._parts.conditions[role, holder.cell][0]
        self._compare(lemma, passes, asked)
        return lemma

    def _read(self, lemma: Lemma) -> None:
        """Excuse what the policies would have the node do if they were as deviations read them (ANS-9)."""
        scene = lemma.scene
        allowed = self._world.read(lemma.role.direction, scene)
        if allowed is None:
            return
        lemma.read = within(allowed, scene.real)
        denied = minus({scene.real: scene.services} if scene.real else {}, lemma.read)
        lemma.excused = {
            Kind.LEAK: join(lemma.plain[Kind.LEAK], lemma.read),
            Kind.BLOCKED: join(lemma.plain[Kind.BLOCKED], denied),
        }

    def note(self, kind: Kind, lemma: Lemma, difference: Region) -> None:
        """Remember the deviations that excuse some of a difference at a pod's end."""
        self._world.note_used(kind, self.paths(lemma.role, lemma.scene), lemma.scene, difference)
        if lemma.read is not None:
            mine = minus(difference, lemma.allowed if kind is Kind.LEAK else lemma.read)
            self._world.note_read(kind, lemma.role.direction, lemma.scene, mine)

    def _compare(self, lemma: Lemma, passes: Literal, asked: tuple[Literal, Literal]) -> None:
        scene = lemma.scene
        differs = minus(lemma.allowed, lemma.sure)
        if lemma.excused:
            leak, blocked = minus(lemma.can, lemma.open), differs
            self.note(Kind.LEAK, lemma, leak)
            self.note(Kind.BLOCKED, lemma, blocked)
            differs = join(minus(leak, lemma.excused[Kind.LEAK]), minus(blocked, lemma.excused[Kind.BLOCKED]))
        for cells in differs:
            lemma.touched |= cells
        self._ledger.count("lemmas")
        if differs:
            self.confirm(scene, ((passes, lemma.can, lemma.sure), *_claims(lemma, asked)))
        elif self._differs(lemma, passes, asked):
            raise Disagreement(f"{scene.name}: the solver finds a difference that the diagram does not")

    def _differs(self, lemma: Lemma, passes: Literal, asked: tuple[Literal, Literal]) -> bool:
        """Whether the part treats some packet otherwise than asked, excuses aside.

        What holds for every other end, the pod itself included, is settled for all pods that share the formulas.
        """
        scene = lemma.scene
        pair = (passes, asked[0])
        if not lemma.excused:
            pair = (self._summaries.store.both(asked[0], passes ^ 1), FALSE)
        elif any(lemma.excused.values()) or asked[0] != asked[1]:
            pair = (self._bad(lemma, passes, asked), FALSE)
        found = self._everywhere.get(pair)
        if found is None:
            found = self._solver.differ([pair], {ADDRESS: scene.world, SERVICE: scene.services})
            self._everywhere[pair] = found
        if not found or scene.world == scene.real:
            return found
        return self._solver.differ([pair], {ADDRESS: scene.real, SERVICE: scene.services})

    def _bad(self, lemma: Lemma, passes: Literal, asked: tuple[Literal, Literal]) -> Literal:
        """The packets that the part treats otherwise than asked and that nothing excuses."""
        store = self._summaries.store
        allowed, wide = asked
        leak = store.both(store.both(passes, wide ^ 1), self.formula(lemma.excused[Kind.LEAK], lemma.scene) ^ 1)
        blocked = store.both(
            store.both(allowed, passes ^ 1), self.formula(lemma.excused[Kind.BLOCKED], lemma.scene) ^ 1
        )
        return store.either((leak, blocked))

    def formula(self, region: Region, scene: Scene) -> Literal:
        """A region of a scene as a formula."""
        axis = scene.free
        return region_formula(
            region,
            lambda cells: TRUE if axis is Axis.NEITHER else self._summaries.end(axis, cells, scene),
            lambda mask: self._summaries.services(mask, scene),
            self._summaries.store,
        )

    def confirm(self, scene: Scene, claims: Sequence[tuple[Literal, Region, Region]]) -> None:
        """Raises Disagreement unless for each (formula, can, sure): sure implies the formula, the formula implies can."""
        cells = {SERVICE: scene.services}
        if scene.free is not Axis.NEITHER:
            cells[ADDRESS] = scene.real
        store = self._summaries.store
        pairs: list[tuple[Literal, Literal]] = []
        for formula, can, sure in claims:
            upper, lower = self.formula(can, scene), self.formula(sure, scene)
            if upper == lower:
                pairs.append((formula, upper))
            else:
                outside = store.either((store.both(formula, upper ^ 1), store.both(lower, formula ^ 1)))
                pairs.append((outside, FALSE))
        self._ledger.count("regions confirmed")
        if self._solver.differ(pairs, cells):
            raise Disagreement(f"{scene.name}: the listed region is not what the rules say")


def _claims(lemma: Lemma, asked: tuple[Literal, Literal]) -> list[tuple[Literal, Region, Region]]:
    """That the regions of what is asked are what its formulas say."""
    claims = [(asked[0], lemma.allowed, lemma.allowed)]
    if asked[0] != asked[1]:
        claims.append((asked[1], lemma.open, lemma.open))
    return claims
