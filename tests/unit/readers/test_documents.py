"""Both YAML readers and the JSON reader against the plain loaders."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus_path import corpus
from verifier.model.document import Entries
from verifier.model.origin import InputError
from verifier.readers.bounds import MAX_DEPTH
from verifier.readers.documents import read_documents
from verifier.readers.json_text import read_json
from verifier.readers.scalars import resolve
from verifier.readers.yaml_block import read_block
from verifier.readers.yaml_events import read_events
from verifier.readers.yaml_tokens import NotPlain


class _Loader(yaml.CSafeLoader):
    """The safe loader, with dates left as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def loaded(text: str) -> list[Any]:
    return [value for value in yaml.load_all(text, _Loader) if value is not None]


def by_lines(text: str) -> list[Any]:
    return [value for _, value in read_block(text)]


def by_events(text: str) -> list[Any]:
    return [value for _, value in read_events(text, "x.yaml")]


def corpus_files() -> list[Path]:
    return sorted(corpus().glob("*/*/cluster/*.yaml"))


def test_every_file_of_the_corpus_reads_like_the_plain_loader() -> None:
    """Line reader, event reader and PyYAML's loader give the same values for every recorded cluster file."""
    seen: set[str] = set()
    for path in corpus_files():
        text = path.read_text()
        if text in seen:
            continue
        seen.add(text)
        expected = loaded(text)
        assert by_events(text) == expected, path
        assert by_lines(text) == expected, path


def lines_of(value: Any) -> list[int]:
    if isinstance(value, list):
        return [line for item in value for line in lines_of(item)]
    if not isinstance(value, Entries):
        return []
    return [value.line, *(line for item in value.values() for line in lines_of(item))]


def test_both_readers_give_the_same_lines() -> None:
    """Every mapping of a recorded file has the same line, whichever reader read it."""
    for path in corpus_files():
        if path.parent.parent.name in ("features", "shop-tiers"):
            text = path.read_text()
            assert lines_of(by_lines(text)) == lines_of(by_events(text)), path


def test_json_of_the_corpus_has_the_same_values_with_lines() -> None:
    """A cluster printed as JSON reads like the same cluster printed as YAML, whatever its indentation."""
    for path in corpus_files():
        if path.parent.parent.name != "features":
            continue
        [value] = loaded(path.read_text())
        for indent in (None, 4):
            text = json.dumps(value, indent=indent)
            [(line, read)] = read_json(text, "x.json")
            assert (line, read) == (1, value)
            starts = sorted(lines_of(read))
            expected = sorted(
                text.count("\n", 0, at) + 1 for at, char in enumerate(_without_strings(text)) if char == "{"
            )
            assert starts == expected


def _without_strings(text: str) -> str:
    return "".join(" " * len(part) if part.startswith('"') else part for part in _split_strings(text))


def _split_strings(text: str) -> list[str]:
    parts, inside, current = [], False, ""
    for index, char in enumerate(text):
        if char == '"' and (index == 0 or text[index - 1] != "\\"):
            if inside:
                parts.append(current + char)
                current = ""
            else:
                parts.append(current)
                current = char
            inside = not inside
        else:
            current += char
    return [*parts, current]


SCALARS = [
    *("0", "1", "-1", "+1", "00", "01", "010", "08", "0b101", "0b", "0x1F", "0xg", "1_000", "_1", "1__", "0x_", "0_"),
    *("1:30", "1:60", "01:30", "1:2:3.5", "1:2", "1.", ".5", "-.5", "+.5", "1.5e3", "1.5e+3", "1e3", "1.2.3", "0o17"),
    *(".inf", "-.inf", ".Inf", ".nan", ".NaN", "-.nan", "=", "-", ".", "..", "+", "--", "1-2", "12345678901234567890"),
    *("yes", "Yes", "YES", "yEs", "no", "on", "off", "On", "y", "n", "Y", "N", "true", "TRUE", "tRue", "false"),
    *("null", "Null", "NULL", "~", "nil", "2001-12-14", "2001-12-14T21:59:43Z", "10.0.0.1", "10.0.0.0/8", "fd00::1"),
]


@pytest.mark.parametrize("text", [*SCALARS, ""])
def test_plain_scalars_resolve_like_the_plain_loader(text: str) -> None:
    """Numbers, truth values and null are recognised as YAML 1.1 has them; dates stay text."""
    [expected] = yaml.load_all(f"- {text}", _Loader) if text not in ("0x_", "0b", "-") else [[text]]
    assert repr(resolve(text)) == repr(expected[0])


