"""JSON: plain values with the line of every mapping.

The decoder is the standard library's. It does not tell where an object starts, but it finishes objects in the order of
their closing braces, and one pass over the lines gives the line of each closing brace's opening one.
"""

from __future__ import annotations

import json
import re
from typing import Any

from verifier.model.document import Entries, shown
from verifier.model.origin import InputError, Origin
from verifier.readers.bounds import MAX_DEPTH

_BRACE = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])')
"""The next brace outside strings. Strings of JSON end on the line on which they begin."""
_HALF = re.compile(r"\\u[dD][89abAB]", re.ASCII)


class _Duplicate(Exception):  # noqa: N818  carries the line out of the decoder
    def __init__(self, line: int, key: str) -> None:
        super().__init__(key)
        self.line = line
        self.key = key


def read_json(text: str, path: str) -> list[tuple[int, Any]]:
    """Line and value of every JSON document of a text, one after the other; InputError where it is not JSON."""
    starts = iter(_object_lines(text, path))

    def entries(pairs: list[tuple[str, Any]]) -> Entries:
        made = Entries(next(starts, 0), pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            raise _Duplicate(made.line, next(key for key in keys if keys.count(key) > 1))
        return made

    decoder = json.JSONDecoder(object_pairs_hook=entries, parse_constant=_refuse_constant)
    documents: list[tuple[int, Any]] = []
    position = _skip_space(text, 0)
    halves = _HALF.search(text) is not None
    try:
        while position < len(text):
            value, end = decoder.raw_decode(text, position)
            if halves:
                json.dumps(value, ensure_ascii=False).encode()
            if value is not None:
                documents.append((text.count("\n", 0, position) + 1, value))
            position = _skip_space(text, end)
    except json.JSONDecodeError as error:
        raise InputError(Origin(path, error.lineno), f"not JSON: {error.msg}", "correct the text there") from None
    except _Duplicate as error:
        problem = f"the key {shown(error.key)} is given twice"
        raise InputError(Origin(path, error.line), problem, "keep one of the two") from None
    except UnicodeEncodeError:
        raise InputError(Origin(path), "not JSON: an escape that is half a character", "write the whole one") from None
    except (ValueError, RecursionError) as error:
        raise InputError(Origin(path), f"not JSON that can be read: {error}", "correct the text") from None
    return documents


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _object_lines(text: str, path: str) -> list[int]:
    """The lines on which objects start, in the order in which they end; InputError where they nest too deeply."""
    lines: list[int] = []
    opened: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if "{" not in line and "}" not in line and "[" not in line and "]" not in line:
            continue
        position = 0
        while found := _BRACE.match(line, position):
            position = found.end()
            brace = found[1]
            if brace in "{[":
                opened.append(number)
                if len(opened) > MAX_DEPTH:
                    problem = f"nested more than {MAX_DEPTH} levels deep"
                    raise InputError(Origin(path, number), problem, "no object of Kubernetes is; remove it")
            elif opened:
                start = opened.pop()
                if brace == "}":
                    lines.append(start)
    return lines
