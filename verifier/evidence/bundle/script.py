"""A script of SMT-LIB 2 in the making: its packet, what is free, its definitions, its queries."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from verifier.evidence.bundle.terms import Term, apply, flattened, variable
from verifier.model.fields import ADDRESS_BITS
from verifier.model.origin import Origin

ORDER = (
    "a", "src", "dst", "dport", "status", "new-dst", "new-dport", "in-interface", "out-interface", "in-port", "out-port", "s",
)  # fmt: skip
"""Everything that a definition can take as a parameter, in the order in which it is given."""
SYMBOL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789~!@$%^&*_-+=<>.?/")


class NotExpressibleError(Exception):
    """Something that no script can say exactly; the text says what, and why."""


@dataclass(frozen=True, slots=True)
class Function:
    """A definition that can be called; parameters that a call does not give are the caller's variables of that name."""

    name: str
    parameters: tuple[str, ...]

    def call(self, given: Mapping[str, Term] | None = None) -> Term:
        known = given or {}
        return apply(self.name, *(known.get(name) or variable(name) for name in self.parameters))


@dataclass(slots=True)
class Script:
    """One family of one node.

    `widths` are the bits of every variable; those of `fixed` are the packet's own and never parameters. `free` are
    truth values that nothing read tells, by name, each with what it stands for. Files are named as seen from `root`, so that
    the same snapshot at another place gives the same script.
    """

    family: int
    widths: dict[str, int]
    fixed: frozenset[str]
    root: str = ""
    free: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _shared: dict[Hashable, str] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)

    @property
    def address(self) -> int:
        """The bits of an address."""
        return ADDRESS_BITS[self.family]

    def name(self, wanted: str) -> str:
        """A symbol like the wanted name that nothing has yet."""
        text = "".join(each if each in SYMBOL else "." for each in wanted)
        count = self._names.get(text, 0)
        self._names[text] = count + 1
        return text if not count else self.name(f"{text}.{count + 1}")

    def place(self, origin: Origin) -> str:
        """File and line, as seen from the snapshot."""
        return str(replace(origin, path=origin.path.removeprefix(f"{self.root}/")))

    def unknown(self, text: str, key: Hashable = None) -> Term:
        """A truth value that nothing read tells: one for each occurrence, or one for all that share a key."""
        if key is not None and key in self._shared:
            return Term(self._shared[key])
        name = f"free-{len(self.free) + 1}"
        self.free[name] = text
        if key is not None:
            self._shared[key] = name
        return Term(name)

    def comment(self, *texts: str) -> None:
        """Comment lines."""
        self.lines.extend(f"; {flattened(text)}".rstrip() for text in texts)

    def section(self, title: str, *texts: str) -> None:
        """A heading."""
        self.lines.append("")
        self.comment("-" * 100, title, *texts)
        self.lines.append("")

    def define(self, name: str, body: Term, comments: Iterable[str] = (), result: int = 0) -> Function:
        """Define a function of what its body reads; `result` 0 stands for a truth value."""
        return self.written(name, body.reads, [f"  {body.text})"], comments, result)

    def written(
        self, name: str, reads: frozenset[str], body: Sequence[str], comments: Iterable[str] = (), result: int = 0
    ) -> Function:
        """Define a function by the lines of its body, the last of which closes it."""
        symbol = self.name(name)
        parameters = tuple(each for each in ORDER if each in reads and each not in self.fixed)
        self.comment(*comments)
        given = " ".join(f"({each} {self.sort(each)})" for each in parameters)
        sort = f"(_ BitVec {result})" if result else "Bool"
        self.lines.append(f"(define-fun {symbol} ({given}) {sort}")
        self.lines.extend(body)
        return Function(symbol, parameters)

    def sort(self, name: str) -> str:
        """The sort of a variable."""
        return f"(_ BitVec {self.address if name == 'a' else self.widths[name]})"
