"""`txsafe audit` as a user meets it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path

PROBLEM = 'import psycopg\n\nc = psycopg.connect("", prepare_threshold=None)\nc.execute("LISTEN jobs")\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(PROBLEM)
    return tmp_path


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


def test_the_document_goes_to_standard_output_as_html() -> None:
    done = audit()
    assert done.exit_code == 0
    assert done.stdout.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.html", "<!DOCTYPE"), ("a.HTM", "<!DOCTYPE"), ("a.md", "# Can"), ("a.json", "{"), ("a.txt", "<!DOCTYPE")],
)
def test_the_files_name_says_the_format(folder: Path, name: str, start: str) -> None:
    done = audit("-o", name)
    assert (done.exit_code, done.stdout) == (0, "")
    assert (folder / name).read_text().startswith(start)


def test_the_format_that_is_named_counts(folder: Path) -> None:
    assert audit("--format", "markdown", "-o", "a.html").exit_code == 0
    assert (folder / "a.html").read_text().startswith("# Can")


def test_compare_prints_a_table_for_a_terminal() -> None:
    done = audit("--compare", "--profile", "pgbouncer-1.20")
    assert done.exit_code == 0
    assert done.stdout.startswith("For PgBouncer 1.20, transaction mode: 1 change.")
    assert "PgBouncer 1.18 to 1.26" in done.stdout
    assert "a.py:4 listen" in done.stdout


@pytest.mark.parametrize(
    "name", ["pgbouncer-1.18/transaction", "rds-proxy", "pgbouncer/statement", "supabase/session", "odyssey", "pgdog"]
)
def test_the_table_says_what_check_says(name: str) -> None:
    asked = json.loads(audit("--format", "json", "--profile", name).stdout)["what_if"]
    checked = json.loads(CliRunner().invoke(main, ["check", "--format", "json", "--profile", name]).stdout)
    pooler = {key: checked["profile"][key] for key in ("pooler", "version", "mode", "settings")}
    (row,) = [each for each in asked["profiles"] if {key: each[key] for key in pooler} == pooler]
    assert row["by_severity"] == checked["summary"]["by_severity"]
    assert asked["asked"]["by_severity"] == checked["summary"]["by_severity"]


def test_the_date_may_be_that_of_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert json.loads(audit("--format", "json").stdout)["date"] == "1970-01-02"
    assert json.loads(audit("--format", "json", "--date", "2026-01-31").stdout)["date"] == "2026-01-31"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "nonsense")
    assert len(json.loads(audit("--format", "json").stdout)["date"]) == len("2026-01-31")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "tomorrow"], "--date: 'tomorrow' is no day such as 2026-01-31"),
        (["-o", "missing/a.html"], "no such folder"),
        (["-o", "."], "it is a folder"),
        (["--write-baseline", "missing/b.json"], "no such folder"),
        (["--profile", "pgbuncer"], "did you mean 'pgbouncer'"),
        (["--baseline", "missing.json"], "cannot be read"),
    ],
)
def test_mistakes_are_told_before_the_work(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["audit", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_path_that_does_not_exist_fails() -> None:
    done = audit("missing")
    assert done.exit_code == 2
    assert "missing" in done.stderr


def test_all_that_is_excluded_is_no_failure() -> None:
    done = audit("--force-exclude", "--exclude", "a.py", "a.py")
    assert (done.exit_code, done.stdout) == (0, "")


def test_a_baseline_is_written(folder: Path) -> None:
    done = audit("--write-baseline", "known.json", "-o", "a.html")
    assert "known.json: wrote 1 entry" in done.stderr
    assert len(json.loads((folder / "known.json").read_text())["diagnostics"]) == 1


def test_the_poolers_file_is_audited_and_quoted_without_passwords(folder: Path) -> None:
    (folder / "pgbouncer.ini").write_text(
        "[databases]\nshop = host=db password=secret\n[pgbouncer]\npool_mode = transaction\n"
        "track_extra_parameters = search_path\n"
    )
    for format_ in ("html", "markdown", "json"):
        done = audit("--format", format_, "--pooler-config", "pgbouncer.ini", "--profile", "pgbouncer-1.24")
        assert done.exit_code == 0
        assert "search_path" in done.stdout
        assert "secret" not in done.stdout


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    assert audit("-o", "a.html").stderr == ""


def test_reports_of_files_outside_the_run_have_their_frames(folder: Path) -> None:
    (folder / "statements.py").write_text("LISTEN = 'LISTEN jobs'\n")
    (folder / "run.py").write_text(
        "import psycopg\nfrom statements import LISTEN\npsycopg.connect('', prepare_threshold=None).execute(LISTEN)\n"
    )
    done = audit("--follow-imports", "run.py", "--format", "json")
    assert [each["path"] for each in json.loads(done.stdout)["findings"]] == ["run.py"]
