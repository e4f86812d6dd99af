"""NetworkPolicy: what is refused and why, and the core form of what is not."""

from __future__ import annotations

from typing import Any

import pytest

from verifier.model.document import Part
from verifier.model.fields import NAMESPACE_NAME, SCTP, TCP, UDP, End, Field, Label, Scope
from verifier.model.origin import InputError, Origin
from verifier.model.policy import Action, Direction, Policy
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    Declared,
    InRange,
    LabelIn,
    Not,
    PortNamed,
    Predicate,
    equals,
)
from verifier.policies.kind import Shared
from verifier.policies.network_policy import MODULE
from verifier.readers.documents import read_documents

HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec:\n"


def read(text: str) -> Policy:
    [document] = read_documents(text, "p.yaml")
    return MODULE.translate(Part("p.yaml", "", document.entries), Shared())


def spec(text: str) -> Policy:
    """The policy whose spec is `text`, which begins on line 5."""
    return read(HEAD + "".join(f"  {line}\n" for line in text.strip().splitlines()))


def peer(text: str, direction: str = "ingress") -> Predicate:
    policy = spec(f"podSelector: {{}}\n{direction}:\n- {'from' if direction == 'ingress' else 'to'}: [{text}]")
    return policy.rules[-1].peer


def ports(text: str) -> Predicate:
    return spec(f"podSelector: {{}}\ningress:\n- ports: {text}").rules[0].ports


def pod(end: End, key: str, *values: str) -> LabelIn:
    return LabelIn(Label(end, Scope.POD, key), frozenset(values) if values else None)


def space(end: End, key: str, *values: str) -> LabelIn:
    return LabelIn(Label(end, Scope.NAMESPACE, key), frozenset(values) if values else None)


SRC, DST = End.SOURCE, End.DESTINATION
IS_POD = space(SRC, NAMESPACE_NAME)
HOME = space(SRC, NAMESPACE_NAME, "shop")

PEERS: list[tuple[str, Predicate]] = [
    ("{podSelector: {}}", HOME),
    ("{podSelector: {matchLabels: {a: b}}}", All((HOME, pod(SRC, "a", "b")))),
    ("{podSelector: {matchLabels: {a: ''}}}", All((HOME, pod(SRC, "a", "")))),
    ("{namespaceSelector: {}}", IS_POD),
    ("{namespaceSelector: {}, podSelector: null}", IS_POD),
    ("{namespaceSelector: {}, podSelector: {}}", IS_POD),
    ("{namespaceSelector: {matchLabels: {team: x}}}", All((IS_POD, space(SRC, "team", "x")))),
    (
        "{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}",
        All((IS_POD, Not(space(SRC, "team")))),
    ),
    (
        "{namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchLabels: {a: b}}}",
        All((IS_POD, space(SRC, "team", "x"), pod(SRC, "a", "b"))),
    ),
    (
        "{podSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d, e]}]}}",
        All((HOME, pod(SRC, "a", "b"), pod(SRC, "c", "d", "e"))),
    ),
    (
        "{podSelector: {matchExpressions: [{key: c, operator: NotIn, values: [d]}]}}",
        All((HOME, Not(pod(SRC, "c", "d")))),
    ),
    ("{podSelector: {matchExpressions: [{key: c, operator: Exists}]}}", All((HOME, pod(SRC, "c")))),
    (
        "{podSelector: {}}, {ipBlock: {cidr: 10.0.0.1/32}}",
        AnyOf((HOME, InRange(Field.SOURCE, ((0x0A000001,) * 2,), 4))),
    ),
    ("{ipBlock: {cidr: 0.0.0.0/0}}", InRange(Field.SOURCE, ((0, 2**32 - 1),), 4)),
    ("{ipBlock: {cidr: '::/0'}}", InRange(Field.SOURCE, ((0, 2**128 - 1),), 6)),
    ("{ipBlock: {cidr: 10.0.0.77/24}}", FALSE),
    ("{ipBlock: {cidr: 010.00.000.0/8}}", InRange(Field.SOURCE, ((0x0A000000, 0x0AFFFFFF),), 4)),
    (
        "{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.0/30, 10.0.0.128/25, 10.0.0.2/32, 10.0.0.129/26]}}",
        InRange(Field.SOURCE, ((0x0A000004, 0x0A00007F),), 4),
    ),
    (
        "{ipBlock: {cidr: 'fd00::/126', except: ['fd00::1/128']}}",
        InRange(Field.SOURCE, ((0xFD << 120,) * 2, ((0xFD << 120) + 2, (0xFD << 120) + 3)), 6),
    ),
    ("{ipBlock: {cidr: 10.0.0.0/31, except: [10.0.0.0/32, 10.0.0.1/32]}}", InRange(Field.SOURCE, (), 4)),
]


