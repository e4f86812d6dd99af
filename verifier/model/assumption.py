"""Named assumptions: what the policy API leaves undefined, each with three settings.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Setting(Enum):
    """How an undefined item is to be judged; ANY leaves it unspecified and is the default."""

    ALLOW = "allow"
    DENY = "deny"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Assumption:
    """An undefined item: its name for `--assume NAME=SETTING`, what it covers, and where the API leaves it open."""

    name: str
    sentence: str
    source: str


SERVICE_ADDRESSES = "service-addresses"
SERVICE_HAIRPIN = "service-hairpin"

ASSUMPTIONS = (
    Assumption("other-protocols", "protocols other than TCP, UDP and SCTP", "Kubernetes, Network Policies: network traffic filtering"),
    Assumption("invalid-state", "packets that connection tracking calls INVALID", "practice; not part of the API"),
    Assumption(SERVICE_ADDRESSES, "packets to an address of a Service that the node does not translate, where policies allow them", "Kubernetes, Network Policies: behavior of to and from selectors"),
    Assumption(SERVICE_HAIRPIN, "connections of a pod to itself through a Service", "network-policy-api, discussion of hairpin connections"),
    Assumption("untracked-state", "packets that connection tracking does not follow (UNTRACKED)", "practice; not part of the API"),
)  # fmt: skip


def defaults() -> dict[str, Setting]:
    """Every assumption at its default."""
    return {assumption.name: Setting.ANY for assumption in ASSUMPTIONS}
