"""The files of a .tar or .tar.gz, in memory: nothing is unpacked to disk, no link is followed, nothing is cut short."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from verifier.model.origin import InputError, Origin
from verifier.readers import bounds

_GZIP = b"\x1f\x8b"
_END = 1024  # a whole archive ends in at least so many zero bytes
_CHUNK = 64 * 1024


def read_archive(place: Path, root: str) -> tuple[dict[str, bytes], list[str]]:
    """Content of every file by its path in the archive, and the paths of its links; hidden ones are left out.

    InputError, with `root` as the archive's name, where it is damaged, leads out of itself or is too large.
    """
    origin = Origin(root)
    try:
        with place.open("rb") as packed:
            start = packed.read(len(_GZIP))
            packed.seek(0)
            stream = _Stream(gzip.GzipFile(fileobj=packed) if start == _GZIP else packed, origin)
            members, links = _members(stream, root)
            stream.drain()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(origin, f"not an archive that can be read: {error}", "make it with `tar -czf`") from None
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        raise InputError(origin, problem, "make the file readable") from None
    return members, links


class _Stream:
    """The unpacked bytes of an archive, counted, with the last of them kept.

    tarfile takes an archive that ends early for a whole one, and gzip checks its sum only at the very end.
    """

    def __init__(self, source: IO[bytes] | gzip.GzipFile, origin: Origin) -> None:
        self._source = source
        self._origin = origin
        self._count = 0
        self._last = b""

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._count += len(data)
        self._last = (self._last + data)[-_END:]
        if self._count > bounds.MAX_TOTAL + bounds.MAX_FILES * _END:
            raise _too_much(self._origin)
        return data

    def drain(self) -> None:
        """Read to the end; InputError where that is not an archive's end."""
        while self.read(_CHUNK):
            pass
        if len(self._last) < _END or any(self._last):
            raise InputError(self._origin, "not an archive that can be read: it is cut short", "copy it again, whole")


def _members(stream: _Stream, root: str) -> tuple[dict[str, bytes], list[str]]:
    members: dict[str, bytes] = {}
    links: list[str] = []
    total = 0
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            name = _checked(member.name, Origin(root))
            total += member.size
            if (
                total > bounds.MAX_TOTAL
                or member.size > bounds.MAX_FILE
                or len(members) + len(links) > bounds.MAX_FILES
            ):
                raise _too_much(Origin(f"{root}/{name}"), PurePosixPath(name).name)
            if PurePosixPath(name).name.startswith("."):
                continue
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                members[name] = content.read()
            elif member.issym() or member.islnk():
                links.append(name)
    return members, links


def _checked(name: str, origin: Origin) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(origin, f"the archive's member {name!r} leads out of it", "make the archive with `tar -czf`")
    return str(path)


def _too_much(origin: Origin, name: str = "") -> InputError:
    sizes = f"{bounds.MAX_FILE >> 20} MiB a file, {bounds.MAX_TOTAL >> 20} MiB and {bounds.MAX_FILES} files in all"
    return InputError(origin, f"the archive holds more than is read ({sizes})", bounds.smaller(name))
