"""The runner of executable pages sees what a page says, and fails where the page is wrong."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests import literate
from tests.literate import Section, sections
from tests.pages import answer, console, golden
from tests.pages.lines import parse_line
from tests.pages.world import expand_cluster, whole_dump
from verifier.model.cluster import Cluster
from verifier.model.fields import ConnState

PAGE = """\
    # Page

    ```cluster
    pod a/x 10.0.0.1
    ```

    ```iptables-save
    -A FORWARD -j DROP
    ```

    ## NP-1 First

    ```packets
    drop forward tcp 10.0.0.1 -> 10.0.0.2
    ```

    ### Deeper

    ```iptables-save
    -A FORWARD -j ACCEPT
    ```
    ```iptables-save
    -A INPUT -j DROP
    ```
    ```packets
    accept forward tcp 10.0.0.1 -> 10.0.0.2
    ```

    ## Second

    ````text
    ```packets
    this is prose
    ```
    ````
"""


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Section]:
    monkeypatch.setattr(literate, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(textwrap.dedent(PAGE))
    return {section.title: section for section in sections(page)}


def test_sections_know_their_clause(found: dict[str, Section]) -> None:
    """Everything below a clause's heading belongs to the clause, the next heading of its level does not."""
    assert found["NP-1 First"].clauses == ("NP-1",)
    assert found["Deeper"].clauses == ("NP-1",)
    assert found["Second"].clauses == ()


def test_worlds_are_inherited_replaced_and_added_up(found: dict[str, Section]) -> None:
    """An inner block replaces an outer one of its kind; blocks of one kind in one section are joined."""
    outer, inner = found["NP-1 First"].world(), found["Deeper"].world()
    assert outer["iptables-save", "node-a"] == "-A FORWARD -j DROP\n"
    assert inner["iptables-save", "node-a"].split("\n") == ["-A FORWARD -j ACCEPT", "", "-A INPUT -j DROP", ""]
    assert inner["cluster", ""] == outer["cluster", ""] == "pod a/x 10.0.0.1\n"


def test_a_fence_may_hold_fences(found: dict[str, Section]) -> None:
    """Blocks within a longer fence are prose."""
    assert found["Second"].asserting() == ()
    assert found["Second"].name == "page.md:Second"


def test_rules_alone_become_a_whole_dump() -> None:
    """Chains are declared, policies set, rules kept; a dump with tables is left alone."""
    text = whole_dump("-P FORWARD DROP\n-N spare\n-A FORWARD -j mine\n-A mine -j ACCEPT\n")
    assert text.splitlines() == [
        "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":spare - [0:0]",
        ":mine - [0:0]", "-A FORWARD -j mine", "-A mine -j ACCEPT", "COMMIT",
    ]  # fmt: skip
    assert whole_dump("*raw\nCOMMIT\n") == "*raw\nCOMMIT\n"


def test_a_cluster_in_short() -> None:
    """Namespaces and nodes that only pods name exist; a pod has its labels, addresses, ports and phase."""
    items = expand_cluster("pod shop/web 10.0.0.2 fd00::2 app=web,tier=x on=node-b port=http:tcp/80 phase=Failed\n")
    by_kind = {str(item["kind"]): item for item in items}
    assert by_kind["Namespace"]["metadata"] == {"name": "shop", "labels": {}}
    assert [item["metadata"]["name"] for item in items if item["kind"] == "Node"] == ["node-a", "node-b"]
    pod = by_kind["Pod"]
    assert pod["metadata"]["labels"] == {"app": "web", "tier": "x"}
    assert pod["status"]["podIPs"] == [{"ip": "10.0.0.2"}, {"ip": "fd00::2"}]
    assert pod["status"]["phase"] == "Failed"
    assert pod["spec"]["containers"][0]["ports"] == [{"name": "http", "protocol": "TCP", "containerPort": 80}]


def test_a_packet_line() -> None:
    """Every part of a line reaches the packet."""
    line = parse_line(
        "accept forward tcp [fd00::1]:1000 -> fd00::2 in=a out=b state=RELATED mark=0x3 mark=>0x4 flags=SYN,ACK"
    )
    packet = line.packet(Cluster())
    assert line.words == ("accept", "forward")
    assert (packet.family, packet.source_port, packet.destination_port) == (6, 1000, 80)
    assert (packet.in_interface, packet.out_interface, packet.mark, line.final_mark) == ("a", "b", 3, 4)
    assert (packet.state, packet.tcp_flags) == (ConnState.RELATED, 18)


