"""A team's choices about what the policy API leaves open -> a setting per assumption.

Spec: specs/assumptions.md (AS-13)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from verifier.model.assumption import ASSUMPTIONS, Setting
from verifier.model.document import shown
from verifier.model.origin import InputError, Origin

LARGEST = 64 * 1024
"""Bytes of a file of choices."""
_LINE = re.compile(r"(?P<name>[^\s:#]+)\s*:(?:\s+(?P<setting>[^\s#]+))?\s*(?:#.*)?")
_FORM = "write one choice a line, as in `other-protocols: deny`, and comments after #"
_WORDS = ", ".join(setting.value for setting in Setting)


def read_assumptions(path: str) -> Mapping[str, Setting]:
    """The choices of a file, which is also a YAML mapping; InputError with the line of the first fault."""
    chosen: dict[str, Setting] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        content = line.strip()
        if not content or content.startswith("#") or content == "---":
            continue
        name, setting = _choice(content, Origin(path, number))
        if name in chosen:
            raise InputError(Origin(path, number), f"a second choice for {name}", "remove one of the two")
        chosen[name] = setting
    if not chosen:
        raise InputError(Origin(path), "there is no choice in it", _FORM)
    return chosen


def _text(path: str) -> str:
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such file"
        raise InputError(Origin(path), reason.lower(), "name a readable file of choices") from None
    if len(data) > LARGEST:
        raise InputError(Origin(path), f"larger than {LARGEST} bytes", "name a file of choices, not a dump")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(Origin(path), "not UTF-8 text", "save it as text") from None


def _choice(content: str, origin: Origin) -> tuple[str, Setting]:
    match = _LINE.fullmatch(content)
    if match is None:
        raise InputError(origin, f"expected NAME: SETTING, found {shown(content)}", _FORM)
    name, word = match["name"], match["setting"] or ""
    names = [each.name for each in ASSUMPTIONS]
    if name not in names:
        close = get_close_matches(name, names, 1)
        remedy = f"is {close[0]} meant? `chainproof profile` lists all" if close else "`chainproof profile` lists them"
        raise InputError(origin, f"no assumption is called {shown(name)}", remedy)
    try:
        return name, Setting(word)
    except ValueError:
        problem = f"{name}: expected one of {_WORDS}, found {shown(word or None)}"
        raise InputError(origin, problem, "write the word without quotes") from None
