"""Which operators there are, how many arguments of which sorts each takes, and of which sort its result is."""

from __future__ import annotations

import re

from verifier.evidence.checker.forms import Form, Group
from verifier.evidence.checker.nodes import FALSE, TRUE
from verifier.evidence.checker.refused import SCRIPT, RefusedError
from verifier.evidence.checker.terms import BOOL, Term, Value, literal_term

CONNECTIVES = frozenset({"=>", "and", "or", "xor"})
COMPARISONS = frozenset({"bvuge", "bvugt", "bvule", "bvult"})
BITWISE = frozenset({"bvand", "bvor", "bvxor"})
RESERVED = (
    CONNECTIVES
    | COMPARISONS
    | BITWISE
    | {"=", "distinct", "ite", "not", "bvnot", "concat", "extract", "let", "true", "false"}
    | {"_", "!", "as", "assert", "exists", "forall", "match", "par", "Bool", "BitVec"}
)
WIDEST = 4096
NUMERAL = re.compile(r"0|[1-9][0-9]{0,18}")
BINARY = re.compile(r"#b[01]+")
HEXADECIMAL = re.compile(r"#x[0-9a-fA-F]+")
DECIMAL_VALUE = re.compile(r"bv(0|[1-9][0-9]*)")


def numeral(form: Form, line: int) -> int:
    """The number that a word spells."""
    if not isinstance(form, str) or not NUMERAL.fullmatch(form):
        raise RefusedError(SCRIPT, line, f"expected a number, not {shown(form)}")
    return int(form)


def width(form: Form, line: int) -> int:
    """The width of a sort: BOOL or the bits of a vector."""
    if form == "Bool":
        return BOOL
    if not isinstance(form, Group) or form[:2] != ["_", "BitVec"] or len(form) != 3:
        raise RefusedError(SCRIPT, line, f"expected the sort Bool or (_ BitVec n), not {shown(form)}")
    bits = numeral(form[2], form.line)
    if not 1 <= bits <= WIDEST:
        raise RefusedError(SCRIPT, form.line, f"a vector has 1 to {WIDEST} bits, not {bits}")
    return bits


def bits_of(number: int, size: int) -> Value:
    """The literals of a number's bits."""
    return tuple(TRUE if number >> place & 1 else FALSE for place in range(size - 1, -1, -1))


def value_word(word: str, line: int) -> Term | None:
    """The term of true, false, #b… or #x…; None for any other word."""
    if word in {"true", "false"}:
        return literal_term(TRUE if word == "true" else FALSE, BOOL)
    if not word.startswith("#"):
        return None
    if BINARY.fullmatch(word):
        size, number = len(word) - 2, int(f"0b{word[2:]}", 0)
    elif HEXADECIMAL.fullmatch(word):
        size, number = 4 * (len(word) - 2), int(f"0x{word[2:]}", 0)
    else:
        raise RefusedError(SCRIPT, line, f"{word} is no value")
    if size > WIDEST:
        raise RefusedError(SCRIPT, line, f"a vector has 1 to {WIDEST} bits, not {size}")
    return literal_term(bits_of(number, size), size)


def value_group(form: Group) -> Term:
    """The term of (_ bvN n)."""
    match = DECIMAL_VALUE.fullmatch(form[1]) if len(form) == 3 and isinstance(form[1], str) else None
    if match is None:
        raise RefusedError(SCRIPT, form.line, f"expected (_ bvN n), not {shown(form)}")
    size = width(_sort(form), form.line)
    if len(match[1]) > size:
        raise RefusedError(SCRIPT, form.line, f"{match[1]} does not fit into {size} bits")
    number = int(match[1])
    if number >> size:
        raise RefusedError(SCRIPT, form.line, f"{number} does not fit into {size} bits")
    return literal_term(bits_of(number, size), size)


def _sort(form: Group) -> Group:
    sort = Group(form.line)
    sort.extend(["_", "BitVec", form[2]])
    return sort


def extraction(head: Group, argument: Term) -> Term:
    """The term of ((_ extract i j) argument)."""
    if len(head) != 4 or head[:2] != ["_", "extract"]:
        raise RefusedError(SCRIPT, head.line, f"expected (_ extract i j), not {shown(head)}")
    upper, lower = numeral(head[2], head.line), numeral(head[3], head.line)
    if not lower <= upper < argument.width:
        raise RefusedError(SCRIPT, head.line, f"no bits {upper} to {lower} in a term of {_sort_name(argument.width)}")
    start = argument.width - 1 - upper
    return Term("extract", upper - lower + 1, (argument,), (start, start + upper - lower + 1))


def applied(operator: str, arguments: tuple[Term, ...], line: int) -> Term:
    """The term of an operator with its arguments; RefusedError where their number or their sorts are others."""
    widths = [argument.width for argument in arguments]
    if operator in {"not", "bvnot"}:
        _expect(operator, len(widths) == 1 and (widths[0] == BOOL) == (operator == "not"), widths, line)
        return Term(operator, widths[0], arguments)
    if operator in CONNECTIVES:
        _expect(operator, len(widths) >= 2 and not any(widths), widths, line)
        return Term(operator, BOOL, arguments)
    if operator == "ite":
        _expect(operator, len(widths) == 3 and widths[0] == BOOL and widths[1] == widths[2], widths, line)
        return Term(operator, widths[1], arguments)
    if operator == "concat":
        _expect(operator, len(widths) >= 2 and all(widths) and sum(widths) <= WIDEST, widths, line)
        return Term(operator, sum(widths), arguments)
    alike = len(set(widths)) == 1
    if operator in {"=", "distinct"}:
        _expect(operator, len(widths) >= 2 and alike, widths, line)
        return Term(operator, BOOL, arguments)
    if operator in COMPARISONS:
        _expect(operator, len(widths) == 2 and alike and widths[0] != BOOL, widths, line)
        return Term(operator, BOOL, arguments)
    if operator in BITWISE:
        _expect(operator, len(widths) >= 2 and alike and widths[0] != BOOL, widths, line)
        return Term(operator, widths[0], arguments)
    raise RefusedError(SCRIPT, line, f"{operator} is neither defined before nor an operator that is known here")


def _expect(operator: str, holds: bool, widths: list[int], line: int) -> None:
    if not holds:
        raise RefusedError(SCRIPT, line, f"{operator} takes no {', '.join(map(_sort_name, widths)) or 'empty list'}")


def _sort_name(bits: int) -> str:
    return "Bool" if bits == BOOL else f"(_ BitVec {bits})"


def shown(form: Form) -> str:
    """A form as far as an error message needs it."""
    if isinstance(form, str):
        return form[:40]
    return f"({' '.join(shown(each) if isinstance(each, str) else '(…)' for each in form[:4])}{' …' * (len(form) > 4)})"