def test_a_packet_line_without_ports() -> None:
    """A protocol without ports has none, ICMP is an echo request unless the line says otherwise."""
    assert parse_line("drop input icmp 10.0.0.1 -> 10.0.0.2").packet(Cluster(), "input").icmp == 8 << 8
    packet = parse_line("drop input icmp 10.0.0.1 -> 10.0.0.2 icmp=3/4").packet(Cluster(), "input")
    assert (packet.icmp, packet.source_port, packet.out_interface) == (3 * 256 + 4, 0, "")


@pytest.mark.parametrize("line", ["accept forward", "accept tcp 10.0.0.1 10.0.0.2", "a b tcp 1.1.1.1 -> 2.2.2.2 x"])
def test_a_line_outside_the_grammar_is_refused(line: str) -> None:
    """A slip in a page is an error, not a case that passes."""
    with pytest.raises(ValueError, match="expected"):
        parse_line(line)


FINDING = {
    "kind": "leak", "path": "remote-to-pod", "family": 4, "cause": "a hole in the block", "policies": [], "rules": [],
    "region": [
        {
            "source": ["10.1.0.0/16"], "destination": ["10.0.0.2/32"], "protocol": "tcp", "source_ports": [[0, 65535]],
            "destination_ports": [[80, 81]], "state": ["NEW"],
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "matches"),
    [
        ("leak remote-to-pod tcp 10.1.2.3 -> 10.0.0.2:81", True),
        ("leak remote-to-pod tcp 10.1.2.3 -> 10.0.0.2", True),
        ("leak", True),
        ("blocked remote-to-pod", False),
        ("leak pod-to-pod", False),
        ("leak remote-to-pod tcp 10.2.2.3 -> 10.0.0.2:81", False),
        ("leak remote-to-pod tcp 10.1.2.3 -> 10.0.0.3:81", False),
        ("leak remote-to-pod tcp 10.1.2.3 -> 10.0.0.2:82", False),
        ("leak remote-to-pod udp 10.1.2.3 -> 10.0.0.2:81", False),
        ("leak remote-to-pod tcp 10.1.2.3 -> 10.0.0.2:81 state=ESTABLISHED", False),
    ],
)
def test_findings_are_told_apart(line: str, matches: bool) -> None:
    """A line about a finding holds for its kind, path and region only."""
    (expected,) = answer.expectations([line])
    assert answer.matches(expected, FINDING, Cluster()) is matches


def test_texts_belong_to_the_finding_above() -> None:
    """`cause contains` narrows the line before it."""
    right, wrong = answer.expectations(["leak", 'cause contains "hole"', "leak", 'cause contains "mountain"'])
    assert answer.matches(right, FINDING, Cluster())
    assert not answer.matches(wrong, FINDING, Cluster())


def _block(text: str) -> list[console.Command]:
    return console.commands(literate.Block("console", "", text, 10))


def test_a_story_keeps_its_shell(tmp_path: Path) -> None:
    """Commands share variables, folder and exit status; each has its own output and exit code."""
    story = _block("$ X=1; mkdir d && cd d\n$ echo $X; pwd\n$ false # exit 1\n$ echo $?\n")
    results = console.play(story, tmp_path)
    assert [code for code, _ in results] == [command.code for command in story] == [0, 0, 1, 0]
    assert results[1][1] == f"1\n{tmp_path}/d\n"
    assert results[3][1] == "1\n"


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a\n...\nd", "a\nd\n", True),
        ("proved in ... s", "proved in 0.3 s\n", True),
        ("a", "a\nb\n", False),
        ("a\n...", "b\n", False),
        ("proved in ... s", "refuted in 0.3 s\n", False),
    ],
)
def test_shown_output(shown: str, printed: str, same: bool) -> None:
    """Output is what is shown, with ellipses for what may vary."""
    assert console.matches(tuple(shown.splitlines()), printed) is same


def test_installing_and_testing_are_not_run_again() -> None:
    """The README's commands that would run these tests are left out; the others are run."""
    run = [
        command.text for command in _block("$ make test\n$ pip install .\n$ make example\n") if console.is_run(command)
    ]
    assert run == ["make example"]


def test_golden_outputs_are_written(tmp_path: Path) -> None:
    """What no longer holds is replaced in place, what holds keeps its ellipses."""
    page = tmp_path / "page.md"
    page.write_text("# P\n\n```console\n$ one\nold\nlines\n$ two\n...\n```\nend\n")
    (block,) = [block for section in sections(page) for block in section.blocks]
    golden.rewrite(page, console.commands(block), [(0, "new\n"), (0, "anything\n")])
    assert page.read_text() == "# P\n\n```console\n$ one\nnew\n$ two\n...\n```\nend\n"
