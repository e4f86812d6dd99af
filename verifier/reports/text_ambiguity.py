"""Ambiguities of policies for people: the two rules, the packets, and how to settle them."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.model.cluster import Pod
from verifier.model.fields import End
from verifier.model.finding import Ambiguity
from verifier.reports.page import Page, Segment
from verifier.reports.spelling import counted
from verifier.reports.text_packet import packet_segments, policy_segments
from verifier.reports.words import Inventory, Located, Place, Words

TOLD = 8
"""How many ambiguities are told; the others are counted."""
BOXES = 3
COLUMN = 9


class _Anywhere(Words):
    """Regions that are no node's: every pod can be at either end."""

    def _population(self, finding: Located, end: End) -> Sequence[Pod]:  # noqa: ARG002
        return [pod for pod in self._inventory.pods if finding.family in pod.addresses]


def write_ambiguities(found: Sequence[Ambiguity], inventory: Inventory, page: Page) -> None:
    """All of them, nothing where there is none."""
    if not found:
        return
    words = _Anywhere(inventory, Place("", ()))
    what = counted(len(found), "pair of rules", "pairs of rules")
    remedy = "give the policies different priorities, or settle it with --assume equal-priorities=allow|deny"
    page.line(("ambiguous", "bad"), f": {what} of one tier and priority, of which either may decide; {remedy}", hang=2)
    for each in found[:TOLD]:
        page.blank()
        (one, rule), (other, against) = each.rules
        says = (
            f"{rule.text} of {one.name} says {rule.action.value}, {against.text} of {other.name} {against.action.value}"
        )
        page.line((each.id, "name"), f": {says}", hang=2)
        place = "no order" if each.order is None else f"priority {each.order:g}"
        _field("where", [f"tier {each.tier}, {place}, {each.direction.value}; IPv{each.family}"], page)
        for number, box in enumerate(each.region[:BOXES]):
            _field("region" if number == 0 else "", [words.box(box, each)], page)
        if len(each.region) > BOXES:
            _field("", [(f"and {counted(len(each.region) - BOXES, 'more box', 'more boxes')}", "dim")], page)
        _field("packet", packet_segments(each.packet, inventory.called), page)
        for policy, which in each.rules:
            page.code(f"  {'policy':<{COLUMN - 2}}", *policy_segments(policy, which), hang=COLUMN + 2)
    if len(found) > TOLD:
        page.blank()
        page.line(f"and {counted(len(found) - TOLD, 'more pair', 'more pairs')} (--format json lists all)", hang=2)
    page.blank()


def _field(key: str, segments: list[Segment], page: Page) -> None:
    page.line(f"  {key:<{COLUMN - 2}}", *segments, hang=COLUMN + 2)
