"""Documents as they were written: plain values in which every mapping knows its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from verifier.model.origin import InputError, Origin


class Entries(dict[str, Any]):
    """A mapping of a document; `line` is where it starts. Values are Entries, list, str, int, float, bool or None."""

    __slots__ = ("_lists", "line")

    def __init__(self, line: int, entries: Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(entries)
        self.line = line
        self._lists: dict[str, int] | None = None

    def note_list(self, key: str, line: int) -> None:
        """Remember on which line the list below a key has its first item."""
        if self._lists is None:
            self._lists = {}
        self._lists[key] = line

    def line_of(self, key: str) -> int:
        """The line of the list below a key where it is known, else of the mapping."""
        return (self._lists or {}).get(key, self.line)


@dataclass(frozen=True, slots=True)
class Document:
    """One object as it was written in a file."""

    path: str
    entries: Entries


@dataclass(frozen=True, slots=True)
class Part:
    """A mapping within a document, for reading it field by field.

    `name` is how a user would call it ("spec.ingress[0].from[1]", "" for the whole document). A field that is absent
    and one that is null mean the same, the zero value, as they do to the API server.
    """

    path: str
    name: str
    entries: Entries

    @property
    def origin(self) -> Origin:
        return Origin(self.path, self.entries.line)

    def called(self, key: str) -> str:
        """The full name of a field."""
        return f"{self.name}.{key}" if self.name else key

    def fault(self, key: str, problem: str, remedy: str) -> InputError:
        """The error to raise about a field of this mapping, or about the mapping itself where `key` is empty.

        An item of a list is called `key[index]`; the error names the line of the list where that is known.
        """
        subject = self.called(key) if key else self.name or "the document"
        line = self.entries.line_of(key.partition("[")[0])
        return InputError(Origin(self.path, line), f"{subject}: {problem}", remedy)

    def part(self, key: str) -> Part | None:
        """A field that is a mapping; InputError where it is anything else."""
        value = self.entries.get(key)
        if value is None:
            return None
        if type(value) is not Entries:
            raise self.fault(key, f"expected a mapping, found {shown(value)}", "write its fields below it, indented")
        return Part(self.path, self.called(key), value)

    def child(self, key: str) -> Part:
        """A field that is a mapping, empty where it is absent."""
        found = self.part(key)
        return Part(self.path, self.called(key), Entries(self.entries.line)) if found is None else found

    def items(self, key: str) -> list[Any]:
        """A field that is a list, empty where it is absent; InputError where it is anything else."""
        value = self.entries.get(key)
        if value is None:
            return []
        if type(value) is not list:
            raise self.fault(key, f"expected a list, found {shown(value)}", "write one item per line, each after '- '")
        return value

    def parts(self, key: str) -> Iterator[Part]:
        """The items of a list of mappings."""
        for index, item in enumerate(self.items(key)):
            name = f"{self.called(key)}[{index}]"
            if item is None:
                item = Entries(self.entries.line)  # noqa: PLW2901  null is the zero value
            if type(item) is not Entries:
                raise InputError(
                    self.origin, f"{name}: expected a mapping, found {shown(item)}", "write its fields as 'name: value'"
                )
            yield Part(self.path, name, item)

    def text(self, key: str) -> str:
        """A field that is text, "" where it is absent; InputError where it is anything else."""
        value = self.entries.get(key)
        if value is None:
            return ""
        if type(value) is not str:
            raise self._not_text(self.called(key), value)
        return value

    def texts(self, key: str) -> list[str]:
        """The items of a list of texts."""
        values = self.items(key)
        for index, value in enumerate(values):
            if value is not None and type(value) is not str:
                raise self._not_text(f"{self.called(key)}[{index}]", value)
        return ["" if value is None else value for value in values]

    def text_map(self, key: str) -> dict[str, str]:
        """A field that maps text to text (labels), empty where it is absent."""
        found = self.part(key)
        if found is None:
            return {}
        for name, value in found.entries.items():
            if type(value) is not str and value is not None:
                raise found._not_text(found.called(name), value)
        return {name: "" if value is None else value for name, value in found.entries.items()}

    def number(self, key: str) -> int | None:
        """A field that is a whole number, None where it is absent; InputError where it is anything else."""
        value = self.entries.get(key)
        if value is not None and type(value) is not int:
            raise self.fault(key, f"expected a whole number, found {shown(value)}", "write digits without quotes")
        return value

    def flag(self, key: str) -> bool:
        """A field that is true or false, false where it is absent; InputError where it is anything else."""
        value = self.entries.get(key)
        if value is not None and type(value) is not bool:
            raise self.fault(key, f"expected true or false, found {shown(value)}", "write true or false without quotes")
        return bool(value)

    def _not_text(self, name: str, value: object) -> InputError:
        return InputError(self.origin, f"{name}: expected text, found {shown(value)}", "put the value in quotes")


def shown(value: object) -> str:
    """A value as a message quotes it, never longer than a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return f"the number {value}"
