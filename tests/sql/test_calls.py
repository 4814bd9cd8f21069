"""Function calls are found wherever they are made, and nowhere else."""

from __future__ import annotations

import pytest

from txsafe.model import HOLE_CHARACTERS, Hole
from txsafe.sql import read_statements
from txsafe.sql.calls import SESSION_FUNCTIONS, is_wanted, name_stems

SQL = HOLE_CHARACTERS[Hole.SQL]
NAME = HOLE_CHARACTERS[Hole.IDENTIFIER]


def calls(text: str) -> list[str]:
    return [call.name for statement in read_statements(text) for call in statement.calls]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT pg_advisory_lock(1)", ["pg_advisory_lock"]),
        ("select PG_ADVISORY_LOCK (1)", ["pg_advisory_lock"]),
        ("SELECT pg_advisory_lock /* why */ (1)", ["pg_advisory_lock"]),
        ('SELECT pg_catalog . "pg_advisory_lock"(1)', ["pg_advisory_lock"]),
        ('SELECT db.pg_catalog."pg_advisory_lock"(1)', ["pg_advisory_lock"]),
        (r'SELECT U&"pg\005fadvisory_lock"(1)', ["pg_advisory_lock"]),
        ('SELECT "PG_ADVISORY_LOCK"(1)', []),
        ("WITH x AS (SELECT set_config('a', 'b', false)) SELECT * FROM x", ["set_config"]),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM (SELECT lastval()) q)", ["lastval"]),
        ("INSERT INTO t (a) VALUES (nextval('s'), currval('s'))", ["nextval", "currval"]),
        ("CREATE TABLE t (a int DEFAULT currval('s'))", ["currval"]),
        ("ALTER TABLE t ALTER a SET DEFAULT nextval('s')", ["nextval"]),
        ("CREATE VIEW v AS SELECT pg_backend_pid()", ["pg_backend_pid"]),
        (
            "SELECT set_config('a', current_setting('b'), set_config('c', 'd', true) = 'd')",
            ["set_config", "set_config"],
        ),
        ("COPY (SELECT setseed(1)) TO STDOUT", ["setseed"]),
        ("EXPLAIN ANALYZE SELECT setseed(1)", ["setseed"]),
        ("EXPLAIN SELECT setseed(1)", []),
        ("CALL p(currval('s'))", ["currval"]),
        ("DECLARE c CURSOR FOR SELECT currval('s')", ["currval"]),
        ("PREPARE p AS SELECT currval('s')", ["currval"]),
        ("SELECT * FROM dblink('c', 'SELECT pg_advisory_lock(1)') AS t(a int)", ["dblink"]),
        ("MERGE INTO t USING s ON pg_try_advisory_lock(1) WHEN MATCHED THEN DELETE", ["pg_try_advisory_lock"]),
        (f"SELECT pg_{SQL}advisory_lock(1)", [f"pg_{SQL}advisory_lock"]),
        (f"SELECT {SQL}advisory_lock{NAME}(1)", [f"{SQL}advisory_lock{NAME}"]),
        (f"SELECT pg_{SQL}(1), {NAME}(2), x_{SQL}_value(1)", []),
        ("pg_advisory_lock(1)", ["pg_advisory_lock"]),
        ("x = currval('s')", ["currval"]),
        (f"{SQL} pg_advisory_lock(1)", ["pg_advisory_lock"]),
        ("SELECT pg_advisory_lock", []),
        ("SELECT 'pg_advisory_lock(1)', \"pg_advisory_lock(1)\", $$pg_advisory_lock(1)$$ -- pg_advisory_lock(1)", []),
        ("SELECT my_pg_advisory_lock(1), pg_advisory_lock_x(1), pg_advisory_lock.x(1)", []),
        ("CREATE FUNCTION set_config(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'", []),
        ("CREATE FUNCTION f(a int DEFAULT currval('s')) RETURNS int LANGUAGE sql AS 'SELECT 1'", ["currval"]),
        ("DROP FUNCTION IF EXISTS set_config(text), currval(text)", []),
        ("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), lastval() TO r", []),
        ("REVOKE ALL ON FUNCTION s.pg_advisory_lock(bigint) FROM r", []),
        ("COMMENT ON FUNCTION pg_advisory_lock(bigint) IS 'x'", []),
        ("ALTER FUNCTION pg_advisory_lock(bigint) OWNER TO r", []),
        ("CREATE TRIGGER x AFTER INSERT ON t EXECUTE PROCEDURE set_config()", []),
        ("INSERT INTO lastval (a) VALUES (1)", []),
        ("CREATE TABLE IF NOT EXISTS currval (a int)", []),
        ("WITH q AS (SELECT 1) SELECT * FROM x AS lastval(a)", []),
    ],
)
def test_calls(text: str, names: list[str]) -> None:
    assert calls(text) == names


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("lastval()", ()),
        ("lastval(  )", ()),
        ("set_config('a', $1, false)", ("'a'", "$1", "false")),
        ("set_config( 'a,b' , (1, 2), f(3, 4))", ("'a,b'", "(1, 2)", "f(3, 4)")),
        ("set_config('a', :v, %s)", ("'a'", ":v", "%s")),
        (f"set_config('a', {SQL}, {NAME})", ("'a'", SQL, NAME)),
        ("set_config('a', ARRAY[1, 2], true)", ("'a'", "ARRAY[1, 2]", "true")),
        ("set_config('a',)", ("'a'", "")),
        ("set_config('a', 'b", ("'a'", "'b")),
    ],
)
def test_arguments_are_as_spelled(call: str, arguments: tuple[str, ...]) -> None:
    text = f"SELECT {call}"
    (found,) = read_statements(text)[0].calls
    assert found.arguments == arguments
    assert text[found.span.start : found.span.end] == call


def test_a_qualified_call_names_its_schema_and_spans_it() -> None:
    text = 'SELECT "Pg".lastval() + 1'
    (found,) = read_statements(text)[0].calls
    assert (found.schema, text[found.span.start : found.span.end]) == ("Pg", '"Pg".lastval()')


def test_the_caller_says_which_functions_matter() -> None:
    text = "SELECT app.tenant(1), lastval(); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT tenant(2)'"
    found = [
        call.name for statement in read_statements(text, functions=frozenset({"tenant"})) for call in statement.calls
    ]
    assert found == ["tenant", "tenant"]
    assert not any(statement.calls for statement in read_statements(text, functions=frozenset()))


def test_every_function_has_a_stem() -> None:
    stems = name_stems(SESSION_FUNCTIONS)
    assert all(any(stem in name for stem in stems) for name in SESSION_FUNCTIONS)
    assert len(stems) < len(SESSION_FUNCTIONS) / 1.5


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("pg_advisory_lock", True),
        (f"pg_{SQL}advisory_{SQL}lock", True),
        (f"{SQL}_advisory_lock", True),
        (f"pg_advisory_{SQL}", True),
        (f"pg_advisory{SQL}xyz{SQL}lock", False),
        (f"app_advisory{SQL}", False),
        (f"pg_{SQL}", False),
        ("pg_advisory", False),
        (f"pg_advisory_lock{SQL}lock", False),
    ],
)
def test_names_with_holes(name: str, wanted: bool) -> None:
    assert is_wanted(name, SESSION_FUNCTIONS) is wanted


def test_calls_nested_without_end_are_not_all_kept() -> None:
    (statement,) = read_statements("SELECT " + "currval(" * 5000)
    assert 1 < len(statement.calls) < 100
