"""`txsafe audit` with what only the user knows: instances, limits, logs, statistics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.observed_sql.samples import SAMPLES, line
from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import psycopg
from psycopg_pool import ConnectionPool

pool = ConnectionPool("", max_size=20)

def work(conn: psycopg.Connection):
    conn.execute("LISTEN jobs")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(CODE)
    return tmp_path


def audit(*arguments: str, data: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["audit", "--isolated", *arguments], input=data)


def document(*arguments: str) -> dict[str, dict[str, object]]:
    done = audit("--format", "json", *arguments)
    assert done.exit_code == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def test_fifty_instances_exhaust_a_hundred_connections() -> None:
    text = audit("--format", "markdown", "--instances", "50", "--workers", "1", "--max-connections", "100").stdout
    assert "1,000 connections wanted, 97 to be had: the server refuses client 98" in text
    assert "app.py:5 (max\\_size = 20)" in text


def test_what_is_not_said_is_asked_for_by_its_flag() -> None:
    text = audit("--format", "markdown").stdout
    for flag in ("--instances N", "--workers N", "--max-connections N"):
        assert f"`{flag}`" in text


def test_the_poolers_file_brings_its_limits(folder: Path) -> None:
    ini = "[databases]\napp = dbname=app user=app\n[pgbouncer]\npool_mode = transaction\nmax_client_conn = 5000\n"
    (folder / "pgbouncer.ini").write_text(f"{ini}default_pool_size = 200\nreserve_pool_size = 25\n")
    flags = ("--pooler-config", "pgbouncer.ini", "--instances", "80", "--workers", "1", "--max-connections", "300")
    text = audit("--format", "markdown", *flags).stdout
    assert "1,600 clients come, PgBouncer takes 5,000" in text
    assert "PgBouncer opens up to 225 server connections, 297 to be had" in text
    assert "Connections per process: 8 to begin with" in text
    assert "pgbouncer.ini:5 (max\\_client\\_conn = 5000)" in text


def test_users_and_databases_are_taken_from_flags(folder: Path) -> None:
    (folder / "pgbouncer.ini").write_text("[databases]\n* =\n[pgbouncer]\npool_mode = transaction\n")
    flags = ("--pooler-config", "pgbouncer.ini", "--users", "3", "--databases", "2")
    assert (
        "server connections that it opens, all pools and reserves together | 120 |"
        in audit("--format", "markdown", *flags).stdout
    )


def test_instances_of_services_are_told_apart(folder: Path) -> None:
    (folder / "Procfile").write_text("web: gunicorn a:a -w 2\nworker: celery -A a worker -c 1\n")
    flags = ("--instances", "10", "--instances", "worker=3")
    text = audit("--format", "markdown", *flags).stdout
    assert "| web | 10 | 2 | 20 | 400 |" in text
    assert "| worker | 3 | 1 | 20 | 60 |" in text


@pytest.mark.parametrize("value", ["many", "web=", "=3", "-1", "1" * 20])
def test_instances_that_are_no_number_are_refused(value: str) -> None:
    done = audit("--instances", value)
    assert done.exit_code == 2
    assert "is neither a number nor SERVICE=NUMBER" in done.stderr


def test_code_without_connections_has_no_budget_unless_asked(folder: Path) -> None:
    (folder / "app.py").write_text("x = 1\n")
    assert "Connection budget" not in audit("--format", "markdown").stdout
    assert "Connection budget" in audit("--format", "markdown", "--instances", "2").stdout


def test_a_log_shows_what_runs_and_who_issues_it() -> None:
    log, counters = str(SAMPLES / "sessions.csv"), str(SAMPLES / "statements.json")
    text = audit("--format", "markdown", "--log", log, "--statements", counters).stdout
    assert "State of a session was used across transactions 6 times" in text
    assert "| listen jobs | listen | unsafe | 2 |" in text
    assert "| app.py:8 |" in text
    assert "run 2 times, by" in text
    assert "added up" in text


def test_a_log_on_standard_input_with_its_prefix() -> None:
    data = b"<7> LOG:  statement: LISTEN jobs\n"
    done = audit("--format", "markdown", "--log", "-", "--log-line-prefix", "<%p> ", data=data)
    assert "standard input: stderr, log\\_line\\_prefix `<%p> `" in done.stdout
    assert "| listen jobs |" in done.stdout


@pytest.mark.parametrize("flag", ["--log", "--statements"])
def test_a_file_that_is_not_there_is_named_before_any_work(flag: str) -> None:
    done = audit(flag, "none.log")
    assert (done.exit_code, done.stderr) == (2, "none.log: no such file\n")


def test_a_file_that_is_no_log_is_an_error(folder: Path) -> None:
    (folder / "x.log").write_text("hello\n")
    done = audit("--log", "x.log")
    assert done.exit_code == 2
    assert "x.log: no PostgreSQL log that could be told; if it is one, say its --log-line-prefix" in done.stderr


def test_nothing_in_a_log_becomes_markup(folder: Path) -> None:
    evil = '"<script>alert(1)</script>`|[x](javascript:1)"'
    hostile = line(f"statement: LISTEN {evil}", client="<img src=x onerror=1>@shop/</script><script>1")
    (folder / "x.log").write_text(hostile + line("statement: SELECT 1", transaction="2/9"))
    flags = ("--log", "x.log", "--log-line-prefix", "%m [%p] c=%c v=%v x=%x %q%u@%d/%a ")
    page = audit(*flags).stdout
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "</script><script>1" not in page


def test_programs_read_the_same_as_json() -> None:
    found = document("--instances", "3", "--workers", "2", "--log", str(SAMPLES / "sessions.json"))
    text = json.dumps(found)
    assert '"demand"' in text
    assert '"proofs"' in text
