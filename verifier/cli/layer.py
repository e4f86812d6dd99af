"""verify --layer: two sets of policies, compared for every cluster."""

from __future__ import annotations

from typing import Any

import click

from verifier.cli.assume import settled
from verifier.cli.command import ANSWERED
from verifier.cli.output import write
from verifier.cli.progress import shown_progress
from verifier.model.layer import LayerOptions
from verifier.session.layer import compare_layers

SINGULAR = {
    "nodes": "node",
    "pods": "pod",
    "paths": "path",
    "families": "family",
    "backends": "backend",
}
"""The options whose values are called otherwise."""


def compared(
    layer: str | None,
    policies: str,
    translation: str | None,
    form: str,
    output: str,
    timeout: float | None,
    selected: dict[str, Any],
) -> int:
    """Compare, report, and the exit code; click.UsageError where the arguments do not go together."""
    if layer is None:
        raise click.UsageError("a second argument belongs to --layer policies: verify takes one snapshot")
    settings = settled(selected.pop("given"), selected.pop("choices"))
    others = [name for name, value in selected.items() if value]
    if others:
        shown = ", ".join(f"--{SINGULAR.get(name, name).replace('_', '-')}" for name in others)
        raise click.UsageError(f"{shown} chooses what is asked of nodes: leave it out with --layer")
    with shown_progress() as progress:
        outcome = compare_layers(policies, translation, LayerOptions(settings, timeout), progress)
    write(outcome, form, output)
    return ANSWERED[outcome.answer]
