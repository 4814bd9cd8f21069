"""Temporary tables and the CTEs that txsafe writes for them, run on a real server: the same rows, the same tables.

Each script of `fixtures/common_tables` says in its first line what is to become of its temporary tables: a safe fix, an
unsafe one, or none and why. Scripts with a fix are run before and after it, each time on the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.lab.servers import Server, start_server
from tests.lab.session import Session
from tests.rewrites.rewriting import APPLIED, check, rewrite
from tests.rewrites.test_common_tables import WITH_FIX, expected
from txsafe.catalog import load_catalog
from txsafe.model import Applicability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.lab.packages import Packages

TABLES = """
    DROP SCHEMA IF EXISTS shop CASCADE;
    CREATE SCHEMA shop;
    SET search_path TO shop;
    CREATE TABLE item (id int, name text, price numeric, kind text);
    INSERT INTO item VALUES (1, 'apple', 3, 'fruit'), (2, 'plum', 12, 'fruit'), (3, 'spade', 25.5, 'tool'),
        (4, 'saw', 18, 'tool'), (5, 'quince', 7, 'fruit');
    CREATE TABLE sale (id int, item_id int, amount int, day date);
    INSERT INTO sale SELECT n, 1 + n % 4, n % 3 + 1, date '2024-01-01' + n FROM generate_series(1, 9) n;
    CREATE TABLE total (item_id int PRIMARY KEY, amount int);
    INSERT INTO total VALUES (2, 5), (4, 1);
    CREATE TABLE total_of_all (amount int);
    CREATE FUNCTION twice(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 2 * $1';
"""
Rows = tuple[tuple[object, ...], ...]


@pytest.fixture(scope="module")
def server(packages: Mapping[str, Packages]) -> Iterator[Server]:
    """Yield the oldest supported server."""
    with Session() as session:
        yield start_server(session, packages, 15)


def run(text: str, server: Server) -> tuple[list[tuple[list[str], Rows]], dict[str, Rows]]:
    """Run a script on fresh tables; return what each of its queries gives and what the tables hold in the end."""
    given: list[tuple[list[str], Rows]] = []
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(TABLES)
        cursor = connection.execute(text)
        while True:
            if cursor.description is not None:
                columns = [f"{column.name} {column.type_code}" for column in cursor.description]
                given.append((columns, tuple(cursor.fetchall())))
            if not cursor.nextset():
                break
        tables = {
            name: tuple(connection.execute(f"SELECT * FROM shop.{name} ORDER BY {name}").fetchall())
            for name in ("item", "sale", "total", "total_of_all")
        }
    return given, tables


@pytest.mark.parametrize("script", WITH_FIX, ids=lambda script: script.stem)
def test_the_cte_gives_the_rows_of_the_table(script: Path, server: Server) -> None:
    before = script.read_text(encoding="utf-8")
    applied = frozenset({Applicability.SAFE}) if expected(script) == "safe" else APPLIED
    rewritten = rewrite(before, name=script.name, applied=applied)
    assert not rewritten.fixing.refused
    assert not check(rewritten.after, name=script.name).diagnostics
    assert rewrite(rewritten.after, name=script.name, applied=applied).after == rewritten.after
    assert "MATERIALIZED" in rewritten.after

    given, tables = run(before, server)
    assert given or tables != run("", server)[1]
    after, tables_after = run(rewritten.after, server)
    assert tables_after == tables
    if expected(script) == "safe":
        assert after == given
    else:  # where their order is not asked for, it may be another one
        assert [(columns, sorted(rows)) for columns, rows in after] == [(names, sorted(rows)) for names, rows in given]


def test_functions_that_are_called_stable_are_so_on_a_server(server: Server) -> None:
    named = load_catalog().server.stable_functions
    with psycopg.connect(server.dsn()) as connection:
        query = "SELECT proname, bool_or(provolatile = 'v') FROM pg_proc WHERE proname = ANY(%s) GROUP BY 1"
        volatile: dict[str, bool] = dict(connection.execute(query, [list(named)]).fetchall())
    assert not [name for name in named if volatile.get(name, True)]
