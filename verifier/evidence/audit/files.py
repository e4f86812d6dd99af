"""The files of a bundle as they are found, against what its manifest states of them.

Spec: specs/evidence.md (EV-10)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from verifier.evidence.audit.manifest import MANIFEST, REMEDY, Stated, StatedFile, read_manifest
from verifier.model.origin import InputError, Origin

LARGEST = 1 << 30
"""Bytes of a file that is still read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle whose files are those of its manifest: their contents by path, and the manifest with its digest."""

    directory: str
    stated: Stated
    contents: Mapping[str, bytes]
    digest: str

    def text(self, path: str) -> str:
        """A file of the bundle as text; InputError where it is none."""
        return _decoded(self.contents[path], Origin(f"{self.directory}/{path}"))


def find(directory: str) -> Found:
    """The bundle in a directory; InputError where a file is missing, is not what the manifest states, or anything is extra."""
    root = Path(directory)
    name = directory.rstrip("/")
    if not root.is_dir():
        raise InputError(Origin(directory), "is no directory", "name the directory that evidence export has written")
    if not (root / MANIFEST).is_file():
        raise InputError(Origin(directory), f"has no {MANIFEST}", "name the directory that evidence export has written")
    contents = {path.relative_to(root).as_posix(): _content(path, root, name) for path in _files(root, name)}
    manifest = contents.pop(MANIFEST)
    origin = Origin(f"{name}/{MANIFEST}")
    stated = read_manifest(_decoded(manifest, origin), origin)
    for file in stated.files:
        if file.path not in contents:
            raise InputError(Origin(f"{name}/{file.path}"), f"is missing, {MANIFEST} lists it", REMEDY)
        compare(file, contents[file.path], f"{name}/{file.path}", REMEDY)
    for path in sorted(set(contents) - {file.path for file in stated.files}):
        raise InputError(Origin(f"{name}/{path}"), f"is extra, {MANIFEST} does not list it", REMEDY)
    needed = {parent for file in stated.files for parent in (root / file.path).parents}
    for folder in sorted(each for each in root.rglob("*") if each.is_dir() and each not in needed):
        problem = f"is an extra directory, {MANIFEST} lists no file in it"
        raise InputError(Origin(f"{name}/{folder.relative_to(root)}"), problem, REMEDY)
    return Found(name, stated, contents, sha256(manifest).hexdigest())


def compare(file: StatedFile, content: bytes, path: str, remedy: str) -> None:
    """InputError where a file's content is not what a manifest states of it."""
    digest = sha256(content).hexdigest()
    if (len(content), digest) != (file.size, file.sha256):
        told = f"has {len(content)} bytes with SHA-256 {digest[:12]}..., {MANIFEST} states {file.size} with {file.sha256[:12]}..."
        raise InputError(Origin(path), told, remedy)


def _files(root: Path, name: str) -> Iterator[Path]:
    """Everything below a directory that is no directory; InputError at a link or anything else that is no file."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise InputError(Origin(f"{name}/{path.relative_to(root)}"), "is neither a file nor a directory", REMEDY)
        if not path.is_dir():
            yield path


def _content(path: Path, root: Path, name: str) -> bytes:
    origin = Origin(f"{name}/{path.relative_to(root)}")
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(origin, f"has more than {LARGEST} bytes", REMEDY)
        return path.read_bytes()
    except OSError as error:
        raise InputError(origin, f"cannot be read: {error.strerror}", "make it readable") from None


def _decoded(content: bytes, origin: Origin) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(origin, f"is no UTF-8: {error.reason} at byte {error.start}", REMEDY) from None
