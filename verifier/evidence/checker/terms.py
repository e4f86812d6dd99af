"""The terms of a script: typed as they are read, names resolved, nothing looked up afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "int | tuple[int, ...] | Choice"
"""A literal for a Boolean; for a bit vector the literals of its bits, the most significant first, or a choice of such."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Vectors, each with the literal under which it is the value; exactly one of these literals holds."""

    ways: tuple[tuple[int, Value], ...]


BOOL = 0
"""The width that stands for the sort Bool; bit vectors have at least one bit."""


class Term:
    """An operation on terms.

    `width` is that of the result. `constants` has a bit for each declared constant that the term can depend on, through
    definitions too; `local` says that it depends on the parameters of the function around it. A `named` term is used
    by name, and worth remembering. `payload` is what the operation needs besides its arguments.
    """

    __slots__ = ("arguments", "constants", "local", "named", "operation", "payload", "width")

    def __init__(self, operation: str, width: int, arguments: tuple[Term, ...] = (), payload: object = None) -> None:
        self.operation = operation
        self.width = width
        self.arguments = arguments
        self.payload = payload
        self.constants = 0
        self.local = False
        self.named = False
        for argument in arguments:
            self.constants |= argument.constants
            self.local = self.local or argument.local


class Function:
    """A definition with parameters: their widths, and the body, in which they are numbered."""

    __slots__ = ("body", "name", "widths")

    def __init__(self, name: str, widths: tuple[int, ...], body: Term) -> None:
        self.name = name
        self.widths = widths
        self.body = body


def literal_term(value: Value, width: int) -> Term:
    """A term that is a value."""
    return Term("value", width, (), value)


def parameter_term(number: int, width: int) -> Term:
    """The parameter of this number of the function around."""
    term = Term("parameter", width, (), number)
    term.local = True
    return term


def constant_term(number: int, width: int) -> Term:
    """The declared constant of this number."""
    term = Term("constant", width, (), number)
    term.constants = 1 << number
    return term
