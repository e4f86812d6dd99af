"""Recorded nodes, loaded into a kernel and listed by the real tools, are the recorded dumps word for word.

Skipped where there is no right to make a network namespace, or no iptables and ipset.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from tests.pages.answer import run
from verifier.model.ipset import IpSet
from verifier.model.ruleset import Ruleset
from verifier.readers.ipset_list import read_set_listing
from verifier.readers.ipset_save import read_sets
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.listing import read_listing

TOOLS = ("unshare", "ipset", "iptables-nft-restore", "iptables-legacy-restore", "ip6tables-nft-restore")
SCRIPT = """
set -e
ipset restore < ipset-save
for family in iptables ip6tables; do
  if test -s $family-save; then
    $family-$1-restore --counters < $family-save
    for table in raw mangle nat filter; do $family-$1 -t $table -nvxL; done > $family-list
  fi
done
ipset list > ipset-list
"""
RECORDINGS = (
    ("legacy", "calico", "shop-tiers"),
    ("legacy", "calico", "features-dual"),
    ("nft", "kube-router", "features-dual"),
    ("nft", "weave", "shop"),
    ("nft", "azure", "shop"),
    ("legacy", "calico", "shop-services"),
    ("nft", "kube-router", "shop-services"),
)


def listed(folder: Path, back_end: str, recording: tuple[str, ...]) -> Path:
    """The node's dumps and listings, without rules that need what few kernels have (nfacct)."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no right to make a network namespace")
    node = corpus(*recording, "nodes", "node-a")
    for name in ("iptables-save", "ip6tables-save", "ipset-save"):
        if (node / name).exists():
            lines = (node / name).read_text("utf-8").splitlines(keepends=True)
            (folder / name).write_text("".join(line for line in lines if "nfacct" not in line), "utf-8")
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", SCRIPT, "sh", back_end], cwd=folder, check=False, capture_output=True, text=True,
        env=os.environ | {"XTABLES_LOCKFILE": str(folder / "lock")},
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"the rules cannot be loaded here: {done.stderr.strip()}")
    return folder


def rules(found: Ruleset) -> object:
    return {
        key: (chain.policy, [(rule.text, rule.match, rule.effect, rule.comments) for rule in chain.rules])
        for key, chain in found.chains.items()
        if chain.rules or chain.policy is None
    }


def members(sets: dict[str, IpSet]) -> object:
    return {
        name: (each.content.opaque, each.content.lists, sorted(member.text for member in each.content.members))
        for name, each in sets.items()
    }


@pytest.mark.parametrize("recording", RECORDINGS, ids="/".join)
def test_a_listing_is_the_dump(recording: tuple[str, str, str], tmp_path: Path) -> None:
    """Every rule of every table and every member of every set, of both families."""
    folder = listed(tmp_path, recording[0], recording[1:])
    for family, tool in ((4, "iptables"), (6, "ip6tables")):
        if (folder / f"{tool}-list").exists():
            before = read_ruleset((folder / f"{tool}-save").read_text("utf-8"), "save", family)
            after = read_listing((folder / f"{tool}-list").read_text("utf-8"), "list", family)
            assert rules(after) == rules(before)
    before_sets = read_sets((folder / "ipset-save").read_text("utf-8"), "save")
    assert members(read_set_listing((folder / "ipset-list").read_text("utf-8"), "list")) == members(before_sets)


@pytest.mark.parametrize("recording", RECORDINGS[2:5], ids="/".join)
def test_a_listed_node_has_the_answers_of_the_dump(recording: tuple[str, str, str], tmp_path: Path) -> None:
    """`verify` says the same of the listing and of the dump, notes aside."""
    node = tmp_path / "snapshot" / "nodes" / "node-a"
    shutil.copytree(corpus(*recording[1:]), tmp_path / "snapshot")
    for path in (tmp_path / "snapshot").rglob("*"):
        path.chmod(0o755)
    before = run("verify", str(tmp_path / "snapshot"))
    (tmp_path / "lists").mkdir()
    made = listed(tmp_path / "lists", recording[0], recording[1:])
    for name in ("iptables", "ip6tables", "ipset"):
        (node / f"{name}-save").unlink(missing_ok=True)
        if (made / f"{name}-list").exists():
            shutil.copy(made / f"{name}-list", node / f"{name}-list")
    after = run("verify", str(tmp_path / "snapshot"))
    assert after.code == before.code
    assert after.output.partition("\nnotes")[0] == before.output.partition("\nnotes")[0]
