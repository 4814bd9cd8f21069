"""`fixtures/program/` are small programs of several files: each annotated line is held against what txsafe says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from txsafe.cli import main

ROOT = Path(__file__).parent.parent
CASES = sorted(path for path in (ROOT / "fixtures/program").iterdir() if path.is_dir())
ANNOTATION = re.compile(r"(?:#|--)\s*(expect|ok):\s*([\w\-]+)")


def check(*targets: Path, jobs: int = 1) -> list[dict[str, object]]:
    """Return what `txsafe check` says of some paths."""
    arguments = ["check", *map(str, targets), "--format", "json", "--profile", "pgbouncer-1.18/transaction"]
    result = CliRunner().invoke(main, [*arguments, "--no-cache", "--jobs", str(jobs)])
    assert result.exit_code in {0, 1}, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)["diagnostics"]
    return found


def said(found: list[dict[str, object]]) -> list[tuple[str, object, object]]:
    return sorted((Path(str(one["path"])).name, one["line"], one["rule"]) for one in found)


def annotated(case: Path, kind: str) -> list[tuple[str, object, object]]:
    return sorted(
        (path.name, number, rule)
        for path in case.rglob("*.*")
        if path.suffix in {".py", ".sql"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for found, rule in ANNOTATION.findall(line)
        if found == kind
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_program_shows_exactly_the_annotated_lines(case: Path) -> None:
    expected = annotated(case, "expect")
    rules = {rule for _, _, rule in expected + annotated(case, "ok")}
    assert [one for one in said(check(case)) if one[2] in rules] == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_has_positives(case: Path) -> None:
    assert annotated(case, "expect")


def test_a_constant_that_two_modules_run_is_one_diagnostic_with_two_related_places() -> None:
    case = ROOT / "fixtures/program/constants"
    (listen,) = [one for one in check(case) if one["rule"] == "listen" and one["line"] == 5]
    related = listen["related"]
    assert isinstance(related, list)
    assert [Path(place["path"]).name for place in related] == ["second.py", "worker.py"]


def test_a_constant_outside_the_run_is_reported_where_it_is_run() -> None:
    found = check(ROOT / "fixtures/program/constants/shop/worker.py")
    assert {Path(str(one["path"])).name for one in found} == {"worker.py"}
    assert ("worker.py", 11, "session-set") in said(found)


def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sql.py").write_text("LISTEN = 'LISTEN jobs'\n")
    code = "import psycopg\nfrom shop.sql import LISTEN\n\ndef f(conn: psycopg.Connection):\n    conn.execute(LISTEN)\n"
    for number in range(60):
        (package / f"user{number}.py").write_text(code)
    assert check(tmp_path, jobs=2) == check(tmp_path, jobs=1)


def test_a_suppression_silences_where_the_statement_stands(tmp_path: Path) -> None:
    (tmp_path / "sql.py").write_text("LISTEN = 'LISTEN jobs'  # txsafe: ignore[listen] on a direct connection\n")
    (tmp_path / "app.py").write_text(
        "import psycopg\nfrom sql import LISTEN\n\ndef f(conn: psycopg.Connection):\n    conn.execute(LISTEN)\n"
    )
    assert [one["rule"] for one in check(tmp_path) if not one.get("suppressed")] == []


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "secret.py").write_text("LISTEN = 'LISTEN jobs'\n")
    (inside / "pyproject.toml").write_text("[project]\nname = 'inside'\n")
    (inside / "secret.py").symlink_to(outside / "secret.py")
    (inside / "app.py").write_text(
        "import psycopg\nfrom secret import LISTEN\n\ndef f(conn: psycopg.Connection):\n    conn.execute(LISTEN)\n"
    )
    assert [one for one in check(inside / "app.py") if one["rule"] == "listen"] == []


def test_a_file_that_only_hands_on_what_others_define_is_read(tmp_path: Path) -> None:
    """It has none of the words that make a file worth a parse; the file that defines the statement leads to it."""
    (tmp_path / "sql.py").write_text("WATCH = 'LISTEN jobs'\n")
    (tmp_path / "db.py").write_text(
        "import psycopg\nCONNECTION = psycopg.connect()\ndef run(sql):\n    CONNECTION.execute(sql)\n"
    )
    (tmp_path / "app.py").write_text("from db import run\nfrom sql import WATCH\nrun(WATCH)\n")
    (listen,) = [one for one in check(tmp_path) if one["rule"] == "listen"]
    assert Path(str(listen["path"])).name == "sql.py"
    assert [Path(str(place["path"])).name for place in listen["related"]] == ["db.py", "app.py"]  # type: ignore[attr-defined]


def test_an_import_that_cannot_be_parsed_is_named_among_what_stayed_open(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("SQL = (\n")
    (tmp_path / "app.py").write_text("import psycopg\nfrom broken import SQL\npsycopg.connect().execute(SQL)\n")
    result = CliRunner().invoke(main, ["check", str(tmp_path), "--format", "json", "--no-cache"])
    (unresolved,) = json.loads(result.stdout)["unresolved"]
    assert (
        unresolved["reason"]
        == "imported from broken.SQL, which cannot be followed: invalid Python: '(' was never closed"
    )


def test_alone_a_file_shows_what_can_be_seen_in_it(tmp_path: Path) -> None:
    (tmp_path / "sql.py").write_text("WATCH = 'LISTEN jobs'\n")
    (tmp_path / "app.py").write_text(
        "import psycopg\nfrom sql import WATCH\nc = psycopg.connect()\nc.execute(WATCH)\nc.execute('LISTEN more')\n"
    )
    arguments = ["check", str(tmp_path), "--format", "json", "--no-cache"]
    alone = json.loads(CliRunner().invoke(main, [*arguments, "--no-follow-imports"]).stdout)["diagnostics"]
    together = json.loads(CliRunner().invoke(main, arguments).stdout)["diagnostics"]
    assert said(alone) == said(together)
    assert {one["confidence"] for one in together if one["rule"] == "listen"} == {"high"}
    assert {one["confidence"] for one in alone if one["rule"] == "listen"} == {"high", "low"}
