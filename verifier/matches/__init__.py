"""Match extensions of iptables: one file each, found by name.

A module is imported when the first rule needs it. The registry is the tuple below; nothing else has to know.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from verifier.matches.module import MatchModule

MATCHES = (
    "addrtype",
    "ah",
    "bpf",
    "cgroup",
    "cluster",
    "comment",
    "connbytes",
    "connlabel",
    "connlimit",
    "connmark",
    "conntrack",
    "cpu",
    "dccp",
    "devgroup",
    "dscp",
    "dst",
    "ecn",
    "esp",
    "eui64",
    "frag",
    "hashlimit",
    "hbh",
    "helper",
    "hl",
    "icmp",
    "icmp6",
    "ipcomp",
    "iprange",
    "ipv6header",
    "ipvs",
    "length",
    "limit",
    "mac",
    "mark",
    "mh",
    "multiport",
    "nfacct",
    "osf",
    "owner",
    "physdev",
    "pkttype",
    "policy",
    "quota",
    "rateest",
    "realm",
    "recent",
    "rpfilter",
    "rt",
    "sctp",
    "set",
    "socket",
    "srh",
    "state",
    "statistic",
    "string",
    "tcp",
    "tcpmss",
    "time",
    "tos",
    "ttl",
    "u32",
    "udp",
    "udplite",
)
ALIASES = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "ipv6-mh": "mh", "mobility-header": "mh", "udp-lite": "udplite"}
"""Other names under which iptables loads the same extension."""


@cache
def find_match(name: str) -> MatchModule | None:
    """The extension that `-m NAME` loads, None where it is not known here."""
    name = ALIASES.get(name, name)
    if name not in MATCHES:
        return None
    module = import_module(f"verifier.matches.{name}").MODULE
    assert isinstance(module, MatchModule)
    return module
