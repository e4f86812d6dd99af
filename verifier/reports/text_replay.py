"""The outcome of replay for people: whether the kernel confirms, then every packet that it does not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verifier.model.effect import Verdict
from verifier.model.finding import Finding
from verifier.model.replay import Outcome, Replay, worst
from verifier.model.replay_report import NodeReplay, Replayed, ReplayReport
from verifier.reports.page import Page, Segment
from verifier.reports.spelling import counted
from verifier.reports.text_packet import packet_segments
from verifier.reports.text_story import write_steps
from verifier.reports.words import Inventory

ROLE = {Outcome.CONFIRMED: "good", Outcome.NOT_CONFIRMED: "bad", Outcome.NOT_REPLAYED: "unsure"}
WORD = {
    Outcome.CONFIRMED: "confirmed",
    Outcome.NOT_CONFIRMED: "not confirmed",
    Outcome.NOT_REPLAYED: "not replayed",
}
DONE = {Verdict.ACCEPT: "accepted", Verdict.DROP: "dropped"}
ANSWERS = {"icmp": "answered by an ICMP error", "icmp6": "answered by an ICMPv6 error", "rst": "answered by a reset"}
LISTED = 20
"""How many confirmed packets are listed."""
EXAMPLES = 3


def write_replay(outcome: ReplayReport, page: Page) -> None:
    """Node by node."""
    inventory = Inventory(outcome.cluster)
    for node in outcome.nodes:
        page.blank()
        _headline(node, page)
        if outcome.whole:
            for packet in node.packets:
                page.blank()
                _whole(packet, node, inventory, page)
        else:
            _packets(node, inventory, page)
    of_nodes = (note for node in outcome.nodes for note in _notes_of(node, outcome))
    _notes((*of_nodes, *outcome.notes), page)


def _notes_of(node: NodeReplay, outcome: ReplayReport) -> list[str]:
    """What is to be said of a node, with its name where there are several; a whole packet has its stand-ins beside it."""
    stand_ins = () if outcome.whole else [replay.notes for packet in node.packets for replay in packet.replays]
    notes = dict.fromkeys([*(note for each in stand_ins for note in each), *node.notes])
    return list(notes) if len(outcome.nodes) == 1 else [f"{node.node}: {note}" for note in notes]


def _together(replays: Sequence[Replay]) -> str:
    """ "nft and legacy: dropped", or what each back end did where it is not the same."""
    told: dict[str, list[str]] = {}
    for replay in replays:
        told.setdefault(_result(replay), []).append(replay.backend.value)
    return "; ".join(f"{' and '.join(backends)}: {result}" for result, backends in told.items())


def _result(replay: Replay) -> str:
    """What one back end made of a packet: "dropped, answered by a reset", or why it is not confirmed."""
    return replay.reason or _done(replay)


def _done(replay: Replay) -> str:
    done = DONE[replay.verdict] if replay.verdict else "not asked"
    mark = f" with mark {replay.mark:#x}" if replay.mark and replay.verdict is Verdict.ACCEPT else ""
    answer = f", {ANSWERS[replay.reply]}" if replay.reply in ANSWERS else ""
    return f"{done}{mark}{answer}"


def kernel_segments(replays: Sequence[Replay]) -> list[Segment]:
    """Whether the kernel confirms one packet, and what each back end did."""
    outcome = worst(replay.outcome for replay in replays)
    return [(WORD[outcome], ROLE[outcome]), f" ({_together(replays)})"]


def findings_segment(findings: Sequence[Finding]) -> Segment:
    """What the kernel makes of all findings of a node, in one line."""
    replays = [replay for finding in findings for replay in finding.replays]
    outcomes = [finding.replayed for finding in findings if finding.replayed is not None]
    backends = " and ".join(dict.fromkeys(replay.backend.value for replay in replays))
    what = _all(len(outcomes), "finding")
    outcome = worst(outcomes)
    if outcome is Outcome.CONFIRMED:
        return (f"the kernel ({backends}) confirms {what}", ROLE[outcome])
    reasons = {replay.reason for replay in replays}
    if len(reasons) == 1 and set(outcomes) == {Outcome.NOT_REPLAYED}:
        return (f"{what} not replayed ({backends}): {reasons.pop()}", ROLE[outcome])
    return (f"the kernel ({backends}): {counts_text(outcomes, 'finding')}", ROLE[outcome])


def counts_text(outcomes: Sequence[Outcome], what: str) -> str:
    """ "17 of 19 findings are confirmed, 2 not replayed"."""
    (number, word), *others = [(outcomes.count(each), WORD[each]) for each in Outcome if each in outcomes]
    whole = len(outcomes)
    some = f"{number} of {counted(whole, what)}" if number < whole else _all(whole, what)
    first = f"{some} {'is' if number == 1 else 'are'} {word}"
    return ", ".join([first, *(f"{count} {name}" for count, name in others)])


def _all(number: int, what: str) -> str:
    return f"the {what}" if number == 1 else f"all {number} {what}s"


def _headline(node: NodeReplay, page: Page) -> None:
    word = WORD[node.outcome] if node.packets else "nothing to replay"
    page.line((word, ROLE[node.outcome]), f": {node.node} ({node.compiler}): {_summary(node)}", hang=2)


def _summary(node: NodeReplay) -> str:
    if not node.packets:
        return "there is no packet"
    backends = " and ".join(dict.fromkeys(each.backend.value for packet in node.packets for each in packet.replays))
    families = " and ".join(f"IPv{family}" for family in sorted({each.packet.family for each in node.packets}))
    if node.outcome is Outcome.CONFIRMED:
        what = f"{_all(len(node.packets), 'packet')} ({families})"
        return f"the kernel ({backends}) takes {what} as is said here: verdict, every rule and final mark"
    told = counts_text([packet.outcome for packet in node.packets], "packet")
    return f"{told} ({families}, kernel: {backends})"


def _packets(node: NodeReplay, inventory: Inventory, page: Page) -> None:
    """Those that are not confirmed one by one, those that were not replayed by their reasons, the others in a line each."""
    for packet in node.packets:
        if packet.outcome is Outcome.NOT_CONFIRMED:
            page.blank()
            _title(packet, inventory, page)
            for replay in packet.replays:
                told = f" {replay.backend.value}: {_result(replay)}"
                page.line("  ", (WORD[replay.outcome], ROLE[replay.outcome]), told, hang=4)
    _not_replayed(node, inventory, page)
    confirmed = [packet for packet in node.packets if packet.outcome is Outcome.CONFIRMED]
    if confirmed:
        page.blank()
    for packet in confirmed[:LISTED]:
        _title(packet, inventory, page, f": {_results(packet)}")
    if len(confirmed) > LISTED:
        page.line(f"and {counted(len(confirmed) - LISTED, 'more packet')} confirmed (--format json lists all)")


def _results(packet: Replayed) -> str:
    """What the kernel did, said once where all back ends did the same."""
    done = {_done(replay) for replay in packet.replays}
    return done.pop() if len(done) == 1 else _together(packet.replays)


def _name(packet: Replayed) -> list[Segment]:
    return [(packet.name, "name"), ": "] if packet.name else []


def _title(packet: Replayed, inventory: Inventory, page: Page, told: str = "") -> None:
    page.line(*_name(packet), *packet_segments(packet.packet, inventory.called), f"; {packet.path.value}{told}", hang=2)


def _not_replayed(node: NodeReplay, inventory: Inventory, page: Page) -> None:
    """Each packet once for each reason, with the back ends for which it holds."""
    reasons: dict[tuple[str, tuple[str, ...]], list[Replayed]] = {}
    for packet in node.packets:
        told: dict[str, list[str]] = {}
        for replay in packet.replays:
            if replay.outcome is Outcome.NOT_REPLAYED:
                told.setdefault(replay.reason, []).append(replay.backend.value)
        for reason, backends in told.items():
            reasons.setdefault((reason, tuple(backends)), []).append(packet)
    for (reason, each), packets in reasons.items():
        page.blank()
        told_of = f": {counted(len(packets), 'packet')} with {' and '.join(each)}: {reason}"
        page.line(("not replayed", "unsure"), told_of, hang=2)
        for packet in packets[:EXAMPLES]:
            page.line(
                "  ",
                *_name(packet),
                *packet_segments(packet.packet, inventory.called),
                hang=4,
            )
        if len(packets) > EXAMPLES:
            page.line(f"  and {counted(len(packets) - EXAMPLES, 'more packet')}")


def _whole(packet: Replayed, node: NodeReplay, inventory: Inventory, page: Page) -> None:
    """One packet with every rule that it met: ours where the kernel says the same, else both."""
    _title(packet, inventory, page)
    for replay in packet.replays:
        page.line(
            ("kernel", "strong"),
            f" {replay.backend.value}: {_result(replay)} ",
            (f"({WORD[replay.outcome]})", ROLE[replay.outcome]),
            hang=2,
        )
        for note in replay.notes:
            page.line(f"  {note}", hang=4)
        if replay.outcome is not Outcome.CONFIRMED:
            _kernel_steps(replay, dict(node.chains), page)
    matched = "every rule that matched" if packet.expected.steps else "no rule of the node matches for certain"
    done = DONE[packet.expected.verdict] if packet.expected.verdict else "not known"
    page.line(("rules", "strong"), f": {done}; {matched}", hang=2)
    write_steps(packet.expected, dict(node.chains), node.marks, page)


def _kernel_steps(replay: Replay, phrases: Mapping[str, str], page: Page) -> None:
    for step in replay.steps:
        place = f"rule {step.number}" if step.number else "policy"
        phrase = phrases.get(step.chain, "")
        mark = "" if step.mark is None else f", mark {step.mark:#x}"
        told = f" {place}{f' ({phrase})' if phrase else ''}{mark}"
        page.line(f"  {step.table} ", (step.chain, "name"), told, hang=4)


def _notes(notes: Sequence[str], page: Page) -> None:
    if notes:
        page.blank()
        page.line("notes")
        for note in notes:
            page.line(f"  {note}", hang=4)
