"""Dumps of sets: types, members, options, shared contents, and what is refused."""

from __future__ import annotations

import pytest

from verifier.model.ipset import (
    AddressPart,
    InterfacePart,
    IpSet,
    MarkPart,
    OpaquePart,
    Part,
    PortPart,
    SetContent,
)
from verifier.model.origin import InputError, Origin
from verifier.readers.ipset_save import read_sets


def ip(text: str) -> int:
    first, second, third, fourth = map(int, text.split("."))
    return first << 24 | second << 16 | third << 8 | fourth


def one(kind: str, *members: str) -> IpSet:
    return read_sets("".join((f"create s {kind}\n", *(f"add s {member}\n" for member in members))), "node/ipset-save")[
        "s"
    ]


def parts(kind: str, member: str) -> tuple[Part, ...]:
    (found,) = one(kind, member).content.members
    return found.parts


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_sets(text, "node/ipset-save")
    return caught.value


HOST = AddressPart(ip("10.0.0.1"), ip("10.0.0.1"))
NET = AddressPart(ip("10.1.0.0"), ip("10.1.255.255"))
TCP80 = PortPart(6, 80, 80)


@pytest.mark.parametrize(
    ("kind", "member", "expected"),
    [
        ("hash:ip family inet", "10.0.0.1", (HOST,)),
        ("hash:net family inet", "10.1.0.0/16", (NET,)),
        ("hash:net family inet", "10.1.2.3/16", (NET,)),
        ("hash:net family inet", "0.0.0.0/1", (AddressPart(0, (1 << 31) - 1),)),
        ("hash:ip,port family inet", "10.0.0.1,tcp:80", (HOST, TCP80)),
        ("hash:ip,port family inet", "10.0.0.1,80", (HOST, TCP80)),
        ("hash:ip,port family inet", "10.0.0.1,udp:53-60", (HOST, PortPart(17, 53, 60))),
        ("hash:ip,port family inet", "10.0.0.1,icmp:echo-request", (HOST, PortPart(1, 8 * 256, 8 * 256))),
        ("hash:ip,port family inet", "10.0.0.1,icmp:3/4", (HOST, PortPart(1, 3 * 256 + 4, 3 * 256 + 4))),
        ("hash:ip,port family inet", "10.0.0.1,47:0", (HOST, PortPart(47, 0, 0))),
        ("hash:ip,port family inet6", "fd00::1,icmpv6:128/0", (AddressPart(0xFD << 120 | 1, 0xFD << 120 | 1), PortPart(58, 128 * 256, 128 * 256))),
        ("hash:net,port family inet", "10.1.0.0/16,sctp:9", (NET, PortPart(132, 9, 9))),
        ("hash:net,net family inet", "10.1.0.0/16,10.0.0.1", (NET, HOST)),
        ("hash:net,iface family inet", "10.1.0.0/16,eth0", (NET, InterfacePart("eth0"))),
        ("hash:net,iface family inet", "10.1.0.0/16,physdev:eth0", (NET, InterfacePart("eth0", physical=True))),
        ("hash:ip,port,ip family inet", "10.0.0.1,tcp:80,10.0.0.1", (HOST, TCP80, HOST)),
        ("hash:ip,port,net family inet", "10.0.0.1,tcp:80,10.1.0.0/16", (HOST, TCP80, NET)),
        ("hash:net,port,net family inet", "10.1.0.0/16,tcp:80,10.0.0.1", (NET, TCP80, HOST)),
        ("hash:ip,mark family inet markmask 0xffffffff", "10.0.0.1,0x63", (HOST, MarkPart(0x63))),
        ("hash:mac hashsize 1024", "02:00:00:00:00:01", (OpaquePart("02:00:00:00:00:01"),)),
        ("hash:ip,mac family inet", "10.0.0.1,02:00:00:00:00:01", (HOST, OpaquePart("02:00:00:00:00:01"))),
        ("bitmap:ip,mac range 10.0.0.0/24", "10.0.0.1", (HOST, OpaquePart(""))),
        ("bitmap:ip range 10.0.0.0-10.0.0.255", "10.0.0.1", (HOST,)),
        ("bitmap:port range 0-1024", "80", (PortPart(None, 80, 80),)),
        ("hash:ip family inet netmask 16", "10.1.0.0", (NET,)),
        ("hash:ip family inet bitmask 255.255.0.0", "10.1.0.0", (NET,)),
        ("hash:ip family inet", "10.0.0.4-10.0.0.9", (AddressPart(ip("10.0.0.4"), ip("10.0.0.9")),)),
    ],
)  # fmt: skip
def test_members_of_each_type(kind: str, member: str, expected: tuple[Part, ...]) -> None:
    """A part per dimension, in order."""
    assert parts(kind, member) == expected
    assert one(kind).content.dimensions == len(expected)


