"""Names of connection states as the state and conntrack extensions read them.

Spec: specs/matches/conntrack.md
"""

from __future__ import annotations

from verifier.model.extension import Malformed
from verifier.model.fields import ConnState, CtStatus, Field
from verifier.model.predicate import InRange, Masked, Predicate, Range, any_of

PRINTED = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
READ = ("INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "SNAT", "DNAT")


def parse_states(text: str, known: tuple[str, ...]) -> frozenset[str]:
    """A list of states; case does not matter and a beginning will do, the first of `known` that has it wins."""
    states = set()
    for word in text.split(","):
        found = next((name for name in known if word and name.startswith(word.upper())), None)
        if found is None:
            raise Malformed(f"{word!r} is not a connection state (one of {', '.join(known)})")
        states.add(found)
    return frozenset(states)


def spell_states(states: frozenset[str]) -> str:
    """The list as iptables-save prints it."""
    return ",".join(name for name in PRINTED if name in states)


def in_states(states: frozenset[str]) -> Predicate:
    """Packets in one of the states; SNAT and DNAT ask whether the connection's addresses were rewritten (CT-1, CT-2)."""
    numbers = sorted(ConnState[name].value for name in states if name in ConnState.__members__)
    parts: list[Predicate] = [InRange(Field.STATE, _ranges(numbers))] if numbers else []
    parts += [Masked(Field.CT_STATUS, bit, bit) for bit in CtStatus if bit.name in states]
    return any_of(*parts)


def _ranges(numbers: list[int]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)
