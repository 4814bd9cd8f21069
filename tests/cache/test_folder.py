"""Where results are kept: a folder that says what it is, and a command that deletes it and nothing else."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from txsafe.cache.folder import NAME, is_ours, prepare, remove
from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path

PROBLEM = 'import psycopg\n\npsycopg.connect("").execute("LISTEN jobs")\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(PROBLEM)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def check(*arguments: str) -> Result:
    result = invoke("check", "--isolated", *arguments)
    assert result.exit_code == 1, result.output
    return result


def test_the_folder_says_what_it_is_and_git_and_txsafe_pass_over_it(here: Path) -> None:
    check()
    cache = here / NAME
    assert (cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (cache / ".gitignore").read_text().endswith("\n*\n")
    (cache / "b.py").write_text(PROBLEM)
    assert "1 of 1 file" in check().stdout


def test_it_lies_in_the_project_s_root(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.txsafe]\n")
    (here / "deep/er").mkdir(parents=True)
    (here / "deep/er/b.py").write_text(PROBLEM)
    assert invoke("check", "deep/er").exit_code == 1
    assert is_ours(str(here / NAME))
    assert not (here / "deep/er" / NAME).exists()


@pytest.mark.parametrize("how", ["flag", "key", "environment"])
def test_another_folder_can_be_named(here: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--cache-dir", "other"] if how == "flag" else []
    if how == "key":
        (here / "txsafe.toml").write_text('cache-dir = "other"\n')
    if how == "environment":
        monkeypatch.setenv("TXSAFE_CACHE_DIR", "other")
    assert invoke("check", *arguments).exit_code == 1
    assert is_ours(str(here / "other"))
    assert not (here / NAME).exists()
    assert invoke("clean", *arguments).exit_code == 0
    assert not (here / "other").exists()


@pytest.mark.parametrize("how", ["flag", "key", "environment"])
def test_nothing_is_kept_where_nothing_is_to_be(here: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "key":
        (here / "txsafe.toml").write_text("cache = false\n")
    if how == "environment":
        monkeypatch.setenv("TXSAFE_NO_CACHE", "1")
    assert invoke("check", *(["--no-cache"] if how == "flag" else [])).exit_code == 1
    assert not (here / NAME).exists()


def test_clean_deletes_it_and_says_so(here: Path) -> None:
    check()
    result = invoke("clean")
    assert (result.exit_code, result.stderr) == (0, f"{here / NAME}: removed\n")
    assert sorted(path.name for path in here.iterdir()) == ["a.py"]
    assert invoke("clean").stderr == f"{here / NAME}: there is no cache\n"


def test_clean_deletes_nothing_else(here: Path) -> None:
    (here / "precious").mkdir()
    (here / "precious/a.txt").touch()
    assert invoke("clean", "--cache-dir", "precious").exit_code == 0
    assert (here / "precious/a.txt").exists()
    check()
    (here / NAME / "link").symlink_to(here / "precious", target_is_directory=True)
    (here / "alias").symlink_to(here / NAME, target_is_directory=True)
    assert not remove(str(here / "alias"))
    assert remove(str(here / NAME))
    assert (here / "precious/a.txt").exists()
    assert not (here / NAME).exists()


def test_a_folder_that_cannot_be_made_costs_time_only(here: Path) -> None:
    (here / NAME).write_text("a file")
    assert prepare(str(here / NAME)) is None
    check()
    assert (here / NAME).read_text() == "a file"


def test_a_damaged_result_is_made_anew_and_told_when_asked(here: Path) -> None:
    cold = check("--format", "json").stdout
    for path in (here / NAME / "1").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\0damaged" * 500)
    result = check("--format", "json", "-v")
    assert result.stdout == cold
    assert "cache: results.sqlite: cannot be read: file is not a database" in result.stderr
    assert "sqlite" not in check("--format", "json", "-v").stderr


def test_fix_and_audit_use_what_is_kept(here: Path) -> None:
    script = here / "a.py"
    script.write_text(PROBLEM + 'psycopg.connect("", options="-c statement_timeout=5s")\n')
    os.utime(script, (1, 1))
    new = invoke("audit", "--isolated", "--no-cache", "--format", "json", "--date", "2026-01-01").stdout
    for _ in range(2):
        assert invoke("audit", "--isolated", "--format", "json", "--date", "2026-01-01").stdout == new
        assert json.loads(check("--format", "json").stdout)["summary"]["diagnostics"] == 2
    diff = invoke("fix", "--isolated", "--no-cache", "--diff", "--unsafe-fixes").stdout
    assert [invoke("fix", "--isolated", "--diff", "--unsafe-fixes").stdout for _ in range(2)] == [diff, diff]
