"""A NetworkPolicy as it was written: the raw facts from which compilers compute the names of their sets and chains.

Nothing here says what a policy means (verifier.model.policy does); two policies of one meaning may be written differently.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a selector: `operator` is In, NotIn, Exists or DoesNotExist, `values` in the order written."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenSelector:
    """A label selector: its matchLabels and its matchExpressions, each in the order written; both empty: everything."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Requirement, ...] = ()

    @property
    def canonical(self) -> str:
        """The string by which Kubernetes prints it: requirements sorted by key, "" where there are none.

        A label is `k=v`; an expression `k in (a,b)`, `k notin (a,b)` (values sorted), `k` or `!k`.
        """
        texts = [(key, f"{key}={value}") for key, value in sorted(self.labels)]
        texts += [(each.key, _requirement(each)) for each in self.expressions]
        return ",".join(text for _, text in sorted(texts, key=lambda pair: pair[0]))


def _requirement(each: Requirement) -> str:
    if each.operator == "Exists":
        return each.key
    if each.operator == "DoesNotExist":
        return f"!{each.key}"
    return f"{each.key} {'in' if each.operator == 'In' else 'notin'} ({','.join(sorted(each.values))})"


@dataclass(frozen=True, slots=True)
class WrittenBlock:
    """An ipBlock with the texts of its networks."""

    cidr: str
    excepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenPeer:
    """One peer: a block, or a selector of pods, of namespaces, or both; None for what is absent (unlike empty)."""

    pods: WrittenSelector | None = None
    namespaces: WrittenSelector | None = None
    block: WrittenBlock | None = None


@dataclass(frozen=True, slots=True)
class WrittenPort:
    """One port: `protocol` "TCP", "UDP" or "SCTP" (TCP where absent), `port` a number, a name, or None for all."""

    protocol: str
    port: int | str | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """One rule; without peers it is for everybody, without ports for everything."""

    peers: tuple[WrittenPeer, ...] = ()
    ports: tuple[WrittenPort, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenPolicy:
    """What `spec` says: whom it selects and its rules per direction, in order, counting or not.

    `namespace` and `name` are the policy's own. `created`, `generation` and `changed` (the times of managedFields) are
    what its metadata say of its age, as written: "" / None / () where they do not.
    """

    namespace: str
    name: str
    pods: WrittenSelector = WrittenSelector()
    ingress: tuple[WrittenRule, ...] = ()
    egress: tuple[WrittenRule, ...] = ()
    created: str = ""
    generation: int | None = None
    changed: tuple[str, ...] = ()
