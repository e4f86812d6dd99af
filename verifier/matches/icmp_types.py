"""Types and codes of ICMP and ICMPv6: by number, by name, any.

Spec: specs/matches/icmp.md, specs/matches/icmp6.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verifier.model.extension import Malformed, Option, integer
from verifier.model.fields import Field
from verifier.model.listing import Listing, groups, listing, piece
from verifier.model.predicate import TRUE, InRange, Predicate, all_of, equals, negate

ANY = 255
Named = Mapping[str, tuple[int, int | None]]


@dataclass(frozen=True, slots=True)
class IcmpType:
    """Holds for packets of the protocol with this type and code; None stands for every one (IC-1, IC-2)."""

    protocol: int
    flag: str
    type: int | None
    code: int | None
    negated: bool

    def meaning(self) -> Predicate:
        return all_of(equals(Field.PROTOCOL, self.protocol), self._of_its_protocol())

    def _of_its_protocol(self) -> Predicate:
        if self.type is None:
            return negate(TRUE, self.negated)
        first = self.type * 256 + (self.code or 0)
        last = first if self.code is not None else first + 255
        return negate(InRange(Field.ICMP, ((first, last),)), self.negated)

    def spelling(self) -> str:
        if not self.flag:
            return ""
        code = "" if self.code is None else f"/{self.code}"
        return f"{'! ' if self.negated else ''}{self.flag} {'any' if self.type is None else self.type}{code}"


def icmp_parser(
    protocol: int, flag: str, names: Named, any_type: int | None
) -> Callable[[tuple[Option, ...], int], IcmpType]:
    """A `parse` for one of the two protocols; `any_type` is the number that stands for every type, where there is one."""

    def parse(options: tuple[Option, ...], family: int) -> IcmpType:  # noqa: ARG001  one signature for all
        if not options:
            return IcmpType(protocol, "", None, None, negated=False)
        type_, code = parse_icmp_type(options[0].arguments[0], names, any_type)
        return IcmpType(protocol, flag, type_, code, options[0].negated)

    return parse


def parse_icmp_type(text: str, names: Named, any_type: int | None) -> tuple[int | None, int | None]:
    """Type and code of `TYPE`, `TYPE/CODE`, a name, or an unambiguous beginning of a name."""
    if not text[:1].isdigit():
        return _by_name(text.lower(), names, any_type)
    number, slash, code = text.partition("/")
    type_ = integer(number, 255)
    return (None if type_ == any_type else type_), (integer(code, 255) if slash and type_ != any_type else None)


def _by_name(text: str, names: Named, any_type: int | None) -> tuple[int | None, int | None]:
    if text == "any" and any_type is not None:
        return None, None
    if text in names:
        return names[text]
    found = {names[name] for name in names if text and name.startswith(text)}
    if len(found) != 1:
        raise Malformed(f"{text!r} is not one ICMP type by name; write its number")
    return found.pop()


def listed_types(name: str, flag: str) -> Listing:
    """How a listing prints a type: by number with -n, else by name."""
    return listing(
        "",
        piece(flag, f"{name} ?(?P<no>!)?type ([0-9]+)(?: code ([0-9]+))?", _numbered),
        piece(flag, f"{name} (?P<no>!)?([a-z][-a-z]*)"),
    )


def _numbered(match: re.Match[str]) -> tuple[str, ...]:
    return ("/".join(groups(match)),)
