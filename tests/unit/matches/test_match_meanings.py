"""What each match extension turns its options into, where the exact predicate matters to whoever proves with it."""

from __future__ import annotations

import pytest

from verifier.matches import ALIASES, MATCHES, find_match
from verifier.model.extension import Malformed
from verifier.model.fields import Field
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    InRange,
    Masked,
    Member,
    Named,
    Not,
    Opaque,
    Predicate,
    equals,
)
from verifier.readers.rule import read_rule, spell_rule
from verifier.readers.words import split_words

TCP, UDP, SCTP = (equals(Field.PROTOCOL, number) for number in (6, 17, 132))
WITH_PORTS = InRange(Field.PROTOCOL, ((6, 6), (17, 17), (33, 33), (132, 132), (136, 136)))
CONNECTED = InRange(Field.STATE, ((0, 2),))
DPORT80 = InRange(Field.DESTINATION_PORT, ((80, 80),))


def meaning(options: str, family: int = 4) -> Predicate:
    return read_rule(split_words(options), family).meaning()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", TRUE),
        ("-s 0.0.0.0/0", TRUE),
        ("! -s 0.0.0.0/0", FALSE),
        ("-s 10.0.0.0/8", InRange(Field.SOURCE, ((10 << 24, (11 << 24) - 1),))),
        ("-d 10.0.0.1/255.0.0.255", Masked(Field.DESTINATION, 10 << 24 | 1, 0xFF0000FF)),
        ("-i cali+", Named(Field.IN_INTERFACE, "cali", prefix=True)),
        ("! -o eth0", Not(Named(Field.OUT_INTERFACE, "eth0"))),
        ("-i +", TRUE),
        ("! -i +", FALSE),
        ("-f", FALSE),
        ("! -f", TRUE),
        ("-p 0", TRUE),
        ("! -p tcp", Not(TCP)),
        ("-p tcp -m tcp", TCP),
        ("-p tcp -m tcp --dport 80", All((TCP, DPORT80))),
        ("-p tcp -m tcp ! --dport 80", All((TCP, Not(DPORT80)))),
        ("-p tcp -m tcp --dport 0:65535", TCP),
        ("-p tcp -m tcp ! --dport 0:65535", All((TCP, Opaque("-m tcp ! --dport 0:65535")))),
        ("-p sctp -m sctp ! --dport 0:65535", FALSE),
        ("-p tcp -m tcp --syn", All((TCP, Masked(Field.TCP_FLAGS, 2, 23)))),
        ("-p tcp -m tcp --tcp-flags ALL NONE", All((TCP, Masked(Field.TCP_FLAGS, 0, 63)))),
        ("-p tcp -m tcp --tcp-flags SYN ACK", FALSE),
        ("-p tcp -m tcp ! --tcp-flags SYN ACK", TCP),
        ("-m tcp ! --dport 80", All((TCP, Not(DPORT80)))),
        ("-p tcp -m multiport --dports 80", All((TCP, DPORT80))),
        ("-m multiport ! --dports 80", All((WITH_PORTS, Not(DPORT80)))),
        ("-p tcp -m multiport ! --dports 80", All((TCP, Not(DPORT80)))),
        (
            "-p udp -m multiport --ports 80,90:99",
            All(
                (
                    UDP,
                    AnyOf(
                        (
                            InRange(Field.SOURCE_PORT, ((80, 80), (90, 99))),
                            InRange(Field.DESTINATION_PORT, ((80, 80), (90, 99))),
                        )
                    ),
                )
            ),
        ),
        ("-p icmp -m icmp --icmp-type 8/0", All((equals(Field.PROTOCOL, 1), InRange(Field.ICMP, ((2048, 2048),))))),
        ("-p icmp -m icmp --icmp-type 3", All((equals(Field.PROTOCOL, 1), InRange(Field.ICMP, ((768, 1023),))))),
        ("-p icmp -m icmp ! --icmp-type any", FALSE),
        ("-m mark --mark 0x2/0x2", Masked(Field.MARK, 2, 2)),
        ("-m mark --mark 0x2/0x1", FALSE),
        ("-m mark ! --mark 0x2/0x1", TRUE),
        ("-m mark --mark 0x0/0x0", TRUE),
        ("-m connmark ! --mark 0x1", All((InRange(Field.STATE, ((0, 2),)), Not(Masked(Field.CONNMARK, 1, 0xFFFFFFFF))))),
        ("-m state --state RELATED,ESTABLISHED", InRange(Field.STATE, ((1, 2),))),
        ("-m conntrack --ctstate INVALID,NEW", InRange(Field.STATE, ((0, 0), (3, 3)))),
        ("-m conntrack ! --ctstate DNAT", Not(Masked(Field.CT_STATUS, 2, 2))),
        (
            "-m conntrack --ctstate NEW,SNAT --ctstatus ASSURED",
            All(
                (
                    AnyOf((InRange(Field.STATE, ((0, 0),)), Masked(Field.CT_STATUS, 1, 1))),
                    AnyOf((Not(CONNECTED), All((CONNECTED, Opaque("-m conntrack --ctstatus ASSURED"))))),
                )
            ),
        ),
        ("-m set --match-set a src,dst", Member("a", ("src", "dst"))),
        ("-m set ! --match-set a src", Not(Member("a", ("src",)))),
        ("-m set --match-set a src --return-nomatch", Member("a", ("src",), nomatch=True)),
        ("-m set --match-set a src ! --update-counters", Member("a", ("src",))),
        ("-m addrtype ! --src-type LOCAL", Not(Member("@local", ("src",)))),
        ("-m addrtype --dst-type LOCAL,BROADCAST", AnyOf((Member("@local", ("dst",)), Member("@broadcast", ("dst",))))),
        ("-m addrtype --dst-type LOCAL --limit-iface-in", Opaque("-m addrtype --dst-type LOCAL --limit-iface-in")),
        ("-m physdev --physdev-is-bridged", equals(Field.BRIDGED, 1)),
        ("-m physdev ! --physdev-is-out", Named(Field.PHYS_OUT, "")),
        (
            "-m physdev ! --physdev-out veth",
            All(
                (
                    Not(Named(Field.PHYS_OUT, "veth")),
                    AnyOf((Not(Named(Field.PHYS_OUT, "")), Named(Field.PHYS_IN, ""))),
                )
            ),
        ),
        ("-m physdev --physdev-in veth+", Named(Field.PHYS_IN, "veth", prefix=True)),
        ("-m physdev --physdev-in +", Not(Named(Field.PHYS_IN, ""))),
        ("-m rpfilter --validmark", Opaque("rpfilter")),
        ("-m rpfilter --loose --invert", Not(Opaque("rpfilter"))),
        ("-m recent --set --name a --rsource", TRUE),
        ("-m nfacct --nfacct-name  a", TRUE),
        ("-m limit --limit 5/min", Opaque("-m limit --limit 5/min")),
        ("-m state --state NEW -m limit --limit 5/min", All((InRange(Field.STATE, ((0, 0),)), Opaque("-m limit --limit 5/min")))),
    ],
)  # fmt: skip
def test_meaning(options: str, expected: Predicate) -> None:
    """One line of options, one predicate."""
    assert meaning(options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-p ipv6-frag", FALSE),
        ("! -p ipv6-opts", TRUE),
        ("-m addrtype --dst-type LOCAL,UNICAST", All((Member("@unicast", ("dst",)), Member("@local", ("dst",))))),
        ("-m addrtype --dst-type LOCAL,ANYCAST", AnyOf((Member("@local", ("dst",)), Member("@anycast", ("dst",))))),
        ("-s ::/0", TRUE),
        ("-s fd00::/8", InRange(Field.SOURCE, ((0xFD << 120, (0xFE << 120) - 1),))),
        (
            "-p ipv6-icmp -m icmp6 --icmpv6-type 135",
            All((equals(Field.PROTOCOL, 58), InRange(Field.ICMP, ((135 * 256, 135 * 256 + 255),)))),
        ),
    ],
)
def test_meaning_in_ipv6(options: str, expected: Predicate) -> None:
    """Where the family makes a difference."""
    assert meaning(options, 6) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-m tcp --tcp-flags FIN,XYZ FIN", "not a TCP flag"),
        ("-p tcp -m multiport --dports 1 --sports 2", "exclude each other"),
        ("-p tcp -m multiport", "names no ports"),
        ("-p icmp -m icmp --icmp-type echo", "not one ICMP type"),
        ("-m state --state OLD", "not a connection state"),
        ("-m conntrack", "tests nothing"),
        ("-m set --match-set a up", "not a list of at most 6 directions"),
        ("-m set --return-nomatch", "--match-set is missing"),
        ("-m addrtype --src-type NEAR", "not a type of address"),
        ("-m iprange --src-range 10.0.0.9-10.0.0.1", "ends before it begins"),
        ("-m physdev", "tests nothing"),
        ("-m mark --mark 0x1ffffffff", "not a number from 0 to"),
        ("-m mark --mark -1", "not a number"),
        ("! -p all", "no protocol at all"),
    ],
)
def test_refused(options: str, words: str) -> None:
    """What iptables refuses says what is wrong."""
    with pytest.raises(Malformed, match=words):
        meaning(options)


@pytest.mark.parametrize("name", MATCHES)
def test_every_extension_is_found_and_prints_back(name: str) -> None:
    """By its name, with each option that takes arguments given, opaque ones word for word."""
    module = find_match(name)
    assert module is not None
    assert module.name == name
    assert all(synonym not in module.arity and target in module.arity for synonym, target in module.synonyms.items())
    try:
        plain = read_rule(["-m", name], 4 if name != "icmp6" else 6)
    except Malformed:
        return
    assert spell_rule("c", plain) == f"-A c -m {name}"


def test_other_names_of_extensions() -> None:
    """ip6tables prints the short one."""
    assert {alias: found.name for alias in ALIASES if (found := find_match(alias))} == ALIASES
    assert find_match("../secret") is None
