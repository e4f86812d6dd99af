"""The queries of a script: for every question, whether some packet is treated otherwise than asked.

Spec: specs/evidence.md (EV-3)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from verifier.evidence.bundle.interfaces import Interfaces, leaving
from verifier.evidence.bundle.script import Function, Script
from verifier.evidence.bundle.terms import Term, conj, equal, number, variable
from verifier.evidence.bundle.world import World
from verifier.model.addresses import address_text
from verifier.model.bundle import NO_PORT, Plan, PodPlace, Port
from verifier.model.finding import Answer
from verifier.model.path import Path

NEAR = (Path.NODE_TO_POD, Path.POD_TO_NODE)
SENT_BY_PODS = (Path.POD_TO_REMOTE, Path.POD_TO_NODE)


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a script by its number from 1: what it asks, and the pods whose questions it helps to answer.

    It is about packets of which one end, `near` ("src" or "dst"), is the pod `pod`; with `sent_on`, about those that the
    node gives this destination.
    """

    number: int
    title: str
    path: Path
    pods: tuple[str, ...]
    pod: str
    near: str
    sent_on: bool = False


class Queries:
    """Writes queries one after the other."""

    def __init__(self, script: Script, plan: Plan, world: World, interfaces: Interfaces) -> None:
        self._script = script
        self._plan = plan
        self._world = world
        self._interfaces = interfaces
        self._further: list[Term] = []
        self._sent_on = False
        self.written: list[Query] = []

    def ask(
        self,
        path: Path,
        differs: Function,
        pods: Iterable[PodPlace],
        answers: Mapping[str, Answer],
        sent_on: list[Term] | None = None,
    ) -> None:
        """All queries of a path, for these pods, whose questions have these answers.

        `sent_on` is what holds of packets that the node gives another destination; None: that it does not is asked.
        """
        self._further, self._sent_on = sent_on or [], sent_on is not None
        chosen = list(pods)
        if path is not Path.POD_TO_POD:
            for pod in chosen:
                self._fixed(path, differs, pod)
            return
        # every pair is asked from its sender's end; where some pair differs, or some pod is not asked about, the
        # receiver's end has to be asked too, because then the senders' queries do not answer its question
        asked = {pod.name for pod in chosen}
        whole = all(answers.get(pod.name) is Answer.PROVED for pod in self._plan.pods)
        for pod in chosen:
            everybody = tuple(sorted(asked)) if whole else (pod.name,)
            self._pairs(differs, pod, everybody, sender=True)
            if not whole:
                self._pairs(differs, pod, (pod.name,), sender=False)

    def _fixed(self, path: Path, differs: Function, pod: PodPlace) -> None:
        """One pod, and everything that its path has at the other end."""
        near, far = ("src", "dst") if path in SENT_BY_PODS else ("dst", "src")
        mine = "in-interface" if near == "src" else "out-interface"
        given = {near: number(pod.address, self._script.address), mine: self._interfaces.interface(pod.interface)}
        if path in NEAR:
            conditions = [self._world.own(far)]
            coming = pod.port if path is Path.POD_TO_NODE else NO_PORT
            given |= self._ports(coming, NO_PORT)
            given["out-interface" if mine == "in-interface" else "in-interface"] = self._interfaces.interface("")
        else:
            conditions = [self._world.remote(far), self._world.wires(path, pod, ports=_reads_ports(differs))]
        what = {
            Path.REMOTE_TO_POD: "from anything remote to",
            Path.POD_TO_REMOTE: "to anything remote from",
            Path.NODE_TO_POD: "from the node itself to",
            Path.POD_TO_NODE: "to the node itself from",
        }[path]
        fixed = [equal(variable(name), value) for name, value in given.items()]
        asserted = [*fixed, *conditions, differs.call(given)]
        self._query(path, f"{what} {self._told(pod)}", (pod.name,), (pod.name, near), asserted)

    def _pairs(self, differs: Function, pod: PodPlace, pods: tuple[str, ...], *, sender: bool) -> None:
        near, mine = ("src", "in-interface") if sender else ("dst", "out-interface")
        address = number(pod.address, self._script.address)
        ways = [self._pair(differs, pod, each, sender=sender) for each in self._plan.pods if each is not pod]
        what = f"from {self._told(pod)} to the other pods" if sender else f"from the other pods to {self._told(pod)}"
        fixed = [equal(variable(near), address), equal(variable(mine), self._interfaces.interface(pod.interface))]
        pairs = Term("\n  ".join(["(or", *ways]) + ")") if len(ways) > 1 else Term(ways[0] if ways else "false")
        self._query(Path.POD_TO_POD, f"{what} of this node", pods, (pod.name, near), [*fixed, pairs])

    def _pair(self, differs: Function, pod: PodPlace, other: PodPlace, *, sender: bool) -> str:
        """Two pods, as the definition takes them; the far end is that of the packet."""
        source, destination = (pod, other) if sender else (other, pod)
        given = {
            "src": number(source.address, self._script.address),
            "dst": number(destination.address, self._script.address),
            "in-interface": self._interfaces.interface(source.interface),
            "out-interface": self._interfaces.interface(destination.interface),
            **self._ports(source.port, destination.port),
        }
        far = ("dst", "out-interface") if sender else ("src", "in-interface")
        return conj((*(equal(variable(name), given[name]) for name in far), differs.call(given))).text

    def _ports(self, coming: Port, going: Port) -> dict[str, Term]:
        out = leaving(coming, going)
        return {"in-port": self._interfaces.port(coming), "out-port": self._interfaces.port(out)}

    def _told(self, pod: PodPlace) -> str:
        return f"{pod.name} ({address_text(self._plan.family, pod.address)})"

    def _query(self, path: Path, title: str, pods: tuple[str, ...], end: tuple[str, str], asserted: list[Term]) -> None:
        told = f"{path.value}{', sent on by the node' if self._sent_on else ''}: {title}"
        found = Query(len(self.written) + 1, told, path, pods, *end, self._sent_on)
        self.written.append(found)
        self._script.lines.append("")
        self._script.comment(f"query {found.number}, {found.title}")
        self._script.lines.append("(push 1)")
        for each in (self._world.possible, *self._further, *asserted):
            if each.text != "true":
                self._script.lines.append(f"(assert {each.text})")
        self._script.lines += ["(check-sat)", "(pop 1)"]


def _reads_ports(differs: Function) -> bool:
    return "in-port" in differs.parameters or "out-port" in differs.parameters
