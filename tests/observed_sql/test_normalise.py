"""Statements that differ only in values have one normal form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.observed_sql.normalise import LONGEST, normalise, tidy

PIECES = st.sampled_from(
    (
        *(
            "select",
            "from",
            "where",
            "set",
            "=",
            "?",
            "::",
            "int",
            "(",
            ")",
            ",",
            ".",
            ";",
            "'x'",
            "'it''s'",
            "$1",
            "%s",
        ),
        *(":name", "{x}", "12", "-1", "1.5e3", '"A"', '"a"', "--", "c\n", "/*", "*/", "$$a$$", "$b$", "do", "begin"),
        *("end", "create", "function", "…", "set_config", "in", "values", "a1b2c3d4e5", "tmp_123", "local", "to"),
        *("default", "[", "]", ":", "!", "'", '"', "é"),
    )
)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SELECT * FROM t WHERE a = 1", "select *\n from T where a='x'"),
        ("SELECT 1 FROM t WHERE a IN (1, 2, 3)", "SELECT 1 FROM t WHERE a IN (%s)"),
        ("SELECT 1 FROM t WHERE a IN ($1 /*, ... */)", "SELECT 1 FROM t WHERE a IN (1, 2)"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES ($1, $2)"),
        ("SELECT :name", "SELECT $1::varchar"),
        ("SELECT %(x)s::int[]", "SELECT $1"),
        ("SELECT pg_advisory_lock(-5)", "SELECT pg_advisory_lock(%s)"),
        ("SET search_path TO tenant_1, public", "set search_path = $1"),
        ("SET search_path TO $1, public", "SET search_path = 'x'"),
        ("SET SESSION statement_timeout = '5s'", "set session statement_timeout to 10;"),
        ("SELECT 1; ", "SELECT 2 -- the end"),
        ('SELECT "a" FROM "t"', "SELECT a FROM t"),
        ("CREATE TEMP TABLE tmp_20260102 (a int)", "CREATE TEMP TABLE tmp_20260103 (a int)"),
        ("DROP TABLE x_9f8e7d6c5b4a", "DROP TABLE x_0123456789ab"),
        ("DO $$ BEGIN PERFORM f(1); END $$", "do $x$ begin perform f(2); end $x$"),
        ("SELECT $$text$$", "SELECT 'other'"),
    ],
)
def test_values_space_comments_and_case_do_not_count(first: str, second: str) -> None:
    assert normalise(first) == normalise(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SELECT a FROM t", "SELECT b FROM t"),
        ('SELECT "A" FROM t', "SELECT a FROM t"),
        ("SET search_path TO x", "SET role TO x"),
        ("SET search_path TO DEFAULT", "SET search_path TO x"),
        ("SET LOCAL a = 1", "SET a = 1"),
        ("SELECT set_config('a', $1, false)", "SELECT set_config('b', $1, false)"),
        ("SELECT set_config('a', $1, false)", "SELECT set_config('a', $1, true)"),
        ("LISTEN a", "LISTEN b"),
        ("DO $$ BEGIN PERFORM f(1); END $$", "DO $$ BEGIN PERFORM g(1); END $$"),
        ("SET TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE"),
    ],
)
def test_what_decides_what_a_statement_does_counts(first: str, second: str) -> None:
    assert normalise(first) != normalise(second)


@given(st.text() | st.lists(PIECES, max_size=20).map(" ".join) | st.lists(PIECES, max_size=20).map("".join))
def test_normalising_twice_is_normalising_once(sql: str) -> None:
    once = normalise(sql)
    assert normalise(once) == once


def test_long_statements_are_cut() -> None:
    assert len(normalise("SELECT " + "a, " * LONGEST)) < 3 * LONGEST


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT pg_advisory_lock( 1 ) FROM public.t WHERE a IN (1,2)",
            "select pg_advisory_lock(?) from public.t where a in (?)",
        ),
        ("PREPARE p (int) AS SELECT f(a[1], b)", "prepare p(int) as select f(a[?], b)"),
        ("do $$ begin perform f(1); end $$", "do begin perform f(?); end"),
    ],
)
def test_forms_are_shown_as_people_write_them(sql: str, expected: str) -> None:
    assert tidy(normalise(sql)) == expected
