"""Regions in the user's vocabulary mean exactly the packets that they replace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reports import sample
from tests.unit.reports.sample import address
from verifier.model.addresses import subtract
from verifier.model.cluster import Cluster
from verifier.model.fields import ConnState, End
from verifier.model.path import Path
from verifier.model.predicate import Range
from verifier.reports.selectors import pods_text
from verifier.reports.words import Inventory, Place, Words, icmp_text, ports_text

WORDS = Words(Inventory(sample.CLUSTER), Place("node-a", ((4, sample.NODE_ADDRESS),)))
LOCAL = [pod for pod in sample.PODS if pod.node == "node-a"]


def names(*wanted: str) -> str:
    chosen = [pod for pod in LOCAL if pod.full_name in wanted]
    assert len(chosen) == len(wanted)
    return pods_text(chosen, LOCAL, sample.CLUSTER.namespaces)


def test_one_pod_is_named() -> None:
    assert names("shop/web-0") == "shop/web-0"


def test_a_label_is_used_where_it_is_exact() -> None:
    assert names("shop/api-0", "shop/api-1") == "pods app=api of shop"


def test_a_label_that_only_some_have_is_not_used() -> None:
    """The selector must select all of the chosen pods, not only some."""
    pods = [sample.pod("a", "1", 1, app="x"), sample.pod("a", "2", 2, app="x"), sample.pod("a", "3", 3, app="x")]
    assert pods_text(pods[:2], pods, {}) == "a/1, a/2"


def test_a_label_is_not_used_where_another_pod_has_it() -> None:
    assert names("shop/api-0", "shop/web-0") == "shop/api-0, shop/web-0"


def test_a_namespace_is_used_where_all_its_pods_are_meant() -> None:
    assert names("shop/api-0", "shop/api-1", "shop/web-0") == "every pod of shop"


def test_everybody_is_everybody() -> None:
    assert names(*(pod.full_name for pod in LOCAL)) == "all 4 pods"


def test_parts_of_namespaces_are_described_one_by_one() -> None:
    assert names("shop/api-0", "shop/api-1", "dev/probe") == "dev/probe, pods app=api of shop"


def test_two_labels_together() -> None:
    pods = [
        sample.pod("a", "1", 1, app="x", tier="1"),
        sample.pod("a", "2", 2, app="x", tier="1"),
        sample.pod("a", "3", 3, app="x", tier="2"),
        sample.pod("a", "4", 4, app="y", tier="1"),
    ]
    assert pods_text(pods[:2], pods, {}) == "pods app=x,tier=1 of a"


def test_labels_that_controllers_write_are_not_used() -> None:
    pods = [sample.pod("a", f"{n}", n, **{"pod-template-hash": "x" if n < 3 else "y"}) for n in range(1, 4)]
    assert pods_text(pods[:2], pods, {}) == "a/1, a/2"


def test_many_names_are_counted() -> None:
    pods = [sample.pod("a", f"{n}", n) for n in range(1, 9)]
    assert pods_text(pods[:7], pods, {}) == "a/1, a/2, a/3 and 4 more"


def test_every_remote_address_is_said_in_words() -> None:
    assert WORDS.end(sample.REMOTE, sample.LEAK, End.SOURCE) == "any remote address"


def test_local_pods_are_not_remote() -> None:
    """A region without the node's own pods still is every remote address."""
    local = [(address(n), address(n)) for n in range(1, 5)]
    assert WORDS.end(subtract(sample.REMOTE, local), sample.LEAK, End.SOURCE) == "any remote address"


def test_all_but_a_network() -> None:
    ranges = subtract(sample.REMOTE, [(0xC0A80000, 0xC0A8FFFF)])
    assert WORDS.end(ranges, sample.LEAK, End.SOURCE) == "any remote address except 192.168.0.0/16"


def test_all_but_a_remote_pod() -> None:
    ranges = subtract(sample.REMOTE, [(address(260), address(260))])
    assert WORDS.end(ranges, sample.LEAK, End.SOURCE) == "any remote address except shop/web-1"


def test_pods_and_networks_side_by_side() -> None:
    ranges = ((0x0A000000, 0x0A0000FF), (address(260), address(261)))
    assert WORDS.end(ranges, sample.LEAK, End.SOURCE) == "all 2 pods, 10.0.0.0/24"


def test_a_network_with_a_pod_in_it_is_a_network() -> None:
    ranges = ((0x0AF40200, 0x0AF402FF),)
    assert WORDS.end(ranges, sample.LEAK, End.SOURCE) == "10.244.2.0/24"


def test_pods_count_as_one_thing_when_the_shorter_description_is_chosen() -> None:
    pods = [sample.pod("a", f"p{n}", 300 + 2 * n, node="node-b", app="x") for n in range(100)]
    words = Words(Inventory(replace(sample.CLUSTER, pods=(*sample.PODS, *pods))), Place("node-a", ()))
    ranges = tuple((address(300 + 2 * n), address(300 + 2 * n)) for n in range(100))
    assert words.end(ranges, sample.LEAK, End.SOURCE) == "every pod of a"


def test_long_lists_of_networks_are_counted() -> None:
    ranges = tuple((n * 4, n * 4) for n in range(1, 10))
    assert WORDS.end(ranges, sample.LEAK, End.SOURCE).endswith("and 5 more networks")


def test_the_node_is_called_so() -> None:
    finding = replace(sample.LEAK, path=Path.NODE_TO_POD)
    assert WORDS.end(((sample.NODE_ADDRESS, sample.NODE_ADDRESS),), finding, End.SOURCE) == "the node"


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        (((0, 65535),), ""),
        (((80, 80), (443, 445)), "80, 443-445"),
        (((0, 79), (81, 65535)), "except 80"),
        (((0, 79),), "0-79"),
    ],
)
def test_ports(ranges: tuple[Range, ...], text: str) -> None:
    assert ports_text(ranges) == text


def test_icmp_types() -> None:
    assert icmp_text(0x800, 0x800) == "type 8 code 0"
    assert icmp_text(0x800, 0x8FF) == "type 8"
    assert icmp_text(0x801, 0xA00) == "type 8 code 1 to type 10 code 0"


def test_a_box_says_what_it_narrows_and_nothing_else() -> None:
    box = replace(sample.BOX, states=(ConnState.ESTABLISHED, ConnState.RELATED), out_interfaces=("cali1",))
    text = WORDS.box(box, sample.LEAK)
    assert text == "any remote address -> pods app=api of shop: tcp except 8080, ESTABLISHED RELATED, out cali1"


def test_most_protocols_are_told_by_the_others() -> None:
    box = replace(sample.BOX, protocols=tuple(n for n in range(256) if n not in (6, 17, 132)))
    assert "every protocol except tcp/udp/sctp" in WORDS.box(box, sample.LEAK)


def test_finished_pods_own_no_address() -> None:
    done = replace(sample.PODS[0], phase="Succeeded")
    assert Inventory(Cluster(pods=(done,))).name(4, address(1)) == ""
