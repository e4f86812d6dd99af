"""Which addresses the pods have that a selector selects, and which ports they declare.

Spec: specs/policies/network_policy.md, specs/universe.md (U-7)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from verifier.evidence.bundle.script import Function, Script
from verifier.evidence.bundle.terms import FALSE, TRUE, Term, addresses, conj, disj, equal, negation, number, variable
from verifier.model.addresses import address_text, merge
from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import NAMESPACE_NAME, End, Label, Scope
from verifier.model.predicate import All, AnyOf, LabelIn, LabelText, Not, PortNamed, Predicate
from verifier.reference.things import satisfies
from verifier.reference.view import View

ENDS = {End.SOURCE: "src", End.DESTINATION: "dst"}
PORTS = {End.SOURCE: "sport", End.DESTINATION: "dport"}
LISTED = 40
"""Of more pods than so many, a comment gives only the number."""


class Inventory:
    """The pods of a cluster by their addresses of one family.

    With `guest`, an end with this pod instead of whatever has its address (AS-10, AS-11): labels of that end are then
    the guest's, and so are the names of its ports where the end is the destination.
    """

    def __init__(self, script: Script, view: View, guest: tuple[End, Pod] | None = None) -> None:
        self._script = script
        self._view = view
        self._cluster: Cluster = view.cluster
        self._pods = {at: pod for (family, at), pod in view.pods.items() if family == script.family}
        self._guest = guest
        self._known: dict[tuple[bool, frozenset[int]], Function] = {}
        self._ports: dict[tuple[PortNamed, bool], Function] = {}
        self._selected: dict[int, tuple[Predicate, bool, frozenset[int]]] = {}
        alike: dict[tuple[str, str, frozenset[tuple[str, str]]], list[int]] = {}
        for at, pod in self._pods.items():
            alike.setdefault((pod.namespace, pod.service_account, frozenset(pod.labels.items())), []).append(at)
        self._alike = list(alike.values())
        self._ends: dict[int, tuple[Predicate, frozenset[End]]] = {}

    def hosting(self, end: End, pod: Pod) -> Inventory:
        """The same with a guest at one end."""
        other = Inventory.__new__(Inventory)
        for name in ("_script", "_view", "_cluster", "_pods", "_known", "_ports", "_selected", "_alike"):
            setattr(other, name, getattr(self, name))
        other._guest, other._ends = (end, pod), {}
        return other

    def ends(self, predicate: Predicate) -> frozenset[End]:
        """The ends whose labels a predicate asks for, where it asks for nothing else; else none."""
        found = self._ends.get(id(predicate))
        if found is None:
            found = self._ends[id(predicate)] = predicate, _ends(predicate) or frozenset()
        return found[1]

    def gathered(self, parts: tuple[Predicate, ...]) -> list[Predicate]:
        """The parts of a disjunction, with those that ask for labels of one end alone taken together."""
        found: dict[frozenset[End], list[Predicate]] = {}
        others: list[Predicate] = []
        for part in parts:
            ends = self.ends(part)
            if len(ends) == 1:
                found.setdefault(ends, []).append(part)
            else:
                others.append(part)
        return [*(each[0] if len(each) == 1 else AnyOf(tuple(each)) for each in found.values()), *others]

    def selected(self, predicate: Predicate, end: End) -> Term:
        """A predicate over the labels of one end: the addresses of the pods for which it holds."""
        if self._guest is not None and self._guest[0] is end:
            return TRUE if self._holds(predicate, self._guest[1]) else FALSE
        nobody, chosen = self._chosen(predicate)
        if not chosen:
            return TRUE if nobody else FALSE
        key = nobody, chosen
        if key not in self._known:
            listed = addresses(variable("a"), self._script.address, [(at, at) for at in sorted(chosen)])
            told = "everything but these pods" if nobody else "these pods"
            name = f"pods/{len(self._known) + 1}"
            body = negation(listed) if nobody else listed
            self._known[key] = self._script.define(name, body, (f"{told}:", *self._named(chosen)))
        return self._known[key].call({"a": variable(ENDS[end])})

    def _chosen(self, predicate: Predicate) -> tuple[bool, frozenset[int]]:
        """Whether a predicate over labels holds where there is no pod, and the pods for which it is otherwise."""
        found = self._selected.get(id(predicate))
        if found is None:
            nobody = self._holds(predicate, None)
            told = [each for each in self._alike if self._holds(predicate, self._pods[each[0]]) is not nobody]
            found = predicate, nobody, frozenset(at for each in told for at in each)
            self._selected[id(predicate)] = found
        return found[1], found[2]

    def _named(self, chosen: Iterable[int]) -> Iterator[str]:
        every = sorted(chosen)
        for at in every[:LISTED]:
            yield f"  {address_text(self._script.family, at)} {self._pods[at].full_name}"
        if len(every) > LISTED:
            yield f"  and {len(every) - LISTED} more"

    def _holds(self, predicate: Predicate, pod: Pod | None) -> bool:
        match predicate:
            case LabelIn(label, values):
                value = None if pod is None else self._label(label, pod)
                return value is not None and (values is None or value in values)
            case LabelText(label, test, text):
                value = None if pod is None else self._label(label, pod)
                return value is not None and test.holds(value, text)
            case All(parts):
                return all(self._holds(part, pod) for part in parts)
            case AnyOf(parts):
                return any(self._holds(part, pod) for part in parts)
            case Not(part):
                return not self._holds(part, pod)
            case _:
                raise AssertionError(predicate)

    def _label(self, label: Label, pod: Pod) -> str | None:
        return self._cluster.label(pod, label)

    def thing(self, end: End, part: Predicate, satisfied: Term) -> Term:
        """The pods of an end that satisfy a selector, and the networks of every network set that does by itself."""
        family = self._script.family
        is_pod = self.selected(LabelIn(Label(end, Scope.NAMESPACE, NAMESPACE_NAME), None), end)
        sets = [each for each in self._cluster.network_sets if satisfies(part, each, self._view)]
        ranges = merge(span for each in sets for span in each.networks.get(family, ()))
        held = addresses(variable(ENDS[end]), self._script.address, ranges) if ranges else FALSE
        return disj((conj((is_pod, satisfied)), held))

    def port(self, test: PortNamed, *, any_port: bool = False) -> Term:
        """The ends that declare a port under a name, with its numbers or any port (NP-45, NP-48)."""
        proto = equal(variable("proto"), number(test.protocol, 8))
        field = PORTS[test.end]
        if self._guest is not None and self._guest[0] is test.end:
            numbers = self._guest[1].ports_named(test.name, test.protocol, test.declared)
            return conj((proto, _one_of(field, numbers, any_port=any_port))) if numbers else FALSE
        key = test, any_port
        if key not in self._ports:
            found: dict[tuple[int, ...], list[int]] = {}
            for at, pod in sorted(self._pods.items()):
                numbers = tuple(sorted(set(pod.ports_named(test.name, test.protocol, test.declared))))
                if numbers:
                    found.setdefault(numbers, []).append(at)
            ports = [
                conj((self._at(test.end, ends), _one_of(field, numbers, any_port=any_port)))
                for numbers, ends in found.items()
            ]
            words = f"port {test.name} of protocol {test.protocol}, as {test.declared.value} containers declare it"
            body = conj((proto, disj(ports)))
            self._ports[key] = self._script.define(f"port/{test.protocol}/{test.name}", body, (words,))
        return self._ports[key].call()

    def _at(self, end: End, ends: list[int]) -> Term:
        return addresses(variable(ENDS[end]), self._script.address, [(at, at) for at in ends])


def _one_of(field: str, numbers: Iterable[int], *, any_port: bool) -> Term:
    return TRUE if any_port else disj(equal(variable(field), number(each, 16)) for each in numbers)


def _ends(predicate: Predicate) -> frozenset[End] | None:
    match predicate:
        case LabelIn(label) | LabelText(label):
            return frozenset((label.end,))
        case Not(part):
            return _ends(part)
        case All(parts) | AnyOf(parts):
            found: frozenset[End] = frozenset()
            for part in parts:
                ends = _ends(part)
                if ends is None:
                    return None
                found |= ends
            return found
        case _:
            return None
