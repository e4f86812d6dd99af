"""Chains and sets for a synthetic cluster in the manner of kube-router: by address, a set per end of every rule."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from benchmarks.spans import port_matches
from benchmarks.synthetic import Peers, Pod, Policy, Synthetic

OK, DONE = "0x10000/0x10000", "0x20000/0x20000"
COMMON = (
    "-A KUBE-NWPLCY-COMMON -m conntrack --ctstate INVALID -j DROP",
    "-A KUBE-NWPLCY-COMMON -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A KUBE-NWPLCY-COMMON -p icmp -m icmp --icmp-type 8 -j ACCEPT",
    f"-A KUBE-NWPLCY-DEFAULT -j MARK --set-xmark {OK}",
    f"-A KUBE-NWPLCY-TAIL -m mark --mark {DONE} -j ACCEPT",
)
HOOKS = {"INPUT": ("-s",), "FORWARD": ("-d", "-s"), "OUTPUT": ("-d", "-s")}


def _name(prefix: str, text: str) -> str:
    digest = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"{prefix}{digest[:16]}"


class KubeRouterStyle:
    """The dump of the node; `sets` gathers what the rules refer to, none of them shared."""

    bridge = ""

    def __init__(self, synthetic: Synthetic) -> None:
        self.synthetic = synthetic
        self.sets: dict[str, list[str]] = {}

    def rules(self) -> list[str]:
        """All rules of the filter table."""
        local = [pod for pod in self.synthetic.pods if pod.here]
        return [
            *(rule for hook, options in HOOKS.items() for rule in self._hook(hook, options, local)),
            *COMMON,
            *(rule for pod in local for rule in self._pod(pod)),
            *(rule for policy in self.synthetic.policies for rule in self._policy(policy)),
        ]

    def _hook(self, hook: str, options: tuple[str, ...], pods: list[Pod]) -> Iterator[str]:
        chain = f"KUBE-ROUTER-{hook}"
        yield f"-A {hook} -j {chain}"
        for pod in pods:
            for option in options:
                name = f"{pod.namespace}/{pod.name} {'in' if option == '-d' else 'out'}"
                yield f'-A {chain} {option} {pod.address}/32 -m comment --comment "{name}" -j {self._chain(pod)}'
        yield f"-A {chain} -j KUBE-NWPLCY-TAIL"
        yield f"-A {chain} -m mark --mark {DONE} -j ACCEPT"

    def _chain(self, pod: Pod) -> str:
        return _name("KUBE-POD-FW-", f"{pod.namespace}/{pod.name}")

    def _pod(self, pod: Pod) -> Iterator[str]:
        chain = self._chain(pod)
        yield f"-A {chain} -j KUBE-NWPLCY-COMMON"
        yield f"-A {chain} -d {pod.address}/32 -m addrtype --src-type LOCAL -j ACCEPT"
        for direction, option in (("egress", "-s"), ("ingress", "-d")):
            policies = [
                policy
                for policy in self.synthetic.policies
                if policy.direction == direction and policy.namespace == pod.namespace and policy.role in ("", pod.role)
            ]
            for policy in policies:
                yield f"-A {chain} {option} {pod.address}/32 -j {self._policy_chain(policy)}"
            if not policies:
                yield f"-A {chain} {option} {pod.address}/32 -j KUBE-NWPLCY-DEFAULT"
        yield f"-A {chain} -m mark ! --mark {OK} -m limit --limit 10/min --limit-burst 10 -j NFLOG --nflog-group 100"
        yield f"-A {chain} -m mark ! --mark {OK} -j REJECT --reject-with icmp-port-unreachable"
        yield f"-A {chain} -j MARK --set-xmark 0x0/0x10000"
        yield f"-A {chain} -j MARK --set-xmark {DONE}"

    def _policy_chain(self, policy: Policy) -> str:
        return _name("KUBE-NWPLCY-", f"{policy.namespace}/{policy.name}")

    def _policy(self, policy: Policy) -> Iterator[str]:
        chain, ingress = self._policy_chain(policy), policy.direction == "ingress"
        owner = f"{policy.namespace}/{policy.name}"
        own = _name("KUBE-DST-" if ingress else "KUBE-SRC-", f"{owner} own")
        self.sets[own] = [pod.address for pod in self.synthetic.selected(policy)]
        for place, rule in enumerate(policy.rules):
            for number, peers in enumerate(rule.peers):
                other = _name("KUBE-SRC-" if ingress else "KUBE-DST-", f"{owner} {place} {number}")
                self.sets[other] = self._members(policy, peers)
                source, destination = (other, own) if ingress else (own, other)
                ends = f"-m set --match-set {source} src -m set --match-set {destination} dst"
                for ports in port_matches(rule):
                    yield f"-A {chain} {ends} {ports}-j MARK --set-xmark {OK}"
                    yield f"-A {chain} {ends} {ports}-m mark --mark {OK} -j RETURN"

    def _members(self, policy: Policy, peers: Peers) -> list[str]:
        if peers.kind == "block":
            return [peers.value, *(f"{network} nomatch" for network in peers.excepted)]
        return self.synthetic.peers(policy, peers)

    def set_header(self, name: str) -> str:
        """The `create` line of a set."""
        kind = "hash:net" if any("/" in member for member in self.sets[name]) else "hash:ip"
        return (
            f"create {name} {kind} family inet hashsize 1024 maxelem 65536 timeout 0 bucketsize 12 initval 0x00000001"
        )

    def member(self, name: str, member: str) -> str:
        """The `add` line of a member."""
        address, _, flag = member.partition(" ")
        return f"add {name} {address} timeout 0{' ' + flag if flag else ''}"

    def device(self, pod: Pod) -> str:
        """The bridge that all pods share."""
        return "kube-bridge"