def test_a_range_in_a_set_of_networks_is_its_prefixes() -> None:
    """Only prefixes have a length to compare (SET-5)."""
    found = one("hash:net family inet", "10.0.0.1-10.0.0.4 nomatch").content.members
    spans = [(member.parts[0], member.nomatch) for member in found]
    assert spans == [
        (AddressPart(ip("10.0.0.1"), ip("10.0.0.1")), True),
        (AddressPart(ip("10.0.0.2"), ip("10.0.0.3")), True),
        (AddressPart(ip("10.0.0.4"), ip("10.0.0.4")), True),
    ]


def test_families() -> None:
    """inet unless written; types without addresses have none."""
    assert [one(kind).family for kind in ("hash:ip", "hash:net family inet6", "bitmap:ip range 10.0.0.0/24")] == [
        4,
        6,
        4,
    ]
    assert [one(kind).family for kind in ("bitmap:port range 0-9", "hash:mac", "list:set size 8")] == [0, 0, 0]


def test_options_of_members() -> None:
    """Counters, comments with blanks and marks change nothing; nomatch does."""
    (member,) = one(
        "hash:net family inet counters comment skbinfo timeout 0 forceadd bucketsize 12 initval 0x1",
        '10.1.0.0/16 timeout 0 nomatch packets 1 bytes 2 comment "pod: a \\"b\\", nomatch" skbmark 0x1/0xff skbprio 1:1',
    ).content.members
    assert (member.parts, member.nomatch, member.text) == ((NET,), True, "10.1.0.0/16 nomatch")


@pytest.mark.parametrize(
    ("kind", "member", "reason"),
    [
        ("hash:ip family inet timeout 300", "10.0.0.1 timeout 299", "expire"),
        ("hash:ip family inet timeout 300", "10.0.0.1", "expire"),
        ("hash:ip family inet timeout 300", "10.0.0.1 timeout 0", ""),
        ("hash:ip,mark family inet markmask 0xff", "10.0.0.1,0x1", "markmask"),
        ("hash:ip family inet bitmask 255.0.0.255", "10.0.0.1", "bitmask"),
        ("hash:net,iface family inet", "10.0.0.0/8,eth wildcard", "wildcard"),
        ("hash:future family inet", "whatever,else", "hash:future"),
        ("hash:ip family inet shiny", "10.0.0.1", "shiny"),
    ],
)
def test_what_makes_a_content_opaque(kind: str, member: str, reason: str) -> None:
    """Whatever could change or is not understood; a reason says which."""
    opaque = one(kind, member).content.opaque
    assert reason in opaque
    assert bool(opaque) is bool(reason)


def test_equal_contents_are_one() -> None:
    """Whatever the order of members, the name and the hash seed; another type is another content."""
    sets = read_sets(
        "create a hash:ip family inet hashsize 1024 maxelem 65536 initval 0x1\nadd a 10.0.0.1\nadd a 10.0.0.2\n"
        "create b hash:ip family inet hashsize 1024 maxelem 65536 initval 0x2\nadd b 10.0.0.2\nadd b 10.0.0.1\n"
        "create c hash:net family inet hashsize 1024 maxelem 65536 initval 0x3\nadd c 10.0.0.1\nadd c 10.0.0.2\n"
        "create d hash:ip family inet hashsize 1024 maxelem 65536 netmask 24\nadd d 10.0.0.1\nadd d 10.0.0.2\n",
        "x",
    )
    assert sets["a"].content is sets["b"].content
    assert len({id(found.content) for found in sets.values()}) == 3
    assert [member.text for member in sets["a"].content.members] == ["10.0.0.1", "10.0.0.2"]


def test_equal_members_are_one_object() -> None:
    """Across sets of one shape."""
    sets = read_sets("create a hash:ip\nadd a 10.0.0.1\ncreate b hash:ip\nadd b 10.0.0.1\nadd b 10.0.0.2\n", "x")
    assert sets["a"].content.members[0] is sets["b"].content.members[0]


def test_lists_of_sets_keep_their_order() -> None:
    """Sets are asked in it; equal lists share a content only with equal order."""
    sets = read_sets(
        "create a hash:ip\ncreate b hash:ip\n"
        'create l list:set size 8 comment\nadd l b comment "the b"\nadd l a\n'
        "create m list:set size 8\nadd m a\nadd m b\ncreate n list:set size 8\nadd n b\nadd n a\n",
        "x",
    )
    assert sets["l"].content.lists == ("b", "a")
    assert sets["m"].content.lists == ("a", "b")
    assert sets["n"].content.lists == ("b", "a")
    assert sets["l"].content.members == ()


