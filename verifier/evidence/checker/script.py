"""The commands of a script: its constants, and its queries with all that is asserted where they are asked.

The subset of SMT-LIB 2.6 that is read: set-logic QF_BV, set-info, declare-const, define-fun, assert,
(push 1) and (pop 1) one level deep, check-sat. A definition's name is introduced once and never hidden by another;
parameters and names of a let may be those of constants and of names around them, and count instead of these.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from verifier.evidence.checker.forms import Form, Group, forms
from verifier.evidence.checker.operators import RESERVED, applied, extraction, shown, value_group, value_word, width
from verifier.evidence.checker.refused import SCRIPT, RefusedError
from verifier.evidence.checker.terms import BOOL, Function, Term, constant_term, parameter_term

STATUSES = ("sat", "unsat", "unknown")
FRAMES = 1_000_000
"""How deep terms may be followed: definitions that use each other count too."""


@dataclass(frozen=True, slots=True)
class Query:
    """A check-sat: its line, the assertions in force, and what the script itself says of it ("" where nothing)."""

    line: int
    assertions: tuple[Term, ...]
    status: str


@dataclass(slots=True)
class Script:
    """The declared constants with their widths, in their order, and the queries."""

    constants: dict[str, int] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)


def read_script(text: str) -> Script:
    """The script that a text spells; RefusedError with the line where it is none of the subset."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), FRAMES))
    reader = _Reader()
    for form in forms(text):
        reader.command(form)
    if not reader.logic:
        raise RefusedError(SCRIPT, 0, "no (set-logic QF_BV)")
    if reader.pushed is not None:
        raise RefusedError(SCRIPT, 0, "a (push 1) without its (pop 1)")
    return reader.script


