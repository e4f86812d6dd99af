"""Selectors of nodes, with the nodes that there are: the addresses of those that are selected.

Spec: specs/policies/cluster_network_policy.md (CNP-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from verifier.model.addresses import merge
from verifier.model.cluster import Node
from verifier.model.fields import NODE_ITSELF, End, Field, Label, Scope
from verifier.model.policy import Policy, PolicyRule
from verifier.model.predicate import All, AnyOf, InRange, LabelIn, Not, Predicate, any_of

_FIELDS = {End.SOURCE: Field.SOURCE, End.DESTINATION: Field.DESTINATION}


def with_nodes(policy: Policy, nodes: Mapping[str, Node]) -> Policy:
    """The policy with addresses in place of selectors of nodes; as it is where no node is known."""
    if not nodes or not any(_asks(rule.peer) for rule in policy.rules):
        return policy
    return replace(policy, rules=tuple(_resolved(rule, tuple(nodes.values())) for rule in policy.rules))


def _asks(predicate: Predicate) -> bool:
    """Whether a predicate asks for labels of nodes."""
    match predicate:
        case LabelIn(label):
            return label.scope is Scope.NODE
        case All(parts) | AnyOf(parts):
            return any(map(_asks, parts))
        case Not(part):
            return _asks(part)
        case _:
            return False


def _resolved(rule: PolicyRule, nodes: tuple[Node, ...]) -> PolicyRule:
    wide = tuple(replace(each, peer=_with(each.peer, nodes)) for each in rule.readings)
    return replace(rule, peer=_with(rule.peer, nodes), readings=wide)


def _with(predicate: Predicate, nodes: tuple[Node, ...]) -> Predicate:
    """The predicate with addresses where a conjunction speaks of one node; such conjunctions stand among peers."""
    match predicate:
        case AnyOf(parts):
            return any_of(*(_with(part, nodes) for part in parts))
        case _ if _asks(predicate):
            end = next(_ends(predicate))
            return _addresses(_FIELDS[end], [node for node in nodes if _selects(predicate, node)])
        case _:
            return predicate


def _ends(predicate: Predicate) -> Iterator[End]:
    match predicate:
        case LabelIn(label):
            yield label.end
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _ends(part)
        case Not(part):
            yield from _ends(part)


def _selects(predicate: Predicate, node: Node) -> bool:
    match predicate:
        case LabelIn(Label(key=key), values):
            value = node.labels.get(key)
            return key == NODE_ITSELF or (value is not None and (values is None or value in values))
        case All(parts):
            return all(_selects(part, node) for part in parts)
        case Not(part):
            return not _selects(part, node)
        case _:
            return False


def _addresses(field: Field, nodes: list[Node]) -> Predicate:
    by_family = {
        family: merge((address, address) for node in nodes for known, address in node.addresses if known == family)
        for family in (4, 6)
    }
    return any_of(*(InRange(field, ranges, family) for family, ranges in by_family.items() if ranges))