def test_members_may_stand_anywhere_after_their_set() -> None:
    """Also after other sets, and among blank lines and remarks."""
    sets = read_sets(
        "# saved\ncreate a hash:ip\ncreate b hash:ip\nadd a 10.0.0.1\n\nadd b 10.0.0.2\nadd a 10.0.0.3\n# end\n", "x"
    )
    assert [member.text for member in sets["a"].content.members] == ["10.0.0.1", "10.0.0.3"]
    assert [member.text for member in sets["b"].content.members] == ["10.0.0.2"]
    assert (sets["a"].origin, sets["b"].origin) == (Origin("x", 2), Origin("x", 3))


def test_one_name_may_begin_another() -> None:
    """`a` and `a2` are two sets."""
    sets = read_sets("create a2 hash:ip\nadd a2 10.0.0.1\ncreate a hash:ip\nadd a 10.0.0.2\n", "x")
    assert {name: [m.text for m in found.content.members] for name, found in sets.items()} == {
        "a2": ["10.0.0.1"],
        "a": ["10.0.0.2"],
    }


def test_names_may_have_any_sign() -> None:
    """Weave's names do."""
    name = "weave-|;!^{[$#()&*?]"
    assert read_sets(f"create {name} hash:ip\nadd {name} 10.0.0.1\n", "x")[name].content.members[0].parts == (HOST,)


def test_words_of_earlier_releases() -> None:
    """-N, -A, long options and old type names (SET-14)."""
    sets = read_sets("# Generated\n-N a iphash --hashsize 1024 --probes 4\n-A a 10.0.0.1\nCOMMIT\n", "x")
    assert sets["a"].content.kind == "hash:ip"
    assert sets["a"].content.members[0].parts == (HOST,)


def test_carriage_returns_and_a_missing_last_newline_do_not_matter() -> None:
    """Dumps come from many hands."""
    for text in ("create a hash:ip\r\nadd a 10.0.0.1\r\n", "create a hash:ip\nadd a 10.0.0.1"):
        assert [member.text for member in read_sets(text, "x")["a"].content.members] == ["10.0.0.1"]
    assert read_sets("", "x") == {}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("create a hash:ip\nadd a 10.0.0.1\nadd a 10.0.0\n", 3, "'10.0.0' is not an IPv4 address"),
        ("create a hash:ip\nadd a 10.0.0.1\nadd\n", 3, "no line of an ipset dump"),
        ("create a hash:ip\nadd b 10.0.0.1\n", 2, "before it is created"),
        ("add a 10.0.0.1\n", 1, "before it is created"),
        ("garbage\n", 1, "no line of an ipset dump"),
        ("create a hash:ip\ncreate a hash:ip\n", 2, "created twice"),
        ("create a hash:ip\ncreate\n", 2, "no line of an ipset dump"),
        ("create a hash:ip\ncreate b\n", 2, "creates no set"),
        ("create a hash:ip family\n", 1, "the argument of family is missing"),
        ("create a hash:ip family ipx\n", 1, "'ipx' is not a family"),
        ("create a hash:ip,port\nadd a 10.0.0.1\n", 2, "has not the 2 parts"),
        ("create a hash:ip,port\nadd a 10.0.0.1,tcp:70000\n", 2, "'70000' is not a port"),
        ("create a hash:ip,port\nadd a 10.0.0.1,gre:80\n", 2, "has no ports"),
        ("create a hash:ip\nadd a 10.0.0.1 colour blue\n", 2, "'colour' is not an option"),
        ("create a hash:ip\nadd a fd00::1\n", 2, "'fd00::1' is an IPv6 address, where IPv4 is expected"),
        ('create a hash:ip\nadd a 10.0.0.1 comment "open\n', 2, "quotation mark"),
    ],
)
def test_what_is_no_dump_is_refused_with_the_line(text: str, line: int, words: str) -> None:
    """Cut, garbled and hand-made files (SET-13)."""
    fault = refused(text)
    assert words in fault.problem
    assert fault.origin == Origin("node/ipset-save", line)


def test_contents_are_values() -> None:
    """A content without members is one all the same."""
    content = one("hash:net family inet").content
    assert isinstance(content, SetContent)
    assert (content.kind, content.members, content.opaque) == ("hash:net", (), "")
