"""One rule of a listing: its columns and its free text, turned into the words that iptables-save would have printed.

Spec: specs/chains/listing.md
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from verifier.matches import find_match
from verifier.matches.protocols import NUMBERS, spell_protocol
from verifier.model.effect import Unknown
from verifier.model.extension import Malformed, Option, Unsupported
from verifier.model.origin import Origin
from verifier.model.predicate import Opaque, Predicate, all_of
from verifier.model.ruleset import Rule
from verifier.readers.listing_words import FREE_TEXT, Extension, Reading, beginning, listing_of_target, readings
from verifier.readers.rule import Use, match_of, read_rule, spell_rule
from verifier.readers.rule_cache import RuleCache

FRAGMENTS = {"--": "", "-f": "-f", "!f": "! -f"}
PROTOCOL = re.compile(r"!?(?:[0-9]{1,3}|[A-Za-z][-.\w]*)")
ADDRESSES = {
    4: re.compile(r"!?[0-9]+(?:\.[0-9]+){3}(?:/\S+)?"),
    6: re.compile(r"!?[0-9a-fA-F.]*:[0-9a-fA-F:.]*(?:/\S+)?"),
}
NAMED = re.compile(r"!?[A-Za-z0-9][-.\w]*(?:/\S+)?")
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
COUNT = re.compile(r"([0-9]+)([KMGT]?)")
HIDDEN = "a comment or string may end later than it seems: {}"
WITHOUT_INTERFACES = "a listing without -v does not show the interfaces that its rules test"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a listing has, as its header says."""

    numbered: bool
    verbose: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """A line of a listing, column by column; interfaces and counters are "" where they are not shown."""

    packets: str
    target: str
    protocol: str
    fragment: str
    incoming: str
    outgoing: str
    source: str
    destination: str
    text: str
    goto: bool


class NoRule(Exception):  # noqa: N818  a fault of the input, not of the program
    """A line that has not the columns of a rule; the message says which are missing."""


def split_columns(line: str, layout: Layout, family: int) -> Columns:
    """The columns of a line; NoRule where it is not a whole rule."""
    words = [(found.group(), found.end()) for found in re.finditer(r"\S+", line)]
    lead = layout.numbered + 2 * layout.verbose
    if any(COUNT.fullmatch(word) is None for word, _ in words[:lead]) or len(words) < lead + 4:
        raise NoRule
    packets = words[layout.numbered][0] if layout.verbose else ""
    fitting = [
        found
        for targeted in (True, False)
        for opted in (True, False)
        if (found := _fitted(line, words[lead:], packets, layout, family, targeted=targeted, opted=opted)) is not None
    ]
    if not fitting:
        raise NoRule
    return fitting[0] if len(fitting) == 1 else _by_spacing(fitting, line, words, lead)


def _fitted(
    line: str,
    words: list[tuple[str, int]],
    packets: str,
    layout: Layout,
    family: int,
    *,
    targeted: bool,
    opted: bool,
) -> Columns | None:
    wanted = targeted + 1 + opted + 2 * layout.verbose + 2
    if len(words) < wanted:
        return None
    texts = iter(words[:wanted])
    target = next(texts)[0] if targeted else ""
    protocol = next(texts)[0]
    fragment = next(texts)[0] if opted else "--"
    incoming, outgoing = (next(texts)[0], next(texts)[0]) if layout.verbose else ("", "")
    source, (destination, end) = next(texts)[0], next(texts)
    if PROTOCOL.fullmatch(protocol) is None or fragment not in FRAGMENTS:
        return None
    for text in (source, destination):
        if ADDRESSES[family].fullmatch(text) is None and not (opted and NAMED.fullmatch(text)):
            return None
    rest = line[end:].replace("\0", "").strip()
    goto = rest == "[goto]" or rest.startswith("[goto] ")
    rest = rest[6:].strip() if goto else rest
    return Columns(packets, target, protocol, fragment, incoming, outgoing, source, destination, rest, goto)


def _by_spacing(fitting: list[Columns], line: str, words: list[tuple[str, int]], lead: int) -> Columns:
    """An empty target column leaves a gap of at least nine blanks before the protocol."""
    start = words[lead - 1][1] if lead else 0
    gap = len(line) - start - len(line[start:].lstrip())
    chosen = [each for each in fitting if (not each.target) is (gap >= 9)]
    if len(chosen) != 1:
        raise NoRule
    return chosen[0]


def exact_count(text: str) -> int | None:
    """A counter, None where it is rounded to thousands or not shown."""
    return int(text) if text.isdecimal() and text.isascii() else None