@pytest.mark.parametrize(("text", "expected"), PEERS)
def test_peers(text: str, expected: Predicate) -> None:
    """A peer means the addresses or the pods that the API says, of one family or of one namespace."""
    assert peer(text) == expected


def test_an_egress_peer_speaks_of_the_destination() -> None:
    """The peers of an egress rule are destinations."""
    assert peer("{podSelector: {matchLabels: {a: b}}}", "egress") == All(
        (space(DST, NAMESPACE_NAME, "shop"), pod(DST, "a", "b"))
    )
    assert peer("{ipBlock: {cidr: 10.0.0.0/8}}", "egress") == InRange(Field.DESTINATION, ((0x0A000000, 0x0AFFFFFF),), 4)


def port(protocol: int, first: int, last: int) -> Predicate:
    return All((equals(Field.PROTOCOL, protocol), InRange(Field.DESTINATION_PORT, ((first, last),))))


PORTS: list[tuple[str, Predicate]] = [
    ("[]", TRUE),
    ("null", TRUE),
    ("[{}]", equals(Field.PROTOCOL, TCP)),
    ("[{protocol: null}]", equals(Field.PROTOCOL, TCP)),
    ("[{protocol: UDP}]", equals(Field.PROTOCOL, UDP)),
    ("[{port: 80}]", port(TCP, 80, 80)),
    ("[{port: 1, endPort: 65535, protocol: SCTP}]", port(SCTP, 1, 65535)),
    ("[{port: 80, endPort: 80}]", port(TCP, 80, 80)),
    ("[{port: http}]", PortNamed(TCP, "http", Declared.FIRST)),
    ("[{port: dns, protocol: UDP}, {port: 53}]", AnyOf((PortNamed(UDP, "dns", Declared.FIRST), port(TCP, 53, 53)))),
]


@pytest.mark.parametrize(("text", "expected"), PORTS)
def test_ports(text: str, expected: Predicate) -> None:
    """A port entry means a protocol, a range of its ports, or a name; no entry means everything."""
    assert ports(text) == expected


TYPES: list[tuple[str, set[Direction], list[str]]] = [
    ("", {Direction.INGRESS}, []),
    ("egress: []", {Direction.INGRESS}, []),
    ("egress: null", {Direction.INGRESS}, []),
    ("policyTypes: []", {Direction.INGRESS}, []),
    ("egress: [{}]", {Direction.INGRESS, Direction.EGRESS}, ["egress[0]"]),
    ("ingress: [{}]\negress: [{}, {}]", set(Direction), ["ingress[0]", "egress[0]", "egress[1]"]),
    ("policyTypes: [Egress]", {Direction.EGRESS}, []),
    ("policyTypes: [Egress]\ningress: [{}]", {Direction.EGRESS}, []),
    ("policyTypes: [Ingress]\negress: [{}]", {Direction.INGRESS}, []),
    ("policyTypes: [Egress, Ingress]\ningress: [null]", set(Direction), ["ingress[0]"]),
    ("policyTypes: [Ingress, Ingress]", {Direction.INGRESS}, []),
]


@pytest.mark.parametrize(("text", "directions", "rules"), TYPES)
def test_directions(text: str, directions: set[Direction], rules: list[str]) -> None:
    """policyTypes, or what stands for it, says in which directions the policy counts; other rules are ignored."""
    policy = spec("podSelector: {}\n" + text)
    assert set(policy.subjects) == directions
    assert [rule.text for rule in policy.rules] == rules
    assert all(rule.peer == rule.ports == TRUE and rule.action is Action.ALLOW for rule in policy.rules)


