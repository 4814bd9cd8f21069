from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.report_samples import make_source
from tests.report.report_strategies import positions, texts
from txsafe.model import Position
from txsafe.report.frames import draw_frame, show_line


def draw(text: str, start: int, end: int, *, width: int = 80) -> list[tuple[int, str, str]]:
    source = make_source("x", text)
    frame = draw_frame(source, source.position(start), source.position(end), width=width)
    return [(line.number, line.text, line.marker) for line in frame]


def test_carets_stand_under_the_span() -> None:
    assert draw('cur.execute("LISTEN a")', 13, 21) == [(1, 'cur.execute("LISTEN a")', " " * 13 + "^" * 8)]


def test_an_empty_span_gets_one_caret() -> None:
    assert draw("abc", 1, 1) == [(1, "abc", " ^")]
    assert draw("abc", 3, 3) == [(1, "abc", "   ^")]


def test_tabs_are_four_cells_and_wide_characters_two_and_combining_ones_none() -> None:
    assert draw("\tx", 1, 2) == [(1, "    x", "    ^")]
    assert draw("日本 x", 3, 4) == [(1, "日本 x", "     ^")]
    assert draw("日本 x", 0, 2) == [(1, "日本 x", "^^^^")]
    assert draw("e\u0301 x", 3, 4) == [(1, "e\u0301 x", "  ^")]


def test_escapes_take_the_cells_that_they_are_printed_with() -> None:
    assert draw("\x1b[0m x", 5, 6) == [(1, "\\x1b[0m x", " " * 8 + "^")]


def test_a_span_of_a_few_lines_shows_all_of_them() -> None:
    assert draw("a = '''SET\n  x\n  TO 1'''", 7, 21) == [
        (1, "a = '''SET", " " * 7 + "^^^"),
        (2, "  x", "  ^"),
        (3, "  TO 1'''", "  ^^^^"),
    ]


def test_a_span_of_many_lines_shows_the_first_and_the_last() -> None:
    text = "\n".join(f"line {number}" for number in range(1, 10))
    frame = draw(text, 5, len(text))
    assert frame == [(1, "line 1", "     ^"), (0, "...", ""), (9, "line 9", "^^^^^^")]


def test_a_span_that_ends_with_a_line_end_does_not_show_the_next_line() -> None:
    assert draw("SET x\r\nnext", 0, 7) == [(1, "SET x", "^^^^^")]


def test_a_long_line_is_clipped_around_the_span() -> None:
    text = "x" * 500 + "LISTEN a" + "y" * 500
    (frame,) = draw(text, 500, 508, width=40)
    assert frame == (1, "…" + "x" * 13 + "LISTEN a" + "y" * 19 + "…", " " * 14 + "^" * 8)


def test_the_start_and_the_end_of_a_long_line_are_clipped_on_one_side_only() -> None:
    text = "LISTEN a" + "y" * 500
    assert draw(text, 0, 8, width=40) == [(1, text[:40] + "…", "^" * 8)]
    text = "x" * 500 + "LISTEN a"
    assert draw(text, 500, 508, width=40)[0][1].endswith("xLISTEN a")


def test_a_long_comment_behind_the_span_does_not_cost_the_start_of_the_line() -> None:
    assert draw("    f('SET x')  # " + "x" * 500, 7, 12, width=30) == [
        (1, "    f('SET x')  # " + "x" * 12 + "…", " " * 7 + "^" * 5)
    ]


def test_a_span_longer_than_the_width_is_underlined_as_far_as_it_is_shown() -> None:
    ((_, text, marker),) = draw("SET " + "x" * 500, 0, 504, width=40)
    assert text == "SET " + "x" * 36 + "…"
    assert marker == "^" * 40


def test_wide_characters_do_not_push_a_line_over_the_width() -> None:
    ((_, text, marker),) = draw("日" * 500, 250, 400, width=40)
    assert len(marker) <= 42
    assert text.startswith("…")
    assert text.endswith("…")


def test_a_line_of_five_megabytes_costs_no_more_than_a_short_one() -> None:
    source = make_source("x", "x" * 2_500_000 + "LISTEN a" + "日" * 2_500_000)
    start, end = source.position(2_500_000), source.position(2_500_008)
    began = time.perf_counter()
    for _ in range(100):
        draw_frame(source, start, end, width=100)
    assert time.perf_counter() - began < 2  # walking through the line once takes longer


@pytest.mark.parametrize(("start", "end"), [((9, 1), (9, 2)), ((0, 1), (1, 1)), ((1, 0), (1, 1)), ((1, 1), (9, 1))])
def test_positions_that_the_text_does_not_have_give_no_frame(start: tuple[int, int], end: tuple[int, int]) -> None:
    assert draw_frame(make_source("x", "abc"), Position(*start), Position(*end), width=80) == ()


def test_a_column_beyond_the_line_points_behind_it() -> None:
    (line,) = draw_frame(make_source("x", "abc"), Position(1, 90), Position(1, 99), width=80)
    assert line.marker == "   ^"


def test_the_line_of_a_related_place_needs_no_marker() -> None:
    line = show_line(make_source("x", "a\nb"), Position(2, 1), width=80)
    assert line is not None
    assert (line.number, line.text) == (2, "b")
    assert show_line(make_source("x", "a"), Position(5, 1), width=80) is None


@given(texts, positions, positions, st.integers(1, 200))
def test_a_frame_never_grows_much_wider_than_asked(text: str, start: Position, end: Position, width: int) -> None:
    for line in draw_frame(make_source("x", text * 20), start, end, width=width):
        assert len(line.marker) <= max(width, 20) * 7
        assert not set(line.marker) - {" ", "^"}
