"""Azure NPM's names: how those of sets and chains are hashed, and what a comment says of the policy it belongs to.

Spec: specs/compilers/azure.md
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import Enum

from verifier.model.policy import Direction

PREFIX = "azure-npm-"
CHAIN_PREFIXES = {Direction.INGRESS: "AZURE-NPM-INGRESS-", Direction.EGRESS: "AZURE-NPM-EGRESS-"}
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SET_LENGTH, CHAIN_LENGTH = 20, 10
FNV_OFFSET, FNV_PRIME = 2166136261, 16777619


class Era(Enum):
    """How names are hashed: FNV-1a in decimal until July 2026, SHA-256 in base 36 since."""

    FNV = "fnv"
    SHA = "sha"


def set_name(text: str, era: Era) -> str:
    """The name of the set that stands for `text` (AZ-4)."""
    if era is Era.FNV:
        return f"{PREFIX}{_fnv(text)}"
    return PREFIX + _base36(_sha(text))[:SET_LENGTH]


def chain_name(policy: str, direction: Direction, era: Era) -> str:
    """The chain with the rules of a policy ("namespace/name") in one direction (AZ-4)."""
    suffix = str(_fnv(policy)) if era is Era.FNV else _base36(_sha(policy) % 36**CHAIN_LENGTH).rjust(CHAIN_LENGTH, "0")
    return CHAIN_PREFIXES[direction] + suffix


def computed_set(name: str) -> bool:
    """Whether a set's name is one that is computed."""
    return name.startswith(PREFIX)


def _fnv(text: str) -> int:
    value = FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return value


def _sha(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _base36(number: int) -> str:
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


@dataclass(frozen=True, slots=True)
class Target:
    """What the comment of a jump says: whose pods enter the chain of which policy.

    `selectors` are the texts of sets that a pod has to be in, "!" before those that it must not be in.
    """

    direction: Direction
    policy: str
    selectors: frozenset[str]
    namespace: str


@dataclass(frozen=True, slots=True)
class Permission:
    """What the comment of a rule says: from or to whom, on which protocol, to which port; "" for what is not asked.

    A port is written as in the comment: a number, a range `80:90`, or a name.
    """

    peers: frozenset[str]
    protocol: str = ""
    port: str = ""


TARGET = re.compile(
    r"(?P<way>INGRESS|EGRESS)-POLICY-(?P<policy>[^/]+/.+?)-(?:TO|FROM)-(?P<who>.+)-IN-ns-(?P<namespace>[^-].*?)"
)
PERMISSION = re.compile(
    r"ALLOW-(?:ALL|(?:FROM|TO)-(?P<peers>.+?))(?:-ON-(?P<protocol>TCP|UDP|SCTP))?"
    r"(?:-TO-(?:PORT-(?P<port>\d+(?::\d+)?)|namedport:(?P<name>.+)))?"
)


def target_of(comment: str) -> Target | None:
    """The comment of a jump into a policy's chain, None where it is none (AZ-5)."""
    found = TARGET.fullmatch(comment)
    if found is None:
        return None
    direction = Direction.INGRESS if found["way"] == "INGRESS" else Direction.EGRESS
    return Target(direction, found["policy"], _texts(found["who"]), found["namespace"])


def permission_of(comment: str) -> Permission | None:
    """The comment of a rule that allows, None where it is none (AZ-5)."""
    found = PERMISSION.fullmatch(comment)
    if found is None:
        return None
    return Permission(_texts(found["peers"] or "all"), found["protocol"] or "", found["port"] or found["name"] or "")


def _texts(joined: str) -> frozenset[str]:
    """The texts of sets that a comment joins; a text with `-AND-` in it falls apart."""
    return frozenset() if joined == "all" else frozenset(joined.split("-AND-"))
