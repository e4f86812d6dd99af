"""Rules by their wording: the same words are understood once and share what they mean.

A dump repeats itself: thousands of rules are made of some hundred pieces. A rule is cut at its ` -m ` and its target,
and each piece is looked up. A piece counts only when it holds exactly one extension with its own options, each with all
its arguments; then the cuts were at real options and word by word reading would find the same. Every other rule is read
word by word.

Spec: specs/chains/dump.md
"""

from __future__ import annotations

import re
from typing import TypeAlias

from verifier.matches import find_match
from verifier.matches.builtin import MODULE as BUILTIN
from verifier.matches.module import MatchModule
from verifier.model.effect import Assign, Call, Continue, Copy, Effect, Goto
from verifier.model.extension import Option, Unsupported
from verifier.model.fields import Field
from verifier.model.predicate import TRUE, Predicate
from verifier.readers.conjunction import conjunction, interned
from verifier.readers.rule import read_rule
from verifier.readers.words import split_words, unescape
from verifier.targets import find_target
from verifier.targets.module import TargetModule

COMMENT = re.compile(r' -m comment --comment (?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"\\]+))(?= |$)')
Understood: TypeAlias = tuple[Predicate, Effect]
NO_COMMENTS: tuple[str, ...] = ()


class RuleCache:
    """What the rules of one family mean, by their wording."""

    def __init__(self, family: int) -> None:
        self.family = family
        self.declared: frozenset[str] = frozenset()
        self._rules: dict[str, Understood] = {}
        self._matches: dict[str, Predicate] = {}
        self._pieces: dict[str, tuple[Predicate, ...] | None] = {"": ()}
        self._parts: dict[Predicate, Predicate] = {}
        self._targets: dict[str, tuple[Effect, Predicate] | None] = {}
        self._by_words: dict[str, tuple[Predicate, Effect, tuple[str, ...], int | None]] = {}
        self._asked: dict[str, Predicate] = {}

    def enter_table(self, declared: frozenset[str]) -> None:
        """Say which chains the table declares: a jump to one of them is never a target extension."""
        if declared != self.declared:
            self.declared = declared
            self._rules.clear()
            self._targets.clear()
            self._by_words.clear()
            self._asked.clear()

    def read(self, text: str) -> tuple[Predicate, Effect, tuple[str, ...], int | None]:
        """Match, effect, comments and own counter of a rule from its text after `-A CHAIN`.

        Malformed where it is no rule.
        """
        comments = NO_COMMENTS
        bare = text
        if "--comment" in text:
            comments = tuple([quoted or plain for quoted, plain in COMMENT.findall(text)])
            bare = COMMENT.sub("", text)
            if "\\" in text:
                comments = tuple(map(unescape, comments))
        found = self._rules.get(bare)
        if found is None:
            understood = None if '"' in bare or "\t" in bare else self._by_pieces(bare)
            if understood is None:
                return self._by_word(text)
            found = self._rules[bare] = understood
        return (*found, comments, None)

    def asked(self, text: str, effect: Effect) -> Predicate | None:
        """What a rule that was read asks, where its target does nothing to some packets that it matches; else None."""
        if type(effect) is not Copy and not (type(effect) is Assign and effect.field is Field.CONNMARK):
            return None
        if text not in self._asked:
            self._asked[text] = read_rule(split_words(text), self.family, self.declared).asked()
        return self._asked[text]

    def _by_word(self, text: str) -> tuple[Predicate, Effect, tuple[str, ...], int | None]:
        found = self._by_words.get(text)
        if found is None:
            rule = read_rule(split_words(text), self.family, self.declared)
            found = self._by_words[text] = (rule.meaning(), rule.effect(), rule.comments(), rule.packets)
        return found

    def _by_pieces(self, text: str) -> Understood | None:
        cut = max(text.rfind(" -j "), text.rfind(" -g "))
        target = text[cut + 1 :] if cut >= 0 else ""
        if target not in self._targets:
            self._targets[target] = self._target(target)
        done = self._targets[target]
        if done is None:
            return None
        match = self._match(text[:cut] if cut >= 0 else text, done[1])
        return None if match is None else (match, done[0])

    def _match(self, text: str, condition: Predicate) -> Predicate | None:
        key = text if condition is TRUE else f"{text} {condition}"
        found = self._matches.get(key)
        if found is not None:
            return found
        parts: list[Predicate] = []
        for number, piece in enumerate(text.split(" -m ")):
            known = self._pieces[piece] if piece in self._pieces else self._piece(piece, number)
            if known is None:
                return None
            parts += known
        parts += interned(condition, self._parts)
        self._matches[key] = meaning = conjunction(parts)
        return meaning

    def _piece(self, text: str, number: int) -> tuple[Predicate, ...] | None:
        """What a piece tests, None where it is not exactly one extension with its own options."""
        # Built-in tests begin with the blank before them, an extension's piece with its name: no text is both.
        if text and (text[0] == " ") is not (number == 0):
            return None
        words = text.split()
        module = find_match(words[0]) if number else BUILTIN
        options = None if module is None or module.name == "comment" else own_options(words[number > 0 :], module)
        parts = None
        if module is not None and options is not None:
            try:
                meaning = module.parse(options, self.family).meaning()
            except Unsupported:
                return None
            parts = interned(meaning, self._parts)
        self._pieces[text] = parts
        return parts

    def _target(self, text: str) -> tuple[Effect, Predicate] | None:
        if not text:
            return Continue(), TRUE
        flag, _, rest = text.partition(" ")
        name, *words = rest.split() or [""]
        if not name or name.startswith(("-", "!")):
            return None
        module = None if flag == "-g" or name in self.declared else find_target(name)
        if module is None:
            return None if words else (Goto(name) if flag == "-g" else Call(name), TRUE)
        options = own_options(words, module)
        if options is None:
            return None
        try:
            target = module.parse(options, self.family)
        except Unsupported:
            return None
        return target.effect(), target.condition()


def own_options(words: list[str], module: MatchModule | TargetModule) -> tuple[Option, ...] | None:
    """The words as options of one extension, None where they are not exactly that."""
    options: list[Option] = []
    flags: set[str] = set()
    position, end = 0, len(words)
    synonyms, arities = module.synonyms, module.arity
    while position < end:
        negated = words[position] == "!"
        position += negated
        if position == end:
            return None
        flag = words[position]
        flag = synonyms.get(flag, flag)
        arity = arities.get(flag)
        position += 1
        if arity is None or position + arity > end or flag in flags or (arity and words[position] == "!"):
            return None
        options.append(Option(flag, tuple(words[position : position + arity]), negated))
        flags.add(flag)
        position += arity
    return tuple(options)
