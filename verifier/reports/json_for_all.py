"""What was proved for every cluster, as JSON.

Spec: specs/questions/for_all.md, specs/verify.schema.json
"""

from __future__ import annotations

from typing import Any

from verifier.model.finding import ForAll, SetFault


def for_all_document(shown: ForAll) -> dict[str, Any]:
    """The member `for_all` of a node."""
    return {
        "rules": shown.logic.value,
        "contents": shown.contents.value,
        "kinds": shown.kinds,
        "conditions": shown.conditions,
        "sets": shown.sets,
        "wrong": [fault_document(fault) for fault in shown.faults],
        "unexplained": list(shown.unexplained),
        "presumed": list(shown.presumed),
    }


def fault_document(fault: SetFault) -> dict[str, Any]:
    """A set that does not hold what it stands for."""
    return {
        "set": fault.name,
        "stands_for": fault.meaning,
        "missing": list(fault.missing),
        "surplus": list(fault.surplus),
        **({"quirk": fault.quirk} if fault.quirk else {}),
    }
