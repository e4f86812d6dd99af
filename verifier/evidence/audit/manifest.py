"""The manifest of a bundle as it is found, read strictly: every key known, every value of its kind.

Spec: specs/evidence.md (EV-1, EV-10)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from verifier.model.finding import Answer
from verifier.model.origin import InputError, Origin
from verifier.model.path import Path

FORMAT = "chainproof evidence 1"
MANIFEST = "manifest.json"
README = "README.md"
REMEDY = "the bundle was changed or is damaged: get it again from where it was made, or export it anew"
TOP = ("format", "tool", "versions", "answer", "options", "inputs", "files", "nodes", "notes")
NODE = ("node", "compiler", "answer", "assumptions", "deviations", "families", "notes")
FAMILY = ("family", "script", "certificate", "not-exported", "opaque", "queries", "questions")
QUERY = ("number", "asks", "answer")
QUESTION = ("pod", "path", "answer", "queries", "reasons")
ANSWERS = tuple(answer.value for answer in Answer)
PATHS = tuple(path.value for path in Path)


@dataclass(frozen=True, slots=True)
class StatedFile:
    """A file as a manifest states it."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class StatedQuestion:
    """A question with what is claimed of it, and the numbers of the queries that are to show that."""

    pod: str
    path: str
    answer: Answer
    queries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatedFamily:
    """One family of a node; `answers` are those of the queries in their order, `packets` files by number of a query."""

    node: str
    family: int
    script: str
    certificate: str
    not_exported: str
    answers: tuple[str, ...]
    packets: Mapping[int, str]
    questions: tuple[StatedQuestion, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """Everything that a manifest states and that can be checked; `document` is all of it as it was read."""

    answer: Answer
    inputs: tuple[StatedFile, ...]
    files: tuple[StatedFile, ...]
    families: tuple[StatedFamily, ...]
    nodes: Mapping[str, Answer]
    document: Mapping[str, Any]


def read_manifest(text: str, origin: Origin) -> Stated:
    """What a manifest states; InputError where it is none of this format, or where its parts do not fit together."""
    reader = _Reader(origin)
    try:
        document = json.loads(text, object_pairs_hook=reader.unique, parse_constant=reader.constant)
    except (ValueError, RecursionError) as error:
        raise InputError(origin, f"is no JSON: {error}", REMEDY) from None
    return reader.stated(document)


class _Reader:
    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def wrong(self, problem: str) -> InputError:
        return InputError(self._origin, problem, REMEDY)

    def unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object, whose keys occur once."""
        found = dict(pairs)
        if len(found) != len(pairs):
            raise self.wrong("a key occurs twice in one object")
        return found

    def constant(self, word: str) -> None:
        raise self.wrong(f"{word} is no value of JSON")

    def members(self, value: object, keys: Iterable[str], where: str, optional: Iterable[str] = ()) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"{where}: expected an object")
        missing = [key for key in keys if key not in value]
        extra = sorted(set(value) - set(keys) - set(optional))
        if missing or extra:
            told = f"has no {missing[0]!r}" if missing else f"has an unknown key {extra[0][:40]!r}"
            raise self.wrong(f"{where} {told}")
        return value

    def items(self, value: object, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.wrong(f"{where}: expected a list")
        return value

    def text(self, value: object, where: str, among: Iterable[str] = ()) -> str:
        if not isinstance(value, str):
            raise self.wrong(f"{where}: expected a text")
        known = tuple(among)
        if known and value not in known:
            raise self.wrong(f"{where}: expected {', '.join(known)}, not {value[:40]!r}")
        return value

    def number(self, value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(f"{where}: expected a number from 0")
        return value

    def stated(self, value: object) -> Stated:
        if isinstance(value, dict) and value.get("format") != FORMAT:
            problem = f"expected the format {FORMAT!r}, not {str(value.get('format'))[:40]!r}"
            raise InputError(self._origin, problem, "check it with the version of chainproof that wrote it")
        document = self.members(value, TOP, "the manifest")
        nodes: dict[str, Answer] = {}
        families: list[StatedFamily] = []
        for each in self.items(document["nodes"], "nodes"):
            node = self.members(each, NODE, "a node")
            name = self.text(node["node"], "the name of a node")
            if name in nodes:
                raise self.wrong(f"the node {name} occurs twice")
            nodes[name] = Answer(self.text(node["answer"], f"the answer of node {name}", ANSWERS))
            families += [self.family(name, one) for one in self.items(node["families"], f"the families of node {name}")]
        answer = Answer(self.text(document["answer"], "the answer", ANSWERS))
        inputs, files = (self.files(document[key], key) for key in ("inputs", "files"))
        stated = Stated(answer, inputs, files, tuple(families), nodes, document)
        self._fit(stated)
        return stated

    def files(self, value: object, where: str) -> tuple[StatedFile, ...]:
        found: dict[str, StatedFile] = {}
        for each in self.items(value, where):
            stated = self.members(each, ("path", "sha256", "size"), f"a file of {where}")
            path = self.text(stated["path"], f"the path of a file of {where}")
            if path in found:
                raise self.wrong(f"{path} occurs twice in {where}")
            digest = self.text(stated["sha256"], f"the hash of {path}")
            found[path] = StatedFile(path, digest, self.number(stated["size"], f"the size of {path}"))
        return tuple(found.values())

    def family(self, node: str, value: object) -> StatedFamily:
        where = f"a family of node {node}"
        family = self.members(value, FAMILY, where)
        number = self.number(family["family"], where)
        where = f"node {node} IPv{number}"
        answers: list[str] = []
        packets: dict[int, str] = {}
        for place, each in enumerate(self.items(family["queries"], f"the queries of {where}"), 1):
            query = self.members(each, QUERY, f"query {place} of {where}", optional=("packet",))
            if query["number"] != place:
                raise self.wrong(f"expected query {place} of {where}, not {query['number']!r}")
            answers.append(
                self.text(query["answer"], f"the answer of query {place} of {where}", ("sat", "unsat", "unknown"))
            )
            if ("packet" in query) != (answers[-1] == "sat"):
                raise self.wrong(f"query {place} of {where}: a packet belongs to a query that is sat, and to no other")
            if "packet" in query:
                packets[place] = self.text(query["packet"], f"the packet of query {place} of {where}")
        questions = tuple(
            self.question(each, where, len(answers))
            for each in self.items(family["questions"], f"the questions of {where}")
        )
        script, certificate, left_out = (
            self.text(family[key], f"{key} of {where}") for key in ("script", "certificate", "not-exported")
        )
        if bool(script) != bool(certificate) or bool(script) == bool(left_out) or (answers and not script):
            raise self.wrong(f"{where}: expected a script with a certificate, or the reason why there is none")
        return StatedFamily(node, number, script, certificate, left_out, tuple(answers), packets, questions)

    def question(self, value: object, where: str, queries: int) -> StatedQuestion:
        question = self.members(value, QUESTION, f"a question of {where}")
        pod = self.text(question["pod"], f"the pod of a question of {where}")
        numbers = [
            self.number(each, f"a query of a question of {where}") for each in self.items(question["queries"], where)
        ]
        if any(not 1 <= number <= queries for number in numbers) or len(set(numbers)) != len(numbers):
            raise self.wrong(
                f"the question {pod} {question['path']} of {where} names a query that does not exist, or twice"
            )
        path = self.text(question["path"], f"the path of a question of {where}", PATHS)
        answer = Answer(self.text(question["answer"], f"the answer of a question of {where}", ANSWERS))
        return StatedQuestion(pod, path, answer, tuple(numbers))

    def _fit(self, stated: Stated) -> None:
        """Every file has one use, every question is stated once."""
        used = [README]
        asked: set[tuple[str, int]] = set()
        for family in stated.families:
            used += [path for path in (family.script, family.certificate, *family.packets.values()) if path]
            if (family.node, family.family) in asked:
                raise self.wrong(f"IPv{family.family} of node {family.node} occurs twice")
            asked.add((family.node, family.family))
            questions = [(question.pod, question.path) for question in family.questions]
            if len(set(questions)) != len(questions):
                raise self.wrong(f"a question of node {family.node} IPv{family.family} occurs twice")
        listed = [file.path for file in stated.files]
        if len(set(used)) != len(used) or set(used) != set(listed) or MANIFEST in listed:
            odd = sorted(set(used) ^ set(listed)) or sorted(path for path in used if used.count(path) > 1) or [MANIFEST]
            raise self.wrong(f"{odd[0]} is used without being listed, listed without being used, or used twice")
