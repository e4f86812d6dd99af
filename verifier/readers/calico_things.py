"""What profiles and endpoints of Calico add to a cluster: labels, pods that no Pod object shows, and hosts as labelled things.

Spec: specs/calico_objects.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from verifier.model.cluster import Namespace, NetworkSet, Pod, ServiceAccount
from verifier.model.origin import InputError
from verifier.model.policy import Policy
from verifier.model.predicate import PortNamed, tests_of
from verifier.policies.calico_labels import OWN_NAME
from verifier.policies.calico_selector import OF_NAMESPACE, OF_SERVICE_ACCOUNT
from verifier.readers.calico_endpoints import (
    ACCOUNT_PROFILE,
    NAMESPACE_PROFILE,
    HostEndpoint,
    Profile,
    WorkloadEndpoint,
)
from verifier.readers.objects import namespace_labels

HOST_ENDPOINT = "HostEndpoint"


def namespaces_of(profiles: Iterable[Profile]) -> Iterator[Namespace]:
    """The namespaces whose labels profiles carry (CRO-1)."""
    for profile in profiles:
        if profile.name.startswith(NAMESPACE_PROFILE):
            name = profile.name.removeprefix(NAMESPACE_PROFILE)
            yield Namespace(name, namespace_labels(name, _inherited(profile, OF_NAMESPACE)), profile.origin)


def accounts_of(profiles: Iterable[Profile]) -> Iterator[ServiceAccount]:
    """The service accounts whose labels profiles carry (CRO-1)."""
    for profile in profiles:
        namespace, dot, name = profile.name.removeprefix(ACCOUNT_PROFILE).partition(".")
        if profile.name.startswith(ACCOUNT_PROFILE) and dot:
            yield ServiceAccount(namespace, name, _inherited(profile, OF_SERVICE_ACCOUNT), profile.origin)


def pods_of(endpoints: Iterable[WorkloadEndpoint], known: Iterable[Pod]) -> Iterator[Pod]:
    """The pods that only their endpoints show, each once (CRO-4)."""
    named = {pod.full_name for pod in known}
    for endpoint in endpoints:
        if endpoint.pod.full_name not in named:
            named.add(endpoint.pod.full_name)
            yield endpoint.pod


def hosts_of(endpoints: Iterable[HostEndpoint], profiles: Iterable[Profile]) -> Iterator[NetworkSet]:
    """Host endpoints as the labelled things that a selector may mean at their addresses (CRO-3)."""
    known = {profile.name: profile.labels for profile in profiles}
    for each in endpoints:
        labels: dict[str, str] = {}
        for inherited in (known.get(name, {}) for name in reversed(each.profiles)):
            labels |= inherited
        yield NetworkSet(HOST_ENDPOINT, "", each.name, {**labels, **each.labels}, each.networks, each.origin)


def refuse_named_ports(endpoints: Iterable[HostEndpoint], policies: Iterable[Policy]) -> None:
    """InputError where a policy of a kind that sees hosts asks for a port by a name that a host endpoint declares."""
    declared = {(port.protocol, port.name): each for each in endpoints for port in each.ports}
    for policy in policies if declared else ():
        for rule in policy.rules if policy.written is None else ():
            for part in (rule.peer, rule.ports, *(reading.ports for reading in rule.readings)):
                for asked in (test for test in tests_of(part) if isinstance(test, PortNamed)):
                    host = declared.get((asked.protocol, asked.name))
                    if host is not None:
                        problem = f"HostEndpoint {host.name} declares port {asked.name}, for which {rule.text} of "
                        problem += f"{policy.kind} {policy.name} asks by name"
                        raise InputError(host.origin, problem, "named ports of hosts are not understood: ask by number")


def _inherited(profile: Profile, prefix: str) -> dict[str, str]:
    """The labels of what the profile is made of: Calico's own name for it is none of them."""
    return {
        key.removeprefix(prefix): value
        for key, value in profile.labels.items()
        if key.startswith(prefix) and key != f"{prefix}{OWN_NAME}"
    }
