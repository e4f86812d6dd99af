"""Random tests of a rule, over every match whose meaning we claim to know, and a few that are opaque.

Every test comes with aims: what a packet needs for the rule to be worth asking about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.members import Aim, Known
from tests.fuzz.pool import PORT_NAMES, Pool
from verifier.matches.tcp import spell_flags
from verifier.model.fields import PROTOCOL_NAMES

STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
STATE_LISTS = (
    "NEW",
    "ESTABLISHED",
    "RELATED,ESTABLISHED",
    "INVALID",
    "UNTRACKED",
    "NEW,UNTRACKED",
    "INVALID,NEW",
    "RELATED",
)
TYPES = {
    4: (
        "LOCAL",
        "UNICAST",
        "BROADCAST",
        "MULTICAST",
        "LOCAL,UNICAST",
        "UNICAST,BROADCAST",
        "BLACKHOLE",
        "UNSPEC,LOCAL",
    ),
    6: ("LOCAL", "UNICAST", "MULTICAST", "LOCAL,UNICAST", "UNSPEC", "UNICAST,MULTICAST"),
}
OPAQUE = (
    "-m statistic --mode random --probability 0.50000000000",
    "-m limit --limit 5/sec",
    "-m length --length 0:60",
    "-m conntrack --ctstatus SEEN_REPLY",
    "-m conntrack --ctexpire 1:100",
)
"""Tests without a static meaning here, that every kernel loads."""
PORTED = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: ""}
"""Protocols with ports, with their own match; UDP-Lite has none that iptables loads."""
FLAG_LISTS = (63, 0x17, 2, 18, 1, 4, 16, 0x3F & ~8, 3, 6)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule stands: its table, its chain, and the built-in chains from which it can be reached."""

    table: str
    chain: str
    hooks: frozenset[str]

    def only(self, *hooks: str) -> bool:
        """Whether packets come by from these hooks alone."""
        return self.hooks <= frozenset(hooks)


@dataclass(frozen=True, slots=True)
class Test:
    """The words of a test and what it looks for; `kind` is what a rule may have only once, "" for any number."""

    text: str
    aims: tuple[Aim, ...] = ()
    kind: str = ""


def hosts(pool: Pool) -> Test:
    """`-s` or `-d`."""
    flag, field = pool.pick((("-s", "source"), ("-d", "destination")))
    if pool.chance(0.04):
        mask = pool.pick((0xFF0000FF, 0xFFFF00FF, 0x1)) if pool.family == 4 else (0xFFFF << 112) | 0xFF
        text = f"{pool.address(pool.host() & mask)}/{pool.address(mask)}"
        return Test(f"{pool.no()}{flag} {text}", (), flag)
    first, length = pool.network()
    aim = Aim(field, first, first | (1 << (pool.bits - length)) - 1)
    return Test(f"{pool.no(0.2)}{flag} {pool.text((first, length))}", (aim,), flag)


def interfaces(pool: Pool, place: Place) -> Test:
    """`-i` or `-o`, where the chain takes it."""
    barred = {"INPUT": "-o", "PREROUTING": "-o", "OUTPUT": "-i", "POSTROUTING": "-i"}.get(place.chain)
    flag = pool.pick([flag for flag in ("-i", "-o") if flag != barred])
    name = pool.interface()
    return Test(f"{pool.no()}{flag} {name}", (Aim("in" if flag == "-i" else "out", text=name),), flag)


def protocol(pool: Pool) -> Test:
    """`-p` with the match of that protocol, or alone."""
    number = pool.protocol()
    name = PROTOCOL_NAMES.get(number, str(number)) if pool.chance(0.7) else str(number)
    aim = Aim("protocol", number, number)
    if pool.chance(0.15):
        return Test(f"! -p {name}", (aim,), "-p")
    if number in PORTED and pool.chance(0.85):
        words, aims = _transport(pool, number)
        return Test(f"-p {name}{words}", (aim, *aims), "-p")
    if number in (1, 58) and pool.chance(0.85) and (number == 1) == (pool.family == 4):
        words, aims = _icmp(pool, number)
        return Test(f"-p {name}{words}", (aim, *aims), "-p")
    return Test(f"-p {name}", (aim,), "-p")


