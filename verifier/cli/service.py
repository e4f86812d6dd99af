"""How a user writes the service of one packet: a protocol and a port, or an ICMP type."""

from __future__ import annotations

import click

from verifier.model.fields import ICMP, ICMPV6, PROTOCOL_NAMES, has_ports

NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()} | {"icmpv6": ICMPV6}
FORMS = "tcp/8080, udp/53, sctp/3868, icmp/8 (its type), a protocol without ports by name (esp), proto/50 by number"


def service_of(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int, int] | None:
    """Protocol, destination port, ICMP type * 256; click.BadParameter where the text is none of FORMS."""
    if text is None:
        return None
    name, slash, value = text.lower().partition("/")
    number = int(value) if value.isdecimal() and value.isascii() else -1
    if text.isdecimal():
        raise click.BadParameter(f"{text!r} is a bare number: write tcp/{text} for a port, proto/{text} for a protocol")
    protocol = NUMBERS.get(name, -1)
    if name == "proto":
        name, slash, protocol, number = PROTOCOL_NAMES.get(number, text), "", number, -1
    if not 0 <= protocol <= 255 or bool(slash) is not (number >= 0):
        raise click.BadParameter(f"{text!r}: expected {FORMS}")
    if has_ports(protocol):
        if not slash or number > 65535:
            raise click.BadParameter(f"{text!r}: {name} needs a port from 0 to 65535, as in {name}/80")
        return protocol, number, 0
    if protocol in (ICMP, ICMPV6):
        if number > 255:
            raise click.BadParameter(f"{text!r}: an ICMP type is at most 255")
        return protocol, 0, (number if slash else {ICMP: 8, ICMPV6: 128}[protocol]) << 8
    if slash:
        raise click.BadParameter(f"{text!r}: this protocol has no ports")
    return protocol, 0, 0
