"""Changes of single rules: what they match and what they do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from itertools import pairwise

from tests.mutations import NODE, Edit, Files, Kind

DUMPS = (NODE + "iptables-save", NODE + "ip6tables-save")
RULE = re.compile(r"(?:\[\d+:\d+\] )?-A (\S+)")
OWN = r"(?:cali|KUBE|WEAVE|AZURE)"
"""How the names of compilers' chains begin, up to a dash."""
BUILT_IN = ("INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING")


NETWORK = r"(-[sd]) ((?:\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:.]+)/\d+)"
"""An address or network of either family, with its option."""


def rules(files: Files) -> Iterator[tuple[str, int, str, str]]:
    """(file, line number, chain, line) of every rule."""
    for file in DUMPS:
        for number, line in enumerate(files.get(file, "").split("\n")):
            match = RULE.match(line)
            if match:
                yield file, number, match.group(1), line


def rewriting(pattern: str, replacement: str | Callable[[re.Match[str]], str], unless: str = "") -> Kind:
    """Each place in a rule where the pattern is found, replaced; rules with `unless` in them are left alone."""
    compiled = re.compile(pattern)

    def kind(files: Files) -> Iterator[Edit]:
        for file, number, _, line in rules(files):
            if unless and re.search(unless, line):
                continue
            for match in compiled.finditer(line):
                new = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
                changed = line[: match.start()] + new + line[match.end() :]
                if changed != line:
                    yield Edit(file, number, number + 1, (changed,))

    return kind


def delete(files: Files) -> Iterator[Edit]:
    for file, number, _, _ in rules(files):
        yield Edit(file, number, number + 1)


def duplicate(files: Files) -> Iterator[Edit]:
    for file, number, _, line in rules(files):
        yield Edit(file, number, number, (line,))


def swap(files: Files) -> Iterator[Edit]:
    """Two neighbours of a chain that are not alike."""
    known = list(rules(files))
    for (file, number, chain, line), (other, following, same, second) in pairwise(known):
        if file == other and chain == same and following == number + 1 and line != second:
            yield Edit(file, number, number + 2, (second, line))


def move(*, to_front: bool) -> Kind:
    """A rule becomes the first or the last of its chain."""

    def kind(files: Files) -> Iterator[Edit]:
        chains: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for file, number, chain, line in rules(files):
            chains.setdefault((file, chain), []).append((number, line))
        for (file, _), members in chains.items():
            first, last = members[0][0], members[-1][0] + 1
            if last - first != len(members):
                continue
            for place, (_, line) in enumerate(members):
                others = [text for number, text in members if number != first + place]
                ordered = [line, *others] if to_front else [*others, line]
                if ordered != [text for _, text in members]:
                    yield Edit(file, first, last, tuple(ordered))

    return kind


def flush(files: Files) -> Iterator[Edit]:
    """A chain loses all its rules."""
    ends: dict[tuple[str, str], list[int]] = {}
    for file, number, chain, _ in rules(files):
        ends.setdefault((file, chain), []).append(number)
    for (file, _), numbers in ends.items():
        if numbers[-1] - numbers[0] + 1 == len(numbers):
            yield Edit(file, numbers[0], numbers[-1] + 1)


def unhook(files: Files) -> Iterator[Edit]:
    """A built-in chain no longer enters the plug-in's."""
    for file, number, chain, line in rules(files):
        if chain in BUILT_IN and re.search(rf" -[jg] {OWN}-", line):
            yield Edit(file, number, number + 1)


def redirect(files: Files) -> Iterator[Edit]:
    """A jump leads to another chain of the same family of names."""
    targets: dict[str, list[str]] = {}
    for file in DUMPS:
        for name in re.findall(r"^:(\S+) - ", files.get(file, ""), re.MULTILINE):
            targets.setdefault(_stem(name), []).append(name)
    for file, number, _, line in rules(files):
        match = re.search(rf" (-[jg]) ({OWN}-\S+)", line)
        if match:
            alike = targets[_stem(match.group(2))]
            other = alike[(alike.index(match.group(2)) + 1) % len(alike)]
            if other != match.group(2):
                changed = f"{line[: match.start()]} {match.group(1)} {other}{line[match.end() :]}"
                yield Edit(file, number, number + 1, (changed,))


def _stem(chain: str) -> str:
    return "-".join(chain.split("-")[:2])


def reject(files: Files) -> Iterator[Edit]:
    """A packet is refused with an answer, which is no less refused."""
    for file, number, _, line in rules(files):
        answer = "icmp6-port-unreachable" if "ip6" in file else "icmp-port-unreachable"
        if line.endswith(" -j DROP"):
            yield Edit(file, number, number + 1, (line.replace(" -j DROP", f" -j REJECT --reject-with {answer}"),))


