"""NetworkPolicies as weave-npc writes them: two lists of rules over sets of pods, behind the router's own rules.

Spec: specs/compilers/weave.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from tests.compilers.dump import Dump, Sets, comment, hashed_set, member, spelled, table
from tests.compilers.meaning import (
    EGRESS,
    INGRESS,
    SIDES,
    Cluster,
    held,
    is_named,
    name_of,
    numbered,
    protocol,
    rules,
    space,
    types,
)
from tests.compilers.places import FAR, node_addresses
from tests.felix.selectors import Objects, addresses

DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789(){}[]+=_$%^!*|/?.;:@#~"
NETWORK = "10.0.0.0/16"
BRIDGE = (("weave", (("10.0.0.1", 16),)), ("vethwe-bridge", ()), ("vethwe-pcap", ()))
MARK = "0x40000/0x40000"
FIRST = r"NOTE: this must go before \'-j KUBE-FORWARD\'"
CONTROL = (
    "-d 127.0.0.1/32 -p tcp -m tcp --dport 6784 -m addrtype ! --src-type LOCAL -m conntrack ! --ctstate "
    'RELATED,ESTABLISHED -m comment --comment "Block non-local access to Weave Net control port" -j DROP'
)


def set_name(text: str) -> str:
    """The name of the set that stands for a text."""
    number = int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest(), "big")
    digits = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        digits += DIGITS[digit]
    return f"weave-{digits}"


def selector_text(selector: dict[str, Any]) -> str:
    """A selector as Kubernetes prints it: requirements by key."""
    found = [(key, f"{key}={value}") for key, value in selector.get("matchLabels", {}).items()]
    for each in selector.get("matchExpressions", []):
        key, values = each["key"], f"({','.join(sorted(each.get('values', [])))})"
        text = {"In": f"{key} in {values}", "NotIn": f"{key} notin {values}", "Exists": key, "DoesNotExist": f"!{key}"}
        found.append((key, text[each["operator"]]))
    return ",".join(text for _, text in sorted(found, key=lambda pair: pair[0]))


def supported(policy: dict[str, Any]) -> bool:
    """Whether weave-npc takes a policy: one that names a port by its name it refuses whole (WV-10)."""
    every = [rule for direction in SIDES for rule in policy["spec"].get(direction) or []]
    return not any(is_named(port) for rule in every for port in rule.get("ports") or [])


def compiled(objects: Objects, policies: Objects) -> Dump:
    """What the router and weave-npc have on the node; of IPv6 they know nothing (WV-12)."""
    compiler = _Compiler(Cluster(objects), [policy for policy in policies if supported(policy)])
    chains = compiler.chains()
    dumped = tuple(table("filter", chains) + _nat())
    compiler.sets.add("weaver-no-masq-local", hashed_set("hash:net", rest=" comment"), ["10.0.0.0/24"])
    near = {"dst": NETWORK, "dev": "weave", "scope": "link", "prefsrc": "10.0.0.1"}
    away = {"dst": "default", "gateway": FAR[4][1], "dev": "eth0"}
    routes = {4: (away, near), 6: ({"dst": "default", "gateway": FAR[6][1], "dev": "eth0"},)}
    return Dump({4: dumped, 6: tuple(table("filter", {}))}, compiler.sets.saved(), node_addresses(*BRIDGE), routes)


def _nat() -> list[str]:
    local = comment("Prevent SNAT to locally running containers")
    weave = [
        spelled(member("weaver-no-masq-local", "dst"), local, "-j RETURN"),
        f"-s {NETWORK} -d 224.0.0.0/4 -j RETURN",
        f"! -s {NETWORK} -d {NETWORK} -j MASQUERADE",
        f"-s {NETWORK} ! -d {NETWORK} -j MASQUERADE",
    ]
    built_in = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")
    return table("nat", {"POSTROUTING": ["-j WEAVE"], "WEAVE": weave}, built_in)


class _Compiler:
    """The rules of weave-npc; collects the sets that they ask for."""

    def __init__(self, cluster: Cluster, policies: Objects) -> None:
        self.cluster = cluster
        self.policies = policies
        self.sets = Sets()

    def chains(self) -> dict[str, list[str]]:
        spaces = sorted(self.cluster.spaces)
        ingress = [rule for policy in self.policies for rule in self._rules(policy, INGRESS)]
        egress = [rule for policy in self.policies for rule in self._rules(policy, EGRESS)]
        return {
            "INPUT": [CONTROL, "-i weave -j WEAVE-NPC-EGRESS"],
            "FORWARD": [
                spelled("-i weave", comment(FIRST), "-j WEAVE-NPC-EGRESS"),
                spelled("-o weave", comment(FIRST), "-j WEAVE-NPC"),
                "-o weave -m state --state NEW -j NFLOG --nflog-group 86",
                "-o weave -j DROP",
                "-i weave ! -o weave -j ACCEPT",
                "-o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            ],
            "WEAVE-NPC": [
                "-m state --state RELATED,ESTABLISHED -j ACCEPT",
                "-d 224.0.0.0/4 -j ACCEPT",
                "-m physdev --physdev-out vethwe-bridge --physdev-is-bridged -j ACCEPT",
                "-m state --state NEW -j WEAVE-NPC-DEFAULT",
                "-m state --state NEW -j WEAVE-NPC-INGRESS",
            ],
            "WEAVE-NPC-DEFAULT": [f"{self._default(name, INGRESS)} -j ACCEPT" for name in spaces],
            "WEAVE-NPC-EGRESS": self._egress(),
            "WEAVE-NPC-EGRESS-ACCEPT": [f"-j MARK --set-xmark {MARK}"],
            "WEAVE-NPC-EGRESS-CUSTOM": [line for rule in dict.fromkeys(egress) for line in _marking(rule)],
            "WEAVE-NPC-EGRESS-DEFAULT": [line for name in spaces for line in _marking(self._default(name, EGRESS))],
            "WEAVE-NPC-INGRESS": [f"{rule} -j ACCEPT" for rule in dict.fromkeys(ingress)],
        }

    def _egress(self) -> list[str]:
        """What isolates in egress is there once a policy has asked for it."""
        unmarked = f"-m mark ! --mark {MARK}"
        lazy = [f"-m state --state NEW {unmarked} -j NFLOG --nflog-group 86", f"{unmarked} -j DROP"]
        return [
            "-m state --state RELATED,ESTABLISHED -j ACCEPT",
            "-m physdev --physdev-in vethwe-bridge --physdev-is-bridged -j RETURN",
            "-m addrtype --dst-type LOCAL -j RETURN",
            "-d 224.0.0.0/4 -j RETURN",
            "-m state --state NEW -j WEAVE-NPC-EGRESS-DEFAULT",
            f"-m state --state NEW {unmarked} -j WEAVE-NPC-EGRESS-CUSTOM",
            *(lazy if any(EGRESS in types(policy) for policy in self.policies) else []),
        ]

    def _default(self, namespace: str, direction: str) -> str:
        """The test of a namespace's pods that no policy isolates in a direction."""
        everybody = self.cluster.selected({}, namespace)
        self._pods(f"{namespace}:", everybody)
        free = [pod for pod in everybody if not self.cluster.isolated(pod, self.policies, direction)]
        name = self._pods(f"{direction}-default-allow:{namespace}", free)
        told = comment(f"DefaultAllow {direction} isolation for namespace: {namespace}")
        return spelled(member(name, "dst" if direction == INGRESS else "src"), told)

    def _rules(self, policy: dict[str, Any], direction: str) -> Iterator[str]:
        """What the rules of a policy let pass, without targets."""
        if direction not in types(policy):
            return
        namespace, selector = space(policy), policy["spec"].get("podSelector", {})
        target = self._pods(f"{namespace}:{selector_text(selector)}", self.cluster.subjects(policy))
        shown = f"pods: namespace: {namespace}, selector: {selector_text(selector)}"
        for rule in rules(policy, direction):
            for peer in rule.get(SIDES[direction]) or [None]:
                for port in rule.get("ports") or [None]:
                    yield self._rule(direction, namespace, (target, shown), peer, port)

    def _rule(
        self,
        direction: str,
        namespace: str,
        target: tuple[str, str],
        peer: dict[str, Any] | None,
        port: dict[str, Any] | None,
    ) -> str:
        far, near = ("src", "dst") if direction == INGRESS else ("dst", "src")
        early, other, shown = self._peer(peer, namespace, far)
        tests = (other, member(target[0], near)) if direction == INGRESS else (member(target[0], near), other)
        told = (shown, target[1]) if direction == INGRESS else (target[1], shown)
        asked = (f"-p {protocol(port)}", _to(port)) if port is not None else ("", "")
        return spelled(early, asked[0], *tests, asked[1], comment(f"{told[0]} -> {told[1]} ({direction})"))

    def _peer(self, peer: dict[str, Any] | None, namespace: str, end: str) -> tuple[str, str, str]:
        """The test of an address, that of a set, and what comments say of the peer."""
        if peer is None:
            return "", "", "anywhere"
        if "ipBlock" in peer:
            return self._block(peer["ipBlock"], namespace, end)
        pods = selector_text(peer.get("podSelector", {}))
        if "namespaceSelector" not in peer:
            name = self._pods(f"{namespace}:{pods}", self.cluster.peers(peer, namespace))
            return "", member(name, end), f"pods: namespace: {namespace}, selector: {pods}"
        spaces = selector_text(peer["namespaceSelector"])
        if pods:
            name = self._pods(f":{spaces}{pods}", self.cluster.peers(peer, namespace))
            return "", member(name, end), f"namespaces: selector: {spaces}{pods}"
        chosen = self.cluster.namespaces(peer["namespaceSelector"])
        members = [f'{set_name(f"{each}:")} comment "namespace: {each}"' for each in chosen]
        name = self.sets.add(set_name(f":{spaces}"), "list:set size 1024 comment", members)
        return "", member(name, end), f"namespaces: selector: {spaces}"

    def _block(self, block: dict[str, Any], namespace: str, end: str) -> tuple[str, str, str]:
        cidr, excepts = block["cidr"], sorted(block.get("except", []))
        flag = "-s" if end == "src" else "-d"
        early = "" if cidr == "0.0.0.0/0" else f"{flag} {cidr}"
        if not excepts:
            return early, "", f"cidr: {cidr}"
        name = set_name(f"{namespace}:ipblock-except:{' '.join(excepts)}")
        members = [f'{net} comment "excepted from {cidr}"' for each in excepts for net in held(each)]
        self.sets.add(name, hashed_set("hash:net", rest=" comment"), members)
        return early, member(name, end, negated=True), f"cidr: {cidr} except [{' '.join(excepts)}]"

    def _pods(self, text: str, pods: Objects) -> str:
        members = [
            f'{address} comment "namespace: {space(pod)}, pod: {name_of(pod)}"'
            for pod in pods
            for address in addresses(pod, 4)
        ]
        return self.sets.add(set_name(text), hashed_set("hash:ip", rest=" comment"), members)


def _to(port: dict[str, Any]) -> str:
    """The test of a port: of a range only the first, of no number all of the protocol (WV-11)."""
    return numbered({**port, "endPort": port["port"]}) if "port" in port else f"-m {protocol(port)}"


def _marking(match: str) -> tuple[str, str]:
    """A rule that marks what may leave, and one that looks no further."""
    return f"{match} -j WEAVE-NPC-EGRESS-ACCEPT", f"{match} -j RETURN"