def _transport(pool: Pool, number: int) -> tuple[str, list[Aim]]:
    """What may follow `-p tcp`: ports by its own match, by multiport, and flags."""
    words, aims = "", []
    name = PORTED[number]
    own: list[str] = []
    for flag, field in (("--sport", "source_port"), ("--dport", "destination_port")):
        if name and pool.chance(0.55 if flag == "--dport" else 0.25):
            low, high = pool.span()
            own.append(f"{pool.no(0.2)}{flag} {_ports(pool, low, high)}")
            aims.append(Aim(field, low, high))
    if number == 6 and pool.chance(0.25):
        mask, value = pool.pick(FLAG_LISTS), pool.pick(FLAG_LISTS)
        value = value & mask if pool.chance(0.9) else value
        if (mask, value) != (0, 0):
            own.append(f"{pool.no()}--tcp-flags {spell_flags(mask)} {spell_flags(value)}")
            aims.append(Aim("flags", value, mask))
    elif number == 6 and pool.chance(0.1):
        own.append(f"{pool.no()}--syn")
        aims.append(Aim("flags", 2, 0x17))
    if own or (name and pool.chance(0.3)):
        words += " ".join([f" -m {name}", *own])
    if pool.chance(0.25):
        more, listed = _multiport(pool)
        words, aims = words + more, aims + listed
    return words, aims


def _ports(pool: Pool, low: int, high: int) -> str:
    if low == high:
        return str(low)
    if low == 0 and pool.chance(0.5):
        return f":{high}"
    return f"{low}:" if high == 65535 and pool.chance(0.5) else f"{low}:{high}"


def _multiport(pool: Pool) -> tuple[str, list[Aim]]:
    flag = pool.pick(("--dports", "--dports", "--sports", "--ports"))
    spans = [pool.span() for _ in range(pool.choose.randint(1, 5))]
    listed = ",".join(str(low) if low == high else f"{low}:{high}" for low, high in spans)
    low, high = pool.pick(spans)
    fields = {"--dports": ("destination_port",), "--sports": ("source_port",)}
    field = pool.pick(fields.get(flag, ("destination_port", "source_port")))
    return f" -m multiport {pool.no()}{flag} {listed}", [Aim(field, low, high)]


def _icmp(pool: Pool, number: int) -> tuple[str, list[Aim]]:
    module, flag = ("icmp", "--icmp-type") if number == 1 else ("icmp6", "--icmpv6-type")
    value = pool.pick(pool.icmps)
    type_, code = divmod(value, 256)
    names = ("any", "echo-request", "destination-unreachable") if number == 1 else ("echo-request", "packet-too-big")
    text = pool.pick((f"{type_}", f"{type_}/{code}", f"{type_}/{code}", pool.pick(names)))
    return f" -m {module} {pool.no()}{flag} {text}", [Aim("icmp", value, value)]


def addresses(pool: Pool) -> Test:
    """-m iprange, of one end or of both."""
    words: list[str] = []
    aims: list[Aim] = []
    for flag, field in (("--src-range", "source"), ("--dst-range", "destination")):
        if words and pool.chance(0.6):
            continue
        if not words and flag == "--src-range" and pool.chance(0.5):
            continue
        low, high = sorted((pool.host(), pool.host()))
        words.append(f"{pool.no()}{flag} {pool.address(low)}-{pool.address(high)}")
        aims.append(Aim(field, low, high))
    return Test(" ".join(["-m iprange", *words]), tuple(aims))


def mark(pool: Pool) -> Test:
    """-m mark or -m connmark; now and then a value outside its mask."""
    kind = pool.pick(("mark", "mark", "mark", "connmark"))
    mask = pool.mask()
    value = pool.mark() & mask if pool.chance(0.95) else pool.mark()
    text = hex(value) if mask == 0xFFFFFFFF else f"{value:#x}/{mask:#x}"
    return Test(f"-m {kind} {pool.no(0.3)}--mark {text}", (Aim(kind, value, mask),), kind)


