"""Rules as Felix writes them and as iptables-save prints them, with the running hash that identifies each."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FIRST = ("-s", "-d", "-i", "-o", "-p")
"""What iptables-save prints before all other matches."""


@dataclass(frozen=True)
class Part:
    """A match or a target, as Felix spells it and as iptables-save prints it ("" where it prints nothing)."""

    felix: str
    saved: str


def source(cidr: str) -> Part:
    return Part(f"--source {cidr}", _network("-s", cidr))


def destination(cidr: str) -> Part:
    return Part(f"--destination {cidr}", _network("-d", cidr))


def _network(flag: str, cidr: str) -> str:
    if cidr.endswith("/0"):
        return ""
    width = 128 if ":" in cidr else 32
    return f"{flag} {cidr}" if "/" in cidr else f"{flag} {cidr}/{width}"


def incoming(name: str) -> Part:
    return Part(f"--in-interface {name}", f"-i {name}")


def outgoing(name: str) -> Part:
    return Part(f"--out-interface {name}", f"-o {name}")


NUMBERS = {"4": "ipencap", "17": "udp", "58": "ipv6-icmp"}


def protocol(name: str) -> Part:
    return Part(f"-p {name}", f"-p {NUMBERS.get(name, name)}")


def to_ports(ports: str) -> Part:
    return Part(f"-m multiport --destination-ports {ports}", f"-m multiport --dports {ports}")


def member(name: str, ends: str, *, negated: bool = False) -> Part:
    text = f"-m set {'! ' if negated else ''}--match-set {name} {ends}"
    return Part(text, text)


def states(names: str, *, negated: bool = False) -> Part:
    text = f"-m conntrack {'! ' if negated else ''}--ctstate {names}"
    return Part(text, text)


def marked(value: int, mask: int) -> Part:
    return Part(f"-m mark --mark {_felix(value)}/{mask:#x}", f"-m mark --mark {value:#x}/{mask:#x}")


def plain(text: str) -> Part:
    """Anything that iptables-save prints as it was written."""
    return Part(text, text)


def mark(value: int, mask: int) -> Part:
    return Part(f"--jump MARK --set-mark {_felix(value)}/{mask:#x}", f"-j MARK --set-xmark {value:#x}/{mask:#x}")


def _felix(value: int) -> str:
    return f"{value:#x}" if value else "0"


REJECTS = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}


def jump(name: str, family: int = 4) -> Part:
    saved = f"-j {name} --reject-with {REJECTS[family]}" if name == "REJECT" else f"-j {name}"
    return Part(f"--jump {name}", saved)


def goto(name: str) -> Part:
    return Part(f"--goto {name}", f"-g {name}")


NOTHING = Part("", "")


@dataclass(frozen=True)
class Rule:
    """Matches, a target, and the comments beside the hash."""

    parts: tuple[Part, ...]
    target: Part
    comments: tuple[str, ...] = ()


def rule(*parts: Part, to: Part, says: str | Iterable[str] = ()) -> Rule:
    """A rule; `says` is its comment, or all of them."""
    return Rule(parts, to, (says,) if isinstance(says, str) else tuple(says))


def spelled(chain: str, rules: Iterable[Rule], hashed_as: str = "") -> Iterator[str]:
    """The lines of a chain as iptables-save prints them, each with its hash."""
    name = hashed_as or chain
    state = hashlib.sha224(name.encode()).digest()
    for each in rules:
        told = [f'-m comment --comment "{comment}"' for comment in each.comments]
        text = " ".join([f"-A {name} HASH", *told, *(p.felix for p in each.parts), each.target.felix]).rstrip()
        state = hashlib.sha224(state + text.encode()).digest()
        digest = base64.urlsafe_b64encode(state).decode()[:16]
        saved = [part.saved for part in each.parts if part.saved]
        early = sorted((s for s in saved if s.startswith(FIRST)), key=lambda s: FIRST.index(s.split()[0]))
        late = [s for s in saved if not s.startswith(FIRST)]
        words = [f"-A {chain}", *early, f'-m comment --comment "cali:{digest}"', *told, *late, each.target.saved]
        yield " ".join(word for word in words if word)
