"""What `txsafe check` says of versions, of settings files, and of values in its configuration that mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def check(folder: Path, *arguments: str, code: str = "x = 1\n", toml: str = "") -> Result:
    (folder / "app.py").write_text(code)
    (folder / "txsafe.toml").write_text(toml)
    return CliRunner().invoke(main, ["check", str(folder), *arguments])


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        ('select = ["listen"]\nprofile = "pgbouncr"\n', "txsafe.toml:2: profile: unknown pooler 'pgbouncr'"),
        ('profile = "pgbouncer-9.9"\n', "txsafe.toml:1: profile: unknown version '9.9'"),
        ("\n[settings]\nmax_prepared = 1\n", "txsafe.toml:2: settings: unknown setting 'max_prepared'"),
        ('[routes]\n"A" = "odysey"\n', "txsafe.toml:1: routes: routes: 'A': unknown pooler 'odysey'"),
    ],
)
def test_a_value_that_means_nothing_is_named_with_its_place(tmp_path: Path, toml: str, place: str) -> None:
    result = check(tmp_path, toml=toml)
    assert result.exit_code == 2
    assert place in result.stderr


def test_a_flag_has_no_place(tmp_path: Path) -> None:
    result = check(tmp_path, "--profile", "pgbouncr", toml='profile = "pgbouncer"\n')
    assert result.exit_code == 2
    assert "txsafe.toml" not in result.stderr


def test_the_versions_are_shown_with_how_they_are_known(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("sqlalchemy>=2.0.30\n")
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "asyncpg"\nversion = "0.29.0"\n')
    for arguments, stream in ((("--show-config",), "stdout"), (("-v",), "stderr")):
        said = getattr(check(tmp_path, *arguments), stream)
        assert "asyncpg 0.29.0, " in said
        assert "uv.lock:1" in said
        assert "sqlalchemy 2.0.30 is assumed, the oldest that " in said


def test_without_any_file_the_assumption_is_said(tmp_path: Path) -> None:
    assert "asyncpg 0.30 is assumed, no version was found" in check(tmp_path, "--show-config").stdout


def test_no_format_quotes_a_password_of_a_settings_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("URL=postgres://u:s3cret@h/d?options=-cjit%3Doff\nDB_PASSWORD=s3cret\n")
    for format_ in ("text", "json", "sarif", "github", "gitlab", "junit"):
        result = check(tmp_path, "--format", format_)
        assert result.exit_code == 1
        assert "startup-parameter" in result.output
        assert "s3cret" not in result.output


def test_settings_files_can_be_excluded(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PGOPTIONS=-c jit=off\n")
    assert ".env" in check(tmp_path, "--show-files").stdout
    assert ".env" not in check(tmp_path, "--show-files", toml='extend-exclude = [".env*"]\n').stdout