def state(pool: Pool) -> Test:
    """-m conntrack or -m state."""
    listed = pool.pick(STATE_LISTS)
    aim = Aim("state", STATES.index(pool.pick(listed.split(","))))
    if pool.chance(0.3):
        return Test(f"-m state {pool.no()}--state {listed}", (aim,))
    if pool.chance(0.15):
        return Test(f"-m conntrack {pool.no()}--ctstate {pool.pick(('DNAT', 'SNAT', 'ESTABLISHED,DNAT'))}", (aim,))
    if pool.chance(0.1):
        number = pool.protocol()
        return Test(f"-m conntrack {pool.no()}--ctproto {number}", (Aim("protocol", number, number),))
    return Test(f"-m conntrack {pool.no()}--ctstate {listed}", (aim,))


def address_type(pool: Pool) -> Test:
    """-m addrtype."""
    flag, field = pool.pick((("--src-type", "source"), ("--dst-type", "destination")))
    own = pool.hosts[-1]
    return Test(f"-m addrtype {pool.no()}{flag} {pool.pick(TYPES[pool.family])}", (Aim(field, own, own),))


def ports_of_bridge(pool: Pool, place: Place) -> Test:
    """-m physdev, in forms that the kernel takes at every hook."""
    words = []
    if pool.chance(0.6):
        words.append(f"{pool.no()}--physdev-in {pool.pick(PORT_NAMES)}")
    if pool.chance(0.1):
        words.append(f"{pool.no()}--physdev-is-in")
    outward = place.only("FORWARD") or place.only("POSTROUTING", "FORWARD")
    bridged = "--physdev-is-bridged"
    if pool.chance(0.4):
        words.append(f"{pool.no()}--physdev-out {pool.pick(PORT_NAMES)}")
        words += [] if outward else [bridged]
    elif outward and pool.chance(0.2):
        words.append(f"{pool.no()}--physdev-is-out")
    if bridged not in words and (not words or pool.chance(0.3)):
        words.append(f"{pool.no()}{bridged}" if outward else bridged)
    return Test(" ".join(["-m physdev", *words]), (Aim("bridge"),), "physdev")


def membership(pool: Pool, known: Known) -> Test:
    """-m set, with as many directions as the set has dimensions, or another number of them."""
    found = known.any(pool)
    count = found.dimensions
    if pool.chance(0.15):
        count = pool.choose.randint(1, 3)
    directions = tuple(pool.pick(("src", "dst")) for _ in range(max(1, count)))
    extra = " --return-nomatch" if pool.chance(0.12 if found.nomatch else 0.02) else ""
    words = f"-m set {pool.no(0.2)}--match-set {found.name} {','.join(directions)}{extra}"
    return Test(words, (Aim("member", text=found.name, directions=directions),))


def comment(pool: Pool) -> Test:
    """-m comment, with what has to be quoted."""
    text = pool.pick(
        ("plain", "two words", 'a \\"quoted\\" one', "-j DROP", "! -p tcp", "it is 100%", "a\\\\b", "-A x")
    )
    return Test(f'-m comment --comment "{text}"')


def opaque(pool: Pool) -> Test:
    """A test that has either value for all that we know."""
    return Test(pool.pick(OPAQUE))


def tests(pool: Pool, place: Place, known: Known, most: int) -> list[Test]:
    """The tests of one rule: what a rule may have once is there once, in the order in which rules are printed."""
    kinds: list[tuple[float, Callable[[], Test]]] = [
        (4.0, lambda: hosts(pool)),
        (2.0, lambda: interfaces(pool, place)),
        (4.0, lambda: protocol(pool)),
        (0.6, lambda: addresses(pool)),
        (2.0, lambda: mark(pool)),
        (1.5, lambda: state(pool)),
        (0.5, lambda: address_type(pool)),
        (0.5, lambda: ports_of_bridge(pool, place)),
        (4.5 if known.sets else 0.0, lambda: membership(pool, known)),
        (0.2, lambda: comment(pool)),
        (0.25 if pool.opaque else 0.0, lambda: opaque(pool)),
    ]
    found: list[Test] = []
    for _ in range(pool.choose.randint(1, most) if pool.chance(0.94) else 0):
        made = pool.choose.choices(kinds, [weight for weight, _ in kinds])[0][1]()
        if not made.kind or made.kind not in (test.kind for test in found):
            found.append(made)
    order = ("-s", "-d", "-i", "-o", "-p")
    return sorted(found, key=lambda test: order.index(test.kind) if test.kind in order else len(order))
