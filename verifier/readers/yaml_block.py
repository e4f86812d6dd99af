"""YAML line by line: the block style that kubectl prints, and nothing that could be read in two ways.

A reader of the whole language needs several times as long. Whatever is not plainly block style (flow collections,
anchors, tags, tabs, escapes, explicit keys) raises NotPlain, and so does every fault: the reader of the whole
language (verifier.readers.yaml_events) then decides what it means or says what is wrong.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from verifier.model.document import Entries
from verifier.readers.bounds import MAX_DEPTH
from verifier.readers.yaml_tokens import RAW, Kind, Line, NotPlain, check_characters, scan


def read_block(text: str) -> list[tuple[int, Any]]:
    """Line and value of every document of a text that is not empty; NotPlain where it is not in the plain block style."""
    check_characters(text)
    return _Reader(text).read()


class _Reader:
    """The open containers of one text, innermost last, each with the column of its entries."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._tokens: dict[str, Line] = {}
        self._documents: list[tuple[int, Any]] = []
        self._columns: list[int] = []
        self._open: list[Any] = []
        self._pending: str | None = None  # a key whose value, if any, is on the lines below
        self._taken = 0  # lines after this one that a literal has used up
        self._folded = 0  # the last line that continued a plain scalar

    def read(self) -> list[tuple[int, Any]]:
        tokens, known, value_kind = self._tokens, self._tokens.get, Kind.VALUE
        top: Any = None
        here = -1  # the column at which `top` takes entries; -1 where the line needs a closer look
        rows = enumerate(self._lines, 1)
        for number, line in rows:
            token = known(line)
            if token is None:
                token = tokens[line] = scan(line)
            kind, start, dashes, _, key, value, _ = token
            if start == here and kind is value_kind and not dashes:
                if key in top:
                    raise NotPlain(line)
                top[key] = value
                continue
            self._enter(token, number)
            top = self._open[-1] if self._open else None
            here = self._columns[-1] if self._pending is None and type(top) is Entries else -1
            if self._taken:
                next(islice(rows, self._taken - 1, None))
                self._taken = 0
        return self._documents

    def _enter(self, token: Line, number: int) -> None:
        """Take a line: close what it leaves, open what it starts, assign what it says."""
        kind, start, dashes, _, key, value, _ = token
        if kind >= Kind.MORE:
            self._other(kind, token, number)
            return
        if self._pending is not None:
            self._open_pending(start, bool(dashes), number)
        elif not self._columns:
            self._push(start, [] if dashes else Entries(number))
            self._documents.append((number, self._open[0]))
        if self._columns[-1] != start or not dashes:
            self._close_to(start, bool(dashes))
        if dashes:
            self._open_items(token, number)
        if key is None:
            return
        top = self._open[-1]
        if type(top) is not Entries or key in top:
            raise NotPlain(token)
        if kind is Kind.OPEN:
            self._pending = key
            value = None
        top[key] = value if kind <= Kind.OPEN else self._collection(token, token.column, number)

    def _collection(self, token: Line, parent: int, number: int) -> Any:
        """The value of a line that is neither a scalar nor on the lines below."""
        if token.kind is Kind.EMPTY_MAP:
            return Entries(number)
        if token.kind is Kind.EMPTY_LIST:
            return []
        text, self._taken = _literal(self._lines, number, parent)
        return text if token.value == "|" else text[:-1]

    def _close_to(self, start: int, dashed: bool) -> None:
        """Leave the containers that a line at this column is not in."""
        columns, containers = self._columns, self._open
        while columns[-1] > start or (columns[-1] == start and not dashed and type(containers[-1]) is list):
            columns.pop()
            containers.pop()
            if not columns:
                raise NotPlain
        if columns[-1] != start:
            raise NotPlain

    def _open_items(self, token: Line, number: int) -> None:
        """Start the items of a line's dashes; the last one is a mapping where the line has a key."""
        for column in token.dashes[1:]:
            inner: list[Any] = []
            self._items().append(inner)
            self._push(column, inner)
        if token.key is not None:
            entries = Entries(number)
            self._items().append(entries)
            self._push(token.column, entries)
        elif token.kind is Kind.VALUE:
            items = self._items()
            if not items and len(token.dashes) == 1:
                self._note_list(number)
            items.append(token.value)
        else:
            self._items().append(self._collection(token, token.dashes[-1], number))

    def _note_list(self, number: int) -> None:
        """Remember where the list that begins is, when it is the value of a key."""
        above = self._open[-2] if len(self._open) > 1 else None
        if type(above) is Entries:
            above.note_list(next(reversed(above)), number)

    def _items(self) -> list[Any]:
        top = self._open[-1]
        if type(top) is not list:
            raise NotPlain
        return top

    def _push(self, column: int, container: Any) -> None:
        self._columns.append(column)
        self._open.append(container)
        if len(self._columns) > MAX_DEPTH:
            raise NotPlain

    def _open_pending(self, start: int, dashed: bool, number: int) -> None:
        """Decide from the line below a key what its value is: a list, a mapping, or nothing."""
        column, key = self._columns[-1], self._pending
        self._pending = None
        if start < column or (start == column and not dashed):
            return
        value: Any = [] if dashed else Entries(number)
        self._open[-1][key] = value
        self._push(start, value)

    def _other(self, kind: Kind, token: Line, number: int) -> None:
        """A line that is neither an entry nor an item."""
        if kind is Kind.DOCUMENT:
            self._pending = None
            self._columns.clear()
            self._open.clear()
        elif kind is Kind.MORE:
            self._fold(token, number)

    def _fold(self, token: Line, number: int) -> None:
        """Continue the plain scalar of the line above."""
        again = number > 1 and self._folded == number - 1
        above = self._tokens.get(self._lines[number - 2]) if number > 1 else None
        if above is None or not self._open or token.start <= self._columns[-1]:
            raise NotPlain(token)
        if not again and above.folds is None:
            raise NotPlain(token)
        top = self._open[-1]
        place = len(top) - 1 if type(top) is list else next(reversed(top))
        top[place] = f"{top[place] if again else above.folds} {token.value}"
        self._folded = number


def _literal(lines: list[str], start: int, parent: int) -> tuple[str, int]:
    """The text of a `|` scalar whose first line has index `start`, and how many lines it takes."""
    first = lines[start] if start < len(lines) else ""
    indent = len(first) - len(first.lstrip(" "))
    if indent <= parent or indent == len(first) or first[indent] == "\t":  # libyaml's releases differ over the tab
        raise NotPlain(first[:80])
    margin = " " * indent
    taken: list[str] = []
    for line in islice(lines, start, None):
        if line.startswith(margin):
            taken.append(line[indent:])
        elif not line.strip(" "):
            taken.append("")
        else:
            break
        if not RAW.match(line):
            raise NotPlain(line[:80])
    if start + len(taken) == len(lines) and lines[-1]:
        raise NotPlain("a literal without its last line end")
    after = lines[start + len(taken)] if start + len(taken) < len(lines) else ""
    if len(after) - len(after.lstrip(" ")) > parent:
        raise NotPlain(after[:80])
    kept = len(taken)
    while not taken[kept - 1]:
        kept -= 1
    return "\n".join(taken[:kept]) + "\n", len(taken)
