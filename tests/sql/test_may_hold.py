"""The first question to a text never drops what the reader would find; and the reader survives anything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sql.test_lexer import TEXTS
from txsafe.model import HOLE_CHARACTERS, StatementKind
from txsafe.sql import MessageKind, may_hold_session_state, read_statements

GRAMMAR = Path(__file__).with_name("grammar.sql").read_text(encoding="utf-8").splitlines()[1:]
STATELESS = {
    StatementKind.SHOW,
    StatementKind.NOTIFY,
    StatementKind.DROP,
    StatementKind.LOCK,
    StatementKind.COPY,
    StatementKind.CALL,
    StatementKind.DO,
    StatementKind.CREATE_ROUTINE,
    StatementKind.EXPLAIN,
    StatementKind.QUERY,
    StatementKind.DDL,
    StatementKind.OTHER,
}
PIECES = st.sampled_from(
    [
        *GRAMMAR,
        *(
            "; ",
            " ",
            "\n",
            "'",
            "/*",
            "*/",
            "--",
            "(",
            ")",
            "IF a THEN ",
            " LOOP ",
            "EXECUTE '",
            "DO $$ BEGIN ",
            " END $$",
        ),
        *("SELECT pg_advisory_lock(1)", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '", "E'\\x53ET a = 1'"),
        *HOLE_CHARACTERS.values(),
    ]
)
SQL_TEXTS = st.one_of(TEXTS, st.lists(PIECES, max_size=8).map("".join))


def holds(text: str) -> bool:
    return any(statement.kind not in STATELESS or statement.calls for statement in read_statements(text))


@given(SQL_TEXTS)
def test_no_text_that_holds_session_state_is_dropped(text: str) -> None:
    assert may_hold_session_state(text) or not holds(text)


@pytest.mark.parametrize("text", GRAMMAR)
def test_no_statement_that_holds_session_state_is_dropped(text: str) -> None:
    assert may_hold_session_state(text) or not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT a, b FROM t WHERE c = 'x' LIMIT 10 OFFSET 5",
        "INSERT INTO t (reset_token, asset) VALUES (1, 2)",
        "SELECT CASE WHEN a THEN 1 ELSE 2 END FROM t",
        "DELETE FROM settings WHERE loaded AND disclosed AND released_at > now()",
        "CREATE TABLE t (id bigint PRIMARY KEY)",
    ],
)
def test_ordinary_statements_are_dropped(text: str) -> None:
    assert not may_hold_session_state(text)


def test_the_caller_says_which_functions_matter() -> None:
    assert may_hold_session_state("SELECT tenant(1)", functions=frozenset({"tenant"}))
    assert not may_hold_session_state("SELECT tenant(1)")


@given(SQL_TEXTS, st.sampled_from(MessageKind))
def test_any_text_is_read_and_spans_lie_in_the_text_in_order(text: str, message: MessageKind) -> None:
    end = 0
    for statement in read_statements(text, message=message):
        span = statement.span
        assert 0 <= span.start < span.end <= len(text)
        if statement.context == "top" and span.start >= end:
            end = span.end
        assert span.end <= end
        assert all(0 <= call.span.start < call.span.end <= len(text) for call in statement.calls)


@pytest.mark.parametrize(
    "text",
    [
        "SET x = '" + "a" * 5_000_000 + "'",
        "SET x = '" + "''" * 1_000_000 + "'",
        "SET x = E'" + "\\'" * 1_000_000 + "'",
        "SET x = '" + "a" * 5_000_000,
        "SELECT pg_advisory_lock" + "(" * 2_000 + "1" + ")" * 2_000,
        "SELECT pg_advisory_lock" + "(" * 100_000,
        "DO $$ BEGIN EXECUTE " + "(" * 50_000 + "'SET x = 1'" + ")" * 50_000 + "; END $$",
        "DO $$ BEGIN EXECUTE " + "'a' || " * 50_000 + "'b'; END $$",
        "DO $$ BEGIN EXECUTE " + "concat(" * 50_000 + "; END $$",
        "DO $$ BEGIN EXECUTE " + "format(" * 20_000 + "'%s'" + ")" * 20_000 + "; END $$",
        "DO $$ BEGIN " + "IF a THEN " * 50_000 + " END $$",
        "DO $$ BEGIN " + "IF CASE " * 50_000 + " END $$",
        "DO $$ BEGIN " + "FOR " * 50_000 + " END $$",
        "DO $$ " + "<< " * 50_000 + " END $$",
        "EXPLAIN ANALYZE " * 20_000 + "SELECT 1",
        "EXPLAIN (" * 20_000,
        "COPY (" * 20_000,
        "CREATE TABLE t AS EXECUTE " * 20_000,
        "CREATE FUNCTION f() RETURN " * 20_000,
        "DO '" * 20_000,
        "\x00" * 200_000,
        "SELECT " + "a." * 100_000,
        "SET " + "a." * 100_000 + " = 1",
        "SET " + "{a}" * 50_000,
        "SELECT " + "\uf8f2a(" * 20_000,
        "BEGIN; COMMIT; " * 10_000,
    ],
    ids=lambda text: f"{text[:25]}-{len(text)}",
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    started = time.process_time()
    read_statements(text)
    may_hold_session_state(text)
    assert time.process_time() - started < 8
