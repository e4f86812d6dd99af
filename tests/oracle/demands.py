"""What the policies ask of a batch of packets, and what documented deviations leave open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tests.oracle.batch import Batch
from verifier.model.assumption import EXISTING_CONNECTIONS, READINGS, Setting, chosen
from verifier.model.cluster import Cluster
from verifier.model.fields import POLICED_PROTOCOLS, ConnState
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.model.policy import Action, Direction
from verifier.model.predicate import Predicate
from verifier.model.profile import Deviation, reading
from verifier.reference.policies import Counting, judge

KNOWN = ("other-protocols", "existing-connections")
"""The assumptions that are asked about here; of the first only what it allows."""
EVERY = Counting(frozenset(READINGS), frozenset(READINGS))
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
    deny = 0
    perhaps = {direction: _allowed(batch, cluster, direction, wide=True) for direction in Direction}
    open_to = {
        Path.REMOTE_TO_POD: perhaps[Direction.INGRESS],
        Path.POD_TO_REMOTE: perhaps[Direction.EGRESS],
        Path.POD_TO_POD: perhaps[Direction.INGRESS] & perhaps[Direction.EGRESS],
    }
    for path, allows in open_to.items():
        deny |= new & ~allows & batch.where("path", lambda known, path=path: known is path)  # type: ignore[misc]
    allow = new & both & ~deny | new & near | policed & ~new
    if chosen(settings, EXISTING_CONNECTIONS) is not Setting.ALLOW:
        allow &= ~_uncovered(batch, cluster, allowed, policed & ~near)
    unasked = [name for name in settings if settings[name] is not Setting.ANY and name not in KNOWN]
    assert not unasked and settings.get("other-protocols") is not Setting.DENY, unasked
    if settings.get("other-protocols", Setting.ANY) is Setting.ALLOW:
        allow |= batch.all & ~policed
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


def _uncovered(batch: Batch, cluster: Cluster, allowed: Mapping[Direction, int], asked: int) -> int:
    """ESTABLISHED packets of which some end's policies allow neither the packet nor any reply that it could be."""
    established = batch.where("service", lambda s: s.state is ConnState.ESTABLISHED)  # type: ignore[attr-defined]
    ports = sorted({service.destination_port for service in batch.services})
    known: dict[tuple[int, int, int, Direction], bool] = {}
    out = 0
    for direction in Direction:
        back = Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
        left = asked & established & ~allowed[direction]
        while left:
            bit = left & -left
            left ^= bit
            packet = batch.packet(bit.bit_length() - 1)
            key = (packet.source, packet.destination, packet.protocol, direction)
            if key not in known:
                turned = replace(packet, source=packet.destination, destination=packet.source, state=ConnState.NEW)
                known[key] = any(
                    judge(replace(turned, destination_port=port), cluster, back, batch.view).allowed for port in ports
                )
            if not known[key]:
                out |= bit
    return out


def _allowed(batch: Batch, cluster: Cluster, direction: Direction, *, wide: bool = False) -> int:
    """The packets that the policies of one direction let pass: tier by tier, the first rule that matches.

    With `wide` every reading of every rule counts, and pods of the host's network and finished ones do.
    """
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
                hit = _surely(batch, rule.peer) & _surely(batch, rule.ports)
                for wider in rule.readings if wide else ():
                    hit |= _surely(batch, wider.peer) & _surely(batch, wider.ports)
                hit &= waiting & chosen
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
    if wide:
        allowed |= _guests(batch, cluster, direction, ~(allowed | undecided) & batch.all)
    return allowed | undecided


def _guests(batch: Batch, cluster: Cluster, direction: Direction, denied: int) -> int:
    """The denied packets that pass when whoever may be a pod is one."""
    guests = {address for family, address in batch.view.guests if family == batch.family}
    peer = "source" if direction is Direction.INGRESS else "destination"
    left = denied & batch.where(peer, lambda address: address in guests)
    out = 0
    while left:
        bit = left & -left
        left ^= bit
        if judge(batch.packet(bit.bit_length() - 1), cluster, direction, batch.view, EVERY).allowed:
            out |= bit
    return out


def _surely(batch: Batch, predicate: Predicate) -> int:
    can, sure = batch.ask(predicate)
    assert can == sure, f"a policy or deviation that cannot be decided: {predicate}"
    return sure