def test_the_subject_is_of_the_own_namespace() -> None:
    """Selected pods lie in the policy's namespace: destinations for ingress, sources for egress."""
    policy = spec("podSelector: {matchLabels: {a: b}}\npolicyTypes: [Ingress, Egress]")
    assert policy.name == "shop/p"
    assert policy.subjects == {
        Direction.INGRESS: All((space(DST, NAMESPACE_NAME, "shop"), pod(DST, "a", "b"))),
        Direction.EGRESS: All((space(SRC, NAMESPACE_NAME, "shop"), pod(SRC, "a", "b"))),
    }


@pytest.mark.parametrize("text", ["", "podSelector:", "podSelector: {}", "podSelector: {matchLabels: null}"])
def test_an_empty_selector_selects_every_pod_of_the_namespace(text: str) -> None:
    """Absent, null and empty podSelector mean the same."""
    assert spec(text or "ingress: []").subjects[Direction.INGRESS] == space(DST, NAMESPACE_NAME, "shop")


def test_without_namespace_it_is_default() -> None:
    """A manifest without namespace, or without spec, is a default-deny of the namespace `default`."""
    policy = read("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n")
    assert policy.name == "default/p"
    assert policy.subjects == {Direction.INGRESS: space(DST, NAMESPACE_NAME, "default")}


def test_origins() -> None:
    """The policy stands where its object starts, a rule where its item starts."""
    policy = spec("podSelector: {}\ningress:\n- from:\n  - podSelector: {}\n- ports:\n  - port: 1")
    assert policy.origin == Origin("p.yaml", 1)
    assert [rule.origin for rule in policy.rules] == [Origin("p.yaml", 7), Origin("p.yaml", 9)]


def test_equal_predicates_are_one_object() -> None:
    """Policies that repeat a selector share its predicate."""
    [document] = read_documents(
        HEAD + "  ingress: [{from: [{podSelector: {matchLabels: {a: b}}}], ports: [{port: 1}]}]", "p.yaml"
    )
    shared = Shared()
    one, two = (MODULE.translate(Part("p.yaml", "", document.entries), shared) for _ in range(2))
    assert one.rules[0].peer is two.rules[0].peer
    assert one.rules[0].ports is two.rules[0].ports
    assert one.subjects[Direction.INGRESS] is two.subjects[Direction.INGRESS]


