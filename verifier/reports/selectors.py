"""Sets of pods as people would select them: by namespace and label where that is exact, else by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from verifier.model.cluster import Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME

NAMES = 3
"""How many pods are named before the rest is counted."""

NAMESPACES = 4
"""Up to how many namespaces a set is described one by one."""

GENERATED = frozenset(
    {
        "pod-template-hash", "controller-revision-hash", "pod-template-generation", "controller-uid", "job-name",
        "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
    }
)  # fmt: skip
"""Labels that controllers write: nobody selects by them."""


def pods_text(pods: Iterable[Pod], population: Sequence[Pod], namespaces: Mapping[str, Namespace]) -> str:
    """The pods by the shortest description that is exact among `population`; a few names and a count at worst."""
    chosen = {pod.full_name: pod for pod in pods}
    if len(chosen) == 1:
        return next(iter(chosen))
    found = _selector(chosen, population, namespaces)
    if found:
        return found
    parts = sorted({pod.namespace for pod in chosen.values()})
    if 1 < len(parts) <= NAMESPACES:
        described = [_within(name, chosen, population) for name in parts]
        if all(described):
            return ", ".join(described)
    return names_text(chosen)


def names_text(names: Iterable[str], shown: int = NAMES) -> str:
    """Some names and how many more there are."""
    listed = sorted(names)
    rest = len(listed) - shown
    return ", ".join(listed[:shown]) + (f" and {rest} more" if rest > 0 else "")


def _selector(chosen: Mapping[str, Pod], population: Sequence[Pod], namespaces: Mapping[str, Namespace]) -> str:
    if len(chosen) == len(population) and all(pod.full_name in chosen for pod in population):
        return f"all {len(chosen)} pods"
    spaces = {pod.namespace for pod in chosen.values()}
    if len(spaces) <= NAMES and _exact(chosen, [pod for pod in population if pod.namespace in spaces]):
        return f"every pod of {', '.join(sorted(spaces))}"
    labels_of = {name: space.labels for name, space in namespaces.items()}
    for key, value in _common(labels_of.get(space, {}) for space in spaces):
        alike = {name for name, labels in labels_of.items() if labels.get(key) == value}
        if key != NAMESPACE_NAME and _exact(chosen, [pod for pod in population if pod.namespace in alike]):
            return f"every pod of namespaces {key}={value}"
    here = [pod for pod in population if pod.namespace in spaces]
    for labels in _label_choices(chosen):
        if len(spaces) == 1 and _exact(chosen, [pod for pod in here if _has(pod, labels)]):
            return f"pods {_spelled(labels)} of {next(iter(spaces))}"
        if _exact(chosen, [pod for pod in population if _has(pod, labels)]):
            return f"pods {_spelled(labels)}"
    return ""


def _within(namespace: str, chosen: Mapping[str, Pod], population: Sequence[Pod]) -> str:
    """The chosen pods of one namespace by name or selector, "" where neither is short."""
    here = {name: pod for name, pod in chosen.items() if pod.namespace == namespace}
    if len(here) == 1:
        return next(iter(here))
    return _selector(here, [pod for pod in population if pod.namespace == namespace], {}).replace(
        f"all {len(here)} pods", f"every pod of {namespace}"
    )


def _exact(chosen: Mapping[str, Pod], selected: Sequence[Pod]) -> bool:
    return len(selected) == len(chosen) and all(pod.full_name in chosen for pod in selected)


def _label_choices(chosen: Mapping[str, Pod]) -> Iterator[tuple[tuple[str, str], ...]]:
    common = [item for item in _common(pod.labels for pod in chosen.values()) if item[0] not in GENERATED]
    yield from combinations(common, 1)
    yield from combinations(common[:8], 2)


def _common(labels: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    shared: set[tuple[str, str]] | None = None
    for each in labels:
        shared = set(each.items()) if shared is None else shared & each.items()
        if not shared:
            return []
    return sorted(shared or ())


def _has(pod: Pod, labels: tuple[tuple[str, str], ...]) -> bool:
    return all(pod.labels.get(key) == value for key, value in labels)


def _spelled(labels: tuple[tuple[str, str], ...]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels)
