"""chainproof profile: which compilers are known, where they document that they deviate, what can be assumed."""

from __future__ import annotations

import click

from verifier import session
from verifier.cli.command import Command, Exit, with_output
from verifier.cli.output import check_writable, write


@click.command("profile")
@click.argument("name", required=False, default="")
@with_output
def profile(name: str, form: str, output: str) -> int:
    """List the compilers that are recognised, or only NAME, with their documented deviations and the assumptions."""
    check_writable(output)
    write(session.profiles(name), form, output)
    return Exit.PROVED


MODULE = Command("profile", profile)
