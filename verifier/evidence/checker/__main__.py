"""`python -m verifier.evidence.checker SCRIPT CERTIFICATE`: says what the certificate shows of the script's queries."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from verifier.evidence.checker.check import check
from verifier.evidence.checker.refused import RefusedError

USAGE = "usage: python -m verifier.evidence.checker SCRIPT CERTIFICATE"
HELP = f"""{USAGE}

Follows SCRIPT, the SMT-LIB 2 text of a bundle of evidence (nodes/NODE/ipv4.smt2), and what CERTIFICATE (nodes/NODE/ipv4.proof)
says of its queries: every proof step by step, every value by evaluation. It needs nothing but Python's standard library, and
says nothing of where the script is from: that is what `chainproof evidence check` compares.

The exit code is 0 where every query is shown to be unsat or sat, 2 where a file cannot be read or something does not hold,
3 where some answer is stated as unknown.
"""


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where every query is shown, 3 where some answer is unknown, 2 where anything is wrong."""
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(HELP)
        return 0
    if len(arguments) != 2:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        script, certificate = (Path(argument).read_text("utf-8") for argument in arguments)
        answers = Counter(check(script, certificate))
    except (OSError, UnicodeDecodeError, RefusedError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    shown = answers["unsat"] + answers["sat"]
    sys.stdout.write(f"{shown} of {answers.total()} queries shown: {answers['unsat']} unsat, {answers['sat']} sat\n")
    return 3 if answers["unknown"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
