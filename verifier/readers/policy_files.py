"""Policies of files that are no snapshot: one file, or all of a directory.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

from pathlib import Path

from verifier.model.cluster import Cluster
from verifier.model.origin import InputError, Origin
from verifier.model.snapshot import InputFile
from verifier.readers.cluster import ClusterReader
from verifier.readers.documents import read_documents, rendered
from verifier.readers.tree import read_text

DOCUMENTS = (".yaml", ".yml", ".json")


def read_policies(path: str) -> tuple[Cluster, tuple[InputFile, ...]]:
    """The objects of a file, or of the YAML and JSON files of a directory (of cluster/ in it, where there is one).

    InputError where they cannot be used.
    """
    reader = ClusterReader()
    inputs = []
    for name in _files(path):
        text, file = read_text(name)
        inputs.append(file)
        try:
            for document in read_documents(text, name):
                reader.add(document)
        except InputError as fault:
            raise rendered(fault, text) from None
    return reader.cluster(), tuple(inputs)


def _files(path: str) -> list[str]:
    place = Path(path)
    if not place.is_dir():
        return [path]
    place = place / "cluster" if (place / "cluster").is_dir() else place
    try:
        found = sorted(str(each) for each in place.iterdir() if each.name.endswith(DOCUMENTS) and each.is_file())
    except OSError as error:
        raise InputError(Origin(path), f"cannot be read: {error.strerror}", "make it readable") from None
    if not found:
        raise InputError(
            Origin(path), "no file of it ends in .yaml, .yml or .json", "give the directory that has the policies"
        )
    return found
