"""What becomes of the scripts of `fixtures/common_tables`; `tests/lab/test_common_tables.py` runs them on a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrites.rewriting import check, rewrite
from txsafe.model import Applicability
from txsafe.rewrites.common_table import reading_part

SCRIPTS = sorted((Path(__file__).parents[2] / "fixtures" / "common_tables").glob("*.sql"))


def expected(script: Path) -> str:
    """Return what the first line of a script says: a safe fix, an unsafe one, or none and why."""
    return script.read_text(encoding="utf-8").partition("\n")[0].removeprefix("-- ")


WITH_FIX = [script for script in SCRIPTS if not expected(script).startswith("declined")]
WITHOUT = [script for script in SCRIPTS if expected(script).startswith("declined")]
UNSAFE = [script for script in WITH_FIX if expected(script) == "unsafe"]


@pytest.mark.parametrize("script", WITH_FIX, ids=lambda script: script.stem)
def test_a_table_that_is_read_once_becomes_a_cte(script: Path) -> None:
    done = rewrite(script.read_text(encoding="utf-8"), name=script.name)
    assert not done.fixing.refused
    assert not check(done.after, name=script.name).diagnostics
    assert "MATERIALIZED" in done.after


@pytest.mark.parametrize("script", WITHOUT, ids=lambda script: script.stem)
def test_a_table_that_no_cte_replaces_stays_and_it_is_said_why(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    found = check(text, name=script.name).diagnostics[0]
    assert found.fix is None or "CTE" not in found.fix.title
    reason = expected(script).removeprefix("declined:").strip()
    assert found.suggestion.count("no CTE") == (1 if reason else 0)
    assert reason in found.suggestion


@pytest.mark.parametrize("script", UNSAFE, ids=lambda script: script.stem)
def test_what_is_marked_unsafe_is_not_settled_by_safe_fixes(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    after = rewrite(text, name=script.name, applied=frozenset({Applicability.SAFE})).after
    assert check(after, name=script.name).diagnostics


def test_there_are_enough_scripts() -> None:
    assert len(WITH_FIX) >= 30
    assert len(WITHOUT) >= 20


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SELECT 1", "SELECT 1"),
        ("COPY (SELECT (1)) TO STDOUT", "SELECT (1)"),
        ("COPY ( TABLE a ) TO '/x'", "TABLE a"),
        ("COPY (SELECT 1", None),
        ("COPY () TO STDOUT", None),
        ("COPY (SELECT 1) FROM STDIN", None),
        ("COPY a TO STDOUT", None),
        ("CREATE TABLE a AS SELECT 1", "SELECT 1"),
        ("CREATE UNLOGGED TABLE a (x, y) WITH (z = 1) AS ((SELECT 1)) WITH DATA", "SELECT 1"),
        ("CREATE TABLE a AS (SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)"),
        ("CREATE TABLE a AS SELECT 1 WITH NO DATA", None),
        ("CREATE TABLE a (x text DEFAULT (1 AS y))", None),
        ("CREATE TABLE a AS", None),
        ("CREATE VIEW a AS SELECT 1", None),
    ],
)
def test_a_statement_reads_by_one_query_of_it(text: str, part: str | None) -> None:
    found = reading_part(text)
    assert (None if found is None else text[found.start : found.end]) == part
