"""The command line: arguments in, exit code out, no decisions."""

from __future__ import annotations

COMMANDS = {
    "evidence": "A bundle that others can check: what was proved and refuted.",
    "explain": "One packet through both sides, with the rules that decide.",
    "profile": "Known compilers, their documented deviations, the assumptions.",
    "replay": "Packets in the real kernel, beside what is said of them.",
    "verify": "Prove every node, or show packets that differ.",
}
"""Every command, sorted, with its summary; the module of the same name is loaded when the command is used."""
