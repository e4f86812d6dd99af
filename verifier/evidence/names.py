"""What names say: where something stands, and of which policies and directions a rule speaks.

Names explain and choose between explanations; no verdict hangs on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from verifier.model.effect import Call, Goto
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.policy import Direction
from verifier.model.profile import Profile
from verifier.model.ruleset import Rule
from verifier.model.trace import ChainTrace, Step


@dataclass(frozen=True, slots=True)
class Names:
    """Of one node: its dump, what its compiler's profile knows, and the folder below which everything was read.

    `chains` are phrases for chains whose names the profile computed from the cluster.
    """

    node: NodeState
    profile: Profile
    root: str
    chains: Mapping[str, str] = field(default_factory=dict)
    said: dict[tuple[int, str, str, int], str] = field(default_factory=dict)

    def place(self, origin: Origin) -> str:
        """The origin as a reader of this node's finding needs it: without the folders that they know."""
        short = str(origin)
        for prefix in (self.root, "/", f"nodes/{self.node.name}/"):
            short = short.removeprefix(prefix)
        return short

    def shortened(self, text: str) -> str:
        """A text with the places in it named as `place` names them."""
        return text.replace(f"{self.root.rstrip('/')}/nodes/{self.node.name}/", "")

    def words(self, step: Step, family: int) -> str:
        """Everything that names the step's rule, its chain, or the chain that it calls."""
        key = (family, step.table, step.chain, step.number)
        if key not in self.said:
            self.said[key] = "\n".join(self._words(step, family))
        return self.said[key]

    def direction(self, step: Step, trace: ChainTrace, family: int) -> Direction | None:
        """The one direction that a step speaks of: in the rule's own comments, around it, or where it was called."""
        own = "\n".join(step.rule.comments) if step.rule is not None else ""
        place = next((at for at, each in enumerate(trace.steps) if each is step), 0)
        callers = (each.rule for each in reversed(trace.steps[:place]) if each.rule is not None)
        caller = next((rule for rule in callers if _enters(rule, step.chain)), None)
        for words in (own, self.words(step, family), "\n".join(caller.comments) if caller else ""):
            found = directions(words)
            if len(found) == 1:
                return found[0]
        return None

    def _words(self, step: Step, family: int) -> Iterable[str]:
        chain = self.node.rulesets[family].chains.get((step.table, step.chain))
        yield step.chain
        yield self._phrase(step.chain)
        yield from chain.rules[0].comments if chain and chain.rules else ()
        if step.rule is not None:
            yield from step.rule.comments
            if isinstance(step.rule.effect, Call | Goto):
                yield step.rule.effect.chain
                yield self._phrase(step.rule.effect.chain)

    def _phrase(self, chain: str) -> str:
        return self.chains.get(chain) or self.profile.explain_chain(self.node, chain)


def _enters(rule: Rule, chain: str) -> bool:
    return isinstance(rule.effect, Call | Goto) and rule.effect.chain == chain


def directions(words: str) -> tuple[Direction, ...]:
    """The directions that the words speak of."""
    return tuple(each for each in Direction if re.search(rf"\b{each.value}\b", words))


def speaks_of(words: str, policies: Iterable[str]) -> bool:
    """Whether the words name one of the policies ("namespace/name")."""
    return any(_pattern(name).search(words) for name in policies)


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w)")
