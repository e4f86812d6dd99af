"""Named assumptions: what the policy API leaves undefined, each with three settings.

Spec: specs/assumptions.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Setting(Enum):
    """How an undefined item is to be judged; ANY leaves it unspecified."""

    ALLOW = "allow"
    DENY = "deny"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Assumption:
    """An undefined item: its name for `--assume NAME=SETTING`, what it covers, what two settings say, its source.

    `default` is not ANY where practice has settled what the API leaves to the plug-ins.
    """

    name: str
    sentence: str
    source: str
    allow: str
    deny: str
    default: Setting = Setting.ANY


OTHER_PROTOCOLS = "other-protocols"
RULES_WITHOUT_PORTS = "rules-without-ports"
ICMP_ERRORS = "icmp-errors"
INVALID_STATE = "invalid-state"
UNTRACKED_STATE = "untracked-state"
DOMAIN_NAMES = "domain-names"
EQUAL_PRIORITIES = "equal-priorities"
EXISTING_CONNECTIONS = "existing-connections"
HTTP_REQUESTS = "http-requests"
SERVICE_ENDPOINTS = "service-endpoints"
BLOCK_HOST_BITS = "block-host-bits"
REPEATED_PORT_NAMES = "repeated-port-names"
SIDECAR_PORTS = "sidecar-ports"
FINISHED_PODS = "finished-pods"
HOST_NETWORK_PODS = "host-network-pods"
SERVICE_ADDRESSES = "service-addresses"
SERVICE_HAIRPIN = "service-hairpin"

READINGS = (
    BLOCK_HOST_BITS, DOMAIN_NAMES, EQUAL_PRIORITIES, FINISHED_PODS, HOST_NETWORK_PODS, HTTP_REQUESTS,
    REPEATED_PORT_NAMES, SERVICE_ENDPOINTS,
    SIDECAR_PORTS,
)  # fmt: skip
"""The assumptions that decide what a rule of a policy says: allow is its wider reading, deny its narrower one."""

PAGE = "Kubernetes, Network Policies"
ADMINISTRATIVE = "Network Policy API (policy.networking.k8s.io), ClusterNetworkPolicy"

ASSUMPTIONS = (
    Assumption(
        BLOCK_HOST_BITS,
        "blocks of addresses with host bits set (10.0.0.1/24), in old objects",
        "legacy validation of CIDR values in the Kubernetes API",
        allow="the block is its network, such an exception takes nothing away",
        deny="the block holds no address, such an exception counts",
    ),
    Assumption(
        DOMAIN_NAMES,
        "which addresses the names of domains in policies for the whole cluster have",
        f"{ADMINISTRATIVE}, domainNames; names are looked up outside of what is read here",
        allow="a rule with such names allows every address",
        deny="such names have no address",
    ),
    Assumption(
        EQUAL_PRIORITIES,
        "packets of which policies of one tier and priority say different things",
        f"{ADMINISTRATIVE}, priority: an implementation may apply any of the matching policies",
        allow="they pass where any of these policies lets them",
        deny="they pass where each of these policies lets them",
    ),
    Assumption(
        EXISTING_CONNECTIONS,
        "packets of TCP, UDP and SCTP connections that policies would not let begin now",
        f"{PAGE}: the impact on existing connections is implementation defined",
        allow="they pass",
        deny="they are cut",
        default=Setting.ALLOW,
    ),
    Assumption(
        FINISHED_PODS,
        "addresses that only pods that have succeeded or failed have, as peers",
        f"{PAGE}: pod lifecycle; practice of the plug-ins",
        allow="selectors still select them",
        deny="they are addresses like any other",
    ),
    Assumption(
        HOST_NETWORK_PODS,
        "pods on the host's network, as peers",
        f"{PAGE}: NetworkPolicy and hostNetwork pods",
        allow="selectors select them by their node's address",
        deny="selectors do not select them",
    ),
    Assumption(
        HTTP_REQUESTS,
        "connections of which a rule allows some requests of HTTP only",
        "Calico, application layer policy: requests are judged beside the packets, by a proxy",
        allow="they pass, whatever they request",
        deny="they do not pass by this rule",
    ),
    Assumption(
        ICMP_ERRORS,
        "ICMP and ICMPv6 messages about a known connection (RELATED)",
        "practice; not part of the API",
        allow="they pass",
        deny="they are dropped",
    ),
    Assumption(
        INVALID_STATE,
        "packets that connection tracking calls INVALID",
        "practice; not part of the API",
        allow="they pass",
        deny="they are dropped",
    ),
    Assumption(
        OTHER_PROTOCOLS,
        "protocols other than TCP, UDP and SCTP",
        f"{PAGE}: network traffic filtering",
        allow="policies do not keep them out",
        deny="isolation keeps them out",
    ),
    Assumption(
        REPEATED_PORT_NAMES,
        "a port name to which several containers of a pod give different numbers",
        "core/v1 Pod: a port's name is unique within a container only",
        allow="every one of the numbers counts",
        deny="the number of the first container counts",
        default=Setting.ALLOW,
    ),
    Assumption(
        RULES_WITHOUT_PORTS,
        "protocols other than TCP, UDP and SCTP that a rule without ports would allow",
        f"{PAGE}: network traffic filtering, with the comment on ports in networking/v1",
        allow="such a rule allows them",
        deny="such a rule does not allow them",
    ),
    Assumption(
        SERVICE_ADDRESSES,
        "packets to an address of a Service that the node does not translate, where policies allow them",
        f"{PAGE}: behavior of to and from selectors",
        allow="they pass",
        deny="they are dropped",
    ),
    Assumption(
        SERVICE_ENDPOINTS,
        "peers that a rule names by a Service, whose endpoints are not read here",
        "Calico, NetworkPolicy, ServiceMatch",
        allow="every address is one of its endpoints",
        deny="no address is one of its endpoints",
    ),
    Assumption(
        SERVICE_HAIRPIN,
        "connections of a pod to itself through a Service",
        "network-policy-api, discussion of hairpin connections",
        allow="they pass",
        deny="they are dropped",
    ),
    Assumption(
        SIDECAR_PORTS,
        "port names that only restartable init containers (sidecars) declare",
        "core/v1 Pod; practice of the plug-ins",
        allow="they count",
        deny="they do not count",
    ),
    Assumption(
        UNTRACKED_STATE,
        "packets that connection tracking does not follow (UNTRACKED)",
        "practice; not part of the API",
        allow="they pass",
        deny="they are dropped",
    ),
)  # fmt: skip


class Presence(Enum):
    """How a policy of TCP, UDP and SCTP stands among others, to a packet of another protocol."""

    WRITTEN = "with its rules"
    WITHOUT_RULES = "without its rules"  # it isolates all the same
    ABSENT = "absent"


def presences(settings: Mapping[str, Setting]) -> tuple[Presence, ...]:
    """How such policies may stand beside some that speak of every protocol (AS-18)."""
    others, ports = chosen(settings, OTHER_PROTOCOLS), chosen(settings, RULES_WITHOUT_PORTS)
    found = () if others is Setting.DENY else (Presence.ABSENT,)
    if others is Setting.ALLOW:
        return found
    with_rules = () if ports is Setting.DENY else (Presence.WRITTEN,)
    return (*found, *with_rules, *(() if ports is Setting.ALLOW else (Presence.WITHOUT_RULES,)))


def defaults() -> dict[str, Setting]:
    """Every assumption at its default."""
    return {assumption.name: assumption.default for assumption in ASSUMPTIONS}


def chosen(settings: Mapping[str, Setting], name: str) -> Setting:
    """The setting of an assumption, its default where none is given."""
    return settings[name] if name in settings else DEFAULTS[name]


DEFAULTS = defaults()


def granted(settings: Mapping[str, Setting], *, perhaps: bool) -> frozenset[str]:
    """The readings that count: those settled as allow, and with `perhaps` those that nobody settled as well."""
    known = {name: chosen(settings, name) for name in READINGS}
    return frozenset(
        name for name, setting in known.items() if setting is Setting.ALLOW or (perhaps and setting is Setting.ANY)
    )
