"""The outcome of explain --before --after as JSON.

Spec: specs/reports.md, specs/counters.schema.json
"""

from __future__ import annotations

from typing import Any, TypeAlias

from verifier.model.addresses import networks
from verifier.model.counters import CountedRule, CounterReport, Share, Way
from verifier.model.finding import Box
from verifier.reports.files import Files
from verifier.reports.spelling import predicate_text
from verifier.reports.words import Inventory

Json: TypeAlias = dict[str, Any]


def counters_document(outcome: CounterReport, files: Files) -> Json:
    """Everything but the head that all documents have."""
    inventory = Inventory(outcome.cluster)
    return {
        "node": outcome.node or None,
        "family": outcome.family,
        "sentence": outcome.sentence,
        "changed": [_step(step, files) for step in outcome.changed],
        "ways": [_way(way, outcome.family, inventory, files) for way in outcome.ways],
        "notes": list(outcome.notes),
        "chains": dict(outcome.chains),
        "mark_bits": [{"mask": f"{bit.mask:#x}", "meaning": bit.meaning} for bit in outcome.marks],
    }


def _step(step: CountedRule, files: Files) -> Json:
    rule = step.rule
    return {
        "table": step.table,
        "chain": step.chain,
        "number": step.number,
        "rule": None if rule is None else rule.text,
        "file": None if rule is None else files.of(rule.origin),
        "line": None if rule is None else rule.origin.line,
        "packets": step.packets,
    }


def _way(way: Way, family: int, inventory: Inventory, files: Files) -> Json:
    wishes = way.wishes
    return {
        "least": way.least,
        "most": way.most,
        "verdict": None if way.verdict is None else way.verdict.value,
        "end": way.end,
        "rules": [_step(step, files) for step in way.steps],
        "packets": [_share(share, family, inventory) for share in way.shares],
        "policies": None
        if wishes is None
        else {wish.value: [_share(share, family, inventory) for share in shares] for wish, shares in wishes.items()},
    }


def _share(share: Share, family: int, inventory: Inventory) -> Json:
    return {
        "path": None if share.path is None else share.path.value,
        "region": [_box(box, family, inventory) for box in share.region],
        "conditions": [
            {"text": predicate_text(each.predicate, "anything"), "holds": each.holds, "when": each.when}
            for each in share.conditions
        ],
    }


def _box(box: Box, family: int, inventory: Inventory) -> Json:
    pods = {side: inventory.split(family, getattr(box, side))[0] for side in ("source", "destination")}
    return {
        "source": list(networks(family, box.source)),
        "source_pods": [pod.full_name for pod in pods["source"]],
        "destination": list(networks(family, box.destination)),
        "destination_pods": [pod.full_name for pod in pods["destination"]],
        "protocols": None if box.protocols is None else list(box.protocols),
        "source_ports": [list(span) for span in box.source_ports],
        "destination_ports": [list(span) for span in box.destination_ports],
        "icmp": [list(span) for span in box.icmp],
        "states": [state.name for state in box.states],
        "tcp_flags": None if box.tcp_flags is None else list(box.tcp_flags),
        "ct_status": None if box.ct_status is None else [int(status) for status in box.ct_status],
    }
