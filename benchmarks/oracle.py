"""How fast the kernel is asked: packets through real rules, in ratios to a datagram over the loopback interface."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator

from benchmarks.measure import Cost
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Shot, Stage
from verifier.model.fields import ConnState
from verifier.model.packet import Packet
from verifier.model.path import Path

PACKETS = 20_000
DATAGRAMS = 50_000
STAGE = Stage(("in0", "out0"))
SHORT = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:pods - [0:0]
:web - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -j pods
-A pods -d 10.0.0.2/32 -m set --match-set clients src -g web
-A web -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0x1
-A web -m mark --mark 0x1/0x1 -j ACCEPT
COMMIT
"""
SETS = "create clients hash:ip family inet hashsize 1024 maxelem 65536\nadd clients 10.0.0.1\n"
KNOWN: dict[str, object] = {"state": ConnState.ESTABLISHED, "tcp_flags": 16}


def long(rules: int) -> str:
    """The same rules behind so many that do not match."""
    head, rest = SHORT.split("-A FORWARD -p tcp", 1)
    return (
        head
        + "".join(f"-A FORWARD -s 10.9.{n // 256}.{n % 256}/32 -j DROP\n" for n in range(rules))
        + "-A FORWARD -p tcp"
        + rest
    )


CASES: dict[str, tuple[str, dict[str, object], bool]] = {
    "new": (SHORT, {}, False),
    "established": (SHORT, KNOWN, False),
    "new, traced": (SHORT, {}, True),
    "new, 1000 rules": (long(1000), {}, False),
    "new, 10000 rules": (long(10000), {}, False),
}


def shots(fields: dict[str, object], trace: bool) -> list[Shot]:
    """Every other packet is accepted, the others meet the policy."""
    ports = (80, 81)
    plain = {"in_interface": "in0", "out_interface": "out0", **fields}
    return [
        Shot(Packet(4, 0x0A000001, 0x0A000002, 6, 1 + n % 60000, ports[n % 2], **plain), Path.POD_TO_POD, trace)  # type: ignore[arg-type]
        for n in range(PACKETS)
    ]


def ask(backend: Backend, rules: str, packets: list[Shot], workers: int = 1) -> Cost:
    """The cost of asking about these packets, without starting and loading: processor time of all processes."""
    costs = []
    for asked in ([], packets):
        before = _processor()
        with Kernel(STAGE, backend, workers) as kernel:
            kernel.load(4, rules, SETS)
            kernel.ask(packets[:500])
            begun = time.perf_counter()
            answers = kernel.ask(asked)
            wall = time.perf_counter() - begun
        assert all(answer.verdict for answer in answers)
        costs.append((wall, _processor() - before))
    return Cost(wall=costs[1][0], cpu=max(costs[1][1] - costs[0][1], 1e-9), memory=0, code=0, output="")


def datagram() -> float:
    """Seconds of processor time that one datagram over the loopback interface takes, sent and received."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.connect(here.getsockname())
        before = time.process_time()
        for _ in range(DATAGRAMS):
            here.send(b"packet")
            here.recv(64)
        return (time.process_time() - before) / DATAGRAMS


def _processor() -> float:
    """Processor seconds of this process and of those that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def report() -> Iterator[str]:
    """The lines of the table."""
    one = datagram()
    yield f"packets asked of the kernel; one datagram over loopback: {one * 1e6:.1f} us of processor time"
    yield f"{'':<28} {'packets/s':>10} {'per cpu s':>10} {'x datagram':>11}"
    for backend in Backend:
        if reason := unavailable(backend):
            yield f"{backend.value}: skipped, {reason}"
            continue
        for name, (rules, fields, trace) in CASES.items():
            cost = ask(backend, rules, shots(fields, trace))
            yield _row(f"{backend.value} {name}", cost, one)
        yield _row(f"{backend.value} new, two workers", ask(backend, SHORT, shots({}, trace=False), workers=2), one)


def _row(name: str, cost: Cost, one: float) -> str:
    return f"{name:<28} {PACKETS / cost.wall:>10.0f} {PACKETS / cost.cpu:>10.0f} {cost.cpu / PACKETS / one:>11.1f}"


if __name__ == "__main__":
    for line in report():
        print(line, flush=True)
