"""What the policies of a snapshot leave to whoever applies them, as findings.

Spec: specs/questions/ambiguity.md
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.evidence.ambiguity import confirmed
from verifier.model.assumption import EQUAL_PRIORITIES, Setting, chosen
from verifier.model.finding import Ambiguity
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.snapshot import Snapshot
from verifier.questions.ambiguity import ambiguities


def ambiguous(snapshot: Snapshot, nodes: Iterable[NodeState], options: VerifyOptions) -> tuple[Ambiguity, ...]:
    """What is ambiguous for the pods that are asked about; nothing where the assumption is settled (AMB-3).

    Raises Disagreement where our own parts differ.
    """
    if chosen(options.settings, EQUAL_PRIORITIES) is not Setting.ANY:
        return ()
    names = {node.name for node in nodes}
    asked = {pod.full_name for pod in snapshot.cluster.pods if pod.has_traffic and pod.node in names}
    protected = frozenset(asked & set(options.pods) if options.pods else asked)
    found = [each for family in options.families or (4, 6) for each in ambiguities(snapshot.cluster, family, protected)]
    return tuple(confirmed(found, snapshot.cluster))
