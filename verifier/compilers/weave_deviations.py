"""Where Weave Net documents that it reads NetworkPolicies otherwise than the API says.

Spec: specs/compilers/weave.md
"""

from __future__ import annotations

from dataclasses import replace

from verifier.compilers.rewritings import rewriting, without_ipv6
from verifier.model.fields import Field
from verifier.model.finding import Premise
from verifier.model.node import NodeState
from verifier.model.policy import Policy, PolicyRule
from verifier.model.predicate import All, AnyOf, InRange, Not, PortNamed, Predicate
from verifier.model.profile import Deviation

NAMED_PORTS = Premise(
    "named-ports-rejected",
    "a policy that names a port by its name is rejected whole: it isolates no pod and allows nothing",
    "Weave Net, Integrating Kubernetes: the network policy controller does not support named ports",
)
END_PORTS = Premise(
    "end-port-ignored",
    "of a range of ports that a policy gives with endPort, only the first is opened",
    "Weave Net, network policy controller: built against an API that has no endPort (2.8.1 and before)",
)
IPV4_ONLY = Premise(
    "ipv4-only",
    "policies have no effect on IPv6",
    "Weave Net, Integrating Kubernetes: IPv4 only",
)
DOCUMENTED = (NAMED_PORTS, END_PORTS, IPV4_ONLY)


def deviations(_node: NodeState) -> tuple[Deviation, ...]:
    """All of them, whatever the dump: what is not compiled leaves no trace in it (WV-10 to WV-12)."""
    return rewriting(NAMED_PORTS, without_names), rewriting(END_PORTS, _without_end_ports), without_ipv6(IPV4_ONLY)


def without_names(policy: Policy) -> Policy | None:
    """The policy, unless a rule of it names a port by its name, in whichever direction (WV-10)."""
    return None if policy.written and any(_names_port(rule.ports) for rule in policy.rules) else policy


def _names_port(predicate: Predicate) -> bool:
    match predicate:
        case PortNamed():
            return True
        case All(parts) | AnyOf(parts):
            return any(_names_port(part) for part in parts)
        case Not(part):
            return _names_port(part)
        case _:
            return False


def _without_end_ports(policy: Policy) -> Policy:
    """The policy with the first port of every range in place of the range (WV-11)."""
    if policy.written is None:
        return policy
    rules = tuple(_narrowed(rule) for rule in policy.rules)
    return policy if rules == policy.rules else replace(policy, rules=rules)


def _narrowed(rule: PolicyRule) -> PolicyRule:
    ports = _first_ports(rule.ports)
    return rule if ports == rule.ports else replace(rule, ports=ports)


def _first_ports(predicate: Predicate) -> Predicate:
    match predicate:
        case InRange(Field.DESTINATION_PORT, ranges):
            return InRange(Field.DESTINATION_PORT, tuple((first, first) for first, _ in ranges))
        case All(parts):
            return All(tuple(_first_ports(part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_first_ports(part) for part in parts))
        case _:
            return predicate
