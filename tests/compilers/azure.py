"""NetworkPolicies as Azure NPM writes them: a chain per policy and direction, sets of labels, marks for what is dropped.

Spec: specs/compilers/azure.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.compilers.dump import Dump, Sets, comment, hashed_set, member, spelled, table
from tests.compilers.meaning import (
    EGRESS,
    INGRESS,
    SIDES,
    Cluster,
    addresses_of,
    held,
    is_named,
    labels,
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

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ALLOWED, DROPPED = "0x200/0x200", {INGRESS: "0x400/0x400", EGRESS: "0x800/0x800"}
CHAINS = {INGRESS: "AZURE-NPM-INGRESS", EGRESS: "AZURE-NPM-EGRESS"}
EVERYWHERE = "nslabel-all-namespaces"
LIST = "list:set size 8"
BLOCK = "hash:net family inet hashsize 1024 maxelem 4294967295"
Terms = tuple[str, ...]
"""Texts of sets that all have to hold an address, "!" before those that must not."""


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits


def _sha(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def set_name(text: str) -> str:
    """The name of the set that stands for a text."""
    return "azure-npm-" + _base36(_sha(text))[:20]


def chain_name(policy: dict[str, Any], direction: str) -> str:
    """The chain of a policy in one direction."""
    key = f"{space(policy)}/{name_of(policy)}"
    return f"{CHAINS[direction]}-{_base36(_sha(key) % 36**10).rjust(10, '0')}"


def compiled(objects: Objects, policies: Objects) -> Dump:
    """What Azure NPM has on the node; of IPv6 it knows nothing (AZ-11)."""
    compiler = _Compiler(Cluster(objects), policies)
    dumped = tuple(table("filter", compiler.chains()))
    routes = pod_routes(compiler.cluster.local, _interface)
    return Dump({4: dumped, 6: tuple(table("filter", {}))}, compiler.sets.saved(), node_addresses(), routes)


def _interface(pod: dict[str, Any]) -> str:
    return "azv" + hashlib.sha1(f"{space(pod)}.{name_of(pod)}".encode(), usedforsecurity=False).hexdigest()[:11]


class _Compiler:
    """The rules of Azure NPM; fills the sets that they ask for."""

    def __init__(self, cluster: Cluster, policies: Objects) -> None:
        self.cluster = cluster
        self.policies = policies
        self.sets = Sets()

    def chains(self) -> dict[str, list[str]]:
        chains: dict[str, list[str]] = {
            "FORWARD": ["-m conntrack --ctstate NEW -j AZURE-NPM"],
            "AZURE-NPM": [f"-j {name}" for name in (*CHAINS.values(), "AZURE-NPM-ACCEPT")] if self.policies else [],
            "AZURE-NPM-ACCEPT": ["-j ACCEPT"],
            "AZURE-NPM-EGRESS": [*self._jumps(EGRESS), _drop(EGRESS), _accept()],
            "AZURE-NPM-INGRESS": [*self._jumps(INGRESS), _drop(INGRESS)],
            "AZURE-NPM-INGRESS-ALLOW-MARK": [
                spelled(comment(f"SET-INGRESS-ALLOW-MARK-{ALLOWED}"), f"-j MARK --set-xmark {ALLOWED}"),
                "-j AZURE-NPM-EGRESS",
            ],
        }
        for policy in self.policies:
            for direction in types(policy):
                chains[chain_name(policy, direction)] = list(self._policy(policy, direction))
        return chains

    def _jumps(self, direction: str) -> Iterator[str]:
        """Newest first."""
        way, end = ("TO", "dst") if direction == INGRESS else ("FROM", "src")
        for policy in reversed(self.policies):
            if direction not in types(policy):
                continue
            home = f"ns-{space(policy)}"
            terms = (*self._pod_terms(policy, policy["spec"].get("podSelector", {})), home)
            key = f"{direction.upper()}-POLICY-{space(policy)}/{name_of(policy)}"
            told = comment(f"{key}-{way}-{'-AND-'.join(terms)}-IN-{home}")
            yield spelled(*self._tests(terms, end), told, f"-j {chain_name(policy, direction)}")

    def _policy(self, policy: dict[str, Any], direction: str) -> Iterator[str]:
        target = "AZURE-NPM-INGRESS-ALLOW-MARK" if direction == INGRESS else "AZURE-NPM-ACCEPT"
        listed = rules(policy, direction)
        if any(not each.get(SIDES[direction]) and not each.get("ports") for each in listed):
            yield spelled(comment("ALLOW-ALL"), f"-j {target}")
            return
        for place, rule in enumerate(listed):
            for terms in self._peers(policy, direction, place, rule.get(SIDES[direction]) or []):
                for port in rule.get("ports") or [None]:
                    yield self._rule(direction, terms, port, target)
        yield spelled(comment("DROP-ALL"), f"-j MARK --set-xmark {DROPPED[direction]}")

    def _rule(self, direction: str, terms: Terms, port: dict[str, Any] | None, target: str) -> str:
        way, end = ("FROM", "src") if direction == INGRESS else ("TO", "dst")
        told = f"ALLOW-{way}-{'-AND-'.join(terms)}" if terms else "ALLOW-ALL"
        tests = list(self._tests(terms, end))
        if port is None:
            return spelled(*tests, comment(told), f"-j {target}")
        told += f"-ON-{protocol(port).upper()}"
        early = f"-p {protocol(port)}"
        if is_named(port):
            tests.append(member(self._fill(f"namedport:{port['port']}"), "dst,dst"))
            told += f"-TO-namedport:{port['port']}"
        elif "port" in port:
            early = spelled(early, numbered(port))
            told += f"-TO-PORT-{numbered(port).split()[-1]}"
        return spelled(early, *tests, comment(told), f"-j {target}")

    # ------------------------------------------------------------------ selectors

    def _peers(
        self, policy: dict[str, Any], direction: str, place: int, peers: list[dict[str, Any]]
    ) -> Iterator[Terms]:
        """The alternatives that a rule allows; a rule without peers allows one that asks for nothing."""
        if not peers:
            yield ()
        for number, peer in enumerate(peers):
            if "ipBlock" in peer:
                way = "IN" if direction == INGRESS else "OUT"
                text = f"cidr-{name_of(policy)}:in-ns:{space(policy)}-{place}-{number}{way}"
                self._block(text, peer["ipBlock"])
                yield (text,)
                continue
            pods = self._pod_terms(policy, peer.get("podSelector", {}))
            if "namespaceSelector" not in peer:
                yield (*pods, f"ns-{space(policy)}")
                continue
            for spaces in _space_terms(peer["namespaceSelector"]):
                terms = (*spaces, *pods)
                yield terms if any(not term.startswith("!") for term in terms) else (EVERYWHERE, *terms)

    def _pod_terms(self, policy: dict[str, Any], selector: dict[str, Any]) -> Terms:
        """A set for each requirement; several values are a list of their sets."""
        terms = [f"podlabel-{key}:{value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
        for each in selector.get("matchExpressions", []):
            sign, values = "!" if each["operator"] in ("NotIn", "DoesNotExist") else "", each.get("values", [])
            if len(values) > 1:
                owner = f"{space(policy)}/{name_of(policy)}"
                terms.append(f"{sign}nestedlabel-{owner}:{each['key']}:{':'.join(values)}")
            else:
                terms.append(sign + _label("podlabel", each["key"], values))
        return tuple(terms)

    def _tests(self, terms: Terms, end: str) -> Iterator[str]:
        for term in terms:
            yield member(self._fill(term.removeprefix("!")), end, negated=term.startswith("!"))

    # ------------------------------------------------------------------ sets

    def _fill(self, text: str) -> str:
        """The set of a text, with what belongs into it."""
        kind, _, rest = text.partition("-")
        name = set_name(text)
        if text.startswith("namedport:"):
            return self.sets.add(name, hashed_set("hash:ip,port"), self._named(text.partition(":")[2]))
        if kind == "cidr":
            return name
        if kind == "nslabel":
            spaces = [each for each in sorted(self.cluster.spaces) if self._has(rest, self.cluster.spaces[each])]
            return self.sets.add(name, LIST, [self._fill(f"ns-{each}") for each in spaces])
        if kind == "nestedlabel":
            _, key, *values = rest.split(":")
            return self.sets.add(name, LIST, [self._fill(f"podlabel-{key}:{value}") for value in values])
        chosen = [
            pod for pod in self.cluster.pods if (space(pod) == rest if kind == "ns" else self._has(rest, labels(pod)))
        ]
        return self.sets.add(name, hashed_set("hash:net"), addresses_of(chosen, 4))

    def _has(self, label: str, known: dict[str, str]) -> bool:
        key, colon, value = label.partition(":")
        return label == "all-namespaces" or (known.get(key) == value if colon else key in known)

    def _named(self, port: str) -> Iterator[str]:
        for pod in self.cluster.pods:
            for name in ("tcp", "udp", "sctp"):
                for number in named_ports(pod, {"port": port, "protocol": name.upper()}):
                    yield from (f"{address},{name}:{number}" for address in addresses(pod, 4))

    def _block(self, text: str, block: dict[str, Any]) -> None:
        members = [*held(block["cidr"]), *(f"{net} nomatch" for each in block.get("except", []) for net in held(each))]
        self.sets.add(set_name(text), BLOCK, members)


def _space_terms(selector: dict[str, Any]) -> Iterator[Terms]:
    """The alternatives of a selector of namespaces: In with several values is one for each."""
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield (EVERYWHERE,)
        return
    parts: list[list[Terms]] = [[(f"nslabel-{k}:{v}",)] for k, v in sorted(selector.get("matchLabels", {}).items())]
    for each in selector.get("matchExpressions", []):
        key, values = each["key"], each.get("values", [])
        if each["operator"] == "In":
            parts.append([(_label("nslabel", key, [value]),) for value in values])
        elif each["operator"] == "NotIn":
            parts.append([tuple("!" + _label("nslabel", key, [value]) for value in values)])
        else:
            sign = "!" if each["operator"] == "DoesNotExist" else ""
            parts.append([(sign + _label("nslabel", key, []),)])
    for chosen in product(*parts):
        yield tuple(term for terms in chosen for term in terms)


def _label(kind: str, key: str, values: list[str]) -> str:
    return f"{kind}-{key}:{values[0]}" if values else f"{kind}-{key}"


def _drop(direction: str) -> str:
    mark = DROPPED[direction]
    told = comment(f"DROP-ON-{direction.upper()}-DROP-MARK-{mark}")
    return spelled(f"-m mark --mark {mark}", told, "-j DROP")


def _accept() -> str:
    told = comment(f"ACCEPT-ON-INGRESS-ALLOW-MARK-{ALLOWED}")
    return spelled(f"-m mark --mark {ALLOWED}", told, "-j AZURE-NPM-ACCEPT")
