"""chainproof evidence: bundles that others can check."""

from __future__ import annotations

import click

from verifier import session
from verifier.cli.assume import settled, with_assumptions
from verifier.cli.command import ANSWERED, Command, with_output
from verifier.cli.output import check_writable, write
from verifier.cli.progress import shown_progress
from verifier.model.assumption import Setting
from verifier.model.options import VerifyOptions
from verifier.model.path import Path


@click.group("evidence")
def evidence() -> None:
    """Bundles of evidence: what was proved and refuted, so that others can check it."""


@evidence.command("export")
@click.argument("snapshot")
@click.argument("directory")
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="Only this node (repeatable).")
@click.option("--pod", "pods", multiple=True, metavar="NS/NAME", help="Only this pod (repeatable).")
@click.option(
    "--path",
    "paths",
    multiple=True,
    type=click.Choice([path.value for path in Path]),
    help="Only this path (repeatable).",
)
@click.option("--family", "families", multiple=True, type=click.Choice(["4", "6"]), help="Only IPv4 or only IPv6.")
@click.option("--strict", is_flag=True, help="Excuse nothing, not even what the compiler documents.")
@with_assumptions
@click.option("--compiler", default="", metavar="NAME", help="Do not recognise the compiler: it is this one.")
@click.option(
    "--initial-mark",
    type=click.Choice(["0", "any"]),
    default="0",
    show_default=True,
    help="Mark of packets that enter.",
)
@with_output
def export(
    *,
    snapshot: str,
    directory: str,
    nodes: tuple[str, ...],
    pods: tuple[str, ...],
    paths: tuple[str, ...],
    families: tuple[str, ...],
    strict: bool,
    given: dict[str, Setting],
    choices: str,
    compiler: str,
    initial_mark: str,
    form: str,
    output: str,
) -> int:
    """Verify SNAPSHOT and write what was proved and refuted into DIRECTORY, which must not exist or be empty.

    The bundle has one script of SMT-LIB 2 per node and address family, with a certificate for every proof, a packet for every
    refutation, and a manifest of what is claimed and of the hash of every file. Scripts are written anew from what was read;
    one that does not answer like verify ends the run with exit code 4. The exit code is that of verify, 3 where something that
    was proved could not be exported.
    """
    check_writable(output)
    options = VerifyOptions(
        nodes=nodes,
        pods=pods,
        paths=tuple(path for path in Path if path.value in paths),
        families=tuple(sorted({int(family) for family in families})),
        strict=strict,
        settings=settled(given, choices),
        compiler=compiler,
        initial_mark_any=initial_mark == "any",
    )
    with shown_progress() as progress:
        outcome = session.export(snapshot, directory, options, progress)
    write(outcome, form, output)
    return ANSWERED[outcome.answer]


MODULE = Command("evidence", evidence)
