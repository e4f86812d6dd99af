"""One member of a set from its text.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

from itertools import product

from verifier.matches.hosts import parse_host, parse_hosts
from verifier.matches.icmp import NAMES as ICMP_NAMES
from verifier.matches.icmp6 import NAMES as ICMPV6_NAMES
from verifier.matches.icmp_types import parse_icmp_type
from verifier.matches.ports import parse_port
from verifier.matches.protocols import parse_protocol
from verifier.model.extension import Malformed, integer
from verifier.model.fields import ADDRESS_BITS, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE
from verifier.model.ipset import AddressPart, InterfacePart, MarkPart, OpaquePart, Part, PortPart, SetMember
from verifier.readers.ipset_types import SetShape
from verifier.readers.words import split_words

ARITY = {
    "timeout": 1, "packets": 1, "bytes": 1, "comment": 1, "skbmark": 1, "skbprio": 1, "skbqueue": 1, "nomatch": 0,
    "wildcard": 0, "before": 1, "after": 1, "-exist": 0,
}  # fmt: skip
PORTED = (TCP, UDP, SCTP, UDPLITE)
ICMPS = {ICMP: ICMP_NAMES, ICMPV6: ICMPV6_NAMES}


def read_member(text: str, shape: SetShape) -> tuple[tuple[SetMember, ...], str]:
    """The entries that a member's text stands for, and why they cannot be decided ("" where they can).

    An address range in a dimension that holds networks is several entries, one for each prefix (SET-5). Malformed
    where the text is no member of such a set.
    """
    words = split_words(text)
    if not words:
        raise Malformed("the member is missing")
    element, options = words[0], _options(words[1:])
    expires = integer(options["timeout"]) != 0 if "timeout" in options else shape.expiring
    opaque = "its members expire" if expires else ""
    if "wildcard" in options:
        opaque = "interface names with a wildcard are not understood"
    if "before" in options or "after" in options:
        opaque = "the order of its members is not understood"
    nomatch = "nomatch" in options
    shown = f"{element} nomatch" if nomatch else element
    return tuple(SetMember(shown, parts, nomatch) for parts in _elements(element, shape)), opaque


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    position = 0
    while position < len(words):
        name = words[position] if words[position] == "-exist" else words[position].lstrip("-")
        arity = ARITY.get(name)
        if arity is None:
            raise Malformed(f"{words[position]!r} is not an option of a member")
        if position + arity >= len(words):
            raise Malformed(f"the argument of {name} is missing")
        options[name] = words[position + 1] if arity else ""
        position += 1 + arity
    return options


def _elements(text: str, shape: SetShape) -> list[tuple[Part, ...]]:
    texts = text.split(",")
    dimensions = shape.dimensions
    if shape.kind == "bitmap:ip,mac" and len(texts) == 1:
        texts.append("")
    if len(texts) != len(dimensions):
        raise Malformed(f"{text!r} has not the {len(dimensions)} parts of a member of {shape.kind}")
    return list(product(*(_parts(one, dimension, shape) for one, dimension in zip(texts, dimensions, strict=True))))


def _parts(text: str, dimension: str, shape: SetShape) -> list[Part]:
    match dimension:
        case "ip":
            return [_addresses(text, shape.family, shape.prefix)]
        case "net":
            return list(_networks(text, shape.family, shape.prefix))
        case "port":
            return [_port(text)]
        case "bare port":
            return [PortPart(None, *_port_range(text.partition(":")[2] or text))]
        case "iface":
            physical, _, name = text.rpartition(":")
            return [InterfacePart(name, physical == "physdev") if physical in ("", "physdev") else InterfacePart(text)]
        case "mark":
            return [MarkPart(integer(text))]
        case _:
            return [OpaquePart(text)]


def _addresses(text: str, family: int, prefix: int) -> AddressPart:
    """An address, a network or a range, widened to the set's netmask (SET-4)."""
    first, dash, last = text.partition("-")
    if dash:
        low, high = parse_host(first, family), parse_host(last, family)
    else:
        hosts = parse_hosts(text, family)
        low = hosts.address
        high = hosts.address | (hosts.mask ^ ((1 << ADDRESS_BITS[family]) - 1))
        if hosts.prefix is None:
            raise Malformed(f"the network mask of {text!r} has holes")
    if low > high:
        raise Malformed(f"address range {text!r} ends before it begins")
    spare = (1 << (ADDRESS_BITS[family] - prefix)) - 1
    return AddressPart(low & ~spare, high | spare)


def _networks(text: str, family: int, prefix: int) -> list[AddressPart]:
    span = _addresses(text, family, prefix)
    if "-" not in text:
        return [span]
    found = []
    first = span.first
    while first <= span.last:
        size = first & -first or 1 << ADDRESS_BITS[family]
        while first + size - 1 > span.last:
            size >>= 1
        found.append(AddressPart(first, first + size - 1))
        first += size
    return found


def _port(text: str) -> PortPart:
    """`[PROTOCOL:]PORT[-PORT]`; ICMP by type and code or by name; protocols without ports with a zero (SET-6)."""
    name, colon, rest = text.partition(":")
    if not colon:
        name, rest = "tcp", text
    protocol = parse_protocol(name)
    if protocol in ICMPS:
        type_, code = parse_icmp_type(rest, ICMPS[protocol], None)
        if "/" not in rest and rest.isdecimal():
            # A bare number is the "port" itself, type times 256 plus code.
            return PortPart(protocol, integer(rest, 65535), integer(rest, 65535))
        number = (type_ or 0) * 256 + (code or 0)
        return PortPart(protocol, number, number)
    if protocol not in PORTED:
        if rest != "0":
            raise Malformed(f"{text!r}: protocol {name} has no ports, its members end in `:0`")
        return PortPart(protocol, 0, 0)
    return PortPart(protocol, *_port_range(rest))


def _port_range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if dash and text not in _HYPHENATED:
        low, high = parse_port(first), parse_port(last)
    else:
        low = high = parse_port(text)
    if low > high:
        raise Malformed(f"port range {text!r} ends before it begins")
    return low, high


_HYPHENATED = frozenset(("ftp-data", "http-alt", "microsoft-ds", "netbios-ns", "netbios-dgm", "netbios-ssn"))
