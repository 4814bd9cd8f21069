"""What runs, how often, for whom, and which code issues it."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.budget.reading import catalog
from tests.observed_sql.samples import LOGS, PREFIX, SAMPLES, line
from txsafe.audit.section import Paragraph, Table
from txsafe.config import Config
from txsafe.discovery import find_files
from txsafe.errors import ConfigError
from txsafe.observed_sql import evidence as evidence_module
from txsafe.observed_sql import recognition
from txsafe.observed_sql.counters import read_counters
from txsafe.observed_sql.entries import Client
from txsafe.observed_sql.evidence import Evidence, gather, tell_client, tell_places
from txsafe.observed_sql.matching import CodeUse, Fit, list_code
from txsafe.observed_sql.section import tell_evidence
from txsafe.profiles import resolve_profile
from txsafe.rejudging import analyze_once
from txsafe.report.json_text import dump

APP = Client("web", "app", "shop")


def code_of(folder: Path, text: str) -> tuple[CodeUse, ...]:
    """Return the uses in one Python file, as the audit has them."""
    file = folder / "app.py"
    file.write_text(text)
    config = Config(root=folder)
    judged = resolve_profile("pgbouncer", catalog(), settings={}, server_version=None)
    analysis = analyze_once(find_files([str(file)], config).files, config, catalog=catalog(), profile=judged)
    return list_code(analysis.found, analysis._source)


def log(folder: Path, *messages: str, name: str = "x.log") -> str:
    path = folder / name
    path.write_text(
        "".join(line(f"statement: {message}", transaction=f"2/{n}") for n, message in enumerate(messages, 1))
    )
    return str(path)


def gather_log(folder: Path, *messages: str, code: tuple[CodeUse, ...] = ()) -> Evidence:
    return gather([log(folder, *messages)], [], code=code, catalog=catalog(), prefix=PREFIX)


def test_features_are_counted_by_statement_rule_and_client(tmp_path: Path) -> None:
    found = gather_log(
        tmp_path, "SET search_path TO a", "SELECT 1", "set search_path = 'b'", "LISTEN jobs; LISTEN jobs"
    )
    assert [(feature.use.rule, feature.sql, feature.calls, feature.clients) for feature in found.features] == [
        ("listen", "listen jobs", 2, ((APP, 2),)),
        ("session-set", "set search_path = ?", 2, ((APP, 2),)),
    ]
    assert found.features[1].first.endswith("x.log:1")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "UPDATE t SET a = 1",
        "BEGIN",
        "SET LOCAL a.b = 1",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT 'LISTEN x'",
    ],
)
def test_statements_without_session_state_are_none(tmp_path: Path, statement: str) -> None:
    assert gather_log(tmp_path, statement).features == ()


def test_the_code_that_issues_a_statement_is_found(tmp_path: Path) -> None:
    code = code_of(
        tmp_path,
        """
import psycopg

def run(tenant, conn: psycopg.Connection):
    conn.execute("SET  search_path TO %s" % tenant)
    conn.execute("SELECT pg_advisory_lock(%s)", (tenant,))
    conn.execute(f"LISTEN jobs_{tenant}")
""",
    )
    found = gather_log(
        tmp_path, "SET search_path TO a", "select PG_ADVISORY_LOCK($1)", "LISTEN jobs_7", "LISTEN other", code=code
    )
    issuers = {feature.sql: [(issuer.line, issuer.fit) for issuer in feature.issuers] for feature in found.features}
    assert issuers == {
        "set search_path = ?": [(5, Fit.EXACT)],
        "select pg_advisory_lock(?)": [(6, Fit.EXACT)],
        "listen jobs_7": [(7, Fit.PARTIAL)],
        "listen other": [],
    }


def test_what_a_driver_sends_belongs_to_the_call_that_makes_it_do_so(tmp_path: Path) -> None:
    code = code_of(
        tmp_path,
        """
import asyncpg

async def run(conn: asyncpg.Connection):
    await conn.add_listener("jobs", print)
    pool = await asyncpg.create_pool(DSN)
