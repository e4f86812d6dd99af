"""What Calico's staged kinds share: a policy that is only tried out, and decides nothing.

Spec: specs/policies/staged_network_policy.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from verifier.model.document import Entries, Part, shown
from verifier.model.policy import Policy
from verifier.policies.kind import Shared

STAGED_ACTION = "stagedAction"
_ACTIONS = ("", "Set", "Delete", "Learn", "Ignore")


def staged(document: Part, shared: Shared, title: str, translate: Callable[[Part, Shared], Policy]) -> Policy:
    """The policy that it would become, as one that selects nothing; InputError where that would be refused."""
    spec = document.child("spec")
    action = spec.text(STAGED_ACTION)
    if action not in _ACTIONS:
        problem = f"expected {', '.join(_ACTIONS[1:-1])} or {_ACTIONS[-1]}, found {shown(action)}"
        raise spec.fault(STAGED_ACTION, problem, "name one of them")
    rest = {key: value for key, value in spec.entries.items() if key != STAGED_ACTION}
    entries = {**document.entries, "spec": Entries(spec.entries.line, rest.items())}
    made = translate(Part(document.path, document.name, Entries(document.entries.line, entries.items())), shared)
    return replace(made, kind=title, subjects={}, rules=(), written=None, converted="")