@given(st.text("0123456789+-._:eExXbBaAfFnNiIoOtTrRuUlLsSyY~", max_size=8))
@settings(max_examples=500, deadline=None)
def test_any_word_resolves_like_the_plain_loader(text: str) -> None:
    """Random words over the letters of numbers resolve like the plain loader."""
    try:
        loader = _Loader(text)
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        expected = loader.construct_object(yaml.ScalarNode(tag, text))
    except ValueError:
        return
    assert repr(resolve(text)) == repr(expected)


BLOCK = """\
# a comment
apiVersion: v1
kind: List   # another
items:
- kind: Pod
  metadata:
    name: a
    labels:
      env: prod
      annotations: 'it''s'
      quoted: "a\\n\\"b\\""
      managed: f:x
  spec:
    args: []
    empty: {}
    nothing:
    command:
    - sh
    - -c
    - |
      line one

        line two
    -   name: wide
        value: x
    - - inner
      - other
    text: |-
      last
    folded: one two
      three 'four' }
      five
---
kind: Second
---
# nothing here
---
third: 3
"""


def test_the_block_style_is_read_whole() -> None:
    """Comments, documents, literals, folded text, nested lists: all without the whole parser."""
    assert by_lines(BLOCK) == loaded(BLOCK) == by_events(BLOCK)
    assert by_lines(BLOCK)[0]["items"][0]["metadata"]["labels"]["env"] == "prod"


PIECES = (
    *(
        "",
        " ",
        "  ",
        "    ",
        "- ",
        "-",
        "-  ",
        "a: ",
        "b:",
        "c:\n",
        "\n",
        "\n\n",
        "# x",
        " # y",
        "'",
        '"',
        "'x'",
        '"y"',
    ),
    *(
        "|",
        "|-",
        ">",
        "[]",
        "{}",
        "{",
        "]",
        ",",
        "&a ",
        "*a",
        "!t ",
        "x",
        "1",
        "x y",
        ":",
        ": ",
        "?",
        "? ",
        "---\n",
        "...\n",
    ),
    *(
        "\t",
        "é",
        "\u2028",
        "\r\n",
        "<<: ",
        "\\n",
        "''",
        "@",
        "%",
        "true",
        "a: b\n",
        "  a: b\n",
        "- a: b\n",
        "  - c\n",
        "~",
    ),
)


@given(st.lists(st.sampled_from(PIECES), max_size=25))
@settings(max_examples=3000, deadline=None)
def test_what_the_line_reader_accepts_means_what_yaml_says(pieces: list[str]) -> None:
    """On random fragments the line reader either gives up or agrees with PyYAML's loader."""
    _agree("".join(pieces))


@given(st.integers(0, 10**6))
@settings(max_examples=1500, deadline=None)
def test_damaged_blocks_are_never_misread(seed: int) -> None:
    """A block with a few damaged lines is refused by the line reader or read as PyYAML's loader reads it."""
    chance = random.Random(seed)
    lines = BLOCK.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        damage = chance.randrange(6)
        if damage == 0:
            del lines[at]
        elif damage == 1:
            lines[at] = " " * chance.randint(1, 3) + lines[at]
        elif damage == 2:
            lines[at] = lines[at][chance.randint(1, 3) :]
        elif damage == 3:
            lines.insert(at, lines[chance.randrange(len(lines))])
        else:
            cut = chance.randint(0, len(lines[at]))
            lines[at] = lines[at][:cut] + chance.choice(PIECES) + lines[at][cut:]
    _agree("\n".join(lines))


