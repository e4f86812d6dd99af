"""Changes of what sets hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from itertools import pairwise

from tests.mutations import NODE, Edit, Files, Kind

SETS = NODE + "ipset-save"
ADDRESS = re.compile(r"[0-9a-f]*[.:]")
"""How the element of a set begins that is not the name of another set."""


def _lines(files: Files) -> list[str]:
    return files.get(SETS, "").split("\n")


def _used(files: Files) -> set[str]:
    """Sets that some rule tests, and the members of lists of sets that one tests."""
    dumps = files.get(NODE + "iptables-save", "") + files.get(NODE + "ip6tables-save", "")
    tested = set(re.findall(r"--match-set (\S+)", dumps))
    created = {words[1] for line in _lines(files) if (words := line.split(" "))[0] == "create"}
    listed = [line.split(" ")[1:3] for line in _lines(files) if line.startswith("add ")]
    return tested | {member for name, member in listed if name in tested and member in created}


def members(change: Callable[[str, str, str], list[str]]) -> Kind:
    """Each member of a set that rules test, changed: (set, element, options) -> lines in its place."""

    def kind(files: Files) -> Iterator[Edit]:
        used = _used(files)
        for number, line in enumerate(_lines(files)):
            words = line.split(" ", 3)
            if words[0] == "add" and words[1] in used and ADDRESS.match(words[2]):
                lines = change(words[1], words[2], words[3] if len(words) > 3 else "")
                if lines != [line]:
                    yield Edit(SETS, number, number + 1, tuple(lines))

    return kind


def _drop(name: str, element: str, options: str) -> list[str]:
    return []


def _line(name: str, element: str, options: str) -> str:
    return f"add {name} {element} {options}".rstrip()


def _resize(by: int) -> Callable[[str, str, str], list[str]]:
    def change(name: str, element: str, options: str) -> list[str]:
        if "/" not in element or "," in element:
            return [_line(name, element, options)]
        network = ip_network(element)
        length = network.prefixlen + by
        if not 0 < length <= network.max_prefixlen:
            return [_line(name, element, options)]
        first = int(network.network_address) >> network.max_prefixlen - length << network.max_prefixlen - length
        return [_line(name, f"{type(network.network_address)(first)}/{length}", options)]

    return change


def _neighbour(name: str, element: str, options: str) -> list[str]:
    """An address becomes the next one."""
    if "/" in element or "," in element or not re.match(r"[0-9a-f.:]+$", element):
        return [_line(name, element, options)]
    address = ip_network(element).network_address + 1
    return [_line(name, str(address), options)]


def _toggle_nomatch(name: str, element: str, options: str) -> list[str]:
    if "/" not in element:
        return [_line(name, element, options)]
    plain = options.replace("nomatch", "").strip()
    return [_line(name, element, plain if "nomatch" in options else f"{plain} nomatch".strip())]


def _halves(name: str, element: str, options: str) -> list[str]:
    """A network as its two halves, which means the same."""
    if "/" not in element or "," in element:
        return [_line(name, element, options)]
    return [_line(name, str(half), options) for half in ip_network(element).subnets()]


def _expiring(name: str, element: str, options: str) -> list[str]:
    return [_line(name, element, options.replace("timeout 0", "timeout 77"))]


def add(*elements: str) -> Kind:
    """One more member in a set that rules test."""

    def kind(files: Files) -> Iterator[Edit]:
        used = _used(files)
        for number, line in enumerate(_lines(files)):
            words = line.split(" ")
            if words[0] != "create" or words[1] not in used or not words[2].startswith("hash:") or "," in words[2]:
                continue
            family = 6 if "inet6" in words else 4
            held = {other.split(" ")[2] for other in _lines(files) if other.startswith(f"add {words[1]} ")}
            for element in elements:
                network = ip_network(element)
                fits = network.version == family and (words[2] == "hash:net" or network.num_addresses == 1)
                if fits and element not in held:
                    yield Edit(SETS, number + 1, number + 1, (f"add {words[1]} {element}",))

    return kind


def _span(lines: list[str], start: int) -> int:
    stop = start + 1
    while stop < len(lines) and lines[stop].startswith("add "):
        stop += 1
    return stop


def gone(files: Files) -> Iterator[Edit]:
    """A set that rules test is not in the dump."""
    lines, used = _lines(files), _used(files)
    for number, line in enumerate(lines):
        words = line.split(" ")
        if words[0] == "create" and words[1] in used:
            yield Edit(SETS, number, _span(lines, number))


def emptied(files: Files) -> Iterator[Edit]:
    lines, used = _lines(files), _used(files)
    for number, line in enumerate(lines):
        words = line.split(" ")
        if words[0] == "create" and words[1] in used and _span(lines, number) > number + 1:
            yield Edit(SETS, number, _span(lines, number), (line,))


def exchanged(files: Files) -> Iterator[Edit]:
    """Two sets have exchanged their contents."""
    used = sorted(name for name in _used(files) if f"create {name} " in files.get(SETS, ""))
    for one, two in pairwise(used):
        if ("inet6" in _create(files, one)) == ("inet6" in _create(files, two)):
            swapped = {one: two, two: one}
            words = [line.split(" ") for line in _lines(files)]
            named = [[line[0], swapped.get(line[1], line[1]), *line[2:]] if line[1:] else line for line in words]
            yield Edit(SETS, text="\n".join(" ".join(line) for line in named))


def _create(files: Files, name: str) -> str:
    return next(line for line in _lines(files) if line.startswith(f"create {name} "))


def merged(files: Files) -> Iterator[Edit]:
    """One set holds what the next one holds, too."""
    lines = _lines(files)
    used = [name for name in dict.fromkeys(line.split(" ")[1] for line in lines if " " in line) if name in _used(files)]
    for one, two in pairwise(used):
        if _create(files, one).split(" ")[2:5] != _create(files, two).split(" ")[2:5]:
            continue
        place = lines.index(_create(files, one)) + 1
        held = {line.split(" ")[2] for line in lines if line.startswith(f"add {one} ")}
        extra = [line.replace(f"add {two} ", f"add {one} ") for line in lines if line.startswith(f"add {two} ")]
        fresh = tuple(line for line in extra if line.split(" ")[2] not in held)
        if fresh:
            yield Edit(SETS, place, place, fresh)


def without_sets(files: Files) -> Iterator[Edit]:
    yield Edit(SETS, text=None)


KINDS: dict[str, Kind] = {
    "set member dropped": members(_drop),
    "set member's neighbour": members(_neighbour),
    "set network twice as large": members(_resize(-1)),
    "set network half as large": members(_resize(1)),
    "set network in two halves": members(_halves),
    "set exception toggled": members(_toggle_nomatch),
    "set member that expires": members(_expiring),
    "set member added": add(
        "10.244.1.3",
        "10.244.2.2",
        "192.168.10.11",
        "172.17.5.0/24",
        "203.0.113.9",
        "fd00:244:0:1::3",
        "fd00:244:0:2::2",
    ),
    "set without end": add("0.0.0.0/1", "10.0.0.0/8", "fd00::/8"),
    "set gone": gone,
    "set emptied": emptied,
    "sets exchanged": exchanged,
    "sets merged": merged,
    "all sets gone": without_sets,
}
