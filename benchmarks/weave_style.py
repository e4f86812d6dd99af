"""Chains and sets for a synthetic cluster in the manner of Weave Net: two flat lists of permits over sets of addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from benchmarks.spans import port_matches
from benchmarks.synthetic import Peers, Pod, Policy, Synthetic

MARK = "0x40000/0x40000"
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789(){}[]+=_$%^!*|/?.;:@#~"
TOPS = (
    "-A INPUT -i weave -j WEAVE-NPC-EGRESS",
    "-A FORWARD -i weave -j WEAVE-NPC-EGRESS",
    "-A FORWARD -o weave -j WEAVE-NPC",
    "-A FORWARD -o weave -m state --state NEW -j NFLOG --nflog-group 86",
    "-A FORWARD -o weave -j DROP",
    "-A FORWARD -i weave ! -o weave -j ACCEPT",
    "-A WEAVE-NPC -m state --state RELATED,ESTABLISHED -j ACCEPT",
    "-A WEAVE-NPC -d 224.0.0.0/4 -j ACCEPT",
    "-A WEAVE-NPC -m physdev --physdev-out vethwe-bridge --physdev-is-bridged -j ACCEPT",
    "-A WEAVE-NPC -m state --state NEW -j WEAVE-NPC-DEFAULT",
    "-A WEAVE-NPC -m state --state NEW -j WEAVE-NPC-INGRESS",
    "-A WEAVE-NPC-EGRESS -m state --state RELATED,ESTABLISHED -j ACCEPT",
    "-A WEAVE-NPC-EGRESS -m physdev --physdev-in vethwe-bridge --physdev-is-bridged -j RETURN",
    "-A WEAVE-NPC-EGRESS -m addrtype --dst-type LOCAL -j RETURN",
    "-A WEAVE-NPC-EGRESS -d 224.0.0.0/4 -j RETURN",
    "-A WEAVE-NPC-EGRESS -m state --state NEW -j WEAVE-NPC-EGRESS-DEFAULT",
    f"-A WEAVE-NPC-EGRESS -m state --state NEW -m mark ! --mark {MARK} -j WEAVE-NPC-EGRESS-CUSTOM",
    f"-A WEAVE-NPC-EGRESS -m state --state NEW -m mark ! --mark {MARK} -j NFLOG --nflog-group 86",
    f"-A WEAVE-NPC-EGRESS -m mark ! --mark {MARK} -j DROP",
    f"-A WEAVE-NPC-EGRESS-ACCEPT -j MARK --set-xmark {MARK}",
)


def _name(text: str) -> str:
    """The name of a set: SHA-1 in base 85, the least significant digit first."""
    number = int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest(), "big")
    digits = []
    while number:
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "weave-" + "".join(digits)


class WeaveStyle:
    """The dump of the node; `sets` gathers what the rules refer to, equal selectors sharing one set."""

    bridge = "10.244.0.0/16"

    def __init__(self, synthetic: Synthetic) -> None:
        self.synthetic = synthetic
        self.sets: dict[str, list[str]] = {}
        self._lists: dict[str, list[str]] = {}

    def rules(self) -> list[str]:
        """All rules of the filter table."""
        made = [
            *TOPS,
            *(rule for name in self.synthetic.namespaces for rule in self._defaults(name)),
            *(rule for policy in self.synthetic.policies for rule in self._policy(policy)),
        ]
        self.sets.update(self._lists)
        return made

    def _defaults(self, namespace: str) -> Iterator[str]:
        """What no policy isolates, per namespace and direction."""
        for direction, chain in (("ingress", "WEAVE-NPC-DEFAULT"), ("egress", "WEAVE-NPC-EGRESS-DEFAULT")):
            name = _name(f"{direction}-default-allow:{namespace}")
            isolating = [p for p in self.synthetic.policies if p.namespace == namespace and p.direction == direction]
            isolated = {pod.address for policy in isolating for pod in self.synthetic.selected(policy)}
            mine = [pod.address for pod in self.synthetic.pods if pod.namespace == namespace]
            self.sets[name] = [address for address in mine if address not in isolated]
            end = "dst" if direction == "ingress" else "src"
            comment = f'-m comment --comment "DefaultAllow {direction} isolation for namespace: {namespace}"'
            yield from _permits(chain, f"-m set --match-set {name} {end} {comment} ", direction)

    def _policy(self, policy: Policy) -> Iterator[str]:
        ingress = policy.direction == "ingress"
        chain = "WEAVE-NPC-INGRESS" if ingress else "WEAVE-NPC-EGRESS-CUSTOM"
        own = self._pods(policy.namespace, policy.role)
        for rule in policy.rules:
            for peers in rule.peers:
                other = self._peers(policy, peers, "src" if ingress else "dst")
                target = f"-m set --match-set {own} {'dst' if ingress else 'src'} "
                ends = other + target if ingress else target + other
                for ports in port_matches(rule):
                    comment = f'-m comment --comment "{peers.kind} -> {policy.role or "pods"} ({policy.direction})"'
                    yield from _permits(chain, f"{ends}{ports}{comment} ", policy.direction)

    def _peers(self, policy: Policy, peers: Peers, end: str) -> str:
        """The match of a peer; a set of its own per policy where everybody is meant, as elsewhere."""
        if peers.kind == "block":
            text = f"-{end[0]} {peers.value} "
            if peers.excepted:
                name = _name(f"{policy.namespace}:ipblock-except:{' '.join(sorted(peers.excepted))}")
                self.sets[name] = list(peers.excepted)
                text += f"-m set ! --match-set {name} {end} "
            return text
        if peers.kind == "role":
            return f"-m set --match-set {self._pods(policy.namespace, peers.value)} {end} "
        if peers.kind == "team":
            return f"-m set --match-set {self._team(peers.value)} {end} "
        name = _name(f"{policy.namespace}/{policy.name}: everybody")
        self.sets[name] = self.synthetic.peers(policy, peers)
        return f"-m set --match-set {name} {end} "

    def _pods(self, namespace: str, role: str) -> str:
        name = _name(f"{namespace}:{f'role={role}' if role else ''}")
        if name not in self.sets:
            mine = (pod for pod in self.synthetic.pods if pod.namespace == namespace)
            self.sets[name] = [pod.address for pod in mine if role in ("", pod.role)]
        return name

    def _team(self, team: str) -> str:
        name = _name(f":team={team}")
        if name not in self._lists:
            members = [each for each in self.synthetic.namespaces if self.synthetic.team(each) == team]
            self._lists[name] = [self._pods(each, "") for each in members]
        return name

    def set_header(self, name: str) -> str:
        """The `create` line of a set."""
        if name in self._lists:
            return f"create {name} list:set size 1024 comment"
        kind = "hash:net" if any("/" in member for member in self.sets[name]) else "hash:ip"
        return f"create {name} {kind} family inet hashsize 1024 maxelem 65536 comment bucketsize 12 initval 0x00000001"

    def member(self, name: str, member: str) -> str:
        """The `add` line of a member."""
        return f"add {name} {member}"

    def device(self, pod: Pod) -> str:
        """The bridge that all pods share."""
        return "weave"


def _permits(chain: str, match: str, direction: str) -> Iterator[str]:
    """Ingress accepts for good; egress marks, and the mark is asked for later."""
    if direction == "ingress":
        yield f"-A {chain} {match}-j ACCEPT"
    else:
        yield f"-A {chain} {match}-j WEAVE-NPC-EGRESS-ACCEPT"
        yield f"-A {chain} {match}-j RETURN"
