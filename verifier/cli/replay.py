"""chainproof replay: what the real kernel makes of packets, beside what is said here of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from verifier import session
from verifier.cli.command import Command, Exit, with_output
from verifier.cli.output import check_writable, write
from verifier.cli.progress import shown_progress
from verifier.cli.select import selection, with_backend, with_selection
from verifier.cli.service import FORMS, service_of
from verifier.model.options import Probe, ReplayOptions, VerifyOptions
from verifier.model.replay import Backend, Outcome

EXIT = {
    Outcome.CONFIRMED: Exit.PROVED,
    Outcome.NOT_CONFIRMED: Exit.DISAGREEMENT,
    Outcome.NOT_REPLAYED: Exit.UNDECIDED,
}


@click.command("replay")
@click.argument("snapshot")
@click.option("--from", "source", metavar="NS/POD|IP", help="Who sends the one packet to replay.")
@click.option("--to", "destination", metavar="NS/POD|NS/SERVICE|IP", help="Who is meant to receive it.")
@click.option("--port", "service", metavar="PROTOCOL/PORT", callback=service_of, help=f"For instance {FORMS}.")
@click.option("--all-classes", is_flag=True, help="One packet of each class that rules or policies can tell apart.")
@click.option("--finding", "findings", multiple=True, metavar="ID", help="Only this finding of verify (repeatable).")
@with_backend
@with_selection
@with_output
def replay(
    *,
    snapshot: str,
    source: str | None,
    destination: str | None,
    service: tuple[int, int, int] | None,
    all_classes: bool,
    findings: tuple[str, ...],
    backends: tuple[Backend, ...],
    form: str,
    output: str,
    **selected: Any,
) -> int:
    """Send packets through the rules of SNAPSHOT in the real kernel, and compare verdict, every rule and final mark.

    The packets are those of the findings of verify, one packet (--from, --to, --port, as in explain), or one of every
    class (--all-classes). The rules and sets are loaded into a network namespace of its own, which needs no root where
    user namespaces are allowed; the rules of this machine are never touched.

    The exit code is 0 where the kernel confirms everything, 2 for bad input or usage, 3 where something could not be
    replayed or there was nothing to replay, 4 where the kernel does otherwise: a fault of chainproof. That a finding is
    confirmed says that the packet goes that way, so it is no reason for 1; verify --replay answers with both.
    """
    check_writable(output)
    options = replace(selection(**selected), backends=backends)
    probe = None
    if source or destination or service:
        if all_classes or findings:
            raise click.UsageError(
                "--all-classes and --finding choose among packets: leave out --from, --to and --port"
            )
        probe = _probe(source, destination, service, options)
    if all_classes and findings:
        raise click.UsageError("--finding and --all-classes exclude each other")
    with shown_progress() as progress:
        outcome = session.replay(snapshot, ReplayOptions(options, probe, all_classes, findings), progress)
    write(outcome, form, output)
    return EXIT[outcome.outcome]


def _probe(
    source: str | None, destination: str | None, service: tuple[int, int, int] | None, options: VerifyOptions
) -> Probe:
    """The one packet; click.UsageError where it is not whole, or where it cannot be what is selected."""
    if not (source and destination and service):
        given = {"--from": source, "--to": destination, "--port": service}
        absent = ", ".join(name for name, value in given.items() if not value)
        raise click.UsageError(f"{absent} missing: a packet has two ends and a service")
    if options.pods or options.paths or options.strict:
        raise click.UsageError("--pod, --path and --strict choose among packets: leave out --from, --to and --port")
    protocol, port, icmp = service
    family = options.families[0] if len(options.families) == 1 else 0
    return Probe(source, destination, protocol, port, icmp, "", family, options.compiler, options.settings)


MODULE = Command("replay", replay)
