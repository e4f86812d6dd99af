"""Chains and sets for a synthetic cluster in the manner of Azure NPM: labels of the whole cluster, and-ed in every rule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from benchmarks.spans import port_matches
from benchmarks.synthetic import Peers, Pod, Policy, Synthetic

ALLOWED, INGRESS_DROP, EGRESS_DROP = "0x200/0x200", "0x400/0x400", "0x800/0x800"
TOPS = (
    "-A FORWARD -m conntrack --ctstate NEW -j AZURE-NPM",
    "-A AZURE-NPM -j AZURE-NPM-INGRESS",
    "-A AZURE-NPM -j AZURE-NPM-EGRESS",
    "-A AZURE-NPM -j AZURE-NPM-ACCEPT",
    "-A AZURE-NPM-ACCEPT -j ACCEPT",
    f"-A AZURE-NPM-INGRESS-ALLOW-MARK -j MARK --set-xmark {ALLOWED}",
    "-A AZURE-NPM-INGRESS-ALLOW-MARK -j AZURE-NPM-EGRESS",
)
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def _base36(number: int, length: int) -> str:
    """The last `length` digits."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


class AzureStyle:
    """The dump of the node; `sets` gathers labels and namespaces once, blocks and "everybody" per rule."""

    bridge = ""

    def __init__(self, synthetic: Synthetic) -> None:
        self.synthetic = synthetic
        self.sets: dict[str, list[str]] = {}
        self._lists: dict[str, list[str]] = {}

    def rules(self) -> list[str]:
        """All rules of the filter table."""
        policies = self.synthetic.policies
        made = [
            *TOPS,
            *(self._jump(policy) for policy in policies if policy.direction == "ingress"),
            f"-A AZURE-NPM-INGRESS -m mark --mark {INGRESS_DROP} -j DROP",
            *(self._jump(policy) for policy in policies if policy.direction == "egress"),
            f"-A AZURE-NPM-EGRESS -m mark --mark {EGRESS_DROP} -j DROP",
            f"-A AZURE-NPM-EGRESS -m mark --mark {ALLOWED} -j AZURE-NPM-ACCEPT",
            *(rule for policy in policies for rule in self._policy(policy)),
        ]
        self.sets.update(self._lists)
        return made

    def _jump(self, policy: Policy) -> str:
        ingress = policy.direction == "ingress"
        way, end = ("INGRESS", "dst") if ingress else ("EGRESS", "src")
        names = [*self._label(policy.role), self._namespace(policy.namespace)]
        return f"-A AZURE-NPM-{way} {_matches(names, end)}-j {self._chain(policy)}"

    def _chain(self, policy: Policy) -> str:
        digest = _base36(_number(f"{policy.namespace}/{policy.name}"), 10)
        return f"AZURE-NPM-{policy.direction.upper()}-{digest}"

    def _policy(self, policy: Policy) -> Iterator[str]:
        chain, ingress = self._chain(policy), policy.direction == "ingress"
        end, target = ("src", "AZURE-NPM-INGRESS-ALLOW-MARK") if ingress else ("dst", "AZURE-NPM-ACCEPT")
        for place, rule in enumerate(policy.rules):
            for number, peers in enumerate(rule.peers):
                matches = _matches(self._peers(policy, place, number, peers), end)
                for ports in port_matches(rule):
                    yield f"-A {chain} {ports}{matches}-j {target}"
        yield f"-A {chain} -j MARK --set-xmark {INGRESS_DROP if ingress else EGRESS_DROP}"

    def _peers(self, policy: Policy, place: int, number: int, peers: Peers) -> list[str]:
        """The sets that a peer must be in; a set of its own per policy where everybody is meant, as elsewhere."""
        if peers.kind == "role":
            return [*self._label(peers.value), self._namespace(policy.namespace)]
        if peers.kind == "team":
            return [self._team(peers.value)]
        name = _set(f"cidr-{policy.name}:in-ns:{policy.namespace}-{place}-{number}")
        if peers.kind == "block":
            self.sets[name] = [peers.value, *(f"{network} nomatch" for network in peers.excepted)]
        else:
            self.sets[name] = self.synthetic.peers(policy, peers)
        return [name]

    def _label(self, role: str) -> list[str]:
        name = _set(f"podlabel-role:{role}")
        if role and name not in self.sets:
            self.sets[name] = [pod.address for pod in self.synthetic.pods if pod.role == role]
        return [name] if role else []

    def _namespace(self, namespace: str) -> str:
        name = _set(f"ns-{namespace}")
        if name not in self.sets:
            self.sets[name] = [pod.address for pod in self.synthetic.pods if pod.namespace == namespace]
        return name

    def _team(self, team: str) -> str:
        name = _set(f"nslabel-team:{team}")
        if name not in self._lists:
            members = [each for each in self.synthetic.namespaces if self.synthetic.team(each) == team]
            self._lists[name] = [self._namespace(each) for each in members]
        return name

    def set_header(self, name: str) -> str:
        """The `create` line of a set."""
        if name in self._lists:
            return f"create {name} list:set size 8"
        return f"create {name} hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001"

    def member(self, name: str, member: str) -> str:
        """The `add` line of a member."""
        return f"add {name} {member}"

    def device(self, pod: Pod) -> str:
        """The interface that routes.json names for a pod."""
        digest = hashlib.sha1(f"{pod.namespace}.{pod.name}".encode(), usedforsecurity=False).hexdigest()
        return f"azv{digest[:11]}"


def _set(text: str) -> str:
    return f"azure-npm-{_base36(_number(text), 20)}"


def _matches(names: list[str], end: str) -> str:
    return "".join(f"-m set --match-set {name} {end} " for name in names)
