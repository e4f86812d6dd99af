"""A node whose pods are ports of a bridge, built in the present network namespace, with the rules of a snapshot.

Run as `unshare -nm python -m tests.kernel.bridge SNAPSHOT`: sends packets on every path and prints a JSON list of
[path, source, destination, protocol, source port, port, whether it was answered].
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path as File

from verifier.compilers.weave import BRIDGE, POD_PORTS, UPLINK
from verifier.model.addresses import address_text
from verifier.model.path import Path
from verifier.model.snapshot import Snapshot
from verifier.readers.snapshot import read_snapshot

NODE = ("10.244.1.1", "192.168.10.11")
BEYOND = ("8.8.8.8", "172.17.0.5", "172.17.1.9", "198.51.100.7")
STRANGER = "10.244.99.9"
"""On the bridge's network, but no pod."""
PORTS = (9, 80, 9102)
Jobs = dict[str, list[tuple[int, int, str, int, str, int]]]
"""By where they are sent from: number, protocol, source with its port, destination with its port."""
AT_ONCE = 800
ROUNDS = 2
"""So often in succession nothing more is answered: on a busy machine answers are late."""
QUIET = "net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=10000"
PATHS = {
    ("pod", "pod"): Path.POD_TO_POD,
    ("pod", "over"): Path.POD_TO_REMOTE,
    ("pod", "wire"): Path.POD_TO_REMOTE,
    ("over", "pod"): Path.REMOTE_TO_POD,
    ("wire", "pod"): Path.REMOTE_TO_POD,
    ("node", "pod"): Path.NODE_TO_POD,
    ("pod", "node"): Path.POD_TO_NODE,
}


def shell(commands: str) -> None:
    """Run commands, all of which must succeed."""
    subprocess.run(["sh", "-ec", commands], check=True)


def namespace(name: str, device: str, host: str, *, bridged: bool) -> None:
    """A namespace behind an interface of the node."""
    shell(f"ip netns add {name}; ip link add {host} type veth peer name {device} netns {name}; ip link set {host} up")
    shell(f"ip -n {name} link set lo up; ip -n {name} link set {device} up; ip netns exec {name} sysctl -qw {QUIET}")
    if bridged:
        shell(f"ip link set {host} master {BRIDGE}")


def build(pods: list[str], far: list[str]) -> None:
    """The node's bridge with its pods, the overlay behind its uplink, and everything else behind eth0."""
    shell("mount --make-rprivate /; mount -t tmpfs run /run; mkdir -p /run/netns; ip link set lo up")
    shell(f"ip link add {BRIDGE} type bridge; ip addr add {NODE[0]}/16 dev {BRIDGE}; ip link set {BRIDGE} up")
    for number, address in enumerate(pods):
        namespace(f"pod{address}", "eth0", f"{POD_PORTS}{number}", bridged=True)
        shell(f"ip -n pod{address} addr add {address}/16 dev eth0; ip -n pod{address} route add default via {NODE[0]}")
    namespace("over", "eth0", UPLINK, bridged=True)
    for address in far:
        shell(f"ip -n over addr add {address}/16 dev eth0")
    shell(f"ip -n over route add default via {NODE[0]}")
    namespace("wire", "eth1", "eth0", bridged=False)
    shell(f"ip addr add {NODE[1]}/24 dev eth0; ip -n wire addr add 192.168.10.1/24 dev eth1")
    shell(f"ip route add default via 192.168.10.1; ip -n wire route add 10.244.0.0/16 via {NODE[1]}")
    for address in BEYOND:
        shell(f"ip -n wire addr add {address}/32 dev lo")
    shell(f"sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 {QUIET}")
    shell("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0")


def ends(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Addresses with where they are."""
    (node,) = snapshot.nodes
    pods = [pod for pod in snapshot.cluster.pods if pod.has_traffic and 4 in pod.addresses]
    here = [(address_text(4, pod.addresses[4]), "pod") for pod in pods if pod.node == node.name]
    there = [(address_text(4, pod.addresses[4]), "over") for pod in pods if pod.node != node.name]
    return [*here, *there, (STRANGER, "over"), *((each, "wire") for each in BEYOND), (NODE[0], "node")]


def main() -> None:
    folder = File(sys.argv[1])
    known = ends(read_snapshot(str(folder)))
    build([each for each, at in known if at == "pod"], [each for each, at in known if at == "over"])
    (node,) = (folder / "nodes").iterdir()
    shell(f"ipset restore < {node}/ipset-save; iptables-restore < {node}/iptables-save")
    told: list[list[object]] = []
    jobs: Jobs = {}
    for (source, at), (destination, to) in permutations(known, 2):
        path = PATHS.get((at, to))
        for protocol, port in [(protocol, port) for protocol in (6, 17) for port in PORTS if path]:
            assert path is not None
            number = len(told)
            told.append([path.value, source, destination, protocol, 20000 + number % 40000, port, False])
            jobs.setdefault(f"pod{source}" if at == "pod" else at, []).append(
                (number, protocol, source, 20000 + number % 40000, destination, port)
            )
    quiet = 0
    while quiet < ROUNDS:
        fresh = asked({at: [job for job in some if not told[job[0]][-1]] for at, some in jobs.items()})
        quiet = 0 if fresh else quiet + 1
        for number in fresh:
            told[number][-1] = True
    json.dump(told, sys.stdout)


def asked(jobs: Jobs) -> list[int]:
    """The numbers of the packets that were answered, of all ends at once."""
    clients = []
    for at, waiting in jobs.items():
        inside = [] if at == "node" else ["ip", "netns", "exec", at]
        for first in range(0, len(waiting), AT_ONCE):
            command = [*inside, sys.executable, "-m", "tests.kernel.client"]
            client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            clients.append((client, json.dumps(waiting[first : first + AT_ONCE])))
    found: list[int] = []
    for client, text in clients:
        assert client.stdin is not None
        client.stdin.write(text)
        client.stdin.close()
    for client, _ in clients:
        assert client.stdout is not None
        found += json.load(client.stdout)
        assert client.wait() == 0
    return found


if __name__ == "__main__":
    main()
