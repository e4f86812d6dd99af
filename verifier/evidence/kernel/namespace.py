"""A network namespace that this process made for itself, and the proof that it is in it.

Spec: specs/kernel.md (KER-1)
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verifier.evidence.kernel.records import Unavailable

NEW_USER, NEW_NET = 0x10000000, 0x40000000
GET_FLAGS = 0x8913
UP, RUNNING = 1, 0x40
"""The bits of an interface's flags that say that it is up, and that it takes packets."""
PACKAGES = {"ip": "iproute2", "ip6tables": "iptables", "nft": "nftables"}
"""By the first word of a tool's name the package that has it, where that is called otherwise."""
Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Namespace:
    """The namespace that this process made: `net` is its identity, `lock` the file that the legacy tools lock."""

    net: Identity
    lock: str

    def assure(self) -> None:
        """Raise Unavailable unless the process still is in the namespace that it made."""
        if identity("self") != self.net:
            raise Unavailable("this process has left the network namespace that it made: nothing is touched")

    def tool(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a tool in the namespace, whatever it answers; Unavailable where it is not installed."""
        self.assure()
        environment = {**os.environ, "XTABLES_LOCKFILE": self.lock, "LC_ALL": "C"}
        try:
            return subprocess.run(  # noqa: S603
                command,
                input=text,
                encoding="utf-8",
                errors="surrogateescape",
                capture_output=True,
                check=False,
                env=environment,
            )
        except OSError as error:
            word = command[0].partition("-")[0]
            remedy = f"install the package {PACKAGES.get(word, word)}"
            raise Unavailable(f"{command[0]} cannot be run ({error.strerror}): {remedy}") from error

    def must(self, *command: str, text: str = "") -> str:
        """Run a tool that must succeed; Unavailable with its message where it does not."""
        ran = self.tool(*command, text=text)
        if ran.returncode:
            raise Unavailable(f"`{' '.join(command)}` failed: {ran.stderr.strip()[:500]}")
        return ran.stdout

    def setting(self, name: str, value: int | str, *, optional: bool = False) -> None:
        """Write one kernel setting of the namespace, named by its path below /proc/sys."""
        self.assure()
        try:
            Path("/proc/sys", name).write_text(str(value), "ascii")
        except OSError as error:
            if not optional:
                raise Unavailable(f"the kernel has no setting {name} here ({error.strerror})") from error


def identity(process: str) -> Identity | None:
    """Which network namespace a process is in; None where this process may not look."""
    place = Path("/proc", process, "ns/net")
    try:
        found = place.stat()
    except PermissionError:
        return None
    except OSError as error:
        raise Unavailable(f"network namespaces cannot be told apart: {place}: {error.strerror}") from error
    return found.st_dev, found.st_ino


def enter(lock: str) -> Namespace:
    """Move this process, which must have one thread, into a namespace of its own that ends with it.

    Without the right to do so, a user namespace of its own gives it. Raises Unavailable where neither can be had, and
    where the namespace afterwards is not a new one.
    """
    others = tuple(identity(process) for process in ("self", str(os.getppid()), "1"))
    owner, group = os.getuid(), os.getgid()
    user = not _unshare(NEW_NET) if os.geteuid() == 0 else True
    if user:
        error = 0 if _unshare(NEW_NET | NEW_USER) else ctypes.get_errno()
        if error:
            # The kernel's word for a limit that is reached is that of a full disk.
            limits = "the limits user.max_user_namespaces and user.max_net_namespaces leave none"
            why = limits if error == errno.ENOSPC else os.strerror(error)
            raise Unavailable(f"no network namespace can be made ({why}): run as root, or allow user namespaces")
        _map_users(owner, group)
    return own(others, lock)


def _map_users(owner: int, group: int) -> None:
    """Call the owner of the user namespace root in it: without that, no tool has any right there."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {owner} 1"), ("gid_map", f"0 {group} 1")):
        try:
            Path("/proc/self", name).write_text(text, "ascii")
        except PermissionError as error:
            raise Unavailable(
                "the user namespace cannot be given an owner: run with all capabilities, or as another user"
            ) from error


def own(others: Sequence[Identity | None], lock: str) -> Namespace:
    """The present namespace, provided that it is none of the others and that nothing in it is up.

    `others` are the namespaces that this process was in before, of its parent and of process 1, the last two None where
    this process may not look. Raises Unavailable otherwise.
    """
    here = identity("self")
    if here is None or others[0] is None or here in others:
        raise Unavailable("this process is not in a network namespace that it made: nothing is touched")
    if name := busy():
        raise Unavailable(f"the network namespace is in use ({name} is up): nothing is touched")
    return Namespace(here, lock)


def busy() -> str:
    """An interface of the present namespace that is up, "" where there is none: a new namespace has none."""
    return next((name for _, name in socket.if_nameindex() if flags(name) & UP), "")


def flags(interface: str) -> int:
    """The flags of an interface of the present namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking, GET_FLAGS, struct.pack("16s24x", interface.encode()))
    return int(struct.unpack_from("H", answer, 16)[0])


def _unshare(kinds: int) -> bool:
    return int(ctypes.CDLL(None, use_errno=True).unshare(kinds)) == 0
