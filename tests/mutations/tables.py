"""Changes of what stands around the plug-in's rules: chains, policies, other tables, rules of somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.mutations import NODE, Edit, Files, Kind
from tests.mutations.rules import BUILT_IN, DUMPS, OWN, RULE

FILTER = ("INPUT", "FORWARD", "OUTPUT")


def _dumps(files: Files) -> Iterator[tuple[str, list[str]]]:
    for file in DUMPS:
        if files.get(file, "").strip():
            yield file, files[file].split("\n")


def _first_rule(lines: list[str], table: str, chain: str) -> int | None:
    """Where the first rule of a chain stands, or would; None where the table is not there."""
    if f"*{table}" not in lines:
        return None
    start = lines.index(f"*{table}")
    stop = lines.index("COMMIT", start)
    place = start + 1
    while place < stop and lines[place].startswith((":", "#")):
        place += 1
    first = next((n for n in range(place, stop) if (m := RULE.match(lines[n])) and m.group(1) == chain), None)
    return place if first is None else first


def _of_family(file: str, texts: tuple[str, ...]) -> list[str]:
    """The rules that name no address of the other family."""
    other = "10.244." if "ip6tables" in file else "fd00:"
    return [text for text in texts if other not in text]


def foreign(*texts: str, chains: tuple[str, ...] = FILTER) -> Kind:
    """A rule of somebody else before everything in a built-in chain."""

    def kind(files: Files) -> Iterator[Edit]:
        for file, lines in _dumps(files):
            for chain in chains:
                place = _first_rule(lines, "filter", chain)
                if place is not None:
                    for text in _of_family(file, texts):
                        yield Edit(file, place, place, (f"-A {chain} {text}",))

    return kind


def last(*texts: str) -> Kind:
    """A rule of somebody else after everything in a built-in chain."""

    def kind(files: Files) -> Iterator[Edit]:
        for file, lines in _dumps(files):
            for chain in FILTER:
                ends = [n for n, line in enumerate(lines) if (m := RULE.match(line)) and m.group(1) == chain]
                for text in texts if ends else ():
                    yield Edit(file, ends[-1] + 1, ends[-1] + 1, (f"-A {chain} {text}",))

    return kind


def beside(table: str, chain: str, *texts: str) -> Kind:
    """A rule in another table, which may have to be made."""

    def kind(files: Files) -> Iterator[Edit]:
        for file, lines in _dumps(files):
            place = _first_rule(lines, table, chain)
            for text in _of_family(file, texts):
                if place is not None:
                    yield Edit(file, place, place, (f"-A {chain} {text}",))
                else:
                    block = (f"*{table}", f":{chain} ACCEPT [0:0]", f"-A {chain} {text}", "COMMIT")
                    yield Edit(file, 0, 0, block)

    return kind


def policy_drop(files: Files) -> Iterator[Edit]:
    for file, lines in _dumps(files):
        for number, line in enumerate(lines):
            if re.match(rf":(?:{'|'.join(BUILT_IN)}) ACCEPT", line):
                yield Edit(file, number, number + 1, (line.replace(" ACCEPT", " DROP"),))


def undeclared(files: Files) -> Iterator[Edit]:
    """A chain is gone with its rules, but still entered."""
    for file, lines in _dumps(files):
        for table in re.finditer(r"(?ms)^\*\w+\n.*?^COMMIT", files[file]):
            for name in re.findall(r"^:(\S+) - ", table.group(), re.MULTILINE):
                gone = re.compile(rf"(?m)^(?::{re.escape(name)} - |(?:\[\d+:\d+\] )?-A {re.escape(name)} ).*\n")
                if not re.search(rf" -[jg] {re.escape(name)}(\s|$)", table.group()):
                    continue
                text = files[file]
                text = text[: table.start()] + gone.sub("", table.group()) + text[table.end() :]
                yield Edit(file, text=text)
        del lines


def renamed(files: Files) -> Iterator[Edit]:
    """A chain has another name everywhere, which means the same."""
    for file, _ in _dumps(files):
        for name in re.findall(
            r"^:((?:cali-[pt]|KUBE-NWPLCY-[A-Z2-7]{16}|AZURE-NPM-(?:IN|E)GRESS-[a-z0-9]{10}|WEAVE-NPC-)\S*) - ",
            files[file],
            re.MULTILINE,
        ):
            if name.startswith("cali-tw"):
                continue
            text = re.sub(rf"(?<=[\s:]){re.escape(name)}(?=\s)", name[:-2] + "xx", files[file] + "\n")
            yield Edit(file, text=text)


def loop(files: Files) -> Iterator[Edit]:
    """A chain leads back to the one that enters it."""
    for file, lines in _dumps(files):
        for number, line in enumerate(lines):
            match = RULE.match(line)
            target = re.search(rf" -[jg] ({OWN}-\S+)", line)
            if match and target and match.group(1) not in BUILT_IN:
                yield Edit(file, number + 1, number + 1, (f"-A {match.group(1)} -j {match.group(1)}",))


def reordered(files: Files) -> Iterator[Edit]:
    """The tables in another order, which means the same."""
    for file, _ in _dumps(files):
        tables = re.findall(r"(?ms)^\*\w+\n.*?^COMMIT\n", files[file])
        if len(tables) > 1:
            yield Edit(file, text="".join(reversed(tables)))


def without_table(files: Files) -> Iterator[Edit]:
    for file, _ in _dumps(files):
        tables = re.findall(r"(?ms)^\*\w+\n.*?^COMMIT\n", files[file])
        for table in tables if len(tables) > 1 else ():
            yield Edit(file, text=files[file].replace(table, ""))


def without_dump(files: Files) -> Iterator[Edit]:
    for file, _ in _dumps(files):
        if len(list(_dumps(files))) > 1:
            yield Edit(file, text=None)


def without_addresses(files: Files) -> Iterator[Edit]:
    if NODE + "addresses.json" in files:
        yield Edit(NODE + "addresses.json", text=None)


def another_wire(files: Files) -> Iterator[Edit]:
    """A rule that lets in whatever comes by an interface that this node does not have, and by one that it has."""
    for file, lines in _dumps(files):
        place = _first_rule(lines, "filter", "FORWARD")
        for name in ("eth0", "eth1", "eth+", "cali+"):
            for way in ("-i", "-o", "! -i", "! -o"):
                if place is not None:
                    yield Edit(file, place, place, (f"-A FORWARD {way} {name} -j ACCEPT",))


KINDS: dict[str, Kind] = {
    "foreign accept first": foreign("-j ACCEPT"),
    "foreign drop first": foreign("-j DROP"),
    "foreign return first": foreign("-j RETURN"),
    "foreign accept of a port first": foreign(
        "-p tcp -m tcp --dport 80 -j ACCEPT", "-p udp -m udp --dport 53 -j ACCEPT"
    ),
    "foreign drop of a port first": foreign("-p tcp -m tcp --dport 80 -j DROP", "-p sctp -m sctp --dport 7777 -j DROP"),
    "foreign accept of a source port first": foreign("-p udp -m udp --sport 53 -j ACCEPT"),
    "foreign accept of several ports first": foreign("-p tcp -m multiport --dports 22,80:90,443 -j ACCEPT"),
    "foreign accept of a network first": foreign(
        "-s 10.244.0.0/16 -j ACCEPT",
        "-d 10.244.1.0/24 -j ACCEPT",
        "! -s 10.244.0.0/16 -j ACCEPT",
        "-s fd00:244::/32 -j ACCEPT",
        "-d fd00:244:0:1::/64 -j ACCEPT",
        "! -s fd00:244::/32 -j ACCEPT",
    ),
    "foreign accept of the node first": foreign("-m addrtype --src-type LOCAL -j ACCEPT"),
    "foreign accept by interface first": another_wire,
    "foreign accept of syn first": foreign("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"),
    "foreign drop of odd flags first": foreign("-p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP"),
    "foreign drop of established first": foreign("-m conntrack --ctstate ESTABLISHED -j DROP"),
    "foreign drop of translated first": foreign(
        "-m conntrack --ctstate DNAT -j DROP", "-m conntrack --ctstate DNAT -j ACCEPT"
    ),
    "foreign limit first": foreign("-m limit --limit 1/sec -j ACCEPT", "-m limit --limit 1/sec -j DROP"),
    "foreign log first": foreign("-m limit --limit 1/sec -j LOG", "-j LOG --log-prefix all"),
    "foreign mark first": foreign(
        "-j MARK --set-xmark 0x10000/0x10000", "-j MARK --set-xmark 0x20000/0x20000", "-j MARK --set-xmark 0x8/0x8"
    ),
    "foreign drop last": last(
        "-j DROP", "-p tcp -m tcp --dport 80 -j DROP", "-m mark ! --mark 0x10000/0x10000 -j DROP"
    ),
    "policy drop": policy_drop,
    "raw drop": beside("raw", "PREROUTING", "-j DROP", "-p tcp -m tcp --dport 80 -j DROP", "-i eth0 -j DROP"),
    "not tracked": beside("raw", "PREROUTING", "-j CT --notrack", "-p udp -j CT --notrack"),
    "mangle drop": beside("mangle", "FORWARD", "-p udp -j DROP", "-m conntrack --ctstate RELATED -j DROP"),
    "mangle drop after routing": beside("mangle", "POSTROUTING", "-o eth0 -j DROP", "-p tcp -m tcp --dport 80 -j DROP"),
    "mangle mark": beside(
        "mangle", "PREROUTING", "-j MARK --set-xmark 0x10000/0x10000", "-p tcp -j MARK --set-xmark 0x30000/0x30000"
    ),
    "mangle saved mark": beside(
        "mangle", "PREROUTING", "-j CONNMARK --restore-mark", "-j CONNMARK --set-xmark 0x10000/0x10000"
    ),
    "mangle drop of the node": beside(
        "mangle", "OUTPUT", "-d 10.244.1.2/32 -j DROP", "-d fd00:244:0:1::2/128 -j DROP", "-p sctp -j DROP"
    ),
    "nat drop": beside(
        "nat",
        "PREROUTING",
        "-d 10.244.1.2/32 -p tcp -m tcp --dport 80 -j DROP",
        "-d fd00:244:0:1::2/128 -p tcp -j DROP",
    ),
    "nat translation": beside(
        "nat",
        "PREROUTING",
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.1.3:8080",
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00:244:0:1::3]:8080",
    ),
    "nat masquerade": beside("nat", "POSTROUTING", "-o eth0 -j MASQUERADE", "-j MASQUERADE"),
    "security drop": beside("security", "FORWARD", "-p udp -m udp --dport 53 -j DROP"),
    "chain gone": undeclared,
    "chain renamed": renamed,
    "chain loops": loop,
    "tables reordered": reordered,
    "table gone": without_table,
    "dump of a family gone": without_dump,
    "addresses gone": without_addresses,
}
