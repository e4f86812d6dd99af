"""One rule, understood word by word: its built-in tests, its matches, its target; and printed back.

Spec: specs/chains/dump.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from verifier.matches import ALIASES, find_match
from verifier.matches.builtin import MODULE as BUILTIN
from verifier.matches.builtin import Builtin
from verifier.matches.comment import Comment
from verifier.matches.module import Match, MatchModule, OpaqueMatch
from verifier.matches.protocols import MODULES as PROTOCOL_MODULES
from verifier.matches.protocols import parse_protocol
from verifier.model.effect import Call, Continue, Effect, Goto, Unknown
from verifier.model.extension import Malformed, Option, Quoted, Unsupported, integer
from verifier.model.predicate import Predicate
from verifier.readers.conjunction import conjunction, interned
from verifier.targets import find_target
from verifier.targets.module import PlainTarget, Target, TargetModule, jump_wording

Module: TypeAlias = MatchModule | TargetModule


@dataclass(frozen=True, slots=True)
class Jump:
    """`-j NAME` or `-g NAME`; `target` is None for a user chain and for a name that is neither chain nor target."""

    flag: str
    name: str
    target: Target | None

    def effect(self) -> Effect:
        """What becomes of a packet that the rule matches."""
        if self.target is not None:
            return self.target.effect()
        return Goto(self.name) if self.flag == "-g" else Call(self.name)


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """A rule as it was written, without its chain; `packets` is its counter where the rule itself carries one."""

    builtin: Builtin
    matches: tuple[tuple[str, Match], ...]
    jump: Jump | None
    packets: int | None = None

    def meaning(self) -> Predicate:
        """The packets that it matches, and that its target touches."""
        return self._all(*(() if self.jump is None or self.jump.target is None else (self.jump.target.condition(),)))

    def asked(self) -> Predicate:
        """The packets that it matches, whether its target touches them or not."""
        return self._all()

    def _all(self, *more: Predicate) -> Predicate:
        known: dict[Predicate, Predicate] = {}
        tests = (self.builtin.meaning(), *(match.meaning() for _, match in self.matches), *more)
        return conjunction(part for test in tests for part in interned(test, known))

    def effect(self) -> Effect:
        """What it does to them."""
        return Continue() if self.jump is None else self.jump.effect()

    def comments(self) -> tuple[str, ...]:
        """The texts of its comments, in order."""
        return tuple(match.text for _, match in self.matches if isinstance(match, Comment) and match.text is not None)


def spell_rule(chain: str, rule: WrittenRule) -> str:
    """The rule as iptables-save prints it, without counters."""
    words = [f"-A {chain}", rule.builtin.spelling()]
    words += [f"-m {name} {match.spelling()}".rstrip() for name, match in rule.matches]
    if rule.jump is not None:
        options = "" if rule.jump.target is None else rule.jump.target.spelling()
        words.append(f"{rule.jump.flag} {rule.jump.name} {options}".rstrip())
    return " ".join(filter(None, words))


@dataclass(slots=True)
class Use:
    """One extension as a rule uses it, while its options are being gathered."""

    name: str
    module: Module | None
    options: list[Option] = field(default_factory=list)
    understood: bool = True

    def add(self, option: Option) -> None:
        """Take an option; one that was there with other arguments makes the use a riddle (DU-6)."""
        if option in self.options:
            return
        if any(option.flag == other.flag for other in self.options):
            self.understood = False
        self.options.append(option)


MOST_PACKETS = (1 << 64) - 1
LONG = {"--match": "-m", "--jump": "-j", "--goto": "-g", "--set-counters": "-c"}


class RuleWords:
    """The words of one rule on their way to a WrittenRule."""

    def __init__(self, words: list[str], family: int, declared: frozenset[str]) -> None:
        self.words = words
        self.family = family
        self.declared = declared
        self.position = 0
        self.builtin = Use("", BUILTIN)
        self.uses: list[Use] = []
        self.jump: tuple[str, Use] | None = None
        self.packets: int | None = None

    def read(self) -> WrittenRule:
        """Go through the words once."""
        while self.position < len(self.words):
            self._next()
        builtin = BUILTIN.parse(tuple(self.builtin.options), self.family)
        assert isinstance(builtin, Builtin)
        if not self.builtin.understood:
            raise Malformed("a built-in option appears twice")
        matches = tuple((use.name, match_of(use, self.family)) for use in self._matches())
        return WrittenRule(builtin, matches, self._jump(), self.packets)

    def _matches(self) -> list[Use]:
        return [use for use in self.uses if self.jump is None or use is not self.jump[1]]

    def _next(self) -> None:
        negated = self._take_negation()
        flag = self._take("an option")
        if flag.startswith("[") and not isinstance(flag, Quoted) and self.uses and not negated:
            self._take_remark(flag)
            return
        if isinstance(flag, Quoted) or not flag.startswith("-") or flag == "-":
            raise Malformed(f"{flag!r} is not an option")
        flag = LONG.get(flag, flag)
        if flag in ("-m", "-j", "-g", "-c"):
            if negated:
                raise Malformed(f"{flag} cannot be inverted")
            self._take_structure(flag)
        else:
            self._take_option(flag, negated=negated)

    def _take_remark(self, word: str) -> None:
        """`[unsupported revision]`: the tool that saved the rule could not print the extension (DU-6)."""
        start = self.position
        while not word.endswith("]"):
            word = self._take("a closing bracket")
        use = self.uses[-1]
        use.options.append(Option(self.words[start - 1], tuple(self.words[start : self.position])))
        use.understood = False

    def _take(self, what: str) -> str:
        if self.position >= len(self.words):
            raise Malformed(f"the line ends where {what} is expected")
        self.position += 1
        return self.words[self.position - 1]

    def _take_negation(self) -> bool:
        if self.words[self.position] == "!" and not isinstance(self.words[self.position], Quoted):
            self.position += 1
            return True
        return False

    def _take_structure(self, flag: str) -> None:
        name = self._take(f"the argument of {flag}")
        if flag == "-c":
            self._take("a byte counter")
            self.packets = integer(name, MOST_PACKETS)
        elif flag == "-m":
            self.uses.append(Use(ALIASES.get(name, name), find_match(name)))
        else:
            if self.jump is not None:
                raise Malformed("the rule has two targets")
            is_chain = flag == "-g" or name in self.declared
            use = Use(name, None if is_chain else find_target(name))
            self.jump = (flag, use)
            self.uses.append(use)

    def _take_option(self, flag: str, *, negated: bool) -> None:
        flag, equals, attached = flag.partition("=") if flag.startswith("--") else (flag, "", "")
        found = self._owner(flag)
        if found is None:
            self._take_unknown(flag, negated=negated)
            return
        use, name, arity = found
        if equals:
            self.words.insert(self.position, attached)
        if arity and not negated and self.position < len(self.words):
            negated = self._take_negation()
        arguments = tuple(self._take(f"argument {number} of {flag}") for number in range(1, arity + 1))
        use.add(Option(name, arguments, negated))

    def _owner(self, flag: str) -> tuple[Use, str, int] | None:
        """Who has the option: the built-in tests, else the extension named last, else the protocol's own (DU-5)."""
        known = _lookup(BUILTIN, flag)
        if known is not None:
            return self.builtin, *known
        for use in reversed(self.uses):
            if use.module is None and not self._is_chain(use):
                return None
            if (known := _lookup(use.module, flag)) is not None:
                return use, *known
        return self._abbreviated(flag) or self._of_protocol(flag)

    def _is_chain(self, use: Use) -> bool:
        return self.jump is not None and use is self.jump[1] and (self.jump[0] == "-g" or use.name in self.declared)

    def _of_protocol(self, flag: str) -> tuple[Use, str, int] | None:
        protocols = [option for option in self.builtin.options if option.flag == "-p" and not option.negated]
        name = PROTOCOL_MODULES.get(parse_protocol(protocols[0].arguments[0])) if protocols else None
        module = find_match(name) if name else None
        if name is None or module is None or any(use.name == name for use in self.uses):
            return None
        known = _lookup(module, flag)
        if known is None:
            return None
        use = Use(name, module)
        self.uses.append(use)
        return use, *known

    def _abbreviated(self, flag: str) -> tuple[Use, str, int] | None:
        """An unambiguous beginning of a long option will do."""
        if not flag.startswith("--") or len(flag) < 4:
            return None
        found: dict[tuple[int, str], tuple[Use, str, int]] = {}
        for use in (self.builtin, *self.uses):
            for name in _long_names(use.module):
                if name.startswith(flag):
                    known = _lookup(use.module, name)
                    assert known is not None
                    found[id(use), known[0]] = (use, *known)
        return next(iter(found.values())) if len(found) == 1 else None

    def _take_unknown(self, flag: str, *, negated: bool) -> None:
        """An option that nobody has: its arguments end where the next option begins, its owner is a riddle (DU-6)."""
        arguments = []
        while self.position < len(self.words):
            word = self.words[self.position]
            if not isinstance(word, Quoted) and (word == "!" or word.startswith("-")):
                break
            arguments.append(word)
            self.position += 1
        if not self.uses:
            raise Malformed(f"{flag!r} is not an option that a rule can have here")
        use = self.uses[-1]
        use.options.append(Option(flag, tuple(arguments), negated))
        use.understood = False

    def _jump(self) -> Jump | None:
        if self.jump is None:
            return None
        flag, use = self.jump
        if flag == "-g" or (use.module is None and not use.options):
            if use.options:
                raise Malformed(f"{use.options[0].flag} cannot follow the name of a chain")
            return Jump(flag, use.name, None)
        return Jump(flag, use.name, target_of(use, self.family))


