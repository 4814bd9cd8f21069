"""What statements say beyond what the oracle compares: facts, fragments, look-alikes, placeholders."""

from __future__ import annotations

import pytest

from txsafe.model import HOLE_CHARACTERS, Hole, Statement
from txsafe.model import StatementKind as Kind
from txsafe.sql import read_statements

SQL = HOLE_CHARACTERS[Hole.SQL]
NAME = HOLE_CHARACTERS[Hole.IDENTIFIER]
VALUE = HOLE_CHARACTERS[Hole.VALUE]


def only(text: str) -> Statement:
    (statement,) = read_statements(text)
    return statement


@pytest.mark.parametrize(
    ("text", "kind", "facts"),
    [
        ("SET search_path TO a, b", Kind.SET, {"scope": "session", "name": "search_path", "value": "a, b"}),
        ("SET LOCAL A.B = 'X'", Kind.SET, {"scope": "local", "name": "a.b", "value": "'X'"}),
        (
            "SET TIME ZONE INTERVAL '1' SECOND(3)",
            Kind.SET,
            {"scope": "session", "name": "timezone", "value": "INTERVAL '1' SECOND(3)"},
        ),
        (
            "SET search_path FROM CURRENT",
            Kind.SET,
            {"scope": "session", "name": "search_path", "value": "from current"},
        ),
        ("SET LOCAL x TO DEFAULT", Kind.RESET, {"scope": "local", "name": "x"}),
        ("SET TIME ZONE LOCAL", Kind.RESET, {"scope": "session", "name": "timezone"}),
        ("RESET ALL", Kind.RESET, {"scope": "session", "name": "all"}),
        ("SET LOCAL ROLE 'App'", Kind.SET_ROLE, {"action": "set", "role": "App", "scope": "local"}),
        ("SET ROLE NONE", Kind.SET_ROLE, {"action": "reset", "role": "none", "scope": "session"}),
        ('SET ROLE "none"', Kind.SET_ROLE, {"action": "set", "role": "none", "scope": "session"}),
        ("SET role TO DEFAULT", Kind.SET_ROLE, {"action": "reset", "role": "default", "scope": "session"}),
        ("RESET ROLE", Kind.SET_ROLE, {"action": "reset", "role": "", "scope": "session"}),
        (
            "SET SESSION AUTHORIZATION DEFAULT",
            Kind.SET_SESSION_AUTHORIZATION,
            {"action": "reset", "role": "default", "scope": "session"},
        ),
        (
            "RESET SESSION AUTHORIZATION",
            Kind.SET_SESSION_AUTHORIZATION,
            {"action": "reset", "role": "", "scope": "session"},
        ),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE",
            Kind.SET_CHARACTERISTICS,
            {"modes": "READ ONLY, ISOLATION LEVEL SERIALIZABLE", "parameter": "default_transaction_read_only"},
        ),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            Kind.SET_CHARACTERISTICS,
            {"modes": "ISOLATION LEVEL SERIALIZABLE", "parameter": "default_transaction_isolation"},
        ),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION NOT DEFERRABLE",
            Kind.SET_CHARACTERISTICS,
            {"modes": "NOT DEFERRABLE", "parameter": "default_transaction_deferrable"},
        ),
        ("SET TRANSACTION READ ONLY", Kind.SET_TRANSACTION, {"modes": "READ ONLY"}),
        ("DISCARD TEMPORARY", Kind.DISCARD, {"target": "temp"}),
        ("PREPARE p(int) AS SELECT $1", Kind.PREPARE, {"name": "p", "body": "SELECT $1"}),
        ("EXECUTE p( 1, f(2) )", Kind.EXECUTE, {"name": "p", "arguments": "1, f(2)"}),
        ("EXECUTE p", Kind.EXECUTE, {"name": "p", "arguments": ""}),
        (
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1 -- x",
            Kind.DECLARE_CURSOR,
            {"name": "c", "hold": "yes", "body": "SELECT 1"},
        ),
        ('LISTEN "A""b"', Kind.LISTEN, {"channel": 'A"b'}),
        ("COMMIT AND CHAIN", Kind.COMMIT, {"chain": "yes"}),
        ("DROP TABLE IF EXISTS pg_temp.T, u", Kind.DROP, {"object": "table", "name": "t"}),
        ("DROP MATERIALIZED VIEW v", Kind.DROP, {"object": "materialized view", "name": "v"}),
        ("DROP USER MAPPING FOR x SERVER y", Kind.DROP, {"object": "user mapping", "name": "for"}),
        ("DROP OPERATOR CLASS c USING btree", Kind.DROP, {"object": "operator class", "name": "c"}),
        ("DO LANGUAGE plpgsql ''", Kind.DO, {"language": "plpgsql"}),
        ("DO %s", Kind.DO, {"language": "plpgsql"}),
        ("DO \uf8f2", Kind.DO, {"language": "plpgsql"}),
        ("SET search_path=%s", Kind.SET, {"scope": "session", "name": "search_path", "value": "%s"}),
        (
            "CREATE FUNCTION s.F(a int) RETURNS int LANGUAGE C AS 'x'",
            Kind.CREATE_ROUTINE,
            {"name": "s.f", "language": "c"},
        ),
    ],
)
def test_facts(text: str, kind: Kind, facts: dict[str, str]) -> None:
    statement = only(text)
    assert (statement.kind, dict(statement.facts)) == (kind, facts)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "CREATE TEMP TABLE T (a int)",
            {"object": "table", "name": "t", "on-commit": "none", "form": "create", "body": ""},
        ),
        (
            "CREATE TEMPORARY TABLE IF NOT EXISTS t ON COMMIT DROP AS SELECT 1",
            {"on-commit": "drop", "form": "as", "if-not-exists": "yes", "body": "SELECT 1"},
        ),
        ("CREATE TEMP TABLE t (a text DEFAULT 'x') ON COMMIT DELETE ROWS", {"on-commit": "delete-rows"}),
        ("CREATE TEMP TABLE t (a int) ON COMMIT PRESERVE ROWS", {"on-commit": "preserve-rows"}),
        ("CREATE TEMP VIEW v AS SELECT 2", {"object": "view", "form": "as", "body": "SELECT 2"}),
        ("CREATE TEMP SEQUENCE s", {"object": "sequence", "form": "create"}),
        ("CREATE TABLE pg_temp.t (a int)", {"name": "t", "if-not-exists": "no"}),
        ("CREATE TABLE pg_temp_3.t (a int)", {"name": "t"}),
        ("SELECT 1 INTO TEMP t FROM x", {"form": "select-into", "name": "t", "on-commit": "none"}),
        (f"CREATE TEMP TABLE {NAME} (a int)", {"name": NAME}),
        ("CREATE TEMP TABLE {prefix}_x (a int)", {"name": "{prefix}_x"}),
        (f"CREATE TEMP TABLE a_{SQL}_b AS {SQL}", {"name": f"a_{SQL}_b", "body": SQL}),
        ("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", {"object": "function", "name": "f"}),
        ("CREATE TYPE pg_temp.t AS ENUM ()", {"object": "type", "name": "t"}),
    ],
)
def test_temporary_objects(text: str, facts: dict[str, str]) -> None:
    statement = read_statements(text)[0]
    assert statement.kind is Kind.CREATE_TEMPORARY
    assert facts.items() <= statement.facts.items()


