"""Rules in the words of iptables-save: nothing that a kernel's tools print is refused, and all is printed back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from verifier.matches import MATCHES
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.rule import read_rule, spell_rule
from verifier.readers.words import split_words
from verifier.targets import TARGETS

LINES = (Path(__file__).parent / "saved_rules.txt").read_text("utf-8").splitlines()[1:]
RECORDED = [(int(line[0]), line[2:]) for line in LINES]
CHAINS = frozenset({"uch"})
RECORDER = "v1.8.9"
"""The release of iptables that printed them: others print some in other words."""
NOT_RECORDED = {"udplite", "ipvs", "nfacct", "rateest"}, {"CLUSTERIP", "CONNSECMARK", "LED", "SECMARK", "ULOG"}
"""Matches and targets that the recording machine's kernel lacks."""


def test_every_recorded_rule_prints_back() -> None:
    """Word for word, whatever the extension."""
    for family, text in RECORDED:
        words = split_words(text)
        assert spell_rule(words[1], read_rule(words[2:], family, CHAINS)) == text


@pytest.mark.parametrize("family", [4, 6])
def test_a_dump_of_them_is_read_whole(family: int) -> None:
    """No rule is refused, and each has its wording."""
    texts = [text for known, text in RECORDED if known == family]
    chains = dict.fromkeys(text.split()[1] for text in texts)
    dump = ["*mangle", *(f":{name} ACCEPT [0:0]" for name in chains), ":uch - [0:0]", *texts, "COMMIT", ""]
    ruleset = read_ruleset("\n".join(dump), "node/iptables-save", family)
    assert sum(len(chain.rules) for chain in ruleset.chains.values()) == len(texts)


def test_every_extension_is_among_them() -> None:
    """Each match and target that the kernel has."""
    text = "\n".join(f"{rule} " for _, rule in RECORDED)
    assert {name for name in MATCHES if f"-m {name} " not in text} == NOT_RECORDED[0]
    assert {name for name in TARGETS if f"-j {name} " not in text} == NOT_RECORDED[1]


ODD = (
    "-m set", "-j SET", "RATEEST", "-j QUEUE", "quota", "-f ", "0.0.0.0/0", "-m osf", "! --dport 0:65535", "TCPOPTSTRIP",
    "nflog-range", "-j TRACE", "! -i +",
)  # fmt: skip
"""What needs sets, another table or one of the back ends, or is printed in other words by one of them."""


def usable(tool: str) -> bool:
    """Whether rules can be loaded into a network namespace that is thrown away."""
    try:
        done = subprocess.run(["unshare", "-n", tool, "-S"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.parametrize(
    ("family", "tool"), [(4, "iptables-legacy"), (6, "ip6tables-legacy"), (4, "iptables-nft"), (6, "ip6tables-nft")]
)
def test_a_kernel_prints_them_so(family: int, tool: str, tmp_path: Path) -> None:
    """Loaded and saved again, rules of the filter table without sets stay as they are."""
    if not usable(tool):
        pytest.skip(f"no network namespace with {tool} is to be had")
    release = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    if RECORDER not in release:
        pytest.skip(f"the rules are printed as iptables {RECORDER} prints them, here is {release.strip()}")
    texts = [
        text
        for known, text in RECORDED
        if known == family and text.startswith("-A FORWARD") and not any(word in text for word in ODD)
    ]
    dump = "\n".join(["*filter", ":FORWARD ACCEPT [0:0]", ":uch - [0:0]", *texts, "COMMIT", ""])
    script = f"{tool}-restore && {tool}-save -t filter"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], input=dump, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XTABLES_LOCKFILE": str(tmp_path / "lock")},
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"this kernel lacks an extension: {done.stderr.strip()[-200:]}")
    printed = [line for line in done.stdout.splitlines() if line.startswith("-A")]
    assert printed == texts
