from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.report.escaping import escape, escape_block, replace_surrogates
from txsafe.report.wording import count


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain ü 日本 🙂 e\u0301", "plain ü 日本 🙂 e\u0301"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31m\x07", "\\x1b[31m\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\ufeff\uffff", "\\ufeff\\uffff"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_unsafe_characters_become_visible(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_a_block_keeps_its_lines_and_loses_the_blank_end() -> None:
    assert escape_block("a\r\n\tb\x1b\rc\n\n \n") == ("a", "    b\\x1b", "c")
    assert escape_block("") == ()


@given(st.text(st.characters(exclude_categories=())))
def test_what_was_escaped_stays_as_it_is(text: str) -> None:
    assert escape(escape(text)) == escape(text)
    replace_surrogates(text).encode()


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1234, "1,234 files")])
def test_counts_read_as_english(number: int, text: str) -> None:
    assert count(number, "file") == text