class RuleReader:
    """Rules of one chain after the other; what a listing says twice is understood once."""

    def __init__(self, family: int) -> None:
        self.family = family
        self._cache = RuleCache(family)
        self._declared: frozenset[str] = frozenset()

    def enter_table(self, declared: frozenset[str]) -> None:
        """Say which chains of the table are listed."""
        self._declared = declared
        self._cache.enter_table(declared)

    def rule(self, chain: str, columns: Columns, layout: Layout, origin: Origin) -> Rule:
        """The rule of a line, with an opaque test for each thing that the line leaves open (LST-5)."""
        words, doubts = _tests(columns, self.family)
        if not layout.verbose:
            doubts.append(WITHOUT_INTERFACES)
        extension = "" if self._is_chain(columns) else columns.target
        ways = readings(columns.text, extension)
        if not ways:
            return self._riddle(chain, words, doubts, columns, origin)
        first, (certain, uncertain) = ways[0], _agreed(ways, columns.text)
        kept = [each for each in first.matches if each.name == "comment" or (each in certain and self._whole(each))]
        doubts += [doubt for each in certain for doubt in each.doubts]
        options = () if first.target is None else first.target.options
        rule = self._written(chain, words, kept, columns, options, origin)
        tests = [rule.match, *([Opaque(HIDDEN.format(columns.text))] if uncertain else []), *map(Opaque, doubts)]
        effect = rule.effect
        if any(way.target != first.target for way in ways) or (options and _many_quotes(columns.text)):
            effect = Unknown(f"-j {extension}: the listing hides its options: {columns.text}")
        elif first.target is not None and first.target.doubts:
            effect = Unknown(f"-j {extension}: {'; '.join(first.target.doubts)}")
        return rule if len(tests) == 1 and effect is rule.effect else replace(rule, match=all_of(*tests), effect=effect)

    def _is_chain(self, columns: Columns) -> bool:
        name = columns.target
        return not name or columns.goto or name in self._declared or listing_of_target(name) is None

    def _riddle(self, chain: str, words: list[str], doubts: list[str], columns: Columns, origin: Origin) -> Rule:
        """A line whose text is not understood as a whole: the columns and what stands before are, the rest is opaque."""
        known = beginning(columns.text)
        safe = [each for each in _outside(known.matches) if self._whole(each)] if "*/" not in known.rest else []
        listing = None if self._is_chain(columns) else listing_of_target(columns.target)
        plain = listing is None or (listing.silent and not listing.pieces)
        bare = columns if plain else replace(columns, target="")
        rule = self._written(chain, words, safe, bare, (), origin)
        left = known.rest if safe else columns.text
        doubts = [*doubts, *(doubt for each in safe for doubt in each.doubts), f"not understood in a listing: {left}"]
        effect = rule.effect if plain else Unknown(f"-j {columns.target}: options not understood in a listing: {left}")
        jump = f" -j {columns.target}" if columns.target else ""
        text = f"-A {chain} {' '.join(words)} {' '.join(columns.text.split())}{jump}"
        return replace(rule, match=all_of(rule.match, *map(Opaque, doubts)), effect=effect, text=" ".join(text.split()))

    def _written(
        self,
        chain: str,
        words: list[str],
        matches: list[Extension],
        columns: Columns,
        options: tuple[Option, ...],
        origin: Origin,
    ) -> Rule:
        """The rule in the words of iptables-save, read as it is read there."""
        line = [*words]
        for each in matches:
            line += ["-m", each.name, *_words(each.options)]
        if columns.target:
            line += ["-g" if columns.goto else "-j", columns.target, *_words(options)]
        text = spell_rule(chain, read_rule(line, self.family, self._declared))
        rest = text.removeprefix(f"-A {chain}")
        match, effect, comments, _ = self._cache.read(rest)
        counted = exact_count(columns.packets)
        return Rule(match, effect, origin, text, comments, counted, self._cache.asked(rest, effect))

    def _whole(self, extension: Extension) -> bool:
        """Whether what is shown of an extension is a use of it; without its only option, it may be none."""
        if not extension.doubts:
            return True
        try:
            self._match(extension)
        except (Malformed, Unsupported):
            return False
        return True

    def _match(self, extension: Extension) -> Predicate:
        use = Use(extension.name, find_match(extension.name), list(extension.options))
        return match_of(use, self.family).meaning()


def _tests(columns: Columns, family: int) -> tuple[list[str], list[str]]:
    """The built-in tests as words, and what the columns leave open."""
    words: list[str] = []
    doubts: list[str] = []
    for flag, text in (("-s", columns.source), ("-d", columns.destination)):
        bare = text.removeprefix("!")
        if ADDRESSES[family].fullmatch(bare):
            if text != EVERYWHERE[family]:
                words += ["!", flag, bare] if text != bare else [flag, bare]
        elif text != "anywhere":
            doubts.append(f"{bare!r} is a name where -n would have shown an address")
    for flag, text in (("-i", columns.incoming), ("-o", columns.outgoing)):
        bare = text.removeprefix("!")
        if text and text not in ("*", "any"):
            words += ["!", flag, bare] if text != bare else [flag, bare]
    bare = columns.protocol.removeprefix("!")
    number = int(bare) if bare.isdecimal() else NUMBERS.get(bare.lower())
    if number is None:
        doubts.append(f"{bare!r} is no name of a protocol that is known here")
    elif number or bare != columns.protocol:
        words += [*(["!"] if bare != columns.protocol else []), "-p", spell_protocol(number)]
    return words + FRAGMENTS[columns.fragment].split(), doubts


def _agreed(ways: tuple[Reading, ...], text: str) -> tuple[list[Extension], list[Extension]]:
    """The tests that are in every reading, and those that are only in some or may be part of somebody's text."""
    counts = [Counter(way.tests()) for way in ways]
    common, every = counts[0].copy(), counts[0].copy()
    for count in counts[1:]:
        common &= count
        every |= count
    if _many_quotes(text):
        common = Counter({each: number for each, number in common.items() if each.name in FREE_TEXT})
    return list(common.elements()), list((every - common).elements())


def _many_quotes(text: str) -> bool:
    """Whether a string may end later than it seems."""
    return text.count('"') > 2


def _outside(matches: tuple[Extension, ...]) -> list[Extension]:
    """The matches, without what stands between two comments and may be part of one."""
    comments = [place for place, each in enumerate(matches) if each.name == "comment"]
    return [
        each
        for place, each in enumerate(matches)
        if each.name == "comment" or not comments or not comments[0] < place < comments[-1]
    ]


def _words(options: tuple[Option, ...]) -> list[str]:
    return [word for each in options for word in (*(["!"] if each.negated else []), each.flag, *each.arguments)]
