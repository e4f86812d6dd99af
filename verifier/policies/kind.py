"""What a policy kind is to the rest of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from verifier.model.document import Part
from verifier.model.policy import Policy
from verifier.model.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Shared:
    """Equal predicates as one object, over all policies of a cluster: hundreds of policies repeat a few selectors."""

    known: dict[Predicate, Predicate] = field(default_factory=dict)

    def one(self, predicate: Predicate) -> Predicate:
        """The object that stands for every predicate equal to this one."""
        return self.known.setdefault(predicate, predicate)


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """A kind of policy: its name, the API version whose fields are understood, and its translation.

    `groups` are the API groups in which the kind has ever lived: the same object in another version is refused, a
    kind of this name in any other group is another kind. `other_apis` are versions of the same fields, `title` is what
    its policies are called where the name alone could be of two kinds. `translate` validates as the API server does and
    raises one InputError for the first fault. With `basic`, having read any of the kind says that all that there are
    were read.
    """

    name: str
    api: str
    groups: tuple[str, ...]
    summary: str
    translate: Callable[[Part, Shared], Policy]
    other_apis: tuple[str, ...] = ()
    title: str = ""
    basic: bool = False
