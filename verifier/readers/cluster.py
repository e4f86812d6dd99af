"""Documents -> the cluster: every object once, other kinds counted, policies in tiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

from verifier.model.cluster import (
    Cluster,
    EndpointSlice,
    Namespace,
    NetworkSet,
    Node,
    Pod,
    Service,
    ServiceAccount,
    Workload,
)
from verifier.model.document import Document, Entries, Part, shown
from verifier.model.origin import InputError, Origin
from verifier.model.policy import Policy, Tier
from verifier.policies import POLICY_KINDS, PolicyKind
from verifier.policies.kind import Shared
from verifier.policies.nodes import with_nodes
from verifier.policies.services import with_services
from verifier.policies.tiers import converts, in_tiers, layers, surplus
from verifier.readers.calico_endpoints import HostEndpoint, Profile, Settings, WorkloadEndpoint
from verifier.readers.calico_things import accounts_of, hosts_of, namespaces_of, pods_of, refuse_named_ports
from verifier.readers.objects import OBJECT_KINDS, ClusterObject, ObjectKind, namespace_labels

Thing: TypeAlias = ClusterObject | Policy


def _is_foreign(group: str) -> bool:
    """Whether an API group is somebody else's than Kubernetes' own, so that its kinds are other kinds."""
    return "." in group and not group.endswith(".k8s.io")


_ALL_KINDS: tuple[ObjectKind | PolicyKind, ...] = (*OBJECT_KINDS, *POLICY_KINDS)
_KINDS = {(group, kind.name): kind for kind in _ALL_KINDS for group in kind.groups}
_NAMES = {kind.name: kind for kind in _ALL_KINDS if not any(_is_foreign(group) for group in kind.groups)}


@dataclass(slots=True)
class ClusterReader:
    """Collects documents one by one; `cluster` and `notes` are then what they say together."""

    _found: dict[tuple[str, str], Thing] = field(default_factory=dict)
    _ignored: Counter[str] = field(default_factory=Counter)
    _shared: Shared = field(default_factory=Shared)
    _policies_known: bool = False

    def add(self, document: Document) -> None:
        """Take a document; InputError where it is not what the API server would accept."""
        objects = list(_objects(document.path, document.entries, "", ""))
        self._policies_known = self._policies_known or (not objects and _may_be_of_policies(document.entries))
        for part in objects:
            self._add_object(part)

    def _add_object(self, part: Part) -> None:
        api, kind_name = part.text("apiVersion"), part.text("kind")
        group = api.rpartition("/")[0]
        kind = _KINDS.get((group, kind_name))
        if kind is None and (kind_name not in _NAMES or _is_foreign(group)):
            self._ignored[f"{kind_name}.{group}" if group else kind_name] += 1
            return
        kind = kind or _NAMES[kind_name]
        self._policies_known = self._policies_known or (isinstance(kind, PolicyKind) and kind.basic)
        if api not in (kind.api, *kind.other_apis):
            problem = f"expected apiVersion {kind.api} for a {kind_name}, found {shown(api or None)}"
            raise part.fault("apiVersion", problem, f"convert it to {kind.api}, as the API server prints it")
        thing = kind.read(part) if isinstance(kind, ObjectKind) else kind.translate(part, self._shared)
        key = f"{kind.groups[0]} {kind_name}", _name(thing)
        known = self._found.setdefault(key, thing)
        if known is not thing and _meaning(known) != _meaning(thing):
            problem = f"a second {kind_name} {_name(thing)}, different from the one at {known.origin}"
            raise InputError(thing.origin, problem, "keep the one that the cluster has now")

    def cluster(self) -> Cluster:
        """Everything that was read; InputError for a policy in a tier that there is not."""
        pods, profiles, hosts = self._pods(), self._all(Profile), self._all(HostEndpoint)
        namespaces = {each.name: each for each in (*namespaces_of(profiles), *self._all(Namespace))}
        for pod in pods:
            if pod.namespace not in namespaces:
                labels = namespace_labels(pod.namespace, {})
                namespaces[pod.namespace] = Namespace(pod.namespace, labels, pod.origin)
        nodes = {node.name: node for node in self._all(Node)}
        deciding, converted = self._layers(nodes)
        refuse_named_ports(hosts, deciding)
        return Cluster(
            namespaces,
            pods,
            nodes,
            self._all(Service),
            self._all(Workload),
            in_tiers(self._all(Tier), deciding),
            dict(sorted(self._ignored.items())),
            self._policies_known or any(converts(policy) for policy in deciding),
            self._unlabelled(),
            {each.full_name: each for each in (*accounts_of(profiles), *self._all(ServiceAccount))},
            (*self._all(NetworkSet), *hosts_of(hosts, profiles)),
            converted=tuple(converted),
        )

    def _layers(self, nodes: Mapping[str, Node]) -> tuple[list[Policy], list[Policy]]:
        """The policies that decide, and the conversions of NetworkPolicies beside them."""
        slices = self._all(EndpointSlice)
        policies = [with_services(with_nodes(policy, nodes), slices) for policy in self._all(Policy)]
        return layers(policies, networkpolicies_read=self._policies_known)

    def _unlabelled(self) -> frozenset[str]:
        named = {namespace.name for namespace in (*self._all(Namespace), *namespaces_of(self._all(Profile)))}
        living = {each.namespace for each in (*self._pods(), *self._all(NetworkSet)) if each.namespace}
        return frozenset(living - named)

    def _pods(self) -> tuple[Pod, ...]:
        """The pods, those that only Calico's endpoints show among them."""
        read: tuple[Pod, ...] = self._all(Pod)
        return (*read, *pods_of(self._all(WorkloadEndpoint), read))

    def notes(self) -> Iterator[str]:
        """Sentences on what the documents leave open."""
        deciding, converted = self._layers({})
        if not self._policies_known and not any(converts(policy) for policy in deciding):
            yield "cluster/ has no NetworkPolicy and no empty List: which policies there are is not known"
        unnamed = sorted(self._unlabelled())
        if unnamed:
            yield f"cluster/ has no Namespace object for {', '.join(unnamed)}: no label but its name is known"
        for policy in self._all(Policy):
            yield from policy.notes
        for settings in self._all(Settings):
            yield from settings.notes
        yield from surplus(converted, deciding)

    def _all(self, kind: Callable[..., Any]) -> tuple[Any, ...]:
        return tuple(thing for thing in self._found.values() if type(thing) is kind)


