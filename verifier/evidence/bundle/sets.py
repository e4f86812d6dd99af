"""Membership in a set: one definition per set and the ends that it is asked about, from its members as read.

Spec: specs/chains/sets.md, specs/chains/predicates.md (PR-9)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from verifier.evidence.bundle.interfaces import Interfaces
from verifier.evidence.bundle.script import Function, Script
from verifier.evidence.bundle.terms import (
    FALSE,
    TRUE,
    Term,
    addresses,
    choice,
    conj,
    disj,
    equal,
    negation,
    number,
    variable,
    within,
)
from verifier.model.fields import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, Field
from verifier.model.ipset import AddressPart, InterfacePart, IpSet, MarkPart, Part, PortPart, SetMember, lasting
from verifier.model.predicate import Member, Named
from verifier.reference.view import View

READ_PORTS = (TCP, UDP, SCTP, UDPLITE)
MARKED_KINDS = ("hash:net", "hash:net,net", "hash:net,port", "hash:net,port,net", "hash:net,iface", "hash:ip,port,net")
"""The types whose members can be marked nomatch."""
MAPPED = (0xFFFF << 32, (0xFFFF << 32) | 0xFFFFFFFF)


class Sets:
    """The sets of a node as a script speaks of them; `mark` says whether the packet's mark has a value.

    Where the node `translates` destinations, what is not known of one is asked anew, as it may be another.
    """

    def __init__(
        self, script: Script, view: View, interfaces: Interfaces, mark: Callable[[int], Term], *, translates: bool
    ) -> None:
        self._script = script
        self._translates = translates
        self._view = view
        self._interfaces = interfaces
        self._mark = mark
        self._known: dict[tuple[str, tuple[str, ...], bool], Term] = {}
        self._lists: dict[str, Function] = {}

    def member(self, test: Member) -> Term:
        """Whether the packet is a member."""
        key = (test.name, test.directions, test.nomatch)
        named = test.name.startswith("@")
        return self._kept(key, test, lambda: self._address_type(test) if named else self._member(test))

    def changes(self, name: str) -> bool:
        """Whether each question has a truth value of its own, because nothing tells what the set holds then (SET-18)."""
        found = (self._view.sets or {}).get(name)
        if name.startswith("@") or found is None:
            return not name.startswith("@")
        return bool(found.content.opaque) or any(self.changes(each) for each in found.content.lists)

    def _asked_once(self, test: Member) -> bool:
        """Whether all questions have one answer, of packets that are sent on also before and after (SET-18)."""
        moves = self._translates and "dst" in test.directions
        return lasting(test.name, self._view.sets) and not moves

    def _kept(self, key: tuple[str, tuple[str, ...], bool], test: Member, make: Callable[[], Term]) -> Term:
        """A term that is made once, unless it has truth values that belong to one question."""
        found = self._known.get(key)
        if found is None:
            before = len(self._script.free)
            found = make()
            if self._asked_once(test) or len(self._script.free) == before:
                self._known[key] = found
        return found

    def _unclear(self, test: Member, why: str) -> Term:
        text = f"set {test.name} {','.join(test.directions)}: {why}"
        return self._script.unknown(text, test if self._asked_once(test) else None)

    def _member(self, test: Member) -> Term:
        found = self._view.sets.get(test.name) if self._view.sets is not None else None
        if found is None:
            return self._unclear(test, "it is not in the dump")
        if found.content.kind != "list:set":
            return self._of(found, test)
        if found.content.opaque or test.nomatch:
            return self._unclear(test, found.content.opaque or "nomatch of a list of sets")
        parts: list[Term] = []
        for name in found.content.lists:
            assert self._view.sets is not None
            element = self._view.sets.get(name)
            if element is None or element.content.kind == "list:set":
                parts.append(self._unclear(test, f"its member {name} is not in the dump, or itself a list"))
            else:
                parts.append(self._of(element, Member(name, test.directions)))
        body = disj(parts)
        listed = ", ".join(found.content.lists) or "nothing"
        return self._script.define(
            self._called(test), body, (f"{self._script.place(found.origin)}  set {test.name}: {listed}",)
        ).call()

    def _called(self, test: Member) -> str:
        return f"set/{test.name}/{','.join(test.directions)}{'/nomatch' if test.nomatch else ''}"

    def _of(self, found: IpSet, test: Member) -> Term:
        """A set with members of its own (SET-1 to SET-3)."""
        content = found.content
        if len(test.directions) < content.dimensions or found.family not in (0, self._script.family):
            return FALSE
        if content.opaque or (content.kind == "hash:ip,mark" and "markmask" in found.options):
            return self._unclear(test, content.opaque or "its marks are masked")
        wanted = test.nomatch and content.kind in MARKED_KINDS
        if all(len(each.parts) == 1 and isinstance(each.parts[0], AddressPart) for each in content.members):
            return self._of_addresses(found, wanted).call({"a": self._end(test.directions[0])})
        if content.kind == "hash:net,iface" and not wanted:
            return self._of_interfaces(found, test)

        def made() -> Term:
            body = FALSE if wanted else disj(self._fits(each, test) for each in content.members)
            if any(each.nomatch for each in content.members):
                body = self._first(content.members, test, wanted)
            place = self._script.place(found.origin)
            comment = f"{place}  set {found.name} {content.kind}, {len(content.members)} members"
            return self._script.define(self._called(test), body, (comment,)).call()

        return self._kept((found.name, test.directions, wanted), test, made)

    def _of_interfaces(self, found: IpSet, test: Member) -> Term:
        """Of the longest network that holds the address some member has the interface (SET-17).

        Bridge ports are no members, but a network that stands with nothing else may hide what is wider.
        """
        return self._kept((found.name, test.directions, False), test, lambda: self._by_network(found, test))

    def _by_network(self, found: IpSet, test: Member) -> Term:
        by_network: dict[tuple[int, int], list[Term]] = {}
        for each in found.content.members:
            interface = each.parts[1]
            assert isinstance(interface, InterfacePart)
            terms = by_network.setdefault(_span(each), [])
            if not interface.physical:
                terms.append(FALSE if each.nomatch else self._part(interface, test.directions[1], test))
        body, end = FALSE, self._end(test.directions[0])
        hides = "whether a longer network with a bridge port hides a wider one is chance"
        hidden = self._unclear(test, hides) if not all(by_network.values()) else FALSE
        for span in sorted(by_network, key=lambda span: span[0] - span[1]):
            inside = disj(by_network[span]) if by_network[span] else conj((body, negation(hidden)))
            body = choice(within(end, self._script.address, [span]), inside, body)
        place = self._script.place(found.origin)
        comment = f"{place}  set {found.name} {found.content.kind}, {len(found.content.members)} members"
        return self._script.define(self._called(test), body, (comment,)).call()

    def _of_addresses(self, found: IpSet, wanted: bool) -> Function:
        name = f"set/{found.name}{'/nomatch' if wanted else ''}"
        if name not in self._lists:
            members = found.content.members
            body = self._longest(members, wanted) if any(each.nomatch for each in members) else FALSE
            if not any(each.nomatch for each in members) and not wanted:
                body = addresses(variable("a"), self._script.address, [_span(each) for each in members])
            comment = (
                f"{self._script.place(found.origin)}  set {found.name} {found.content.kind}, {len(members)} members"
            )
            body = Term(body.text, body.reads | {"a"})
            self._lists[name] = self._script.define(name, body, (comment,))
        return self._lists[name]

    def _longest(self, members: Sequence[SetMember], wanted: bool) -> Term:
        """The smallest network that holds the address decides (SET-5)."""
        body = FALSE
        for each in sorted(members, key=lambda each: _span(each)[0] - _span(each)[1]):
            verdict = TRUE if each.nomatch is wanted else FALSE
            body = choice(within(variable("a"), self._script.address, [_span(each)]), verdict, body)
        return body

    def _first(self, members: Sequence[SetMember], test: Member, wanted: bool) -> Term:
        """Of the members that fit, the one of the smallest networks decides, the first network before the second (SET-5)."""
        body = FALSE
        for each in sorted(members, key=_spans, reverse=True):
            body = choice(self._fits(each, test), TRUE if each.nomatch is wanted else FALSE, body)
        return body

    def _end(self, direction: str) -> Term:
        return variable("src" if direction == "src" else "dst")

    def _fits(self, member: SetMember, test: Member) -> Term:
        parts = zip(member.parts, test.directions, strict=False)
        return conj(self._part(part, direction, test) for part, direction in parts)

    def _part(self, part: Part, direction: str, test: Member) -> Term:
        match part:
            case AddressPart(first, last):
                return within(self._end(direction), self._script.address, [(first, last)])
            case PortPart():
                return self._port(part, direction)
            case InterfacePart(name):
                way = Field.IN_INTERFACE if direction == "src" else Field.OUT_INTERFACE
                return self._interfaces.test(Named(way, name), self._script)
            case MarkPart(value):
                return self._mark(value)
            case _:
                return self._unclear(test, "members with hardware addresses")

    def _port(self, part: PortPart, direction: str) -> Term:
        """What a set takes for the port: real ports, type and code of the family's ICMP, else 0 (SET-6, SET-7)."""
        protocols = (TCP, UDP) if part.protocol is None else (part.protocol,)
        proto = disj(equal(variable("proto"), number(each, 8)) for each in protocols)
        if part.protocol is None or part.protocol in READ_PORTS:
            port = variable("sport" if direction == "src" else "dport")
            return conj((proto, within(port, 16, [(part.first, part.last)])))
        if part.protocol == (ICMP if self._script.family == 4 else ICMPV6):
            return conj((proto, within(variable("icmp"), 16, [(part.first, part.last)])))
        return proto if part.first == 0 else FALSE

    # ------------------------------------------------------------------ address types

    def _address_type(self, test: Member) -> Term:
        """What kind of address an end has on this node (PR-9)."""
        name = f"type/{test.name[1:]}"
        if name not in self._lists:
            body = self._type4(test) if self._script.family == 4 else self._type6(test)
            if body is None:
                return self._unclear(test, "the addresses of the node are not known")
            comment = f"addresses of type {test.name[1:]} on this node"
            self._lists[name] = self._script.define(name, Term(body.text, body.reads | {"a"}), (comment,))
        return self._lists[name].call({"a": self._end(test.directions[0])})

    def _own(self) -> Term:
        own = sorted(value for family, value in self._view.types.own if family == self._script.family)
        return within(variable("a"), self._script.address, [(value, value) for value in own])

    def _type4(self, test: Member) -> Term | None:
        a = variable("a")
        limited = within(a, 32, [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF)])
        multicast = within(a, 32, [(0xE0000000, 0xEFFFFFFF)])
        if test.name == "@multicast":
            return multicast
        if test.name not in ("@local", "@broadcast", "@unicast"):
            return FALSE
        if not self._view.types.known:
            return None
        broadcasts = {*self._view.types.broadcasts, 0x7FFFFFFF}
        directed = within(a, 32, [(value, value) for value in sorted(broadcasts)])
        loopback = within(a, 32, [(0x7F000000, 0x7FFFFFFF)])
        elsewhere = negation(disj((limited, multicast)))
        local = conj((elsewhere, disj((self._own(), conj((negation(directed), loopback))))))
        broadcast = disj((limited, conj((elsewhere, negation(self._own()), directed))))
        if test.name == "@local":
            return local
        if test.name == "@broadcast":
            return broadcast
        return negation(disj((local, broadcast, multicast)))

    def _type6(self, test: Member) -> Term | None:
        a = variable("a")
        multicast = within(a, 128, [(0xFF << 120, (1 << 128) - 1)])
        match test.name:
            case "@unspec":
                return within(a, 128, [(0, 0)])
            case "@multicast":
                return multicast
            case "@unicast":
                return negation(disj((multicast, within(a, 128, [(0, 0), MAPPED]))))
            case "@broadcast":
                return FALSE
            case "@local" if self._view.types.known:
                return disj((within(a, 128, [(1, 1)]), self._own()))
            case _:
                return None


def _spans(member: SetMember) -> tuple[int, ...]:
    return tuple(part.last - part.first for part in member.parts if isinstance(part, AddressPart))


def _span(member: SetMember) -> tuple[int, int]:
    part = member.parts[0]
    assert isinstance(part, AddressPart)
    return part.first, part.last
