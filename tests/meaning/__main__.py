"""Print what a test run exercised: `python -m tests.meaning FILE`; exit code 1 where a clause has no evidence."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.meaning import Gathered, defined, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.meaning", description=__doc__)
    parser.add_argument("file", type=Path, help="what a run with CHAINPROOF_MEANING=FILE wrote")
    parser.add_argument("--format", choices=("text", "json", "totals"), default="text")
    options = parser.parse_args()
    if not options.file.exists():
        sys.stderr.write(f"{options.file}: not there; run the tests with CHAINPROOF_MEANING={options.file} first\n")
        return 2
    gathered, clauses = Gathered.read(options.file), defined()
    if options.format == "json":
        sys.stdout.write(table.as_json(gathered, clauses))
    else:
        sys.stdout.write(table.text(gathered, clauses, totals_only=options.format == "totals"))
    return 1 if table.bare(gathered, clauses) else 0


if __name__ == "__main__":
    sys.exit(main())
