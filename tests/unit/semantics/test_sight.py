"""What rules tell of a packet's interfaces and marks: tests that follow from others are not asked again."""

from __future__ import annotations

import pytest

from verifier.model.fields import Field
from verifier.model.predicate import Masked, Opaque
from verifier.semantics.atoms import FreeTest, MarkTest, NameTest
from verifier.semantics.sight import Sight


def interface(name: str, *, prefix: bool = False, negated: bool = False, outgoing: bool = False) -> NameTest:
    return NameTest(outgoing, name, prefix, negated)


@pytest.mark.parametrize(
    ("known", "asked", "answers"),
    [
        (interface("cali", prefix=True), interface("eth0"), [False]),
        (interface("cali", prefix=True), interface("cali1"), [True, False]),
        (interface("cali", prefix=True), interface("cal", prefix=True), [True]),
        (interface("cali", prefix=True), interface("weave", prefix=True), [False]),
        (interface("cali1"), interface("cali", prefix=True), [True]),
        (interface("cali1"), interface("cali2"), [False]),
        (interface("cali1"), interface("cali2", outgoing=True), [True, False]),
        (interface("cali", prefix=True, negated=True), interface("cali1"), [False]),
        (interface("cali", prefix=True, negated=True), interface("eth0"), [True, False]),
        (interface("cali1", negated=True), interface("cali1"), [False]),
        (interface("cali1", negated=True), interface("cali1", negated=True), [True]),
        (interface("cali1", negated=True), interface("cali", prefix=True), [True, False]),
    ],
)
def test_names_follow_from_names(known: NameTest, asked: NameTest, answers: list[bool]) -> None:
    """After a test that held, another may have one answer only."""
    (sight,) = [after for after, holds in Sight().interface(known) if holds]
    assert sorted((holds for _, holds in sight.interface(asked)), reverse=True) == answers


def test_a_mark_that_was_asked_is_remembered() -> None:
    """Bits that some rule tested have one value; of several that must not all agree, each first one that differs."""
    test = MarkTest(0x3, 0x3, negated=False)
    outcomes = [(after.asked, after.answer, holds) for after, holds in Sight().marked(test)]
    assert outcomes == [(3, 3, True), (1, 0, False), (3, 1, False)]
    for after, holds in Sight().marked(test):
        assert [again for _, again in after.marked(test)] == [holds]


def test_an_assigned_mark_is_known_and_a_toggled_one_follows() -> None:
    """mark := (mark & ~mask) ^ value, for bits that are known and for those that are not."""
    assigned = Sight().assigned(0x1, 0x1)
    assert [holds for _, holds in assigned.marked(MarkTest(0x1, 0x1, negated=False))] == [True]
    assert [holds for _, holds in assigned.assigned(0x1, 0).marked(MarkTest(0x1, 0x1, negated=False))] == [False]
    (toggled,) = [after for after, holds in Sight().assigned(0x2, 0).marked(MarkTest(0x2, 0x2, negated=False)) if holds]
    assert [(each.predicate, each.holds) for each in toggled.told()] == [(Masked(Field.MARK, 0, 2), True)]


def test_a_value_outside_of_the_mask_never_matches() -> None:
    """As the kernel compares (MK-1)."""
    assert [holds for _, holds in Sight().marked(MarkTest(0x2, 0x1, negated=False))] == [False]


def test_what_is_asked_of_the_packet_has_one_answer() -> None:
    """A test without static meaning that asks one thing of the packet is asked once; others each time."""
    same = FreeTest("a set", Opaque("in a set"))
    for after, holds in Sight().free(same):
        assert [again for _, again in after.free(same)] == [holds]
    assert len(list(Sight().free(FreeTest("a limit")))) == 2
