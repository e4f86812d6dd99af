"""Random sets of every type that a kernel may have, with their members as constants that packets are aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.pool import Pool
from tests.fuzz.world import SetText
from verifier.model.fields import PROTOCOL_NAMES

FAMILIES = {4: "inet", 6: "inet6"}
SIZES = "hashsize 1024 maxelem 65536"
IFACES = ("eth0", "eth1", "cali1", "cali12", "br0", "physdev:p1", "physdev:p2", "x9")
TARGET_PROTOCOLS = (6, 6, 6, 17, 17, 132, 136, 33, 47)
KINDS = {
    "hash:ip": 3, "hash:net": 4, "hash:ip,port": 3, "hash:net,port": 2, "hash:ip,port,ip": 1, "hash:ip,port,net": 2,
    "hash:net,iface": 1.5, "bitmap:ip": 0.7, "bitmap:port": 1, "list:set": 1.5,
}  # fmt: skip
"""The types with how often they come; each of them is in the kernels of the distributions."""
RARE_KINDS = {"hash:net,net": 1, "hash:net,port,net": 1, "hash:ip,mark": 1, "hash:mac": 0.5, "hash:ip,mac": 0.5}
"""Types that some kernels lack."""
DIMENSIONS = {"ip": 1, "net": 1, "port": 1, "iface": 1, "mark": 1, "mac": 1, "set": 0}


@dataclass(frozen=True, slots=True)
class Aim:
    """What a packet is to be aimed at: a field between two values (both included), or, by `text`, a name.

    `member` is an entry of the set `text`, read by `directions`; `flags`, `mark` and `connmark` have a value and a mask.
    """

    field: str
    low: int = 0
    high: int = 0
    text: str = ""
    directions: tuple[str, ...] = ()


Entry = tuple[Aim, ...]
"""What each dimension of a member asks for; the field of an address is "address", of a port "port", ..."""


@dataclass(frozen=True, slots=True)
class Found:
    """A set that rules may ask about."""

    name: str
    kind: str
    dimensions: int
    nomatch: bool
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class Known:
    """All sets of a world, as text and by name."""

    sets: dict[str, Found] = field(default_factory=dict)
    texts: list[SetText] = field(default_factory=list)

    def any(self, pool: Pool) -> Found:
        """One of them."""
        return pool.pick(list(self.sets.values()))


def sets(pool: Pool, *, rare: bool = False) -> Known:
    """Some sets; with `rare` of types that not every kernel has."""
    known = Known()
    kinds = KINDS | (RARE_KINDS if rare else {})
    for number in range(pool.choose.randint(0, 5)):
        kind = pool.choose.choices(list(kinds), list(kinds.values()))[0]
        if kind == "list:set":
            _listed(pool, known, f"s{number}")
        else:
            _plain(pool, known, f"s{number}", kind)
    return known


def _plain(pool: Pool, known: Known, name: str, kind: str) -> None:
    if kind == "bitmap:ip":
        _bitmap(pool, known, name)
        return
    options, prefix = _options(pool, kind)
    parts = kind.partition(":")[2].split(",")
    entries: dict[str, Entry] = {}
    nomatch = "net" in parts and pool.chance(0.6)
    for _ in range(pool.choose.randint(0, 7)):
        made = _entry(pool, kind, parts, prefix)
        if made is not None:
            entries.setdefault(made[0], made[1])
    suffixes = [" nomatch" if nomatch and pool.chance(0.4) else "" for _ in entries]
    members = tuple(text + suffix + _trimmings(pool, options) for text, suffix in zip(entries, suffixes, strict=True))
    known.texts.append(SetText(name, options, members))
    known.sets[name] = Found(name, kind, len(parts), nomatch, tuple(entries.values()))


def _bitmap(pool: Pool, known: Known, name: str) -> None:
    """A bitmap of the addresses of one network, which only IPv4 has."""
    narrow = [(first, length) for first, length in pool.networks if length >= 16]
    if pool.family == 6 or not narrow:
        return
    network = pool.pick(narrow)
    hosts = sorted({pool.inside(network) for _ in range(pool.choose.randint(0, 6))})
    members = tuple(pool.address(host) for host in hosts)
    known.texts.append(SetText(name, f"bitmap:ip range {pool.text(network)}", members))
    entries = tuple((Aim("address", host, host),) for host in hosts)
    known.sets[name] = Found(name, "bitmap:ip", 1, nomatch=False, entries=entries)


def _options(pool: Pool, kind: str) -> tuple[str, int]:
    """What follows the name in the `create` line, and how many leading bits of an address count."""
    if kind == "bitmap:port":
        return "bitmap:port range 0-65535", 0
    words = [kind, *([] if kind in ("hash:mac", "list:set") else ["family", FAMILIES[pool.family]]), SIZES]
    prefix = pool.bits
    if kind == "hash:ip" and pool.chance(0.25):
        prefix = pool.pick((8, 16, 24, 28, 31) if pool.family == 4 else (16, 48, 64, 120, 127))
        words.append(f"netmask {prefix}")
    extra = pool.pick(("", "", "", "", "counters", "comment", "timeout 0", "skbinfo"))
    words += [extra] if extra else []
    return " ".join(words), prefix


def _trimmings(pool: Pool, options: str) -> str:
    """What a member may carry that decides nothing."""
    if "counters" in options:
        return " packets 3 bytes 180"
    if "comment" in options:
        return ' comment "of \\"shop\\", -j DROP"' if pool.chance(0.5) else ' comment "web"'
    return " timeout 0" if "timeout 0" in options else ""


def _entry(pool: Pool, kind: str, parts: list[str], prefix: int) -> tuple[str, Entry] | None:
    """One member as text and as what it asks for; None where the kernel would not take it."""
    makers: dict[str, Callable[[], tuple[str, Aim] | None]] = {
        "ip": lambda: _host(pool, prefix),
        "net": lambda: _net(pool),
        "port": lambda: _port(pool, bare=kind == "bitmap:port"),
        "iface": lambda: _iface(pool),
        "mark": lambda: _mark(pool),
        "mac": lambda: ("02:00:00:00:00:01", Aim("mac")),
    }
    made = [makers[part]() for part in parts]
    sure = [one for one in made if one is not None]
    if len(sure) < len(made):
        return None
    return ",".join(text for text, _ in sure), tuple(aim for _, aim in sure)


def _host(pool: Pool, prefix: int) -> tuple[str, Aim] | None:
    spare = pool.bits - prefix
    first = pool.host() >> spare << spare
    if first == 0:
        return None
    return pool.address(first), Aim("address", first, first | (1 << spare) - 1)


def _net(pool: Pool) -> tuple[str, Aim]:
    first, length = pool.network()
    text = pool.address(first) if length == pool.bits else pool.text((first, length))
    return text, Aim("address", first, first | (1 << (pool.bits - length)) - 1)


def _port(pool: Pool, *, bare: bool) -> tuple[str, Aim]:
    port = pool.pick(pool.ports)
    if bare:
        return str(port), Aim("port", port, port)
    if pool.chance(0.15):
        value = pool.pick(pool.icmps)
        number = 1 if pool.family == 4 else 58
        name = "icmp" if number == 1 else "ipv6-icmp"
        return f"{name}:{value >> 8}/{value & 255}", Aim("icmp port", value, number)
    number = pool.pick(TARGET_PROTOCOLS)
    if number in (33, 47):
        return f"{PROTOCOL_NAMES[number]}:0", Aim("proto port", 0, number)
    return f"{PROTOCOL_NAMES[number]}:{port}", Aim("proto port", port, number)


def _iface(pool: Pool) -> tuple[str, Aim]:
    name = pool.pick(IFACES)
    return name, Aim("iface", text=name)


def _mark(pool: Pool) -> tuple[str, Aim]:
    value = pool.mark()
    return hex(value), Aim("mark", value, 0xFFFFFFFF)


def _listed(pool: Pool, known: Known, name: str) -> None:
    """A list of sets that there are, of whatever types."""
    names = [each for each, found in known.sets.items() if found.kind != "list:set"]
    chosen = [each for each in names if pool.chance(0.6)]
    pool.choose.shuffle(chosen)
    known.texts.append(SetText(name, "list:set size 8", tuple(chosen)))
    dimensions = max((known.sets[each].dimensions for each in chosen), default=1)
    entries = tuple(entry for each in chosen for entry in known.sets[each].entries)
    nomatch = any(known.sets[each].nomatch for each in chosen)
    known.sets[name] = Found(name, "list:set", dimensions, nomatch, entries)
