"""Target extensions of iptables: one file each, found by name.

A module is imported when the first rule needs it. The registry is the tuple below; nothing else has to know.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from verifier.targets.module import TargetModule

TARGETS = (
    "ACCEPT",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CLUSTERIP",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DNAT",
    "DNPT",
    "DROP",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "MARK",
    "MASQUERADE",
    "NETMAP",
    "NFLOG",
    "NFQUEUE",
    "NOTRACK",
    "QUEUE",
    "RATEEST",
    "REDIRECT",
    "REJECT",
    "RETURN",
    "SECMARK",
    "SET",
    "SNAT",
    "SNPT",
    "SYNPROXY",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "TTL",
    "ULOG",
)


@cache
def find_target(name: str) -> TargetModule | None:
    """The extension that `-j NAME` loads, None where it is not known here."""
    if name not in TARGETS:
        return None
    module = import_module(f"verifier.targets.{name.lower()}").MODULE
    assert isinstance(module, TargetModule)
    return module
