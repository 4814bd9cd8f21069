"""What runs in DO blocks and routines, and what merely stands in them."""

from __future__ import annotations

import pytest

from txsafe.model import (
    HOLE_CHARACTERS,
    Hole,
    Statement,
    StatementContext,
    Transaction,
    TransactionContext,
    TransactionEnd,
)
from txsafe.model import StatementKind as Kind
from txsafe.sql import read_statements

SQL = HOLE_CHARACTERS[Hole.SQL]
NAME = HOLE_CHARACTERS[Hole.IDENTIFIER]
VALUE = HOLE_CHARACTERS[Hole.VALUE]
HARMLESS = (Kind.QUERY, Kind.DDL, Kind.OTHER, Kind.DROP)


def body(code: str) -> list[Statement]:
    """Read what stands in a DO block, in both ways of quoting it: they must agree."""
    quoted = read_statements("DO '" + code.replace("'", "''") + "'")
    dollars = read_statements(f"DO $body$ {code} $body$")
    assert [(one.kind, one.facts, [call.name for call in one.calls]) for one in quoted] == [
        (one.kind, one.facts, [call.name for call in one.calls]) for one in dollars
    ]
    return list(dollars[1:])


def found(code: str) -> list[str]:
    """Name what is found: kinds of statements that touch the session, and calls."""
    names = []
    for statement in body(code):
        if statement.kind not in HARMLESS:
            names.append(statement.kind.value)
        names.extend(call.name for call in statement.calls)
    return names


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("BEGIN PERFORM pg_advisory_lock(1); END", ["pg_advisory_lock"]),
        ("BEGIN v := set_config('a', 'b', true); END", ["set_config"]),
        ("BEGIN v = set_config('a', 'b', true); END", ["set_config"]),
        ("BEGIN r.f[1] := lastval(); END", ["lastval"]),
        ("DECLARE a int := lastval(); set text; lock int; load text := 'x'; BEGIN NULL; END", ["lastval"]),
        ("DECLARE c CURSOR FOR SELECT currval('s'); BEGIN OPEN c; FETCH c INTO r; MOVE c; CLOSE c; END", ["currval"]),
        ("BEGIN SELECT pg_advisory_lock(1) INTO temp FROM x; END", ["pg_advisory_lock"]),
        ("BEGIN SELECT 1 INTO TEMP t; END", []),
        (
            (
                "BEGIN IF pg_try_advisory_lock(1) THEN SET a = 1; ELSIF lastval() = 1 THEN RESET a; "
                "ELSE DISCARD ALL; END IF; END"
            ),
            ["pg_try_advisory_lock", "set", "lastval", "reset", "discard"],
        ),
        ("BEGIN FOR r IN SELECT lastval() LOOP SET a = 1; END LOOP; END", ["lastval", "set"]),
        ("BEGIN <<outer>> LOOP LISTEN a; EXIT outer WHEN lastval() > 1; END LOOP outer; END", ["listen", "lastval"]),
        ("BEGIN WHILE lastval() < 3 LOOP UNLISTEN *; END LOOP; END", ["lastval", "unlisten"]),
        ("BEGIN FOREACH x IN ARRAY a LOOP LOAD 'x'; END LOOP; END", ["load"]),
        ("BEGIN FOR i IN 1..10 LOOP CREATE TEMP TABLE t (a int); END LOOP; END", ["create-temporary"]),
        (
            "BEGIN CASE a WHEN 1, 2 THEN SET a = 1; WHEN 3 THEN RESET a; ELSE DISCARD PLANS; END CASE; SET b = 2; END",
            ["set", "reset", "discard", "set"],
        ),
        ("BEGIN CASE WHEN a THEN SET a = 1; END CASE; END", ["set"]),
        ("BEGIN SELECT CASE WHEN a THEN close ELSE listen END, load INTO x; END", []),
        ("BEGIN IF CASE WHEN a THEN close ELSE b END THEN SET a = 1; END IF; END", ["set"]),
        ("BEGIN BEGIN SET a = 1; EXCEPTION WHEN others THEN RESET a; END; SET b = 2; END", ["set", "reset", "set"]),
        ("BEGIN RAISE NOTICE 'SET a = 1; %', lastval(); END", ["lastval"]),
        ("BEGIN RAISE EXCEPTION 'SET a = 1'; END", []),
        ("BEGIN v := 'SET a = 1'; EXECUTE v; END", ["unseen"]),
        ("BEGIN -- SET a = 1;\n /* RESET a; */ NULL; END", []),
        ("BEGIN UPDATE t SET a = 1; INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 2; END", []),
        ("BEGIN set := 1; reset = 2; lock.a := 3; load[1] := 4; exception := 5; END", []),
        ("BEGIN RETURN lastval(); END", ["lastval"]),
        ("BEGIN RETURN QUERY SELECT lastval(); END", ["lastval"]),
        ("BEGIN RETURN NEXT r; GET DIAGNOSTICS x = ROW_COUNT; NULL; CONTINUE; END", []),
        (
            "BEGIN MERGE INTO t USING s ON a WHEN MATCHED THEN UPDATE SET b = 1; SET a = 1; END",
            ["set"],
        ),
        ("BEGIN COMMIT; ROLLBACK; END", ["commit", "rollback"]),
        ("BEGIN PREPARE p AS SELECT 1; DEALLOCATE p; END", ["prepare", "deallocate"]),
        ("BEGIN CALL p(lastval()); END", ["call", "lastval"]),
        ("#variable_conflict use_column\nDECLARE a int; BEGIN SET a = 1; END", ["set"]),
        ("BEGIN (SELECT lastval()); END", ["lastval"]),
        ("BEGIN IF a", []),
        ("BEGIN <<a", []),
        ("BEGIN IF a; SET b = 1; END", ["set"]),
        ("", []),
        (";;", []),
    ],
)
def test_a_block_runs_its_statements_and_calls(code: str, names: list[str]) -> None:
    assert found(code) == names


