"""The outcome of explain --before --after for people: how many packets, the rules they met, who they can have been."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.counters import Condition, CountedRule, CounterReport, Share, Way, Wish
from verifier.model.effect import Verdict
from verifier.model.finding import Answer
from verifier.model.path import Path
from verifier.reports.page import Page, Segment
from verifier.reports.spelling import predicate_text
from verifier.reports.words import Inventory, Place, Words

ROLE = {Answer.PROVED: "good", Answer.REFUTED: "bad", Answer.UNDECIDED: "unsure"}
OUTCOMES: dict[Verdict | None, Segment] = {
    Verdict.ACCEPT: ("accepted", "good"),
    Verdict.DROP: ("dropped", "bad"),
    None: ("not known what became of them", "unsure"),
}
WISHES = {Wish.ALLOW: "must be accepted", Wish.DENY: "must be dropped"}
MOST_BOXES = 6
"""More boxes of one region are counted, not listed; JSON lists them."""


@dataclass(frozen=True, slots=True)
class At:
    """The path and family of a region."""

    path: Path | None
    family: int


def write_counters(outcome: CounterReport, page: Page) -> None:
    """The answer, then every way with its rules and its packets."""
    where = f"{outcome.node}: " if outcome.node else ""
    page.line((outcome.answer.value, ROLE[outcome.answer]), f": {where}{outcome.sentence}", hang=2)
    words = Words(Inventory(outcome.cluster), Place(outcome.node, outcome.addresses))
    if not outcome.ways:
        _changed(outcome, page)
    for way in outcome.ways:
        page.blank()
        _way(way, outcome, words, page)
    if outcome.notes:
        page.blank()
        page.line("notes")
        for note in outcome.notes:
            page.line(f"  {note}", hang=4)


def _changed(outcome: CounterReport, page: Page) -> None:
    if outcome.changed:
        page.blank()
        page.line(("counters that changed", "strong"))
        _steps(outcome.changed, outcome, page, counted=True)


def _way(way: Way, outcome: CounterReport, words: Words, page: Page) -> None:
    end: list[Segment] = [f", {way.end}"] if way.verdict is not None and way.end else []
    what = OUTCOMES[way.verdict] if way.verdict is not None else (way.end, "unsure")
    page.line((_many(way), "strong"), ": ", what, *end, hang=2)
    _steps(way.steps, outcome, page, counted=False)
    page.line("  packets that can have gone this way", hang=4)
    for share in way.shares:
        _share(share, outcome.family, words, page)
    _wishes(way, outcome.family, words, page)
    _marks(way, outcome, page)


def _wishes(way: Way, family: int, words: Words, page: Page) -> None:
    """What the policies want of these packets; where they want one thing only, in one line."""
    if way.wishes is None:
        return
    asked = {wish: shares for wish, shares in way.wishes.items() if wish is not Wish.OPEN}
    if not asked:
        page.line("  the policies say nothing of such packets", hang=4)
    elif len(asked) == 1:
        (wish,) = asked
        beside = ", of the others they say nothing" if Wish.OPEN in way.wishes else ""
        page.line(f"  by the policies, every TCP, UDP or SCTP packet among them {WISHES[wish]}{beside}", hang=4)
    else:
        for wish, shares in asked.items():
            page.line(f"  by the policies, these {WISHES[wish]}", hang=4)
            for share in shares:
                _share(share, family, words, page)


def _many(way: Way) -> str:
    least = "" if way.least == way.most else f"{way.least} to "
    return f"{least}{way.most} packet{'' if way.most == 1 else 's'}"


def _steps(steps: tuple[CountedRule, ...], outcome: CounterReport, page: Page, *, counted: bool) -> None:
    phrases = dict(outcome.chains)
    shown = ""
    for step in steps:
        place = f"{step.table} {step.chain}"
        if place != shown:
            phrase = phrases.get(step.chain, "")
            page.line(f"  {step.table} ", (step.chain, "name"), f" ({phrase})" if phrase else "", hang=4)
        shown = place
        many = f"{step.packets:>6}  " if counted else ""
        if step.rule is None:
            page.line(f"    {many}its policy")
            continue
        text = step.rule.text.removeprefix(f"-A {step.chain} ")
        page.code(f"    {many}", (f"{step.number:>3}  ", "dim"), (text, "code"), hang=9)


def _share(share: Share, family: int, words: Words, page: Page) -> None:
    at = At(share.path, family)
    for box in share.region[:MOST_BOXES]:
        page.line("    ", words.box(box, at), hang=6)
    if len(share.region) > MOST_BOXES:
        page.line(f"    and {len(share.region) - MOST_BOXES} more regions (--format json lists them)")
    for condition in share.conditions:
        page.line(f"      {condition_text(condition)}", hang=8)


def condition_text(condition: Condition) -> str:
    """A condition as a phrase that follows the packets."""
    when = f"{condition.when}: " if condition.when else ""
    text = predicate_text(condition.predicate, "anything")
    return f"{when}{text}" if condition.holds else f"{when}not: {text}"


def _marks(way: Way, outcome: CounterReport, page: Page) -> None:
    """What the compiler means by the mark bits that the rules of the way name."""
    texts = " ".join(step.rule.text for step in way.steps if step.rule is not None)
    numbers = [int(word.partition("/")[0], 16) | int(word.partition("/")[2] or "0", 16)
               for word in texts.split() if word.startswith("0x") and word.replace("/", "").replace("x", "").isalnum()]  # fmt: skip
    for bit in outcome.marks:
        if any(bit.mask & number for number in numbers):
            page.line(f"  mark bit {bit.mask:#x}: {bit.meaning}", hang=4)
