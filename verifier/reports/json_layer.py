"""Two sets of policies, compared for every cluster, as JSON.

Spec: specs/questions/layer.md, specs/layer.schema.json
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from verifier.model.addresses import networks
from verifier.model.cluster import Namespace, Pod, ServiceAccount
from verifier.model.fields import PROTOCOL_NAMES
from verifier.model.finding import Premise
from verifier.model.layer import FreeBox, FreeEnd, FreeService, LayerFinding, LayerReport, Values
from verifier.model.packet import Packet
from verifier.model.policy import Policy, PolicyRule
from verifier.reports.files import Files
from verifier.reports.spelling import policy_rule_text

Json: TypeAlias = dict[str, Any]


def layer_members(outcome: LayerReport, packet: Callable[[Packet], Json], files: Files) -> Json:
    """The members of the document of layer.schema.json that stand below its head."""
    return {
        "together": outcome.together.value,
        "sides": [{"name": side.name, "policies": len(side.policies)} for side in outcome.sides],
        "pairs": [
            {
                "policy": _policy(pair.policy, None, files),
                "translation": _policy(pair.translation, None, files),
                "answer": pair.answer.value,
                "reasons": list(pair.reasons),
                "findings": _findings(pair.findings, packet, files),
                "edits": [
                    {
                        "change": each.change.value,
                        "direction": each.direction.value,
                        "policy": _policy(each.policy, each.rule, files),
                    }
                    for each in pair.edits
                ],
            }
            for pair in outcome.pairs
        ],
        "findings": _findings(outcome.findings, packet, files),
        "missing": [_policy(each, None, files) for each in outcome.missing],
        "surplus": [_policy(each, None, files) for each in outcome.surplus],
        "reasons": list(outcome.reasons),
        "assumptions": [_premise(each) for each in outcome.assumptions],
        "notes": list(outcome.notes),
        "statistics": dict(outcome.statistics),
    }


def _premise(premise: Premise) -> Json:
    return {
        "name": premise.name,
        "sentence": premise.sentence,
        "source": premise.source,
        "setting": premise.setting,
    }


def _policy(policy: Policy, rule: PolicyRule | None, files: Files) -> Json:
    origin = rule.origin if rule else policy.origin
    return {
        "kind": policy.kind,
        "name": policy.name,
        "rule": rule.text if rule else None,
        "text": policy_rule_text(policy, rule),
        "file": files.of(origin),
        "line": origin.line,
    }


def _findings(findings: Iterable[LayerFinding], packet: Callable[[Packet], Json], files: Files) -> list[Json]:
    return [_finding(each, packet, files) for each in findings]


def _finding(finding: LayerFinding, packet: Callable[[Packet], Json], files: Files) -> Json:
    witness = finding.witness
    known = {each.name: each for each in witness.namespaces}
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "direction": finding.direction.value,
        "sentence": finding.sentence,
        "region": [_box(each) for each in finding.region],
        "complete": finding.complete,
        "packet": packet(witness.packet),
        "source": _pod(witness.source, known, witness.accounts),
        "destination": _pod(witness.destination, known, witness.accounts),
        "policies": [_policy(policy, rule, files) for policy, rule in finding.policies],
        "translations": [_policy(policy, rule, files) for policy, rule in finding.translations],
    }


def _account(pod: Pod, accounts: tuple[ServiceAccount, ...]) -> Mapping[str, str]:
    name = f"{pod.namespace}/{pod.service_account}"
    return next((each.labels for each in accounts if each.full_name == name), {})


def _pod(pod: Pod | None, namespaces: dict[str, Namespace], accounts: tuple[ServiceAccount, ...]) -> Json | None:
    if pod is None:
        return None
    return {
        "namespace": pod.namespace,
        "namespace_labels": dict(sorted(namespaces[pod.namespace].labels.items())),
        "labels": dict(sorted(pod.labels.items())),
        "service_account": pod.service_account,
        "service_account_labels": dict(sorted(_account(pod, accounts).items())),
        "ports": [
            {"name": each.name, "protocol": _protocol(each.protocol), "number": each.number} for each in pod.ports
        ],
    }


def _box(box: FreeBox) -> Json:
    return {
        "source": _end(box.source),
        "destination": _end(box.destination),
        "services": None if box.services is None else [_service(each) for each in box.services],
        "named_ports": [
            {
                "end": each.end.value,
                "name": each.name,
                "protocol": _protocol(each.protocol),
                "declared": each.declared.value,
                "holds": each.holds,
            }
            for each in box.names
        ],
    }


def _end(end: FreeEnd) -> Json:
    return {
        "labels": [{"of": scope.value, "key": key, **_values(values)} for scope, key, values in end.labels],
        "addresses": None
        if end.addresses is None
        else [network for family, ranges in end.addresses for network in networks(family, ranges)],
    }


def _values(values: Values) -> Json:
    return {
        "absent": values.absent,
        "values": list(values.named),
        "others": values.others,
        "not": list(values.excluded),
        "texts": [
            [{"test": each.test.value, "text": each.text, "holds": holds} for each, holds in tests]
            for tests in values.texts
        ],
    }


def _service(service: FreeService) -> Json:
    return {
        "protocols": [_protocol(each) for each in service.protocols],
        "destination_ports": [list(span) for span in service.destination_ports],
        "source_ports": [list(span) for span in service.source_ports],
        "icmp": [list(span) for span in service.icmp],
    }


def _protocol(number: int) -> str:
    return PROTOCOL_NAMES.get(number, str(number))
