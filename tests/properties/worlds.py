"""Strategies for whole small worlds: a node with rules in several tables, sets, pods and policies, of either family."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.pages.world import expand_cluster

PODS = """
namespace shop team=a
namespace other team=b
node node-a 192.168.0.10 fd00::10
node node-b 192.168.0.11 fd00::11
pod shop/web 10.0.0.2 fd01::2 app=web,tier=front port=http:tcp/8080
pod shop/api 10.0.0.3 fd01::3 app=api port=http:tcp/81 port=dns:udp/53
pod other/db 10.0.0.4 fd01::4 app=db
pod other/far 10.0.1.2 fd01::102 app=web on=node-b port=http:tcp/80
"""
ADDRESSES = [
    {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
    {
        "ifname": "eth0",
        "addr_info": [
            {"family": "inet", "local": "192.168.0.10", "prefixlen": 24},
            {"family": "inet6", "local": "fd00::10", "prefixlen": 64},
        ],
    },
    {"ifname": "eth1"},
    {"ifname": "v-web"},
    {"ifname": "v-api"},
    {"ifname": "v-db"},
]
ROUTES = {
    4: [{"dst": f"10.0.0.{n}", "dev": f"v-{name}"} for n, name in ((2, "web"), (3, "api"), (4, "db"))],
    6: [{"dst": f"fd01::{n}", "dev": f"v-{name}"} for n, name in ((2, "web"), (3, "api"), (4, "db"))],
}
NETWORKS = {
    4: ["10.0.0.2/32", "10.0.0.3/32", "10.0.0.2/31", "10.0.0.0/24", "10.0.1.0/24", "192.168.0.10/32", "0.0.0.0/1"],
    6: ["fd01::2/128", "fd01::3/128", "fd01::2/127", "fd01::/120", "fd01::100/120", "fd00::10/128", "::/1"],
}
HOSTS = {
    4: ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.2", "192.168.0.11", "8.8.8.8"],
    6: ["fd01::2", "fd01::3", "fd01::4", "fd01::102", "fd00::11", "2001:db8::8"],
}
CHAINS = ("c0", "c1", "c2", "c3")
FAMILY_NAMES = {4: "inet", 6: "inet6"}
DUMPS = {4: "iptables-save", 6: "ip6tables-save"}


@dataclass(frozen=True, slots=True)
class World:
    """What is written into a snapshot; `tables` holds the chains of each table with their rules."""

    family: int
    tables: dict[str, dict[str, list[str]]]
    policies: list[dict[str, Any]]
    sets: list[str]
    drops: tuple[str, ...] = ()

    def dump(self) -> str:
        """The rules as iptables-save prints them."""
        lines = []
        for table, chains in self.tables.items():
            lines.append(f"*{table}")
            for name in chains:
                built_in = name.isupper()
                policy = ("DROP" if f"{table} {name}" in self.drops else "ACCEPT") if built_in else "-"
                lines.append(f":{name} {policy} [0:0]")
            lines += [f"-A {name} {rule}".replace("  ", " ") for name, rules in chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join([*lines, ""])

    def write(self, folder: Path) -> str:
        """Write it as a snapshot; returns its path."""
        node = folder / "nodes" / "node-a"
        node.mkdir(parents=True)
        (folder / "cluster").mkdir()
        items = [*expand_cluster(PODS), *self.policies]
        (folder / "cluster" / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        (node / DUMPS[self.family]).write_text(self.dump())
        (node / "ipset-save").write_text("\n".join([*self.sets, ""]))
        (node / "addresses.json").write_text(json.dumps(ADDRESSES))
        (node / ("routes.json" if self.family == 4 else "routes6.json")).write_text(json.dumps(ROUTES[self.family]))
        return str(folder)

    def with_tables(
        self, change: Callable[[dict[str, dict[str, list[str]]]], dict[str, dict[str, list[str]]]]
    ) -> World:
        """The same with other tables."""
        return replace(self, tables=change(self.tables))


def sets_of(family: int) -> st.SearchStrategy[list[str]]:
    """A few sets of each kind that rules ask for."""
    name = FAMILY_NAMES[family]
    networks = [net for net in NETWORKS[family] if not net.endswith(("/32", "/128"))] + [f"{HOSTS[family][1]}"]

    def lines(picked: tuple[list[str], list[tuple[str, bool]], list[tuple[str, str]]]) -> list[str]:
        hosts, nets, ports = picked
        return [
            f"create hosts hash:ip family {name} hashsize 1024 maxelem 65536",
            *(f"add hosts {host}" for host in hosts),
            f"create nets hash:net family {name} hashsize 1024 maxelem 65536",
            *(f"add nets {net}{' nomatch' if nomatch else ''}" for net, nomatch in nets),
            f"create ports hash:ip,port family {name} hashsize 1024 maxelem 65536",
            *(f"add ports {host},{port}" for host, port in ports),
            "create both list:set size 8",
            "add both hosts",
            "add both nets",
        ]

    hosts = st.lists(st.sampled_from(HOSTS[family]), unique=True, min_size=1, max_size=3)
    nets = st.lists(
        st.tuples(st.sampled_from(networks), st.booleans()), unique_by=lambda pair: pair[0], min_size=1, max_size=4
    )
    ports = st.lists(
        st.tuples(st.sampled_from(HOSTS[family][:4]), st.sampled_from(["tcp:80", "tcp:81", "udp:53", "sctp:80"])),
        unique=True,
        max_size=3,
    )
    return st.tuples(hosts, nets, ports).map(lines)


MEMBERSHIPS = [f"{name} {ends}" for name in ("hosts", "nets", "both") for ends in ("src", "dst")] + [
    "ports dst,dst",
    "ports src,dst",
]


def matches(family: int, *, opaque: bool) -> st.SearchStrategy[str]:
    """One test of a rule."""
    no = st.sampled_from(["", "", "! "])
    networks = st.sampled_from(NETWORKS[family])
    ports = st.sampled_from(["80", "81", "53", "80:81", "8080", ":80", "81:"])
    member = st.builds("-m set {0}--match-set {1}".format, no, st.sampled_from(MEMBERSHIPS))
    choices = [
        st.builds("{0}{1} {2}".format, no, st.sampled_from(["-s", "-d"]), networks),
        st.builds("{1}-p {0}".format, st.sampled_from(["tcp", "udp", "sctp"]), no),
        st.builds(
            "-p {0} -m {0} {3}{1} {2}".format,
            st.sampled_from(["tcp", "udp", "sctp"]),
            st.sampled_from(["--dport", "--dport", "--sport"]),
            ports,
            no,
        ),
        st.sampled_from(
            [
                "-p tcp -m multiport --dports 80,8080",
                "-p udp -m multiport ! --dports 53",
                "-p tcp -m multiport --ports 80:81",
                "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
                "-p tcp -m tcp ! --tcp-flags SYN SYN",
                "-m addrtype --src-type LOCAL",
                "-m addrtype ! --dst-type LOCAL",
                "-m conntrack --ctstate DNAT",
            ]
        ),
        st.builds(
            "-m conntrack {0}--ctstate {1}".format, no, st.sampled_from(["NEW", "ESTABLISHED", "RELATED,ESTABLISHED"])
        ),
        st.builds("-m mark {0}--mark {1}".format, no, st.sampled_from(["0x1/0x1", "0x0/0x1", "0x2/0x3", "0x4/0x4"])),
        st.sampled_from(["-m connmark --mark 0x1/0x1", "-m connmark ! --mark 0x2/0x2"]),
        member,
        member,  # twice as often as the others: sets have the most meanings to confuse
        st.builds("{0}-i {1}".format, no, st.sampled_from(["eth0", "eth+", "v-web", "v-+", "lo"])),
        st.builds("{0}-o {1}".format, no, st.sampled_from(["eth0", "eth1", "v-api", "v-+"])),
    ]
    if opaque:
        choices.append(st.sampled_from(["-m limit --limit 1/sec", "-m recent --rcheck --name x --rsource"]))
    return st.one_of(choices)


def tests_of_rule(family: int, chain: str, *, opaque: bool) -> st.SearchStrategy[str]:
    """The tests of a rule that iptables would take: interfaces that the hook has, each test once."""

    def text(parts: list[str]) -> str:
        kept: list[str] = []
        seen: set[str] = set()
        for part in parts:
            words = part.split()
            kind = words[1] if words[0] == "!" else words[0]
            kind = f"-m {words[words.index('-m') + 1]}" if kind == "-m" else kind
            barred = {"INPUT": "-o", "PREROUTING": "-o", "OUTPUT": "-i", "POSTROUTING": "-i"}.get(chain)
            if kind not in seen and kind != barred:
                seen.add(kind)
                kept.append(part)
        order = ["-s", "-d", "-i", "-o", "-p"]
        kept.sort(key=lambda part: next((n for n, flag in enumerate(order) if part.lstrip("! ").startswith(flag)), 9))
        return " ".join(kept)

    return st.lists(matches(family, opaque=opaque), max_size=3).map(text)


def rule(family: int, chain: str, targets: tuple[str, ...], *, opaque: bool, marks: bool) -> st.SearchStrategy[str]:
    """A rule of a chain that may enter these others."""
    verdicts = ["-j ACCEPT", "-j ACCEPT", "-j DROP", "-j DROP", "-j RETURN"]
    if marks:
        verdicts += [
            "-j MARK --set-xmark 0x1/0x1",
            "-j MARK --set-xmark 0x0/0x1",
            "-j MARK --set-xmark 0x6/0x6",
            "-j MARK --set-xmark 0x2/0x0",
            "-j CONNMARK --save-mark",
            "-j CONNMARK --restore-mark",
        ]
    jumps = [f"{flag} {target}" for target in targets for flag in ("-j", "-j", "-g")]
    ends = st.sampled_from([*verdicts, *jumps, *jumps])
    return st.builds("{0} {1}".format, tests_of_rule(family, chain, opaque=opaque), ends).map(str.strip)


def dispatch(family: int, chain: str, targets: tuple[str, ...]) -> st.SearchStrategy[str]:
    """A rule that sends the packets of one pod to a chain, as compilers write it."""
    pods = [net for net in NETWORKS[family] if net.endswith(("/32", "/128"))][:2]
    ends = [f"{flag} {net}" for flag in ("-s", "-d") for net in pods]
    if chain not in ("OUTPUT", "POSTROUTING"):
        ends.append("-i v-web")
    if chain not in ("INPUT", "PREROUTING"):
        ends.append("-o v-web")
    jumps = [f"{flag} {target}" for flag in ("-j", "-g") for target in targets]
    return st.builds("{0} {1}".format, st.sampled_from(ends), st.sampled_from(jumps))


def rulesets(
    family: int, *, opaque: bool = False, marks: bool = True, others: bool = True
) -> st.SearchStrategy[dict[str, dict[str, list[str]]]]:
    """Rules of the filter table, chains that enter later ones only, and of other tables if wanted."""

    def chain(name: str, targets: tuple[str, ...], most: int) -> st.SearchStrategy[list[str]]:
        any_rule = rule(family, name, targets, opaque=opaque, marks=marks)
        return st.lists(any_rule | dispatch(family, name, targets) if targets else any_rule, max_size=most)

    filters = {
        **{name: chain(name, CHAINS, 3) for name in ("INPUT", "OUTPUT")},
        "FORWARD": chain("FORWARD", CHAINS, 5),
        **{name: chain(name, CHAINS[n + 1 :], 4) for n, name in enumerate(CHAINS)},
    }
    tables: dict[str, st.SearchStrategy[dict[str, list[str]]]] = {"filter": st.fixed_dictionaries(filters)}
    if others:
        tables["mangle"] = st.fixed_dictionaries(
            {name: chain(name, (), 2) for name in ("PREROUTING", "FORWARD", "POSTROUTING")}
        )
        tables["nat"] = st.fixed_dictionaries({"PREROUTING": chain("PREROUTING", (), 1)})
    return st.fixed_dictionaries(tables)


NETWORK_POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
SELECTORS: list[dict[str, Any]] = [
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "api"}},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web", "db"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
]
NAMESPACES: list[dict[str, Any]] = [{}, {"matchLabels": {"team": "a"}}, {"matchLabels": {"team": "b"}}]
PORTS: list[dict[str, Any]] = [
    {"port": 80},
    {"port": 80, "endPort": 81},
    {"port": "http"},
    {"protocol": "UDP", "port": 53},
    {"protocol": "UDP", "port": "dns"},
    {"protocol": "SCTP"},
]
BLOCKS: list[dict[str, Any]] = [
    {"cidr": "10.0.0.0/24", "except": ["10.0.0.3/32"]},
    {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/16", "192.168.0.0/16"]},
    {"cidr": "fd01::/112"},
    {"cidr": "::/0", "except": ["fd01::2/127"]},
]


def policies(most: int = 3) -> st.SearchStrategy[list[dict[str, Any]]]:
    """NetworkPolicies of the namespace shop."""
    peers = st.one_of(
        st.builds(lambda pod: {"podSelector": pod}, st.sampled_from(SELECTORS)),
        st.builds(
            lambda ns, pod: {"namespaceSelector": ns, "podSelector": pod},
            st.sampled_from(NAMESPACES),
            st.sampled_from(SELECTORS),
        ),
        st.builds(lambda block: {"ipBlock": block}, st.sampled_from(BLOCKS)),
    )

    def rules(key: str) -> st.SearchStrategy[list[dict[str, Any]]]:
        one = st.fixed_dictionaries(
            {},
            optional={
                key: st.lists(peers, min_size=1, max_size=2),
                "ports": st.lists(st.sampled_from(PORTS), max_size=2),
            },
        )
        return st.lists(one, max_size=2)

    spec = st.fixed_dictionaries(
        {
            "podSelector": st.sampled_from(SELECTORS),
            "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
            "ingress": rules("from"),
            "egress": rules("to"),
        }
    )
    return st.lists(spec, min_size=1, max_size=most).map(_named)


def _named(specs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for spec in specs:
        for direction, kind in (("ingress", "Ingress"), ("egress", "Egress")):
            if kind not in spec["policyTypes"]:
                spec.pop(direction, None)
    return [
        {**NETWORK_POLICY, "metadata": {"namespace": "shop", "name": f"p{number}"}, "spec": spec}
        for number, spec in enumerate(specs)
    ]


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    opaque: bool = False,
    marks: bool = True,
    others: bool = True,
    families: tuple[int, ...] = (4, 6),
) -> World:
    """A whole node of one family."""
    family = draw(st.sampled_from(families))
    tables = draw(rulesets(family, opaque=opaque, marks=marks, others=others))
    drops = draw(st.lists(st.sampled_from(["filter FORWARD", "filter INPUT", "filter OUTPUT"]), max_size=1))
    return World(family, tables, draw(policies()), draw(sets_of(family)), tuple(drops))
