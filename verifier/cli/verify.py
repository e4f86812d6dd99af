"""chainproof verify: does what a node has loaded mean what its policies say?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from verifier import session
from verifier.cli.command import ANSWERED, Command, Exit, seconds, with_output
from verifier.cli.layer import compared
from verifier.cli.output import check_writable, write
from verifier.cli.progress import shown_progress
from verifier.cli.select import selection, with_backend, with_initial_mark, with_selection
from verifier.model.replay import Backend, Outcome

REPLAYED = {Outcome.NOT_CONFIRMED: Exit.DISAGREEMENT, Outcome.NOT_REPLAYED: Exit.UNDECIDED}
"""What counts more than the answer, where the kernel was asked."""


@click.command("verify")
@click.argument("snapshot")
@click.argument("translation", required=False)
@click.option(
    "--layer", type=click.Choice(["policies"]),
    help="Compare the policies of SNAPSHOT with their TRANSLATION, for every cluster.",
)  # fmt: skip
@with_selection
@with_initial_mark
@click.option(
    "--encoding", type=click.Choice(["classes", "bits"]), default="classes", show_default=True,
    help="How packets are put to the solver; bits is slow and obvious.",
)  # fmt: skip
@click.option("--for-all", is_flag=True, help="Prove it for every cluster with these policies, whoever is elsewhere.")
@click.option("--timeout", type=float, callback=seconds, metavar="SECONDS", help="What takes longer is undecided.")
@click.option("--replay", is_flag=True, help="Show the packet of each finding to the real kernel.")
@with_backend
@with_output
def verify(
    *,
    snapshot: str,
    translation: str | None,
    layer: str | None,
    initial_mark: str,
    encoding: str,
    for_all: bool,
    timeout: float | None,
    replay: bool,
    backends: tuple[Backend, ...],
    form: str,
    output: str,
    **selected: Any,
) -> int:
    """Prove, for every pod of every node in SNAPSHOT, that the loaded rules do what the NetworkPolicies say.

    SNAPSHOT is a directory, or a .tar.gz of one, with cluster/*.yaml and nodes/NAME/iptables-save, ip6tables-save,
    ipset-save (or listings of them: iptables-list, ip6tables-list, ipset-list). The exit code is 0 proved, 1 refuted, 2 bad input or usage, 3 undecided, 4 a fault of chainproof,
    of which CHAINPROOF_DEBUG=1 in the environment shows more.

    With --for-all, the rules are proved for every cluster with the same policies and the same pods on the node: each set
    stands for what its name says, whoever that is, and is then compared with what that is today. Findings are shown in a
    cluster that could be.

    With --replay, the packet of each finding goes through the same rules in a network namespace of its own, and the
    finding is marked confirmed, not confirmed (then the exit code is 4) or not replayed. Where none could be replayed
    the exit code is 3, whatever was found.

    With --layer policies, no node is asked: the NetworkPolicies of SNAPSHOT are compared with the policies into which they
    were converted, those of the snapshot, or of TRANSLATION, where both are a file or a directory of objects. They have to
    agree for every pod that there could be: labels, namespaces and addresses are free.
    """
    check_writable(output)
    if layer or translation:
        others = {"replay": replay, "backends": backends, "for_all": for_all, "encoding": encoding != "classes"}
        selected |= others | {"initial_mark": initial_mark != "0"}
        return compared(layer, snapshot, translation, form, output, timeout, selected)
    if backends and not replay:
        raise click.UsageError("--backend belongs to --replay")
    if for_all and replay:
        raise click.UsageError(
            "--replay loads the sets as they are: it cannot show the clusters that --for-all imagines"
        )
    if for_all and encoding == "bits":
        raise click.UsageError("--for-all needs packet classes: --encoding bits states today's inventory")
    options = replace(
        selection(**selected),
        initial_mark_any=initial_mark == "any",
        bits=encoding == "bits",
        timeout=timeout,
        replay=replay,
        backends=backends,
        for_all=for_all,
    )
    with shown_progress() as progress:
        outcome = session.verify(snapshot, options, progress)
    write(outcome, form, output)
    answered = ANSWERED[outcome.answer]
    return answered if outcome.replayed is None else REPLAYED.get(outcome.replayed, answered)


MODULE = Command("verify", verify)