def _agree(text: str) -> None:
    try:
        values = by_lines(text)
    except NotPlain:
        return
    assert repr(values) == repr([_plain(value) for value in loaded(text)]) == repr(by_events(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return Entries(0, ((str(key), _plain(item)) for key, item in value.items()))
    return [_plain(item) for item in value] if isinstance(value, list) else value


LITERALS = [
    ("a: |\n  x", ["x"]),
    ("a: |\n  x\n", ["x\n"]),
    ("a: |\n  x\n\n\n", ["x\n"]),
    ("a: |-\n  x\n\n   y\n", ["x\n\n y"]),
    ("a: |-\n  x", ["x"]),
    ("a: |\n  # no comment\n# comment\n", ["# no comment\n"]),
]


@pytest.mark.parametrize(("text", "expected"), LITERALS)
def test_literals(text: str, expected: list[str]) -> None:
    """A `|` scalar keeps its lines and at most one line end, none where the file has none."""
    assert [document.entries["a"] for document in read_documents(text, "x.yaml")] == expected
    assert loaded(text)[0]["a"] == expected[0]
    _agree(text)


def test_the_line_after_a_literal_continues_nothing() -> None:
    """A line between the literal's column and its key's is no part of either, even if it looks like text."""
    _agree("m:\n    k: v\na: |\n    k: v\n  more\n")


def test_aliases_and_merges_read_like_the_plain_loader() -> None:
    """Anchors, aliases, merge keys, flow collections and explicit tags have their usual meaning."""
    text = 'base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo:\n  <<: [*b, {z: 4}]\nthree: [*b, !!str 5, "7"]\n'
    assert by_events(text) == loaded(text)


def test_an_alias_means_the_last_anchor_before_it() -> None:
    """Also where that stands within a value that has the same anchor (YAML 1.1, 3.2.2.2)."""
    assert by_events("x: &a {b: &a 1, c: *a}\nd: *a") == [{"x": {"b": 1, "c": 1}, "d": 1}]


def test_the_non_specific_tag_is_refused() -> None:
    """Readers differ on what `!` makes of a number, so it is refused."""
    with pytest.raises(InputError, match="the tag '!'"):
        by_events("a: ! 6")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1: a", {"1": "a"}), ("true: a", {"true": "a"}), ("0x10: a", {"16": "a"}), ("on: a", {"true": "a"})],
)
def test_keys_are_text_as_the_api_server_reads_them(text: str, value: Any) -> None:
    """Whole numbers and truth values as keys become text."""
    assert by_events(text) == [value]
    assert read_documents(text, "x.yaml")[0].entries == value


def bomb() -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(rows)


FAULTS = [
    ("a: [1", "x.yaml", "not YAML", 1),
    ("a: b: c", "x.yaml", "not YAML", 1),
    ("kind: Pod\n\tname: x", "x.yaml", "not YAML", 2),
    ("a: \x01", "x.yaml", "not YAML", 0),
    ("- 1\n- 2", "x.yaml", "expected a mapping", 1),
    ("just text", "x.yaml", "expected a mapping", 1),
    ("kind: A\n---\n- x", "x.yaml", "expected a mapping", 3),
    ("a: 1\nb: 2\na: 3", "x.yaml", "the key 'a' is given twice", 3),
    ("a: 1\nb: {c: 1, c: 2}", "x.yaml", "the key 'c' is given twice", 2),
    ("a: *b", "x.yaml", "the alias *b has no anchor before it", 1),
    ("a: &a [*a]", "x.yaml", "the alias *a stands within &a: an alias cannot contain itself", 1),
    ("a: &a 1\nb: &a\n  c: *a", "x.yaml", "an alias cannot contain itself", 3),
    ("a: !custom b", "x.yaml", "the tag '!custom'", 1),
    ("a: !!int b", "x.yaml", "the tag 'tag:yaml.org,2002:int'", 1),
    ("<<: 3", "x.yaml", "<< merges the number 3", 1),
    ("1.5: x", "x.yaml", "a key that is the number 1.5", 1),
    ("? [a]\n: b", "x.yaml", "a key that is a list", 1),
    (bomb(), "x.yaml", "aliases stand for more than", 6),
    ("a: " + "[" * 100_000, "x.yaml", "nested more than", 1),
    ("".join(f"{' ' * n}a:\n" for n in range(MAX_DEPTH + 5)), "x.yaml", "nested more than", MAX_DEPTH + 1),
    ('{"a": ' + "[" * 100_000, "x.json", "nested more than", 1),
    ('{"a": 1,\n "a": 2}', "x.json", "the key 'a' is given twice", 1),
    ('{"a": NaN}', "x.json", "NaN is no JSON value", 0),
    ('{"a":\n oops}', "x.json", "not JSON", 2),
    ('{"a": 1} }', "x.json", "not JSON", 1),
    ('{"a": "\\ud800"}', "x.json", "half a character", 0),
    ("[1]", "x.json", "expected a mapping", 1),
]


@pytest.mark.parametrize(("text", "path", "problem", "line"), FAULTS)
def test_a_text_that_is_no_document_gets_one_error(text: str, path: str, problem: str, line: int) -> None:
    """Malformed text, bombs and deep nesting end in one located error."""
    with pytest.raises(InputError) as caught:
        read_documents(text, path)
    assert problem in caught.value.problem
    assert caught.value.remedy
    assert caught.value.origin.line == line


def test_empty_documents_are_no_documents() -> None:
    """A file of comments, separators and nulls has no document."""
    for text in ("", "# only a comment\n", "---\n---\n", "null", "~\n---\n"):
        assert read_documents(text, "x.yaml") == []
    assert read_documents("  \n", "x.json") == []


def test_yaml_that_begins_like_json_is_yaml() -> None:
    """A .yaml file in flow style is read although it is not JSON."""
    assert read_documents("{kind: Pod, metadata: {name: a}}", "x.yaml")[0].entries["kind"] == "Pod"


def test_json_documents_may_follow_each_other() -> None:
    """`kubectl get -o json` run twice into one file gives two documents."""
    documents = read_documents('{"kind": "A"}\n{"kind": "B"}\n', "x.json")
    assert [(each.entries["kind"], each.entries.line) for each in documents] == [("A", 1), ("B", 2)]
