"""Ports as rules write them: numbers, names of services, ranges.

Spec: specs/matches/tcp.md
"""

from __future__ import annotations

from verifier.model.extension import Malformed, integer
from verifier.model.predicate import Range

LAST_PORT = 65535
SERVICES = {
    "tcpmux": 1, "echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "ftp-data": 20, "ftp": 21, "ssh": 22,
    "telnet": 23, "smtp": 25, "mail": 25, "time": 37, "whois": 43, "tacacs": 49, "domain": 53, "bootps": 67, "bootpc": 68,
    "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "www": 80, "kerberos": 88, "pop3": 110, "pop-3": 110, "sunrpc": 111,
    "portmapper": 111, "auth": 113, "ident": 113, "nntp": 119, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138,
    "netbios-ssn": 139, "imap2": 143, "imap": 143, "snmp": 161, "snmp-trap": 162, "snmptrap": 162, "bgp": 179, "irc": 194,
    "ldap": 389, "https": 443, "microsoft-ds": 445, "isakmp": 500, "syslog": 514, "printer": 515, "route": 520, "router": 520,
    "dhcpv6-client": 546, "dhcpv6-server": 547, "rtsp": 554, "submission": 587, "ipp": 631, "ldaps": 636, "domain-s": 853,
    "rsync": 873, "ftps-data": 989, "ftps": 990, "telnets": 992, "imaps": 993, "pop3s": 995, "socks": 1080,
    "openvpn": 1194, "ms-sql-s": 1433, "radius": 1812, "radius-acct": 1813, "nfs": 2049, "mysql": 3306, "svn": 3690,
    "epmd": 4369, "ipsec-nat-t": 4500, "sip": 5060, "sip-tls": 5061, "xmpp-client": 5222, "postgresql": 5432, "mdns": 5353,
    "amqp": 5672, "x11": 6000, "redis": 6379, "http-alt": 8080, "webcache": 8080,
}  # fmt: skip
"""The services that rules name in practice; whatever else is written must be a number."""


def parse_port(text: str) -> int:
    """A port number or the name of a common service."""
    if text.isdecimal() and text.isascii():
        return integer(text, LAST_PORT) if text[0] == "0" else _decimal(text)
    if text in SERVICES:
        return SERVICES[text]
    if text[:2] in ("0x", "0X"):
        return integer(text, LAST_PORT)
    raise Malformed(f"{text!r} is neither a port number nor the name of a service known here; write the number")


def _decimal(text: str) -> int:
    if len(text) > len(str(LAST_PORT)) or int(text) > LAST_PORT:
        raise Malformed(f"{text!r} is not a port: the last one is {LAST_PORT}")
    return int(text)


def parse_ports(text: str) -> Range:
    """`PORT`, `FIRST:LAST`, `:LAST` or `FIRST:`, as a range."""
    first, colon, last = text.partition(":")
    if not colon:
        port = parse_port(first)
        return port, port
    low = parse_port(first) if first else 0
    high = parse_port(last) if last else LAST_PORT
    if low > high:
        raise Malformed(f"port range {text!r} ends before it begins")
    return low, high


def spell_ports(ports: Range) -> str:
    """A range as iptables-save prints it."""
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}:{ports[1]}"
