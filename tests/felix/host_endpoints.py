"""Chains of a host endpoint, with Calico's own policies for it, which no NetworkPolicy is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.felix.dialect import Dialect, limited
from tests.felix.line import Part, Rule, goto, incoming, jump, mark, marked, outgoing, protocol, rule, states, to_ports

Chains = dict[str, list[Rule]]
ANY = "any-interface-at-all"
FAILSAFE_IN = (("tcp", "22"), ("udp", "68"), ("tcp", "179"), ("tcp", "2379"), ("tcp", "6443"))
FAILSAFE_OUT = (("udp", "53"), ("udp", "67"), ("tcp", "179"), ("tcp", "2379"), ("tcp", "6443"))


@dataclass(frozen=True)
class GlobalPolicy:
    """A GlobalNetworkPolicy for the ingress of host endpoints: one rule for the match, the rest denied or passed on.

    `kind` is normal, forward (applyOnForward), untracked (doNotTrack) or early (preDNAT).
    """

    name: str
    kind: str
    action: str
    match: tuple[Part, ...] = ()


@dataclass(frozen=True)
class HostEndpoint:
    """A host endpoint for an interface; "*" for every one."""

    interface: str
    policies: tuple[GlobalPolicy, ...] = ()

    @property
    def name(self) -> str:
        return ANY if self.interface == "*" else self.interface

    def of(self, kind: str) -> list[GlobalPolicy]:
        return [each for each in self.policies if each.kind == kind]


def filter_chains(dialect: Dialect, end: HostEndpoint) -> Chains:
    """What the endpoint adds to the filter table."""
    chains: Chains = {
        **_dispatch(dialect, end, "cali-from-host-endpoint", "cali-fh-", outward=False),
        **_dispatch(dialect, end, "cali-to-host-endpoint", "cali-th-", outward=True),
        "cali-failsafe-in": _failsafes(FAILSAFE_IN),
        "cali-failsafe-out": _failsafes(FAILSAFE_OUT),
        f"cali-fh-{end.name}": list(_own(dialect, end, "cali-pri-", "in")),
        f"cali-th-{end.name}": list(_own(dialect, end, "cali-pro-", "out")),
    }
    if dialect.release >= (3, 0):
        chains |= _dispatch(dialect, end, "cali-from-hep-forward", "cali-fhfw-", outward=False)
        chains |= _dispatch(dialect, end, "cali-to-hep-forward", "cali-thfw-", outward=True)
        chains[f"cali-fhfw-{end.name}"] = list(_forwarded(dialect, end.of("forward")))
        chains[f"cali-thfw-{end.name}"] = list(_forwarded(dialect, []))
    for prefix in ("cali-pri-", "cali-pro-"):
        accept = dialect.accept
        chains[limited(prefix, "projectcalico-default-allow")] = [rule(to=mark(accept, accept))]
    return chains | _policies(dialect, end.of("normal") + end.of("forward"))


def raw_chains(dialect: Dialect, end: HostEndpoint) -> Chains:
    """What untracked policies add to the raw table."""
    if not end.of("untracked"):
        return {}
    accept = dialect.accept
    rules = [rule(to=jump("cali-failsafe-in")), _clear(dialect)]
    for each in end.of("untracked"):
        rules.append(rule(marked(0, dialect.passed), to=jump(_chain(each))))
        rules.append(rule(marked(accept, accept), to=Part("--jump NOTRACK", "-j NOTRACK")))
        rules.append(rule(marked(accept, accept), to=jump("RETURN"), says="Return if policy accepted"))
    return {
        **_dispatch(dialect, end, "cali-from-host-endpoint", "cali-fh-", outward=False),
        "cali-failsafe-in": _failsafes(FAILSAFE_IN),
        f"cali-fh-{end.name}": rules,
        **_policies(dialect, end.of("untracked")),
    }


def mangle_chains(dialect: Dialect, end: HostEndpoint) -> Chains:
    """What policies before translation add to the mangle table."""
    if not end.of("early"):
        return {}
    rules = [
        rule(states("RELATED,ESTABLISHED"), to=jump("ACCEPT")),
        rule(states("INVALID"), to=jump("DROP")),
        rule(to=jump("cali-failsafe-in")),
        _clear(dialect),
    ]
    for each in end.of("early"):
        rules += _entry(dialect, each)
    return {
        **_dispatch(dialect, end, "cali-from-host-endpoint", "cali-fh-", outward=False),
        "cali-failsafe-in": _failsafes(FAILSAFE_IN),
        f"cali-fh-{end.name}": rules,
        **_policies(dialect, end.of("early")),
    }


def _dispatch(dialect: Dialect, end: HostEndpoint, root: str, prefix: str, *, outward: bool) -> Chains:
    if end.interface != "*":
        test = outgoing if outward else incoming
        return {root: [rule(test(end.interface), to=goto(prefix + end.interface))]}
    says = "Skip egress WHEP policy for traffic to local workload"
    skip = [rule(outgoing(dialect.prefix + "+"), to=jump("RETURN"), says=says)] if outward else []
    return {root: [*skip, rule(to=goto(prefix + ANY))]}


def _failsafes(ports: tuple[tuple[str, str], ...]) -> list[Rule]:
    return [rule(protocol(name), to_ports(port), to=jump("ACCEPT")) for name, port in ports]


def _clear(dialect: Dialect) -> Rule:
    return rule(to=mark(0, dialect.accept | dialect.passed if dialect.release >= (3, 28) else dialect.accept))


def _head(dialect: Dialect) -> list[Rule]:
    if dialect.release < (2, 2):
        return []
    return [rule(states("RELATED,ESTABLISHED"), to=jump("ACCEPT")), rule(states("INVALID"), to=jump("DROP"))]


def _entry(dialect: Dialect, policy: GlobalPolicy) -> list[Rule]:
    accepted = marked(dialect.accept, dialect.accept)
    return [
        rule(marked(0, dialect.passed), to=jump(_chain(policy))),
        rule(accepted, to=jump("RETURN"), says="Return if policy accepted"),
    ]


def _tier(dialect: Dialect, policies: list[GlobalPolicy]) -> Iterator[Rule]:
    if policies:
        yield rule(to=mark(0, dialect.passed), says="Start of tier default")
        for each in policies:
            yield from _entry(dialect, each)
        end = "End of tier default. Drop if no policies passed packet"
        yield rule(marked(0, dialect.passed), to=jump(dialect.deny), says=end)


def _own(dialect: Dialect, end: HostEndpoint, profiles: str, way: str) -> Iterator[Rule]:
    yield from _head(dialect)
    yield rule(to=jump(f"cali-failsafe-{way}"))
    yield _clear(dialect)
    if way == "in":
        yield from _tier(dialect, end.of("normal"))
    accepted = marked(dialect.accept, dialect.accept)
    yield rule(to=jump(limited(profiles, "projectcalico-default-allow")))
    yield rule(accepted, to=jump("RETURN"), says="Return if profile accepted")
    yield rule(to=jump(dialect.deny), says="Drop if no profiles matched")


def _forwarded(dialect: Dialect, policies: list[GlobalPolicy]) -> Iterator[Rule]:
    yield from _head(dialect)
    yield _clear(dialect)
    if policies:
        yield from _tier(dialect, policies)
        return
    yield rule(to=mark(dialect.accept, dialect.accept), says="Allow forwarded traffic by default")
    yield rule(to=jump("RETURN"), says="Return for accepted forward traffic")


def _chain(policy: GlobalPolicy) -> str:
    return limited("cali-pi-", f"gnp/{policy.name}")


def _policies(dialect: Dialect, policies: list[GlobalPolicy]) -> Chains:
    chains: Chains = {}
    for each in policies:
        says = f"GlobalNetworkPolicy {each.name} ingress"
        if each.action == "allow":
            chains[_chain(each)] = [rule(*each.match, to=mark(dialect.accept, dialect.accept), says=says)]
            continue
        denied = dialect.bits[2]
        chains[_chain(each)] = [
            rule(*each.match, to=mark(denied, denied), says=says),
            rule(marked(denied, denied), to=jump(dialect.deny)),
            rule(to=mark(dialect.accept, dialect.accept)),
        ]
    return chains


def port(name: str, number: int) -> tuple[Part, ...]:
    """The match of one port of a protocol."""
    return protocol(name), to_ports(str(number))
