"""Chains and sets for a synthetic cluster in the manner of Calico: by interface, policies as marks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from benchmarks.synthetic import Peers, Pod, Policy, Rule, Synthetic

ACCEPT, PASS, SCRATCH = "0x10000/0x10000", "0x20000", "0x80000"
STATES = ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-m conntrack --ctstate INVALID -j DROP")
TOPS = (
    "-A INPUT -j cali-INPUT",
    "-A FORWARD -j cali-FORWARD",
    f"-A FORWARD -m mark --mark {ACCEPT} -j ACCEPT",
    f"-A FORWARD -j MARK --set-xmark {ACCEPT}",
    "-A OUTPUT -j cali-OUTPUT",
    "-A cali-FORWARD -j MARK --set-xmark 0x0/0x1a0000",
    "-A cali-FORWARD -i cali+ -j cali-from-wl-dispatch",
    "-A cali-FORWARD -o cali+ -j cali-to-wl-dispatch",
    "-A cali-INPUT -i cali+ -g cali-wl-to-host",
    f"-A cali-INPUT -m mark --mark {ACCEPT} -j ACCEPT",
    "-A cali-OUTPUT -o cali+ -j RETURN",
    "-A cali-wl-to-host -j cali-from-wl-dispatch",
    '-A cali-wl-to-host -m comment --comment "Configured DefaultEndpointToHostAction" -j ACCEPT',
)


def interface(pod: Pod) -> str:
    """The host-side interface of a pod."""
    digest = hashlib.sha1(f"{pod.namespace}.{pod.name}".encode(), usedforsecurity=False).hexdigest()
    return f"cali{digest[:11]}"


def _name(prefix: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{prefix}{digest[:20]}"


class CalicoStyle:
    """The dump of the node; `sets` gathers what the rules refer to, equal selectors sharing one set."""

    bridge = ""

    def __init__(self, synthetic: Synthetic) -> None:
        self.synthetic = synthetic
        self.sets: dict[str, list[str]] = {}

    def rules(self) -> list[str]:
        """All rules of the filter table."""
        local = [pod for pod in self.synthetic.pods if pod.here]
        return [
            *TOPS,
            *self._dispatch(local, "-i", "from", "fw"),
            *self._dispatch(local, "-o", "to", "tw"),
            *(rule for pod in local for rule in self._pod(pod)),
            *(rule for policy in self.synthetic.policies for rule in self._policy(policy)),
        ]

    def _dispatch(self, pods: list[Pod], option: str, way: str, kind: str) -> Iterator[str]:
        """One chain per first character of the interface, as Calico does where several pods share it."""
        names = sorted(map(interface, pods))
        top = f"cali-{way}-wl-dispatch"
        for letter in sorted({name[4] for name in names}):
            group = [name for name in names if name[4] == letter]
            if len(group) > 1:
                yield f"-A {top} {option} cali{letter}+ -g {top}-{letter}"
                for name in group:
                    yield f"-A {top}-{letter} {option} {name} -g cali-{kind}-{name}"
                yield f"-A {top}-{letter} -j DROP"
            else:
                yield f"-A {top} {option} {group[0]} -g cali-{kind}-{group[0]}"
        yield f"-A {top} -j DROP"

    def _pod(self, pod: Pod) -> Iterator[str]:
        for direction, kind in (("egress", "fw"), ("ingress", "tw")):
            chain = f"cali-{kind}-{interface(pod)}"
            yield from (f"-A {chain} {rule}" for rule in STATES)
            yield f"-A {chain} -j MARK --set-xmark 0x0/0x30000"
            policies = [
                policy
                for policy in self.synthetic.policies
                if policy.direction == direction and policy.namespace == pod.namespace and policy.role in ("", pod.role)
            ]
            for policy in policies:
                yield f"-A {chain} -m mark --mark 0x0/{PASS} -j {self._chain(policy)}"
                yield f"-A {chain} -m mark --mark {ACCEPT} -j RETURN"
            if policies:
                yield f"-A {chain} -m mark --mark 0x0/{PASS} -j DROP"
            else:
                yield f"-A {chain} -j MARK --set-xmark {ACCEPT}"
                yield f"-A {chain} -m mark --mark {ACCEPT} -j RETURN"
            yield f"-A {chain} -j DROP"

    def _chain(self, policy: Policy) -> str:
        return _name("cali-pi-" if policy.direction == "ingress" else "cali-po-", f"{policy.namespace}/{policy.name}")

    def _policy(self, policy: Policy) -> Iterator[str]:
        chain, end = self._chain(policy), "src" if policy.direction == "ingress" else "dst"
        accept = f"-j MARK --set-xmark {ACCEPT}"
        for rule in policy.rules:
            ports = _ports(rule)
            for peers in rule.peers:
                protocol = f"-p {rule.protocol.lower()} " if rule.protocol else ""
                if peers.kind == "block":
                    option = "-s" if end == "src" else "-d"
                    yield f"-A {chain} -j MARK --set-xmark {SCRATCH}/0x180000"
                    for network in peers.excepted:
                        yield f"-A {chain} {option} {network} -j MARK --set-xmark 0x0/{SCRATCH}"
                    match = f"{option} {peers.value} {protocol}-m mark --mark {SCRATCH}/{SCRATCH} {ports}"
                else:
                    match = f"{protocol}-m set --match-set {self._set(policy, peers)} {end} {ports}"
                yield f"-A {chain} {match}{accept}"
                yield f"-A {chain} -m mark --mark {ACCEPT} -j RETURN"

    def _set(self, policy: Policy, peers: Peers) -> str:
        """A set of its own per policy where everybody is meant, so that members can be had in any number."""
        owner = f"{policy.namespace}/{policy.name}" if peers.kind == "all" else policy.namespace
        name = _name("cali40s:", f"{owner} {peers.kind} {peers.value}")
        if name not in self.sets:
            self.sets[name] = self.synthetic.peers(policy, peers)
        return name

    def set_header(self, name: str) -> str:
        """The `create` line of a set."""
        return f"create {name} hash:net family inet hashsize 1024 maxelem 1048576 bucketsize 12 initval 0x00000001"

    def member(self, name: str, member: str) -> str:
        """The `add` line of a member."""
        return f"add {name} {member}"

    def device(self, pod: Pod) -> str:
        """The interface that routes.json names for a pod."""
        return interface(pod)


def _ports(rule: Rule) -> str:
    spans = [f"{first}:{last}" if last > first else str(first) for first, last in rule.ports]
    return f"-m multiport --dports {','.join(spans)} " if spans else ""
