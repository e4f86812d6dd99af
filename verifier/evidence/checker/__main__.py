"""`python -m verifier.evidence.checker SCRIPT CERTIFICATE`: says what the certificate shows of the script's queries."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from verifier.evidence.checker.check import check
from verifier.evidence.checker.refused import RefusedError


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where every query is shown, 3 where some answer is unknown, 2 where anything is wrong."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m verifier.evidence.checker SCRIPT CERTIFICATE\n")
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
