"""Random rulesets and packets, three judges; random policies and clusters, two: do all of them agree?

`python -m tests.fuzz.run` says what it compared.
CHAINPROOF_SEED starts elsewhere, CHAINPROOF_FUZZ=long asks about a million packets. A disagreement is made small and
written below tests/cases, where it fails as a test until it is settled.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.fuzz import casefile, policies
from tests.fuzz.differ import (
    Disagreement,
    Figures,
    encoded,
    encoder_and_reference,
    targets,
    walked,
)
from tests.fuzz.kernels import backends, entered, kernel_and_reference, seen
from tests.fuzz.packets import sent_on, shots, translated
from tests.fuzz.rulesets import draw
from tests.fuzz.shrinking import dropping, shrink
from tests.fuzz.world import World
from verifier.evidence.kernel.client import Kernel
from verifier.evidence.kernel.records import Backend, Refused, Shot
from verifier.model.trace import ChainTrace

PACKETS = {"": 150_000, "long": 1_000_000}
CLUSTERS = {"": 200, "long": 2_000}
BY_WORLD = 600
RARE = 8
"""Every so many worlds may have sets of types that some kernels lack."""
BOTH = 4
"""Every so many worlds are loaded by both back ends, the others by one of them in turn."""
ENCODER = "encoder"
TRIES = 2000
"""How often a disagreement is tried with less in it; the kernel has to load what is left every time."""
WORDS = 16
"""So much of what is said of a disagreement tells of which kind it is."""
BY_VERDICT = "the reference says"
MOST = 5
"""After so many disagreements there is enough to look at."""


@dataclass(slots=True)
class Run:
    """A search: what it has compared so far and what it found; `pages` are the cases that it wrote."""

    seed: str
    kernels: dict[Backend, Kernel]
    figures: Figures = field(default_factory=Figures)
    worlds: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    found: list[Disagreement] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    packets: int = 0

    def world(self, number: int, count: int = BY_WORLD) -> None:
        """One random world with its packets, before all judges."""
        drawn = draw(f"{self.seed}/{number}", rare=number % RARE == RARE - 1)
        asked = shots(drawn, count)
        traces = walked(drawn.world, asked)
        further = [*sent_on(drawn, asked, targets(drawn.world, asked, traces)), *translated(drawn, asked)]
        asked, traces = [*asked, *further], [*traces, *walked(drawn.world, further)]
        self.worlds[drawn.world.family] += 1
        self.packets += len(asked)
        found = encoder_and_reference(asked, traces, encoded(drawn.world, asked), self.figures)
        for turn, (backend, kernel) in enumerate(self.kernels.items()):
            if number % BOTH == BOTH - 1 or number % len(self.kernels) == turn:
                found += self._kernel(backend, kernel, drawn.world, asked, traces)
        for judge in dict.fromkeys(each.judge for each in found):
            self._report(number, drawn.world, next(each for each in found if each.judge == judge))

    def _kernel(
        self,
        backend: Backend,
        kernel: Kernel,
        world: World,
        asked: Sequence[Shot],
        traces: Sequence[ChainTrace],
    ) -> list[Disagreement]:
        decided = [number for number, trace in enumerate(traces) if trace.verdict is not None]
        asked, traces = [asked[number] for number in decided], [traces[number] for number in decided]
        try:
            answers = seen(kernel, world, asked)
        except Refused as fault:
            self.refused[f"{backend.value}: {fault}"] += 1
            return []
        return kernel_and_reference(backend, world, asked, traces, answers, self.figures)

    def _report(self, number: int, world: World, found: Disagreement) -> None:
        """Make it small and write it as a case."""
        self.found.append(found)
        world = self._by_verdict(world, found)
        wanted = (self.again(world, found.shot, found.judge) or found).text[:WORDS]
        most = TRIES if found.judge == ENCODER else TRIES // 5

        def fails(each: World, one: Shot) -> bool:
            again = self.again(each, one, found.judge)
            return again is not None and again.text[:WORDS] == wanted

        small, shot = shrink(world, found.shot, fails, found.met, most)
        again = self.again(small, shot, found.judge) or found
        name = f"{self.seed}-{number}-{found.judge}".replace("/", "-")
        title = f"The {found.judge} disagrees with the reference (seed {self.seed}, ruleset {number})"
        content = casefile.page(title, f"{again.text}.", small, [self._line(small, shot, found.judge)])
        self.pages.append(str(casefile.write(name, content)))
        print(f"{again.text}\n  {casefile.line(shot, None)}\n  {self.pages[-1]}", flush=True)

    def _by_verdict(self, world: World, found: Disagreement) -> World:
        """The world with one rule dropping, where that turns another way through the rules into another verdict."""
        for place in sorted(found.met):
            changed = dropping(world, place) if place[0] != "nat" else world
            again = self.again(changed, found.shot, found.judge)
            if again is not None and again.text.startswith(BY_VERDICT):
                return changed
        return world

    def again(self, world: World, shot: Shot, judge: str) -> Disagreement | None:
        """The disagreement of a judge about one packet of a world, None where there is none."""
        traces, none = walked(world, [shot]), Figures()
        if judge == ENCODER:
            found = encoder_and_reference([shot], traces, encoded(world, [shot]), none)
        else:
            backend = Backend(judge)
            try:
                found = kernel_and_reference(
                    backend, world, [shot], traces, seen(self.kernels[backend], world, [shot]), none
                )
            except Refused:
                return None
        return found[0] if found else None

    def _line(self, world: World, shot: Shot, judge: str) -> str:
        """What the kernel does with the packet, or else what the reference says."""
        if judge != ENCODER:
            (answer,) = seen(self.kernels[Backend(judge)], world, [replace(shot, trace=False)])
            return casefile.line(shot, answer.verdict, answer.mark)
        (trace,) = walked(world, [shot])
        return casefile.line(shot, trace.verdict, trace.mark)

    def closing(self) -> str:
        """The figures, in one paragraph."""
        counts = Counter(each.judge for each in self.found)
        judged = ", ".join(
            f"{judge} {self.figures.packets[judge]:,} packets and {counts[judge]} disagreements"
            for judge in (ENCODER, *(backend.value for backend in self.kernels))
        )
        families = " and ".join(f"{count:,} of IPv{family}" for family, count in sorted(self.worlds.items()))
        return (
            f"seed {self.seed}: {self.worlds.total():,} rulesets ({families}), {self.packets:,} packets; "
            f"compared with the reference: {judged}"
        )


def search(run: Run, packets: int, seconds: float, first: int = 0) -> None:
    """Go on until so many packets were asked about, the time is up, or there is enough to look at."""
    start, told = time.monotonic(), time.monotonic()
    number = first
    while run.packets < packets and len(run.found) < MOST and time.monotonic() - start < seconds:
        run.world(number)
        number += 1
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"... {run.closing()}", flush=True)


def main() -> int:
    """The command line; 1 where some judge disagrees."""
    extent = "long" if os.environ.get("CHAINPROOF_FUZZ") == "long" else ""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=PACKETS[extent])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--seed", default=os.environ.get("CHAINPROOF_SEED") or "0")
    parser.add_argument("--first", type=int, default=0, help="number of the first ruleset")
    parser.add_argument("--clusters", type=int, default=CLUSTERS[extent])
    parser.add_argument("--reasons", action="store_true", help="tell why packets were not compared")
    options = parser.parse_args()
    kernels, missing = backends()
    for backend, why in missing.items():
        print(f"the kernel is not asked by {backend.value}: {why}")
    print(f"seed {options.seed}", flush=True)
    with entered(kernels):
        run = Run(options.seed, kernels)
        search(run, options.packets, options.seconds, options.first)
    if options.reasons:
        for why, count in [*run.figures.apart.most_common(25), *run.refused.most_common(10)]:
            print(f"{count:8,} {why}")
    asked, pages = policies.search(options.seed, options.clusters)
    print(run.closing())
    print(f"{options.clusters:,} clusters with policies: encoder {asked:,} packets and {len(pages)} disagreements")
    return 1 if run.found or pages else 0


if __name__ == "__main__":
    sys.exit(main())
