"""Places of our own at the hooks, in tables beside the dump's: they say how far a packet came, and let none leave.

A report names the hook and the place: `<` the packet reached the hook's own rules, with its connection's state; `>` it
got past them all. The last place of every path drops the packet, so that connection tracking confirms nothing and no
packet influences another. The places of `exact` report only packets that ask for it: those of which nothing else was
seen.

Frames say what is wanted of them in their source address, packets of this node in their priority: no rule that the
verifier reads can see either.

Spec: specs/kernel.md (KER-2, KER-3)
"""

from __future__ import annotations

TABLE = "chainproof"
EXACT_TABLE = "chainproof_exact"
GROUP = 49374
"""The log group of the reports."""
MARKER = "chainproof:"
"""Begins every report, and no log line of the dump."""
FIRST, LAST = -(1 << 31), (1 << 31) - 3
"""The ends of a hook. Connection tracking confirms at the two priorities above LAST, and ties run in order of making."""
OURS = 0x4B4F
"""The upper half of the priority of the packets that this node sends for us; all else that leaves answers something."""
STATES = ("new", "established", "related", "invalid", "untracked")
"""In the order of ConnState."""
CONNMARK_SHIFT, CONNMARKS = 5, 1 << 11
"""Where a packet of this node says which connection mark it has, and how many different ones there can be."""


class Wish:
    """What a packet asks of the places: bits, as plain numbers because there is one of them in every frame."""

    NOTHING = 0
    TRACE = 1
    NOTRACK = 2
    EXACT = 4
    CONNMARK = 8
    FENCE = 16


def table() -> str:
    """The table that reports every packet, in the language of nft."""
    own = f"meta priority & 0xffff0000 != {OURS << 16:#x} goto answers"
    chains = [
        "map connmarks { type ether_addr : mark; }",
        "map own_connmarks { type classid : mark; }",
        _chain("answers", *_answers()),
        *_entries("F"), *_entries("I"), *_entries("O"),
        _based("prepare", "prerouting", -450, f"{_frame(Wish.FENCE)} {_log('fence')} drop", f"{_frame(Wish.TRACE)} meta nftrace set 1", f"{_frame(Wish.NOTRACK)} notrack"),
        _based("prepare_own", "output", FIRST, own, f"{_own(Wish.TRACE)} meta nftrace set 1", f"{_own(Wish.NOTRACK)} notrack"),
        _based("connmark", "prerouting", -199, f"{_frame(Wish.CONNMARK)} ct mark set ether saddr & 00:00:00:00:ff:ff map @connmarks"),
        _based("connmark_own", "output", -199, f"{_own(Wish.CONNMARK)} ct mark set meta priority & {(CONNMARKS - 1) << CONNMARK_SHIFT:#x} map @own_connmarks"),
        _based("forward_begin", "forward", FIRST, _by_state("F")),
        _based("input_begin", "input", FIRST, _by_state("I")),
        _based("output_begin", "output", -99, _by_state("O")),
        _based("forward_end", "forward", LAST, _log("F>")),
        _based("input_end", "input", LAST, f"{_log('I>')} drop"),
        _based("output_end", "output", LAST, _log("O>")),
        _based("leave", "postrouting", LAST, f"{_log('Q>')} drop"),
    ]  # fmt: skip
    return f"table inet {TABLE} {{\n" + "\n".join(chains) + "\n}\n"


EXACT_PLACES = (
    ("P0", "prerouting", -449), ("P1", "prerouting", -201), ("P2", "prerouting", -199), ("P3", "prerouting", -101), ("P4", "prerouting", LAST),
    ("S0", "output", FIRST), ("S1", "output", -201), ("S2", "output", -199), ("S3", "output", -101),
    ("Q0", "postrouting", FIRST), ("Q1", "postrouting", 99),
)  # fmt: skip
"""In the order in which a packet comes by: raw is between 0 and 1, connection tracking between 1 and 2, mangle between
2 and 3, nat between 3 and 4 (for packets of this node, `O<`); of the way out, mangle is between Q0 and Q1, nat behind."""
WITH_STATE = ("P2", "S2")


def exact_table() -> str:
    """The table that reports only packets that ask for it."""
    chains = []
    for place, hook, priority in EXACT_PLACES:
        wishes = [
            *([] if hook == "output" else [_frame(Wish.EXACT)]),
            *([] if hook == "prerouting" else [_own(Wish.EXACT)]),
        ]
        if place in WITH_STATE:
            rules = [
                f"{wish} ct state {state} {_log(f'{place}{number}')}"
                for wish in wishes
                for number, state in enumerate(STATES)
            ]
        else:
            rules = [f"{wish} {_log(place)}" for wish in wishes]
        chains.append(_based(f"place_{place}", hook, priority, *rules))
    return f"table inet {EXACT_TABLE} {{\n" + "\n".join(chains) + "\n}\n"


def connmark_element(index: int, mark: int) -> str:
    """The nft command by which packets that say `index` get this connection mark."""
    address = f"00:00:00:00:{index >> 8:02x}:{index & 0xFF:02x}"
    return (
        f"add element inet {TABLE} connmarks {{ {address} : {mark:#x} }}\n"
        f"add element inet {TABLE} own_connmarks {{ 0:{index << CONNMARK_SHIFT:x} : {mark:#x} }}\n"
    )


def _answers() -> tuple[str, ...]:
    return (
        f"icmp type destination-unreachable {_log('R:icmp')} drop",
        f"icmpv6 type destination-unreachable {_log('R:icmp6')} drop",
        f"tcp flags & rst == rst {_log('R:rst')} drop",
        "drop",
    )


def _entries(hook: str) -> list[str]:
    return [_chain(f"{hook}_{state}", f"{_log(f'{hook}<{number}')} accept") for number, state in enumerate(STATES)]


def _by_state(hook: str) -> str:
    return "ct state vmap { " + ", ".join(f"{state} : goto {hook}_{state}" for state in STATES) + " }"


def _log(report: str) -> str:
    return f'log prefix "{MARKER}{report}" group {GROUP}'


def _frame(wish: int) -> str:
    return f"@ll,56,8 & {wish:d} == {wish:d}"


def _own(wish: int) -> str:
    return f"meta priority & {0xFFFF0000 | wish:#x} == {OURS << 16 | wish:#x}"


def _based(name: str, hook: str, priority: int, *rules: str) -> str:
    return _chain(name, f"type filter hook {hook} priority {priority}; policy accept;", *rules)


def _chain(name: str, *rules: str) -> str:
    return f"chain {name} {{\n" + "".join(f"  {rule}\n" for rule in rules) + "}"
