"""Recordings with damaged bytes: whatever is in a file, the outcome is an answer or one error, never a fault of ours.

CHAINPROOF_FUZZ=long searches for minutes; CHAINPROOF_SEED starts elsewhere.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.corpus_path import ROOT, corpus
from tests.mutations import files_of
from tests.pages.answer import run

LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
SECONDS = 240.0 if LONG else 2.5
"""Per kind of file."""
SEED = os.environ.get("CHAINPROOF_SEED", "0")
BASES = (("calico", "seed"), ("kube-router", "features-dual"), ("kube-router", "seed"))
FILES = {
    "iptables-save": "nodes/node-a/iptables-save",
    "ipset-save": "nodes/node-a/ipset-save",
    "iptables-list": "nodes/node-a/iptables-list",
    "ipset-list": "nodes/node-a/ipset-list",
    "addresses": "nodes/node-a/addresses.json",
    "routes": "nodes/node-a/routes.json",
    "policies": "cluster/networkpolicies.yaml",
    "pods": "cluster/pods.yaml",
    "namespaces": "cluster/namespaces.yaml",
}
DUMPS = {"iptables-list": "iptables-save", "ipset-list": "ipset-save"}
"""Listings, which are read in the place of a dump."""

CODES = (0, 1, 2, 3)
Damage = Callable[[bytes, random.Random], bytes]
INTERESTING = [
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\t",
    b"\r\n",
    b"'",
    b'"',
    b"{",
    b"[",
    b"]",
    b"}",
    b"&a",
    b"*a",
    b": ",
]
INTERESTING += [
    b"\n",
    b"\n- ",
    b"!",
    b" ! ",
    b"-",
    b"--",
    b"/",
    b"/33",
    b"/-1",
    b"0x",
    b"99999999999999999999",
    b"-1",
    b"1e9",
]
INTERESTING += [
    b"COMMIT\n",
    b"*filter\n",
    b":X - [0:0]\n",
    b"-A X -j Y\n",
    b"timeout 5",
    b"nomatch",
    b"\xc3\xa9",
    b"\xf0\x9f\x98\x80",
]


def flip(text: bytes, choose: random.Random) -> bytes:
    place = choose.randrange(len(text))
    return text[:place] + bytes([text[place] ^ 1 << choose.randrange(8)]) + text[place + 1 :]


def replace(text: bytes, choose: random.Random) -> bytes:
    place = choose.randrange(len(text))
    return text[:place] + choose.choice(INTERESTING) + text[place + choose.randrange(3) :]


def cut(text: bytes, choose: random.Random) -> bytes:
    return text[: choose.randrange(len(text))]


def remove(text: bytes, choose: random.Random) -> bytes:
    place = choose.randrange(len(text))
    return text[:place] + text[place + choose.randrange(1, 40) :]


def repeat(text: bytes, choose: random.Random) -> bytes:
    first, second = sorted(choose.randrange(len(text)) for _ in range(2))
    return text[:second] + text[first : min(second, first + 500)] + text[second:]


def lines(text: bytes, choose: random.Random) -> bytes:
    """A line is gone, doubled, or changes places with another."""
    rows = text.split(b"\n")
    one, two = choose.randrange(len(rows)), choose.randrange(len(rows))
    match choose.randrange(3):
        case 0:
            del rows[one]
        case 1:
            rows.insert(two, rows[one])
        case _:
            rows[one], rows[two] = rows[two], rows[one]
    return b"\n".join(rows)


def words(text: bytes, choose: random.Random) -> bytes:
    """A word becomes another word of the same file."""
    found = list(re.finditer(rb"[^\s]+", text))
    if len(found) < 2:
        return text + b"x"
    one, two = choose.choice(found), choose.choice(found)
    return text[: one.start()] + two.group() + text[one.end() :]


def number(text: bytes, choose: random.Random) -> bytes:
    """A number becomes one at the edge of something."""
    found = list(re.finditer(rb"\d+", text))
    if not found:
        return text + b"0"
    one = choose.choice(found)
    edge = choose.choice([b"0", b"-1", b"255", b"256", b"65535", b"65536", b"4294967296", b"1" * 400, b""])
    return text[: one.start()] + edge + text[one.end() :]


DAMAGES: tuple[Damage, ...] = (flip, replace, cut, remove, repeat, lines, lines, words, words, number, number)


@pytest.mark.parametrize("kind", FILES)
def test_damaged(kind: str, tmp_path: Path) -> None:
    """Damage of this file ends in an answer or in one error that names a file."""
    choose = random.Random(f"{kind} {SEED}")
    known = {base: _with_listings(base) for base in BASES}
    folders = {
        base: _written(known[base], kind, tmp_path / "-".join(base)) for base in BASES if FILES[kind] in known[base]
    }
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS and (LONG or done < 400):
        base = choose.choice(sorted(folders))
        file = folders[base] / FILES[kind]
        original = known[base][FILES[kind]].encode()
        damaged = original
        for _ in range(choose.choice([1, 1, 1, 2, 4])):
            damaged = choose.choice(DAMAGES)(damaged or b"\n", choose)
        file.write_bytes(damaged)
        outcome = run("verify", str(folders[base]), "--format", choose.choice(["text", "json"]))
        done += 1
        told = f"{'/'.join(base)} {kind}, mutant {done} of seed {SEED}: {_difference(original, damaged)!r}\n{outcome.errors}"
        assert outcome.code in CODES, f"exit code {outcome.code}, {told}"
        assert "Traceback" not in outcome.output + outcome.errors, told
        if outcome.code == 2:
            assert outcome.errors.startswith("error: "), told
            assert str(folders[base]) in outcome.errors, told
            assert not outcome.output, told
        file.write_bytes(original)
    assert done > 5, "the time was too short to try anything"


@pytest.mark.exercises("CNT-5")
def test_damaged_counters(tmp_path: Path) -> None:
    """Damage of one of two readings ends in an explanation or in one error that names a file."""
    folder = ROOT / "examples" / "classic-experiment" / "experiment"
    choose = random.Random(f"counters {SEED}")
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS and (LONG or done < 400):
        texts = {}
        for name in ("chain-before", "chain-after-denied"):
            texts[name] = (folder / name).read_bytes()
        name = choose.choice(sorted(texts))
        damaged = choose.choice(DAMAGES)(texts[name], choose)
        for each, text in texts.items():
            (tmp_path / each).write_bytes(damaged if each == name else text)
        before, after = (str(tmp_path / each) for each in ("chain-before", "chain-after-denied"))
        outcome = run("explain", "--before", before, "--after", after)
        done += 1
        told = f"mutant {done} of seed {SEED}: {_difference(texts[name], damaged)!r}\n{outcome.errors}"
        assert outcome.code in CODES, f"exit code {outcome.code}, {told}"
        if outcome.code == 2:
            assert outcome.errors.startswith("error: "), told
            assert str(tmp_path) in outcome.errors, told
    assert done > 5, "the time was too short to try anything"


def _with_listings(base: tuple[str, str]) -> dict[str, str]:
    """The files of a recording with its listing of rules, and one of the sets of its dump."""
    files = files_of(*base)
    sets: dict[str, list[str]] = {}
    for line in files["nodes/node-a/ipset-save"].splitlines():
        word, name, rest = line.split(" ", 2)
        if word == "create":
            kind, _, header = rest.partition(" ")
            sets[name] = [f"Name: {name}", f"Type: {kind}", f"Header: {header}", "Members:"]
        else:
            sets[name].append(rest)
    listing = "\n\n".join("\n".join(lines) for lines in sets.values()) + "\n"
    rules = corpus(*base, FILES["iptables-list"]).read_text("utf-8")
    return {**files, FILES["iptables-list"]: rules, FILES["ipset-list"]: listing}


def _written(files: Mapping[str, str], kind: str, folder: Path) -> Path:
    for name, text in files.items():
        if kind in DUMPS and name == f"nodes/node-a/{DUMPS[kind]}":
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def _difference(original: bytes, damaged: bytes) -> bytes:
    """The damaged place, for a failing test."""
    first = next((n for n, (a, b) in enumerate(zip(original, damaged, strict=False)) if a != b), len(damaged))
    return damaged[max(0, first - 60) : first + 60]
