"""Every rule and set of the recordings is read, printed back, and understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus_path import corpus
from verifier.model.effect import Unknown
from verifier.model.predicate import All, AnyOf, Not, Opaque, Predicate
from verifier.model.ruleset import Ruleset
from verifier.readers.ipset_save import read_sets
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.rule import read_rule, spell_rule
from verifier.readers.words import split_words

COMPILERS = ("azure", "calico", "kube-router", "weave")
OPAQUE_EXTENSIONS = ("-m limit ", "-m statistic ", "-m recent --rcheck ", "rpfilter")
"""What the four compilers and kube-proxy use that has no static meaning."""


def rulesets(compiler: str) -> list[Ruleset]:
    files = sorted(corpus(compiler).glob("*/nodes/*/ip*tables-save"))
    return [read_ruleset(path.read_text(), str(path), 6 if path.name.startswith("ip6") else 4) for path in files]


def opaque(predicate: Predicate) -> set[str]:
    match predicate:
        case All(parts) | AnyOf(parts):
            return {text for part in parts for text in opaque(part)}
        case Not(part):
            return opaque(part)
        case Opaque(text):
            return {text}
        case _:
            return set()


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_recorded_rule_prints_back(compiler: str) -> None:
    """Word for word, and it means the same read by pieces and word by word."""
    count = 0
    for ruleset in rulesets(compiler):
        declared = {
            table: frozenset(c.name for c in ruleset.chains.values() if c.table == table and c.policy is None)
            for table, _ in ruleset.chains
        }
        for chain in ruleset.chains.values():
            for rule in chain.rules:
                alone = read_rule(split_words(rule.text)[2:], ruleset.family, declared[chain.table])
                assert spell_rule(chain.name, alone) == rule.text, rule.origin
                assert (alone.meaning(), alone.effect(), alone.comments()) == (rule.match, rule.effect, rule.comments)
                count += 1
    assert count > 500


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_recorded_rule_is_understood(compiler: str) -> None:
    """Only the extensions known to have no static meaning are opaque, and no target is unknown."""
    rules = [rule for ruleset in rulesets(compiler) for chain in ruleset.chains.values() for rule in chain.rules]
    texts = {text for rule in rules for text in opaque(rule.match)}
    assert {text for text in texts if not text.startswith(OPAQUE_EXTENSIONS)} == set()
    assert [str(rule.origin) for rule in rules if isinstance(rule.effect, Unknown)] == []


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_recorded_set_is_understood(compiler: str) -> None:
    """All members are there, and nothing is opaque."""
    files = sorted(corpus(compiler).glob("*/nodes/*/ipset-save"))
    assert files
    for path in files:
        _check_sets(path)


def _check_sets(path: Path) -> None:
    text = path.read_text()
    sets = read_sets(text, str(path))
    lines = text.splitlines()
    assert len(sets) == sum(line.startswith("create ") for line in lines)
    held = sum(len(found.content.members) + len(found.content.lists) for found in sets.values())
    assert held == sum(line.startswith("add ") for line in lines)
    assert {found.content.opaque for found in sets.values()} == {""}
    for found in sets.values():
        assert lines[found.origin.line - 1].startswith(f"create {found.name} ")
    assert {name for found in sets.values() for name in found.content.lists} <= sets.keys()
