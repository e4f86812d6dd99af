"""The options --assume and --assume-file: how a user settles what the policy API leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from verifier import session
from verifier.model.assumption import ASSUMPTIONS, Setting, defaults

SETTINGS = "|".join(setting.value for setting in Setting)


def _given(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    known = defaults()
    for each in given:
        name, _, value = each.partition("=")
        if name not in known:
            raise click.BadParameter(f"{name!r} is no assumption; there are {', '.join(a.name for a in ASSUMPTIONS)}")
        try:
            setting = Setting(value)
        except ValueError:
            raise click.BadParameter(f"{each!r}: expected {name}={SETTINGS}") from None
        if settings.setdefault(name, setting) is not setting:
            raise click.BadParameter(f"{name} is both {settings[name].value} and {value}: leave one out")
    return settings


def with_assumptions(command: Callable[..., Any]) -> Callable[..., Any]:
    """The two options, as `given` and `choices`."""
    command = click.option(
        "--assume-file", "choices", metavar="FILE", default="",
        help="Settings of a team, one `NAME: SETTING` a line; --assume comes before it.",
    )(command)  # fmt: skip
    return click.option(
        "--assume", "given", multiple=True, metavar=f"NAME={SETTINGS}", callback=_given,
        help="Decide what the policy API leaves open (repeatable); `chainproof profile` lists the names.",
    )(command)  # fmt: skip


def settled(given: dict[str, Setting], choices: str) -> dict[str, Setting]:
    """Every assumption with its setting: of the command line, else of the file, else open."""
    return {**defaults(), **(session.assumptions(choices) if choices else {}), **given}
