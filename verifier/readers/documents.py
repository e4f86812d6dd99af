"""YAML or JSON text -> documents: plain values in which every mapping knows its line.

A document that is a list of objects, as the first releases of calicoctl print several, is read as a List of them.
"""

from __future__ import annotations

from contextlib import suppress

from verifier.model.document import Document, Entries, shown
from verifier.model.origin import InputError, Origin
from verifier.readers.json_text import read_json
from verifier.readers.yaml_block import read_block
from verifier.readers.yaml_tokens import NotPlain

_PLACEHOLDER = "{{"
"""How templates of Helm begin what is to be filled in."""


def read_documents(text: str, path: str) -> list[Document]:
    """Every document of a file, empty ones left out; InputError where the text is neither, or one is no mapping."""
    return [_document(line, value, path) for line, value in _values(text, path)]


def rendered(fault: InputError, text: str) -> InputError:
    """A fault of a file with this text, whose remedy is to render it where it is of a template."""
    first = max(fault.origin.line - 2, 0)  # a parser may stumble on the line after
    if _PLACEHOLDER in fault.problem or any(
        _PLACEHOLDER in line for line in text.split("\n")[first : fault.origin.line]
    ):
        return InputError(fault.origin, fault.problem, "render the template first: `helm template CHART > FILE`")
    return fault


def _values(text: str, path: str) -> list[tuple[int, object]]:
    if path.endswith(".json"):
        return read_json(text, path)
    if text.lstrip()[:1] == "{":
        with suppress(InputError):  # it may be YAML that only begins like JSON
            return read_json(text, path)
    try:
        return read_block(text)
    except NotPlain:
        # Most clusters never need the whole parser: its import is a tenth of a proof.
        from verifier.readers.yaml_events import read_events  # noqa: PLC0415

        return read_events(text, path)


def _document(line: int, value: object, path: str) -> Document:
    if isinstance(value, list) and value and all(isinstance(item, Entries) and item.get("kind") for item in value):
        return Document(path, Entries(line, {"apiVersion": "v1", "kind": "List", "items": value}.items()))
    if not isinstance(value, Entries):
        problem = f"expected a mapping (a Kubernetes object or a List), found {shown(value)}"
        raise InputError(Origin(path, line), problem, "write an object with apiVersion and kind")
    return Document(path, value)
