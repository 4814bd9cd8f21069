"""State that was used across transactions is proved by two lines, and nothing else is."""

from __future__ import annotations

import pytest

from tests.budget.reading import catalog
from tests.observed_sql.samples import LOGS, PREFIX, SAMPLES, line, read
from txsafe.observed_sql import sessions
from txsafe.observed_sql.recognition import Recogniser
from txsafe.observed_sql.sessions import Proof, Tracker

RECOGNISER = Recogniser(catalog())


def prove(data: bytes, prefix: str | None = None) -> list[Proof]:
    tracker = Tracker("x.log")
    _, entries = read(data, prefix=prefix)
    return [
        proof
        for entry in entries
        for proof in tracker.see(entry, RECOGNISER.read(entry.sql))
    ]  # fmt: skip


def proofs_of(*statements: str) -> list[tuple[str, str, int, int]]:
    """Return state, key and lines; `|` before a statement begins a new transaction."""
    text, transaction = "", 1
    for statement in statements:
        transaction += statement.startswith("|")
        message = statement.removeprefix("|")
        message = message if message.startswith("execute ") and ":" in message else f"statement: {message}"
        text += line(message, transaction=f"2/{transaction}")
    return [(proof.state, proof.key, proof.opened.line, proof.used.line) for proof in prove(text.encode(), PREFIX)]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["SET search_path TO a", "|SELECT 1"], ("setting", "search_path", 1, 2)),
        (["SELECT set_config('app.user', '1', false)", "|SELECT 1"], ("setting", "app.user", 1, 2)),
        (["SET ROLE x", "|SELECT 1"], ("setting", "set-role", 1, 2)),
        (["BEGIN", "SET a.b = 1", "COMMIT", "|BEGIN", "SELECT 1"], ("setting", "a.b", 2, 5)),
        (["LISTEN jobs", "|SELECT 1"], ("listening", "jobs", 1, 2)),
        (["SELECT pg_advisory_lock(1)", "|SELECT 1", "|SELECT pg_advisory_unlock(1)"], ("lock", "1", 1, 3)),
        (["SELECT pg_try_advisory_lock(1, 2)", "|SELECT pg_advisory_unlock( 1,2 )"], ("lock", "1, 2", 1, 2)),
        (["PREPARE p AS SELECT 1", "|EXECUTE p"], ("statement", "p", 1, 2)),
        (["CREATE TEMP TABLE t (a int)", "|SELECT * FROM T"], ("table", "t", 1, 2)),
        (["CREATE TEMP TABLE t (a int)", "|DROP TABLE t"], ("table", "t", 1, 2)),
        (["DECLARE c CURSOR WITH HOLD FOR SELECT 1", "|FETCH 1 FROM c"], ("cursor", "c", 1, 2)),
        (["execute S_1: SELECT 1", "|execute S_1: SELECT 1"], ("statement", "S_1 of the protocol", 1, 2)),
    ],
)
def test_what_is_opened_in_one_transaction_and_used_in_another_is_proved(
    statements: list[str], expected: tuple[str, str, int, int]
) -> None:
    assert proofs_of(*statements) == [expected]


