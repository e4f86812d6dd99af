"""A node repaired in one respect: with sets that hold what they stand for, or with its compiler's own rules alone.

Spec: specs/questions/cause.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from verifier.model.effect import Assign, Call, Copy, Effect, Finish, Goto, Unknown, Verdict
from verifier.model.ipset import IpSet, SetContent
from verifier.model.node import NodeState
from verifier.model.path import BUILT_IN_CHAINS
from verifier.model.predicate import sets_of
from verifier.model.profile import IdealSet, Profile
from verifier.model.ruleset import Chain, Rule, Ruleset

UNEXPLAINED = "no selector of a present policy has this name, so what it should hold is not known"


def wrong_sets(node: NodeState, ideal: Mapping[str, IdealSet]) -> dict[str, IdealSet]:
    """The loaded sets that do not hold what they stand for."""
    loaded = node.sets or {}
    return {name: each for name, each in ideal.items() if name in loaded and each.content is not loaded[name]}


def with_ideal_sets(node: NodeState, wrong: Mapping[str, IdealSet]) -> NodeState:
    """The node with ideal sets in place of loaded ones (WHY-2)."""
    sets = dict(node.sets or {})
    sets.update({name: each.content for name, each in wrong.items()})
    return replace(node, sets=sets)


def unexplained(node: NodeState, profile: Profile, ideal: Mapping[str, IdealSet]) -> tuple[str, ...]:
    """The sets that rules ask about, whose names the compiler computes, but from nothing that it has now."""
    asked: dict[str, None] = {}
    for ruleset in node.rulesets.values():
        seen: set[int] = set()
        for chain in ruleset.chains.values():
            for rule in chain.rules:
                if id(rule.match) not in seen:
                    seen.add(id(rule.match))
                    asked.update(dict.fromkeys(sets_of(rule.match)))
    return tuple(name for name in asked if profile.computed_set(name) and name not in ideal)


def without_knowledge(node: NodeState, names: tuple[str, ...]) -> NodeState:
    """The node with sets of which nothing is known: whatever they hold (WHY-5)."""
    sets = dict(node.sets or {})
    for name in names:
        known = sets.get(name)
        if known is not None:
            unknown = SetContent(known.content.kind, known.content.dimensions, (), (), UNEXPLAINED)
            sets[name] = IpSet(known.name, known.family, unknown, known.origin, known.options)
    return replace(node, sets=sets)


@dataclass(frozen=True, slots=True)
class Alone:
    """A node without anybody else's rules: `foreign` are those that nobody meets any more, `missing` the jumps put in.

    `node` is None where there was nothing to leave out or put in; and where nobody knows how the compiler enters its
    chains, so that its rules cannot be told from others': then it is not `separable`.
    """

    node: NodeState | None
    foreign: frozenset[Rule]
    missing: tuple[tuple[int, str, str, str], ...]  # family, table, built-in chain, chain that it should enter
    separable: bool = True


def alone(node: NodeState, profile: Profile) -> Alone:
    """The node with nothing but its compiler's chains, entered as the compiler enters them (WHY-3)."""
    tables = {(table, chain) for ruleset in node.rulesets.values() for table, chain in ruleset.chains}
    if not any(profile.own_chain(*key) and profile.jumps(*hook) for key in tables for hook in tables):
        return Alone(None, frozenset(), (), separable=False)
    signed = _signed(node, profile)
    rulesets: dict[int, Ruleset] = {}
    foreign: set[Rule] = set()
    missing: list[tuple[int, str, str, str]] = []
    changed = False
    for family, ruleset in node.rulesets.items():
        chains: dict[tuple[str, str], Chain] = {}
        for key, chain in ruleset.chains.items():
            kept = tuple(rule for rule in chain.rules if _stays(rule, chain, profile, signed))
            jumps = _missing_jumps(ruleset, chain, kept, profile)
            missing += [(family, chain.table, chain.name, _entered(jump.effect)) for jump in jumps]
            policy = Verdict.ACCEPT if chain.policy is Verdict.DROP else chain.policy
            altered = len(kept) != len(chain.rules) or bool(jumps) or policy is not chain.policy
            changed = changed or altered
            left = set(map(id, kept)) if _nearby(chain, profile) else ()
            foreign |= {rule for rule in chain.rules if id(rule) not in left}
            chains[key] = (
                replace(chain, rules=_entering(chain, kept, jumps, profile), policy=policy) if altered else chain
            )
        rulesets[family] = replace(ruleset, chains=chains)
    return Alone(replace(node, rulesets=rulesets) if changed else None, frozenset(foreign), tuple(missing))


def _nearby(chain: Chain, profile: Profile) -> bool:
    """Whether the chain is the kernel's or the compiler's: every rule of any other is somebody else's."""
    return chain.name in BUILT_IN_CHAINS or profile.own_chain(chain.table, chain.name)


def _signed(node: NodeState, profile: Profile) -> bool:
    """Whether the compiler's signature can be relied on: most rules of its own chains bear it."""
    own = all_ = 0
    for ruleset in node.rulesets.values():
        for (table, name), chain in ruleset.chains.items():
            if profile.own_chain(table, name):
                all_ += len(chain.rules)
                own += sum(profile.own_rule(table, name, rule) for rule in chain.rules)
    return 2 * own > all_


def _stays(rule: Rule, chain: Chain, profile: Profile, signed: bool) -> bool:
    """Whether a rule is the compiler's own, or nobody ever meets it, or it only translates addresses."""
    if profile.own_chain(chain.table, chain.name):
        return not signed or profile.own_rule(chain.table, chain.name, rule)
    if chain.name in BUILT_IN_CHAINS:
        target = _entered(rule.effect)
        if target and profile.own_chain(chain.table, target):
            return True
        if signed and profile.own_rule(chain.table, chain.name, rule):
            return True
    if chain.table == "nat":
        return not _decides(rule.effect)
    return chain.name not in BUILT_IN_CHAINS


def _decides(effect: Effect) -> bool:
    """Whether a rule of the nat table can do more than translate: drop, set a mark, or something not known."""
    return isinstance(effect, Assign | Copy | Unknown) or (
        isinstance(effect, Finish) and effect.verdict is Verdict.DROP
    )


def _entered(effect: Effect) -> str:
    return effect.chain if isinstance(effect, Call | Goto) else ""


def _entering(chain: Chain, kept: tuple[Rule, ...], missing: tuple[Rule, ...], profile: Profile) -> tuple[Rule, ...]:
    """The compiler's rules with the jumps that are missing, all jumps first and in the compiler's order."""
    if not missing:
        return kept
    there = {_entered(rule.effect): rule for rule in reversed(kept)}
    added = {_entered(jump.effect) for jump in missing}
    targets = [_entered(jump.effect) for jump in profile.jumps(chain.table, chain.name)]
    jumps = [
        next(j for j in missing if _entered(j.effect) == each) if each in added else there.get(each) for each in targets
    ]
    front = [jump for jump in jumps if jump is not None]
    known = set(map(id, front))
    return (*front, *(rule for rule in kept if id(rule) not in known))


def _missing_jumps(ruleset: Ruleset, chain: Chain, kept: tuple[Rule, ...], profile: Profile) -> tuple[Rule, ...]:
    """The compiler's jumps into chains that exist and that nothing in this built-in chain enters."""
    if chain.policy is None:
        return ()
    entered = {_entered(rule.effect) for rule in kept}
    wanted = (jump for jump in profile.jumps(chain.table, chain.name))
    return tuple(
        jump
        for jump in wanted
        if (chain.table, _entered(jump.effect)) in ruleset.chains and _entered(jump.effect) not in entered
    )
