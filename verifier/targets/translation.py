"""Targets of the nat table, which rewrite an address or a port.

Spec: specs/targets/dnat.md, specs/targets/snat.md
"""

from __future__ import annotations

from collections.abc import Mapping

from verifier.model.effect import Translate
from verifier.model.extension import Option
from verifier.targets.module import PlainTarget, TargetModule, jump_wording


def translating_module(
    name: str, summary: str, arity: Mapping[str, int], *, rewrites_destination: bool
) -> TargetModule:
    """A target that ends the nat table with a rewritten source or destination."""

    def parse(options: tuple[Option, ...], family: int) -> PlainTarget:  # noqa: ARG001  one signature for all
        return PlainTarget(Translate(rewrites_destination, jump_wording(name, options)), options)

    return TargetModule(name, summary, arity, parse)
