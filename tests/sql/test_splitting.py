"""Statements end at the semicolons that the server would end them at."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from tests.sql.test_lexer import TEXTS
from txsafe.sql.lexer import significant_tokens
from txsafe.sql.splitting import split_statements


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in split_statements(text).ranges]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ; ;; ", []),
        ("-- only\n/* comments */", []),
        ("a", ["a"]),
        ("a;b", ["a", "b"]),
        ("a ; -- b;\n c", ["a", "c"]),
        ("/* x; */ a /* y; */; b -- z", ["a", "b"]),
        ("a -- b\n-- c\n; d", ["a", "d"]),
        ("a -- b\n c -- 'd'\n", ["a -- b\n c"]),
        ("a '--' -- b", ["a '--'"]),
        ("a /* b */", ["a"]),
        ("a - b / c; d", ["a - b / c", "d"]),
        ("SELECT ';', \";\", $$;$$, $x$;$$;$x$, E'\\';'; b", ["SELECT ';', \";\", $$;$$, $x$;$$;$x$, E'\\';'", "b"]),
        ("a$b$;c$b$", ["a$b$", "c$b$"]),
        ("name';'", ["name';'"]),
        ("e'\\';';b", ["e'\\';'", "b"]),
        ("/* a /* b; */ c; */ d; e", ["d", "e"]),
        ("CREATE RULE r AS ON INSERT TO t DO (a; b); c", ["CREATE RULE r AS ON INSERT TO t DO (a; b)", "c"]),
        (
            "create or replace function f() begin atomic select 'end;'; select case when a then b end; end; c",
            [
                "create or replace function f() begin atomic select 'end;'; select case when a then b end; end",
                "c",
            ],
        ),
        ("CREATE FUNCTION f() AS $$ BEGIN ATOMIC; END $$; b", ["CREATE FUNCTION f() AS $$ BEGIN ATOMIC; END $$", "b"]),
        ("create procedure p() begin atomic x; y", ["create procedure p() begin atomic x; y"]),
        ("create table t(a int); b", ["create table t(a int)", "b"]),
    ],
)
def test_statements(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a 'b", 2, "unterminated quoted string"),
        ("a E'b\\'", 3, "unterminated quoted string"),
        ('a "b', 2, "unterminated quoted identifier"),
        ("a $x$ b $$", 2, "unterminated dollar-quoted string"),
        ("a /* b", 2, "unterminated /* comment"),
        ("/* b", 0, "unterminated /* comment"),
        ("create function f() begin atomic select 'x; end", 40, "unterminated quoted string"),
        ("create rule r as on insert to t do (a; 'b", 39, "unterminated quoted string"),
    ],
)
def test_what_is_never_closed_is_a_fault(text: str, offset: int, message: str) -> None:
    (fault,) = split_statements(text).faults
    assert (fault.offset, fault.message) == (offset, message)


def test_reading_resumes_after_an_unterminated_string() -> None:
    assert parts("a;\nSELECT 'x;\nLISTEN a;\nb") == ["a", "SELECT 'x", "LISTEN a", "b"]


def test_an_unterminated_comment_before_a_statement_does_not_hide_the_rest() -> None:
    assert parts("/* x;\nLISTEN a") == ["LISTEN a"]


@given(TEXTS)
def test_splitting_loses_nothing_but_comments_space_and_semicolons(text: str) -> None:
    split = split_statements(text)
    end = 0
    outside = ""
    for start, stop in split.ranges:
        assert end <= start < stop
        outside += text[end:start] + "\n"
        end = stop
    if not split.faults:
        rest = [token.text for piece in (outside, text[end:]) for token in significant_tokens(piece)]
        assert set(rest) <= {";"}


@pytest.mark.parametrize(
    "unit",
    [
        "/* ;\n",
        "$a$;\n",
        "'a';\n",
        "a;",
        "(",
        "create rule ;",
        "create function begin atomic;",
        "--\n",
        "x -- a\n",
        "/* */",
    ],
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.process_time()
    split_statements(text)
    assert time.process_time() - started < 10


def test_hostile_dollar_tags_take_linear_time() -> None:
    text = "".join(f"$a{index}$;\n" for index in range(50_000))
    started = time.process_time()
    assert len(split_statements(text).faults) < 20
    assert time.process_time() - started < 10
