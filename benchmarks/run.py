"""`make bench`: what `chainproof verify` costs, as whole processes, in ratios within one run.

Ratios are of processor time, which a busy machine disturbs least: to the start of the interpreter, and to the kernel's
own tools loading the same dump. The lines below the table say how cost grows with the size of a snapshot and of the cluster
around a node, what bundles of evidence cost in ratios to the proof, and how fast the real kernel is asked about packets.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from benchmarks import elsewhere, kernel, oracle
from benchmarks.generate import STYLES, generate
from benchmarks.measure import CHAINPROOF, ROOT, Cost, median, once

SIZES = (10, 50, 110, 250)
MEMBERS = (50_000, 100_000, 200_000, 400_000)
MEMBERS_AT = 110
EVIDENCE_AT = 110
RECORDINGS = (
    "azure/seed", "azure/scale", "calico/seed", "calico/scale", "kube-router/seed", "kube-router/scale",
    "weave/seed", "weave/scale",
)  # fmt: skip
ANSWERS = {0: "proved", 1: "refuted", 2: "bad input", 3: "undecided", 4: "disagreement"}
COLUMNS = ("snapshot", "pods", "rules", "members", "answer", "wall s", "cpu s", "MiB", "x python", "x kernel", "ms/pod")
WIDTHS = (26, 5, 6, 8, 12, 7, 7, 6, 9, 9, 7)


@dataclass(frozen=True)
class Subject:
    """A snapshot to measure: `make` returns its folder; `expected` is the answer it must get, "" where any will do."""

    name: str
    make: Callable[[], Path]
    expected: str = ""

    @cached_property
    def folder(self) -> Path:
        return self.make()

    @property
    def node(self) -> Path:
        return next((self.folder / "nodes").iterdir())


def recordings() -> Iterator[Subject]:
    """The recordings of real compilers, where they are."""
    base = Path(os.environ.get("CHAINPROOF_CORPUS", ROOT.parent / "shared" / "corpus"))
    for name in RECORDINGS:
        if (base / name).exists():
            yield Subject(name, partial(Path, base / name))
        else:
            print(f"{name}: skipped, no recordings at {base} (set CHAINPROOF_CORPUS)")


def synthetic(place: Path) -> Iterator[Subject]:
    """Snapshots of growing size, right by construction."""
    for style in sorted(STYLES):
        for size in SIZES:
            make = partial(generate, style, size, place / f"{style}-{size}")
            yield Subject(f"{style} {size} pods", make, "proved")
    for style in sorted(STYLES):
        for members in MEMBERS:
            make = partial(generate, style, MEMBERS_AT, place / f"{style}-{members}", members)
            yield Subject(f"{style} {members} members", make, "proved")


def measure(subject: Subject, runs: int, python: Cost) -> tuple[str, str, float]:
    """A row of the table, what is wrong ("" where nothing is), and the processor seconds."""
    cost = median([*CHAINPROOF, "verify", str(subject.folder)], runs)
    pods, rules, members = sizes(subject)
    try:
        loaded = f"{cost.cpu / kernel.load(subject.node, runs).cpu:.2f}"
        reason = ""
    except kernel.NotMeasurableError as why:
        loaded, reason = "-", f"  (kernel: {why})"
    answer = "crash" if "Traceback" in cost.output else ANSWERS.get(cost.code, f"exit {cost.code}")
    figures = (
        subject.name, str(pods), str(rules), str(members), answer, f"{cost.wall:.2f}", f"{cost.cpu:.2f}",
        f"{cost.memory:.0f}", f"{cost.cpu / python.cpu:.1f}", loaded, f"{1000 * cost.cpu / max(pods, 1):.1f}",
    )  # fmt: skip
    wrong = f"{subject.name}: expected {subject.expected}, got {answer}\n{cost.output[:2000]}"
    return row(figures) + reason, wrong if subject.expected not in ("", answer) else "", cost.cpu


def sizes(subject: Subject) -> tuple[int, int, int]:
    """Pods on the node, rules, set members; counted in the text."""
    pods = (subject.folder / "cluster" / "pods.yaml").read_text("utf-8")
    here = len(re.findall(rf"^ +nodeName: {re.escape(subject.node.name)}$", pods, re.MULTILINE))
    rules = len(re.findall(r"^(?:\[\d+:\d+\] )?-A ", (subject.node / "iptables-save").read_text("utf-8"), re.MULTILINE))
    sets = subject.node / "ipset-save"
    members = len(re.findall(r"^add ", sets.read_text("utf-8"), re.MULTILINE)) if sets.exists() else 0
    return here, rules, members


def growth(costs: dict[str, float]) -> Iterator[str]:
    """How many times the processor time grows where the size grows so many times."""
    for style in sorted(STYLES):
        for unit, sizes_ in (("pods", SIZES), ("members", MEMBERS)):
            known = [(size, costs[name]) for size in sizes_ if (name := f"{style} {size} {unit}") in costs]
            if len(known) > 1:
                (small, first), (large, last) = known[0], known[-1]
                yield f"{style}: {large / small:.0f} times the {unit} cost {last / first:.1f} times the time"


def evidence(place: Path) -> Iterator[str]:
    """What a bundle costs, to write and to check, in ratios to the proof itself."""
    for style in sorted(STYLES):
        snapshot, bundle = generate(style, EVIDENCE_AT, place / f"{style}-evidence"), place / f"{style}-bundle"
        proof = once([*CHAINPROOF, "verify", str(snapshot)])
        export = once([*CHAINPROOF, "evidence", "export", str(snapshot), str(bundle)])
        check = once([*CHAINPROOF, "evidence", "check", str(bundle), "--without-solver"])
        answer = f"exit {check.code}" if check.code else "confirmed"
        ratios = ", ".join(
            f"{name} {cost.cpu / proof.cpu:.1f}" for name, cost in (("export", export), ("check", check))
        )
        size = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file()) / 2**20
        yield f"{style} {EVIDENCE_AT} pods: evidence {answer}, {size:.1f} MiB; x verify: {ratios}"


def row(figures: tuple[str, ...]) -> str:
    """One line of the table."""
    first, *others = (f"{text:<{width}}" if place == 0 else f"{text:>{width}}" for place, (text, width) in enumerate(zip(figures, WIDTHS, strict=True)))  # fmt: skip
    return " ".join([first, *others])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each process; the median counts")
    parser.add_argument("--only", default="", help="snapshots whose name contains this")
    options = parser.parse_args()
    python = median([sys.executable, "-c", "pass"], max(options.runs, 5))
    print(f"interpreter start: {python.cpu:.3f} s; median of {options.runs} runs; verify of the whole node\n")
    print(row(COLUMNS))
    faults: list[str] = []
    costs: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        for subject in [*recordings(), *synthetic(Path(place))]:
            if options.only in subject.name:
                line, wrong, seconds = measure(subject, options.runs, python)
                print(line, flush=True)
                costs[subject.name] = seconds
                faults += [wrong] if wrong else []
        print("\n".join(["", *growth(costs), *faults]))
        if not options.only:
            print("", *evidence(Path(place)), sep="\n")
            print("", *oracle.report(), sep="\n")
            print("", *elsewhere.report(), sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
