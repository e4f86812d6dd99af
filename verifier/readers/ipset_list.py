"""`ipset list`: sets with their members, or with their headers only (`ipset list -t`).

Spec: specs/chains/listing.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from verifier.model.ipset import IpSet, SetContent
from verifier.model.origin import InputError, Origin
from verifier.readers.ipset_save import read_sets

LIST_AGAIN = "list the sets again with `ipset list` (not -n, not -o xml), without cutting the output"
KNOWN = ("Name", "Type", "Revision", "Header", "Size in memory", "References", "Number of entries", "Members")


@dataclass(slots=True)
class ListedSet:
    """A set of a listing; `members` is None where none are listed."""

    name: str
    line: int
    facts: dict[str, str] = field(default_factory=dict)
    members: list[tuple[int, str]] | None = None


def is_set_listing(text: str) -> bool:
    """Whether a text is a listing of sets rather than a dump: its first line that says something names a set."""
    return next((line for line in text.split("\n") if line.strip()), "").startswith("Name:")


def read_set_listing(text: str, path: str) -> dict[str, IpSet]:
    """The sets of a listing; one whose members are not all listed is opaque, and says so (LST-9, LST-10).

    Raises InputError with the line for what is no listing of sets.
    """
    listed = _listed(text.replace("\r", ""), path)
    lines = [""] * (text.count("\n") + 1)
    for each in listed:
        lines[each.line - 1] = _created(each)
        for number, member in each.members or ():
            lines[number - 1] = f"add {each.name} {member}"
    sets = read_sets("\n".join(lines), path)
    cut = "" if text.endswith("\n") else "the listing does not end with a line end: it may be cut off"
    for each in listed:
        missing = _missing(each) or (cut if each is listed[-1] else "")
        if missing:
            found = sets[each.name]
            content = SetContent(found.content.kind, found.content.dimensions, (), (), missing)
            sets[each.name] = replace(found, content=content)
    return sets


def saved_sets(text: str, path: str) -> str:
    """The sets of a listing as `ipset save` prints them, all created before the first member is added."""
    listed = _listed(text.replace("\r", ""), path)
    added = (f"add {each.name} {member}" for each in listed for _, member in each.members or ())
    return "".join(f"{line}\n" for line in (*map(_created, listed), *added))


def _created(listed: ListedSet) -> str:
    return f"create {listed.name} {listed.facts['Type']} {listed.facts.get('Header', '')}".rstrip()


def _missing(listed: ListedSet) -> str:
    if listed.members is None:
        return "its members are not listed (`ipset list` without -t shows them)"
    entries = listed.facts.get("Number of entries", "")
    if entries.isdecimal() and int(entries) != len(listed.members):
        return f"{len(listed.members)} of its {entries} members are listed"
    return ""


def _listed(text: str, path: str) -> list[ListedSet]:
    found: list[ListedSet] = []
    names: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        origin = Origin(path, number)
        key, colon, value = line.partition(":")
        if colon and key == "Name":
            if found:
                _check(found[-1], path)
            name = value.strip()
            if not name or name in names:
                raise InputError(origin, f"set {name} is listed twice" if name else "the set has no name", LIST_AGAIN)
            names.add(name)
            found.append(ListedSet(name, number))
        elif not found:
            raise InputError(origin, f"{_short(line)} stands before the first `Name: SET`", LIST_AGAIN)
        elif found[-1].members is not None:
            found[-1].members.append((number, line.strip()))
        elif not colon or key not in KNOWN:
            expected = ", ".join(f"`{each}:`" for each in KNOWN[1:])
            raise InputError(origin, f"{_short(line)} is no line of a set's header (one of {expected})", LIST_AGAIN)
        elif key == "Members":
            found[-1].members = []
        else:
            found[-1].facts[key] = value.strip()
    if found:
        _check(found[-1], path)
    return found


def _check(listed: ListedSet, path: str) -> None:
    if "Type" not in listed.facts:
        raise InputError(
            Origin(path, listed.line), f"set {listed.name} has no `Type:`: the listing is cut off", LIST_AGAIN
        )


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")
