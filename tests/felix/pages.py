"""The pages of tests/cases/verify and tests/bugs that Felix's dialects fill: a node, and the same node with a fault.

`python -m tests.felix.pages` writes them; a test holds them against what would be written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.felix.dialect import Dialect
from tests.felix.host_endpoints import HostEndpoint
from tests.felix.samples import policy, routes
from tests.felix.tables import Node
from tests.literate import ROOT
from tests.pages.world import expand_cluster

PODS = """\
namespace shop team=a
namespace edge team=b
node node-a 192.168.0.10
node node-b 192.168.0.11
pod shop/web 10.0.0.2 app=web
pod shop/api 10.0.0.3 app=api
pod edge/job 10.0.1.2 app=job on=node-b"""
Policies = list[dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """A page: its file without .md, title, dialect, what is said first, policies, answers, and the fault.

    `prepared` completes what Felix writes, `damage` makes the faulty dump of the good one; `answer` is what is then
    expected. `sets` are added to the node's sets; `renamed` are interfaces that another plug-in named.
    """

    name: str
    title: str
    dialect: Dialect
    text: str
    policies: Policies
    fault: str
    damage: Callable[[str], str]
    answer: str
    good: str = "proved"
    pods: str = PODS
    profile: str = ""
    options: str = ""
    hosts: tuple[HostEndpoint, ...] = ()
    folder: str = "cases/verify"
    prepared: Callable[[str], str] | None = None
    sets: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return ROOT / "tests" / self.folder / f"{self.name}.md"

    def rendered(self) -> str:
        """The page as it stands in its file."""
        objects = expand_cluster(self.pods)
        node = Node(self.dialect, objects, self.policies, self.hosts)
        dump = self.prepared(node.saved()) if self.prepared else node.saved()
        damaged = self.damage(dump)
        assert damaged != dump, self.name
        kind = "iptables-save" if self.dialect.family == 4 else "ip6tables-save"
        written = yaml.safe_dump_all(self.policies, sort_keys=False, default_flow_style=None, width=200)
        blocks = [
            f"# {self.title}",
            self.text,
            _fenced("cluster", self.pods),
            _fenced("yaml policies", written),
            _fenced("json routes" if self.dialect.family == 4 else "json routes6", self._routes(objects)),
            _fenced("ipset-save", node.sets.saved(self.dialect.family) + self.sets),
            _fenced(kind, dump),
            *([_fenced("profile", self.profile)] if self.profile else []),
            _fenced(f"answer verify{self.options}", self.good),
            f"## {self.fault}",
            _fenced(kind, damaged),
            _fenced(f"answer verify{self.options}", self.answer),
        ]
        return "\n\n".join(blocks) + "\n"

    def _routes(self, objects: Policies) -> str:
        text = json.dumps(routes(self.dialect, objects))
        for old, new in self.renamed.items():
            text = text.replace(old, new)
        return text


def _fenced(info: str, text: str) -> str:
    return f"```{info}\n{text.strip()}\n```"


def without(pattern: str, count: int = 0) -> Callable[[str], str]:
    """The dump without the lines that match."""
    return lambda dump: re.sub(rf"^.*{pattern}.*\n", "", dump, count=count, flags=re.MULTILINE)


def instead(pattern: str, replacement: str, count: int = 0) -> Callable[[str], str]:
    """The dump with every match replaced."""
    return lambda dump: re.sub(pattern, replacement, dump, count=count, flags=re.MULTILINE)


def both(*steps: Callable[[str], str]) -> Callable[[str], str]:
    """One damage after the other."""

    def damage(dump: str) -> str:
        for step in steps:
            dump = step(dump)
        return dump

    return damage


def ingress(name: str, *rules: dict[str, Any], app: str = "web") -> dict[str, Any]:
    """A policy for the ingress of an app of the shop."""
    spec: dict[str, Any] = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"]}
    return policy(name, spec | ({"ingress": list(rules)} if rules else {}))


def egress(name: str, *rules: dict[str, Any], app: str = "web") -> dict[str, Any]:
    """The same for its egress."""
    spec: dict[str, Any] = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Egress"]}
    return policy(name, spec | ({"egress": list(rules)} if rules else {}))


API = {"podSelector": {"matchLabels": {"app": "api"}}}
EDGE = {"namespaceSelector": {"matchLabels": {"team": "b"}}}
WEB = ingress("web", {"from": [API], "ports": [{"port": 80}]})


def write() -> None:
    """Write every page."""
    from tests.felix import bug_pages, dialect_pages, host_pages, setting_pages

    for page in (*dialect_pages.PAGES, *host_pages.PAGES, *setting_pages.PAGES, *bug_pages.PAGES):
        page.path.write_text(page.rendered(), "utf-8")


if __name__ == "__main__":
    write()