def other_set(files: Files) -> Iterator[Edit]:
    """A set test reads another set."""
    for file, number, _, line in rules(files):
        match = re.search(r"--match-set (\S+)", line)
        names = [name for name in _sets(files) if match and ("inet6:" in name) == ("inet6:" in match.group(1))]
        alike = [n for n in names if match and n[:6] == match.group(1)[:6]]
        if match and match.group(1) in alike:
            other = alike[(alike.index(match.group(1)) + 1) % len(alike)]
            yield Edit(file, number, number + 1, (line.replace(match.group(1), other, 1),))


def _sets(files: Files) -> list[str]:
    return re.findall(r"^create (\S+)", files.get(NODE + "ipset-save", ""), re.MULTILINE)


def split_network(files: Files) -> Iterator[Edit]:
    """One rule for a network becomes two for its halves, which means the same."""
    for file, number, chain, line in rules(files):
        match = re.search(rf"(?<!! ){NETWORK}", line)
        network = ip_network(match.group(2)) if match else None
        if (
            match
            and network
            and network.num_addresses > 1
            and not re.search(rf" -[jg] (?:MARK|{OWN})", line)
            and chain not in BUILT_IN
        ):
            start, end = line[: match.start()], line[match.end() :]
            halves = tuple(f"{start}{match.group(1)} {half}{end}" for half in network.subnets())
            yield Edit(file, number, number + 1, halves)


def resized(by: int) -> Kind:
    """A network with a longer or shorter prefix."""

    def change(match: re.Match[str]) -> str:
        network = ip_network(match.group(2))
        length = network.prefixlen + by
        if not 0 < length <= network.max_prefixlen:
            return match.group()
        return f"{match.group(1)} {ip_network((network.network_address, length), strict=False)}"

    return rewriting(rf"(?<=\s){NETWORK}", change)


def shifted(pattern: str, by: int) -> Kind:
    """The number in the last group of a pattern becomes another one."""

    def change(match: re.Match[str]) -> str:
        number = int(match.group(2)) + by
        return f"{match.group(1)}{number}" if 0 <= number <= 65535 else match.group()

    return rewriting(pattern, change)


def _next_bit(match: re.Match[str]) -> str:
    value, mask = (int(part, 16) << 1 & 0xFFFFFFFF for part in match.group(2).split("/"))
    return f"{match.group(1)}{value:#x}/{mask:#x}"


PORT = r"(--dports? )(\d+)(?=\s|$)"
LAST_PORT = r"(--dports? \d+:)(\d+)(?=\s|$)"
MARK_SET, MARK_TEST = r"(--set-xmark )(0x[0-9a-f]+/0x[0-9a-f]+)", r"(--mark )(0x[0-9a-f]+/0x[0-9a-f]+)"
ACCEPTS = r" -j ACCEPT$"
REJECTS = r" -j (?:DROP|REJECT --reject-with \S+)$"

