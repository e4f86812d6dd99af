"""The manifest of a bundle: everything that it claims, and the hash of everything that it consists of.

Spec: specs/evidence.md (EV-1, EV-2)
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

from verifier import __version__
from verifier.evidence.bundle.queries import Query
from verifier.model.bundle import Plan
from verifier.model.finding import Answer, NodeReport, Premise, Question, VerifyReport
from verifier.model.options import VerifyOptions

Json: TypeAlias = dict[str, Any]
FORMAT = "chainproof evidence 1"
FAMILIES = {4: "ipv4", 6: "ipv6"}


@dataclass(frozen=True, slots=True)
class Family:
    """One family of a node as it stands in a bundle.

    `answers` are those of the queries in their order, `packets` the files with the packets of those that are sat, by the
    number of the query. Without a script, `left_out` says why.
    """

    family: int
    questions: tuple[Question, ...]
    script: str = ""
    certificate: str = ""
    queries: tuple[Query, ...] = ()
    answers: tuple[str, ...] = ()
    packets: Mapping[int, str] | None = None
    free: tuple[tuple[str, str], ...] = ()
    left_out: str = ""

    def asks(self, question: Question) -> list[int]:
        """The numbers of the queries that together answer a question."""
        return [each.number for each in self.queries if each.path is question.path and question.pod in each.pods]


def place(node: str, family: int, ending: str) -> str:
    """The path of a family's file in the bundle."""
    return f"nodes/{node}/{FAMILIES[family]}.{ending}"


def entry(path: str, content: bytes) -> Json:
    """A file of the bundle, as the manifest has it."""
    return {"path": path, "sha256": sha256(content).hexdigest(), "size": len(content)}


def manifest(
    report: VerifyReport,
    options: VerifyOptions,
    families: Mapping[str, Sequence[Family]],
    files: Mapping[str, bytes],
) -> bytes:
    """The manifest of these files; nothing in it depends on when or where it is made."""
    document = {
        "format": FORMAT,
        "tool": {"name": "chainproof", "version": __version__},
        "versions": {"python": platform.python_version(), "z3-solver": _version("z3-solver")},
        "answer": report.answer.value,
        "options": _options(options),
        "inputs": [{"path": each.path, "sha256": each.sha256, "size": each.size} for each in report.inputs],
        "files": [entry(path, content) for path, content in sorted(files.items())],
        "nodes": [_node(each, families.get(each.node, ())) for each in report.nodes],
        "notes": list(report.notes),
    }
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _options(options: VerifyOptions) -> Json:
    return {
        "nodes": list(options.nodes),
        "pods": list(options.pods),
        "paths": [each.value for each in options.paths],
        "families": list(options.families),
        "strict": options.strict,
        "compiler": options.compiler,
        "initial-mark": "any" if options.initial_mark_any else "0",
        "assumptions": {name: setting.value for name, setting in sorted(options.settings.items())},
    }


def _node(report: NodeReport, families: Iterable[Family]) -> Json:
    return {
        "node": report.node,
        "compiler": report.compiler,
        "answer": report.answer.value,
        "assumptions": [_premise(each) for each in report.assumptions],
        "deviations": [_premise(each) for each in report.deviations],
        "families": [_family(each) for each in families],
        "notes": list(report.notes),
    }


def _premise(premise: Premise) -> Json:
    told = {"name": premise.name, "sentence": premise.sentence, "source": premise.source}
    return told | ({"setting": premise.setting} if premise.setting else {})


def _family(family: Family) -> Json:
    packets = family.packets or {}
    return {
        "family": family.family,
        "script": family.script,
        "certificate": family.certificate,
        "not-exported": family.left_out,
        "opaque": [{"constant": name, "text": text} for name, text in family.free],
        "queries": [
            {"number": each.number, "asks": each.title, "answer": answer}
            | ({"packet": packets[each.number]} if each.number in packets else {})
            for each, answer in zip(family.queries, family.answers, strict=True)
        ],
        "questions": [_question(each, family) for each in family.questions],
    }


def _question(question: Question, family: Family) -> Json:
    return {
        "pod": question.pod,
        "path": question.path.value,
        "answer": question.answer.value,
        "queries": family.asks(question),
        "reasons": list(question.reasons),
    }


def contradiction(plan: Plan, family: Family) -> str:
    """The first question whose queries do not say what was answered, as a sentence; "" where there is none.

    A proof needs all of them unsat, a refutation some that is sat.
    """
    sat = {each.number for each, answer in zip(family.queries, family.answers, strict=True) if answer != "unsat"}
    for question in plan.questions:
        asked = family.asks(question)
        found = [number for number in asked if number in sat]
        wrong = found if question.answer is Answer.PROVED else asked if not found else []
        if question.answer in (Answer.PROVED, Answer.REFUTED) and wrong:
            told = ", ".join(map(str, wrong[:3]))
            answer = "not unsat" if found else "unsat"
            what = f"{question.pod} {question.path.value} IPv{question.family} is {question.answer.value}"
            return f"{what}, but query {told} of its script is {answer}"
    return ""
