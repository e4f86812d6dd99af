"""NetworkPolicies as kube-router writes them: a chain per pod and per policy, sets of the pods' addresses, two marks.

Spec: specs/compilers/kube_router.md
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from tests.compilers.dump import Dump, Sets, comment, hashed_set, member, spelled, table
from tests.compilers.meaning import (
    EGRESS,
    INGRESS,
    SIDES,
    Cluster,
    addresses_of,
    blocks,
    held,
    is_named,
    name_of,
    named_ports,
    numbered,
    protocol,
    rules,
    space,
    types,
)
from tests.compilers.places import node_addresses, pod_routes
from tests.felix.selectors import Objects, addresses

SYNC = "1764000000000000000"
"""The time of the sync, which names of chains hash."""
ALLOWED, PASSED = "0x10000/0x10000", "0x20000/0x20000"
PREFIX = {4: "", 6: "inet6:"}
HOOKS = {"INPUT": "4IA2OSFRMVNDXBVV", "FORWARD": "TEMCG2JMHZYE7H7T", "OUTPUT": "VEAAIY32XVBHCSCY"}
NODE_PORTS = {"tcp": "LR7XO7NXDBGQJD2M", "udp": "76UCBPIZNGJNWNUZ", "sctp": "YU47VQ3DEDE3VDG7"}
SERVICES = {4: ("10.96.0.0/16", "SNTYMH62NUPYPSYC"), 6: ("fd00:96::/112", "NZUQHHXFXV6TU4IT")}
ICMP = {
    4: (
        ("8", "allow icmp echo requests"),
        ("3", "allow icmp destination unreachable messages"),
        ("11", "allow icmp time exceeded messages"),
    ),
    6: (
        ("128", "allow icmp echo requests"),
        ("1", "allow icmp destination unreachable messages"),
        ("3", "allow icmp time exceeded messages"),
        ("135", "allow icmp neighbor solicitation messages"),
        ("136", "allow icmp neighbor advertisement messages"),
        ("129", "allow icmp echo reply messages"),
    ),
}
REJECTS = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}
WIDTH = {4: 32, 6: 128}


def hashed(*parts: object) -> str:
    """The 16 characters of a name."""
    digest = hashlib.sha256("".join(map(str, parts)).encode()).digest()
    return base64.b32encode(digest).decode()[:16]


def compiled(objects: Objects, policies: Objects) -> Dump:
    """What kube-router has on the node for both families."""
    cluster, sets = Cluster(objects), Sets()
    dumped = {family: tuple(_Family(cluster, policies, sets, family).table()) for family in (4, 6)}
    return Dump(dumped, sets.saved(), node_addresses(), pod_routes(cluster.local, _interface))


def _interface(pod: dict[str, Any]) -> str:
    return "veth" + hashed(space(pod), name_of(pod)).lower()[:8]


class _Family:
    """The rules of one family."""

    def __init__(self, cluster: Cluster, policies: Objects, sets: Sets, family: int) -> None:
        self.cluster = cluster
        self.policies = policies
        self.sets = sets
        self.family = family

    def table(self) -> list[str]:
        pods = [(pod, address) for pod in self.cluster.local for address in addresses(pod, self.family)]
        chains: dict[str, list[str]] = {
            hook: [spelled(comment(f"kube-router netpol - {suffix}"), f"-j KUBE-ROUTER-{hook}")]
            for hook, suffix in HOOKS.items()
        }
        chains |= {"KUBE-NWPLCY-COMMON": list(self._for_all())}
        marked = "rule to mark traffic matching a network policy"
        chains["KUBE-NWPLCY-DEFAULT"] = [spelled(comment(marked), f"-j MARK --set-xmark {ALLOWED}")]
        chains["KUBE-NWPLCY-TAIL"] = [spelled(comment("accept netpol-ok"), f"-m mark --mark {PASSED}", "-j ACCEPT")]
        for policy in self.policies:
            chains[self._policy_chain(policy)] = list(self._policy(policy))
        for pod, address in pods:
            chains[_pod_chain(pod)] = list(self._pod(pod, f"{address}/{WIDTH[self.family]}"))
        for hook in ("FORWARD", "INPUT", "OUTPUT"):
            chains[f"KUBE-ROUTER-{hook}"] = list(self._top(hook, pods))
        return table("filter", chains)

    def _for_all(self) -> Iterator[str]:
        icmp = "icmp" if self.family == 4 else "ipv6-icmp"
        asked = "-m icmp --icmp-type" if self.family == 4 else "-m icmp6 --icmpv6-type"
        said = ('\\"rule to drop invalid state for pod\\"', '\\"rule for stateful firewall for pod\\"')
        yield spelled(comment(said[0]), "-m conntrack --ctstate INVALID -j DROP")
        yield spelled(comment(said[1]), "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
        for number, says in ICMP[self.family]:
            yield spelled(f"-p {icmp}", comment(says), f"{asked} {number} -j ACCEPT")

    def _top(self, hook: str, pods: list[tuple[dict[str, Any], str]]) -> Iterator[str]:
        if hook == "INPUT":
            yield from self._services()
        for pod, address in pods:
            known, bridged = f"{space(pod)}/{name_of(pod)}", "-m physdev --physdev-is-bridged"
            for end, says in (("-d", "in"), ("-s", "out")):
                if hook == "INPUT" and end == "-d":
                    continue
                match, told = f"{end} {address}/{WIDTH[self.family]}", comment(f"{known} {says}")
                yield spelled(match, told, f"-j {_pod_chain(pod)}")
                if hook == "FORWARD":
                    yield spelled(match, bridged, told, f"-j {_pod_chain(pod)}")
        decision = "rule to explicitly handle traffic for network policies ACCEPT/REJECT decision"
        yield spelled(comment(decision), "-j KUBE-NWPLCY-TAIL")
        complies = "rule to explicitly ACCEPT traffic that comply to network policies"
        yield spelled(comment(complies), f"-m mark --mark {PASSED}", "-j ACCEPT")

    def _services(self) -> Iterator[str]:
        network, suffix = SERVICES[self.family]
        told = comment(f"allow traffic to primary/secondary cluster IP range - {suffix}")
        yield spelled(f"-d {network}", told, "-j RETURN")
        for name, each in NODE_PORTS.items():
            told = comment(f"allow LOCAL {name.upper()} traffic to node ports - {each}")
            yield spelled(
                f"-p {name}", told, "-m addrtype --dst-type LOCAL -m multiport --dports 30000:32767 -j RETURN"
            )

    def _pod(self, pod: dict[str, Any], address: str) -> Iterator[str]:
        known = f"{space(pod)}/{name_of(pod)}"
        yield spelled(comment("common netpol rules"), "-j KUBE-NWPLCY-COMMON")
        local = "-m addrtype --src-type LOCAL -j ACCEPT"
        yield spelled(f"-d {address}", comment("from local node"), local)
        for end, direction in (("-s", EGRESS), ("-d", INGRESS)):
            if not self.cluster.isolated(pod, self.policies, direction):
                yield spelled(f"{end} {address}", comment(f"default {direction}"), "-j KUBE-NWPLCY-DEFAULT")
        for policy in self.policies:
            if types(policy) and pod in self.cluster.subjects(policy):
                guard = {INGRESS: f"-d {address}", EGRESS: f"-s {address}"}.get("".join(types(policy)), "")
                told = comment(f"{space(policy)}/{name_of(policy)} policy")
                yield spelled(guard, told, f"-j {self._policy_chain(policy)}")
        refused = f"-m mark ! --mark {ALLOWED}"
        limit = "-m limit --limit 10/min --limit-burst 10 -j NFLOG --nflog-group 100"
        yield spelled(comment(f"{known} log-drop"), refused, limit)
        yield spelled(comment(f"{known} reject"), refused, f"-j REJECT --reject-with {REJECTS[self.family]}")
        yield "-j MARK --set-xmark 0x0/0x10000"
        yield spelled(comment("set netpol-ok mark"), f"-j MARK --set-xmark {PASSED}")

    # ------------------------------------------------------------------ policies

    def _policy_chain(self, policy: dict[str, Any]) -> str:
        return "KUBE-NWPLCY-" + hashed(space(policy), name_of(policy), SYNC, f"IPv{self.family}")

    def _policy(self, policy: dict[str, Any]) -> Iterator[str]:
        for direction in types(policy):
            start = "KUBE-DST-" if direction == INGRESS else "KUBE-SRC-"
            pods = addresses_of(self.cluster.subjects(policy), self.family)
            target = self._set(start, pods, space(policy), name_of(policy), f"IPv{self.family}")
            for place, rule in enumerate(rules(policy, direction)):
                yield from self._rule(policy, direction, target, place, rule)

    def _rule(
        self, policy: dict[str, Any], direction: str, target: str, place: int, rule: dict[str, Any]
    ) -> Iterator[str]:
        """Each kind of peer on each port; the set of named ports takes the place of the destinations."""
        owner = (space(policy), name_of(policy), f"{direction}rule", place)
        peers = rule.get(SIDES[direction]) or []
        selecting = [peer for peer in peers if "ipBlock" not in peer]
        chosen = [pod for peer in selecting for pod in self.cluster.peers(peer, space(policy))]
        start = "KUBE-SRC-" if direction == INGRESS else "KUBE-DST-"
        kinds: list[tuple[str, str]] = []
        if not peers:
            kinds.append(("any", ""))
        if addresses_of(chosen, self.family):
            found = addresses_of(chosen, self.family)
            kinds.append(("pods", self._set(start, found, *owner, f"IPv{self.family}", "pod")))
        if blocks(peers, self.family):
            kinds.append(("cidr", self._blocks(start, peers, *owner, f"IPv{self.family}", "ipblock")))
        holders = self.cluster.subjects(policy) if direction == INGRESS else chosen if peers else self.cluster.pods
        written = rule.get("ports") or []
        named = list(self._named(owner, holders, [port for port in written if is_named(port)]))
        for kind, others in kinds:
            ends = (others, target) if direction == INGRESS else (target, others)
            told = f"{space(policy)}/{name_of(policy)} {direction} {kind}"
            for port in written or [None]:
                if port is None:
                    yield from _pair("", told, ends, "")
                elif not is_named(port):
                    yield from _pair(protocol(port), told, ends, numbered(port))
            if kind == "cidr" and direction == EGRESS:
                continue
            for name, number, destinations in named:
                yield from _pair(name, f"{told} np", (ends[0], destinations), f"-m {name} --dport {number}")

    def _named(
        self, owner: tuple[object, ...], holders: Objects, ports: list[dict[str, Any]]
    ) -> Iterator[tuple[str, int, str]]:
        """The protocol and number of every meaning of the named ports, with the set of pods for which it is one."""
        place = 0
        for port in ports:
            for number in sorted({each for pod in holders for each in named_ports(pod, port)}):
                pods = [pod for pod in holders if number in named_ports(pod, port)]
                found = addresses_of(pods, self.family)
                names = (*owner, place, f"IPv{self.family}", "namedport")
                place += 1
                if found:
                    yield protocol(port), number, self._set("KUBE-DST-", found, *names)

    def _blocks(self, start: str, peers: list[dict[str, Any]], *names: object) -> str:
        found: dict[str, str] = {}
        for block in blocks(peers, self.family):
            found |= {net: f"{net} timeout 0" for net in held(block["cidr"])}
            found |= {net: f"{net} timeout 0 nomatch" for each in block.get("except", []) for net in held(each)}
        name = PREFIX[self.family] + start + hashed(*names)
        return self.sets.add(name, hashed_set("hash:net", self.family, " timeout 0"), found.values())

    def _set(self, start: str, found: list[str], *names: object) -> str:
        name = PREFIX[self.family] + start + hashed(*names)
        created = hashed_set("hash:ip", self.family, " timeout 0")
        return self.sets.add(name, created, [f"{address} timeout 0" for address in found])


def _pod_chain(pod: dict[str, Any]) -> str:
    return "KUBE-POD-FW-" + hashed(space(pod), name_of(pod), SYNC)


def _pair(name: str, told: str, ends: tuple[str, str], port: str) -> Iterator[str]:
    """A rule that marks, and one that leaves the chain with the mark."""
    sets = [member(each, end) for each, end in zip(ends, ("src", "dst"), strict=True) if each]
    match = spelled(f"-p {name}" if name else "", comment(told), *sets, port)
    yield f"{match} -j MARK --set-xmark {ALLOWED}"
    yield f"{match} -m mark --mark {ALLOWED} -j RETURN"