@pytest.mark.parametrize(
    ("text", "kind", "fact"),
    [
        ("SET search_path TO %s", Kind.SET, ("value", "%s")),
        ("SET search_path TO %(path)s, public", Kind.SET, ("value", "%(path)s, public")),
        ("SET LOCAL app.user = :user", Kind.SET, ("value", ":user")),
        ("SET app.user = $1", Kind.SET, ("value", "$1")),
        ("SET app.user = ?", Kind.SET, ("value", "?")),
        (f"SET search_path = {SQL}", Kind.SET, ("value", SQL)),
        (f"SET {SQL} = 1", Kind.SET, ("name", SQL)),
        (f"SET {SQL}", Kind.SET, ("name", SQL)),
        (f"SET LOCAL {SQL}", Kind.SET, ("scope", "local")),
        (f"SET app.{NAME} TO {VALUE}", Kind.SET, ("name", f"app.{NAME}")),
        (
            f"SET SESSION CHARACTERISTICS AS TRANSACTION {SQL}",
            Kind.SET_CHARACTERISTICS,
            ("parameter", "default_transaction_isolation"),
        ),
        (f"SET ROLE {NAME}", Kind.SET_ROLE, ("role", NAME)),
        ("SET ROLE %s", Kind.SET_ROLE, ("role", "%s")),
        (f"LISTEN {SQL}", Kind.LISTEN, ("channel", SQL)),
        ("LISTEN {channel}", Kind.LISTEN, ("channel", "{channel}")),
        (f"LISTEN prefix_{SQL}", Kind.LISTEN, ("channel", f"prefix_{SQL}")),
        ("UNLISTEN %s", Kind.UNLISTEN, ("channel", "%s")),
        (f"LOAD {VALUE}", Kind.LOAD, ("library", VALUE)),
        ("LOAD %s", Kind.LOAD, ("library", "%s")),
        (f"FETCH {SQL} FROM c", Kind.FETCH, ("name", "c")),
        ("FETCH FORWARD %s FROM c", Kind.FETCH, ("name", "c")),
        (f"DEALLOCATE {SQL}", Kind.DEALLOCATE, ("name", SQL)),
        (f"DECLARE {NAME} CURSOR FOR {SQL}", Kind.DECLARE_CURSOR, ("name", NAME)),
    ],
)
def test_placeholders_and_holes_are_names_and_values(text: str, kind: Kind, fact: tuple[str, str]) -> None:
    statement = only(text)
    assert statement.kind is kind
    assert statement.facts[fact[0]] == fact[1]