@pytest.mark.parametrize(
    ("expression", "kind", "fact"),
    [
        ("'SET a = 1'", Kind.SET, ("value", "1")),
        ("'SET a = ' || b", Kind.SET, ("value", SQL)),
        ("'SET ' || quote_ident(a) || ' = ' || quote_literal(b)", Kind.SET, ("name", NAME)),
        ("'SET a = ' || pg_catalog.quote_nullable(b)", Kind.SET, ("value", VALUE)),
        ("('SET ' || ('a') || ' = 1')", Kind.SET, ("name", "a")),
        ("'SET a = '::text || 'b'::text", Kind.SET, ("value", "b")),
        ("concat('SET a', ' = ', b)", Kind.SET, ("value", SQL)),
        ("format('SET %I = %L', a, b)", Kind.SET, ("value", VALUE)),
        ("format('SET %1$I = ''100%%''', a)", Kind.SET, ("value", "'100%'")),
        ("format('SET a = %s', b)", Kind.SET, ("value", SQL)),
        ("pg_catalog.format($f$SET a = %-10s$f$, b)", Kind.SET, ("value", SQL)),
        ("format('SET ' || 'a = 1')", Kind.SET, ("name", "a")),
        ("E'SET\\ta\\n= 1'", Kind.SET, ("name", "a")),
        ("$q$LISTEN x$q$", Kind.LISTEN, ("channel", "x")),
        ("'LISTEN ' || x USING 1, 2", Kind.LISTEN, ("channel", SQL)),
        ("'FETCH c' INTO STRICT x", Kind.FETCH, ("name", "c")),
        ("'SET a = 1' -- c\n '2'", Kind.SET, ("name", "a")),
    ],
)
def test_execute_runs_what_its_expression_makes(expression: str, kind: Kind, fact: tuple[str, str]) -> None:
    (statement,) = [one for one in body(f"BEGIN EXECUTE {expression}; END") if one.kind not in HARMLESS]
    assert (statement.kind, statement.facts[fact[0]]) == (kind, fact[1])
    assert statement.context is StatementContext.DYNAMIC


@pytest.mark.parametrize(
    "expression",
    [
        "v",
        "f('SET a = 1')",
        "v || 'SET a = 1'",
        "(SELECT 'SET a = 1')",
        "upper('SET a = 1')",
        "",
        "a.b.c(1)",
        "'x' ||",
        "(1) + (2)",
    ],
)
def test_execute_of_something_unknown_runs_nothing_known(expression: str) -> None:
    assert set(found(f"BEGIN EXECUTE {expression}; END")) <= {"unseen"}


def test_expressions_of_execute_are_evaluated_themselves() -> None:
    assert found("BEGIN EXECUTE 'SET a = ' || lastval(); END") == ["lastval", "set"]


@pytest.mark.parametrize(
    "code",
    [
        "BEGIN RETURN QUERY EXECUTE 'SELECT lastval()'; END",
        "BEGIN FOR r IN EXECUTE 'SELECT lastval()' USING 1 LOOP NULL; END LOOP; END",
        "BEGIN OPEN c FOR EXECUTE 'SELECT lastval()'; END",
        "BEGIN EXECUTE 'SELECT 1; SELECT lastval()'; END",
        "BEGIN EXECUTE $x$ DO $y$ BEGIN PERFORM lastval(); END $y$ $x$; END",
    ],
)
def test_dynamic_queries_are_read(code: str) -> None:
    assert found(code)[-1] == "lastval"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SET a = 1; SELECT lastval()'", ["set", "lastval"]),
        (
            "CREATE FUNCTION f() RETURNS void AS $$ BEGIN SET a = 1; END $$ LANGUAGE plpgsql SET search_path = x",
            ["set"],
        ),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql SET search_path = x AS $$ BEGIN END $$", []),
        ("CREATE PROCEDURE p() LANGUAGE 'plpgsql' AS $$ BEGIN COMMIT; SET LOCAL a = 1; END $$", ["commit", "set"]),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE plpython3u AS $$ plpy.execute('SET a = 1') $$", []),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE c AS 'x', 'set_config'", []),
        ("CREATE FUNCTION f() RETURNS int RETURN lastval()", ["lastval"]),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT lastval(); END", ["lastval"]),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC", []),
        ("CREATE FUNCTION f() RETURNS int AS 'SELECT' ' 1;'\n' SELECT lastval()'", ["lastval"]),
        ("DO LANGUAGE plperl 'SET a = 1'", []),
    ],
)
def test_a_routine_holds_its_statements_and_calls(text: str, names: list[str]) -> None:
    inner = read_statements(text)[1:]
    assert [one.kind.value for one in inner if one.kind not in HARMLESS] + [
        call.name for one in inner for call in one.calls
    ] == names
    assert read_statements(text)[0].calls == ()
    assert all(one.context is StatementContext.ROUTINE_BODY for one in inner)