def _objects(path: str, entries: Entries, api: str, kind: str) -> Iterator[Part]:
    """The objects of a document, lists taken apart; the items of a typed list need not repeat what they are."""
    if kind and not (entries.get("kind") and entries.get("apiVersion")):
        given = {key: value for key, value in entries.items() if value is not None}
        entries = Entries(entries.line, {"apiVersion": api, "kind": kind, **given}.items())
    part = Part(path, "", entries)
    name = part.text("kind")
    if not name:
        raise part.fault("kind", "expected the kind of a Kubernetes object, found nothing", "add kind and apiVersion")
    if name != "List" and not (name.endswith("List") and type(entries.get("items")) is list):
        yield part
        return
    item_kind = name.removesuffix("List")  # "" for a plain List, whose items say what they are
    for index, item in enumerate(part.items("items")):
        if type(item) is not Entries:
            problem = f"items[{index}]: expected an object, found {shown(item)}"
            raise InputError(part.origin, problem, "remove it, or write the object")
        yield from _objects(path, item, part.text("apiVersion"), item_kind)


def _may_be_of_policies(entries: Entries) -> bool:
    """Whether an empty list says that there are no NetworkPolicies: a List does, whatever it was asked for."""
    group = str(entries.get("apiVersion") or "").rpartition("/")[0]
    return entries.get("kind") == "List" or (entries.get("kind") == "NetworkPolicyList" and not _is_foreign(group))


def _name(thing: Thing) -> str:
    if isinstance(thing, Policy | Namespace | Node | Tier | HostEndpoint | Profile | Settings):
        return thing.name
    return f"{thing.namespace}/{thing.name}"


def _meaning(value: object) -> object:
    """What an object says, apart from where it was read."""
    if isinstance(value, Origin):
        return None
    if isinstance(value, tuple):
        return tuple(_meaning(item) for item in value)
    if is_dataclass(value):
        return tuple(_meaning(getattr(value, each.name)) for each in fields(value) if each.compare)
    return value
