"""Snapshots: directories and archives, what may be missing, and what is refused."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from verifier.model.effect import Verdict
from verifier.model.origin import InputError
from verifier.model.snapshot import Snapshot
from verifier.readers import bounds
from verifier.readers.snapshot import read_snapshot

NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
RULES = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
SETS = "create s hash:ip family inet hashsize 1024 maxelem 65536\nadd s 10.0.0.1\n"
WHOLE = {
    "cluster/nodes.yaml": NODE,
    "cluster/deep/er/pods.json": '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}',
    "cluster/more.yml": POD.replace("name: a", "name: b"),
    "nodes/n1/iptables-save": RULES,
    "nodes/n1/ip6tables-save": RULES,
    "nodes/n1/ipset-save": SETS,
    "nodes/n1/addresses.json": '[{"ifname": "lo"}]',
    "nodes/n1/routes.json": '[{"dst": "default", "dev": "eth0"}]',
    "nodes/n1/routes6.json": '[{"dst": "default", "dev": "eth1"}]',
}


def write(folder: Path, files: dict[str, str | bytes]) -> str:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(folder)


def pack(path: Path, files: dict[str, str | bytes], mode: str = "w:gz") -> str:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(path)


def summary(snapshot: Snapshot) -> object:
    [node] = snapshot.nodes
    pods = sorted(pod.name for pod in snapshot.cluster.pods)
    routes = [(route.family, route.interface) for route in node.routes or ()]
    return (
        pods,
        node.name,
        sorted(node.rulesets),
        sorted(node.sets or ()),
        node.interfaces,
        routes,
        node.missing,
        snapshot.inputs,
    )


def test_a_whole_snapshot(tmp_path: Path) -> None:
    """Cluster files in any depth and suffix, every node file, and the hash of each."""
    snapshot = read_snapshot(write(tmp_path, dict(WHOLE)))
    [node] = snapshot.nodes
    assert sorted(pod.name for pod in snapshot.cluster.pods) == ["a", "b"]
    assert (node.name, sorted(node.rulesets), sorted(node.sets or ())) == ("n1", [4, 6], ["s"])
    assert [(route.family, route.interface) for route in node.routes or ()] == [(4, "eth0"), (6, "eth1")]
    assert (node.interfaces, node.addresses, node.missing) == (("lo",), (), ())
    assert {file.path: file.sha256 for file in snapshot.inputs} == {
        name: hashlib.sha256(content.encode()).hexdigest() for name, content in WHOLE.items()
    }
    assert [file.path for file in snapshot.inputs] == sorted(WHOLE)
    assert snapshot.notes[-1] == "cluster/ has no Namespace object for default: no label but its name is known"


def test_origins_are_paths_as_the_user_would_type_them(tmp_path: Path) -> None:
    """Messages begin with the path given, a trailing slash or not."""
    path = write(tmp_path, dict(WHOLE))
    for given in (path, path + "/"):
        snapshot = read_snapshot(given)
        assert {pod.origin.path for pod in snapshot.cluster.pods} == {
            f"{path}/cluster/deep/er/pods.json",
            f"{path}/cluster/more.yml",
        }


@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize("prefix", ["", "./", "snapshot/", "./snapshot/"])
def test_an_archive_reads_like_its_directory(tmp_path: Path, mode: str, prefix: str) -> None:
    """With or without a folder around it; origins lead into the archive."""
    plain = read_snapshot(write(tmp_path / "dir", dict(WHOLE)))
    name = tmp_path / ("a.tar.gz" if mode == "w:gz" else "a.tar")
    packed = read_snapshot(pack(name, {prefix + name: text for name, text in WHOLE.items()}, mode))
    assert summary(packed) == summary(plain)
    assert packed.cluster.pods[0].origin.path == f"{name}/cluster/deep/er/pods.json"


def test_tgz_is_an_archive_too(tmp_path: Path) -> None:
    """The short suffix means the same."""
    assert len(read_snapshot(pack(tmp_path / "a.tgz", dict(WHOLE))).nodes) == 1


def test_every_part_of_a_node_may_be_missing(tmp_path: Path) -> None:
    """What is not there is None, not empty, and is named."""
    for name in [name for name in WHOLE if name.startswith("nodes/n1/")]:
        files = {other: text for other, text in WHOLE.items() if other != name}
        snapshot = read_snapshot(write(tmp_path / name.replace("/", "-"), dict(files)))
        [node] = snapshot.nodes
        file = name.rpartition("/")[2]
        assert node.missing == (file,)
        assert f"nodes/n1 lacks {file}" in snapshot.notes
        assert (4 in node.rulesets, 6 in node.rulesets) == (file != "iptables-save", file != "ip6tables-save")
        assert (node.sets is None) == (file == "ipset-save")
        assert (node.addresses is None, node.interfaces is None) == ((file == "addresses.json",) * 2)
        assert node.routes is not None


def test_nothing_but_a_node(tmp_path: Path) -> None:
    """A dump without cluster is read; a node folder without files is a node of which nothing is known."""
    snapshot = read_snapshot(write(tmp_path / "a", {"nodes/x/iptables-save": RULES}))
    assert "cluster/ is missing: no pods, namespaces or policies were read" in snapshot.notes
    (tmp_path / "b" / "nodes" / "x").mkdir(parents=True)
    [node] = read_snapshot(str(tmp_path / "b")).nodes
    assert (dict(node.rulesets), node.sets, node.addresses, node.interfaces, node.routes) == (
        {},
        None,
        None,
        None,
        None,
    )
    assert len(node.missing) == 6


def test_nothing_but_a_cluster(tmp_path: Path) -> None:
    """Policies without a node are read, and what is missing is said."""
    snapshot = read_snapshot(write(tmp_path, {"cluster/a.yaml": POD}))
    assert snapshot.nodes == ()
    assert "nodes/ is missing: no node's rules were read" in snapshot.notes


@pytest.mark.parametrize("family", [4, 6])
def test_an_empty_dump_is_a_missing_one(tmp_path: Path, family: int) -> None:
    """Nothing printed may be a failed command: never an accepting firewall, and told once."""
    name = {4: "iptables-save", 6: "ip6tables-save"}[family]
    snapshot = read_snapshot(write(tmp_path, {**WHOLE, f"nodes/n1/{name}": "\n"}))
    [node] = snapshot.nodes
    assert (family in node.rulesets, node.missing) == (False, (name,))
    assert [note for note in snapshot.notes if name in note] == [
        f"nodes/n1/{name} is empty, so nothing is known about IPv{family} there"
    ]
    assert f"nodes/n1/{name}" in {file.path for file in snapshot.inputs}


@pytest.mark.parametrize("name", ["addresses.json", "routes.json", "routes6.json"])
def test_an_empty_output_of_ip_is_a_missing_one(tmp_path: Path, name: str) -> None:
    """A node without addresses or routes prints an empty list, a failed command nothing."""
    snapshot = read_snapshot(write(tmp_path, {**WHOLE, f"nodes/n1/{name}": ""}))
    assert snapshot.nodes[0].missing == (name,)
    [note] = [note for note in snapshot.notes if name in note]
    assert note.startswith(f"nodes/n1/{name} is empty: `ip -j")


def test_an_empty_ipset_save_is_no_sets(tmp_path: Path) -> None:
    """`ipset save` without sets prints nothing."""
    snapshot = read_snapshot(write(tmp_path, {**WHOLE, "nodes/n1/ipset-save": ""}))
    assert snapshot.nodes[0].sets == {}
    assert not [note for note in snapshot.notes if "ipset-save" in note]


@pytest.mark.parametrize(("end", "noted"), [("", True), ("\n", False), ("\r\n", False), ("\n\n", False)])
def test_sets_without_a_last_line_end_may_be_cut_off(tmp_path: Path, end: str, noted: bool) -> None:
    """A cut member may look like another one; an editor may have taken the line end too, so it is a note."""
    snapshot = read_snapshot(write(tmp_path, {**WHOLE, "nodes/n1/ipset-save": SETS.strip() + end}))
    assert ("nodes/n1/ipset-save does not end with a line end: it may be cut off" in snapshot.notes) == noted
    assert snapshot.nodes[0].sets is not None


def test_tables_that_no_packet_meets_are_noted(tmp_path: Path) -> None:
    """A table that the kernel does not have, and the filter table that is not there."""
    notes = read_snapshot(write(tmp_path, {**WHOLE, "nodes/n1/iptables-save": "*foo\n:A - [0:0]\nCOMMIT\n"})).notes
    place = "nodes/n1/iptables-save has"
    assert f"{place} a table foo, which the kernel does not have: no packet meets its rules" in notes
    assert f"{place} no filter table: nothing is filtered there" in notes


def test_files_of_other_kinds_are_read_past(tmp_path: Path) -> None:
    """Hidden files silently, other files in cluster/ with a note, files elsewhere silently."""
    files = {
        "cluster/README": "x",
        "cluster/.swp.yaml": "\0",
        "README.txt": "x",
        "nodes/n1/iptables-list": "x",
        "nodes/.x/y": "z",
    }
    snapshot = read_snapshot(write(tmp_path, {**WHOLE, **files}))
    assert "cluster/README was not read: its name ends neither in .yaml, .yml nor .json" in snapshot.notes
    assert len(snapshot.inputs) == len(WHOLE)


def test_ignored_kinds_are_noted(tmp_path: Path) -> None:
    """Every kind that was read past is listed with its number."""
    text = "{apiVersion: v1, kind: Secret}\n---\n{apiVersion: v1, kind: Secret}\n"
    assert "cluster/ has 2 Secret, not read" in read_snapshot(write(tmp_path, {"cluster/a.yaml": text})).notes


def refused(path: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_snapshot(path)
    assert caught.value.remedy
    return caught.value


def test_no_snapshot_there(tmp_path: Path) -> None:
    """A path that is not there, a file that is no archive, an empty directory, a path that cannot be one."""
    assert "No such file" in refused(str(tmp_path / "none")).problem
    assert "null" in refused("a\0b").problem
    (tmp_path / "file").write_text("x")
    assert "neither a directory nor a .tar.gz" in refused(str(tmp_path / "file")).problem
    for name in ("empty", "half/cluster", "half2/nodes"):
        (tmp_path / name).mkdir(parents=True)
        assert "empty snapshot" in refused(str(tmp_path / name.split("/", maxsplit=1)[0])).problem
    assert "empty snapshot" in refused(pack(tmp_path / "empty.tgz", {})).problem
    assert "empty snapshot" in refused(write(tmp_path / "other", {"README": "x"})).problem


def test_a_dump_of_another_node(tmp_path: Path) -> None:
    """A node folder that no Node object is called like is refused; without Node objects nobody can tell."""
    files = {**WHOLE, "nodes/n2/iptables-save": RULES}
    error = refused(write(tmp_path / "a", dict(files)))
    assert error.problem == "a dump of another node than the cluster knows: 'n2' is none of n1"
    assert error.origin.path == f"{tmp_path}/a/nodes/n2"
    del files["cluster/nodes.yaml"]
    assert [node.name for node in read_snapshot(write(tmp_path / "b", dict(files))).nodes] == ["n1", "n2"]


CONTENTS: list[tuple[str, bytes, str, int]] = [
    ("cluster/a.yaml", b"kind: Pod\nname: \0x", "a binary file", 2),
    ("cluster/a.yaml", b"\x1f\x8b\x08\x00\x00", "a binary file", 1),
    ("cluster/a.yaml", "kind: Pod".encode("utf-16"), "UTF-16 text", 0),
    ("cluster/a.yaml", b"kind: Pod\nname: \xff", "not UTF-8 text", 2),
    ("nodes/n1/iptables-save", b"*filter\n\xc3\x28\nCOMMIT\n", "not UTF-8 text", 2),
    ("nodes/n1/ipset-save", b"\0", "a binary file", 1),
    ("nodes/n1/addresses.json", b"[{\0}]", "a binary file", 1),
    ("cluster/a.yaml", b"kind: Pod\n" + b"x" * (2 * bounds.MAX_LINE + 1), "a line of more than 4 MiB", 2),
    ("nodes/n1/iptables-save", b"*filter\n-A " + b"x" * (2 * bounds.MAX_LINE + 1), "a line of more than 4 MiB", 2),
    ("cluster/a.yaml", b"- 1\n", "expected a mapping", 1),
    ("cluster/a.yaml", b"a: [", "not YAML", 1),
    ("nodes/n1/routes.json", b"[", "not JSON", 1),
]


@pytest.mark.parametrize(("name", "content", "problem", "line"), CONTENTS)
def test_contents_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, problem: str, line: int) -> None:
    """Every file is checked alike, in a directory and in an archive, and the error has its path and line."""
    for path in (write(tmp_path / "d", {name: content}), pack(tmp_path / "a.tgz", {name: content})):
        error = refused(path)
        assert problem in error.problem
        assert (error.origin.path, error.origin.line) == (f"{path}/{name}", line)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """UTF-8 as Windows writes it is UTF-8."""
    assert len(read_snapshot(write(tmp_path, {"cluster/a.yaml": b"\xef\xbb\xbf" + POD.encode()})).cluster.pods) == 1


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A line of 200 MB does not cost its memory."""
    path = write(tmp_path, {"cluster/a.yaml": POD})
    with (tmp_path / "cluster" / "b.yaml").open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    error = refused(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert "190 MiB, more than the 128 MiB" in error.problem
    assert "split it" in error.remedy


def test_a_huge_dump_cannot_be_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its bytes or by its lines: the remedy looks for what made it so large."""
    path = write(tmp_path, dict(WHOLE))
    monkeypatch.setattr(bounds, "MAX_RULE_LINES", 4)
    by_lines = refused(path)
    assert by_lines.problem == "5 lines, more than the 4 that are read of a dump"
    monkeypatch.setattr(bounds, "MAX_RULE_LINES", 5)
    read_snapshot(path)
    with (tmp_path / "nodes" / "n1" / "iptables-save").open("wb") as file:
        file.truncate(200_000_000)
    by_bytes = refused(path)
    for error in (by_lines, by_bytes):
        assert error.origin.path == f"{path}/nodes/n1/iptables-save"
        assert "a dump must stay whole" in error.remedy


def attack_bomb(levels: int = 30) -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    return "\n".join(rows + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)])


ATTACKS: list[tuple[str, Callable[[], str], str]] = [
    ("cluster/a.yaml", attack_bomb, "aliases stand for more than"),
    ("cluster/a.yaml", lambda: "a: " + "[" * 1_000_000, "nested more than"),
    ("cluster/a.yaml", lambda: "a: " + "{a: " * 1_000_000, "nested more than"),
    ("cluster/a.yaml", lambda: "- " * 1_000_000, "nested more than"),
    ("cluster/a.yaml", lambda: "".join(f"{' ' * n}a:\n" for n in range(2000)), "nested more than"),
    ("cluster/a.json", lambda: "[" * 1_000_000, "nested more than"),
    ("cluster/a.json", lambda: '{"a":' * 1_000_000, "nested more than"),
    ("nodes/n1/routes.json", lambda: "[" * 1_000_000, "nested more than"),
    ("cluster/a.json", lambda: '{"a": ' + "9" * 1_000_000 + "}", "not JSON that can be read"),
    ("cluster/a.yaml", lambda: "a: " + "9" * 3_000_000, "expected the kind"),
    ("cluster/a.yaml", lambda: "a: x" + " x" * 1_500_000, "expected the kind"),
    ("cluster/a.yaml", lambda: "a: '" + "''" * 1_500_000 + "'", "expected the kind"),
    ("cluster/a.yaml", lambda: "a: " + "x" * 60_000 + ":\n", "not YAML"),
]


@pytest.mark.parametrize(("name", "content", "problem"), ATTACKS)
def test_bombs_are_one_error(tmp_path: Path, name: str, content: Callable[[], str], problem: str) -> None:
    """Aliases that explode, deep nesting and endless tokens end in one error, in little memory."""
    path = write(tmp_path, {name: content()})
    tracemalloc.start()
    error = refused(path)
    assert tracemalloc.get_traced_memory()[1] < 150_000_000
    tracemalloc.stop()
    assert problem in error.problem


def test_unreadable_places(tmp_path: Path) -> None:
    """A pipe, and folders that lead back to themselves."""
    path = write(tmp_path / "a", {"cluster/a.yaml": POD})
    os.mkfifo(tmp_path / "a" / "cluster" / "b.yaml")
    assert "not a regular file" in refused(path).problem
    path = write(tmp_path / "b", {"cluster/a.yaml": POD})
    (tmp_path / "b" / "cluster" / "loop").symlink_to(tmp_path / "b" / "cluster")
    assert "folders within folders" in refused(path).problem
    path = write(tmp_path / "c", {"cluster/a.yaml": POD})
    (tmp_path / "c" / "cluster" / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert "cannot be read: No such file" in refused(path).problem


@pytest.mark.parametrize("name", ["../cluster/a.yaml", "/cluster/a.yaml", "cluster/../../a.yaml"])
def test_an_archive_that_leads_out_of_itself(tmp_path: Path, name: str) -> None:
    """Absolute and upward paths are refused, wherever they would lead."""
    assert "leads out of it" in refused(pack(tmp_path / "a.tgz", {name: POD})).problem


def test_links_in_an_archive_are_no_files(tmp_path: Path) -> None:
    """A link is never followed: what it stands for is missing."""
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo(f"cluster/{kind.decode()}.yaml")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    error = refused(str(path))
    assert error.problem.endswith("holds a file, only links")
    assert "tar -czhf" in error.remedy


@pytest.mark.parametrize("prefix", ["", "./snapshot/"])
def test_links_in_an_archive_are_noted(tmp_path: Path, prefix: str) -> None:
    """Links where a snapshot has its files are named, the first few of them; hidden ones and others are not."""
    path = tmp_path / "a.tar"
    pack(path, {prefix + name: text for name, text in WHOLE.items()}, "w")
    with tarfile.open(path, "a") as archive:
        for name in [*(f"cluster/{n}.yaml" for n in range(6)), "nodes/n2", "README", "cluster/.hidden"]:
            member = tarfile.TarInfo(prefix + name)
            member.type, member.linkname = tarfile.SYMTYPE, "elsewhere"
            archive.addfile(member)
    [note] = [note for note in read_snapshot(str(path)).notes if "links" in note]
    assert note.endswith(f": {', '.join(f'cluster/{n}.yaml' for n in range(5))} and 2 more")


def test_damaged_archives(tmp_path: Path) -> None:
    """No archive at all, and every way of cutting one short."""
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"not an archive")
    assert "not an archive" in refused(str(path)).problem
    whole = Path(pack(tmp_path / "b.tgz", dict(WHOLE))).read_bytes()
    for length in range(0, len(whole) - 12, max(1, len(whole) // 25)):
        path.write_bytes(whole[:length])
        error = refused(str(path))
        assert "not an archive" in error.problem or "empty snapshot" in error.problem
    plain = Path(pack(tmp_path / "c.tar", dict(WHOLE), "w")).read_bytes().rstrip(b"\0")
    for length in range(512, len(plain) + 512, 512):
        (tmp_path / "d.tar").write_bytes(plain[:length])
        assert "not an archive" in refused(str(tmp_path / "d.tar")).problem
    for position in range(12, len(whole), max(1, len(whole) // 25)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            read_snapshot(str(path))
        except InputError as error:
            assert error.remedy


def test_an_archive_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds of files hold inside an archive, before a member is read."""
    monkeypatch.setattr(bounds, "MAX_FILE", 1000)
    monkeypatch.setattr(bounds, "MAX_TOTAL", 3000)
    assert "more than is read" in refused(pack(tmp_path / "a.tgz", {"cluster/a.yaml": "#" * 1001})).problem
    files: dict[str, str | bytes] = {f"cluster/{n}.yaml": "#" * 900 for n in range(4)}
    assert "more than is read" in refused(pack(tmp_path / "b.tgz", files)).problem
    monkeypatch.setattr(bounds, "MAX_FILES", 3)
    assert "more than 3 files" in refused(write(tmp_path / "c", files)).problem


def test_every_recording_reads() -> None:
    """All recorded snapshots read without an error; each has one node, its rules, and every file hashed."""
    for folder in sorted(corpus().glob("*/*")):
        if not (folder / "cluster").is_dir() or "scale" in folder.name:
            continue
        snapshot = read_snapshot(str(folder))
        [node] = snapshot.nodes
        assert 4 in node.rulesets, folder
        assert node.sets, folder
        assert snapshot.cluster.tiers[0].policies, folder
        assert all((folder / file.path).is_file() for file in snapshot.inputs)


def test_an_empty_dump_leaves_room_for_a_listing(tmp_path: Path) -> None:
    """A listing is read where the dump is missing or empty (LST-8), and is said to be one; a dump beside it counts."""
    heads = "\n".join(
        f"Chain {name} (policy DROP)\ntarget     prot opt source               destination\n"
        for name in ("INPUT", "FORWARD", "OUTPUT")
    )
    place = "nodes/n1/iptables-"
    for dump in ({f"{place}save": "\n"}, {}):
        files = {name: text for name, text in WHOLE.items() if name != f"{place}save"}
        snapshot = read_snapshot(write(tmp_path / str(len(dump)), {**files, **dump, f"{place}list": heads}))
        assert snapshot.nodes[0].rulesets[4].chains["filter", "FORWARD"].policy is Verdict.DROP
        assert any("iptables-list is a listing" in note for note in snapshot.notes)
        assert "iptables-save" not in snapshot.nodes[0].missing
    snapshot = read_snapshot(write(tmp_path / "both", {**WHOLE, f"{place}list": heads}))
    assert snapshot.nodes[0].rulesets[4].chains["filter", "FORWARD"].policy is Verdict.ACCEPT
