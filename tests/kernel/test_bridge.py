"""What a bridge does to packets on their way through iptables, by the real kernel: the reference walks them alike."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path as File

import pytest

from tests.corpus_path import ROOT, corpus
from verifier.compilers.weave import BRIDGE, MODULE
from verifier.model.addresses import parse_address
from verifier.model.effect import Verdict
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.readers.snapshot import read_snapshot
from verifier.reference.bridges import behind_uplink, crossing
from verifier.reference.chains import walk
from verifier.reference.view import View, view_of

EVERY_HOOK = """*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m physdev --physdev-is-bridged -j DROP
-A PREROUTING -p udp -m udp --dport 9 -m physdev --physdev-in vethwe-bridge -j DROP
-A INPUT -p tcp -m tcp --dport 9 -m physdev --physdev-in vethwepl+ -j DROP
-A FORWARD -p udp -m udp --dport 80 -m physdev ! --physdev-out vethwepl+ -j DROP
-A POSTROUTING -p tcp -m tcp --dport 9102 -m physdev --physdev-in vethwe-bridge -j DROP
-A POSTROUTING -o eth0 -p tcp -m tcp --dport 80 -m physdev --physdev-in vethwepl+ -j DROP
-A POSTROUTING -p tcp -m tcp --dport 80 -m physdev --physdev-out vethwepl+ --physdev-is-bridged -j DROP
COMMIT
"""
"""Every test of a port, at every hook that may ask it."""


def answers(folder: File) -> list[tuple[str, str, str, int, int, int, bool]]:
    """What the kernel does; skips where it cannot be asked."""
    if not all(shutil.which(tool) for tool in ("unshare", "ip", "iptables-restore", "ipset")):
        pytest.skip("unshare, ip, iptables and ipset are needed")
    probe = "ip link add probe0 type bridge && ls /proc/sys/net/bridge/bridge-nf-call-iptables && ipset create probe0 hash:ip comment"
    if subprocess.run(["unshare", "-nm", "sh", "-ec", probe], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces, no bridges that ask iptables, or no ipset")
    command = ["unshare", "-nm", sys.executable, "-m", "tests.kernel.bridge", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    return [tuple(each) for each in json.loads(ran.stdout)]


def packet(path: Path, source: str, destination: str, service: tuple[int, int, int], view: View) -> Packet:
    """The packet as the reference has it, with the interfaces of its ends."""
    (_, first), (_, last) = parse_address(source), parse_address(destination)
    incoming = "" if path is Path.NODE_TO_POD else _interface(first, view)
    outgoing = "" if path is Path.POD_TO_NODE else _interface(last, view)
    protocol, source_port, port = service
    made = Packet(4, first, last, protocol, source_port, port, in_interface=incoming, out_interface=outgoing)
    return crossing(made, path, view)


def _interface(address: int, view: View) -> str:
    return BRIDGE if (4, address) in view.local or behind_uplink(4, address, view) else "eth0"


@pytest.mark.parametrize(
    ("recording", "more"),
    [("seed", ""), ("shop-numeric", ""), ("seed", EVERY_HOOK)],
    ids=["seed", "shop-numeric", "seed, tests of ports at every hook"],
)
def test_the_kernel_treats_packets_as_the_reference_does(recording: str, more: str, tmp_path: File) -> None:
    folder = tmp_path / "snapshot"
    shutil.copytree(corpus("weave", recording), folder)
    (read,) = (folder / "nodes").iterdir()
    dump = read / "iptables-save"
    dump.write_text(dump.read_text("utf-8") + more, "utf-8")
    snapshot = read_snapshot(str(folder))
    (node,) = snapshot.nodes
    view = view_of(node, snapshot.cluster, MODULE.bridge(node))
    wrong = []
    verdicts = set()
    for name, source, destination, protocol, source_port, port, answered in answers(folder):
        path = Path(name)
        verdict = walk(packet(path, source, destination, (protocol, source_port, port), view), path, node, view).verdict
        verdicts.add(verdict)
        if (verdict is Verdict.ACCEPT) is not answered:
            wrong.append(f"{name} {source} -> {destination}:{port} protocol {protocol}: {verdict}, answered {answered}")
    assert not wrong, f"{len(wrong)} packets\n" + "\n".join(wrong[:20])
    assert verdicts == {Verdict.ACCEPT, Verdict.DROP}
