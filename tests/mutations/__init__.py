"""Mutants of recorded nodes: every kind of small change, at every place where it can be made.

A kind is a function from the files of a snapshot to edits; it is listed in KINDS of its module. Nothing is stored:
mutants are made from the recordings while the tests run, the same ones in every run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from tests.corpus_path import corpus

Files: TypeAlias = Mapping[str, str]
"""The texts of a snapshot by path inside it."""

IPV6 = re.compile(r"[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*(?:[/,]|$)")
"""How the element of a set begins that holds an IPv6 address."""
NODE = "nodes/node-a/"
READ = ("iptables-save", "ip6tables-save", "ipset-save", "addresses.json", "routes.json", "routes6.json")


@dataclass(frozen=True, slots=True)
class Edit:
    """A file with the lines [start, stop) replaced; with `text` the whole file is new, None stands for deleted."""

    file: str
    start: int = 0
    stop: int = 0
    lines: tuple[str, ...] = ()
    text: str | None = ""

    def applied(self, files: Files) -> dict[str, str]:
        """The files of the mutant."""
        mutant = dict(files)
        if self.text is None:
            del mutant[self.file]
        elif self.text:
            mutant[self.file] = self.text
        else:
            lines = files[self.file].split("\n")
            mutant[self.file] = "\n".join([*lines[: self.start], *self.lines, *lines[self.stop :]])
        return mutant

    def shown(self, files: Files) -> str:
        """What the edit does, for a failing test."""
        if self.text is None:
            return f"{self.file} deleted"
        if self.text:
            old, new = files[self.file].split("\n"), self.text.split("\n")
            first = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
            return f"{self.file} rewritten, from line {first + 1}: {new[first : first + 3]}"
        old = files[self.file].split("\n")[self.start : self.stop]
        return f"{self.file}:{self.start + 1}: {old} -> {list(self.lines)}"

    def family(self, files: Files) -> int:
        """4 or 6 where the edit touches what one family has loaded, 0 where it is about both."""
        if "/ip6tables" in self.file or "routes6" in self.file:
            return 6
        if "/iptables" in self.file or "routes" in self.file:
            return 4
        if not self.file.endswith("ipset-save") or self.text is None:
            return 0
        old, new = files[self.file].split("\n"), (self.text or "").split("\n")
        touched = [*old[self.start : self.stop], *self.lines] if not self.text else sorted(set(old) ^ set(new))
        words = [line.split(" ") for line in touched if line]
        return 6 if any("inet6" in line or IPV6.match(line[2]) for line in words) else 4


Kind: TypeAlias = Callable[[Files], Iterator[Edit]]


@lru_cache(maxsize=16)
def files_of(*parts: str) -> dict[str, str]:
    """The files of a recording that chainproof reads."""
    folder = corpus(*parts)
    found = {f"cluster/{file.name}": file.read_text("utf-8") for file in sorted((folder / "cluster").iterdir())}
    for name in READ:
        file = folder / NODE / name
        if file.exists():
            found[NODE + name] = file.read_text("utf-8")
    return found


def write(files: Files, folder: Path) -> Path:
    """A snapshot with these files."""
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    return folder