class _Reader:
    """What has been read so far."""

    def __init__(self) -> None:
        self.script = Script()
        self.logic = False
        self.asserted: list[Term] = []
        self.pushed: int | None = None
        self.status = ""
        self._names: dict[str, Term | Function] = {}
        self._commands: dict[str, Callable[[Group], None]] = {
            "assert": self._assert,
            "check-sat": self._check,
            "declare-const": self._declare,
            "define-fun": self._define,
            "pop": self._pop,
            "push": self._push,
            "set-info": self._info,
            "set-logic": self._set_logic,
        }

    def command(self, form: Group) -> None:
        name = form[0] if form else ""
        known = self._commands.get(name) if isinstance(name, str) else None
        if known is None:
            raise RefusedError(SCRIPT, form.line, f"{shown(form)} is no command of the subset that is checked here")
        if not self.logic and name not in {"set-logic", "set-info"}:
            raise RefusedError(SCRIPT, form.line, "(set-logic QF_BV) has to come first")
        if self.pushed is not None and name in {"declare-const", "define-fun"}:
            raise RefusedError(SCRIPT, form.line, "names are introduced outside (push 1) and (pop 1)")
        known(form)

    def _set_logic(self, form: Group) -> None:
        if form != ["set-logic", "QF_BV"] or self.logic:
            raise RefusedError(SCRIPT, form.line, f"expected one (set-logic QF_BV), not {shown(form)}")
        self.logic = True

    def _info(self, form: Group) -> None:
        if len(form) != 3 or not isinstance(form[1], str) or not form[1].startswith(":"):
            raise RefusedError(SCRIPT, form.line, f"expected (set-info :keyword value), not {shown(form)}")
        if form[1] == ":status":
            if form[2] not in STATUSES:
                raise RefusedError(
                    SCRIPT, form.line, f"expected the status {', '.join(STATUSES)}, not {shown(form[2])}"
                )
            self.status = str(form[2])

    def _declare(self, form: Group) -> None:
        if len(form) != 3:
            raise RefusedError(SCRIPT, form.line, "expected (declare-const name sort)")
        name = self._new_name(form[1], form.line)
        bits = width(form[2], form.line)
        self._names[name] = constant_term(len(self.script.constants), bits)
        self.script.constants[name] = bits

    def _define(self, form: Group) -> None:
        if len(form) != 5 or not isinstance(form[2], Group):
            raise RefusedError(SCRIPT, form.line, "expected (define-fun name ((parameter sort) …) sort term)")
        name = self._new_name(form[1], form.line)
        parameters: dict[str, Term] = {}
        for each in form[2]:
            if not isinstance(each, Group) or len(each) != 2:
                raise RefusedError(SCRIPT, form.line, f"expected (parameter sort), not {shown(each)}")
            parameter = self._local_name(each[0], each.line)
            if parameter in parameters or parameter == name:
                raise RefusedError(SCRIPT, each.line, f"{parameter} is the name of something else here")
            parameters[parameter] = parameter_term(len(parameters), width(each[1], each.line))
        sort = width(form[3], form.line)
        body = self._term(form[4], parameters, form.line)
        if body.width != sort:
            raise RefusedError(SCRIPT, form.line, f"{name} is not of the sort that its definition states")
        body.named = True
        widths = tuple(term.width for term in parameters.values())
        self._names[name] = Function(name, widths, body) if widths else body

    def _new_name(self, form: Form, line: int) -> str:
        if not isinstance(form, str) or not form or form[0] in '0123456789#:"':
            raise RefusedError(SCRIPT, line, f"expected a name, not {shown(form)}")
        if form in self._names or form in RESERVED:
            raise RefusedError(SCRIPT, line, f"{form} is already the name of something else")
        return form

    def _local_name(self, form: Form, line: int) -> str:
        if isinstance(form, str) and form in self.script.constants:
            return form
        return self._new_name(form, line)

    def _assert(self, form: Group) -> None:
        if len(form) != 2:
            raise RefusedError(SCRIPT, form.line, "expected (assert term)")
        term = self._term(form[1], {}, form.line)
        if term.width != BOOL:
            raise RefusedError(SCRIPT, form.line, "what is asserted has to be of the sort Bool")
        self.asserted.append(term)

    def _push(self, form: Group) -> None:
        if form != ["push", "1"] or self.pushed is not None:
            raise RefusedError(SCRIPT, form.line, f"expected (push 1) outside any other, not {shown(form)}")
        self.pushed = len(self.asserted)

    def _pop(self, form: Group) -> None:
        if form != ["pop", "1"] or self.pushed is None:
            raise RefusedError(SCRIPT, form.line, f"expected (pop 1) after a (push 1), not {shown(form)}")
        del self.asserted[self.pushed :]
        self.pushed = None

    def _check(self, form: Group) -> None:
        if len(form) != 1:
            raise RefusedError(SCRIPT, form.line, "expected (check-sat)")
        self.script.queries.append(Query(form.line, tuple(self.asserted), self.status))
        self.status = ""

    def _term(self, form: Form, local: dict[str, Term], line: int) -> Term:
        if isinstance(form, str):
            return self._word(form, local, line)
        line = form.line
        if not form:
            raise RefusedError(SCRIPT, line, "an empty group is no term")
        head = form[0]
        if head == "_":
            return value_group(form)
        if head == "let":
            return self._let(form, local)
        if isinstance(head, Group):
            if len(form) != 2:
                raise RefusedError(SCRIPT, line, "extract takes one argument")
            return extraction(head, self._term(form[1], local, line))
        arguments = []
        for each in form[1:]:
            arguments.append(self._term(each, local, line))  # noqa: PERF401 (a comprehension would cost a frame per level)
        function = None if head in local else self._names.get(head)
        if not isinstance(function, Function):
            return applied(head, tuple(arguments), line)
        if tuple(argument.width for argument in arguments) != function.widths:
            raise RefusedError(SCRIPT, line, f"{head} takes arguments of other sorts or of another number")
        term = Term("call", function.body.width, tuple(arguments), function)
        term.constants |= function.body.constants
        return term

    def _word(self, word: str, local: dict[str, Term], line: int) -> Term:
        found = local.get(word) or self._names.get(word) or value_word(word, line)
        if not isinstance(found, Term):
            raise RefusedError(SCRIPT, line, f"{word[:40]} is not defined before, or takes arguments")
        return found

    def _let(self, form: Group, local: dict[str, Term]) -> Term:
        if len(form) != 3 or not isinstance(form[1], Group) or not form[1]:
            raise RefusedError(SCRIPT, form.line, "expected (let ((name term) …) term)")
        inner = dict(local)
        bound: set[str] = set()
        for each in form[1]:
            if not isinstance(each, Group) or len(each) != 2:
                raise RefusedError(SCRIPT, form.line, f"expected (name term), not {shown(each)}")
            name = self._local_name(each[0], each.line)
            if name in bound:
                raise RefusedError(SCRIPT, each.line, f"{name} is already the name of something else")
            bound.add(name)
            term = self._term(each[1], local, each.line)
            term.named = True
            inner[name] = term
        return self._term(form[2], inner, form.line)
