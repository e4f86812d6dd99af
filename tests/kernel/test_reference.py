"""The kernel and the reference walk random packets alike through rules of the whole vocabulary, in both back ends."""

from __future__ import annotations

import random

import pytest

from tests.kernel.differential import aim, compare, packets
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Shot, Stage
from verifier.model.cluster import Cluster
from verifier.model.node import InterfaceAddress, NodeState
from verifier.model.path import Path
from verifier.readers.ipset_save import read_sets
from verifier.readers.iptables_save import read_ruleset
from verifier.reference.view import view_of

SETS = """create addresses hash:ip family {inet} hashsize 1024 maxelem 65536
create networks hash:net family {inet} hashsize 1024 maxelem 65536
create services hash:ip,port family {inet} hashsize 1024 maxelem 65536
create pairs hash:ip,port,ip family {inet} hashsize 1024 maxelem 65536
create triples hash:ip,port,net family {inet} hashsize 1024 maxelem 65536
create reached hash:net,port family {inet} hashsize 1024 maxelem 65536
create ports bitmap:port range 0-65535
create all list:set size 8
add addresses {a}
add addresses {b}
add networks {net}
add networks {b}/{host} nomatch
add services {a},tcp:80
add services {b},udp:53
add services {b},{icmp}
add pairs {a},tcp:80,{b}
add triples {b},sctp:9000,{net}
add reached {net},tcp:8080-8082
add ports 443
add all networks
add all services
"""
RULES = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 7 -j NOTRACK
-A PREROUTING -s {b}/{host} -p tcp -m multiport --dports 7,9:11 -j DROP
-A OUTPUT -d {b}/{host} -p udp -m udp --sport 7 -j CT --notrack
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:marks - [0:0]
-A PREROUTING -m set --match-set services dst,dst -j CONNMARK --set-xmark 0x10/0xff
-A PREROUTING -j marks
-A OUTPUT -g marks
-A marks -m set --match-set addresses src -j MARK --set-xmark 0x1/0x3
-A marks -m set ! --match-set networks dst -j MARK --set-xmark 0x30/0x20
-A marks -m mark --mark 0x1/0x1 -j RETURN
-A marks -m connmark --mark 0x10/0xff -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
-A POSTROUTING -m mark --mark 0x30/0x30 -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:deep - [0:0]
:deeper - [0:0]
:other - [0:0]
-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP
-A INPUT -j deep
-A INPUT ! -i in0 -p tcp -j REJECT --reject-with tcp-reset
-A FORWARD -i in+ -o out0 -m conntrack --ctstate RELATED,ESTABLISHED -j other
-A FORWARD -m set --match-set all dst,dst -g deep
-A FORWARD -m set --match-set pairs src,dst,dst -j ACCEPT
-A FORWARD -m set --match-set triples dst,dst,src -j REJECT
-A FORWARD ! -i in0 -j other
-A FORWARD -p tcp -m set --match-set ports dst -j ACCEPT
-A FORWARD -m set --match-set reached src,src -j DROP
-A OUTPUT ! -o out0 -m set ! --match-set ports src -g other
-A OUTPUT -m addrtype --src-type LOCAL -m mark ! --mark 0x0/0x3 -j ACCEPT
-A OUTPUT -j deep
-A deep -p tcp -m tcp ! --sport 1:1023 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j deeper
-A deep -p {icmpname} -m {icmpmatch} --{icmpoption}-type {error} -j ACCEPT
-A deep -p udp -m multiport --ports 53,9000:9100 -j RETURN
-A deep -s {a}/{host} -j DROP
-A deep -m iprange --dst-range {a}-{c} -j other
-A deeper -p tcp -m multiport ! --dports 80,443,8080:8082 -j RETURN
-A deeper -m mark --mark 0x1/0x1 -j ACCEPT
-A deeper -g other
-A other -p sctp -m sctp --dport 9000 -j ACCEPT
-A other -p {icmpname} -m {icmpmatch} ! --{icmpoption}-type {ask} -j DROP
-A other ! -d {net} -j RETURN
-A other -p tcp -m tcp --dport 80 -j ACCEPT
-A other ! -p tcp -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
COMMIT
"""
WORDS = {
    4: {
        "inet": "inet", "a": "10.1.0.10", "b": "10.1.0.20", "c": "10.1.0.30", "net": "10.1.0.0/24", "host": "32", "icmp": "icmp:3/3",
        "icmpname": "icmp", "icmpmatch": "icmp", "icmpoption": "icmp", "error": "3/3", "ask": "8",
    },
    6: {
        "inet": "inet6", "a": "fd00:1::10", "b": "fd00:1::20", "c": "fd00:1::30", "net": "fd00:1::/64", "host": "128", "icmp": "ipv6-icmp:1/3",
        "icmpname": "ipv6-icmp", "icmpmatch": "icmp6", "icmpoption": "icmpv6", "error": "1/3", "ask": "128",
    },
}  # fmt: skip
OWN = {4: 0x0A020001, 6: 0xFD00 << 112 | 2 << 96 | 1}
NUMBER = 2500


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
def test_random_packets_go_the_same_way(backend: Backend, family: int) -> None:
    """Verdict, final mark, every rule and the mark after it."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    rules, sets = RULES.format(**WORDS[family]), SETS.format(**WORDS[family])
    own = InterfaceAddress("in0", family, OWN[family], 24 if family == 4 else 64)
    ruleset = read_ruleset(rules, "iptables-save", family)
    node = NodeState("node", {family: ruleset}, read_sets(sets, "ipset-save"), (own,), ("in0", "in1", "out0"))
    view = view_of(node, Cluster())
    stage = Stage(("in0", "in1", "out0"), (), (("in0", family, own.address, own.prefix),))
    at = aim(family, rules + sets, stage.interfaces, (own.address,))
    with Kernel(stage, backend) as kernel:
        kernel.load(family, rules, sets)
        told = compare(kernel, node, view, list(packets(random.Random(family), at, NUMBER)))
    assert told.wrong == []
    assert told.agreed > NUMBER // 2, told.left_out
    assert min(told.verdicts.values()) > NUMBER // 10


def test_both_back_ends_answer_alike() -> None:
    """Everything that is told of a packet, whether it was arranged or not."""
    for backend in Backend:
        if reason := unavailable(backend):
            pytest.skip(reason)
    rules, sets = RULES.format(**WORDS[4]), SETS.format(**WORDS[4])
    stage = Stage(("in0", "in1", "out0"), (), (("in0", 4, OWN[4], 24),))
    at = aim(4, rules + sets, stage.interfaces, (OWN[4],))
    shots = [Shot(packet, path) for packet, path in packets(random.Random(5), at, NUMBER)]
    answers = []
    for backend in Backend:
        with Kernel(stage, backend, workers=2) as kernel:
            kernel.load(4, rules, sets)
            answers.append(kernel.ask(shots))
    assert [pair for pair in zip(shots, *answers, strict=True) if pair[1] != pair[2]] == []


def test_a_plain_packet_is_a_plain_packet() -> None:
    """The aim is right: packets come from and go to what the rules name."""
    at = aim(4, RULES.format(**WORDS[4]), ("in0",), (OWN[4],))
    made = list(packets(random.Random(1), at, 200))
    assert {path for _, path in made} == {Path.POD_TO_POD, Path.POD_TO_NODE, Path.NODE_TO_POD}
    assert all(packet.source not in (0, OWN[4]) for packet, path in made if path is not Path.NODE_TO_POD)
    assert {80, 443, 8080} <= {packet.destination_port for packet, _ in made}
