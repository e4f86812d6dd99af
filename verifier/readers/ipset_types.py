"""The types of sets: what their members are made of, and their options.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.hosts import parse_host
from verifier.model.extension import Malformed, integer
from verifier.model.fields import ADDRESS_BITS

TYPES = {
    "bitmap:ip": ("ip",),
    "bitmap:ip,mac": ("ip", "mac"),
    "bitmap:port": ("bare port",),
    "hash:ip": ("ip",),
    "hash:ip,mac": ("ip", "mac"),
    "hash:ip,mark": ("ip", "mark"),
    "hash:ip,port": ("ip", "port"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "net"),
    "hash:mac": ("mac",),
    "hash:net": ("net",),
    "hash:net,iface": ("net", "iface"),
    "hash:net,net": ("net", "net"),
    "hash:net,port": ("net", "port"),
    "hash:net,port,net": ("net", "port", "net"),
    "list:set": ("set",),
}
"""What each dimension of a member is, by the type's name."""

ALIASES = {
    "ipmap": "bitmap:ip", "macipmap": "bitmap:ip,mac", "portmap": "bitmap:port", "iphash": "hash:ip", "iptree": "hash:ip",
    "iptreemap": "hash:ip", "ipmarkhash": "hash:ip,mark", "ipporthash": "hash:ip,port", "ipportiphash": "hash:ip,port,ip",
    "ipportnethash": "hash:ip,port,net", "machash": "hash:mac", "nethash": "hash:net", "netifacehash": "hash:net,iface",
    "netnethash": "hash:net,net", "netporthash": "hash:net,port", "netportnethash": "hash:net,port,net",
    "setlist": "list:set",
}  # fmt: skip
"""Names that earlier releases gave the types and that ipset still accepts (SET-14)."""

ARITY = {
    "family": 1, "hashsize": 1, "maxelem": 1, "bucketsize": 1, "initval": 1, "timeout": 1, "netmask": 1, "bitmask": 1,
    "markmask": 1, "range": 1, "size": 1, "from": 1, "to": 1, "network": 1, "probes": 1, "resize": 1, "gc": 1,
    "counters": 0, "comment": 0, "skbinfo": 0, "forceadd": 0, "-exist": 0,
}  # fmt: skip
FAMILIES = {"inet": 4, "ipv4": 4, "-4": 4, "inet6": 6, "ipv6": 6, "-6": 6}
WITHOUT_FAMILY = ("bitmap:port", "hash:mac", "list:set")
WHOLE_MARK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class SetShape:
    """All that decides how a set's members are to be read.

    `prefix` is how many leading bits of an address count (netmask). `expiring` tells that members without a timeout of
    their own have the set's. `opaque` says why membership cannot be told at all.
    """

    kind: str
    family: int
    prefix: int
    expiring: bool
    opaque: str

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What each dimension of a member is; () for a type that is not known."""
        return TYPES.get(self.kind, ())


def read_shape(kind: str, words: list[str]) -> SetShape:
    """The shape of a set from the words of its `create` line after the name; Malformed where an option is no option."""
    kind = ALIASES.get(kind, kind)
    if kind not in TYPES:
        return SetShape(kind, 0, 0, expiring=False, opaque=f"sets of type {kind} are not understood")
    options = _options(words)
    if isinstance(options, str):
        return SetShape(kind, 0, 0, expiring=False, opaque=options)
    family = 0 if kind in WITHOUT_FAMILY else _family(options.get("family", "inet"))
    bits = ADDRESS_BITS.get(family, 0)
    prefix, opaque = bits, ""
    if "netmask" in options:
        prefix = _prefix(options["netmask"], family)
    if "bitmask" in options:
        prefix, opaque = _bitmask(options["bitmask"], family)
    if integer(options.get("markmask", hex(WHOLE_MARK))) != WHOLE_MARK:
        opaque = "the set's markmask is not understood"
    return SetShape(kind, family, prefix, integer(options.get("timeout", "0")) != 0, opaque)


def _options(words: list[str]) -> dict[str, str] | str:
    """Options with their arguments; a sentence where one is not known."""
    options: dict[str, str] = {}
    position = 0
    while position < len(words):
        name = words[position] if words[position] == "-exist" else words[position].lstrip("-") or "-"
        arity = ARITY.get(name)
        if arity is None:
            return f"the set's option {words[position]} is not understood"
        if position + arity >= len(words):
            raise Malformed(f"the argument of {name} is missing")
        options[name] = words[position + 1] if arity else ""
        position += 1 + arity
    return options


def _family(name: str) -> int:
    if name not in FAMILIES:
        raise Malformed(f"{name!r} is not a family (inet, inet6)")
    return FAMILIES[name]


def _prefix(text: str, family: int) -> int:
    if "." in text or ":" in text:
        prefix, opaque = _bitmask(text, family)
        if opaque:
            raise Malformed(f"netmask {text} has holes")
        return prefix
    return integer(text, ADDRESS_BITS.get(family, 0))


def _bitmask(text: str, family: int) -> tuple[int, str]:
    bits = ADDRESS_BITS[family or 4]
    inverse = parse_host(text, family, "mask") ^ ((1 << bits) - 1)
    if inverse & (inverse + 1):
        return bits, f"the set's bitmask {text} has holes"
    return bits - inverse.bit_length(), ""
