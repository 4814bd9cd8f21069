"""What a fix would change, as a diff."""

from __future__ import annotations

import pytest

from txsafe.audit.diffs import MOST_LINES, draw_diff
from txsafe.model import Applicability, Edit, Fix, Place, SourceFile, Span
from txsafe.source import decode

TEXT = "one\ntwo\nthree\nfour\nfive\n"


def sources(text: str) -> dict[str, SourceFile]:
    return {"a.sql": decode(text.encode(), "a.sql")}


def fix(*edits: tuple[int, int, str], path: str = "a.sql") -> Fix:
    return Fix(
        title="Rewrite",
        edits=tuple(Edit(place=Place(path, Span(start, end)), replacement=text) for start, end, text in edits),
        applicability=Applicability.SAFE,
    )


def test_the_line_before_and_the_line_after_are_shown() -> None:
    start = TEXT.index("three")
    assert draw_diff(fix((start, start + 5, "THREE")), sources(TEXT).get) == " two\n-three\n+THREE\n four"


@pytest.mark.parametrize(("start", "shown"), [(0, "-one\n+ONE\n two"), (TEXT.index("five"), " four\n-five\n+FIVE")])
def test_the_ends_of_a_file_have_fewer_lines_around(start: int, shown: str) -> None:
    word = shown.split("-")[1].split("\n", maxsplit=1)[0]
    assert draw_diff(fix((start, start + len(word), word.upper())), sources(TEXT).get) == shown


def test_several_edits_make_one_diff() -> None:
    first, last = TEXT.index("two"), TEXT.index("four")
    shown = draw_diff(fix((first, first + 3, "TWO"), (last, last + 5, "")), sources(TEXT).get)
    assert shown == " one\n-two\n+TWO\n three\n-four\n five"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        fix((0, 3, "ONE"), path="gone.sql"),
        fix((0, 1000, "beyond the end")),
        fix((0, 5, "a"), (2, 6, "overlapping")),
    ],
)
def test_where_there_is_nothing_to_show_there_is_no_diff(broken: Fix | None) -> None:
    assert draw_diff(broken, sources(TEXT).get) == ""


def test_edits_far_apart_are_told_in_words_only() -> None:
    text = "line\n" * (MOST_LINES + 10)
    assert draw_diff(fix((0, 4, "a"), (len(text) - 5, len(text) - 1, "b")), sources(text).get) == ""


def test_edits_of_several_files_are_told_in_words_only() -> None:
    both = Fix(
        title="Rewrite",
        edits=(*fix((0, 3, "ONE")).edits, *fix((0, 3, "ONE"), path="b.sql").edits),
        applicability=Applicability.SAFE,
    )
    assert draw_diff(both, sources(TEXT).get) == ""