LONG = "a" * 64
FAULTS: list[tuple[str, str, str, int]] = [
    # selectors (line 5 is podSelector's)
    ("podSelector: [a]", "spec.podSelector: expected a mapping, found a list", "fields below it", 5),
    ("podSelector: {matchLabels: [a]}", "spec.podSelector.matchLabels: expected a mapping", "", 5),
    ("podSelector: {matchLabels: {a: 1}}", "spec.podSelector.matchLabels.a: expected text, found the number 1", "quotes", 5),
    ("podSelector: {matchLabels: {a: true}}", "expected text, found true", "quotes", 5),
    ("podSelector: {matchLabels: {a: [b]}}", "expected text, found a list", "", 5),
    ("podSelector: {matchLabels: {'a b': c}}", "expected a label key, found 'a b'", "a label key is", 5),
    ("podSelector: {matchLabels: {'A/b/c': d}}", "expected a label key, found 'A/b/c'", "", 5),
    ("podSelector: {matchLabels: {'-a': d}}", "expected a label key, found '-a'", "", 5),
    ("podSelector: {matchLabels: {'': d}}", "expected a label key, found nothing", "", 5),
    (f"podSelector: {{matchLabels: {{{LONG}: d}}}}", "expected a label key, found 'aaa", "63", 5),
    (f"podSelector: {{matchLabels: {{a: {LONG}}}}}", "expected a label value, found 'aaa", "63", 5),
    ("podSelector: {matchLabels: {a: 'b c'}}", "spec.podSelector.matchLabels.a: expected a label value, found 'b c'", "", 5),
    ("podSelector: {matchLabels: {a: -b}}", "expected a label value, found '-b'", "", 5),
    ("podSelector: {matchlabels: {a: b}}", "spec.podSelector.matchlabels: no such field (is matchLabels meant?)", "", 5),
    ("podSelector: {app: b}", "spec.podSelector.app: no such field", "matchLabels, matchExpressions", 5),
    ("podSelector: {matchExpressions: {key: a}}", "expected a list, found a mapping", "", 5),
    ("podSelector: {matchExpressions: [a]}", "spec.podSelector.matchExpressions[0]: expected a mapping, found 'a'", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}", "expected In, NotIn, Exists or DoesNotExist, found 'in'", "four", 5),
    ("podSelector: {matchExpressions: [{key: a}]}", "operator: expected In, NotIn, Exists or DoesNotExist, found nothing", "", 5),
    ("podSelector: {matchExpressions: [null]}", "expected a label key, found nothing", "", 5),
    ("podSelector: {matchExpressions: [{operator: Exists}]}", "matchExpressions[0].key: expected a label key, found nothing", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: In}]}", "In needs at least one value", "Exists", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}", "NotIn needs at least one value", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}", "Exists takes no values, found 1", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}", "DoesNotExist takes no values", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: In, values: b}]}", "values: expected a list, found 'b'", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: In, values: [1]}]}", "values[0]: expected text, found the number 1", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: In, values: ['b c']}]}", "values[0]: expected a label value, found 'b c'", "", 5),
    ("podSelector: {matchExpressions: [{key: a, operator: In, value: [b]}]}", "value: no such field (is values meant?)", "", 5),
    # policyTypes
    ("policyTypes: [Ingress, Egress, Ingress]", "at most two entries, found 3", "once each", 5),
    ("policyTypes: [ingress]", "spec.policyTypes[0]: expected Ingress or Egress, found 'ingress'", "capital", 5),
    ("policyTypes: Ingress", "spec.policyTypes: expected a list, found 'Ingress'", "", 5),
    ("policyTypes: [null]", "expected Ingress or Egress, found nothing", "", 5),
    # rules and peers
    ("ingress: {}", "spec.ingress: expected a list, found a mapping", "", 5),
    ("ingress: [x]", "spec.ingress[0]: expected a mapping, found 'x'", "", 5),
    ("ingress:\n- to: []", "spec.ingress[0].to: no such field", "use one of ports, from", 6),
    ("egress:\n- from: []", "spec.egress[0].from: no such field", "use one of ports, to", 6),
    ("rules: []", "spec.rules: no such field", "podSelector, ingress, egress, policyTypes", 5),
    ("ingress:\n- {}\n- from:\n  - {}", "spec.ingress[1].from[0]: a peer with no field means nothing", "ipBlock, podSelector or namespaceSelector", 8),
    ("ingress:\n- from:\n  - null", "a peer with no field means nothing", "", 6),
    ("ingress:\n- from:\n  - podSelector: null", "a peer with no field means nothing", "", 7),
    ("ingress:\n- from:\n  - pods: {}", "spec.ingress[0].from[0].pods: no such field", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8}\n    podSelector: {}", "ipBlock stands together with a selector", "two peers", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8}\n    namespaceSelector: {}", "ipBlock stands together with a selector", "", 7),
    # ipBlock
    ("ingress:\n- from:\n  - ipBlock: {}", "ipBlock.cidr: expected a CIDR block, found nothing", "10.0.0.0/8", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.1}", "expected a CIDR block, found '10.0.0.1'", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/33}", "longer than 32 bits", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 'fd00::/129'}", "longer than 128 bits", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0/8}", "expected a CIDR block, found '10.0.0/8'", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.256/8}", "expected a CIDR block", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/-1}", "expected a CIDR block", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/255.0.0.0}", "expected a CIDR block", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 'fe80::1%eth0/64'}", "expected a CIDR block", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: '::ffff:10.0.0.0/104'}", "an IPv4 network written as IPv6", "write it as IPv4", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10}", "cidr: expected text, found the number 10", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}", "except: expected a list", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, except: [x]}", "ipBlock.except[0]: expected a CIDR block, found 'x'", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16]}", "except[1]: '11.0.0.0/16' is not strictly inside '10.0.0.0/8'", "smaller", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}", "is not strictly inside", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/7]}", "is not strictly inside", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 0.0.0.0/0, except: ['fd00::/8']}", "is not strictly inside", "", 7),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, excepts: []}", "ipBlock.excepts: no such field (is except meant?)", "", 7),
    # ports
    ("ingress:\n- ports: {port: 80}", "spec.ingress[0].ports: expected a list", "", 6),
    ("ingress:\n- ports:\n  - 80", "spec.ingress[0].ports[0]: expected a mapping, found the number 80", "", 6),
    ("ingress:\n- ports:\n  - port: 0", "spec.ingress[0].ports[0].port: expected 1 to 65535, found the number 0", "", 7),
    ("ingress:\n- ports:\n  - port: 65536", "expected 1 to 65535", "", 7),
    ("ingress:\n- ports:\n  - port: true", "expected 1 to 65535, found true", "", 7),
    ("ingress:\n- ports:\n  - port: 80.0", "expected 1 to 65535, found the number 80.0", "", 7),
    ("ingress:\n- ports:\n  - port: '80'", "expected a port number or the name of one, found '80'", "remove the quotes", 7),
    ("ingress:\n- ports:\n  - port: UPPER", "expected a port number or the name of one", "15 of a-z", 7),
    ("ingress:\n- ports:\n  - port: a--b", "expected a port number or the name of one", "", 7),
    ("ingress:\n- ports:\n  - port: aaaaaaaaaaaaaaaa", "expected a port number or the name of one", "", 7),
    ("ingress:\n- ports:\n  - port: 80-90", "expected a port number or the name of one, found '80-90'", "", 7),
    ("ingress:\n- ports:\n  - port: ''", "expected a port number or the name of one", "", 7),
    ("ingress:\n- ports:\n  - endPort: 80", "endPort needs a port that is a number", "", 7),
    ("ingress:\n- ports:\n  - port: http\n    endPort: 80", "endPort needs a port that is a number", "", 7),
    ("ingress:\n- ports:\n  - port: 80\n    endPort: 79", "ports[0].endPort: 79 is below port 80", "last port", 7),
    ("ingress:\n- ports:\n  - port: 80\n    endPort: 65536", "endPort: expected 1 to 65535", "", 7),
    ("ingress:\n- ports:\n  - port: 80\n    endPort: '90'", "endPort: expected a whole number, found '90'", "", 7),
    ("ingress:\n- ports:\n  - protocol: tcp", "protocol: expected TCP, UDP or SCTP, found 'tcp'", "capitals", 7),
    ("ingress:\n- ports:\n  - protocol: ICMP", "expected TCP, UDP or SCTP, found 'ICMP'", "", 7),
    ("ingress:\n- ports:\n  - protocol: ''", "expected TCP, UDP or SCTP, found ''", "", 7),
    ("ingress:\n- ports:\n  - protocol: 6", "protocol: expected text, found the number 6", "", 7),
    ("ingress:\n- ports:\n  - ports: 6", "ports[0].ports: no such field (is port meant?)", "", 7),
    # what does not count is checked all the same
    ("policyTypes: [Egress]\ningress:\n- ports:\n  - port: 0", "spec.ingress[0].ports[0].port: expected 1 to 65535", "", 8),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "remedy", "line"), FAULTS)