@pytest.mark.parametrize(
    "text",
    [
        "SET",
        "SET x",
        "SET x y z",
        "SET a = 1, b = 2 WHERE c = 3",
        "SET a = b WHERE c",
        "SET a = (SELECT 1)",
        "SET a = f(x)",
        "SET a = 1, b = 2",
        "SET @x = 1",
        "SET @@x = 1",
        "SET NOCOUNT ON",
        "SET TRANSACTION",
        "SET TRANSACTION NAME 'x'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION",
        "SET CONSTRAINTS",
        "SET ROLE",
        "SET ROLE a, b",
        "SET x FROM CURRENT y",
        "SET XML OPTION",
        "SET search_path =",
        "SET role = DEFAULT x",
        "SET the timeout to five",
        "SET x = 1 to 2",
        "RESET",
        "RESET a b",
        "RESET ROLE x",
        "RESET 'x'",
        "SHOW",
        "SHOW a b",
        "SHOW 'x'",
        "DISCARD",
        "DISCARD x",
        "DISCARD ALL x",
        "PREPARE",
        "PREPARE p",
        "PREPARE p FROM 'x'",
        "PREPARE p AS",
        "PREPARE TRANSACTION",
        "EXECUTE",
        "EXECUTE IMMEDIATE 'x'",
        "EXECUTE sp_x @a = 1",
        "EXECUTE 'SET x'",
        "EXECUTE p WITH x",
        "DEALLOCATE",
        "DEALLOCATE a b",
        "DEALLOCATE 'x'",
        "DECLARE @x int",
        "DECLARE x",
        "DECLARE x CURSOR",
        "DECLARE x CURSOR FOR",
        "FETCH",
        "FETCH FIRST 5 ROWS ONLY",
        "FETCH NEXT FROM c INTO @x",
        "FETCH ()",
        "CLOSE",
        "CLOSE the door",
        "CLOSE 'x'",
        "LISTEN",
        "LISTEN to me",
        "LISTEN 'x'",
        "UNLISTEN",
        "UNLISTEN a b",
        "UNLISTEN * x",
        "NOTIFY",
        "NOTIFY the user",
        "NOTIFY 'x'",
        "LOAD",
        "LOAD DATA INFILE 'x' INTO TABLE t",
        "LOAD the file",
        "LOAD data",
        "BEGIN IMMEDIATE",
        "BEGIN TRAN",
        "START",
        "START the engine",
        "START SLAVE",
        "COMMIT x",
        "COMMIT PREPARED",
        "END IF",
        "END PREPARED",
        "ROLLBACK x",
        "ROLLBACK TO",
        "ROLLBACK AND CHAIN x",
        "ABORT PREPARED 'x'",
        "SAVEPOINT",
        "SAVEPOINT a b",
        "RELEASE a b",
        "CREATE TEMP",
        "CREATE TEMP FUNCTION f(a) AS (1)",
        "CREATE TEMP TABLE",
        "DROP",
        "EXPLAIN",
        "EXPLAIN ANALYZE",
        "COPY",
        "LOCK",
        "CALL",
        "DO",
        "DO x",
        "DO LANGUAGE plpgsql",
        "DO $$a$$ $$b$$ x",
        "CREATE FUNCTION",
        "CREATE FUNCTION 1",
        "pg_advisory_lock",
        "name = 1",
        "VACUUM",
        f"{SQL} search_path",
        f"{SQL} x; {SQL}"[:13],
        "PRAGMA x",
        "USE db",
        "%s",
        "'x'",
        ")",
        "=",
    ],
)
def test_what_merely_begins_alike_is_something_else(text: str) -> None:
    assert {statement.kind for statement in read_statements(text)} == {Kind.OTHER}


