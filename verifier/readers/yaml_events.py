"""YAML in full: plain values with the line of every mapping, built from the parser's event stream.

The stream is read with libyaml where PyYAML has it. Nesting and the growth through aliases are bounded while reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import yaml
from yaml import events

from verifier.model.document import Entries, shown
from verifier.model.origin import InputError, Origin
from verifier.readers.bounds import MAX_ALIASED, MAX_DEPTH
from verifier.readers.scalars import resolve

_Parser: Any
try:
    _Parser = import_module("yaml._yaml").CParser
except ImportError:  # PyYAML without libyaml
    _Parser = yaml.SafeLoader

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {_TAG + "str", _TAG + "binary", _TAG + "timestamp"}
_SCALAR_TAGS = {_TAG + name for name in ("int", "float", "bool", "null")}
_MERGE = object()
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
TOO_DEEP_REMEDY = "no object of Kubernetes is; remove it"


def read_events(text: str, path: str) -> list[tuple[int, Any]]:
    """Line and value of every document of a text that is not empty; InputError where it is not YAML."""
    return _Reader(path).read(text)


@dataclass(slots=True)
class _Frame:
    """A container being read: its value, the key waiting for its value, and how many values it holds so far."""

    value: Any
    anchor: str | None
    key: Any = None
    has_key: bool = False
    size: int = 1
    merged: list[Entries] = field(default_factory=list)


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}  # None while the value is still being read
        self._aliased = 0
        self._start_line = 0  # of the document, where it is a collection
        self._documents: list[tuple[int, Any]] = []

    def read(self, text: str) -> list[tuple[int, Any]]:
        for event in self._events(text):
            kind = type(event)
            if kind is events.ScalarEvent:
                self._place(self._scalar(event), event, 1, event.anchor)
            elif kind is events.MappingStartEvent:
                self._start(Entries(self._line(event)), event, "map")
            elif kind is events.SequenceStartEvent:
                self._start([], event, "seq")
            elif kind in (events.MappingEndEvent, events.SequenceEndEvent):
                self._end(event)
            elif kind is events.AliasEvent:
                self._alias(event)
            elif kind is events.DocumentStartEvent:
                self._anchors.clear()
                self._start_line = 0
        return self._documents

    def _events(self, text: str) -> Iterator[Any]:
        try:
            parser = _Parser(text)
            check, get = parser.check_event, parser.get_event
            while check():
                yield get()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = min(mark.line, text.count("\n", 0, -1)) + 1 if mark else 0
            if "nesting depth" in str(error.problem):  # libyaml from 0.2.6 on has a limit of its own
                raise InputError(Origin(self._path, line), TOO_DEEP, TOO_DEEP_REMEDY) from None
            raise InputError(Origin(self._path, line), f"not YAML: {error.problem}", "correct the text there") from None
        except yaml.YAMLError as error:
            problem = getattr(error, "reason", None) or str(error).splitlines()[0]
            raise InputError(Origin(self._path), f"not YAML: {problem}", "remove what is not text") from None

    @staticmethod
    def _line(event: Any) -> int:
        return int(event.start_mark.line) + 1

    def _fault(self, event: Any, problem: str, remedy: str) -> InputError:
        return InputError(Origin(self._path, self._line(event)), problem, remedy)

    def _scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag is None:
            if event.style:
                return text
            return _MERGE if text == "<<" else resolve(text)
        if tag in _TEXT_TAGS:
            return text
        value = resolve(text)
        if tag not in _SCALAR_TAGS or isinstance(value, str):
            raise self._fault(event, f"the tag {tag!r} on {shown(text)}", "write the plain value, without a tag")
        return value

    def _start(self, value: Any, event: Any, plain: str) -> None:
        if event.tag not in (None, _TAG + plain):
            raise self._fault(event, f"the tag {event.tag!r} on a collection", "write it without a tag")
        if len(self._frames) >= MAX_DEPTH:
            raise self._fault(event, TOO_DEEP, TOO_DEEP_REMEDY)
        if not self._frames:
            self._start_line = self._line(event)
        self._frames.append(_Frame(value, event.anchor))
        if event.anchor is not None:
            self._anchors[event.anchor] = None

    def _end(self, event: Any) -> None:
        frame = self._frames.pop()
        for merged in frame.merged:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        anchor = frame.anchor
        if anchor is not None and self._anchors[anchor] is not None:
            anchor = None  # something within it took the name, and an alias means what took it last
        self._place(frame.value, event, frame.size, anchor)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise self._fault(event, f"the alias *{name} has no anchor before it", f"define &{name} first")
        found = self._anchors[name]
        if found is None:
            problem = f"the alias *{name} stands within &{name}: an alias cannot contain itself"
            raise self._fault(event, problem, "write out what is meant")
        value, size = found
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            problem = f"its aliases stand for more than {MAX_ALIASED} values"
            raise self._fault(event, problem, "write the values out, or in a file of their own")
        self._place(value, event, size, None)

    def _place(self, value: Any, event: Any, size: int, anchor: str | None) -> None:
        """Put a finished value where it belongs: key, entry, item, or document."""
        if anchor is not None:
            self._anchors[anchor] = value, size
        if not self._frames:
            if value is not None:
                self._documents.append((self._start_line or self._line(event), value))
            return
        frame = self._frames[-1]
        frame.size += size
        if type(frame.value) is list:
            if not frame.value and len(self._frames) > 1 and type(value) is not Entries:
                self._note_list(self._line(event))
            frame.value.append("<<" if value is _MERGE else value)
        elif not frame.has_key:
            frame.key, frame.has_key = self._key(frame, value, event), True
        else:
            frame.has_key = False
            if frame.key is _MERGE:
                self._merge(frame, value, event)
            else:
                frame.value[frame.key] = "<<" if value is _MERGE else value

    def _note_list(self, line: int) -> None:
        """Remember where the list that begins is, when it is the value of a key."""
        above = self._frames[-2]
        if type(above.value) is Entries and type(above.key) is str:
            above.value.note_list(above.key, line)

    def _key(self, frame: _Frame, value: Any, event: Any) -> Any:
        """A key as the API server reads it: text, with whole numbers and truth values spelled out."""
        if value is _MERGE:
            return value
        if isinstance(value, bool | int):
            value = str(value).lower()
        if not isinstance(value, str):
            raise self._fault(event, f"a key that is {shown(value)}", "keys are text; put it in quotes if it is meant")
        if value in frame.value:
            raise self._fault(event, f"the key {shown(value)} is given twice", "keep one of the two")
        return value

    def _merge(self, frame: _Frame, value: Any, event: Any) -> None:
        for part in value if type(value) is list else [value]:
            if type(part) is not Entries:
                raise self._fault(event, f"<< merges {shown(part)}", "merge a mapping or a list of mappings")
            frame.merged.append(part)
