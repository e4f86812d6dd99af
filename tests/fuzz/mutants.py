"""Single errors for the reference, one place each: whoever is compared with it must notice every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from verifier.model.effect import Assign, Call, Copy, Goto, Verdict
from verifier.model.fields import ConnState, Field
from verifier.model.ipset import AddressPart, IpSet, SetMember
from verifier.model.packet import Packet
from verifier.model.policy import Direction
from verifier.model.predicate import InRange, Masked, Member, Named, Not, PortNamed
from verifier.reference import chains, index, policies, predicates, sets

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], None]
WALKER = chains._Walker


def goto_returns(patch: Patch) -> None:
    """After a goto the chain that was left goes on."""
    entered = WALKER._enter

    def enter(self: Any, branch: Any, name: str, rule: Any) -> Any:
        called = replace(rule, effect=Call(name)) if isinstance(rule.effect, Goto) else rule
        return entered(self, branch, name, called)

    patch.setattr(WALKER, "_enter", enter)


def accept_is_final(patch: Patch) -> None:
    """An accept ends the whole path."""
    finished = WALKER._finish

    def finish(self: Any, branch: Any, verdict: Verdict) -> Any:
        return chains._End(verdict, branch) if verdict is Verdict.ACCEPT else finished(self, branch, verdict)

    patch.setattr(WALKER, "_finish", finish)


def policy_accepts(patch: Patch) -> None:
    """The end of a built-in chain accepts."""
    left = WALKER._leave

    def leave(self: Any, branch: Any) -> Any:
        end = left(self, branch)
        if end is not None:
            branch.frames.clear()
        return None

    patch.setattr(WALKER, "_leave", leave)


def _writing(change: Callable[[int, int, int], int]) -> Mutant:
    def mutate(patch: Patch) -> None:
        def write(self: Any, branch: Any, effect: Assign | Copy) -> None:
            values = {Field.MARK: branch.mark, Field.CONNMARK: branch.connmark}
            if isinstance(effect, Assign):
                target, mask, value = effect.field, effect.mask, effect.value
            else:
                target, mask = effect.target, effect.target_mask
                value = values[effect.source] & effect.source_mask
            values[target] = change(values[target], mask, value) & 0xFFFFFFFF
            branch.mark, branch.connmark = values[Field.MARK], values[Field.CONNMARK]
            self._look(branch)

        patch.setattr(WALKER, "_write", write)

    return mutate


def _seen(change: Callable[[Packet, Packet], Packet]) -> Mutant:
    """Rules see another packet than they should: `change` has what they see, and the packet itself."""

    def mutate(patch: Patch) -> None:
        look = chains.at_hook

        def at_hook(packet: Packet, hook: str, mark: int, connmark: int) -> Packet:
            return change(look(packet, hook, mark, connmark), packet)

        patch.setattr(chains, "at_hook", at_hook)

    return mutate


def _holding(kind: type, change: Callable[[Any, Packet, bool], bool]) -> Mutant:
    def mutate(patch: Patch) -> None:
        held = predicates.HOLDS[kind]

        def holds(test: Any, packet: Packet, view: Any) -> bool | None:
            answer = held(test, packet, view)
            return None if answer is None else change(test, packet, answer)

        patch.setitem(predicates.HOLDS, kind, holds)

    return mutate


def _ends_excluded(test: InRange, packet: Packet, answer: bool) -> bool:
    value = predicates.READ[test.field](packet)
    return answer and not any(first < last == value for first, last in test.ranges)


def _beginnings_excluded(test: InRange, packet: Packet, answer: bool) -> bool:
    value = predicates.READ[test.field](packet)
    return answer and not any(value == first < last for first, last in test.ranges)


def _longer_names(test: Named, packet: Packet, answer: bool) -> bool:
    return answer and not (test.prefix and predicates.NAME[test.field](packet) == test.name)


def _mask_ignored(test: Masked, packet: Packet, answer: bool) -> bool:
    return predicates.READ[test.field](packet) == test.value


def nomatch_ignored(patch: Patch) -> None:
    """A member marked nomatch is one like any other."""

    def holds(found: IpSet, test: Member, packet: Packet, view: Any) -> bool | None:
        if len(test.directions) < found.content.dimensions or found.family not in (0, packet.family):
            return False
        if found.content.opaque:
            return None
        hit, certain = sets._search(found, test.directions, packet, view)
        return hit is not None if certain or hit is None else None

    patch.setattr(sets, "_holds", holds)


def shortest_prefix_first(patch: Patch) -> None:
    """The widest network decides."""
    made = index.index
    patch.setattr(sets, "index", lambda content: index.SetIndex(made(content).positions, made(content).layers[::-1]))


def missing_directions_ignored(patch: Patch) -> None:
    """A set with more dimensions than directions is asked as far as these go."""
    held = sets._holds

    def holds(found: IpSet, test: Member, packet: Packet, view: Any) -> bool | None:
        missing = found.content.dimensions - len(test.directions)
        return held(found, replace(test, directions=(*test.directions, *("dst",) * max(0, missing))), packet, view)

    patch.setattr(sets, "_holds", holds)


def first_list_only(patch: Patch) -> None:
    """A list of sets asks its first set only."""
    asked = sets._any_holds

    def any_holds(listed: IpSet, test: Member, packet: Packet, view: Any) -> bool | None:
        first = replace(listed, content=replace(listed.content, lists=listed.content.lists[:1]))
        return asked(first, test, packet, view)

    patch.setattr(sets, "_any_holds", any_holds)


def ports_of_the_other_end(patch: Patch) -> None:
    """A port is read from the other end."""
    fits = sets._port_fits
    patch.setattr(sets, "_port_fits", lambda part, inward, packet: fits(part, not inward, packet))


def icmp_has_no_port(patch: Patch) -> None:
    """ICMP has port 0 in a set."""
    fits = sets._port_fits
    patch.setattr(sets, "_port_fits", lambda part, inward, packet: fits(part, inward, replace(packet, icmp=0)))


def bitmap_holds_all(patch: Patch) -> None:
    """A bitmap of ports holds SCTP as well."""
    fits = sets._port_fits

    def port_fits(part: Any, inward: bool, packet: Packet) -> bool:
        return fits(part, inward, replace(packet, protocol=6) if part.protocol is None else packet)

    patch.setattr(sets, "_port_fits", port_fits)


def every_network_is_searched(patch: Patch) -> None:
    """A set with interfaces is searched beyond the longest network."""

    def beyond(members: Iterable[SetMember], direction: str, packet: Packet) -> tuple[SetMember | None, bool]:
        named = (member for member in members if not member.parts[1].physical)  # type: ignore[union-attr]
        return next((member for member in named if sets._fits(member.parts[1], direction, packet)), None), True

    patch.setattr(sets, "_of_longest", beyond)


def end_of_network_excluded(patch: Patch) -> None:
    """The last address of a network is none of it."""
    fits = sets._fits

    def changed(part: Any, direction: str, packet: Packet) -> bool | None:
        end = packet.source if direction == "src" else packet.destination
        if isinstance(part, AddressPart) and part.first < part.last == end:
            return False
        return fits(part, direction, packet)

    patch.setattr(sets, "_fits", changed)


def states_in_raw(patch: Patch) -> None:
    """The raw table knows the state."""
    look = WALKER._look

    def seen(self: Any, branch: Any) -> None:
        look(self, branch)
        if not branch.untracked:
            branch.seen = replace(branch.seen, state=self.packet.state)

    patch.setattr(WALKER, "_look", seen)


def untracked_keeps_its_state(patch: Patch) -> None:
    """A packet that is not tracked keeps its state."""
    look = WALKER._look

    def seen(self: Any, branch: Any) -> None:
        look(self, branch)
        raw = self.hooks[branch.hook][0] == "raw"
        branch.seen = replace(branch.seen, state=ConnState.INVALID if raw else self.packet.state)

    patch.setattr(WALKER, "_look", seen)


def errors_meet_nat(patch: Patch) -> None:
    """ICMP errors meet the nat table."""
    patch.setattr(WALKER, "_spared", lambda self, branch: self.hooks[branch.hook][0] == "nat" and branch.untracked)


def known_connections_meet_nat(patch: Patch) -> None:
    """Packets of known connections meet the nat table."""
    patch.setattr(chains, "_visits", lambda table, state: True)


MUTANTS: Mapping[str, Mutant] = {
    "goto returns": goto_returns,
    "accept is final": accept_is_final,
    "policy accepts": policy_accepts,
    "mark or": _writing(lambda old, mask, value: (old & ~mask) | value),
    "mark keeps": _writing(lambda old, mask, value: old ^ value),
    "mark within mask": _writing(lambda old, mask, value: (old & ~mask) ^ (value & mask)),
    "interfaces everywhere": _seen(
        lambda seen, packet: replace(seen, in_interface=packet.in_interface, out_interface=packet.out_interface)
    ),
    "range ends before its last": _holding(InRange, _ends_excluded),
    "range begins after its first": _holding(InRange, _beginnings_excluded),
    "wildcard needs a rest": _holding(Named, _longer_names),
    "mask is ignored": _holding(Masked, _mask_ignored),
    "negation is ignored": _holding(Not, lambda test, packet, answer: not answer),
    "nomatch is ignored": nomatch_ignored,
    "shortest prefix first": shortest_prefix_first,
    "missing directions are ignored": missing_directions_ignored,
    "first list only": first_list_only,
    "ports of the other end": ports_of_the_other_end,
    "icmp has no port": icmp_has_no_port,
    "bitmap holds all": bitmap_holds_all,
    "every network is searched": every_network_is_searched,
    "end of a network is excluded": end_of_network_excluded,
    "states in raw": states_in_raw,
    "untracked keeps its state": untracked_keeps_its_state,
    "errors meet nat": errors_meet_nat,
    "known connections meet nat": known_connections_meet_nat,
    "ports of one end": _seen(lambda seen, packet: replace(seen, source_port=packet.destination_port)),
}
"""By what is wrong with the walk through the chains."""


def absent_label_is_empty(patch: Patch) -> None:
    """A pod without a label has it with an empty value."""
    known = predicates.label_value
    patch.setattr(predicates, "label_value", lambda label, packet, view: known(label, packet, view) or "")


def first_policy_only(patch: Patch) -> None:
    """Of several policies that select a pod the first decides."""
    found = policies._decided
    patch.setattr(policies, "_decided", lambda tier, chosen, *rest: found(tier, chosen[:1], *rest))


def directions_swapped(patch: Patch) -> None:
    """Rules of the other direction count."""
    found = policies._selecting
    other = {Direction.INGRESS: Direction.EGRESS, Direction.EGRESS: Direction.INGRESS}

    def selecting(place: int, tier: Any, packet: Packet, direction: Direction, view: Any) -> Any:
        turned = replace(packet, source=packet.destination, destination=packet.source)
        return found(place, tier, turned, other[direction], view)

    patch.setattr(policies, "_selecting", selecting)


def named_port_of_any_protocol(patch: Patch) -> None:
    """A port's name counts for every protocol."""
    held = predicates.HOLDS[PortNamed]

    def holds(test: Any, packet: Packet, view: Any) -> bool | None:
        return held(test, replace(packet, protocol=test.protocol), view)

    patch.setitem(predicates.HOLDS, PortNamed, holds)


