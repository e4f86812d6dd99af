"""Tests that the text of a rule alone would decide, and the kernel at its place in the tables does not.

Spec: specs/chains/traversal.md (CH-1, CH-2), specs/targets/ct.md (TC-3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from verifier.model.effect import Assign, Call, Continue, Copy, Goto, Unknown, Untrack
from verifier.model.fields import Field
from verifier.model.ipset import IpSet
from verifier.model.predicate import All, AnyOf, InRange, Masked, Member, Named, Not, Opaque, Predicate
from verifier.model.ruleset import Chain, Rule, Ruleset

Key: TypeAlias = tuple[str, str]
OF_CONNECTIONS = (Field.STATE, Field.CT_STATUS, Field.CONNMARK)
AFTER_ROUTING = "POSTROUTING"
TO_THE_NODE = ("security", "INPUT")
OF_SENDERS = (Field.SOURCE, Field.SOURCE_PORT)
MARKS = (Field.MARK, Field.CONNMARK)


def with_unsettled(ruleset: Ruleset, sets: Mapping[str, IpSet]) -> Ruleset:
    """The rules, where what the kernel may answer in two ways is opaque."""
    changed: dict[Key, Chain] = {}
    for key in _below(ruleset, [key for key in ruleset.chains if key[1] == AFTER_ROUTING]):
        changed[key] = _mapped(ruleset.chains[key], lambda test: _of_wires(test, sets))
    marks = any(isinstance(rule.effect, Assign | Copy) for rule in _rules_of(ruleset, ("nat", "INPUT")))
    for key in _below(ruleset, [TO_THE_NODE]):
        changed[key] = _mapped(ruleset.chains[key], lambda test: _of_senders(test, marks=marks))
    raw = [key for key in ruleset.chains if key[0] == "raw"]
    if any(_attaches(rule) for key in raw for rule in ruleset.chains[key].rules):
        changed |= {key: _behind_templates(ruleset.chains[key]) for key in raw}
    return replace(ruleset, chains={**ruleset.chains, **changed}) if changed else ruleset


def _rules_of(ruleset: Ruleset, hook: Key) -> Iterator[Rule]:
    """The rules of a built-in chain and of all that it leads to."""
    for key in _below(ruleset, [hook]):
        yield from ruleset.chains[key].rules


def _of_senders(test: Predicate, *, marks: bool) -> str:
    """Why a test is not known in the security table's INPUT, which back ends ask before or after the source is translated (CH-1)."""
    asked = isinstance(test, InRange | Masked) and (test.field in OF_SENDERS or (marks and test.field in MARKS))
    if not asked and not (isinstance(test, Member) and "src" in test.directions):
        return ""
    return "the security table's INPUT comes before the nat table's to one back end and after it to the other"


def _below(ruleset: Ruleset, hooks: list[Key]) -> list[Key]:
    """The chains that packets may meet from these built-in ones on, as far as they are there."""
    found = [key for key in hooks if key in ruleset.chains]
    for table, name in found:
        for rule in ruleset.chains[table, name].rules:
            if isinstance(rule.effect, Call | Goto):
                key = (table, rule.effect.chain)
                if key in ruleset.chains and key not in found:
                    found.append(key)
    return found


def _of_wires(test: Predicate, sets: Mapping[str, IpSet]) -> str:
    """Why a test of the in-interface is not known after routing (CH-2), "" for another test."""
    if isinstance(test, Member):
        found = sets.get(test.name)
        kinds = [sets[each] for each in found.content.lists if each in sets] if found else []
        asked = any(each.content.kind == "hash:net,iface" for each in (*kinds, *([found] if found else [])))
        text = f"set {test.name} {','.join(test.directions)}" if asked and test.directions[1:2] == ("src",) else ""
    else:
        text = f"-i {test.name}" if isinstance(test, Named) and test.field is Field.IN_INTERFACE else ""
    return f"{text} after routing, where only kernels from 5.7 on know the in-interface" if text else ""


def _attaches(rule: Rule) -> bool:
    return isinstance(rule.effect, Continue) and rule.effect.attaches


def _behind_templates(chain: Chain) -> Chain:
    """A chain of the raw table in which a packet may have met `-j CT` already (TC-3)."""

    def why(test: Predicate) -> str:
        asked = isinstance(test, InRange | Masked) and test.field in OF_CONNECTIONS
        return "where -j CT was met before, a packet has a connection in the raw table" if asked else ""

    def settled(rule: Rule) -> Rule:
        if not isinstance(rule.effect, Untrack):
            return rule
        return replace(rule, effect=Unknown(f"{rule.text}: where -j CT was met before, the packet stays tracked"))

    mapped = _mapped(chain, why)
    return replace(mapped, rules=tuple(map(settled, mapped.rules)))


def _mapped(chain: Chain, why: Callable[[Predicate], str]) -> Chain:
    """The chain with the tests for which there is a reason opaque."""

    def changed(rule: Rule) -> Rule:
        match, asked = _test(rule.match, why), None if rule.asked is None else _test(rule.asked, why)
        return rule if match is rule.match and asked is rule.asked else replace(rule, match=match, asked=asked)

    return replace(chain, rules=tuple(map(changed, chain.rules)))


def _test(predicate: Predicate, why: Callable[[Predicate], str]) -> Predicate:
    """The test with such parts opaque; the same object where it has none."""
    match predicate:
        case All(parts) | AnyOf(parts):
            inner = tuple(_test(part, why) for part in parts)
            same = all(one is other for one, other in zip(inner, parts, strict=True))
            return predicate if same else type(predicate)(inner)
        case Not(part):
            kept = _test(part, why)
            return predicate if kept is part else Not(kept)
        case _:
            reason = why(predicate)
            return Opaque(reason) if reason else predicate
