"""Everything in a packet but addresses, interfaces, state and marks, as one line of cells: the services.

A service is a protocol with its ports, ICMP type, TCP flags and translation status. Per protocol the cells are the
product of the cells of its fields, so that any test on these fields is exactly a mask.

Spec: specs/universe.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from verifier.model.fields import DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, ConnState, CtStatus, Field
from verifier.model.predicate import Range
from verifier.semantics.line import Line, cells

TOPS = {
    Field.DESTINATION_PORT: 65535,
    Field.SOURCE_PORT: 65535,
    Field.ICMP: 65535,
    Field.TCP_FLAGS: 255,
    Field.CT_STATUS: 3,
}
PORTS = (Field.DESTINATION_PORT, Field.SOURCE_PORT)
FIELDS_OF = {
    TCP: (*PORTS, Field.TCP_FLAGS),
    UDP: PORTS,
    SCTP: PORTS,
    DCCP: PORTS,
    UDPLITE: PORTS,
    ICMP: (Field.ICMP,),
    ICMPV6: (Field.ICMP,),
}
SYN, RST_FIN, ACK = 2, 5, 16
FREE_FLAGS = 8 | 64 | 128
"""PSH, ECE and CWR: connection tracking never minds them."""
VALID_FLAGS = (2, 2 | 32, 2 | 16, 16, 16 | 32, 16 | 1, 16 | 1 | 32, 4, 4 | 16)
"""The other flags of a packet of a known connection: S, SU, SA, A, AU, FA, FAU, R, RA."""
ICMP_NEW = {ICMP: (8, 13, 15, 17), ICMPV6: (128, 139)}
ICMP_KNOWN = {ICMP: (0, 8, 13, 14, 15, 16, 17, 18), ICMPV6: (128, 129, 139, 140)}
"""The types of queries and their replies: all that can be ESTABLISHED (U-26)."""
NEVER_TRACKED = {ICMPV6: (130, 131, 132, 133, 134, 135, 136, 143, 151, 152)}
"""Neighbour discovery and multicast listener messages, which belong to no connection (U-22)."""


class Values:
    """A small field cut into cells that need not be ranges: values with the same signature under all tests."""

    def __init__(self, tests: Sequence[Callable[[int], bool]], top: int) -> None:
        groups: dict[tuple[bool, ...], list[int]] = {}
        for value in range(top + 1):
            groups.setdefault(tuple(test(value) for test in tests), []).append(value)
        self.groups = list(groups.values())
        self.count = len(self.groups)
        self.all = (1 << self.count) - 1

    def select(self, test: Callable[[int], bool]) -> int:
        """The cells whose values pass a test that is among those the field was cut by."""
        return sum(1 << index for index, group in enumerate(self.groups) if test(group[0]))

    def values(self, mask: int) -> list[int]:
        """All values of the cells of a mask, sorted."""
        return sorted(value for index, group in enumerate(self.groups) if mask >> index & 1 for value in group)


@dataclass(frozen=True, slots=True)
class Block:
    """Protocols that no test can tell apart, with the cells of their fields; the last field varies fastest."""

    protocols: tuple[int, ...]
    fields: tuple[Field, ...]
    axes: tuple[Line | Values, ...]
    offset: int
    size: int

    @property
    def mask(self) -> int:
        return ((1 << self.size) - 1) << self.offset


@dataclass(slots=True)
class ServiceCuts:
    """What the tests of a node and its policies can tell apart."""

    protocols: set[Range]
    ports: dict[Field, set[Range]]
    flags: set[tuple[int, int]]
    status: set[tuple[int, int]]

    @classmethod
    def empty(cls) -> ServiceCuts:
        return cls(set(), {field: set() for field in (*PORTS, Field.ICMP)}, set(), set())


class Services:
    """The line of services: `count` cells, `all` of them."""

    def __init__(self, cuts: ServiceCuts) -> None:
        lines: dict[Field, Line | Values] = {field: Line(cuts.ports[field], TOPS[field]) for field in PORTS}
        lines[Field.ICMP] = Line(cuts.ports[Field.ICMP] | (_icmp_ranges() if cuts.ports[Field.ICMP] else set()), 65535)
        lines[Field.TCP_FLAGS] = _masked_axis(cuts.flags, 255, TCP_STATES if cuts.flags else ())
        lines[Field.CT_STATUS] = _masked_axis(cuts.status, 3, ())
        self.axes = lines
        self.blocks = tuple(self._blocks(cuts.protocols))
        self.count = self.blocks[-1].offset + self.blocks[-1].size
        self.all = (1 << self.count) - 1
        self._cache: dict[object, int] = {}

    def _blocks(self, protocols: set[Range]) -> Iterable[Block]:
        offset = 0
        line = Line(protocols | {(p, p) for p in FIELDS_OF}, 255)
        groups: dict[tuple[object, ...], list[int]] = {}
        mentioned = sorted(protocols)
        for cell in range(line.count):
            members = range(line.first(cell), line.last(cell) + 1)
            signature: tuple[object, ...] = tuple(lo <= members[0] <= hi for lo, hi in mentioned)
            key = (members[0],) if members[0] in FIELDS_OF else ("other", *signature)
            groups.setdefault(key, []).extend(members)
        for members_ in groups.values():
            fields = (Field.CT_STATUS, *FIELDS_OF.get(members_[0], ()))
            axes = tuple(self.axes[field] for field in fields)
            size = 1
            for axis in axes:
                size *= axis.count
            yield Block(tuple(members_), fields, axes, offset, size)
            offset += size

    def spread(self, block: Block, field: Field, chosen: int) -> int:
        """The cells of a block where one of its fields lies in the chosen cells of that field's axis."""
        if field not in block.fields:
            return 0
        position = block.fields.index(field)
        inner = 1
        for axis in block.axes[position + 1 :]:
            inner *= axis.count
        run = (1 << inner) - 1
        pattern = 0
        while chosen:
            low = chosen & -chosen
            pattern |= run << ((low.bit_length() - 1) * inner)
            chosen ^= low
        period = inner * block.axes[position].count
        copies = block.size // period
        repeated = pattern * (((1 << (period * copies)) - 1) // ((1 << period) - 1))
        return repeated << block.offset

    def protocols(self, ranges: Iterable[Range]) -> int:
        """The cells of the protocols in these ranges."""
        wanted = tuple(ranges)
        return sum(b.mask for b in self.blocks if any(lo <= b.protocols[0] <= hi for lo, hi in wanted))

    def within(self, field: Field, ranges: tuple[Range, ...]) -> int:
        """The cells whose field exists and lies in one of the ranges."""
        key = (field, ranges)
        found = self._cache.get(key)
        if found is None:
            axis = self.axes[field]
            if isinstance(axis, Line):
                chosen = 0
                for first, last in ranges:
                    chosen |= axis.mask(first, min(last, axis.top))
            else:
                chosen = axis.select(lambda value: any(lo <= value <= hi for lo, hi in ranges))
            found = self._cache[key] = self._everywhere(field, chosen)
        return found

    def masked(self, field: Field, value: int, mask: int) -> int:
        """The cells whose field exists and has field & mask == value (TCP flags, translation status)."""
        axis = self.axes[field]
        assert isinstance(axis, Values)
        return self._everywhere(field, axis.select(lambda v: v & mask == value))

    def _everywhere(self, field: Field, chosen: int) -> int:
        out = 0
        for block in self.blocks:
            out |= self.spread(block, field, chosen)
        return out

    def translated(self, mask: int, ports: Range | None) -> int:
        """The services after a translation of the destination, to one of these ports where it names any (DN-2)."""
        return sum(self._translated(block, mask, ports) for block in self.blocks)

    def _translated(self, block: Block, mask: int, ports: Range | None) -> int:
        status, port = self.axes[Field.CT_STATUS], self.axes[Field.DESTINATION_PORT]
        assert isinstance(status, Values)
        assert isinstance(port, Line)
        has_port = Field.DESTINATION_PORT in block.fields
        if ports is not None and not has_port:
            return 0
        inside = (mask & block.mask) >> block.offset
        outer = block.size // status.count
        whole = 0
        for index in range(status.count):
            whole |= (inside >> (index * outer)) & ((1 << outer) - 1)
        if ports is not None:
            inner = outer // port.count
            rest = 0
            for index in range(port.count):
                rest |= (whole >> (index * inner)) & ((1 << inner) - 1)
            whole = sum(rest << (cell * inner) for cell in cells(port.mask(*ports)))
        chosen = next(index for index, group in enumerate(status.groups) if CtStatus.DNAT in group)
        return whole << (chosen * outer) << block.offset

    def of_same_protocols(self, services: int) -> int:
        """All cells of the protocols that some of these cells have."""
        return sum(block.mask for block in self.blocks if block.mask & services)

    @cached_property
    def policed(self) -> int:
        """TCP, UDP and SCTP."""
        return self.protocols(((TCP, TCP), (UDP, UDP), (SCTP, SCTP)))

    def feasible(self, state: ConnState) -> int:
        """The services that can have this state (specs/universe.md U-20..U-26)."""
        out = self.all
        if state is ConnState.NEW:
            out &= ~self._infeasible_new()
        if state in (ConnState.ESTABLISHED, ConnState.RELATED):
            out &= ~self._infeasible_flags(valid_flags)
        if state is ConnState.ESTABLISHED:
            out &= ~self._other_types(ICMP_KNOWN)
        if state is ConnState.RELATED:
            out &= ~self._types(NEVER_TRACKED)
        if state in (ConnState.INVALID, ConnState.UNTRACKED):
            out &= self.within(Field.CT_STATUS, ((0, 0),))
        if state is ConnState.INVALID:
            out &= self.protocols([(p, p) for p in (TCP, UDP, UDPLITE, SCTP, ICMP, ICMPV6)])
        return out

    def _infeasible_new(self) -> int:
        return self._infeasible_flags(feasible_new_flags) | self._other_types(ICMP_NEW)

    def _other_types(self, kinds: Mapping[int, tuple[int, ...]]) -> int:
        """The cells of these protocols with other ICMP types; none where nothing tells types apart."""
        whole = self.protocols([(protocol, protocol) for protocol in kinds])
        return whole & ~self._types(kinds) if self.axes[Field.ICMP].count > 1 else 0

    def _types(self, kinds: Mapping[int, tuple[int, ...]]) -> int:
        """The cells of these protocols with these ICMP types; none where nothing tells types apart."""
        icmp = self.axes[Field.ICMP]
        assert isinstance(icmp, Line)
        out = 0
        for block in self.blocks if icmp.count > 1 else ():
            for kind in kinds.get(block.protocols[0], ()):
                out |= self.spread(block, Field.ICMP, icmp.mask(kind * 256, kind * 256 + 255))
        return out

    def _infeasible_flags(self, feasible: Callable[[int], bool]) -> int:
        """The cells of TCP with flags that are not feasible; none where nothing tells flags apart."""
        flags = self.axes[Field.TCP_FLAGS]
        assert isinstance(flags, Values)
        if flags.count == 1:
            return 0
        infeasible = flags.all & ~flags.select(feasible)
        return sum(self.spread(b, Field.TCP_FLAGS, infeasible) for b in self.blocks if b.protocols == (TCP,))


def feasible_new_flags(flags: int) -> bool:
    """Whether a TCP packet without a connection is NEW: SYN alone, or ACK without SYN, FIN and RST (loose pickup)."""
    if flags & SYN:
        return flags & (ACK | RST_FIN) == 0
    return flags & ACK != 0 and flags & RST_FIN == 0


def valid_flags(flags: int) -> bool:
    """Whether a TCP packet with these flags can belong to a known connection (U-25)."""
    return flags & ~FREE_FLAGS in VALID_FLAGS


TCP_STATES = (feasible_new_flags, valid_flags)


def _icmp_ranges() -> set[Range]:
    kinds = {kind for known in (ICMP_KNOWN, NEVER_TRACKED) for each in known.values() for kind in each}
    return {(kind * 256, kind * 256 + 255) for kind in kinds}


def _masked_axis(tests: set[tuple[int, int]], top: int, extra: Sequence[Callable[[int], bool]]) -> Values:
    def passes(value: int, mask: int) -> Callable[[int], bool]:
        return lambda v: v & mask == value

    return Values([*(passes(value, mask) for value, mask in sorted(tests)), *extra], top)
