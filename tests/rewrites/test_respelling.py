"""Words of SQL are changed where a program spells them, whatever they are put together of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.rewrites.rewriting import check, fix_of, rewrite
from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path

HEAD = (
    "import psycopg\n\n\ndef f(dsn, x):\n    with psycopg.connect(dsn, prepare_threshold=None) as c, c.transaction():\n"
)


def program(literal: str, *after: str) -> str:
    lines = (f"c.execute({literal})", *after, "c.execute('SELECT 1')")
    return HEAD + "".join(f"        {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'SET SESSION work_mem = 1'", "'SET LOCAL work_mem = 1'"),
        ("'SET SESS' 'ION work_mem = 1'", "'SET LOCAL' ' work_mem = 1'"),
        ("'SET SESS\\x49ON work_mem = 1'", "'SET LOCAL work_mem = 1'"),
        ("'SET SESSION\\x20work_mem = 1'", "'SET LOCAL\\x20work_mem = 1'"),
        ("f'SET SESSION work_mem = {{}}1'", "f'SET LOCAL work_mem = {{}}1'"),
        ("'SET ' + 'SESSION work_mem = 1'", "'SET ' + 'LOCAL work_mem = 1'"),
        ("b'SET work_mem = 1'", "b'SET LOCAL work_mem = 1'"),
        ("r'set session work_mem = 1'", "r'set local work_mem = 1'"),
        ("'SELECT set_config(\\'a.b\\', \\'1\\', false)'", "'SELECT set_config(\\'a.b\\', \\'1\\', true)'"),
        ("\"SELECT SET_CONFIG('a.b', '1', FALSE)\"", "\"SELECT SET_CONFIG('a.b', '1', TRUE)\""),
        ("\"SELECT set_config('a.b', '1', 'f')\"", "\"SELECT set_config('a.b', '1', true)\""),
    ],
)
def test_a_setting_is_made_local_as_it_is_spelled(before: str, after: str) -> None:
    assert rewrite(program(before)).after == program(after)


@pytest.mark.parametrize(
    "literal",
    [
        "'SET' + x + ' work_mem = 1'",
        "f'SET {x} work_mem = 1'",
        "f\"SELECT set_config('a.b', '1', {x})\"",
        "\"SELECT set_config('a.b', '1', 1 > 2)\"",
        "'SE\\x54 work_mem = 1'.lower()",
    ],
)
def test_what_is_not_spelled_there_is_not_changed(literal: str) -> None:
    assert rewrite(program(literal)).after == program(literal)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'SELECT pg_advisory_lock(1)'", "'SELECT pg_advisory_xact_lock(1)'"),
        ("'SELECT PG_ADVISORY_LOCK(1)'", "'SELECT PG_ADVISORY_XACT_LOCK(1)'"),
        ("'SELECT pg_catalog.pg_advisory_lock(1)'", "'SELECT pg_catalog.pg_advisory_xact_lock(1)'"),
        (
            '\'SELECT "pg_catalog"."pg_advisory_lock"(1)\'',
            '\'SELECT "pg_catalog"."pg_advisory_xact_lock"(1)\'',
        ),
        ("'SELECT pg_advisory' '_lock(1)'", "'SELECT pg_advisory_xact_lock' '(1)'"),
    ],
)
def test_a_lock_is_renamed_as_it_is_spelled(before: str, after: str) -> None:
    assert rewrite(program(before)).after == program(after)


def test_a_lock_whose_name_is_put_together_at_run_time_stays() -> None:
    text = program("f'SELECT pg_advisory_{x}(1)'")
    assert rewrite(text).after == text


def test_new_lines_end_as_the_file_s_do() -> None:
    text = (
        "import psycopg2\n\n\ndef f(dsn):\n    conn = psycopg2.connect(dsn)\n"
        "    conn.set_session(readonly=True, autocommit=True)\n    with conn, conn.cursor() as cur:\n"
        "        cur.execute('SELECT 1')\n"
    )
    for end in ("\r\n", "\r"):
        after = rewrite(text.replace("\n", end)).after
        assert after == rewrite(text).after.replace("\n", end)
        assert f"{end}    conn.autocommit = True{end}" in after


def test_a_constant_of_another_file_is_changed_only_by_somebody_who_knows_its_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "queries.py").write_text("LIMIT = 'SET work_mem = 1'\n")
    (tmp_path / "app.py").write_text(
        program("queries.LIMIT").replace("import psycopg", "import psycopg\nimport queries")
    )
    arguments = ["fix", "--profile", "pgbouncer-1.18", "."]
    CliRunner().invoke(main, arguments)
    assert "LOCAL" not in (tmp_path / "queries.py").read_text()
    CliRunner().invoke(main, [*arguments, "--unsafe-fixes"])
    assert (tmp_path / "queries.py").read_text() == "LIMIT = 'SET LOCAL work_mem = 1'\n"


def test_a_constant_that_another_file_sends_outside_of_a_transaction_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "queries.py").write_text("LIMIT = 'SET work_mem = 1'\n")
    inside = program("queries.LIMIT").replace("import psycopg", "import psycopg\nimport queries")
    (tmp_path / "inside.py").write_text(inside)
    outside = inside.replace("connect(dsn,", "connect(dsn, autocommit=True,").replace(", c.transaction()", "")
    (tmp_path / "outside.py").write_text(outside)
    CliRunner().invoke(main, ["fix", "--profile", "pgbouncer-1.18", ".", "--unsafe-fixes"])
    assert (tmp_path / "queries.py").read_text() == "LIMIT = 'SET work_mem = 1'\n"


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("psycopg.connect()", "psycopg.connect(prepare_threshold=None)"),
        (
            "psycopg.connect(\n    dsn,  # where\n)",
            "psycopg.connect(\n    dsn,  # where\n    prepare_threshold=None,\n)",
        ),
        ("psycopg.connect(\n    dsn,\n    )", "psycopg.connect(\n    dsn,\n    prepare_threshold=None,\n    )"),
        ("psycopg.connect(\n    dsn,)", "psycopg.connect(\n    dsn,\n    prepare_threshold=None,)"),
        (
            "psycopg.connect(dsn,\n    autocommit=True)",
            "psycopg.connect(dsn,\n    autocommit=True,\n    prepare_threshold=None)",
        ),
    ],
)
def test_an_argument_is_added_where_the_others_are(before: str, after: str) -> None:
    head = "import psycopg\n\nc = "
    assert rewrite(f"{head}{before}\n").after == f"{head}{after}\n"


@pytest.mark.parametrize(
    "call",
    [
        "psycopg.connect(x for x in y)",
        "psycopg.connect(**given)",
        "psycopg.connect(  # where\n)",
        "psycopg.connect(\n    dsn  # where\n)",
        "ConnectionPool('', kwargs=given)",
        "ConnectionPool('', kwargs=dict(autocommit=True))",
    ],
)
def test_an_argument_that_may_be_there_or_has_no_place_is_not_added(call: str) -> None:
    text = f"import psycopg\nfrom psycopg_pool import ConnectionPool\n\nc = {call}\n"
    assert rewrite(text).after == text


# ---------------------------------------------------------------- statements that cannot go


@pytest.mark.parametrize(
    "lines",
    [
        ("c.execute('SELECT pg_advisory_unlock(1)'); x = 1",),
        ("print(c.execute('SELECT pg_advisory_unlock(1)').fetchone())",),
        ("c.execute('SELECT pg_advisory_unlock(1)')", "print(c.fetchone())"),
        ("c.execute('SELECT pg_advisory_unlock(1)')", "c.fetchone()", "print(c.fetchone())"),
        ("c.execute('SELECT pg_advisory_unlock(1), 2')",),
    ],
)
def test_an_unlock_whose_answer_is_used_stays_with_its_lock(lines: tuple[str, ...]) -> None:
    text = program("'SELECT pg_advisory_lock(1)'", "c.execute('SELECT 2')", *lines)
    assert rewrite(text).after == text


def test_a_declared_cursor_that_somebody_else_names_is_left() -> None:
    text = program("'DO $$ BEGIN PERFORM 1; DECLARE x int; END $$'")
    assert not check(text).diagnostics
    assert fix_of(program("'DECLARE c CURSOR WITH HOLD FOR SELECT 1'"), rule="hold-cursor").fix is not None
