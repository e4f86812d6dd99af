"""chainproof evidence: bundles that others can check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from verifier import session
from verifier.cli.command import ANSWERED, Command, Exit, seconds, with_output
from verifier.cli.output import check_writable, write
from verifier.cli.progress import shown_progress
from verifier.cli.select import selection, with_initial_mark, with_selection
from verifier.model.evidence import CheckOptions, Standing


@click.group("evidence")
def evidence() -> None:
    """Bundles of evidence: what was proved and refuted, so that others can check it."""


@evidence.command("export")
@click.argument("snapshot")
@click.argument("directory")
@with_selection
@with_initial_mark
@with_output
def export(
    *,
    snapshot: str,
    directory: str,
    initial_mark: str,
    form: str,
    output: str,
    **selected: Any,
) -> int:
    """Verify SNAPSHOT and write what was proved and refuted into DIRECTORY, which must not exist or be empty.

    The bundle has one script of SMT-LIB 2 per node and address family, with a certificate for every proof, a packet for every
    refutation, and a manifest of what is claimed and of the hash of every file. Scripts are written anew from what was read;
    one that does not answer like verify ends the run with exit code 4. The exit code is that of verify, 3 where something that
    was proved could not be exported.
    """
    check_writable(output)
    options = replace(selection(**selected), initial_mark_any=initial_mark == "any")
    with shown_progress() as progress:
        outcome = session.export(snapshot, directory, options, progress)
    write(outcome, form, output)
    return ANSWERED[outcome.answer]


STANDINGS = {
    Standing.CONFIRMED: Exit.PROVED,
    Standing.INCOMPLETE: Exit.UNDECIDED,
    Standing.CONTRADICTED: Exit.DISAGREEMENT,
}


@evidence.command("check")
@click.argument("directory")
@click.option("--snapshot", "snapshot", default="", metavar="SNAPSHOT", help="Check that the bundle is about SNAPSHOT.")
@click.option("--without-solver", is_flag=True, help="Do not ask a second solver.")
@click.option(
    "--solver-timeout", type=float, callback=seconds, metavar="SECONDS",
    help="What the second solver does not answer of a script by then is not compared.",
)  # fmt: skip
@with_output
def check(
    *, directory: str, snapshot: str, without_solver: bool, solver_timeout: float | None, form: str, output: str
) -> int:
    """Check everything that the bundle in DIRECTORY claims, believing nothing of it.

    Every file is compared with its hash in the manifest, every proof is followed by a small checker that shares nothing with
    the rest of chainproof, every packet is evaluated, and a second solver is asked every query. With --snapshot the bundle's
    inputs are compared with SNAPSHOT, and its scripts with those that are written anew from it. The exit code is 0 where
    every claim was checked and holds, 2 where a file was changed or cannot be read, 3 where something could not be checked
    (a second solver that is not installed counts, unless --without-solver), 4 where a check contradicts a claim.
    """
    check_writable(output)
    options = CheckOptions(not without_solver, solver_timeout, snapshot)
    with shown_progress() as progress:
        outcome = session.check_evidence(directory, options, progress)
    write(outcome, form, output)
    return STANDINGS[outcome.standing]


MODULE = Command("evidence", evidence)
