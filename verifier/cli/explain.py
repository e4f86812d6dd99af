"""chainproof explain: one packet through both sides, or the packets between two readings of counters."""

from __future__ import annotations

import click

from verifier import session
from verifier.cli.assume import settled, with_assumptions
from verifier.cli.command import ANSWERED, Command, with_output
from verifier.cli.output import check_writable, write
from verifier.cli.service import FORMS, service_of
from verifier.model.assumption import Setting
from verifier.model.options import Probe, Readings


@click.command("explain")
@click.argument("snapshot", required=False)
@click.option("--from", "source", metavar="NS/POD|IP", help="Who sends.")
@click.option("--to", "destination", metavar="NS/POD|NS/SERVICE|IP", help="Who is meant to receive.")
@click.option("--port", "service", metavar="PROTOCOL/PORT", callback=service_of, help=f"For instance {FORMS}.")
@click.option("--before", default="", metavar="FILE", help="Rules with counters (iptables -nvxL) before a test.")
@click.option("--after", default="", metavar="FILE", help="The same rules with counters, after it.")
@click.option("--table", default="", metavar="TABLE", help="The table of the counters, filter unless the files tell.")
@click.option("--node", default="", metavar="NAME", help="The node to look at, if several judge the packet.")
@click.option("--family", type=click.Choice(["4", "6"]), default=None, help="IPv4 or IPv6 where the ends have both.")
@click.option("--compiler", default="", metavar="NAME", help="Do not recognise the compiler: it is this one.")
@with_assumptions
@with_output
def explain(
    *,
    snapshot: str | None,
    source: str | None,
    destination: str | None,
    service: tuple[int, int, int] | None,
    before: str,
    after: str,
    table: str,
    node: str,
    family: str | None,
    compiler: str,
    given: dict[str, Setting],
    choices: str,
    form: str,
    output: str,
) -> int:
    """Walk the first packet of one connection through the policies and through the rules of SNAPSHOT.

    Every rule that matches is shown with the mark before and after it, then who is right. A packet to a Service is shown
    once for each backend to which the node can send it. ICMP that opens no connection
    is shown in the state that it can have: a reply belongs to a connection, an error report is related to one.

    With --before and --after, two listings (or iptables-save -c) of the same rules: which rules the packets in between
    met, which packets can have gone that way, and, with SNAPSHOT, whether the policies wanted what became of them.

    The exit code is 0 where both sides agree, nothing is asked or a documented deviation excuses the difference, 1
    where they differ, 2 for bad input or usage, 3 where something opaque decides, 4 for a fault of chainproof, of which
    CHAINPROOF_DEBUG=1 in the environment shows more.
    """
    check_writable(output)
    if before or after:
        if source or destination or service:
            raise click.UsageError("--before and --after explain counters: leave out --from, --to and --port")
        if not (before and after):
            raise click.UsageError("--before and --after belong together")
        if given or choices:
            raise click.UsageError("--before and --after take no assumptions: what is not specified stays so")
        readings = Readings(before, after, snapshot or "", table, int(family or 0), node, compiler)
        counters = session.explain_counters(readings)
        write(counters, form, output)
        return ANSWERED[counters.answer]
    missing = {"SNAPSHOT": snapshot, "--from": source, "--to": destination, "--port": service}
    if not (snapshot and source and destination and service):
        absent = ", ".join(name for name, value in missing.items() if not value)
        raise click.UsageError(f"{absent} missing: give a packet, or counters with --before and --after")
    if table:
        raise click.UsageError("--table belongs to --before and --after")
    protocol, port, icmp = service
    probe = Probe(source, destination, protocol, port, icmp, node, int(family or 0), compiler, settled(given, choices))
    outcome = session.explain(snapshot, probe)
    write(outcome, form, output)
    return ANSWERED[outcome.answer]


MODULE = Command("explain", explain)
