"""Bundles of evidence checked: by themselves, and against the snapshot that they are said to be about.

Spec: specs/evidence.md (EV-10 to EV-14)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from verifier.evidence.audit import second_solver
from verifier.evidence.audit.claims import check_family, wholes
from verifier.evidence.audit.files import Found, find
from verifier.evidence.audit.manifest import MANIFEST
from verifier.model.assumption import Setting
from verifier.model.evidence import CheckOptions, CheckReport
from verifier.model.options import Progress, VerifyOptions
from verifier.model.origin import InputError, Origin
from verifier.model.path import Path as PacketPath
from verifier.model.snapshot import Snapshot

Export = Callable[[str, str, VerifyOptions], object]
SAME = ("answer", "options", "nodes", "notes")
"""What a manifest says that depends on nothing but the snapshot and the version of chainproof."""


def check_bundle(directory: str, options: CheckOptions, progress: Progress) -> tuple[CheckReport, Found]:
    """What can be shown of a bundle's claims; InputError where it was tampered with or cannot be read."""
    found = find(directory)
    solver = second_solver.name() if options.solver else ""
    missing = [] if solver or not options.solver else [f"no second solver is installed: {second_solver.INSTALL}"]
    families = []
    for number, family in enumerate(found.stated.families):
        progress(f"{family.node} IPv{family.family}", number, len(found.stated.families))
        families.append(check_family(found, family, replace(options, solver=bool(solver))))
    return CheckReport(
        found.directory,
        found.digest,
        found.stated.answer.value,
        len(found.contents) + 1,
        tuple(families),
        solver,
        missing=tuple(missing),
        contradictions=wholes(found),
    ), found


def check_inputs(found: Found, snapshot: Snapshot) -> None:
    """InputError where the files that a bundle was made from are not those of a snapshot."""
    here = {each.path: each for each in snapshot.inputs}
    for stated in found.stated.inputs:
        origin = Origin(f"{snapshot.path.rstrip('/')}/{stated.path}")
        remedy = "check the bundle with the snapshot that it was made from"
        if stated.path not in here:
            raise InputError(origin, f"is missing, the bundle {found.directory} was made from it", remedy)
        if (here[stated.path].sha256, here[stated.path].size) != (stated.sha256, stated.size):
            raise InputError(origin, f"is not the file that the bundle {found.directory} was made from", remedy)
    for path in sorted(set(here) - {stated.path for stated in found.stated.inputs}):
        origin = Origin(f"{snapshot.path.rstrip('/')}/{path}")
        raise InputError(origin, f"is not among the files that the bundle {found.directory} was made from", "remove it")


def made_anew(found: Found, snapshot: str, export: Export) -> Iterator[str]:
    """How a bundle differs from what the snapshot gives now, as sentences: its scripts, and everything it states of them."""
    with tempfile.TemporaryDirectory(prefix="chainproof-") as directory:
        again = Path(directory) / "bundle"
        export(snapshot, str(again), _options(found))
        document = json.loads((again / MANIFEST).read_text("utf-8"))
        for key in SAME:
            if document[key] != found.stated.document[key]:
                yield f"{MANIFEST}: what it states under {key!r} is not what {snapshot} gives"
        for family in found.stated.families:
            if family.script and (again / family.script).is_file():
                line = _first_difference(found.contents[family.script], (again / family.script).read_bytes())
                if line:
                    yield f"{family.script}:{line}: is not what {snapshot} gives"
            elif family.script:
                yield f"{family.script}: {snapshot} gives no such script"


def _first_difference(one: bytes, other: bytes) -> int:
    """The first line in which two texts differ, 0 where they are the same."""
    if one == other:
        return 0
    lines, others = one.split(b"\n"), other.split(b"\n")
    same = (number for number, (a, b) in enumerate(zip(lines, others, strict=False), 1) if a != b)
    return next(same, min(len(lines), len(others)) + 1)


def _options(found: Found) -> VerifyOptions:
    """The options that a bundle was made with."""
    given: Any = found.stated.document["options"]
    try:
        return VerifyOptions(
            nodes=tuple(given["nodes"]),
            pods=tuple(given["pods"]),
            paths=tuple(PacketPath(each) for each in given["paths"]),
            families=tuple(given["families"]),
            strict=given["strict"],
            settings={name: Setting(setting) for name, setting in given["assumptions"].items()},
            compiler=given["compiler"],
            initial_mark_any=given["initial-mark"] == "any",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        origin = Origin(f"{found.directory}/{MANIFEST}")
        raise InputError(origin, f"its options are none of this version: {error}", "export the bundle anew") from None
