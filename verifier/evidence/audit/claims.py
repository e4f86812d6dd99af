"""The claims of a bundle against what can be shown: certificates followed, packets evaluated, a second solver asked.

Spec: specs/evidence.md (EV-11 to EV-13)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from verifier.evidence.audit.files import Found
from verifier.evidence.audit.manifest import REMEDY, StatedFamily
from verifier.evidence.audit.second_solver import SecondSolver
from verifier.evidence.checker.check import check_script, packet_of
from verifier.evidence.checker.refused import CERTIFICATE, SCRIPT, NotShownError, RefusedError
from verifier.evidence.checker.script import Script, read_script
from verifier.model.evidence import CheckedFamily, CheckOptions
from verifier.model.finding import Answer
from verifier.model.origin import InputError, Origin

SHOWN = ("sat", "unsat")


def check_family(found: Found, family: StatedFamily, options: CheckOptions) -> CheckedFamily:
    """Check one family of a node; InputError where its script, its certificate or a packet cannot be read."""
    claims = [question for question in family.questions if question.answer is not Answer.UNDECIDED]
    checked = CheckedFamily(
        family.node, family.family, family.script, len(claims), 0, len(family.questions) - len(claims)
    )
    if not family.script:
        missing = (f"{len(claims)} claims have no script: {family.not_exported}",) if claims else ()
        return replace(checked, missing=missing)
    checked = replace(checked, queries=len(family.answers))
    solver: SecondSolver | None = None
    try:
        # A solver obeys commands that the subset does not have, such as to write files: it is given what was read.
        script = read_script(found.text(family.script))
        solver = SecondSolver(found.contents[family.script]) if options.solver else None
        judged = _judged(checked, family, _shown(found, family, script))
        return judged if solver is None else _compared(judged, family, *solver.answers(options.timeout))
    except NotShownError as error:
        return replace(checked, contradictions=(str(_origin(found, family, error)) + f": {error.problem}",))
    except RefusedError as error:
        raise InputError(_origin(found, family, error), error.problem, REMEDY) from None
    finally:
        if solver is not None:
            solver.stop()


def _shown(found: Found, family: StatedFamily, script: Script) -> list[str]:
    """The answers that the certificate shows, with every packet of the bundle evaluated."""
    packets = {number: _values(found, path, number) for number, path in family.packets.items()}
    return check_script(script, found.text(family.certificate), packets)


def _origin(found: Found, family: StatedFamily, error: RefusedError) -> Origin:
    paths = {SCRIPT: family.script, CERTIFICATE: family.certificate}
    paths |= {packet_of(number): path for number, path in family.packets.items()}
    return Origin(f"{found.directory}/{paths[error.what]}", error.line)


def _values(found: Found, path: str, number: int) -> dict[str, str]:
    """The values of a packet, by name of a constant."""
    origin = Origin(f"{found.directory}/{path}")
    try:
        document: Any = json.loads(found.text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(origin, f"is no JSON: {error}", REMEDY) from None
    values = document.get("values") if isinstance(document, dict) else None
    if not isinstance(values, dict) or not all(isinstance(word, str) for word in values.values()):
        raise InputError(origin, "expected values by name of a constant", REMEDY)
    if document.get("query") != number:
        raise InputError(origin, f"expected the packet of query {number}", REMEDY)
    return values


def _judged(checked: CheckedFamily, family: StatedFamily, answers: Sequence[str]) -> CheckedFamily:
    """Each question against what its queries were shown to be: proved needs all unsat, refuted some that is sat."""
    contradictions: list[str] = []
    missing: list[str] = []
    if len(answers) != len(family.answers):
        contradictions.append(f"the script asks {len(answers)} queries, the manifest lists {len(family.answers)}")
        return replace(checked, contradictions=tuple(contradictions))
    for number, (stated, shown) in enumerate(zip(family.answers, answers, strict=True), 1):
        if stated != shown:
            contradictions.append(f"query {number} is {shown}, the manifest states {stated}")
    confirmed = 0
    for question in family.questions:
        asked = {number: answers[number - 1] for number in question.queries}
        told = f"{question.pod} {question.path}"
        if question.answer is Answer.UNDECIDED:
            continue
        if not asked:
            missing.append(f"{told} is {question.answer.value} without any query")
        elif question.answer is Answer.PROVED and "sat" in asked.values():
            contradictions.append(f"{told} is stated to be proved, and a query of it is sat")
        elif question.answer is Answer.REFUTED and set(asked.values()) == {"unsat"}:
            contradictions.append(f"{told} is stated to be refuted, and all of its queries are unsat")
        elif "sat" in asked.values() or set(asked.values()) == {"unsat"}:
            confirmed += 1
        else:
            missing.append(f"{told} rests on a query of which nothing is shown")
    return replace(
        checked,
        confirmed=confirmed,
        unsat=answers.count("unsat"),
        sat=answers.count("sat"),
        missing=tuple(missing),
        contradictions=tuple(contradictions),
    )


def _compared(checked: CheckedFamily, family: StatedFamily, answers: Sequence[str], fault: str) -> CheckedFamily:
    """The second solver's answers against those of the manifest."""
    contradictions = [
        f"query {number} is {found} for the second solver, the manifest states {stated}"
        for number, (stated, found) in enumerate(zip(family.answers, answers, strict=False), 1)
        if found in SHOWN and found != stated
    ]
    agreed = sum(found == stated for stated, found in zip(family.answers, answers, strict=False) if stated in SHOWN)
    missing = list(checked.missing)
    if fault or agreed + len(contradictions) < len(family.answers):
        told = fault or "it does not know every answer"
        missing.append(
            f"the second solver answered {agreed + len(contradictions)} of {len(family.answers)} queries: {told}"
        )
    if len(answers) > len(family.answers):
        contradictions.append("the second solver answered more queries than the manifest lists")
    return replace(
        checked,
        solver=agreed,
        missing=tuple(missing),
        contradictions=(*checked.contradictions, *contradictions),
    )


def wholes(found: Found) -> tuple[str, ...]:
    """What a manifest states of a node and of all nodes together, where its questions say otherwise (ANS-6)."""
    wrong: list[str] = []
    every: list[Answer] = []
    for node, answer in found.stated.nodes.items():
        answers = [
            question.answer for each in found.stated.families if each.node == node for question in each.questions
        ]
        every.append(answer)
        if answers and worst(answers) is not answer:
            wrong.append(f"node {node} is stated to be {answer.value}, its questions are {worst(answers).value}")
        if not answers and answer is not Answer.UNDECIDED:
            wrong.append(f"node {node} is stated to be {answer.value}, and nothing is asked of it")
    if worst(every) is not found.stated.answer:
        wrong.append(f"the bundle is stated to be {found.stated.answer.value}, its nodes are {worst(every).value}")
    return tuple(wrong)


def worst(answers: Sequence[Answer]) -> Answer:
    """Refuted where one is, else undecided where one is or there is none, else proved."""
    if Answer.REFUTED in answers:
        return Answer.REFUTED
    return Answer.UNDECIDED if Answer.UNDECIDED in answers or not answers else Answer.PROVED
