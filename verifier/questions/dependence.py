"""Which assumptions an answer depends on: exactly those of which another setting gives some question another answer.

A proved question depends on an assumption as soon as one packet must be accepted under the one setting and dropped under
the other, whatever the node does with it. Where no such packet exists and the settings still ask for different things,
the questions are asked again under each.

Spec: specs/assumptions.md (AS-12)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import TypeAlias

from verifier.model.assumption import ASSUMPTIONS, EXISTING_CONNECTIONS, SERVICE_ADDRESSES, SERVICE_HAIRPIN, Setting
from verifier.model.fields import ConnState
from verifier.model.finding import Answer, Kind, Question
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.questions.demands import Run
from verifier.questions.judge import Demanded
from verifier.questions.world import World
from verifier.semantics.interfaces import NO_INTERFACE
from verifier.semantics.places import LocalPod
from verifier.semantics.regions import Region, both, join, minus, same
from verifier.semantics.scene import Axis, Scene

Again: TypeAlias = Callable[[Mapping[str, Setting], Set[str], Set[Path]], Iterable[Question]]
"""Asks about these pods and paths of the family under other settings."""
LOCAL = {
    Path.REMOTE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_REMOTE: (Direction.EGRESS,),
    Path.POD_TO_POD: (Direction.EGRESS, Direction.INGRESS),
}
OF_SERVICES = (SERVICE_ADDRESSES, SERVICE_HAIRPIN)
"""Whether their packets exist is found out while the translations are followed."""
NEAR = (Path.NODE_TO_POD, Path.POD_TO_NODE)


def depended_on(world: World, questions: list[Question], firm: Set[tuple[str, Path]], again: Again) -> Iterator[str]:
    """The names of the assumptions that some answer of the family depends on; `firm` are refuted by new packets."""
    for assumption in ASSUMPTIONS:
        name = assumption.name
        open_ = [question for question in questions if not _settled(name, question, world, firm)]
        if (_covers if name in OF_SERVICES else _depends)(name, world, open_, again):
            yield name


def _settled(name: str, question: Question, world: World, firm: Set[tuple[str, Path]]) -> bool:
    """Whether a question stays refuted however the assumption is settled.

    Every setting asks for at least what is asked under `any`; and nothing that is asked of new packets hangs on what
    becomes of known connections.
    """
    if question.answer is not Answer.REFUTED:
        return False
    if world.demands.setting(name) is Setting.ANY:
        return True
    return name == EXISTING_CONNECTIONS and (question.pod, question.path) in firm


def _covers(name: str, world: World, questions: list[Question], again: Again) -> bool:
    """A question that is proved depends on what covers a packet of it."""
    known = {(question.pod, question.path): question.answer for question in questions}
    answers = {known[pod, path] for covering, pod, path in world.covered if covering == name and (pod, path) in known}
    return Answer.PROVED in answers or (bool(answers) and _changes(name, world, questions, again))


def _depends(name: str, world: World, questions: list[Question], again: Again) -> bool:
    allowing, denying = world.under(name, Setting.ALLOW), world.under(name, Setting.DENY)
    if allowing is denying:
        return False
    pods = {local.pod.full_name: local for local in world.places.pods}
    differ = False
    for question in sorted(questions, key=lambda each: each.answer is not Answer.PROVED):
        local = pods.get(question.pod)
        if local is None:
            continue
        for scene in _scenes(question.path, local, world):
            told = _told(question.path, scene, allowing, denying)
            flipped = next(told)
            if flipped and question.answer is Answer.PROVED:
                return True
            differ = differ or bool(flipped) or next(told)
        if differ and question.answer is not Answer.PROVED:
            break
    return differ and _changes(name, world, questions, again)


def _changes(name: str, world: World, questions: list[Question], again: Again) -> bool:
    known = {(question.pod, question.path): question.answer for question in questions}
    pods, paths = {question.pod for question in questions}, {question.path for question in questions}
    for setting in Setting:
        if setting is not world.demands.setting(name):
            others = again({**world.demands.settings, name: setting}, pods, paths)
            if any(known.get((each.pod, each.path), each.answer) is not each.answer for each in others):
                return True
    return False


def _told(path: Path, scene: Scene, allowing: World, denying: World) -> Iterator[bool]:
    """Whether some packet must pass under one setting and be dropped under the other; whether they ask differently at all."""
    excused = join(*(allowing.excused(kind, {path: scene.world}, scene) for kind in Kind))
    first, second = _asked(path, scene, allowing), _asked(path, scene, denying)
    yield any(minus(both(allow, second[state][1]), excused) for state, (allow, _) in first.items() if state in second)
    yield any(
        not same(one, other)
        for state in (*first, *second)
        for one, other in zip(first.get(state, ({}, {})), second.get(state, ({}, {})), strict=True)
    )


def _asked(path: Path, scene: Scene, world: World) -> dict[ConnState, tuple[Region, Region]]:
    """By state, what must pass and what must be dropped."""
    found: dict[ConnState, tuple[Region, Region]] = {}
    for whole in world.demands.runs():
        for run in whole.closer or (whole,):
            here = Scene(
                scene.name, scene.source, scene.destination, scene.free, NO_INTERFACE, NO_INTERFACE, run.state,
                run.services, scene.real,
            )  # fmt: skip
            allow, deny = _demanded(path, here, run, world)
            for state in run.states:
                known = found.get(state, ({}, {}))
                found[state] = join(known[0], allow), join(known[1], deny)
    return found


def _demanded(path: Path, scene: Scene, run: Run, world: World) -> tuple[Region, Region]:
    everything: Region = {scene.world: scene.services} if scene.services else {}
    if path in NEAR:
        asked = world.demands.nearby(run.demand, path, scene)
        return asked.allow, minus(everything, asked.open)
    ends = {direction: world.demands.asked(run.demand, direction, scene) for direction in Direction}
    deny: Region = {}
    for direction in LOCAL[path]:
        deny = join(deny, minus(everything, ends[direction].open))
    demanded = Demanded(both(ends[Direction.INGRESS].allow, ends[Direction.EGRESS].allow), deny, {})
    if path is Path.POD_TO_REMOTE:
        demanded = world.unserved(run, scene, demanded)
    return demanded.allow, demanded.deny


def _scenes(path: Path, local: LocalPod, world: World) -> Iterator[Scene]:
    """The pod of a question with the other ends of its path, interfaces aside."""
    places = world.places
    others = {Path.POD_TO_POD: sum(pod.bit for pod in places.pods if pod is not local)}
    others |= dict.fromkeys((Path.REMOTE_TO_POD, Path.POD_TO_REMOTE), places.remote) | dict.fromkeys(NEAR, places.own)
    other = others[path]
    name = f"{path.value} {local.pod.full_name}"
    services = world.space.services.all
    for ways, axis in (
        ((Path.REMOTE_TO_POD, Path.NODE_TO_POD), Axis.SOURCE),
        ((Path.POD_TO_REMOTE, Path.POD_TO_NODE), Axis.DESTINATION),
    ):
        if other and path in (*ways, Path.POD_TO_POD):
            source, destination = (other, local.bit) if axis is Axis.SOURCE else (local.bit, other)
            yield Scene(name, source, destination, axis, NO_INTERFACE, NO_INTERFACE, ConnState.NEW, services, other)
