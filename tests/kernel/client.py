"""Run inside a namespace: try connections and print the numbers of those that were answered.

Standard input holds a JSON list of [number, protocol, source, source port, destination, port]. A closed port answers
too (a reset, an ICMP error), so that nobody has to listen.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import sys
import time

PATIENCE = 1.2
"""Seconds to wait for answers."""


def attempt(protocol: int, source: str, source_port: int, destination: str, port: int) -> socket.socket:
    """Begin a connection."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == 6 else socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((source, source_port))
    made.connect_ex((destination, port))
    if protocol != 6:
        made.send(b"x")
    return made


def answered(attempts: dict[int, socket.socket], protocols: dict[int, int]) -> list[int]:
    """The numbers of the attempts that got an answer in time."""
    waiting = {each.fileno(): number for number, each in attempts.items()}
    found: list[int] = []
    end = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < end:
        reading = [fd for fd, number in waiting.items() if protocols[number] != 6]
        writing = [fd for fd, number in waiting.items() if protocols[number] == 6]
        ready = select.select(reading, writing, [], 0.05)
        for fd in {*ready[0], *ready[1]}:
            number = waiting.pop(fd)
            if attempts[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED):
                found.append(number)
    return found


def main() -> None:
    jobs = json.load(sys.stdin)
    attempts = {number: attempt(*rest) for number, *rest in jobs}
    json.dump(answered(attempts, {number: protocol for number, protocol, *_ in jobs}), sys.stdout)


if __name__ == "__main__":
    main()
