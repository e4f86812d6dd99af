"""Comparing what a path accepts with what is demanded of it, region against region."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.finding import Kind
from verifier.semantics.regions import Region, both, minus


@dataclass(frozen=True, slots=True)
class Demanded:
    """What the specification asks of a region of packets; what is in neither is free."""

    allow: Region
    deny: Region
    excused: dict[Kind, Region]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Differences by kind: those that hold whatever opaque constructs do, and whether there could be more."""

    leak: Region
    blocked: Region
    possible: bool

    def of(self, kind: Kind) -> Region:
        return self.leak if kind is Kind.LEAK else self.blocked


def compare_staying(can: Region, sure: Region, demanded: Demanded, elsewhere: tuple[Region, Region]) -> Verdicts:
    """Judge a path from which the node sends packets elsewhere: `elsewhere` tells which may and which do leave it so.

    Of a packet that does nothing is demanded here; one that may leave is in no difference, which leaves it open.
    """
    may, does = elsewhere
    if not may:
        return compare(can, sure, demanded)
    here = Demanded(minus(demanded.allow, does), minus(demanded.deny, does), demanded.excused)
    found = compare(can, sure, here)
    leak, blocked = minus(found.leak, may), minus(found.blocked, may)
    doubtful = bool(both(found.leak, may) or both(found.blocked, may))
    return Verdicts(leak, blocked, found.possible or doubtful)


def compare(can: Region, sure: Region, demanded: Demanded) -> Verdicts:
    """Judge a path that can accept `can` and surely accepts `sure`."""
    excused_leak = demanded.excused.get(Kind.LEAK, {})
    excused_blocked = demanded.excused.get(Kind.BLOCKED, {})
    leak = minus(both(sure, demanded.deny), excused_leak)
    blocked = minus(minus(demanded.allow, can), excused_blocked)
    if can is sure:
        return Verdicts(leak, blocked, False)
    may_leak = minus(minus(both(can, demanded.deny), excused_leak), leak)
    may_block = minus(minus(minus(demanded.allow, sure), excused_blocked), blocked)
    return Verdicts(leak, blocked, bool(may_leak or may_block))
