"""The files of a snapshot, from a directory or an archive: which there are, and their text within safe bounds."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from verifier.model.origin import InputError, Origin
from verifier.model.snapshot import InputFile
from verifier.readers import bounds

ARCHIVES = (".tar.gz", ".tgz", ".tar")
_ROOTS = ("cluster", "nodes")
_LAYOUT = "a snapshot has cluster/*.yaml and nodes/NAME/iptables-save; see README.md"


@dataclass(slots=True)
class Tree:
    """The files below cluster/ and nodes/ by their path in the snapshot; `inputs` are those that were read."""

    root: str
    files: dict[str, Path | bytes]
    folders: tuple[str, ...]  # names below nodes/
    inputs: list[InputFile] = field(default_factory=list)
    read: int = 0  # bytes, so far
    unfollowed: tuple[str, ...] = ()  # links of an archive, by their path in the snapshot

    def shown(self, name: str) -> str:
        """The path of a file as the user would type it."""
        return f"{self.root}/{name}"

    def text(self, name: str) -> str:
        """The text of a file; InputError where it cannot be read or is no text."""
        origin = Origin(self.shown(name))
        source = self.files[name]
        data = source if isinstance(source, bytes) else _read_file(source, origin)
        self.read += len(data)
        if self.read > bounds.MAX_TOTAL:
            problem = f"with this file the snapshot is larger than {bounds.MAX_TOTAL >> 20} MiB"
            raise InputError(origin, problem, bounds.SMALLER)
        self.inputs.append(InputFile(name, sha256(data).hexdigest(), len(data)))
        return _decode(data, origin, bounds.MAX_JSON_LINE if name.endswith(".json") else bounds.MAX_LINE)


def read_text(path: str) -> tuple[str, InputFile]:
    """The text of one file that is no part of a snapshot; InputError where it cannot be read or is no text."""
    origin = Origin(path)
    data = _read_file(Path(path), origin)
    return _decode(data, origin, bounds.MAX_LINE), InputFile(path, sha256(data).hexdigest(), len(data))


def open_tree(path: str) -> Tree:
    """The snapshot at `path`; InputError where there is none."""
    place = Path(path)
    origin = Origin(path)
    try:
        mode = place.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(origin, f"cannot be read: {_reason(error)}", "give the path of a snapshot") from None
    if stat.S_ISDIR(mode):
        tree = _open_directory(place, path.rstrip("/") or "/")
    elif stat.S_ISREG(mode) and place.name.endswith(ARCHIVES):
        tree = _open_archive(place, path)
    else:
        raise InputError(origin, "neither a directory nor a .tar.gz", _LAYOUT)
    if not tree.files and not tree.folders:
        problem = "an empty snapshot: neither cluster/ nor nodes/ holds a file"
        if tree.unfollowed:
            raise InputError(origin, f"{problem}, only links", "pack what the links lead to (`tar -czhf`)")
        raise InputError(origin, problem, _LAYOUT)
    return tree


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _open_directory(place: Path, root: str) -> Tree:
    try:
        return _list_directory(place, root)
    except OSError as error:
        place = Path(error.filename or root)
        raise InputError(Origin(str(place)), f"cannot be read: {_reason(error)}", "make it readable") from None


def _list_directory(place: Path, root: str) -> Tree:
    files: dict[str, Path | bytes] = {}
    for name in _ROOTS:
        if (place / name).is_dir():
            for file, path in _walk(place / name, name, Origin(root), 1):
                files[file] = path
                if len(files) > bounds.MAX_FILES:
                    raise InputError(Origin(root), f"more than {bounds.MAX_FILES} files", bounds.SMALLER)
    nodes = place / "nodes"
    folders = sorted(entry.name for entry in nodes.iterdir() if _is_folder(entry)) if nodes.is_dir() else []
    return Tree(root, files, tuple(folders))


def _is_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _walk(folder: Path, name: str, origin: Origin, level: int) -> Iterator[tuple[str, Path]]:
    if level > bounds.MAX_LEVELS:
        raise InputError(origin, f"{name}: folders within folders, more than {bounds.MAX_LEVELS} deep", "flatten them")
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{name}/{entry.name}", origin, level + 1)
        else:
            yield f"{name}/{entry.name}", entry


def _read_file(path: Path, origin: Origin) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(origin, "not a regular file", "put the file itself there")
        if status.st_size > bounds.MAX_FILE:
            problem = f"{status.st_size >> 20} MiB, more than the {bounds.MAX_FILE >> 20} MiB that are read of a file"
            raise InputError(origin, problem, bounds.smaller(path.name))
        return path.read_bytes()
    except OSError as error:
        raise InputError(origin, f"cannot be read: {_reason(error)}", "make the file readable") from None


def _decode(data: bytes, origin: Origin, longest: int) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            origin, "UTF-16 text", "save it as UTF-8 (in PowerShell: `... | Out-File -Encoding utf8 FILE`)"
        )
    binary = data.find(b"\0")
    if binary >= 0:
        raise InputError(Origin(origin.path, _line(data, binary)), "a binary file", "put text there")
    for start in range(0, len(data) - longest, longest):
        # A line of twice the bound covers one of these windows completely, so none passes unseen.
        if data.find(b"\n", start, start + longest) < 0:
            problem = f"a line of more than {longest >> 20} MiB"
            raise InputError(
                Origin(origin.path, _line(data, start)), problem, "write it as the tool prints it, in lines"
            )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line(data, error.start)
        raise InputError(Origin(origin.path, line), "not UTF-8 text", "save the file as UTF-8") from None


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _open_archive(place: Path, root: str) -> Tree:
    from verifier.readers.archive import read_archive  # noqa: PLC0415  most snapshots are directories

    members, links = read_archive(place, root)
    # The files stand at the top, or in the one folder that was packed.
    tops = {name.split("/", 1)[0] for name in members}
    if len(tops) == 1 and not tops & set(_ROOTS):
        prefix = f"{tops.pop()}/"
        members = {name.removeprefix(prefix): data for name, data in members.items()}
        links = [name.removeprefix(prefix) for name in links]
    files: dict[str, Path | bytes] = {
        name: data for name, data in sorted(members.items()) if name.startswith(("cluster/", "nodes/"))
    }
    parts = [name.split("/") for name in files]
    folders = sorted({part[1] for part in parts if part[0] == "nodes" and len(part) > 2})
    unfollowed = tuple(sorted(name for name in links if name.split("/", 1)[0] in _ROOTS))
    return Tree(root, files, tuple(folders), unfollowed=unfollowed)
