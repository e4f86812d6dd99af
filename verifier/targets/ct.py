"""-j CT: how a packet's connection is to be tracked, or that it is not.

Spec: specs/targets/ct.md
"""

from __future__ import annotations

from verifier.model.effect import Continue, Untrack
from verifier.model.extension import Option
from verifier.model.listing import listing, piece
from verifier.targets.module import PlainTarget, TargetModule

ARITY = {
    "--notrack": 0, "--helper": 1, "--ctevents": 1, "--expevents": 1, "--zone": 1, "--zone-orig": 1, "--zone-reply": 1,
    "--timeout": 1,
}  # fmt: skip


def parse(options: tuple[Option, ...], family: int) -> PlainTarget:  # noqa: ARG001  one signature for all
    """Switching tracking off changes the packet's state (TC-1); the rest matters to later rules of the table only (TC-2, TC-3)."""
    if any(option.flag == "--notrack" for option in options):
        return PlainTarget(Untrack(), options)
    return PlainTarget(Continue(attaches=True), options)


LISTED = listing(
    "",
    piece("--notrack", "NOTRACK|CT notrack"),
    piece("--zone", "(?:CT )?zone (\\S+)"),
    piece("--zone-orig", "(?:CT )?zone-orig (\\S+)"),
    piece("--zone-reply", "(?:CT )?zone-reply (\\S+)"),
    piece("--helper", "(?:CT )?helper (\\S+)"),
    piece("--timeout", "(?:CT )?timeout (\\S+)"),
    piece("--ctevents", "(?:CT )?ctevents (\\S+)"),
    piece("--expevents", "(?:CT )?expevents (\\S+)"),
    silent=True,
)
MODULE = TargetModule("CT", "how connections are tracked", arity=ARITY, parse=parse)
