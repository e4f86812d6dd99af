"""The atoms of a question over plain header bits and label fields: slow, obvious, and independent of packet classes.

Addresses, ports, protocol, ICMP type, TCP flags and translation status are bit vectors; every label that a policy
mentions is a field with the values absent, each value that occurs, and any other. The inventory ties labels to
addresses in one separate constraint, so that policies are stated as they are written.

Spec: specs/answers.md (encodings)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

from verifier.model.fields import Field, Label
from verifier.model.predicate import Range
from verifier.semantics.cuts import WIDTH
from verifier.semantics.decode import ServiceBox, service_boxes
from verifier.semantics.space import Space
from verifier.semantics.summaries import ADDRESS, LABEL, SERVICE
from verifier.smt.solver import Handle, Solver, World

BITS = {
    Field.PROTOCOL: 8,
    Field.DESTINATION_PORT: 16,
    Field.SOURCE_PORT: 16,
    Field.ICMP: 16,
    Field.TCP_FLAGS: 8,
    Field.CT_STATUS: 2,
}


class HeaderBits:
    """A definer for verifier.smt.solver.Solver that states every atom over header bits."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __call__(self, solver: Solver, atoms: Sequence[int], world: World) -> list[Handle]:
        context = solver.context
        address = z3.BitVec("address", WIDTH[self._space.family], context)
        fields = {field: z3.BitVec(field.value, width, context) for field, width in BITS.items()}
        cells = world.get(ADDRESS, self._space.addresses.all)
        assertions: list[Any] = [
            self._address(address, cells, context),
            self._service(fields, world[SERVICE], context),
        ]
        for literal, mask in solver.masked_atoms(atoms, ADDRESS):
            assertions.append(self._term(solver, literal) == self._address(address, mask, context))
        for literal, mask in solver.masked_atoms(atoms, SERVICE):
            assertions.append(self._term(solver, literal) == self._service(fields, mask, context))
        assertions.extend(self._labels(solver, atoms, address, cells, context))
        return [solver.hold(assertion.as_ast()) for assertion in assertions]

    def _term(self, solver: Solver, literal: int) -> Any:
        return z3.BoolRef(solver.term(literal), solver.context)

    def _address(self, address: Any, mask: int, context: z3.Context) -> Any:
        return _within(address, self._space.addresses.ranges(mask), context)

    def _service(self, fields: dict[Field, Any], mask: int, context: z3.Context) -> Any:
        boxes = [self._box(fields, box, context) for box in service_boxes(self._space.services, mask)]
        return z3.Or(boxes) if boxes else z3.BoolVal(False, context)

    def _box(self, fields: dict[Field, Any], box: ServiceBox, context: z3.Context) -> Any:
        parts = [
            _within(fields[Field.PROTOCOL], [(p, p) for p in box.protocols], context),
            _within(fields[Field.DESTINATION_PORT], box.destination_ports, context),
            _within(fields[Field.SOURCE_PORT], box.source_ports, context),
            _within(fields[Field.ICMP], box.icmp, context),
        ]
        for field, values in ((Field.TCP_FLAGS, box.tcp_flags), (Field.CT_STATUS, box.ct_status)):
            if values is not None:
                parts.append(_within(fields[field], [(v, v) for v in values], context))
        return z3.And(parts)

    def _labels(self, solver: Solver, atoms: Sequence[int], address: Any, cells: int, context: z3.Context) -> list[Any]:
        """Label atoms as tests of label fields, and the inventory of those labels."""
        wanted: dict[Label, Any] = {}
        assertions: list[Any] = []
        for literal, payload in solver.atoms_of(atoms, LABEL):
            assert isinstance(payload, tuple)
            label, values = payload
            field = wanted.setdefault(label, z3.BitVec(f"{label.scope.value} label {label.key}", 16, context))
            codes = self._codes(label)
            chosen = codes.values() if values is None else [codes[value] for value in values if value in codes]
            test = field != 0 if values is None else z3.Or([z3.BoolVal(False, context), *(field == c for c in chosen)])
            assertions.append(self._term(solver, literal) == test)
        assertions.extend(self._inventory(wanted, address, cells, context))
        return assertions

    def _codes(self, label: Label) -> dict[str, int]:
        """Numbers of the values that occur; 0 is absent."""
        values = {self._space.inventory.value(pod, label) for pod, _ in self._space.inventory.pods}
        known = sorted(value for value in values if value is not None)
        return {value: index for index, value in enumerate(known, 1)}

    def _inventory(self, wanted: dict[Label, Any], address: Any, cells: int, context: z3.Context) -> list[Any]:
        if not wanted:
            return []
        codes = {label: self._codes(label) for label in wanted}
        out: list[Any] = []
        pods = z3.BoolVal(False, context)
        for pod, bit in self._space.inventory.pods:
            if not bit & cells:
                continue
            here = address == pod.addresses[self._space.family]
            pods = z3.Or(pods, here)
            for label, field in wanted.items():
                value = self._space.inventory.value(pod, label)
                out.append(z3.Implies(here, field == (0 if value is None else codes[label][value])))
        out.extend(z3.Implies(z3.Not(pods), field == 0) for field in wanted.values())
        return out


def _within(field: Any, ranges: Sequence[Range], context: z3.Context) -> Any:
    top = (1 << field.size()) - 1
    if any(lo == 0 and hi == top for lo, hi in ranges):
        return z3.BoolVal(True, context)
    tests = [field == lo if lo == hi else z3.And(z3.UGE(field, lo), z3.ULE(field, hi)) for lo, hi in ranges]
    return z3.Or(tests) if tests else z3.BoolVal(False, context)
