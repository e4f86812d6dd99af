"""A release of Felix with its settings, and what hangs on them alone: mark bits, names, actions."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """A release as (major, minor), and the settings that change its rules.

    `mask` None is the release's default. `deny` is DROP or REJECT, `to_host` the DefaultEndpointToHostAction,
    `allow` ACCEPT or RETURN (FilterAllowAction).
    """

    release: tuple[int, int]
    family: int = 4
    prefix: str = "cali"
    mask: int | None = None
    deny: str = "DROP"
    to_host: str = "ACCEPT"
    allow: str = "ACCEPT"
    vxlan: bool = False
    ipip: bool = False
    flow_logs: bool = False

    @cached_property
    def bits(self) -> list[int]:
        """The bits of the mask, lowest first."""
        default = 0xFFFF0000 if self.release >= (3, 1) else 0xFF000000
        mask = self.mask or default
        return [1 << place for place in range(32) if mask >> place & 1]

    @property
    def accept(self) -> int:
        return self.bits[0]

    @property
    def passed(self) -> int:
        return self.bits[1]

    @property
    def scratch0(self) -> int:
        return self.bits[3 if self.release >= (3, 30) else 2]

    @property
    def scratch1(self) -> int:
        """The second scratch bit; 2.1 to 2.3 have none."""
        return 0 if self.release < (2, 4) else self.bits[4 if self.release >= (3, 30) else 3]

    @property
    def all_bits(self) -> int:
        return self.accept | self.passed | self.scratch0 | self.scratch1

    def is_at_least(self, major: int, minor: int) -> bool:
        return self.release >= (major, minor)

    def set_name(self, kind: str, content: str) -> str:
        """The name of a set that stands for this content."""
        return self.static_set(identity(kind, content))

    def static_set(self, name: str) -> str:
        token = "0" if self.release >= (3, 1) else "-"
        return f"cali{self.family}{token}{name}"[:31]

    def interface(self, pod: dict[str, Any]) -> str:
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}.{metadata['name']}"
        return self.prefix + hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:11]

    def policy_identity(self, namespace: str, name: str) -> str:
        """What a policy's chains are named after."""
        if self.release >= (3, 32):
            return f"knp/{namespace}/{name}"
        if self.release >= (3, 29):
            return f"default/{namespace}/knp.default.{name}"
        if self.release >= (3, 0):
            return f"{namespace}/knp.default.{name}"
        if self.release >= (2, 5):
            return f"knp.default.{namespace}.{name}"
        return f"np.projectcalico.org/{namespace}.{name}"

    def profiles(self, pod: dict[str, Any]) -> list[str]:
        namespace = pod["metadata"]["namespace"]
        if self.release >= (3, 0):
            account = pod["spec"].get("serviceAccountName", "default")
            return [f"kns.{namespace}", *([f"ksa.{namespace}.{account}"] if self.release >= (3, 8) else [])]
        return [f"k8s_ns.{namespace}" if self.release >= (2, 6) else f"ns.projectcalico.org/{namespace}"]

    def policy_comment(self, namespace: str, name: str, direction: str) -> tuple[str, ...]:
        """What a policy's chain begins with, where the release says whose it is."""
        if self.release >= (3, 32):
            return (f"KubernetesNetworkPolicy {namespace}/{name} {direction}",)
        return (f"Policy {namespace}/knp.default.{name} {direction}",) if self.release >= (3, 22) else ()

    def profile_comment(self, name: str, direction: str) -> tuple[str, ...]:
        return (f"Profile {name} {direction}",) if self.release >= (3, 22) else ()


def identity(kind: str, content: str) -> str:
    """The identity of what a set stands for, in full."""
    digest = hashlib.sha224(f"{kind}:{content}".encode()).digest()
    return f"{kind}:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def limited(prefix: str, suffix: str) -> str:
    """A chain's name of at most 28 characters."""
    if len(prefix + suffix) <= 28 and not (len(prefix + suffix) == 28 and suffix.startswith("_")):
        return prefix + suffix
    digest = base64.urlsafe_b64encode(hashlib.sha256(suffix.encode()).digest()).decode()
    return f"{prefix}_{digest[: 27 - len(prefix)]}"
