"""Imaginable packets in words: ends by namespace, labels and addresses, as far as these are narrowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from verifier.model.addresses import subtract, whole
from verifier.model.cluster import Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME, POLICED_PROTOCOLS, Scope
from verifier.model.layer import FreeBox, FreeEnd, FreeService, LayerWitness, NamedPort, Values
from verifier.model.predicate import Range
from verifier.reports.spelling import LISTED, networks_text, protocol_word, ranges_text
from verifier.reports.words import icmp_text, labels_text, ports_text

WHOLE: tuple[Range, ...] = ((0, 65535),)
NAME = Scope.NAMESPACE, NAMESPACE_NAME


def box_text(box: FreeBox) -> str:
    """One line: "from X to Y: tcp 80"; what is not narrowed is left out."""
    services = "any port" if box.services is None else " or ".join(_service(each) for each in box.services)
    named = "".join(f", {_named(each)}" for each in box.names)
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
        return f"address outside {' and '.join(gone)}"
    return f"address in {' or '.join(kept)}"


def _who(name: Values | None, labelled: bool) -> str:
    if name is None:
        return "any pod" if labelled else "anyone"
    if name.absent and not name.named and not name.others:
        return "no pod"
    aside = " or no pod" if name.absent else ""
    if name.others:
        told = "any pod" if not name.excluded else f"a pod of a namespace other than {_list(name.excluded)}"
        return f"{told}{aside}"
    return f"a pod of {_list(name.named, 'or')}{aside}"


def _label(scope: Scope, key: str, values: Values) -> str:
    called = key if scope is Scope.POD else f"{scope.value} label {key}"
    if values.absent and not values.named and not values.others:
        return f"{called} absent"
    if values.others:
        if not values.excluded:
            return f"{called} present"
        unlike = (
            f"not {_list(values.excluded, 'or')}" if values.absent else f"present, not {_list(values.excluded, 'or')}"
        )
        return f"{called} {unlike}"
    told = f"{called}={values.named[0]}" if len(values.named) == 1 else f"{called} in ({', '.join(values.named)})"
    return f"{told} or absent" if values.absent else told


def _list(values: tuple[str, ...], joint: str = "or") -> str:
    shown = [value or '""' for value in values[:LISTED]]
    if len(values) > LISTED:
        return f"{', '.join(shown)} and {len(values) - LISTED} more"
    return f" {joint} ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


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
    return f"the destination {verb} the port {name.name}"


def imagined_text(witness: LayerWitness) -> Iterator[tuple[str, str]]:
    """Each imaginary pod of a witness: who it is, then its labels and ports."""
    known: Mapping[str, Namespace] = {each.name: each for each in witness.namespaces}
    for role, pod in (("source", witness.source), ("destination", witness.destination)):
        yield role, _pod(pod, known)


def _pod(pod: Pod | None, namespaces: Mapping[str, Namespace]) -> str:
    if pod is None:
        return "no pod"
    ports = [f"{protocol_word(each.protocol)} {each.number} named {each.name}" for each in pod.ports]
    told = f"a pod of {pod.namespace}, {labels_text(pod, namespaces)}"
    return f"{told}; {', '.join(ports)}" if ports else told
