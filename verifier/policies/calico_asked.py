"""The sets of things that Felix keeps for the rules of a policy: one for each end of a rule that names things by labels.

Spec: specs/calico_selectors.md (CSL-9)
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.model.asked import AskedSet
from verifier.model.document import Part
from verifier.model.fields import TCP, End
from verifier.model.policy import Direction
from verifier.policies.calico_fields import WITH_PORTS, ports
from verifier.policies.calico_fields import protocol as protocol_of
from verifier.policies.calico_labels import meaning
from verifier.policies.calico_rules import Home
from verifier.policies.calico_selector import (
    NAMESPACE,
    SERVICE_ACCOUNT,
    Compare,
    Comparison,
    Conjunction,
    Everything,
    Negation,
    OneOf,
    Selector,
    canonical,
    of_namespaces,
    of_service_accounts,
    selector_of,
)

ENDS = ("source", "destination")


def asked_sets(spec: Part, home: Home) -> Iterator[AskedSet]:
    """The sets of all rules in their order, also of rules that decide nothing; the same one as often as it is asked."""
    for direction in Direction:
        for index, rule in enumerate(spec.parts(direction.value)):
            protocol = protocol_of(rule, "protocol", home.wording)
            for name in ENDS:
                where = f"the {name} of {direction.value}[{index}]"
                yield from _of_end(rule.child(name), protocol, home.namespace, where)


def _of_end(entity: Part, protocol: int | None, namespace: str, where: str) -> Iterator[AskedSet]:
    chosen, excluded = chosen_things(entity, namespace), selector_of(entity, "notSelector")
    if chosen is not None and excluded is not None:
        chosen, excluded = Conjunction((chosen, Negation(excluded))), None
    named = [name for key in ("ports", "notPorts") for name in ports(entity, key)[1]]
    for port in named:
        among = chosen or Everything()
        number = protocol if protocol in WITH_PORTS and protocol is not None else TCP
        yield AskedSet(canonical(among), meaning(among, End.SOURCE), where, (number, port))
    numbers, names = ports(entity, "ports")
    for each in (chosen if numbers or not names else None, excluded):
        if each is not None:
            yield AskedSet(canonical(each), meaning(each, End.SOURCE), where)


def chosen_things(entity: Part, namespace: str) -> Selector | None:
    """What one end of a rule asks of a thing as one selector, apart from notSelector; None where it asks nothing.

    `namespace` is that of the policy, "" where it has none.
    """
    spaces, selector = selector_of(entity, "namespaceSelector"), selector_of(entity, "selector")
    own = [each for each in (_accounts(entity), selector) if each is not None]
    things = Conjunction(tuple(own)) if len(own) > 1 else own[0] if own else None
    if spaces is not None:
        home: Selector | None = of_namespaces(spaces)
    elif namespace and (things is not None or selector_of(entity, "notSelector") is not None):
        home = Compare(NAMESPACE, Comparison.EQUALS, namespace)
    else:
        home = None
    if home is None or things is None:
        return things or home
    return Conjunction((home, things))


def _accounts(entity: Part) -> Selector | None:
    found = entity.child("serviceAccounts")
    chosen, names = selector_of(found, "selector"), found.texts("names")
    parts = [] if chosen is None else [of_service_accounts(chosen)]
    if names:
        parts.append(OneOf(SERVICE_ACCOUNT, tuple(sorted(set(names), key=str.encode))))
    return Conjunction(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None
