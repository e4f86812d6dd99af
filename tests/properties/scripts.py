"""Random scripts of the subset of SMT-LIB that bundles are written in: every operator, shared definitions, calls, lets."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

WIDTHS = (1, 3, 8)
CONSTANTS = {"a": 8, "b": 8, "c": 3, "d": 3, "e": 1, "p": 0, "q": 0}
"""Declared constants with their widths; 0 is Bool."""


def sort_of(width: int) -> str:
    return f"(_ BitVec {width})" if width else "Bool"


def value_of(number: int, width: int) -> str:
    """A value of this width in one of its spellings."""
    if not width:
        return "true" if number else "false"
    if width % 4 == 0:
        return f"#x{number:0{width // 4}x}"
    return f"#b{number:0{width}b}"


@dataclass
class Writer:
    """Writes terms of wanted widths from what is in scope."""

    random: Random
    scope: dict[str, int] = field(default_factory=lambda: dict(CONSTANTS))
    functions: dict[str, tuple[tuple[int, ...], int]] = field(default_factory=dict)
    fresh: int = 0

    def term(self, width: int, depth: int) -> str:
        names = [name for name, bits in self.scope.items() if bits == width]
        if depth <= 0 or self.random.random() < 0.1:
            if names and self.random.random() < 0.7:
                return self.random.choice(names)
            number = self.random.randrange(1 << max(width, 1))
            return f"(_ bv{number} {width})" if width and self.random.random() < 0.3 else value_of(number, width)
        fitting = [name for name, (_, result) in self.functions.items() if result == width]
        if fitting and self.random.random() < 0.25:
            name = self.random.choice(fitting)
            return f"({name} {' '.join(self.term(bits, depth - 1) for bits in self.functions[name][0])})"
        if self.random.random() < 0.1:
            return self.let(width, depth)
        return self.boolean(depth) if not width else self.vector(width, depth)

    def let(self, width: int, depth: int) -> str:
        bits = self.random.choice((0, *WIDTHS))
        self.fresh += 1
        name = f"x{self.fresh}"
        bound = self.term(bits, depth - 1)
        self.scope[name] = bits
        inner = self.term(width, depth - 1)
        del self.scope[name]
        return f"(let (({name} {bound})) {inner})"

    def boolean(self, depth: int) -> str:
        kind = self.random.randrange(6)
        if kind == 0:
            return f"(not {self.term(0, depth - 1)})"
        if kind <= 2:
            some = " ".join(self.term(0, depth - 1) for _ in range(self.random.randint(2, 3)))
            return f"({self.random.choice(('and', 'or', 'xor', '=>'))} {some})"
        if kind == 3:
            return f"(ite {' '.join(self.term(0, depth - 1) for _ in range(3))})"
        width = self.random.choice(WIDTHS)
        if kind == 4:
            some = " ".join(self.term(width, depth - 1) for _ in range(self.random.randint(2, 3)))
            return f"({self.random.choice(('=', 'distinct'))} {some})"
        two = " ".join(self.term(width, depth - 1) for _ in range(2))
        return f"({self.random.choice(('bvule', 'bvult', 'bvuge', 'bvugt'))} {two})"

    def vector(self, width: int, depth: int) -> str:
        kind = self.random.randrange(5)
        if kind == 0:
            return f"(bvnot {self.term(width, depth - 1)})"
        if kind == 1:
            two = " ".join(self.term(width, depth - 1) for _ in range(self.random.randint(2, 3)))
            return f"({self.random.choice(('bvand', 'bvor', 'bvxor'))} {two})"
        if kind == 2:
            return f"(ite {self.term(0, depth - 1)} {self.term(width, depth - 1)} {self.term(width, depth - 1)})"
        if kind == 3 and width == 8:
            return f"(concat {self.term(3, depth - 1)} {self.term(3, depth - 1)} ((_ extract 2 1) {self.term(3, 0)}))"
        wider = self.random.choice([each for each in WIDTHS if each >= width])
        low = self.random.randint(0, wider - width)
        return f"((_ extract {low + width - 1} {low}) {self.term(wider, depth - 1)})"


def products(random: Random) -> list[str]:
    """Products of tests of two parameters: alternatives to be taken apart, and products to be gathered."""
    vectors = [value_of(random.randrange(256), 8) for _ in range(3)]
    return [
        f"(and (= x {random.choice(vectors)}) (= z {value_of(random.randrange(3), 3)}))"
        for _ in range(random.randint(4, 8))
    ] + [f"(and (bvule x {vectors[0]}) (= z #b111))"]


def random_script(seed: int, queries: int = 6) -> str:
    """A script with definitions and queries, some of which fix a constant by an assertion."""
    random = Random(seed)
    writer = Writer(random)
    lines = ["; a random script", "(set-logic QF_BV)"]
    lines += [f"(declare-const {name} {sort_of(width)})" for name, width in CONSTANTS.items()]
    for number in range(5):
        width = random.choice((0, 0, *WIDTHS))
        parameters = [
            (f"y{number}_{place}", random.choice((0, *WIDTHS))) for place in range(random.choice((0, 1, 1, 2)))
        ]
        around = dict(writer.scope)
        if random.random() < 0.5 and parameters:
            writer.scope = {}
        writer.scope |= dict(parameters)
        body = writer.term(width, 4)
        writer.scope = around
        spelled = " ".join(f"({name} {sort_of(bits)})" for name, bits in parameters)
        lines.append(f"(define-fun f{number} ({spelled}) {sort_of(width)} {body})")
        if parameters:
            writer.functions[f"f{number}"] = (tuple(bits for _, bits in parameters), width)
        else:
            writer.scope[f"f{number}"] = width
    members = " ".join(f"(and (= x a) {random.choice(products(random))})" for _ in range(6))
    lines.append(
        f"(define-fun many ((x (_ BitVec 8)) (z (_ BitVec 3))) Bool (or {members} {' '.join(products(random))}))"
    )
    if random.random() < 0.5:
        lines.append(f"(assert {writer.term(0, 2)})")
    for _ in range(queries):
        lines.append("(push 1)")
        if random.random() < 0.5:
            lines.append(f"(assert (= {value_of(random.randrange(256), 8)} a))")
        if random.random() < 0.3:
            lines.append(f"(assert (and (not p) (= d {value_of(random.randrange(8), 3)}) q))")
        if random.random() < 0.4:
            lines.append(
                f"(assert ({random.choice(('bvule', 'bvugt'))} {random.choice('ab')} {value_of(random.randrange(256), 8)}))"
            )
        lines += random.choice(
            (["(assert (many b c))"], ["(assert (many b #b101))"], ["(assert (not (many a d)))"], [], [], [])
        )
        lines.append(f"(assert {writer.term(0, random.randint(2, 5))})")
        lines += ["(check-sat)", "(pop 1)"]
    return "\n".join(lines) + "\n"
