"""Sets of labelled things that a policy's rules ask for, as a compiler that names its sets after them knows them.

Spec: specs/compilers/calico.md (CAL-8)
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.predicate import Predicate


@dataclass(frozen=True, slots=True)
class AskedSet:
    """The addresses of all things that satisfy `part`, a test of the labels of one SOURCE; `text` is its spelling.

    With `port`, a protocol's number and a name, it is the ports that these things declare so. `where` says which end of
    which rule asks ("the source of ingress[0]").
    """

    text: str
    part: Predicate
    where: str
    port: tuple[int, str] | None = None
