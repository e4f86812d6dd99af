"""Azure NPM's sets: the texts that their names hash, and what each of them stands for now.

Spec: specs/compilers/azure.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from verifier.compilers.azure_names import Era, set_name
from verifier.compilers.ideal import ideal_blocks, ideal_members, ideal_pods
from verifier.compilers.selection import PROTOCOLS, Population, pods_in, pods_of, selecting, written_policies
from verifier.model.addresses import address_text
from verifier.model.cluster import Cluster
from verifier.model.fields import Scope
from verifier.model.ipset import AddressPart, IpSet, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.predicate import all_of
from verifier.model.profile import IdealSet, Selection
from verifier.model.written import Requirement, WrittenBlock, WrittenPolicy, WrittenSelector

ALL_NAMESPACES = "nslabel-all-namespaces"
PROTOCOL_NAMES = {number: name.lower() for name, number in PROTOCOLS.items()}


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a set is for: one of the fields says it.

    `namespace` has all pods of one; `namespaces` are those that have a label, `pods` the pods that do; `any_of` are pods
    with one of several values of a label, as a list of sets; `port` is the name of a port; `block` is an ipBlock.
    """

    namespace: str = ""
    namespaces: WrittenSelector | None = None
    pods: WrittenSelector | None = None
    any_of: Requirement | None = None
    port: str = ""
    block: WrittenBlock | None = None


def having(key: str, value: str | None = None) -> WrittenSelector:
    """The selector of a label, with a value or with any."""
    if value is None:
        return WrittenSelector(expressions=(Requirement(key, "Exists"),))
    return WrittenSelector(labels=((key, value),))


def label_text(kind: str, key: str, value: str | None = None) -> str:
    """The text of the set of a label; `kind` is "podlabel" or "nslabel"."""
    return f"{kind}-{key}" if value is None else f"{kind}-{key}:{value}"


def nested_text(policy: str, requirement: Requirement) -> str:
    """The text of a policy's list for one of several values; releases before had no policy in it ("")."""
    owner = f"{policy}:" if policy else ""
    return f"nestedlabel-{owner}{requirement.key}:{':'.join(requirement.values)}"


def block_text(policy: WrittenPolicy, rule: int, peer: int, way: str, *, old: bool = False) -> str:
    """The text of the set of a block: of which peer of which rule, `way` IN or OUT."""
    place = f"in-ns-{policy.namespace}" if old else f"in-ns:{policy.namespace}"
    joint = "-" if old else ":"
    return f"cidr-{policy.name}{joint}{place}-{rule}-{peer}{way}"


def purposes(cluster: Cluster) -> Iterator[tuple[str, Purpose]]:
    """The sets that can exist for a cluster, by text."""
    yield ALL_NAMESPACES, Purpose(namespaces=WrittenSelector())
    for space in cluster.namespaces.values():
        yield f"ns-{space.name}", Purpose(space.name)
        for key, value in space.labels.items():
            yield from _labelled("nslabel", key, value)
    for pod in cluster.pods:
        for key, value in pod.labels.items():
            yield from _labelled("podlabel", key, value)
        for port in pod.ports:
            yield f"namedport:{port.name}", Purpose(port=port.name)
    for policy in written_policies(cluster):
        yield from _of_policy(policy)


def _labelled(kind: str, key: str, value: str) -> Iterator[tuple[str, Purpose]]:
    for text, selector in ((label_text(kind, key), having(key)), (label_text(kind, key, value), having(key, value))):
        yield text, _having(kind, selector)


def _of_policy(policy: WrittenPolicy) -> Iterator[tuple[str, Purpose]]:
    """Sets of labels that a policy names, whoever has them, its lists, named ports and blocks."""
    yield from _of_selector(policy, policy.pods, "podlabel")
    for way, rules in (("IN", policy.ingress), ("OUT", policy.egress)):
        for place, rule in enumerate(rules):
            for port in rule.ports:
                if isinstance(port.port, str):
                    yield f"namedport:{port.port}", Purpose(port=port.port)
            for number, peer in enumerate(rule.peers):
                if peer.block is not None:
                    for old in (False, True):
                        yield block_text(policy, place, number, way, old=old), Purpose(block=peer.block)
                for kind, selector in (("podlabel", peer.pods), ("nslabel", peer.namespaces)):
                    if selector is not None:
                        yield from _of_selector(policy, selector, kind)


def _of_selector(policy: WrittenPolicy, selector: WrittenSelector, kind: str) -> Iterator[tuple[str, Purpose]]:
    for key, value in selector.labels:
        yield from _labelled(kind, key, value)
    for each in selector.expressions:
        yield label_text(kind, each.key), _having(kind, having(each.key))
        for value in each.values:
            yield from _labelled(kind, each.key, value)
        if len(each.values) > 1 and kind == "podlabel":
            for owner in (f"{policy.namespace}/{policy.name}", ""):
                yield nested_text(owner, each), Purpose(any_of=each)


def _having(kind: str, selector: WrittenSelector) -> Purpose:
    return Purpose(pods=selector) if kind == "podlabel" else Purpose(namespaces=selector)