@pytest.mark.parametrize(
    "statements",
    [
        ["BEGIN", "SET search_path TO a", "SELECT 1", "COMMIT"],
        ["SET LOCAL search_path TO a", "|SELECT 1"],
        ["SELECT set_config('app.user', '1', true)", "|SELECT 1"],
        ["SET a.b = 1", "|RESET a.b", "|SELECT 1"],
        ["SET a.b = 1", "|RESET ALL", "|SELECT 1"],
        ["SET a.b = 1", "|DISCARD ALL", "|SELECT 1"],
        ["SET a.b = 1", "|SET a.b = 2"],
        ["BEGIN", "SET a.b = 1", "ROLLBACK", "|SELECT 1"],
        ["BEGIN", "SET a.b = 1", "|ROLLBACK", "|SELECT 1"],
        ["BEGIN", "SET a.b = 1", "|COMMIT"],
        ["LISTEN jobs", "|UNLISTEN *", "|SELECT 1"],
        ["SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)", "|SELECT pg_advisory_unlock(1)"],
        ["SELECT pg_advisory_lock(1)", "|SELECT pg_advisory_unlock(2)"],
        ["SELECT pg_advisory_lock(1)", "|SELECT pg_advisory_unlock_all()", "|SELECT pg_advisory_unlock(1)"],
        ["SELECT pg_advisory_xact_lock(1)", "|SELECT 1"],
        ["PREPARE p AS SELECT 1", "EXECUTE p"],
        ["PREPARE p AS SELECT 1", "|DEALLOCATE p", "|EXECUTE p"],
        ["CREATE TEMP TABLE t (a int) ON COMMIT DROP", "|SELECT * FROM t"],
        ["CREATE TEMP TABLE t (a int)", "DROP TABLE t", "|SELECT * FROM t"],
        ["CREATE TEMP TABLE t (a int)", "|SELECT * FROM tt, my_t"],
        ["DECLARE c CURSOR WITH HOLD FOR SELECT 1", "|CLOSE c", "|FETCH 1 FROM c"],
        ["CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET a.b = 1; END $$", "|SELECT 1"],
        ["SELECT 1", "|SELECT 2"],
        ["execute S_1: SELECT 1", "execute S_1: SELECT 1"],
    ],
)
def test_what_ends_with_its_transaction_is_no_proof(statements: list[str]) -> None:
    assert proofs_of(*statements) == []


def test_one_opening_is_proved_once_and_anew_when_it_is_done_again() -> None:
    found = proofs_of("SET a.b = 1", "|SELECT 1", "|SELECT 2", "|SET a.b = 1", "|SELECT 3")
    assert found == [("setting", "a.b", 1, 2), ("setting", "a.b", 4, 5)]


def test_locks_of_one_shape_are_told_apart_by_what_they_lock() -> None:
    found = proofs_of(
        "SELECT pg_advisory_lock(1)",
        "|SELECT pg_advisory_lock(2)",
        "|SELECT pg_advisory_unlock(2)",
        "|SELECT pg_advisory_unlock(1)",
    )
    assert [(key, opened, used) for _, key, opened, used in found] == [("2", 2, 3), ("1", 1, 4)]


def test_other_sessions_prove_nothing() -> None:
    text = line("statement: SET a.b = 1", session="a.1") + line("statement: SELECT 1", session="a.2", transaction="3/9")
    assert prove(text.encode(), PREFIX) == []


def test_without_sessions_or_transactions_nothing_is_proved() -> None:
    assert prove((SAMPLES / "durations.log").read_bytes()) == []
    text = "2026-11-21 16:35:49 UTC 6b01c865.1 LOG:  statement: SET a.b = 1\n"
    assert prove((text + text.replace("SET a.b = 1", "SELECT 1")).encode(), "%t %c ") == []


@pytest.mark.parametrize("name", [name for name in LOGS if not name.endswith(".log") or name == "sessions.log"])
def test_a_real_log_proves_what_its_script_did(name: str) -> None:
    found = {(proof.state.value, proof.key) for proof in prove((SAMPLES / name).read_bytes())}
    assert found == {
        ("setting", "search_path"),
        ("lock", "42"),
        ("statement", "_pg3_0 of the protocol"),
        ("statement", "by_id"),
        ("table", "kept"),
        ("listening", "jobs"),
    }


def test_only_so_many_sessions_and_openings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    monkeypatch.setattr(sessions, "MOST_OPEN", 1)
    opening = "".join(line("statement: SET a.b = 1; SET c.d = 2", session=f"a.{number}") for number in range(3))
    using = "".join(line("statement: SELECT 1", session=f"a.{number}", transaction="2/9") for number in range(3))
    found = prove((opening + using).encode(), PREFIX)
    assert [(proof.session, proof.key) for proof in found] == [("a.1", "a.b"), ("a.2", "a.b")]
