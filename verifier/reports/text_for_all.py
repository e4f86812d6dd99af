"""What was proved for every cluster, for people: the rules, and today's content of the sets beside them.

Spec: specs/questions/for_all.md
"""

from __future__ import annotations

from collections.abc import Sequence

from verifier.model.finding import Answer, ForAll, NodeReport, SetFault
from verifier.reports.page import Page
from verifier.reports.spelling import counted

SETS = 5
MEMBERS = 3


def summary(shown: ForAll, node: NodeReport, found: str) -> str:
    """What was shown of the rules and of the sets; `found` counts the findings about the rules."""
    undecided = sum(question.answer is Answer.UNDECIDED for question in node.questions)
    open_ones = f"{undecided} of {counted(len(node.questions), 'question')} undecided"
    aside = ", documented differences aside" if node.deviations else ""
    rules = {
        Answer.PROVED: f"rules and policies agree in every cluster with these policies, whoever is elsewhere{aside}",
        Answer.REFUTED: f"there are clusters with {found}" + (f"; {open_ones}" if undecided else ""),
        Answer.UNDECIDED: open_ones,
    }[shown.logic]
    return f"{rules}; {_contents(shown)}"


def _contents(shown: ForAll) -> str:
    if shown.faults:
        return f"{len(shown.faults)} of {counted(shown.sets, 'set')} do not hold today what they stand for"
    if shown.unexplained:
        return f"of {counted(len(shown.unexplained), 'set')} nobody knows what they stand for"
    if not shown.sets:
        return "there is no set to compare"
    return f"{counted(shown.sets, 'set')} hold today what they stand for"


def write_for_all(shown: ForAll, page: Page) -> None:
    """The sets that are wrong today, those that cannot be explained, and what was presumed."""
    if shown.faults:
        page.blank()
        page.line(("sets", "bad"), ": not what they stand for today", hang=2)
        for fault in shown.faults[:SETS]:
            page.line("  ", (fault.name, "name"), f" ({fault.meaning}): {_wrong(fault)}", hang=4)
        if len(shown.faults) > SETS:
            page.line(f"  and {counted(len(shown.faults) - SETS, 'more set')} (--format json lists all)")
    if shown.unexplained:
        page.blank()
        page.line(("sets", "unsure"), ": asked by rules, and named after nothing that the policies have", hang=2)
        for name in shown.unexplained[:SETS]:
            page.line("  ", (name, "name"), hang=4)
        if len(shown.unexplained) > SETS:
            page.line(f"  and {counted(len(shown.unexplained) - SETS, 'more set')} (--format json lists all)")
    if shown.presumed:
        page.blank()
        page.line("as long as no pod elsewhere is (the rules would be others)", hang=2)
        for each in shown.presumed[:SETS]:
            page.line(f"  {each}", hang=4)
        if len(shown.presumed) > SETS:
            page.line(f"  and {counted(len(shown.presumed) - SETS, 'more kind')} (--format json lists all)")


def _wrong(fault: SetFault) -> str:
    wrong = []
    if fault.missing:
        wrong.append(f"lacks {_some(fault.missing)}")
    if fault.surplus:
        wrong.append(f"wrongly holds {_some(fault.surplus)}")
    return " and ".join(wrong) or "its members have another form"


def _some(members: Sequence[str]) -> str:
    more = f" and {len(members) - MEMBERS} more" if len(members) > MEMBERS else ""
    return ", ".join(members[:MEMBERS]) + more