def _lookup(module: Module | None, flag: str) -> tuple[str, int] | None:
    """The full name of an option and how many arguments it takes."""
    if module is None:
        return None
    name = module.synonyms.get(flag, flag)
    arity = module.arity.get(name)
    return None if arity is None else (name, arity)


def _long_names(module: Module | None) -> tuple[str, ...]:
    names: Mapping[str, object] = {} if module is None else {**module.arity, **module.synonyms}
    return tuple(name for name in names if name.startswith("--"))


def match_of(use: Use, family: int) -> Match:
    """What the use of a match extension says; opaque where it is not understood."""
    options = tuple(use.options)
    if use.module is None or not use.understood:
        return OpaqueMatch(use.name, options)
    assert isinstance(use.module, MatchModule)
    try:
        return use.module.parse(options, family)
    except Unsupported:
        return OpaqueMatch(use.name, options)


def target_of(use: Use, family: int) -> Target:
    """What the use of a target extension says; unknown where it is not understood."""
    options = tuple(use.options)
    riddle = PlainTarget(Unknown(f"{jump_wording(use.name, options)}: this target is not understood"), options)
    if use.module is None or not use.understood:
        return riddle
    assert isinstance(use.module, TargetModule)
    try:
        return use.module.parse(options, family)
    except Unsupported:
        return riddle


def read_rule(words: list[str], family: int, declared: frozenset[str] = frozenset()) -> WrittenRule:
    """A rule from its words after `-A CHAIN`; `declared` are the table's own chains. Malformed for what is no rule."""
    return RuleWords(words, family, declared).read()
