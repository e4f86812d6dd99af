"""Interfaces that no kernel can have: those without a name, and names that stand for unknown ones. Others stand in for them.

A stand-in is right as long as every rule says the same of it as of the name that it stands for.

Spec: specs/kernel.md (KER-6)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from verifier.model.packet import FREE_PORT

LONGEST = 15
"""Letters of an interface's name."""
NO_NAME_IN, NO_NAME_OUT = "\0in", "\0out"
"""What packets come and go by that name no interface where every packet has one."""
OTHER = "\0other"
"""Ends the name of a second port that carries an unknown name: a bridge sends nothing out by the port it came in by."""
_TESTED = re.compile(r"(?:-i|-o|--in-interface|--out-interface|--physdev-in|--physdev-out) +(\S+)")


def real_name(name: str, number: int) -> str:
    """The name of the interface that carries this name: itself, or a stand-in, different for every number."""
    if len(name) <= LONGEST and re.fullmatch(r"\w[\w.:-]*", name, re.ASCII):
        return name
    name = name.removesuffix(OTHER)
    known = name.removesuffix(FREE_PORT) if name.endswith(FREE_PORT) else ""
    return f"{known[: LONGEST - 5]}~{number:04d}"


def tested_names(rules: str) -> frozenset[str]:
    """The names of interfaces, and beginnings of names, that rules ask for."""
    return frozenset(_TESTED.findall(rules))


def told_apart(name: str, other: str, tested: Iterable[str]) -> str:
    """A name that a rule asks for and that only one of the two names is, "" where there is none."""
    asked_of = "" if name in (NO_NAME_IN, NO_NAME_OUT) else name.removesuffix(OTHER)
    return next((asked for asked in tested if _is(asked_of, asked) != _is(other, asked)), "")


def _is(name: str, asked: str) -> bool:
    return name.startswith(asked[:-1]) if asked.endswith("+") else name == asked
