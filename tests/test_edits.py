"""Edits applied to a text, and which fixes go together."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.edits import apply_edits, choose
from txsafe.model import Applicability, Edit, Fix, Place, Span


def edit(start: int, end: int, replacement: str = "", path: str = "a.py") -> Edit:
    return Edit(place=Place(path, Span(start, end)), replacement=replacement)


def fix(*edits: Edit) -> Fix:
    return Fix(title="", edits=edits, applicability=Applicability.SAFE)


def together(*fixes: Fix) -> tuple[Fix, ...]:
    return choose(fixes, lambda each: each)


def test_edits_are_applied_wherever_they_come_in_the_list() -> None:
    assert apply_edits("abcdef", [edit(4, 5, "E"), edit(0, 1, "A"), edit(2, 2, "-")]) == "Ab-cdEf"


def test_an_edit_that_is_given_twice_counts_once() -> None:
    assert apply_edits("abc", [edit(0, 1), edit(0, 1)]) == "bc"


def test_an_insertion_comes_before_what_replaces_the_same_place() -> None:
    assert apply_edits("abc", [edit(1, 2, "B"), edit(1, 1, "-")]) == "a-Bc"


@pytest.mark.parametrize("edits", [(edit(0, 2), edit(1, 3)), (edit(0, 4),), (edit(2, 1),)])
def test_edits_that_overlap_or_leave_the_text_are_refused(edits: tuple[Edit, ...]) -> None:
    with pytest.raises(ValueError, match="overlaps another one"):
        apply_edits("abc", edits)


def test_of_two_fixes_that_touch_the_same_text_the_first_counts() -> None:
    first, second, third = fix(edit(0, 4)), fix(edit(3, 6)), fix(edit(4, 5))
    assert together(third, second, first) == (first, third)


def test_a_fix_is_taken_whole_or_not_at_all() -> None:
    first, second, third = fix(edit(0, 2)), fix(edit(1, 2, "x"), edit(5, 6)), fix(edit(5, 6, "y"))
    assert together(first, second, third) == (first, third)


def test_an_equal_edit_may_belong_to_two_fixes() -> None:
    first, second = fix(edit(0, 2, "x"), edit(8, 9)), fix(edit(4, 5), edit(8, 9))
    assert together(first, second) == (first, second)


def test_two_insertions_at_one_place_have_no_order() -> None:
    first, second = fix(edit(3, 3, "a")), fix(edit(3, 3, "b"))
    assert len(together(first, second)) == 1


def test_what_stands_side_by_side_goes_together() -> None:
    fixes = fix(edit(0, 3)), fix(edit(3, 3, "x")), fix(edit(3, 6))
    assert together(*fixes) == fixes


def test_files_do_not_meet() -> None:
    fixes = fix(edit(0, 3)), fix(edit(0, 3, path="b.py"))
    assert together(*fixes) == fixes


SPANS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)
EDITS = st.builds(lambda span, text: edit(span[0], span[1], text), SPANS, st.text("xy", max_size=2))


@given(st.lists(st.lists(EDITS, min_size=1, max_size=1).map(lambda edits: fix(*edits)), max_size=12))
def test_fixes_that_were_chosen_can_be_applied(fixes: list[Fix]) -> None:
    chosen = together(*fixes)
    edits = [each for one in chosen for each in one.edits]
    text = "".join(chr(97 + number % 26) for number in range(30))
    done = apply_edits(text, edits)
    untouched = [text[number] for number in range(30) if not any(covers(each, number) for each in edits)]
    rest = iter(done)
    assert all(letter in rest for letter in untouched)
    assert not fixes or chosen
    for first, second in itertools.combinations(set(edits), 2):
        assert not overlap(first.place.span, second.place.span)


def covers(one: Edit, number: int) -> bool:
    return one.place.span.start <= number < one.place.span.end


def overlap(first: Span, second: Span) -> bool:
    return first.start < second.end and second.start < first.end