@pytest.mark.parametrize(
    "text",
    [
        "DO $$ BEGIN SET a = 1; END $$",
        "DO $a$ BEGIN EXECUTE $$SET a = 1$$; END $a$",
        "DO 'BEGIN SET a = 1; END'",
        "DO E'BEGIN\\n\\tSET a = 1;\\nEND'",
        "DO 'BEGIN PERFORM ''''; EXECUTE ''SET a = 1''; END'",
        "DO 'BEGIN '\n'SET a = 1; END'",
        "DO $$ BEGIN EXECUTE format('%s; SET a = 1', 'x'); END $$",
        "CREATE PROCEDURE p() BEGIN ATOMIC SET a = 1; END",
    ],
)
def test_spans_lead_to_where_the_statement_is_spelled(text: str) -> None:
    (span,) = [one.span for one in read_statements("SELECT 1;\n" + text) if one.kind is Kind.SET]
    assert ("SELECT 1;\n" + text)[span.start : span.end] == "SET a = 1"


def test_spans_of_calls_lead_to_where_the_call_is_spelled() -> None:
    text = "DO 'BEGIN PERFORM ''x'', set_config(''a'', ''b'', false); END'"
    (call,) = [call for one in read_statements(text) for call in one.calls]
    assert text[call.span.start : call.span.end] == "set_config(''a'', ''b'', false)"
    assert call.arguments == ("'a'", "'b'", "false")


def context(kind: Transaction, block: str | None = None) -> TransactionContext:
    return TransactionContext(kind=kind, block=block)


@pytest.mark.parametrize(
    ("outer", "kind", "end"),
    [
        (Transaction.AUTOCOMMIT, Transaction.IMPLICIT, TransactionEnd.COMMIT),
        (Transaction.UNKNOWN, Transaction.IMPLICIT, TransactionEnd.UNKNOWN),
        (Transaction.IMPLICIT, Transaction.IMPLICIT, TransactionEnd.UNKNOWN),
        (Transaction.EXPLICIT, Transaction.EXPLICIT, TransactionEnd.UNKNOWN),
    ],
)
def test_a_do_block_never_runs_outside_of_a_transaction(
    outer: Transaction, kind: Transaction, end: TransactionEnd
) -> None:
    do, one, other = read_statements("DO $$ BEGIN SET LOCAL a = 1; RESET a; END $$", transaction=context(outer, "b"))
    assert do.transaction.kind is outer
    assert (one.transaction.kind, one.transaction.block, one.transaction.end) == (kind, "b", end)
    assert one.transaction == other.transaction


def test_two_do_blocks_in_autocommit_are_two_transactions() -> None:
    text = "DO $$ BEGIN SET a = 1; END $$"
    first = read_statements(text, transaction=context(Transaction.AUTOCOMMIT), block_prefix="x")[1]
    second = read_statements(" " + text, transaction=context(Transaction.AUTOCOMMIT), block_prefix="x")[1]
    assert first.transaction.block is not None
    assert first.transaction.block != second.transaction.block


def test_a_routine_body_is_a_block_of_its_own_whatever_surrounds_its_definition() -> None:
    text = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SET a = 1; RESET a'; SET b = 2"
    create, one, other, outside = read_statements(text)
    assert create.transaction == outside.transaction
    assert one.transaction.kind is Transaction.IMPLICIT
    assert one.transaction == other.transaction
    assert one.transaction.block not in (None, outside.transaction.block)


@pytest.mark.parametrize(
    "text",
    [
        "DO $$ BEGIN SET a = 1; COMMIT; RESET a; END $$",
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN ROLLBACK; SET a = 1; END'",
    ],
)
def test_a_body_that_ends_transactions_is_no_single_block(text: str) -> None:
    inner = read_statements(text, transaction=context(Transaction.AUTOCOMMIT))[1:]
    assert {one.transaction for one in inner} == {context(Transaction.IMPLICIT)}


def test_bodies_within_bodies_are_read_to_a_bound() -> None:
    text = "SET a = 1"
    for level in range(40):
        text = f"DO $d{level}$ BEGIN {text}; END $d{level}$"
    kinds = [one.kind for one in read_statements(text)]
    assert kinds == [*[Kind.DO] * (len(kinds) - 1), Kind.UNSEEN]
    assert len(kinds) < 20