KINDS: dict[str, Kind] = {
    "delete a rule": delete,
    "duplicate a rule": duplicate,
    "swap two neighbours": swap,
    "move a rule to the front": move(to_front=True),
    "move a rule to the end": move(to_front=False),
    "empty a chain": flush,
    "remove a jump from a built-in chain": unhook,
    "jump to another chain": redirect,
    "accept becomes return": rewriting(ACCEPTS, " -j RETURN"),
    "accept becomes drop": rewriting(ACCEPTS, " -j DROP"),
    "drop becomes accept": rewriting(REJECTS, " -j ACCEPT"),
    "drop becomes return": rewriting(REJECTS, " -j RETURN"),
    "drop becomes reject": reject,
    "return becomes accept": rewriting(r" -j RETURN$", " -j ACCEPT"),
    "return becomes drop": rewriting(r" -j RETURN$", " -j DROP"),
    "return removed": rewriting(r" -j RETURN$", ""),
    "mark becomes accept": rewriting(r" -j MARK --set-xmark \S+$", " -j ACCEPT"),
    "goto becomes jump": rewriting(r" -g ", " -j "),
    "jump becomes goto": rewriting(rf" -j ({OWN}-)", r" -g \1"),
    "set the next mark bit": rewriting(MARK_SET, _next_bit),
    "test the next mark bit": rewriting(MARK_TEST, _next_bit),
    "set a mark without mask": rewriting(r"(--set-xmark 0x[0-9a-f]+)/0x[0-9a-f]+", r"\1/0xffffffff"),
    "clear a mark instead of setting it": rewriting(r"--set-xmark (0x[1-9a-f][0-9a-f]*)/\1", r"--set-xmark 0x0/\1"),
    "toggle a mark instead of setting it": rewriting(r"(--set-xmark 0x[0-9a-f]+)/0x[0-9a-f]+", r"\1/0x0"),
    "test a mark for zero": rewriting(r"--mark (0x[1-9a-f][0-9a-f]*)/\1", r"--mark 0x0/\1"),
    "negate a mark test": rewriting(r"-m mark (! )?--mark", lambda m: f"-m mark {'' if m[1] else '! '}--mark"),
    "drop a mark test": rewriting(r"-m mark (?:! )?--mark \S+ ", ""),
    "port up by one": shifted(PORT, 1),
    "port down by one": shifted(PORT, -1),
    "port range one longer": shifted(LAST_PORT, 1),
    "port range one shorter": shifted(LAST_PORT, -1),
    "port range starts one later": rewriting(r"(--dport )(\d+)(?=:)", lambda m: f"{m[1]}{int(m[2]) + 1}"),
    "drop a port test": rewriting(r"-m (?:tcp|udp|sctp) --dport \S+ ", ""),
    "source port instead of destination": rewriting(r"--dport", "--sport"),
    "negate a port test": rewriting(r"(-m (?:tcp|udp|sctp)) --dport", r"\1 ! --dport"),
    "drop a protocol": rewriting(r"-p (?:tcp|udp|sctp) ", "", unless=r"-m (tcp|udp|sctp|multiport) "),
    "another protocol": rewriting(r"-p tcp (.*)-m tcp ", r"-p udp \1-m udp "),
    "negate a protocol": rewriting(r"(?<=\s)-p (tcp|udp|sctp) ", r"! -p \1 ", unless=r"-m (tcp|udp|sctp|multiport) "),
    "tcp flags asked for": rewriting(r"(-m tcp) --dport", r"\1 --tcp-flags FIN,SYN,RST,ACK SYN --dport"),
    "only established tcp": rewriting(r"(-m tcp) --dport", r"\1 ! --tcp-flags SYN,ACK SYN --dport"),
    "negate a set test": rewriting(r"-m set (! )?--match-set", lambda m: f"-m set {'' if m[1] else '! '}--match-set"),
    "swap source and destination of a set test": rewriting(
        r"(--match-set \S+) (src|dst)(?=\s)", lambda m: f"{m[1]} {'dst' if m[2] == 'src' else 'src'}"
    ),
    "drop a set test": rewriting(r"-m set (?:! )?--match-set \S+ \S+ ", ""),
    "test another set": other_set,
    "test a set that is not there": rewriting(r"--match-set (\S+)", r"--match-set \1x"),
    "negate an address": rewriting(r"(?<=\s)(?<!! )(-[sd] [0-9a-f.:]+/\d+)", r"! \1"),
    "drop an address": rewriting(r"(?<=\s)(?:! )?-[sd] [0-9a-f.:]+/\d+ ", ""),
    "source instead of destination": rewriting(
        r"(?<=\s)-([sd]) (?=[0-9a-f.:]+/)", lambda m: f"-{'d' if m[1] == 's' else 's'} ", unless=r"-s .*-d "
    ),
    "network twice as large": resized(-1),
    "network half as large": resized(1),
    "network in two halves": split_network,
    "another interface": rewriting(
        r"(-[io] (?:cali|azv|weav))(\S)(?=\S*\s)", lambda m: f"{m[1]}{'1' if m[2] != '1' else '0'}"
    ),
    "drop an interface": rewriting(r"(?<=\s)(?:! )?-[io] \S+ ", ""),
    "negate an interface": rewriting(r"(?<=\s)(?<!! )(-[io] \S+)", r"! \1"),
    "in instead of out interface": rewriting(
        r"(?<=\s)-([io]) (?=\S+\s)",
        lambda m: f"-{'o' if m[1] == 'i' else 'i'} ",
        unless="PREROUTING|POSTROUTING|-i .*-o ",
    ),
    "established only": rewriting(r"RELATED,ESTABLISHED", "ESTABLISHED"),
    "related only": rewriting(r"RELATED,ESTABLISHED", "RELATED"),
    "new accepted with established": rewriting(r"RELATED,ESTABLISHED", "NEW,RELATED,ESTABLISHED"),
    "drop new instead of invalid": rewriting(r"--ctstate INVALID", "--ctstate NEW"),
    "drop a test of state": rewriting(r"-m conntrack --ctstate \S+ ", ""),
    "negate a test of state": rewriting(r"--ctstate", "! --ctstate"),
    "drop a test of address type": rewriting(r"-m addrtype --\S+ \S+ ", ""),
    "negate a test of address type": rewriting(r"-m addrtype --", "-m addrtype ! --"),
    "limit an accepting rule": rewriting(r" -j (ACCEPT|RETURN|MARK)", r" -m limit --limit 10/sec -j \1"),
    "limit a dropping rule": rewriting(r" -j (DROP|REJECT)", r" -m limit --limit 10/sec -j \1"),
    "sometimes": rewriting(rf" -j ({OWN}-)", r" -m statistic --mode random --probability 0.50000000000 -j \1"),
    "unknown match": rewriting(r" -j (ACCEPT|DROP|RETURN)", r" -m something --with option -j \1"),
    "unknown target": rewriting(r" -j (?:ACCEPT|DROP|RETURN)$", " -j SOMETHING --with option"),
    "another comment": rewriting(r'--comment "[^"\\]+"', '--comment "changed"', unless="policy|Configured|accepted"),
}
