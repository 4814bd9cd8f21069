"""Logs are read in every format, whole or broken, in pieces of any size."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.observed_sql.samples import LOGS, PREFIX, SAMPLES, line, read
from txsafe.errors import ConfigError
from txsafe.observed_sql.entries import Client
from txsafe.observed_sql.formats import LogFormat
from txsafe.observed_sql.prefix import KNOWN_PREFIXES, compile_prefix, detect_prefix
from txsafe.observed_sql.scanning import WINDOW

FORMATS = {".log": LogFormat.STDERR, ".csv": LogFormat.CSV, ".json": LogFormat.JSON}


@pytest.mark.parametrize("name", LOGS)
def test_a_real_log_is_told_and_read(name: str) -> None:
    path = SAMPLES / name
    reader, entries = read(path.read_bytes())
    assert reader.format is FORMATS[path.suffix]
    assert reader.unread == 0
    assert reader.statements == len(entries) > 30
    texts = [entry.sql for entry in entries]
    assert "SELECT count(*)\n  FROM public.orders -- all of them\n WHERE note <> 'x\ty'" in texts
    assert "DO $$ BEGIN PERFORM set_config('app.user', '7', false); END $$" in texts
    assert texts.count("select * from public.orders where id = $1") == 4
    names = [entry.statement_name for entry in entries if entry.statement_name]
    assert names == ["_pg3_0", "_pg3_0"]


@pytest.mark.parametrize("stem", ["sessions", "durations", "debian-15"])
def test_the_formats_of_one_server_agree(stem: str) -> None:
    found = [
        [(entry.sql, entry.statement_name, entry.client.user, entry.client.database) for entry in entries]
        for entries in (read((SAMPLES / name).read_bytes())[1] for name in LOGS if name.startswith(f"{stem}."))
    ]
    assert len(found) > 1
    assert all(entries == found[0] for entries in found)


def test_sessions_transactions_and_clients_are_the_same_in_all_formats() -> None:
    kinds = [
        [
            (entry.client, entry.session, entry.transaction)
            for entry in read((SAMPLES / f"sessions{suffix}").read_bytes())[1]
        ]
        for suffix in FORMATS
    ]
    assert kinds[0] == kinds[1] == kinds[2]
    assert Client("web", "app", "shop") in {client for client, _, _ in kinds[0]}


def test_a_transaction_that_is_over_when_its_duration_is_known_is_one_of_its_own() -> None:
    _, entries = read((SAMPLES / "durations.csv").read_bytes())
    lock, one, unlock = (entry for entry in entries if entry.line in {28, 29, 30})
    assert "pg_advisory_lock(42)" in lock.sql
    assert len({lock.transaction, one.transaction, unlock.transaction}) == 3
    inside = {entry.transaction for entry in entries if "43" in entry.sql or "SET LOCAL" in entry.sql}
    assert len(inside) == 1


def test_line_numbers_count_from_one_and_over_several_lines() -> None:
    text = line("statement: SELECT 1\nFROM t") + line("statement: SELECT 2")
    _, entries = read(text.encode(), prefix=PREFIX)
    assert [(entry.line, entry.sql) for entry in entries] == [(1, "SELECT 1\nFROM t"), (3, "SELECT 2")]


@pytest.mark.parametrize("name", LOGS)
def test_compressed_logs_are_told_by_their_first_bytes(name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    packed = gzip.compress(data[:4000]) + gzip.compress(data[4000:])
    assert read(packed)[1] == read(data)[1]
    assert read(packed, piece=100)[1] == read(data)[1]
    assert len(read(packed[:-30])[1]) <= len(read(data)[1])
    assert read(b"\x1f\x8bnot gzip", prefix="%m ")[1] == []


@settings(max_examples=25)
@given(st.sampled_from(LOGS), st.integers(20, 5000), st.integers(0, 3000))
def test_where_a_log_is_cut_into_pieces_changes_nothing(name: str, piece: int, start: int) -> None:
    data = (SAMPLES / name).read_bytes()[start:]
    prefix = {"sessions.log": PREFIX, "durations.log": KNOWN_PREFIXES[2], "debian-15.log": KNOWN_PREFIXES[1]}.get(name)
    if prefix is None and start > 1000:
        return
    whole, expected = read(data, prefix=prefix)
    pieces, found = read(data, prefix=prefix, piece=piece)
    assert (found, pieces.unread) == (expected, whole.unread)


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(["statement: SELECT 1", "statement: a\nb", "x", "\n", '"', "\t", "é", "\0"]), max_size=12),
    st.integers(1, 40),
)
def test_odd_lines_read_the_same_in_any_pieces(messages: list[str], piece: int) -> None:
    data = "".join(line(message) for message in messages).encode()
    assert read(data, prefix=PREFIX, piece=piece)[1] == read(data, prefix=PREFIX)[1]


def test_a_log_that_was_cut_off_or_rotated_gives_what_is_left_of_it() -> None:
    data = (SAMPLES / "sessions.csv").read_bytes()
    _, every = read(data)
    cut = data[: data.index(b"WHERE note")]
    reader, entries = read(cut + b"\n" + data)
    assert [entry.sql for entry in entries[-len(every) :]] == [entry.sql for entry in every]
    assert reader.unread == 1
    text = (SAMPLES / "sessions.log").read_bytes()
    assert len(read(text[1000:], prefix=PREFIX)[1]) > 20


def test_a_statement_that_quotes_a_log_is_one_statement() -> None:
    data = (SAMPLES / "sessions.csv").read_bytes()
    row = next(part for part in data.split(b"\n") if b"select 1" in part)
    quoted = row.replace(b"select 1", b"select 1 /*\n" + row.replace(b'"', b'""') + b"\n*/")
    _, entries = read(b"\n".join((row, quoted, row)) + b"\n")
    assert len(entries) == 3
    assert entries[1].sql.startswith("select 1 /*\n2026-")


def test_broken_encodings_become_replacement_characters() -> None:
    data = line("statement: SELECT 'é'").encode("latin-1")
    _, (entry,) = read(data, prefix=PREFIX)
    assert entry.sql == "SELECT '\ufffd'"


def test_windows_line_ends_are_no_part_of_a_statement() -> None:
    data = line("statement: SELECT 1").replace("\n", "\r\n").encode()
    assert read(data * 2, prefix=PREFIX)[1][0].sql == "SELECT 1"


def test_errors_and_details_are_no_statements() -> None:
    text = line("statement: SELECT 1").replace("LOG:", "ERROR:") + line("Parameters: $1 = 'statement: x'")
    text += (
        line("duration: 1.5 ms")
        + line("duration: 1.5 ms  parse s1: SELECT 2")
        + line("duration: 2.5 ms  bind s1: SELECT 2")
    )
    assert read(text.encode(), prefix=PREFIX)[1] == []


def test_portals_and_fetches_belong_to_their_statement() -> None:
    text = line("execute fetch from S_1/C_2: SELECT 1") + line("execute <unnamed>/C_3: SELECT 2")
    assert [entry.statement_name for entry in read(text.encode(), prefix=PREFIX)[1]] == ["S_1", ""]


def test_json_that_is_none_is_passed_over() -> None:
    good = (SAMPLES / "sessions.json").read_bytes().splitlines()[6]
    odd = [
        b'{"timestamp": 1',
        b"{}",
        b"[1]",
        b'{"timestamp":' + b"[" * 5000,
        b'{"timestamp": "x", "error_severity": "LOG"}',
    ]
    message = json.dumps({"timestamp": "x", "error_severity": "LOG", "message": ["statement: x"]}).encode()
    _, entries = read(b"\n".join((good, *odd, message, good)))
    assert len(entries) == 2


def test_a_long_line_is_cut_and_the_next_one_is_read() -> None:
    hostile = line("statement: SELECT '" + "x" * (2 * WINDOW) + "'")
    tracemalloc.start()
    _, entries = read((hostile + line("statement: SELECT 2")).encode(), prefix=PREFIX, piece=1 << 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(entry.sql) < WINDOW + 10 for entry in entries] == [True, True]
    assert entries[1].sql == "SELECT 2"
    assert peak < 20 * WINDOW


def test_a_long_line_of_csv_or_json_is_passed_over() -> None:
    row = next(part for part in (SAMPLES / "sessions.csv").read_text().split("\n") if "select 1" in part)
    hostile = row.replace("select 1", "select '" + "x" * (2 * WINDOW) + "'")
    reader, entries = read(f"{row}\n{hostile}\n{row}\n".encode())
    assert len(entries) == 2
    assert reader.unread == 1


def test_many_quotes_take_no_more_than_linear_time() -> None:
    row = next(part for part in (SAMPLES / "sessions.csv").read_text().split("\n") if "select 1" in part)
    hostile = row.partition('"statement')[0] + '"' * 60_001
    _, entries = read("\n".join((row, *[hostile] * 3, row, "")).encode())
    assert len(entries) >= 1


# ---------------------------------------------------------------- prefixes


@pytest.mark.parametrize("data", [b"hello\nworld\n", b"\x00\x01\x02" * 100, b'{"a": 1}\n', b"a,b,c\n1,2,3\n"])
def test_what_is_no_log_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match="--log-line-prefix"):
        read(data)


def test_an_empty_log_has_nothing_to_tell() -> None:
    reader, entries = read(b"\n")
    assert entries == []
    assert reader.unread == 0


@pytest.mark.parametrize(
    ("prefix", "text", "client"),
    [
        ("%t:%r:%u@%d:[%p]:", "2026-01-02 03:04:05 UTC:10.0.0.1(5432):app@shop:[77]:", ("", "app", "shop")),
        ("%m [%p] %q%u@%d ", "2026-01-02 03:04:05.678 UTC [77] me@x.org@shop ", ("", "me", "x.org@shop")),
        ("%m [%5p] %-10u|%d ", "2026-01-02 03:04:05.678 CEST [   77] app       |shop ", ("", "app", "shop")),
        ("%n %e %i %l %P %Q %b %h %%", "1700000000.123 00000 SELECT 3  -12 client backend ::1 %", ("", "", "")),
        ("<%a> %a ", "<PostgreSQL JDBC Driver> PostgreSQL JDBC Driver ", ("PostgreSQL JDBC Driver", "", "")),
        ("", "", ("", "", "")),
    ],
)
def test_prefixes_are_read_as_the_server_writes_them(prefix: str, text: str, client: tuple[str, str, str]) -> None:
    _, (entry,) = read(f"{text}LOG:  statement: SELECT 1\n".encode(), prefix=prefix)
    assert tuple(entry.client) == client
    assert entry.sql == "SELECT 1"


def test_a_session_can_be_told_by_its_process_and_start() -> None:
    text = "[77] 2026-01-02 03:04:05 UTC 3/4 LOG:  statement: SELECT 1\n"
    reader, (entry,) = read(text.encode(), prefix="[%p] %s %v ")
    assert (entry.session, entry.transaction) == ("77@2026-01-02 03:04:05 UTC", "3/4")
    assert reader.has_sessions


def test_a_transaction_id_alone_tells_transactions_that_write() -> None:
    text = "6b01c865.1 0 LOG:  statement: SELECT 1\n6b01c865.1 77 LOG:  statement: UPDATE t SET a = 1\n"
    _, entries = read(text.encode(), prefix="%c %x ")
    assert [entry.transaction for entry in entries] == ["", "77"]


def test_processes_without_a_session_stop_at_q() -> None:
    pattern = compile_prefix("%m [%p] %q%u@%d ")
    assert pattern.match("2026-01-02 03:04:05.678 UTC [77] LOG:  checkpoint starting: time") is not None


def test_an_escape_that_the_server_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="the server knows no %z"):
        compile_prefix("%m %z ")


@pytest.mark.parametrize("prefix", KNOWN_PREFIXES)
def test_known_prefixes_compile(prefix: str) -> None:
    assert compile_prefix(prefix).groups >= 3


def test_a_prefix_that_most_lines_have_is_found() -> None:
    text = (SAMPLES / "durations.log").read_text()
    assert detect_prefix(text) == "%t [%p]: user=%u,db=%d,app=%a,client=%h "
    assert detect_prefix("LOG:  statement: SELECT 1\n") == ""
    assert detect_prefix("somewhere LOG:  statement: SELECT 1\n" * 3) is None
