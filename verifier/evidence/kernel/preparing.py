"""Making a dump loadable: what its rules refer to beside sets, and what may be left out because nothing depends on it.

Spec: specs/kernel.md (KER-9)
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from verifier.evidence.kernel import netlink
from verifier.evidence.kernel.netlink import Netlink, attribute, netfilter
from verifier.evidence.kernel.records import Refused
from verifier.evidence.kernel.taps import MARKER

NEW_ACCOUNT = 7 << 8
_ACCOUNT = re.compile(r" -m nfacct --nfacct-name +(\"[^\"]*\"|\S+)")
_TRACE = re.compile(r" -j TRACE\b")
LEGACY_TRACE = "TRACE: "
"""Begins the log lines in which the legacy back end traces."""


def prepare(rules: str) -> tuple[str, tuple[str, ...]]:
    """The text to load, with as many lines, and what was left out of it.

    Accounts that rules count in are made. Raises Refused for a rule whose log lines look like our own reports.
    """
    for line in _lines_with(rules, MARKER, f'"{LEGACY_TRACE}'):
        raise Refused(f"log lines that begin like reports of this program cannot be told from them: {line}")
    notes = []
    missing = set(_ACCOUNT.findall(rules)) - _made_accounts(set(_ACCOUNT.findall(rules)))
    if missing:
        rules = _ACCOUNT.sub(lambda found: "" if found[1] in missing else found[0], rules)
        notes.append("nfacct matches are left out, which match every packet: this kernel cannot count in accounts")
    if _TRACE.search(rules):
        rules = _TRACE.sub("", rules)
        notes.append("TRACE targets are left out, which change nothing: traces are asked for packet by packet")
    return rules, tuple(notes)


def _lines_with(text: str, *parts: str) -> Iterator[str]:
    for line in text.splitlines() if any(part in text for part in parts) else ():
        if any(part in line for part in parts) and not line.startswith("#"):
            yield line.strip()


def _made_accounts(names: set[str]) -> set[str]:
    """Make accounts of these names; those that are there afterwards."""
    if not names:
        return set()
    made = set()
    asking = Netlink(netlink.NETFILTER)
    for name in names:
        try:
            body = attribute(1, name.strip('"').encode() + b"\0")
            asking.request(NEW_ACCOUNT, netfilter(socket.AF_UNSPEC) + body, netlink.CREATE)
            made.add(name)
        except FileExistsError:
            made.add(name)
        except OSError:
            continue
    asking.close()
    return made
