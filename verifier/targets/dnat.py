"""-j DNAT: rewrites the destination.

Spec: specs/targets/dnat.md
"""

from __future__ import annotations

import re

from verifier.model.addresses import parse_address
from verifier.model.effect import Target, Translate
from verifier.model.extension import Option
from verifier.model.listing import listing, piece
from verifier.targets.module import PlainTarget, TargetModule, jump_wording

ARITY = {"--to-destination": 1, "--random": 0, "--persistent": 0}
TARGET = {
    4: re.compile(r"(?P<first>[0-9.]+)(?:-(?P<last>[0-9.]+))?(?::(?P<low>\d+)(?:-(?P<high>\d+))?)?"),
    6: re.compile(
        r"(?P<bracket>\[)?(?P<first>[0-9A-Fa-f:.]+)(?:-(?P<last>[0-9A-Fa-f:.]+))?"
        r"(?(bracket)\](?::(?P<low>\d+)(?:-(?P<high>\d+))?)?)"
    ),
}
"""`address[-address][:port[-port]]`, IPv6 addresses in brackets where a port follows."""


def destination(text: str, family: int) -> Target | None:
    """The destination that a `--to-destination` names (DN-2); None where it is not all addresses and ports."""
    found = TARGET[family].fullmatch(text)
    if found is None:
        return None
    try:
        ends = [parse_address(found[name]) for name in ("first", "last") if found[name]]
    except ValueError:
        return None
    first, last = ends[0][1], ends[-1][1]
    low, high = (int(found[name] or found["low"] or 0) for name in ("low", "high"))
    if any(end[0] != family for end in ends) or last < first or high < low or high > 65535:
        return None
    return Target(family, (first, last), (low, high) if found["low"] else None)


def parse(options: tuple[Option, ...], family: int) -> PlainTarget:
    """The destinations, if all are understood; otherwise none, which leaves the packet's way unknown (DN-1)."""
    named = [option.arguments[0] for option in options if option.flag == "--to-destination" and option.arguments]
    targets = [destination(text, family) for text in named]
    known = tuple(target for target in targets if target is not None)
    wording = jump_wording("DNAT", options)
    return PlainTarget(Translate(True, wording, known if len(known) == len(targets) else ()), options)


LISTED = listing(
    "", piece("--to-destination", "to:(\\S+)"), piece("--random", "random"), piece("--persistent", "persistent")
)
MODULE = TargetModule("DNAT", "rewrites the destination", ARITY, parse)
