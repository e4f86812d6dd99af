"""What the policies ask of a batch of packets, and what documented deviations leave open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.oracle.batch import Batch
from verifier.model.assumption import Setting
from verifier.model.cluster import Cluster
from verifier.model.fields import POLICED_PROTOCOLS, ConnState
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.model.policy import Action, Direction
from verifier.model.predicate import Predicate
from verifier.model.profile import Deviation, reading

NODE_PATHS = (Path.NODE_TO_POD, Path.POD_TO_NODE)
ENDS = {
    Path.REMOTE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_REMOTE: (Direction.EGRESS,),
    Path.POD_TO_POD: (Direction.EGRESS, Direction.INGRESS),
}


@dataclass(frozen=True, slots=True)
class Demands:
    """The packets that must be accepted and those that must be dropped; `excused` by the kind of the difference."""

    allow: int
    deny: int
    excused: Mapping[Kind, int]


def demands(
    batch: Batch, cluster: Cluster, deviations: Iterable[Deviation], settings: Mapping[str, Setting]
) -> Demands:
    """Judge every packet of the batch, all of them being packets of their paths."""
    allowed = {direction: _allowed(batch, cluster, direction) for direction in Direction}
    both = allowed[Direction.INGRESS] & allowed[Direction.EGRESS]
    policed = batch.where("service", lambda s: s.protocol in POLICED_PROTOCOLS)  # type: ignore[attr-defined]
    new = policed & batch.where("service", lambda s: s.state is ConnState.NEW)  # type: ignore[attr-defined]
    near = batch.where("path", lambda path: path in NODE_PATHS)
    answering = {
        Path.REMOTE_TO_POD: allowed[Direction.INGRESS],
        Path.POD_TO_REMOTE: allowed[Direction.EGRESS],
        Path.POD_TO_POD: both,
    }
    deny = 0
    for path, allows in answering.items():
        deny |= new & ~allows & batch.where("path", lambda known, path=path: known is path)  # type: ignore[misc]
    allow = new & both & ~deny | new & near | policed & ~new
    setting = settings.get("other-protocols", Setting.ANY)
    if setting is Setting.ALLOW:
        allow |= batch.all & ~policed
    elif setting is Setting.DENY:
        deny |= batch.all & ~policed
    excused = dict.fromkeys(Kind, 0)
    deviations = list(deviations)
    read = reading(cluster, deviations)
    if read is not cluster:
        again = {direction: _allowed(batch, read, direction) for direction in Direction}
        for path, ends in ENDS.items():
            here = new & batch.where("path", lambda known, path=path: known is path)  # type: ignore[misc]
            leaks = blocked = 0
            for end in ends:
                leaks |= ~allowed[end] & ~again[end]
                blocked |= ~again[end]
            excused[Kind.LEAK] |= here & ~leaks
            excused[Kind.BLOCKED] |= here & blocked
    for deviation in deviations:
        if deviation.kind is None:
            continue
        covered = batch.where("path", lambda path, known=deviation.paths: path in known)  # type: ignore[misc]
        covered &= _surely(batch, deviation.where)
        if deviation.denied_by is not None:
            covered &= ~allowed[deviation.denied_by]
        excused[deviation.kind] |= covered
    return Demands(allow, deny, excused)


def _allowed(batch: Batch, cluster: Cluster, direction: Direction) -> int:
    """The packets that the policies of one direction let pass: tier by tier, the first rule that matches."""
    allowed, undecided = 0, batch.all
    for tier in cluster.tiers:
        selected = 0
        waiting = undecided
        passed = 0
        for policy in tier.policies:
            subject = policy.subjects.get(direction)
            if subject is None:
                continue
            chosen = _surely(batch, subject) & undecided
            selected |= chosen
            for rule in policy.rules:
                if rule.direction is not direction:
                    continue
                hit = waiting & chosen & _surely(batch, rule.peer) & _surely(batch, rule.ports)
                waiting &= ~hit
                if rule.action is Action.ALLOW:
                    allowed |= hit
                elif rule.action is Action.PASS:
                    passed |= hit
        left = waiting & selected
        if tier.unmatched is Action.ALLOW:
            allowed |= left
        elif tier.unmatched is Action.PASS:
            passed |= left
        undecided &= ~selected | passed
    return allowed | undecided


def _surely(batch: Batch, predicate: Predicate) -> int:
    can, sure = batch.ask(predicate)
    assert can == sure, f"a policy or deviation that cannot be decided: {predicate}"
    return sure