def test_what_the_api_server_refuses_is_one_located_error(text: str, problem: str, remedy: str, line: int) -> None:
    """Each fault names its field, its line, what was found, and what to do."""
    with pytest.raises(InputError) as caught:
        spec(text)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.remedy
    assert caught.value.origin == Origin("p.yaml", line)


DOCUMENTS: list[tuple[Any, str]] = [
    ("metadata: {}", "metadata.name: expected the policy's name, found nothing"),
    ("metadata: {name: A_b}", "metadata.name: expected the policy's name, found 'A_b'"),
    ("metadata: {name: p, namespace: a.b}", "metadata.namespace: expected a namespace, found 'a.b'"),
    ("metadata: {name: 1}", "metadata.name: expected text, found the number 1"),
    ("metadata: p", "metadata: expected a mapping, found 'p'"),
    ("metadata: {name: p}\nspec: []", "spec: expected a mapping, found a list"),
    ("metadata: {name: p}\nSpec: {}", "Spec: no such field (is spec meant?)"),
]


@pytest.mark.parametrize(("text", "problem"), DOCUMENTS)
def test_faults_of_the_object_itself(text: str, problem: str) -> None:
    """Names and top-level fields are checked like everything else."""
    with pytest.raises(InputError) as caught:
        read("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" + text)
    assert problem in caught.value.problem


def test_the_status_of_old_releases_is_read_past() -> None:
    """kubectl of some releases prints `status: {}`; it says nothing."""
    assert read(HEAD + "  podSelector: {}\nstatus: {}\n").name == "shop/p"
