"""chainproof verify: does what a node has loaded mean what its policies say?"""

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


def _seconds(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("expected a number of seconds above 0")
    return value


@click.command("verify")
@click.argument("snapshot")
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
@click.option(
    "--encoding", type=click.Choice(["classes", "bits"]), default="classes", show_default=True,
    help="How packets are put to the solver; bits is slow and obvious.",
)  # fmt: skip
@click.option("--timeout", type=float, callback=_seconds, metavar="SECONDS", help="What takes longer is undecided.")
@with_output
def verify(
    *,
    snapshot: str,
    nodes: tuple[str, ...],
    pods: tuple[str, ...],
    paths: tuple[str, ...],
    families: tuple[str, ...],
    strict: bool,
    given: dict[str, Setting],
    choices: str,
    compiler: str,
    initial_mark: str,
    encoding: str,
    timeout: float | None,
    form: str,
    output: str,
) -> int:
    """Prove, for every pod of every node in SNAPSHOT, that the loaded rules do what the NetworkPolicies say.

    SNAPSHOT is a directory, or a .tar.gz of one, with cluster/*.yaml and nodes/NAME/iptables-save, ip6tables-save,
    ipset-save (or listings of them: iptables-list, ip6tables-list, ipset-list). The exit code is 0 proved, 1 refuted, 2 bad input or usage, 3 undecided, 4 a fault of chainproof,
    of which CHAINPROOF_DEBUG=1 in the environment shows more.
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
        bits=encoding == "bits",
        timeout=timeout,
    )
    with shown_progress() as progress:
        outcome = session.verify(snapshot, options, progress)
    write(outcome, form, output)
    return ANSWERED[outcome.answer]


MODULE = Command("verify", verify)