@pytest.mark.parametrize(
    "text",
    ["CREATE", "CREATE x", "CREATE TABLE", "CREATE OR REPLACE", "CREATE TABLE (a)", f"CREATE {SQL} TABLE t (a int)"],
)
def test_incomplete_definitions_are_no_more_than_definitions(text: str) -> None:
    assert only(text).kind is Kind.DDL


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a INTO",
        "SELECT 1 INTO x",
        "WITH t AS (SELECT 1 INTO TEMP x) SELECT 2",
        "((SELECT 1",
        "SELECT 1) INTO TEMP",
    ],
)
def test_a_query_without_a_temporary_target_is_a_query(text: str) -> None:
    assert only(text).kind is Kind.QUERY


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("EXPLAIN (ANALYZE) EXECUTE p(1)", [Kind.EXPLAIN, Kind.EXECUTE]),
        ("EXPLAIN EXECUTE p", [Kind.EXPLAIN, Kind.EXECUTE]),
        ("EXPLAIN (ANALYZE off) SELECT 1", [Kind.EXPLAIN]),
        ("EXPLAIN (COSTS on, ANALYZE true) SELECT 1", [Kind.EXPLAIN, Kind.QUERY]),
        ("EXPLAIN (VERBOSE) SELECT 1", [Kind.EXPLAIN]),
        ("EXPLAIN analyse verbose SELECT 1", [Kind.EXPLAIN, Kind.QUERY]),
        ("EXPLAIN (SELECT 1)", [Kind.EXPLAIN]),
        ("EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", [Kind.EXPLAIN, Kind.CREATE_TEMPORARY]),
        ("COPY (SELECT 1) TO STDOUT", [Kind.COPY, Kind.QUERY]),
        ("COPY () TO STDOUT", [Kind.COPY]),
        ("COPY (", [Kind.COPY]),
        ("CREATE TABLE t AS EXECUTE p", [Kind.DDL, Kind.EXECUTE]),
        ("CREATE TEMP TABLE t AS EXECUTE p WITH DATA", [Kind.CREATE_TEMPORARY, Kind.EXECUTE]),
    ],
)
def test_statements_within_statements_follow_them(text: str, kinds: list[Kind]) -> None:
    assert [statement.kind for statement in read_statements(text)] == kinds


@pytest.mark.parametrize(
    "text",
    [
        "/* a */ SET /* b */ LOCAL -- c\n x /* d */ TO /* e */ 1 /* f */",
        "\n\tset\r\nlocal\fx\vto\n1",
        "SeT LoCaL X tO 1;",
        "--; DISCARD ALL\nSET LOCAL x = 1",
    ],
)
def test_comments_space_and_case_make_no_difference(text: str) -> None:
    statement = only(text)
    assert (statement.kind, statement.facts["scope"], statement.facts["name"]) == (Kind.SET, "local", "x")


def test_spans_leave_out_comments_and_semicolons() -> None:
    text = "/* a */ SET x = 1 /* b */ ; -- c\n"
    span = only(text).span
    assert text[span.start : span.end] == "SET x = 1"


def test_case_mapping_that_changes_the_length_moves_nothing() -> None:
    text = "SELECT 'İİİİ', pg_advisory_lock(1); SELECT 2"
    first, second = read_statements(text)
    assert [call.name for call in first.calls] == ["pg_advisory_lock"]
    assert second.calls == ()
