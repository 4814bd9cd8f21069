"""What was read and could not be judged is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def unresolved(folder: Path, name: str, text: str) -> tuple[list[tuple[int, str]], dict[str, int]]:
    """Return line and reason of what `check` could not see in a file, and the counts."""
    (folder / name).write_text(text)
    arguments = [
        "check",
        str(folder),
        "--format",
        "json",
        "--profile",
        "pgbouncer/transaction",
        "--no-cache",
        "--jobs",
        "1",
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in {0, 1}, result.output
    loaded = json.loads(result.stdout)
    return [(each["line"], each["reason"]) for each in loaded["unresolved"]], loaded["summary"]


HEAD = "import psycopg\nconn = psycopg.connect('', autocommit=True)\n"
DYNAMIC = {
    "a variable": "DO $$ DECLARE v text; BEGIN\nEXECUTE v;\nEND $$",
    "a text that starts with one": "DO $$ BEGIN\nEXECUTE v || ' x';\nEND $$",
    "format": "DO $$ BEGIN\nEXECUTE format('%s', v);\nEND $$",
    "in a function": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\nEXECUTE v;\nEND $$",
}
KNOWN = {
    "a text": "DO $$ BEGIN\nEXECUTE 'SELECT 1';\nEND $$",
    "a text with a name in it": "DO $$ BEGIN\nEXECUTE 'DROP TABLE ' || v;\nEND $$",
    "format of a text": "DO $$ BEGIN\nEXECUTE format('DROP TABLE %I', v);\nEND $$",
    "EXECUTE of a prepared statement": "SELECT 1;\nEXECUTE p",
}


@pytest.mark.parametrize("sql", DYNAMIC.values(), ids=DYNAMIC.keys())
def test_execute_of_what_is_not_known_is_unresolved(sql: str, tmp_path: Path) -> None:
    found, summary = unresolved(tmp_path, "a.sql", sql + ";\nSELECT pg_advisory_xact_lock(1);\n")
    assert found == [(2, "EXECUTE of what is not known")]
    assert (summary["sinks"], summary["sinks_resolved"]) == (1, 0)


@pytest.mark.parametrize("sql", KNOWN.values(), ids=KNOWN.keys())
def test_execute_of_what_is_known_is_not(sql: str, tmp_path: Path) -> None:
    assert unresolved(tmp_path, "a.sql", sql + ";\nSELECT pg_advisory_xact_lock(1);\n")[0] == []


def test_execute_in_a_text_of_the_program_is_told_at_its_line(tmp_path: Path) -> None:
    code = HEAD + 'conn.execute("""DO $$ BEGIN\n  EXECUTE v;\nEND $$""")\n'
    found, summary = unresolved(tmp_path, "a.py", code)
    assert found == [(4, "EXECUTE of what is not known")]
    assert (summary["sinks"], summary["sinks_resolved"]) == (1, 0)


def test_bodies_in_bodies_without_end_are_unresolved(tmp_path: Path) -> None:
    sql = "SELECT pg_advisory_lock(1)"
    for depth in range(12):
        sql = f"DO $a{depth}$ BEGIN EXECUTE $b{depth}${sql}$b{depth}$; END $a{depth}$"
    found, _ = unresolved(tmp_path, "a.sql", sql + ";\n")
    assert [reason for _, reason in found] == ["a body that is nested too deeply"]


def test_a_statement_whose_transaction_nobody_knows_is_unresolved(tmp_path: Path) -> None:
    code = (
        "import psycopg\ndef f(autocommit):\n    conn = psycopg.connect('', autocommit=autocommit)\n"
        "    conn.execute('SET LOCAL a = 1')\n"
    )
    found, summary = unresolved(tmp_path, "a.py", code)
    assert found == [(4, "whether a transaction is open: it hangs on what other code does with the connection")]
    assert (summary["sinks"], summary["sinks_resolved"]) == (1, 0)


def test_it_is_said_of_whom_the_transaction_hangs(tmp_path: Path) -> None:
    code = (
        "import psycopg\ndef f(conn: psycopg.Connection):\n    conn.execute('SET LOCAL a = 1')\n"
        "def g(x):\n    f(psycopg.connect('', autocommit=x))\n"
    )
    expected = [(3, "whether a transaction is open: it hangs on what f() is given as 'conn'")]
    assert unresolved(tmp_path, "a.py", code)[0] == expected


@pytest.mark.parametrize("sql", ["LISTEN x", "SELECT 1", "SET a = 1"])
def test_a_statement_that_is_the_same_in_a_transaction_is_resolved(sql: str, tmp_path: Path) -> None:
    code = f"import psycopg\ndef f(a):\n    psycopg.connect('', autocommit=a).execute('{sql}')\n"
    assert unresolved(tmp_path, "a.py", code)[0] == []


def test_a_sink_with_two_unknown_texts_is_one_that_was_not_seen(tmp_path: Path) -> None:
    code = HEAD + "def f(a, b):\n    for sql in [a, b]:\n        conn.execute(sql)\n"
    found, summary = unresolved(tmp_path, "a.py", code)
    assert len(found) == 2
    assert (summary["sinks"], summary["sinks_resolved"]) == (1, 0)