OF_POLICIES: Mapping[str, Mutant] = {
    "absent label is empty": absent_label_is_empty,
    "directions swapped": directions_swapped,
    "first policy only": first_policy_only,
    "named port of any protocol": named_port_of_any_protocol,
    "negation is ignored": _holding(Not, lambda test, packet, answer: not answer),
    "range ends before its last": _holding(InRange, _ends_excluded),
}
"""By what is wrong with the reading of policies."""

BREAKS: Mapping[str, str] = {
    "goto returns": "CH-5",
    "accept is final": "CH-3",
    "policy accepts": "CH-8",
    "mark or": "MT-1",
    "mark keeps": "MT-1",
    "mark within mask": "MT-1",
    "interfaces everywhere": "CH-2",
    "range ends before its last": "PR-2",
    "range begins after its first": "PR-2",
    "wildcard needs a rest": "PR-4",
    "mask is ignored": "PR-3",
    "negation is ignored": "PR-1",
    "nomatch is ignored": "SET-5",
    "shortest prefix first": "SET-5",
    "missing directions are ignored": "SET-2",
    "first list only": "SET-8",
    "ports of the other end": "SET-1",
    "icmp has no port": "SET-6",
    "bitmap holds all": "SET-7",
    "every network is searched": "SET-17",
    "end of a network is excluded": "SET-1",
    "states in raw": "CH-12",
    "untracked keeps its state": "CH-11",
    "errors meet nat": "CH-6",
    "known connections meet nat": "CH-6",
    "ports of one end": "U-1",
}
"""The clause that each error misreads."""


__all__ = ["BREAKS", "MUTANTS", "OF_POLICIES", "Mutant"]