def ideal_sets(node: NodeState, cluster: Cluster) -> Mapping[str, IdealSet]:
    """Every loaded set that stands for something of the cluster, with what that is now."""
    loaded = node.sets or {}
    population = Population(cluster, 4)
    return {
        name: _ideal(loaded[name], text, purpose, population, loaded, era)
        for name, (text, purpose, era) in _loaded(loaded, cluster).items()
    }


def selections(node: NodeState, cluster: Cluster) -> Mapping[str, Selection | None]:
    """Every loaded set that stands for something, with the pods that it stands for in every cluster."""
    return {name: _selection(purpose) for name, (_, purpose, _) in _loaded(node.sets or {}, cluster).items()}


def _selection(purpose: Purpose) -> Selection | None:
    if purpose.block is not None:
        return None
    everybody = pods_in(WrittenSelector())
    if purpose.port:
        return Selection(everybody, ((None, purpose.port, None),), entries=True)
    if purpose.any_of is not None:
        chosen = WrittenSelector(expressions=(replace(purpose.any_of, operator="In"),))
        return Selection(all_of(everybody, selecting(chosen, Scope.POD)))
    if purpose.namespaces is not None:
        return Selection(pods_in(purpose.namespaces))
    if purpose.pods is not None:
        return Selection(all_of(everybody, selecting(purpose.pods, Scope.POD)))
    return Selection(pods_of(WrittenSelector(), purpose.namespace))


def _loaded(loaded: Mapping[str, IpSet], cluster: Cluster) -> dict[str, tuple[str, Purpose, Era]]:
    """The loaded sets that have a purpose, by name: the text that it hashes, the purpose, and of which releases."""
    found: dict[str, tuple[str, Purpose, Era]] = {}
    known = dict(purposes(cluster))
    for era in Era:
        for text, purpose in known.items():
            name = set_name(text, era)
            if name in loaded:
                found.setdefault(name, (text, purpose, era))
    return found


def _ideal(
    known: IpSet, text: str, purpose: Purpose, population: Population, loaded: Mapping[str, IpSet], era: Era
) -> IdealSet:
    if purpose.block is not None:
        return ideal_blocks(known, 4, [purpose.block], f"block {purpose.block.cidr} and its exceptions ({text})")
    if purpose.port:
        return _named_port(known, purpose.port, population)
    if purpose.any_of is not None:
        key, values = purpose.any_of.key, purpose.any_of.values
        wanted = [(label_text("podlabel", key, value), having(key, value)) for value in values]
        parts = {set_name(inner, era): population.labels.selected(selector) for inner, selector in wanted}
        return _listed(known, parts, population, loaded, f"pods with label {key} in ({', '.join(values)})")
    if purpose.namespaces is not None:
        spaces = list(population.namespaces(purpose.namespaces))
        parts = {set_name(f"ns-{space}", era): population.of(WrittenSelector(), space) for space in spaces}
        return _listed(known, parts, population, loaded, f"the pods of the namespaces of {text!r}")
    if purpose.pods is not None:
        return ideal_pods(known, population, population.labels.selected(purpose.pods), f"the pods of {text!r}")
    pods = population.of(WrittenSelector(), purpose.namespace)
    return ideal_pods(known, population, pods, f"the pods of namespace {purpose.namespace}")


def _named_port(known: IpSet, name: str, population: Population) -> IdealSet:
    entries = sorted(
        {
            (address, port.protocol, port.number)
            for pod, address in population.listed(population.labels.all)
            for port in pod.ports
            if port.name == name
        }
    )
    members = tuple(
        SetMember(
            f"{address_text(4, address)},{PROTOCOL_NAMES.get(protocol, protocol)}:{number}",
            (AddressPart(address, address), PortPart(protocol, number, number)),
        )
        for address, protocol, number in entries
    )
    return ideal_members(known, SetContent("hash:ip,port", 2, members), f"ports named {name!r} of all pods")


def _listed(
    known: IpSet, parts: Mapping[str, int], population: Population, loaded: Mapping[str, IpSet], meaning: str
) -> IdealSet:
    """A list of sets; those without pods may be in it or not. Where one that it needs is not loaded, its pods at once."""
    wanted = {name for name, pods in parts.items() if pods}
    if known.content.kind == "list:set":
        listed = set(known.content.lists)
        harmless = all(name in parts or _holds_nothing(name, loaded) for name in listed - wanted)
        if wanted <= listed and harmless:
            return IdealSet(known, meaning)
    if wanted <= loaded.keys():
        return IdealSet(replace(known, content=SetContent("list:set", 1, (), tuple(sorted(wanted)))), meaning)
    everybody = 0
    for pods in parts.values():
        everybody |= pods
    return ideal_pods(replace(known, family=4, content=SetContent("hash:net", 1, ())), population, everybody, meaning)


def _holds_nothing(name: str, loaded: Mapping[str, IpSet]) -> bool:
    return name in loaded and not loaded[name].content.members
