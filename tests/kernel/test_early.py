"""Which connection the raw table sees of what a node sends in answer, by the real kernel: its own, or none yet (CH-12)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.corpus_path import ROOT

RULES = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p tcp -m conntrack --ctstate RELATED -m connmark --mark 0x7
-A OUTPUT -p icmp -m conntrack --ctstate RELATED -m connmark --mark 0x7
-A OUTPUT -p icmp -m conntrack --ctstate INVALID
-A OUTPUT -j CT --notrack
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -j CONNMARK --set-xmark 0x7/0xffffffff
COMMIT
*filter
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 81 -j REJECT --reject-with tcp-reset
-A INPUT -p udp -m udp --dport 81 -j REJECT --reject-with icmp-port-unreachable
-A OUTPUT -p tcp -m conntrack --ctstate RELATED
-A OUTPUT -p icmp -m conntrack --ctstate RELATED
-A OUTPUT -p icmp -m conntrack --ctstate UNTRACKED
COMMIT
"""
NETWORK = """mount --make-rprivate /; mount -t tmpfs run /run; mkdir -p /run/netns; ip link set lo up; ip netns add pod
ip link add veth0 type veth peer name eth0 netns pod; ip addr add 10.0.0.1/24 dev veth0; ip link set veth0 up
ip -n pod addr add 10.0.0.2/24 dev eth0; ip -n pod link set eth0 up; sysctl -qw net.ipv4.icmp_ratelimit=0
"""
ASKED = [
    [0, 6, "10.0.0.2", 40000, "10.0.0.1", 81],
    [1, 17, "10.0.0.2", 40000, "10.0.0.1", 81],
    [2, 17, "10.0.0.2", 40001, "10.0.0.1", 9],
]
"""Two that rules refuse, and one for which nobody listens."""


def counted(tool: str) -> list[int]:
    """How many packets each rule with a state met; skips where there is no such namespace or tool."""
    if not all(shutil.which(each) for each in ("unshare", "ip", f"{tool}-restore")):
        pytest.skip(f"unshare, ip and {tool} are needed")
    load = f"cat <<'END' | {tool}-restore\n{RULES}END\n"
    if subprocess.run(["unshare", "-nm", "sh", "-ec", NETWORK + load], capture_output=True, check=False).returncode:
        pytest.skip(f"no network namespaces, or {tool} does not load the rules")
    ask = f"ip netns exec pod {sys.executable} -m tests.kernel.client >/dev/null <<'END'\n{json.dumps(ASKED)}\nEND\n"
    script = f"{NETWORK}{load}{ask}{tool}-save -c -t raw; {tool}-save -c -t filter"
    ran = subprocess.run(["unshare", "-nm", "sh", "-ec", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    lines = re.findall(r"^\[(\d+):\d+\] -A OUTPUT .*--ctstate", ran.stdout, re.MULTILINE)
    return [int(count) for count in lines]


@pytest.mark.exercises("CH-12")
@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
def test_answers_may_have_a_connection_before_tracking(tool: str) -> None:
    """What REJECT sends has it, with its mark, and NOTRACK leaves it; the error of a socket has none, and is taken out."""
    assert counted(tool) == [1, 1, 1, 1, 1, 1]
