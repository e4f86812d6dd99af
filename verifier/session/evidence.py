"""Bundles of evidence: what was proved and refuted, put so that others can check it without this project.

Spec: specs/evidence.md
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from verifier.evidence.bundle.manifest import Family, contradiction, manifest, place
from verifier.evidence.bundle.packets import of_query, values, words
from verifier.evidence.bundle.readme import README
from verifier.evidence.bundle.script import NotExpressibleError
from verifier.evidence.bundle.writer import Written, write
from verifier.evidence.certificate import certify
from verifier.evidence.checker.certificate import Claim, read_certificate
from verifier.model.bundle import Exported, ExportReport, Plan
from verifier.model.disagreement import Disagreement
from verifier.model.finding import Answer, NodeReport, VerifyReport
from verifier.model.node import NodeState
from verifier.model.options import Progress, VerifyOptions
from verifier.model.origin import InputError, Origin
from verifier.model.profile import Profile
from verifier.model.snapshot import Snapshot
from verifier.questions.bundle import plan_of
from verifier.reference.view import View, view_of

DECIDED = (Answer.PROVED, Answer.REFUTED)


class Bundle:
    """A bundle in the making: its files by their path, and its families by node."""

    def __init__(self, snapshot: Snapshot, options: VerifyOptions) -> None:
        self._snapshot = snapshot
        self._options = options
        self._files: dict[str, bytes] = {"README.md": README.encode()}
        self._families: dict[str, list[Family]] = {}
        self._told: list[Exported] = []

    def add(self, report: NodeReport, node: NodeState, profile: Profile, progress: Progress) -> None:
        """Write what was answered about a node; raises Disagreement where a script does not answer alike."""
        view = view_of(node, self._snapshot.cluster, profile.bridge(node))
        for family in sorted({question.family for question in report.questions}):
            asked = [each for each in report.questions if each.family == family]
            if not any(each.answer in DECIDED for each in asked):
                written = Family(family, tuple(asked), left_out="no question is decided")
            else:
                progress(f"{node.name} IPv{family}: certificates", 0, 0)
                plan = plan_of(self._snapshot, node, profile, self._options, family, report.questions, report.findings)
                written = self._family(plan, node, view)
            self._families.setdefault(node.name, []).append(written)
            self._told.append(_told(node.name, written))

    def _family(self, plan: Plan, node: NodeState, view: View) -> Family:
        try:
            script = write(plan, node, self._snapshot.cluster, view, self._snapshot.path.rstrip("/"))
        except NotExpressibleError as error:
            return Family(plan.family, plan.questions, left_out=str(error))
        certificate = certify(script.text)
        claims = read_certificate(certificate)
        paths = place(node.name, plan.family, "smt2"), place(node.name, plan.family, "proof")
        family = Family(
            plan.family,
            plan.questions,
            *paths,
            script.queries,
            tuple(each.answer for each in claims),
            self._packets(script, plan, claims, node.name),
            script.free,
        )
        wrong = contradiction(plan, family)
        if wrong:
            raise Disagreement(f"node {node.name}: {wrong}")
        self._files[paths[0]] = script.text.encode()
        self._files[paths[1]] = certificate.encode()
        return family

    def _packets(self, script: Written, plan: Plan, claims: Iterable[Claim], node: str) -> dict[int, str]:
        """A packet for every query that is sat: the witness of a finding where there is one, else what a solver found."""
        found: dict[int, str] = {}
        for query, claim in zip(script.queries, claims, strict=True):
            if claim.answer != "sat":
                continue
            findings = list(of_query(query, plan))
            witness = findings[0].witness.packet if findings else None
            given = values(witness, query.path, plan) if witness else claim.values
            document = {
                "query": query.number,
                "asks": query.title,
                "findings": [each.id for each in findings],
                "packet": words(plan.family, given),
                "values": given,
            }
            path = place(node, plan.family, f"{query.number}.json").replace("/ipv", "/refuted/ipv")
            self._files[path] = (json.dumps(document, indent=1) + "\n").encode()
            found[query.number] = path
        return found

    def written(self, report: VerifyReport, directory: str) -> ExportReport:
        """Write everything into a directory, whole or not at all; InputError where that is not possible."""
        files = dict(self._files)
        files["manifest.json"] = manifest(report, self._options, self._families, self._files)
        _write(files, Path(directory))
        whole = all(each.asked == each.questions or not each.left_out for each in self._told)
        open_ = Answer.UNDECIDED if report.answer is Answer.PROVED and not whole else report.answer
        return ExportReport(
            open_, directory, len(files), sum(map(len, files.values())), tuple(self._told), report.notes
        )


def _told(node: str, family: Family) -> Exported:
    decided = [each for each in family.questions if each.answer in DECIDED]
    asked = sum(bool(family.asks(each)) for each in decided)
    return Exported(node, family.family, family.script, len(family.queries), asked, len(decided), family.left_out)


def check_directory(directory: str) -> None:
    """InputError where a bundle cannot be written there: only a new directory, or an empty one, holds nothing else."""
    place_ = Path(directory)
    origin = Origin(directory)
    if place_.exists() and (not place_.is_dir() or any(place_.iterdir())):
        problem = "is not an empty directory" if place_.is_dir() else "is no directory"
        raise InputError(origin, problem, "name a directory that does not exist yet")
    if not place_.resolve().parent.is_dir():
        raise InputError(origin, "there is no directory to put it in", f"make {place_.parent} first")


def _write(files: dict[str, bytes], directory: Path) -> None:
    target = directory.resolve()
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for path, content in files.items():
                file = made / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            made.chmod(0o755)
            if target.exists():
                target.rmdir()
            made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(Origin(str(directory)), problem, "choose another directory") from None
