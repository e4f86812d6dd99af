"""Nothing is touched outside of a namespace that the worker made itself; and none needs the rights of root."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from verifier.evidence.kernel import namespace
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.namespace import Namespace, enter, identity, own
from verifier.evidence.kernel.records import Backend, Stage, Unavailable
from verifier.evidence.kernel.worker import Server

PRELUDE = f"""
import ctypes, os, socket, subprocess, sys
sys.path.insert(0, {str(ROOT)!r})
from verifier.evidence.kernel.namespace import *
from verifier.evidence.kernel.records import Unavailable
def unshare(): assert ctypes.CDLL(None).unshare(0x40000000) == 0
def refused(act):
    try: act()
    except Unavailable as error: print(error)
    else: print("touched")
"""


@pytest.fixture(autouse=True)
def _no_tool_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, which is in the machine's own namespace, any tool that runs fails the test."""

    def run(self: Namespace, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        raise AssertionError(f"{command} ran outside of a namespace")

    monkeypatch.setattr(namespace.Namespace, "tool", run)


def scripted(script: str) -> str:
    """What a script prints that may change namespaces."""
    ran = subprocess.run([sys.executable, "-c", PRELUDE + script], capture_output=True, text=True, check=False)
    if "EPERM" in ran.stderr or "AssertionError" in ran.stderr:
        pytest.skip("making a network namespace needs the rights of root here")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_machine_s_own_namespace_is_refused() -> None:
    """Without any step into another namespace."""
    with pytest.raises(Unavailable, match="not in a network namespace that it made"):
        own((identity("self"), None, None), "lock")


def test_a_step_that_did_not_happen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call that should have made a namespace says that it did, and did not; nothing runs."""
    monkeypatch.setattr(namespace, "_unshare", lambda kinds: True)
    monkeypatch.setattr(namespace, "_map_users", lambda owner, group: None)
    with pytest.raises(Unavailable, match="not in a network namespace that it made"):
        enter("lock")
    with pytest.raises(Unavailable, match="not in a network namespace that it made"):
        Server(ROOT).answer("stage", [[[], [], []], "nft"])


@pytest.mark.parametrize("other", range(3))
def test_each_comparison_refuses_alone(other: int) -> None:
    """The namespace before, that of the parent, and that of process 1."""
    others = [(0, 1), (0, 2), (0, 3)]
    here = identity("self")
    assert here is not None
    others[other] = here
    with pytest.raises(Unavailable, match="not in a network namespace that it made"):
        own(others, "lock")


def test_a_namespace_that_is_in_use_is_refused() -> None:
    """The machine's own has an interface that is up, whatever the comparison says."""
    with pytest.raises(Unavailable, match="is in use"):
        own([(0, 1), (0, 2), (0, 3)], "lock")


def test_not_knowing_where_it_was_before_is_refused() -> None:
    """Then nothing tells that the namespace is new."""
    with pytest.raises(Unavailable, match="not in a network namespace that it made"):
        own((None, (0, 2), (0, 3)), "lock")


def test_a_new_namespace_is_refused_once_something_is_up() -> None:
    """One that another program set up."""
    told = scripted("""
before = identity("self")
unshare()
assert own((before, None, None), "lock").net == identity("self")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
refused(lambda: own((before, None, None), "lock"))
""")
    assert told == "the network namespace is in use (lo is up): nothing is touched"


def test_every_tool_and_setting_is_refused_after_leaving() -> None:
    """A process that went back to where it came from touches nothing any more."""
    told = scripted("""
home = os.open("/proc/self/ns/net", os.O_RDONLY)
before = identity("self")
unshare()
space = own((before, None, None), "lock")
assert ctypes.CDLL(None).setns(home, 0x40000000) == 0
subprocess.run = None
refused(lambda: space.tool("nft", "list", "ruleset"))
refused(lambda: space.setting("net/ipv4/ip_forward", 1))
""")
    assert told.splitlines() == ["this process has left the network namespace that it made: nothing is touched"] * 2


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
def test_interfaces_and_rules_are_the_worker_s_alone(backend: Backend) -> None:
    """The worker is elsewhere, and what it makes is not seen here."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    before = sorted(name for _, name in socket.if_nameindex())
    with Kernel(Stage(("in0",)), backend) as kernel:
        worker = kernel._workers[0]._process.pid
        assert identity(str(worker)) not in (identity("self"), None) or os.geteuid() != 0
        assert sorted(name for _, name in socket.if_nameindex()) == before
    assert not Path("/proc", str(worker)).exists()


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="gives up rights, which needs root and setpriv"
)
def test_the_rights_of_root_are_not_needed(backend: Backend) -> None:
    """Without the right to make namespaces, a user namespace gives it."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    script = f"from verifier.evidence.kernel.client import *; print(unavailable(Backend({backend.value!r})))"
    command = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable, "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    if "allow user namespaces" in ran.stdout:
        pytest.skip("no user namespaces on this machine")
    assert ran.stdout.strip() == ""


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not installed, and a machine without namespaces."""
    monkeypatch.undo()
    here = identity("self")
    assert here is not None
    with pytest.raises(Unavailable, match=r"no-such-tool cannot be run .*: install the package no$"):
        Namespace(here, "lock").tool("no-such-tool")
    monkeypatch.setattr(namespace, "_unshare", lambda kinds: False)
    for error, told in (
        (errno.EPERM, "Operation not permitted"),
        (errno.ENOSPC, "the limits user.max_user_namespaces"),
    ):
        monkeypatch.setattr("ctypes.get_errno", lambda error=error: error)
        with pytest.raises(Unavailable, match=rf"\({told}.*\): run as root, or allow user namespaces"):
            enter("lock")


@pytest.mark.parametrize(
    ("tool", "package"),
    [("ip", "iproute2"), ("ip6tables-nft-restore", "iptables"), ("iptables-legacy-restore", "iptables"), ("nft", "nftables")],
)  # fmt: skip
def test_a_tool_that_is_not_there_is_named_with_its_package(
    tool: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to install is not always called like the tool."""
    monkeypatch.undo()
    here = identity("self")
    assert here is not None
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match=f"{tool} cannot be run .*: install the package {package}$"):
        Namespace(here, "lock").tool(tool)