""",
    )
    text = log(tmp_path, "LISTEN jobs", "LISTEN other")
    path = Path(text)
    path.write_text(path.read_text() + line("execute __asyncpg_stmt_1__: SELECT 1") + line("execute S_3: SELECT 1"))
    found = gather([text], [], code=code, catalog=catalog(), prefix=PREFIX)
    issuers = {feature.sql: [(issuer.line, issuer.fit) for issuer in feature.issuers] for feature in found.features}
    assert issuers["listen jobs"] == [(5, Fit.DRIVER)]
    assert issuers["listen other"] == []
    assert issuers["executes __asyncpg_…, prepared by name"] == [(6, Fit.DRIVER)]
    assert issuers["executes S_…, prepared by name"] == []


def test_places_in_the_code_are_told_what_was_seen_of_them(tmp_path: Path) -> None:
    code = code_of(tmp_path, "import psycopg\ndef f(c: psycopg.Connection): c.execute('LISTEN jobs')\n")
    found = gather_log(tmp_path, "LISTEN jobs", "LISTEN jobs", code=code)
    ((place, text),) = tell_places(found).items()
    assert place[1:] == (2, "listen")
    assert text == "run 2 times, by web (app@shop)"
    once = gather_log(tmp_path, "LISTEN jobs", code=code)
    assert tuple(tell_places(once).values()) == ("run once, by web (app@shop)",)


def test_clients_are_named_as_far_as_they_are_known() -> None:
    assert tell_client(Client("", "app", "")) == "app"
    assert tell_client(Client("psql", "", "")) == "psql"
    assert tell_client(Client("", "", "")) == "a client that the log does not name"


@pytest.mark.parametrize("name", LOGS)
def test_where_logs_are_cut_changes_no_evidence(name: str) -> None:
    whole = gather([str(SAMPLES / name)], [], code=(), catalog=catalog())
    pieces = gather([str(SAMPLES / name)], [], code=(), catalog=catalog(), piece=777)
    assert pieces == whole
    assert len(whole.features) >= 9


def test_memory_is_bounded_by_counting_the_rest_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_module, "MOST_FEATURES", 2)
    monkeypatch.setattr(evidence_module, "MOST_CLIENTS", 1)
    monkeypatch.setattr(evidence_module, "MOST_PROOFS", 1)
    monkeypatch.setattr(recognition, "MOST_KEPT", 2)
    names = ["one", "two", "three", "four"]
    found = gather_log(
        tmp_path, *(f"LISTEN {name}" for name in names), *(f"LISTEN {name}" for name in names), "SELECT 1"
    )
    assert [feature.sql for feature in found.features] == ["listen one", "listen two"]
    assert found.left_out == 4
    assert len(found.proofs) == 1
    assert found.proved > 1
    path = Path(log(tmp_path, "LISTEN one"))
    path.write_text(path.read_text() + line("statement: LISTEN one", client="other@shop/x"))
    (feature,) = gather([str(path)], [], code=(), catalog=catalog(), prefix=PREFIX).features
    assert (feature.calls, feature.clients) == (2, ((APP, 1),))


def test_several_logs_and_standard_input_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = line("statement: LISTEN jobs").encode()

    class Stdin:
        buffer = io.BytesIO(data)

    monkeypatch.setattr(sys, "stdin", Stdin)
    found = gather(["-", log(tmp_path, "LISTEN jobs")], [], code=(), catalog=catalog(), prefix=PREFIX)
    assert found.features[0].calls == 2
    assert found.features[0].first == "standard input:1"


def test_a_file_that_is_not_there_or_no_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.log: cannot be read: No such file"):
        gather([str(tmp_path / "none.log")], [], code=(), catalog=catalog())
    other = tmp_path / "other.log"
    other.write_text("hello\n")
    with pytest.raises(ConfigError, match=r"other\.log: no PostgreSQL log"):
        gather([str(other)], [], code=(), catalog=catalog())
    with pytest.raises(ConfigError, match="cannot be read"):
        gather([str(tmp_path)], [], code=(), catalog=catalog())


# ---------------------------------------------------------------- pg_stat_statements


@pytest.mark.parametrize(("name", "user"), [("statements.json", "app"), ("statements.csv", "oid 16384")])
def test_pg_stat_statements_are_counted_by_calls(name: str, user: str) -> None:
    found = gather([], [str(SAMPLES / name)], code=(), catalog=catalog())
    by_sql = {feature.sql: feature for feature in found.features}
    assert by_sql["select pg_advisory_lock(?)"].calls == 2
    assert by_sql["set search_path = ?"].clients[0][0].user == user
    assert found.sources[0].format == "pg_stat_statements"
    assert found.proofs == ()


def test_rows_are_read_with_any_delimiter_and_as_lines_of_json() -> None:
    expected = [("LISTEN a", 3, Client("", "app", "shop"))]
    for text in (
        "rolname;datname;calls;query\napp;shop;3;LISTEN a\n",
        '\ufeffrolname,datname,calls,query\r\napp,shop,3,"LISTEN a"\r\n',
        '{"rolname": "app", "datname": "shop", "calls": 3, "query": "LISTEN a"}\n{"query": ""}\n',
        '[{"rolname": "app", "datname": "shop", "calls": "3", "query": "LISTEN a"}, 7]',
    ):
        found = [(each.sql, each.calls, each.client) for each in read_counters(text.encode(), "x")]
        assert found == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column `query`"),
        ("", "no column `query`"),
        ("[1, 2]", "no row has a `query`"),
        ('{"a": 1}\n{"a"', "is no JSON"),
        ("[" * 100_000, "nested too deeply|is no JSON"),
        ('query\n"' + "x" * (17 * 1024 * 1024), "is no CSV"),
    ],
)
def test_files_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(read_counters(text.encode(), "x"))


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from txsafe.observed_sql import counters

    monkeypatch.setattr(counters, "MAX_BYTES", 10)
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        list(read_counters(b"query\n" + b"x" * 10, "x"))


def test_numbers_that_are_none_count_once() -> None:
    (counter,) = read_counters(b"query,calls\nLISTEN a,many\n", "x")
    assert counter.calls == 1


# ---------------------------------------------------------------- the section


def test_the_section_tells_proofs_code_and_strangers(tmp_path: Path) -> None:
    code = code_of(tmp_path, "import psycopg\ndef f(c: psycopg.Connection): c.execute('LISTEN jobs')\n")
    found = gather_log(tmp_path, "LISTEN jobs", "SELECT 1", 'LISTEN "<b>x</b>"', "SELECT 2", code=code)
    judged = resolve_profile("pgbouncer", catalog(), settings={}, server_version=None)
    section = tell_evidence(found, profile=judged, catalog=catalog())
    tables = {block.caption: block for block in section.blocks if isinstance(block, Table)}
    assert list(tables) == [
        "State of a session that was used across transactions",
        "Session state that runs, and the code that issues it",
        "Session state that runs without any code found",
    ]
    (row,) = tables["Session state that runs, and the code that issues it"].rows
    assert [cell.text for cell in row][:4] == ["listen jobs", "listen", "unsafe", "1"]
    assert row[5].text.endswith("app.py:2")
    assert '"proved": 2' in dump(section.data)


def test_the_section_says_what_a_log_lacks(tmp_path: Path) -> None:
    judged = resolve_profile("pgbouncer", catalog(), settings={}, server_version=None)

    def told(found: Evidence) -> str:
        section = tell_evidence(found, profile=judged, catalog=catalog())
        return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))

    quiet = tmp_path / "quiet.log"
    quiet.write_text(line("checkpoint starting: time"))
    silent = gather([str(quiet)], [], code=(), catalog=catalog(), prefix=PREFIX)
    assert "no statement is in it" in told(silent)
    assert "None of these statements uses session state." in told(silent)
    plain = gather([str(SAMPLES / "durations.log")], [], code=(), catalog=catalog())
    assert "Add `%c %v` to `log_line_prefix`" in told(plain)
    damaged = replace(plain, sources=(replace(plain.sources[0], unread=3),), left_out=7)
    assert "3 records could not be read" in told(damaged)
    assert "7 further runs" in told(damaged)


def test_long_tables_end_with_a_word_about_the_rest(tmp_path: Path) -> None:
    judged = resolve_profile("pgbouncer", catalog(), settings={}, server_version=None)
    letters = "abcdefghijk"
    names = [f"{first}_{second}_x" for first in letters for second in letters]
    found = gather_log(tmp_path, *(f"LISTEN {name}" for name in names))
    section = tell_evidence(found, profile=judged, catalog=catalog())
    assert any(isinstance(block, Paragraph) and block.text.startswith("21 more are in") for block in section.blocks)


def test_a_statement_with_several_holes_fits_in_order(tmp_path: Path) -> None:
    text = 'def f(c: psycopg.Connection): c.execute(f"CREATE TEMP TABLE {a} AS SELECT * FROM {b} WHERE {c}")\n'
    code = code_of(tmp_path, f"import psycopg\n{text}")
    fits = {
        "CREATE TEMP TABLE x AS SELECT * FROM y WHERE z = 1": True,
        "CREATE TEMP TABLE x AS SELECT * FROM y": False,
        "CREATE TEMP TABLE x AS VALUES (1)": False,
    }
    found = gather_log(tmp_path, *fits, code=code)
    assert len(found.features) == 3
    for feature in found.features:
        assert bool(feature.issuers) is ("where" in feature.sql)
