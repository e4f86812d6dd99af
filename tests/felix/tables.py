"""A node's whole dump in one dialect: built-in chains, Felix's static chains, dispatch, pods, policies, profiles."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tests.felix.dialect import Dialect, limited
from tests.felix.host_endpoints import HostEndpoint, filter_chains, mangle_chains, raw_chains
from tests.felix.line import (
    NOTHING,
    Part,
    Rule,
    goto,
    incoming,
    jump,
    mark,
    marked,
    member,
    outgoing,
    plain,
    protocol,
    rule,
    spelled,
    states,
    to_ports,
)
from tests.felix.policies import Compiler, Sets
from tests.felix.selectors import Objects, has_traffic, selects, subject_text

Chains = dict[str, list[Rule]]
IN, OUT = "ingress", "egress"
POLICY = {IN: "cali-pi-", OUT: "cali-po-"}
GROUP = {IN: "cali-gi-", OUT: "cali-go-"}
PROFILE = {IN: "cali-pri-", OUT: "cali-pro-"}
NODE = "node-a"
VXLAN_PORT = "4789"
REVERSE_PATH = Part("-m rpfilter --invert --validmark", "-m rpfilter --validmark --invert")
ICMPV6_TYPES = (130, 131, 132, 133, 135, 136)


class Node:
    """What Felix of a dialect programs on a node for a cluster."""

    def __init__(
        self, dialect: Dialect, objects: Objects, policies: Objects, hosts: tuple[HostEndpoint, ...] = ()
    ) -> None:
        self.dialect = dialect
        self.hosts = hosts
        self.sets = Sets()
        pods = [each for each in objects if each["kind"] == "Pod" and has_traffic(each)]
        self.local = [pod for pod in pods if pod["spec"].get("nodeName") == NODE]
        spaces = {e["metadata"]["name"]: e["metadata"].get("labels", {}) for e in objects if e["kind"] == "Namespace"}
        self.policies = sorted(policies, key=lambda each: (each["metadata"]["name"], each["metadata"]["namespace"]))
        self.compiler = Compiler(dialect, pods, spaces, self.sets)

    def tables(self) -> dict[str, Chains]:
        """Every table's chains; those of built-in chains hold what Felix adds to them."""
        tables = {"filter": self.filter_table(), "raw": self.raw(), "mangle": self.mangle(), "nat": self.nat()}
        for end in self.hosts:
            tables["filter"] |= filter_chains(self.dialect, end)
            tables["raw"] |= raw_chains(self.dialect, end)
            tables["mangle"] |= mangle_chains(self.dialect, end)
        return tables

    def saved(self) -> str:
        """The dump as iptables-save prints it."""
        return "\n".join(line for name, chains in self.tables().items() for line in self._table(name, chains)) + "\n"

    def _table(self, name: str, chains: Chains) -> Iterator[str]:
        place, last = self.appended(name)
        yield f"*{name}"
        for chain in BUILT_IN[name]:
            yield f":{chain} ACCEPT [0:0]"
        for chain in sorted(chains):
            if chain not in BUILT_IN[name]:
                yield f":{chain} - [0:0]"
        for chain in (*BUILT_IN[name], *(each for each in sorted(chains) if each not in BUILT_IN[name])):
            yield from spelled(chain, chains.get(chain, []))
            if chain == place:
                yield from spelled(chain, last, f"{chain}*appends*")
        yield "COMMIT"

    # ------------------------------------------------------------------ filter

    def filter_table(self) -> Chains:
        chains: Chains = {
            "INPUT": [rule(to=jump("cali-INPUT"))],
            "FORWARD": [rule(to=jump("cali-FORWARD"))],
            "OUTPUT": [rule(to=jump("cali-OUTPUT"))],
            "cali-FORWARD": list(self._forward()),
            "cali-INPUT": list(self._input()),
            "cali-OUTPUT": list(self._output()),
            "cali-wl-to-host": list(self._to_host()),
            "cali-from-host-endpoint": [],
            "cali-to-host-endpoint": [],
        }
        if self.dialect.release >= (3, 0):
            chains |= {"cali-from-hep-forward": [], "cali-to-hep-forward": []}
        if self.dialect.release >= (3, 17):
            chains["cali-cidr-block"] = []
        chains |= self._dispatch("cali-from-wl-dispatch", "cali-fw-", incoming)
        chains |= self._dispatch("cali-to-wl-dispatch", "cali-tw-", outgoing)
        for pod in self.local:
            for direction, prefix in ((OUT, "cali-fw-"), (IN, "cali-tw-")):
                name = prefix + self.dialect.interface(pod)
                chains[name] = list(self._endpoint(pod, direction, chains))
        return chains

    def appended(self, table: str) -> tuple[str, list[Rule]]:
        """What stands at the end of a built-in chain since v3.16."""
        d = self.dialect
        if d.release < (3, 16) or table not in ("filter", "nat"):
            return "", []
        if table == "nat":
            return "POSTROUTING", [rule(to=jump("cali-POSTROUTING"))]
        accepted = rule(marked(d.accept, d.accept), to=jump(d.allow), says="Policy explicitly accepted packet.")
        return "FORWARD", [accepted, *([rule(to=mark(d.accept, d.accept))] if d.release >= (3, 18) else [])]

    def _accepted(self, says: str = "") -> Rule:
        d = self.dialect
        return rule(marked(d.accept, d.accept), to=jump(d.allow), says=says or ())

    def _stateful(self) -> list[Rule]:
        return [
            rule(states("INVALID"), to=jump("DROP")),
            rule(states("RELATED,ESTABLISHED"), to=jump("ACCEPT")),
        ]

    def _forward(self) -> Iterator[Rule]:
        d = self.dialect
        pods = d.prefix + "+"
        dispatch = [
            rule(incoming(pods), to=jump("cali-from-wl-dispatch")),
            rule(outgoing(pods), to=jump("cali-to-wl-dispatch")),
        ]
        host = "Host endpoint policy accepted packet."
        if d.release >= (3, 0):
            yield rule(to=mark(0, d.all_bits & ~d.accept))
            yield rule(marked(0, d.accept), to=jump("cali-from-hep-forward"))
            yield from dispatch
            yield rule(to=jump("cali-to-hep-forward"))
            if d.release >= (3, 17):
                yield rule(to=jump("cali-cidr-block"))
            if d.release < (3, 16):
                yield self._accepted("Policy explicitly accepted packet.")
            return
        if d.release < (2, 2):
            yield from self._stateful()
        yield from dispatch
        yield rule(incoming(pods), to=jump("ACCEPT"))
        yield rule(outgoing(pods), to=jump("ACCEPT"))
        if d.release >= (2, 4):
            yield rule(to=mark(0, d.all_bits & ~d.accept))
            yield rule(marked(0, d.accept), to=jump("cali-from-host-endpoint"))
        else:
            yield rule(to=mark(0, d.all_bits))
            yield rule(to=jump("cali-from-host-endpoint"))
        yield rule(to=jump("cali-to-host-endpoint"))
        yield self._accepted(host)

    def _input(self) -> Iterator[Rule]:
        d = self.dialect
        if d.release < (2, 2):
            yield from self._stateful()
        if (2, 4) <= d.release < (3, 4):
            yield self._accepted()
        if d.ipip:
            yield from self._ipip_in()
        if d.vxlan:
            hosts = member(self._static("all-vxlan-net"), "src")
            here = plain("-m addrtype --dst-type LOCAL")
            parts = (protocol("17"), to_ports(VXLAN_PORT))
            yield rule(*parts, hosts, here, to=jump("ACCEPT"), says="Allow IPv4 VXLAN packets from allowed hosts")
            yield rule(*parts, here, to=jump("DROP"), says="Drop IPv4 VXLAN packets from non-allowed hosts")
        yield rule(incoming(d.prefix + "+"), to=goto("cali-wl-to-host"))
        if d.release >= (3, 4):
            yield self._accepted()
        yield rule(to=mark(0, d.all_bits))
        yield rule(to=jump("cali-from-host-endpoint"))
        yield self._accepted("Host endpoint policy accepted packet.")

    def _ipip_in(self) -> Iterator[Rule]:
        d = self.dialect
        if d.release < (3, 0):
            known = member(self._static("all-hosts"), "src", negated=True)
            yield rule(protocol("4"), known, to=jump("DROP"), says="Drop IPIP packets from non-Calico hosts")
            return
        known = member(self._static("all-hosts-net" if d.release >= (3, 2) else "all-hosts"), "src")
        here = plain("-m addrtype --dst-type LOCAL")
        yield rule(protocol("4"), known, here, to=jump("ACCEPT"), says="Allow IPIP packets from Calico hosts")
        yield rule(protocol("4"), to=jump(d.deny), says="Drop IPIP packets from non-Calico hosts")

    def _output(self) -> Iterator[Rule]:
        d = self.dialect
        if d.release >= (2, 4):
            yield self._accepted()
        yield rule(outgoing(d.prefix + "+"), to=jump("RETURN"))
        yield rule(to=mark(0, d.all_bits))
        untranslated = (states("DNAT", negated=True),) if d.release >= (3, 18) else ()
        yield rule(*untranslated, to=jump("cali-to-host-endpoint"))
        yield self._accepted("Host endpoint policy accepted packet.")

    def _to_host(self) -> Iterator[Rule]:
        d = self.dialect
        if d.family == 6:
            for number in ICMPV6_TYPES:
                yield rule(protocol("58"), plain(f"-m icmp6 --icmpv6-type {number}"), to=jump("ACCEPT"))
        yield rule(to=jump("cali-from-wl-dispatch"))
        yield rule(to=jump(d.to_host), says="Configured DefaultEndpointToHostAction")

    def _dispatch(self, root: str, prefix: str, test: Any) -> Chains:
        """Chains by interface: one level of common prefixes."""
        names = sorted(self.dialect.interface(pod) for pod in self.local)
        common = _common(names)
        unknown = rule(to=jump(self.dialect.deny, self.dialect.family), says="Unknown interface")
        chains: Chains = {root: []}
        for letter, group in groupby(names, key=lambda name: name[len(common) : len(common) + 1]):
            ends = [rule(test(name), to=goto(prefix + name)) for name in group]
            if len(ends) == 1 or not letter:
                chains[root] += ends
            else:
                chains[root].append(rule(test(f"{common}{letter}+"), to=goto(f"{root}-{letter}")))
                chains[f"{root}-{letter}"] = [*ends, unknown]
        chains[root].append(unknown)
        return chains

    # ------------------------------------------------------------------ pods

    def _endpoint(self, pod: dict[str, Any], direction: str, chains: Chains) -> Iterator[Rule]:
        d = self.dialect
        if d.release >= (2, 2):
            if d.allow == "RETURN":
                yield rule(states("RELATED,ESTABLISHED"), to=mark(d.accept, d.accept))
            yield rule(states("RELATED,ESTABLISHED"), to=jump(d.allow))
            yield rule(states("INVALID"), to=jump("DROP"))
        yield rule(to=mark(0, d.accept | d.passed if d.release >= (3, 28) else d.accept))
        if direction == OUT and d.release >= (3, 8):
            yield from self._encapsulation()
        yield from self._policies(pod, direction, chains)
        for profile in d.profiles(pod):
            name = limited(PROFILE[direction], profile)
            chains[name] = list(self._profile(profile, direction))
            if chains[name] or d.release < (3, 28):
                yield rule(to=jump(name))
                says = "Return if profile accepted"
                yield rule(marked(d.accept, d.accept), to=jump("RETURN"), says=says)
            if not chains[name] and d.release >= (3, 28):
                del chains[name]
        if d.flow_logs:
            yield rule(to=_nflog(direction, "DRI" if direction == IN else "DRE"))
        yield rule(to=jump(d.deny, d.family), says=f"{self._verb} if no profiles matched")

    @property
    def _verb(self) -> str:
        return "Drop" if self.dialect.deny == "DROP" else "Reject"

    def _encapsulation(self) -> Iterator[Rule]:
        d = self.dialect
        where = "workloads" if d.release >= (3, 16) else "pods"
        number = ('-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100000"',) if d.release < (3, 9) else ()
        vxlan = (protocol("17"), to_ports(VXLAN_PORT), *map(plain, number))
        drop = jump(d.deny, d.family)
        yield rule(*vxlan, to=drop, says=f"{self._verb} VXLAN encapped packets originating in {where}")
        yield rule(protocol("4"), to=drop, says=f"{self._verb} IPinIP encapped packets originating in {where}")

    def _policies(self, pod: dict[str, Any], direction: str, chains: Chains) -> Iterator[Rule]:
        d = self.dialect
        mine = [policy for policy in self.policies if self._applies(policy, pod, direction)]
        if not mine:
            return
        start, end = self._tier_comments()
        if start:
            yield rule(to=mark(0, d.passed), says=start)
        for name in self._entered(mine, direction, chains):
            yield rule(marked(0, d.passed), to=jump(name))
            yield rule(marked(d.accept, d.accept), to=jump("RETURN"), says="Return if policy accepted")
        if d.flow_logs:
            yield rule(marked(0, d.passed), to=_nflog(direction, "DPI|default"))
        yield rule(marked(0, d.passed), to=jump(d.deny, d.family), says=end)

    def _tier_comments(self) -> tuple[str, str]:
        d = self.dialect
        end = f"{self._verb} if no policies passed packet"
        if d.release >= (3, 30):
            end = f"End of tier default. {end}"
        if (3, 28) <= d.release < (3, 29):
            return "", end
        return ("Start of tier default" if d.release >= (3, 29) else "Start of policies"), end

    def _applies(self, policy: dict[str, Any], pod: dict[str, Any], direction: str) -> bool:
        if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
            return False
        types = policy["spec"].get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in policy["spec"] else [])]
        if self.dialect.release >= (2, 6) and direction not in [each.lower() for each in types]:
            return False
        return selects(policy["spec"].get("podSelector", {}), pod["metadata"].get("labels", {}))

    def _entered(self, policies: Objects, direction: str, chains: Chains) -> Iterator[str]:
        """The chains of these policies, or of the groups in which they are."""
        d = self.dialect
        for text, group in groupby(policies, key=subject_text):
            members = list(group)
            names = [self._policy_chain(policy, direction, chains) for policy in members]
            if len(names) == 1 or d.release < (3, 28):
                yield from names
                continue
            group_name = GROUP[direction] + self._group_hash(text, members, direction)
            chains[group_name] = list(self._group(names))
            yield group_name

    def _group(self, names: list[str]) -> Iterator[Rule]:
        d = self.dialect
        decided = d.accept | d.passed
        for place, name in enumerate(names):
            if place and place % 5 == 0:
                test = plain(f"-m mark ! --mark 0x0/{decided:#x}")
                yield rule(
                    Part(f"-m mark ! --mark 0/{decided:#x}", test.saved), to=jump("RETURN"), says="Return on verdict"
                )
            yield rule(*([marked(0, decided)] if place % 5 else []), to=jump(name))

    def _group_hash(self, text: str, members: Objects, direction: str) -> str:
        d = self.dialect
        lines = ["default"] if d.release < (3, 32) else []
        lines += [text, "inbound" if direction == IN else "outbound", str(len(members))]
        for policy in members:
            space, name = policy["metadata"]["namespace"], policy["metadata"]["name"]
            old = f"{space}/knp.default.{name}"
            new = f"{{Name: {name}, Namespace: {space}, Kind: KubernetesNetworkPolicy}}"
            lines.append(new if d.release >= (3, 32) else old)
        digest = hashlib.sha3_224("".join(f"{line}\n" for line in lines).encode()).digest()
        return base64.urlsafe_b64encode(digest).decode()[:20]

    def _policy_chain(self, policy: dict[str, Any], direction: str, chains: Chains) -> str:
        metadata = policy["metadata"]
        identity = self.dialect.policy_identity(metadata["namespace"], metadata["name"])
        directions = (direction,) if self.dialect.release >= (3, 15) else (IN, OUT)
        for each in directions:
            chains[limited(POLICY[each], identity)] = self.compiler.chain(policy, each)
        return limited(POLICY[direction], identity)

    def _profile(self, profile: str, direction: str) -> Iterator[Rule]:
        d = self.dialect
        comments = d.profile_comment(profile, direction)
        if profile.startswith("ksa."):
            if comments and d.release < (3, 28):
                yield rule(to=NOTHING, says=comments)
            return
        yield rule(to=mark(d.accept, d.accept), says=comments)
        if d.release < (3, 28):
            yield rule(marked(d.accept, d.accept), to=jump("RETURN"))

    # ------------------------------------------------------------------ raw, mangle

    def raw(self) -> Chains:
        return {
            "PREROUTING": [rule(to=jump("cali-PREROUTING"))],
            "OUTPUT": [rule(to=jump("cali-OUTPUT"))],
            "cali-PREROUTING": list(self._raw_prerouting()),
            "cali-OUTPUT": list(self._raw_output()),
            "cali-from-host-endpoint": [],
            "cali-to-host-endpoint": [],
            **({"cali-rpf-skip": []} if self.dialect.release >= (3, 23) else {}),
        }

    def _raw_prerouting(self) -> Iterator[Rule]:
        d = self.dialect
        from_pod = marked(d.scratch0, d.scratch0)
        yield rule(to=mark(0, d.all_bits))
        yield from self._untracked_tunnel()
        yield rule(incoming(d.prefix + "+"), to=mark(d.scratch0, d.scratch0))
        if d.release >= (3, 23):
            yield rule(from_pod, to=jump("cali-rpf-skip"))
        if d.release >= (3, 12) or d.family == 6:
            yield rule(from_pod, REVERSE_PATH, to=jump("DROP"))
        yield rule(marked(0, d.scratch0), to=jump("cali-from-host-endpoint"))
        yield rule(marked(d.accept, d.accept), to=jump("ACCEPT"))

    def _untracked_tunnel(self) -> Iterator[Rule]:
        if self.dialect.vxlan and self.dialect.release >= (3, 29):
            yield rule(protocol("udp"), to_ports(VXLAN_PORT), to=Part("--jump NOTRACK", "-j NOTRACK"))

    def _raw_output(self) -> Iterator[Rule]:
        d = self.dialect
        yield rule(to=mark(0, d.all_bits))
        yield rule(to=jump("cali-to-host-endpoint"))
        yield from self._untracked_tunnel()
        yield rule(marked(d.accept, d.accept), to=jump("ACCEPT"))

    def mangle(self) -> Chains:
        d = self.dialect
        host = "Host endpoint policy accepted packet."
        chains: Chains = {
            "PREROUTING": [rule(to=jump("cali-PREROUTING"))],
            "cali-PREROUTING": [
                rule(states("RELATED,ESTABLISHED"), to=jump("ACCEPT")),
                rule(marked(d.accept, d.accept), to=jump("ACCEPT")),
                rule(to=jump("cali-from-host-endpoint")),
                rule(marked(d.accept, d.accept), to=jump("ACCEPT"), says=host),
            ],
            "cali-from-host-endpoint": [],
        }
        if d.release >= (3, 18):
            chains |= {
                "POSTROUTING": [rule(to=jump("cali-POSTROUTING"))],
                "cali-POSTROUTING": [
                    *self._dscp(),
                    rule(marked(d.accept, d.accept), to=jump("RETURN")),
                    rule(to=mark(0, d.all_bits)),
                    rule(states("DNAT"), to=jump("cali-to-host-endpoint")),
                    rule(marked(d.accept, d.accept), to=jump("RETURN"), says=host),
                ],
                "cali-to-host-endpoint": [],
            }
        if d.release >= (3, 31):
            chains["cali-egress-dscp"] = []
        return chains

    def nat(self) -> Chains:
        pools = "network-ip-pools" if self.dialect.release >= (3, 31) else "all-ipam-pools"
        leaving = (member(self._static("masq-ipam-pools"), "src"), member(self._static(pools), "dst", negated=True))
        random = " --random-fully" if self.dialect.release >= (3, 8) else ""
        return {
            "PREROUTING": [rule(to=jump("cali-PREROUTING"))],
            "OUTPUT": [rule(to=jump("cali-OUTPUT"))],
            **({} if self.dialect.release >= (3, 16) else {"POSTROUTING": [rule(to=jump("cali-POSTROUTING"))]}),
            "cali-PREROUTING": [rule(to=jump("cali-fip-dnat"))],
            "cali-OUTPUT": [rule(to=jump("cali-fip-dnat"))],
            "cali-POSTROUTING": [rule(to=jump("cali-fip-snat")), rule(to=jump("cali-nat-outgoing"))],
            "cali-fip-dnat": [],
            "cali-fip-snat": [],
            "cali-nat-outgoing": [rule(*leaving, to=jump(f"MASQUERADE{random}"))] if self.dialect.family == 4 else [],
        }

    def _static(self, name: str) -> str:
        """One of Felix's own sets, which is there from then on; the node has the address of our pages."""
        full = self.dialect.static_set(name)
        kind, members = STATIC_SETS[name]
        self.sets.found[full] = (kind, list(members) if self.dialect.family == 4 else [])
        return full

    def _dscp(self) -> list[Rule]:
        d = self.dialect
        if d.release < (3, 31):
            return []
        near = [member(self._static(name), "dst", negated=True) for name in ("network-ip-pools", "this-host")]
        says = "set dscp for traffic leaving cluster."
        return [rule(member(self._static("dscp-src-net"), "src"), *near, to=jump("cali-egress-dscp"), says=says)]


def _common(names: list[str]) -> str:
    """The longest beginning that several names share, letter by letter; "" of one name."""
    if len(names) < 2:
        return ""
    length = next((at for at, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), len(names[0]))
    return names[0][:length]


def _nflog(direction: str, prefix: str) -> Part:
    group = 1 if direction == IN else 2
    return plain(f'-j NFLOG --nflog-prefix "{prefix}" --nflog-group {group} --nflog-size 80')


STATIC_SETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all-hosts": ("hash:ip", ("192.168.0.10", "192.168.0.11")),
    "all-hosts-net": ("hash:net", ("192.168.0.10", "192.168.0.11")),
    "all-vxlan-net": ("hash:net", ("192.168.0.11",)),
    "all-ipam-pools": ("hash:net", ("10.0.0.0/16",)),
    "dscp-src-net": ("hash:net", ()),
    "masq-ipam-pools": ("hash:net", ("10.0.0.0/16",)),
    "network-ip-pools": ("hash:net", ("10.0.0.0/16",)),
    "this-host": ("hash:ip", ("192.168.0.10",)),
}
BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
