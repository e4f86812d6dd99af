"""Names of protocols as iptables prints and accepts them."""

from __future__ import annotations

from verifier.model.extension import Malformed, integer

NAMES = {
    1: "icmp", 2: "igmp", 3: "ggp", 4: "ipencap", 5: "st", 6: "tcp", 8: "egp", 9: "igp", 12: "pup", 17: "udp", 20: "hmp",
    22: "xns-idp", 27: "rdp", 29: "iso-tp4", 33: "dccp", 36: "xtp", 37: "ddp", 38: "idpr-cmtp", 41: "ipv6",
    43: "ipv6-route", 44: "ipv6-frag", 45: "idrp", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 57: "skip",
    58: "ipv6-icmp", 59: "ipv6-nonxt", 60: "ipv6-opts", 73: "rspf", 81: "vmtp", 88: "eigrp", 89: "ospf", 93: "ax.25",
    94: "ipip", 97: "etherip", 98: "encap", 103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 124: "isis", 132: "sctp",
    133: "fc", 135: "mobility-header", 136: "udplite", 137: "mpls-in-ip", 138: "manet", 139: "hip", 140: "shim6",
    141: "wesp", 142: "rohc",
}  # fmt: skip
NUMBERS = {name: number for number, name in NAMES.items()} | {
    "all": 0, "ip": 0, "icmpv6": 58, "icmp6": 58, "ipv6-mh": 135, "mh": 135, "ipv4": 4, "ospfigp": 89, "udp-lite": 136,
}  # fmt: skip
MODULES = {
    6: "tcp",
    17: "udp",
    132: "sctp",
    33: "dccp",
    136: "udplite",
    1: "icmp",
    58: "icmp6",
    135: "mh",
    51: "ah",
    50: "esp",
}
"""The extension that iptables loads by itself when an option of it follows `-p`."""


def parse_protocol(text: str) -> int:
    """A protocol's number from its name or number; 0 stands for all of them."""
    number = NUMBERS.get(text.lower())
    if number is not None:
        return number
    if not text[:1].isdigit():
        raise Malformed(
            f"{text!r} is neither a protocol number nor the name of a protocol known here; write the number"
        )
    return integer(text, 255)


def spell_protocol(number: int) -> str:
    """The name that iptables-save prints, or the number."""
    return NAMES.get(number, str(number))
