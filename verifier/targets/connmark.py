"""-j CONNMARK: sets bits of the connection's mark, or copies between it and the packet's.

Spec: specs/targets/connmark.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.effect import Copy, Effect
from verifier.model.extension import WHOLE_MARK, Malformed, Option, Unsupported, integer
from verifier.model.fields import ConnState, Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import InRange, Predicate
from verifier.targets.marking import WAYS, SetMark, listed_ways, parse_marking
from verifier.targets.module import TargetModule

TRACKED = InRange(Field.STATE, ((ConnState.NEW, ConnState.RELATED),))
"""Packets that belong to a connection; on others the target does nothing (CM-3)."""

COPIES = {"--save-mark": 0, "--restore-mark": 0}
MASKS = {"--nfmask": 1, "--ctmask": 1, "--mask": 1}
SHIFTS = {"--left-shift-mark": 1, "--right-shift-mark": 1}


@dataclass(frozen=True, slots=True)
class CopyMark:
    """Saves the packet's mark in the connection, or restores it from there, under two masks (CM-1, CM-2)."""

    flag: str
    packet_mask: int
    connection_mask: int

    def effect(self) -> Effect:
        if self.flag == "--save-mark":
            return Copy(Field.CONNMARK, Field.MARK, target_mask=self.connection_mask, source_mask=self.packet_mask)
        return Copy(Field.MARK, Field.CONNMARK, target_mask=self.packet_mask, source_mask=self.connection_mask)

    def condition(self) -> Predicate:
        return TRACKED

    def spelling(self) -> str:
        return f"{self.flag} --nfmask {self.packet_mask:#x} --ctmask {self.connection_mask:#x}"


def parse(options: tuple[Option, ...], family: int) -> SetMark | CopyMark:  # noqa: ARG001  one signature for all
    """Read what is set or copied, and the masks of a copy."""
    actions = [option for option in options if option.flag in COPIES or option.flag in WAYS]
    masks = {option.flag: integer(option.arguments[0]) for option in options if option.flag in MASKS}
    if any(option.flag in SHIFTS for option in options):
        raise Unsupported("CONNMARK shifts the mark")
    if len(actions) != 1 or (masks and actions[0].flag in WAYS):
        raise Malformed("CONNMARK takes one of " + ", ".join((*COPIES, *WAYS)) + ", and masks for the first two only")
    if actions[0].flag in WAYS:
        return SetMark(Field.CONNMARK, *parse_marking(actions[0]), TRACKED)
    both = masks.get("--mask", WHOLE_MARK)
    return CopyMark(actions[0].flag, masks.get("--nfmask", both), masks.get("--ctmask", both))


LISTED = listing(
    "CONNMARK",
    *listed_ways(),
    piece("--save-mark", "save"),
    piece("--restore-mark", "restore"),
    piece("--mask", "mask (0x[0-9a-f]+)"),
    piece("--nfmask", "nfmask ~?(0x[0-9a-f]+)"),
    piece("--ctmask", "ctmask ~?(0x[0-9a-f]+)"),
    piece("--left-shift-mark", "left-shift-mark ([0-9]+)"),
    piece("--right-shift-mark", "right-shift-mark ([0-9]+)"),
)
MODULE = TargetModule(
    "CONNMARK", "sets or copies the connection's mark", arity=WAYS | COPIES | MASKS | SHIFTS, parse=parse
)
