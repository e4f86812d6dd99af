"""Selectors of NetworkPolicies as Calico's, in the text from which sets are named, and the pods that they select."""

from __future__ import annotations

from typing import Any

from tests.felix.dialect import Dialect

Objects = list[dict[str, Any]]


def _terms(selector: dict[str, Any], prefix: str) -> list[str]:
    terms = [f'{prefix}{key} == "{value}"' for key, value in sorted(selector.get("matchLabels", {}).items())]
    for each in selector.get("matchExpressions", []):
        key, values = prefix + each["key"], ", ".join(f'"{v}"' for v in sorted(set(each.get("values", []))))
        terms.append(
            {
                "In": f"{key} in {{{values}}}",
                "NotIn": f"{key} not in {{{values}}}",
                "Exists": f"has({key})",
                "DoesNotExist": f"!has({key})",
            }[each["operator"]]
        )
    return terms


def _all_of(terms: list[str]) -> str:
    return terms[0] if len(terms) == 1 else f"({' && '.join(terms)})"


def peer_text(peer: dict[str, Any], namespace: str, dialect: Dialect) -> str:
    """The canonical text of a peer's selector."""
    if dialect.release < (3, 0):
        return _old_text(peer, namespace, dialect)
    pods = _all_of(['projectcalico.org/orchestrator == "k8s"', *_terms(peer.get("podSelector", {}), "")])
    if "namespaceSelector" not in peer:
        return f'(projectcalico.org/namespace == "{namespace}" && {pods})'
    spaces = _terms(peer["namespaceSelector"], "pcns.") or ["has(projectcalico.org/namespace)"]
    return f"({_all_of(spaces)} && {pods})"


def _old_text(peer: dict[str, Any], namespace: str, dialect: Dialect) -> str:
    if "namespaceSelector" in peer:
        prefix = "pcns." if dialect.release >= (2, 6) else "k8s_ns/label/"
        return _all_of(_terms(peer["namespaceSelector"], prefix) or ["has(calico/k8s_ns)"])
    return _all_of([f'calico/k8s_ns == "{namespace}"', *_terms(peer.get("podSelector", {}), "")])


def subject_text(policy: dict[str, Any]) -> str:
    """The canonical text of whom a policy selects, as groups of policies are named after it."""
    metadata, spec = policy["metadata"], policy["spec"]
    pods = _all_of(['projectcalico.org/orchestrator == "k8s"', *_terms(spec.get("podSelector", {}), "")])
    return f'({pods} && projectcalico.org/namespace == "{metadata["namespace"]}")'


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for each in selector.get("matchExpressions", []):
        has, holds = each["key"] in labels, labels.get(each["key"]) in each.get("values", [])
        if not {"In": holds, "NotIn": not holds, "Exists": has, "DoesNotExist": not has}[each["operator"]]:
            return False
    return True


def peers_of(peer: dict[str, Any], namespace: str, pods: Objects, spaces: dict[str, dict[str, str]]) -> Objects:
    """The pods that a peer selects."""
    found = []
    for pod in pods:
        own = pod["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": own} | spaces.get(own, {})):
                continue
        elif own != namespace:
            continue
        if selects(peer.get("podSelector", {}), pod["metadata"].get("labels", {})):
            found.append(pod)
    return found


def has_traffic(pod: dict[str, Any]) -> bool:
    """Whether it is an endpoint: with an address of its own, and not finished."""
    finished = pod["status"].get("phase") in ("Succeeded", "Failed")
    return bool(addresses(pod)) and not pod["spec"].get("hostNetwork") and not finished


def addresses(pod: dict[str, Any], family: int = 0) -> list[str]:
    """The addresses of a pod, of one family or of both."""
    found = [each["ip"] for each in pod["status"].get("podIPs", [])]
    return [ip for ip in found if not family or (":" in ip) is (family == 6)]
