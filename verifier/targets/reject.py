"""-j REJECT: drops the packet and answers the sender.

Spec: specs/targets/reject.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.effect import Effect, Finish, Verdict
from verifier.model.extension import Malformed, Option
from verifier.model.listing import listing, piece
from verifier.model.predicate import TRUE, Predicate
from verifier.targets.module import TargetModule

DEFAULT = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}
ANSWERS = {
    4: {
        "icmp-net-unreachable": "net-unreach", "icmp-host-unreachable": "host-unreach",
        "icmp-port-unreachable": "port-unreach", "icmp-proto-unreachable": "proto-unreach",
        "icmp-net-prohibited": "net-prohib", "icmp-host-prohibited": "host-prohib", "tcp-reset": "tcp-rst",
        "icmp-admin-prohibited": "admin-prohib",
    },
    6: {
        "icmp6-no-route": "no-route", "icmp6-adm-prohibited": "adm-prohibited", "icmp6-addr-unreachable": "addr-unreach",
        "icmp6-port-unreachable": "port-unreach", "tcp-reset": "tcp-reset", "icmp6-policy-fail": "policy-fail",
        "icmp6-reject-route": "reject-route",
    },
}  # fmt: skip
"""The answers of each family, with their short names."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A drop with an answer (RJ-1)."""

    answer: str

    def effect(self) -> Effect:
        return Finish(Verdict.DROP, self.answer)

    def condition(self) -> Predicate:
        return TRUE

    def spelling(self) -> str:
        return f"--reject-with {self.answer}"


def parse(options: tuple[Option, ...], family: int) -> Reject:
    """Read the kind of answer."""
    if not options:
        return Reject(DEFAULT[family])
    text = options[0].arguments[0]
    for name, short in ANSWERS[family].items():
        if text and (name.startswith(text) or short.startswith(text)):
            return Reject(name)
    raise Malformed(f"REJECT has no answer {text!r} in IPv{family}")


LISTED = listing("", piece("--reject-with", "reject-with (\\S+)"))
MODULE = TargetModule("REJECT", "drops and answers", arity={"--reject-with": 1}, parse=parse)
