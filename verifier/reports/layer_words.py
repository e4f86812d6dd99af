"""Imaginable packets in words: ends by namespace, labels and addresses, as far as these are narrowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from verifier.model.addresses import subtract, whole
from verifier.model.cluster import Namespace, Pod, ServiceAccount
from verifier.model.fields import NAMESPACE_NAME, POLICED_PROTOCOLS, SERVICE_ACCOUNT_NAME, End, Scope
from verifier.model.layer import Asked, FreeBox, FreeEnd, FreeService, LayerWitness, NamedPort, Values
from verifier.model.predicate import Range
from verifier.reports.spelling import LISTED, networks_text, protocol_word, ranges_text
from verifier.reports.words import icmp_text, labels_text, ports_text

WHOLE: tuple[Range, ...] = ((0, 65535),)
NAME = Scope.NAMESPACE, NAMESPACE_NAME


def box_text(box: FreeBox) -> str:
    """One line: "from X to Y: tcp 80"; what is not narrowed is left out."""
    services = "any port" if box.services is None else " or ".join(_service(each) for each in box.services)
    named = "".join(f", {text}" for text in dict.fromkeys(_named(each) for each in box.names))
    return f"{end_text(box.source)} -> {end_text(box.destination)}: {services}{named}"


def end_text(end: FreeEnd) -> str:
    """One end: who it is, its labels, its addresses."""
    labels = {(scope, key): values for scope, key, values in end.labels}
    name = labels.pop(NAME, None)
    parts = [_who(name, any(not values.absent for values in labels.values()))]
    parts += [_label(scope, key, values) for (scope, key), values in labels.items()]
    if end.addresses is not None:
        parts.append(addresses_text(end.addresses))
    return ", ".join(parts)


def addresses_text(addresses: tuple[tuple[int, tuple[Range, ...]], ...]) -> str:
    """Addresses of both families, as all but a few where that is shorter."""
    known = dict(addresses)
    missing = {family: subtract(whole(family), known.get(family, ())) for family in (4, 6)}
    gone, kept = (
        [networks_text(family, spans) for family, spans in each.items() if spans] for each in (missing, known)
    )
    if sum(map(len, gone)) < sum(map(len, kept)):
        return f"address not in {' or '.join(f'({text})' if ' ' in text else text for text in gone)}"
    return f"address in {' or '.join(kept)}"


def _who(name: Values | None, labelled: bool) -> str:
    if name is None:
        return "any pod" if labelled else "anyone"
    if name.absent and not name.named and not name.others:
        return "no pod"
    aside = " or no pod" if name.absent else ""
    if name.others and name.texts:
        return f"a pod of a namespace, {_label(*NAME, replace(name, absent=False))}{aside}"
    if name.others:
        told = "any pod" if not name.excluded else f"a pod of a namespace other than {_list(name.excluded)}"
        return f"{told}{aside}"
    return f"a pod of {_list(name.named)}{aside}"


def _label(scope: Scope, key: str, values: Values) -> str:
    """A label by the values that are left to it."""
    called = key if scope is Scope.POD else f"{scope.value} label {key}"
    if scope is Scope.SERVICE_ACCOUNT and key == SERVICE_ACCOUNT_NAME:
        called = "service account"
    if values.texts:
        told = [
            *([f"{called} {_is(values.named)}"] if values.named else []),
            *(_texts(called, each) for each in values.texts),
        ]
        told += [f"{called} absent"] if values.absent else []
        unlike = f", not {_list(values.excluded)}" if values.excluded else ""
        return (f"({' or '.join(told)})" if len(told) > 1 else told[0]) + unlike
    if values.others:
        unlike = f"not {_list(values.excluded)}" if values.excluded else ""
        return f"{called} {unlike if values.absent else f'present, {unlike}' if unlike else 'present'}"
    if not values.named:
        return f"{called} absent"
    return f"{called} {_is(values.named)}".replace(" =", "=") + (" or absent" if values.absent else "")


def _is(named: tuple[str, ...]) -> str:
    return f"={named[0]}" if len(named) == 1 else f"in ({', '.join(named)})"


def _texts(called: str, tests: tuple[tuple[Asked, bool], ...]) -> str:
    told = (
        f"{'' if holds else 'not '}{called} {each.test.value} {each.text!r}"
        for each, holds in sorted(tests, key=lambda pair: not pair[1])
    )
    return " and ".join(told)


def _list(values: tuple[str, ...]) -> str:
    shown = [value or '""' for value in values[:LISTED]]
    if len(values) > LISTED:
        return f"{', '.join(shown)} and {len(values) - LISTED} more"
    return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _service(service: FreeService) -> str:
    everything = len(service.protocols) > LISTED or service.protocols == tuple(sorted(POLICED_PROTOCOLS))
    told = "any protocol" if everything else "/".join(protocol_word(each) for each in service.protocols)
    ports = ports_text(service.destination_ports)
    parts = [f"{told} {ports}" if ports else told]
    if service.source_ports != WHOLE:
        parts.append(f"source port {ranges_text(service.source_ports)}")
    if service.icmp != WHOLE:
        parts.append(f"icmp {', '.join(icmp_text(*span) for span in service.icmp)}")
    return ", ".join(parts)


def _named(name: NamedPort) -> str:
    verb = "calls" if name.holds else "does not call"
    port = "the port" if name.end is End.DESTINATION else "its port"
    return f"the {name.end.value} {verb} {port} {name.name}"


def imagined_text(witness: LayerWitness) -> Iterator[tuple[str, str]]:
    """Each imaginary pod of a witness: who it is, then its labels and ports."""
    known: Mapping[str, Namespace] = {each.name: each for each in witness.namespaces}
    for role, pod in (("source", witness.source), ("destination", witness.destination)):
        accounts = [
            each for each in witness.accounts if pod and each.full_name == f"{pod.namespace}/{pod.service_account}"
        ]
        yield role, _pod(pod, known, accounts[0] if accounts else None)


def _pod(pod: Pod | None, namespaces: Mapping[str, Namespace], account: ServiceAccount | None) -> str:
    if pod is None:
        return "no pod"
    ports = [f"{protocol_word(each.protocol)} {each.number} named {each.name}" for each in pod.ports]
    told = f"a pod of {pod.namespace}, {labels_text(pod, namespaces)}"
    told += f"; service account {pod.service_account}" if account is not None else ""
    told += (
        f" {', '.join(f'{key}={value}' for key, value in account.labels.items() if key != SERVICE_ACCOUNT_NAME)}"
        if account
        else ""
    )
    return f"{told}; {', '.join(ports)}" if ports else told
