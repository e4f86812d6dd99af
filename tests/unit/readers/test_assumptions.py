"""Files of choices: what they settle, and the line of the first fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from verifier.model.assumption import Setting
from verifier.model.origin import InputError
from verifier.readers.assumptions import LARGEST, read_assumptions
from verifier.readers.documents import read_documents


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "choices.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_choices_are_read(tmp_path: Path) -> None:
    """Names, words and comments; what is not named is not settled."""
    text = "# ours\n---\nother-protocols: deny  # ping too\n\n  icmp-errors: any\nfinished-pods: allow\n"
    assert read_assumptions(written(tmp_path, text)) == {
        "other-protocols": Setting.DENY,
        "icmp-errors": Setting.ANY,
        "finished-pods": Setting.ALLOW,
    }


def test_a_file_of_choices_is_yaml(tmp_path: Path) -> None:
    """Another program may read it so."""
    text = "# ours\nother-protocols: deny  # ping too\nicmp-errors: any\n"
    (document,) = read_documents(text, "choices.yaml")
    assert dict(document.entries) == {k: v.value for k, v in read_assumptions(written(tmp_path, text)).items()}


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 0, "there is no choice in it"),
        ("# nothing\n", 0, "there is no choice in it"),
        ("\nother-protocol: deny\n", 2, "no assumption is called 'other-protocol'; is other-protocols meant?"),
        ("weather: deny\n", 1, "no assumption is called 'weather'; `chainproof profile` lists them"),
        ("icmp-errors: deny\nicmp-errors: deny\n", 2, "a second choice for icmp-errors"),
        ("icmp-errors: DENY\n", 1, "icmp-errors: expected one of allow, deny, any, found 'DENY'"),
        ("icmp-errors: 'deny'\n", 1, "without quotes"),
        ("icmp-errors:\n", 1, "expected one of allow, deny, any, found nothing"),
        ("icmp-errors=deny\n", 1, "expected NAME: SETTING, found 'icmp-errors=deny'"),
        ("icmp-errors: deny other-protocols: deny\n", 1, "expected NAME: SETTING"),
        ("icmp-errors:deny\n", 1, "expected NAME: SETTING"),
        (b"icmp-errors: \xff\n", 0, "not UTF-8 text"),
        ("#" * (LARGEST + 1), 0, f"larger than {LARGEST} bytes"),
    ],
)
def test_faults_name_their_line(text: str | bytes, line: int, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_assumptions(path)
    assert told in str(caught.value)
    assert (caught.value.origin.path, caught.value.origin.line) == (path, line)


@pytest.mark.parametrize("name", ["missing.yaml", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_a_fault(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_assumptions(str(tmp_path / name))
