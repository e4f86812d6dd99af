"""Listings of sets: what `ipset list` and `ipset save` of one kernel say is the same."""

from __future__ import annotations

from pathlib import Path

from verifier.model.ipset import IpSet
from verifier.readers.ipset_list import is_set_listing, read_set_listing
from verifier.readers.ipset_save import read_sets

FOLDER = Path(__file__).parent / "listed_sets"
"""One set of each type that a kernel had, with every option, recorded in one moment: save, list, list -t."""


def content(found: IpSet) -> object:
    members = sorted((member.text, repr(member.parts), member.nomatch) for member in found.content.members)
    return found.family, found.options, found.content.kind, found.content.lists, found.content.opaque, members


def test_a_listed_set_is_the_saved_set() -> None:
    """Family, options, type, members and reasons are the same from both forms."""
    saved = read_sets((FOLDER / "ipset-save").read_text("utf-8"), "save")
    text = (FOLDER / "ipset-list").read_text("utf-8")
    listed = read_set_listing(text, "list")
    assert is_set_listing(text)
    assert len(saved) > 10
    assert {name: content(each) for name, each in listed.items()} == {
        name: content(each) for name, each in saved.items()
    }


def test_a_terse_listing_has_no_members() -> None:
    """Every set of a terse listing is opaque, and what it is made of is known."""
    sets = read_set_listing((FOLDER / "ipset-terse").read_text("utf-8"), "list")
    saved = read_sets((FOLDER / "ipset-save").read_text("utf-8"), "save")
    assert [(each.name, each.content.kind) for each in sets.values()] == [
        (each.name, each.content.kind) for each in saved.values()
    ]
    assert all("without -t" in each.content.opaque for each in sets.values())


def test_the_last_set_may_be_cut_off() -> None:
    """A listing without a last line end may have lost the end of a member."""
    sets = read_set_listing("Name: a\nType: hash:ip\nHeader: family inet\nMembers:\n10.0.0.1", "list")
    assert "cut off" in sets["a"].content.opaque
