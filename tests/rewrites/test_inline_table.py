"""Where a temporary table becomes a CTE in a program or script, and the reasons that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rewrites.rewriting import check
from txsafe.rewrites.query_shape import read_query
from txsafe.rewrites.table_query import Filling, Refusal, read_filling

if TYPE_CHECKING:
    from txsafe.model import Diagnostic

CREATE = "CREATE TEMP TABLE batch AS SELECT id FROM item"


def program(
    body: str, *, head: str = "with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as conn:"
) -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"import psycopg\nimport psycopg2\n\n\ndef f(dsn, x):\n    {head}\n{lines}\n"


def found_in(text: str, name: str = "app.py") -> Diagnostic:
    return next(each for each in check(text, name=name).diagnostics if each.rule == "temp-table")


def is_inlined(found: Diagnostic) -> bool:
    return found.fix is not None and "CTE" in found.fix.title


def sent(*lines: str) -> str:
    """Return calls that send statements; what is a call already stays."""
    return "\n".join(line if "(" in line and "conn" in line else f'conn.execute("{line}")' for line in lines)


READ = "SELECT 1 FROM batch"
ONE = f"{CREATE} WHERE id = %s"
NOT_ONCE, NOT_MOVED = "it is not sure to be read once", "its bound parameters cannot be moved"
NOT_SPELLED, CHANGES = (
    "its statements are not spelled where they are sent",
    "what runs before it is read may change its rows",
)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((CREATE, "for _ in x: conn.execute('SELECT 1 FROM batch')"), NOT_ONCE),
        ((CREATE, "conn.execute(x)", READ), NOT_ONCE),
        ((f'conn.execute("{ONE}", (x(),))', READ), NOT_MOVED),
        ((f'conn.execute("{ONE}", (x,))', 'conn.execute("SELECT %s FROM batch", {"a": 1})'), NOT_MOVED),
        ((f'conn.execute("{ONE}", (x,))', "SELECT 5 % 2 FROM batch"), NOT_MOVED),
        ((f'conn.execute("{CREATE}", binary=x)', READ), NOT_MOVED),
        (
            (
                "CREATE TEMP TABLE batch (id int)",
                'conn.cursor().executemany("INSERT INTO batch VALUES (%s)", x)',
                READ,
            ),
            "it is filled or read row by row",
        ),
        ((f'a = conn.execute("{CREATE}")', READ), NOT_SPELLED),
        ((f"{CREATE}; SELECT 1", READ), NOT_SPELLED),
        ((f'query = "{READ}"; conn.execute("{CREATE}"); conn.execute(query)',), NOT_SPELLED),
        ((CREATE, "SELECT twice(id) FROM item", READ), CHANGES),
    ],
)
def test_a_program_that_may_mean_something_else_keeps_its_table(lines: tuple[str, ...], reason: str) -> None:
    found = found_in(program(sent(*lines)))
    assert not is_inlined(found)
    assert f"no CTE: {reason}" in found.suggestion


@pytest.mark.parametrize(
    ("lines", "applicability"),
    [
        ((CREATE, READ), "safe"),
        ((CREATE, "SELECT 1 FROM item", READ), "unsafe"),
        ((CREATE, "BEGIN", READ), "unsafe"),
        ((f"{CREATE}; {READ}",), "safe"),
        ((CREATE, READ, "x(conn)", "DROP TABLE batch"), "safe"),
    ],
)
def test_how_sure_it_is_depends_on_what_runs_beside_it(lines: tuple[str, ...], applicability: str) -> None:
    found = found_in(program(sent(*lines)))
    assert is_inlined(found)
    assert found.fix is not None
    assert found.fix.applicability.value == applicability


def test_commands_of_psql_may_do_anything_in_between() -> None:
    found = found_in(f"{CREATE};\n\\i other.sql\n{READ};\n", "app.sql")
    assert not is_inlined(found)
    assert f"no CTE: {CHANGES}" in found.suggestion
    assert is_inlined(found_in(f"{CREATE};\n\\echo made\n{READ};\n", "app.sql"))


def test_a_table_of_a_function_is_left_to_it() -> None:
    body = f"BEGIN {CREATE}; PERFORM 1 FROM batch; END"
    found = found_in(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ {body} $$;\n", "app.sql")
    assert not is_inlined(found)


# ---------------------------------------------------------------- the query


@pytest.mark.parametrize(
    ("created", "body", "name", "query"),
    [
        ("CREATE TEMP TABLE a AS SELECT 1", "SELECT 1", "a", "SELECT 1"),
        ("CREATE GLOBAL TEMPORARY TABLE a (x) AS (SELECT 1)", "(SELECT 1)", "a (x)", "SELECT 1"),
        (
            "CREATE TABLE pg_temp.a AS (TABLE b) UNION (TABLE c)",
            "(TABLE b) UNION (TABLE c)",
            "a",
            "(TABLE b) UNION (TABLE c)",
        ),
        ("CREATE TEMP TABLE a AS (SELECT 1 -- one\n)", "(SELECT 1 -- one\n)", "a", "SELECT 1 -- one"),
        ("CREATE TEMP TABLE a AS (SELECT 1 -- one)\n)", "(SELECT 1 -- one)\n)", "a", "SELECT 1 -- one)"),
    ],
)
def test_the_query_of_a_table_stands_as_it_is_spelled(created: str, body: str, name: str, query: str) -> None:
    found = read_filling(created, {"form": "as", "body": body}, insert=None)
    assert isinstance(found, Filling)
    assert (found.name, found.query.strip()) == (name, query)


@pytest.mark.parametrize(
    ("created", "form", "body"),
    [
        ("CREATE TEMP TABLE a AS SELECT 1", "as", ""),
        ("CREATE TEMP TABLE a AS SELECT 1", "as", "SELECT 2"),
        ("CREATE TEMP TABLE a (x AS SELECT 1", "as", "SELECT 1"),
        ("CREATE TEMP TABLE a USING heap AS SELECT 1", "as", "SELECT 1"),
        ("SELECT (1 INTO TEMP a)", "select-into", ""),
    ],
)
def test_of_a_table_that_is_made_in_another_way_no_query_is_known(created: str, form: str, body: str) -> None:
    assert isinstance(read_filling(created, {"form": form, "body": body}, insert=None), Refusal)


def test_select_into_a_schema_leaves_all_of_it_out() -> None:
    found = read_filling("SELECT 1 AS x INTO pg_temp.a FROM b", {"form": "select-into"}, insert=None)
    assert isinstance(found, Filling)
    assert (found.name, found.query) == ("a", "SELECT 1 AS x FROM b")


@pytest.mark.parametrize(
    ("created", "insert"),
    [
        ("CREATE TEMP TABLE a (x int)", "INSERT INTO a VALUES (DEFAULT)"),
        ("CREATE TEMP TABLE a (x int)", "INSERT INTO a DEFAULT VALUES"),
        ("CREATE TEMP TABLE a (x int)", "INSERT INTO a SELECT 1, 2"),
        ("CREATE TEMP TABLE a (x int)", "INSERT INTO a SELECT (((("),
        ("CREATE TEMP TABLE a (x int)", "INSERT INTO a SELECT 1 RETURNING x"),
        ("CREATE TEMP TABLE a (x int)", "WITH q AS (SELECT 1) INSERT INTO a SELECT 1"),
        ("CREATE TEMP TABLE a (LIKE b)", "INSERT INTO a SELECT 1"),
        ("CREATE TEMP TABLE a () INHERITS (b)", "INSERT INTO a SELECT 1"),
        ("CREATE TEMP TABLE a (x int) WITH (fillfactor = 70) TABLESPACE b", "INSERT INTO a SELECT 1"),
        ("CREATE TEMP TABLE a (x)", "INSERT INTO a SELECT 1"),
        ("CREATE TEMP TABLE a (x int, y int)", "INSERT INTO a (x, y) SELECT 1"),
    ],
)
def test_an_insert_that_does_more_than_fill_has_no_query(created: str, insert: str) -> None:
    assert isinstance(read_filling(created, {"form": "create"}, insert=insert), Refusal)


def test_an_insert_into_a_schema_is_cast_to_the_types_of_the_table() -> None:
    found = read_filling(
        "CREATE TEMP TABLE a (x numeric, y int[])", {"form": "create"}, insert="INSERT INTO pg_temp.a (y) TABLE b"
    )
    assert isinstance(found, Filling)
    assert found.name == "a (x, y)"
    assert found.query == "SELECT CAST(NULL AS numeric), CAST(given.y AS int[]) FROM (TABLE b) AS given (y)"
    assert found.care


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("SELECT 1, 2", 2),
        ("SELECT * FROM a", None),
        ("(SELECT 1) UNION SELECT 2", 1),
        ("VALUES (1, 2, 3)", 3),
        ("TABLE a", None),
        ("DELETE FROM a", None),
    ],
)
def test_columns_are_counted_where_they_are_spelled(text: str, columns: int | None) -> None:
    query = read_query(text)
    assert query is not None
    assert query.columns == columns


def test_functions_are_known_by_their_names() -> None:
    query = read_query('SELECT pg_catalog.lower(a), shop."F"(b), count(*) FILTER (WHERE a IN (1)) FROM x AS y (a, b)')
    assert query is not None
    assert query.calls() == {"lower", "shop.F", "count"}


def test_what_a_statement_writes_to_is_known_by_its_name() -> None:
    texts = ("INSERT INTO a.B (x) SELECT 1", "DELETE FROM b", "SELECT 1", "UPDATE b SET x = 1")
    queries = [read_query(text) for text in texts]
    assert [query.target for query in queries if query is not None] == ["b", "b", None, "b"]
