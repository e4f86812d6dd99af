"""The rules of a NetworkPolicy in the chains of one direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.felix.dialect import Dialect, identity
from tests.felix.line import (
    NOTHING,
    Part,
    Rule,
    destination,
    jump,
    mark,
    marked,
    member,
    protocol,
    rule,
    source,
    to_ports,
)
from tests.felix.selectors import Objects, addresses, peer_text, peers_of

SLOTS = 15
"""How many ports a multiport match holds; a range takes two."""
SIDES = {"ingress": "from", "egress": "to"}


@dataclass
class Sets:
    """The sets of a dump, by name: their type and members."""

    found: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def saved(self, family: int) -> str:
        inet = "inet" if family == 4 else "inet6"
        lines = []
        for name, (kind, members) in sorted(self.found.items()):
            lines.append(f"create {name} {kind} family {inet} hashsize 1024 maxelem 1048576")
            lines += [f"add {name} {one}" for one in members]
        return "\n".join([*lines, ""])


@dataclass(frozen=True)
class Ports:
    """What a Calico rule asks of ports: a protocol ("" for all), numbers and ranges, names."""

    protocol: str = ""
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Compiler:
    """Policies of a cluster for one dialect; collects the sets that rules ask for."""

    def __init__(self, dialect: Dialect, pods: Objects, spaces: dict[str, dict[str, str]], sets: Sets) -> None:
        self.dialect = dialect
        self.pods = pods
        self.spaces = spaces
        self.sets = sets

    def chain(self, policy: dict[str, Any], direction: str) -> list[Rule]:
        """A policy's chain."""
        metadata = policy["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        rules = list(self._rules(policy, direction))
        if self.dialect.release >= (3, 28):
            while rules and rules[-1].target == jump("RETURN"):
                rules.pop()
        comments = self.dialect.policy_comment(namespace, name, direction)
        if comments and not rules:
            return [Rule((), NOTHING, comments)]
        return [Rule(rules[0].parts, rules[0].target, (*comments, *rules[0].comments)), *rules[1:]] if rules else []

    def _rules(self, policy: dict[str, Any], direction: str) -> Iterator[Rule]:
        d = self.dialect
        if direction == "egress" and d.release < (2, 6):
            yield from self._allowed([])
            return
        namespace = policy["metadata"]["namespace"]
        for each in policy["spec"].get(direction) or []:
            for ports in self._ports(each):
                for peer in each.get(SIDES[direction]) or [None]:
                    yield from self._rule(direction, namespace, peer, ports)

    def _ports(self, each: dict[str, Any]) -> list[Ports]:
        """The ports of each of Calico's rules: before v3.12 one each, then one per protocol."""
        written = each.get("ports") or []
        if not written:
            return [Ports()]
        single = [(port.get("protocol", "TCP").lower(), self._port(port)) for port in written]
        if self.dialect.release < (3, 12):
            return [self._one(name, [port]) for name, port in single]
        whole: dict[str, list[str | None]] = {}
        for name, port in sorted(single, key=lambda pair: pair[0]):
            whole.setdefault(name, []).append(port)
        return [self._one(name, [] if None in ports else _merged(ports)) for name, ports in whole.items()]

    def _port(self, port: dict[str, Any]) -> str | None:
        if "port" not in port:
            return None
        last = port.get("endPort") if self.dialect.release >= (3, 19) else None
        return f"{port['port']}:{last}" if last and last != port["port"] else str(port["port"])

    def _one(self, name: str, ports: list[Any]) -> Ports:
        known = [port for port in ports if port is not None]
        names = tuple(port for port in known if not port[0].isdigit())
        return Ports(name, tuple(port for port in known if port[0].isdigit()), names)

    def _rule(self, direction: str, namespace: str, peer: dict[str, Any] | None, ports: Ports) -> Iterator[Rule]:
        d = self.dialect
        far, end = (source, "src") if direction == "ingress" else (destination, "dst")
        nets, excepts, sets = [], [], []
        if peer and "ipBlock" in peer:
            nets, excepts = [peer["ipBlock"]["cidr"]], list(peer["ipBlock"].get("except", []))
            if any((":" in net) is (d.family == 4) for net in nets):
                return
        elif peer and (direction == "ingress" or not ports.names or ports.numbers):
            sets = [self._selected(peer, namespace)]
        named = [self._named(direction, peer, namespace, ports.protocol, name) for name in ports.names]
        chunks = _chunks(ports.numbers)
        blocks: list[Rule] = []
        if d.release < (3, 0):
            for chunk in chunks or [""]:
                rest = [to_ports(chunk)] if chunk else []
                yield from self._with_excepts(far, nets, excepts, sets, end, ports.protocol, rest)
            return
        late: list[Part] = []
        if len(chunks) + len(named) > 1:
            blocks = [rule(to=mark(0, d.scratch0 | d.scratch1))]
            for chunk in chunks:
                blocks.append(rule(protocol(ports.protocol), to_ports(chunk), to=mark(d.scratch0, d.scratch0)))
            blocks += [rule(member(name, "dst,dst"), to=mark(d.scratch0, d.scratch0)) for name in named]
        else:
            late += [to_ports(chunk) for chunk in chunks] + [member(name, "dst,dst") for name in named]
        yield from self._with_excepts(far, nets, excepts, sets, end, ports.protocol, late, blocks)

    def _with_excepts(
        self,
        far: Any,
        nets: list[str],
        excepts: list[str],
        sets: list[str],
        end: str,
        name: str,
        late: list[Part],
        blocks: list[Rule] | None = None,
    ) -> Iterator[Rule]:
        d = self.dialect
        blocks = list(blocks or [])
        if excepts:
            blocks = blocks or [rule(to=mark(d.scratch0, d.scratch0 | d.scratch1))]
            blocks += [rule(far(net), to=mark(0, d.scratch0)) for net in excepts]
        parts = [protocol(name)] if name else []
        parts += [far(net) for net in nets] + [member(one, end) for one in sets] + late
        if blocks:
            parts.append(marked(d.scratch0, d.scratch0))
        yield from blocks
        yield from self._allowed(parts)

    def _allowed(self, parts: list[Part]) -> Iterator[Rule]:
        accept = self.dialect.accept
        yield rule(*parts, to=mark(accept, accept))
        yield rule(marked(accept, accept), to=jump("RETURN"))

    def _selected(self, peer: dict[str, Any], namespace: str) -> str:
        name = self.dialect.set_name("s", peer_text(peer, namespace, self.dialect))
        chosen = peers_of(peer, namespace, self.pods, self.spaces)
        members = [ip for pod in chosen for ip in addresses(pod, self.dialect.family)]
        self.sets.found[name] = ("hash:net" if self.dialect.release >= (3, 1) else "hash:ip", members)
        return name

    def _named(self, direction: str, peer: dict[str, Any] | None, namespace: str, proto: str, port: str) -> str:
        whose = peer if direction == "egress" and peer and "ipBlock" not in peer else None
        text = peer_text(whose, namespace, self.dialect) if whose else "all()"
        name = self.dialect.set_name("n", f"{identity('s', text)},{proto or 'any'},{port}")
        chosen = peers_of(whose, namespace, self.pods, self.spaces) if whose else self.pods
        members = []
        for pod in chosen:
            for each in (p for c in pod["spec"]["containers"] for p in c.get("ports", [])):
                if each.get("name") == port and each.get("protocol", "TCP").lower() == proto:
                    members += [f"{ip},{proto}:{each['containerPort']}" for ip in addresses(pod, self.dialect.family)]
        self.sets.found[name] = ("hash:ip,port", members)
        return name


def _merged(ports: list[Any]) -> list[str]:
    """Numbers sorted and grown together to ranges, then names."""
    spans = sorted((int(p.split(":")[0]), int(p.split(":")[-1])) for p in ports if p[0].isdigit())
    out: list[list[int]] = []
    for first, last in spans:
        if out and first <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    return [f"{a}:{b}" if a != b else str(a) for a, b in out] + [p for p in ports if not p[0].isdigit()]


def _chunks(numbers: tuple[str, ...]) -> list[str]:
    """Ports in as many lists as multiport matches are needed."""
    lists: list[list[str]] = []
    room = 0
    for port in numbers:
        need = 2 if ":" in port else 1
        if need > room:
            lists.append([])
            room = SLOTS
        lists[-1].append(port)
        room -= need
    return [",".join(one) for one in lists]
