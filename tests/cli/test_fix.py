"""`txsafe fix` as a user meets it: what is written, what is only shown, what is left alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from txsafe import atomic
from txsafe.atomic import replace_content
from txsafe.cli import main

HEAD = "import psycopg\n\n\ndef f(dsn):\n    with psycopg.connect(dsn, prepare_threshold=None) as c, c.transaction():\n"
SAFE = f"{HEAD}        c.execute('SET work_mem = 1')\n        c.execute('SELECT 1')\n"
FIXED = SAFE.replace("SET work", "SET LOCAL work")
UNSAFE = SAFE.replace(", c.transaction()", "")
NOTHING = "import psycopg\n\nc = psycopg.connect('', prepare_threshold=None)\nc.execute('LISTEN jobs')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / ".git").mkdir()
    return project


def put(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fix(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["fix", *arguments], input=stdin)


def test_safe_fixes_are_written_and_said() -> None:
    path = put("app.py", SAFE)
    result = fix()
    assert (result.exit_code, path.read_text()) == (0, FIXED)
    assert result.stdout == ("app.py:6:20: session-set: Write SET LOCAL\n1 finding fixed in 1 file, 0 left.\n")


def test_unsafe_fixes_are_written_only_on_request() -> None:
    path = put("app.py", UNSAFE)
    result = fix()
    assert (result.exit_code, path.read_text()) == (1, UNSAFE)
    assert result.stdout == ("0 findings fixed in 0 files, 1 left: 1 with a fix to look at (`--unsafe-fixes`).\n")
    assert fix("--unsafe-fixes").exit_code == 0
    assert path.read_text() == UNSAFE.replace("SET work", "SET LOCAL work")


def test_what_is_left_makes_the_exit_status() -> None:
    put("app.py", NOTHING)
    result = fix()
    assert result.exit_code == 1
    assert "1 left: 1 without a fix" in result.stdout
    assert fix("--exit-zero").exit_code == 0


def test_a_diff_changes_nothing_and_can_be_applied() -> None:
    path = put("app.py", SAFE)
    result = fix("--diff")
    assert (result.exit_code, path.read_text()) == (1, SAFE)
    assert result.stderr == "1 finding would be fixed in 1 file.\n"
    subprocess.run(["git", "apply", "-p0"], input=result.stdout, text=True, check=True)
    assert path.read_text() == FIXED
    assert fix("--diff", "-q").exit_code == 0


def test_a_diff_says_that_the_last_line_has_no_end() -> None:
    put("app.py", SAFE.removesuffix("\n"))
    assert "\\ No newline at end of file\n" in fix("--diff").stdout


@pytest.mark.parametrize(
    "data",
    [
        SAFE.replace("\n", "\r\n").encode(),
        SAFE.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + SAFE.encode(),
        f"# coding: latin-1\n# é\n{SAFE}".encode("latin-1"),
        SAFE.replace("\n", "\r\n", 3).encode(),
    ],
)
def test_encoding_mark_and_line_ends_stay(data: bytes) -> None:
    path = put("app.py", data)
    fix()
    assert path.read_bytes() == data.replace(b"SET work", b"SET LOCAL work")


def test_standard_input_is_fixed_to_standard_output() -> None:
    result = fix("-", stdin=SAFE)
    assert result.stdout == FIXED
    assert result.stderr.startswith("stdin.py:6:20: session-set: Write SET LOCAL\n")
    assert fix("-", stdin=NOTHING).stdout == NOTHING
    assert fix("-", "--diff", stdin=SAFE).exit_code == 1


def test_standard_input_is_fixed_alone() -> None:
    assert fix("-", "app.py", stdin=SAFE).exit_code == 2


def test_the_mode_of_a_file_stays() -> None:
    path = put("app.py", SAFE)
    path.chmod(0o755)
    fix()
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_link_within_the_tree_is_followed() -> None:
    path = put("real/app.txt", SAFE)
    Path("link.py").symlink_to(path)
    fix("link.py")
    assert Path("link.py").is_symlink()
    assert path.read_text() == FIXED


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(SAFE)
    Path("link.py").symlink_to(outside)
    result = fix()
    assert (result.exit_code, outside.read_text()) == (1, SAFE)
    assert "link.py: left alone: it is a link out of the tree\n" in result.stdout
    assert "0 findings fixed in 0 files, 1 left: 1 with a fix that was not applied" in result.stdout


def test_a_file_that_has_changed_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("app.py", SAFE)
    original = atomic.replace_content

    def late(*arguments: object, **options: object) -> str | None:
        path.write_text(f"{SAFE}# somebody was faster\n")
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic, "replace_content", late)
    result = fix()
    assert result.exit_code == 1
    assert path.read_text().endswith("# somebody was faster\n")
    assert "app.py: left alone: it has changed meanwhile\n" in result.stdout


def test_a_file_that_is_protected_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    put("app.py", SAFE)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write everything
    assert "app.py: left alone: it cannot be written: Permission denied" in fix().stdout


def test_a_file_that_is_gone_is_left_alone(tmp_path: Path) -> None:
    assert replace_content(tmp_path / "gone.py", b"", expected=b"", within=[tmp_path]) == (
        "it cannot be written: No such file or directory"
    )
    (tmp_path / "a.py").write_bytes(b"longer")
    assert replace_content(tmp_path / "a.py", b"", expected=b"long", within=[tmp_path]) == "it has changed meanwhile"


def test_suppressed_findings_are_not_fixed_and_idle_suppressions_go() -> None:
    silenced = SAFE.replace("1')\n", "1')  # txsafe: ignore[session-set]\n", 1)
    path = put("app.py", silenced)
    assert fix().exit_code == 0
    assert path.read_text() == silenced
    put("other.py", NOTHING.replace("LISTEN jobs')", "NOTIFY jobs')  # txsafe: ignore"))
    fix()
    assert Path("other.py").read_text() == NOTHING.replace("LISTEN", "NOTIFY")


def test_selection_decides_what_is_fixed() -> None:
    path = put("app.py", SAFE)
    fix("--ignore", "session-set")
    assert path.read_text() == SAFE
    fix("--profile", "direct")
    assert path.read_text() == SAFE


def test_the_baseline_is_left_in_peace() -> None:
    path = put("app.py", SAFE)
    assert CliRunner().invoke(main, ["check", "--write-baseline", "known.json"]).exit_code == 0
    assert fix("--baseline", "known.json").exit_code == 0
    assert path.read_text() == SAFE


def test_missing_paths_are_an_error() -> None:
    put("app.py", SAFE)
    assert fix("app.py", "gone.py").exit_code == 2
    assert fix("app.py", "gone.py", "--diff").exit_code == 2
    assert fix("gone").exit_code == 2


def test_nothing_to_fix_is_fine() -> None:
    put("app.py", "x = 1\n")
    assert fix().stdout == "0 findings fixed in 0 files, 0 left.\n"
    assert fix("-q").stdout == ""


def test_all_that_is_named_may_be_excluded() -> None:
    put("build/app.py", SAFE)
    assert fix("--force-exclude", "build/app.py").exit_code == 0


def test_json_carries_the_edits_that_fix_applies() -> None:
    put("app.py", SAFE)
    report = json.loads(CliRunner().invoke(main, ["check", "--format", "json"]).stdout)
    (diagnostic,) = report["diagnostics"]
    start = {"line": 6, "column": 23}
    assert diagnostic["fix"] == {
        "title": "Write SET LOCAL",
        "applicability": "safe",
        "edits": [{"path": "app.py", "start": start, "end": start, "replacement": " LOCAL"}],
    }


def test_help_tells_how_to_look_first() -> None:
    shown = fix("--help").stdout
    assert "--diff" in shown
    assert "--unsafe-fixes" in shown


# ---------------------------------------------------------------- settings for the role

START_UP = "import psycopg2\n\nc = psycopg2.connect('', options='-c jit=off')\n"


def test_settings_go_to_a_script_only_where_that_is_asked_for() -> None:
    path = put("app.py", START_UP)
    result = fix("--unsafe-fixes")
    assert (result.exit_code, path.read_text()) == (1, START_UP)
    assert "1 left: 1 with a setting for the role (`--ddl`)" in result.stdout
    shown = fix("--role", "app", "--ddl", "role.sql", "--diff")
    assert (shown.exit_code, path.read_text(), Path("role.sql").exists()) == (1, START_UP, False)
    assert "+ALTER ROLE app SET jit = 'off';  -- app.py:3\n" in shown.stdout
    written = fix("--role", "app", "--ddl", "role.sql")
    assert (written.exit_code, path.read_text()) == (0, "import psycopg2\n\nc = psycopg2.connect('')\n")
    assert "ALTER ROLE app SET jit = 'off';" in Path("role.sql").read_text()
    assert "role.sql: written; read it, and run it first" in written.stderr


def test_no_script_is_written_where_there_is_nothing_to_give() -> None:
    put("app.py", SAFE)
    result = fix("--database", "shop", "--ddl", "role.sql")
    assert not Path("role.sql").exists()
    assert "role.sql: not written: no connection is given a constant" in result.stderr


def test_several_values_of_one_parameter_are_said() -> None:
    put("app.py", f"{START_UP}d = psycopg2.connect('', options='-c jit=on')\n")
    result = fix("--role", "app", "--ddl", "role.sql", "-q")
    assert result.stderr == "jit: given several values, so only one of them went to the role\n"
    assert result.exit_code == 1


@pytest.mark.parametrize("flags", [["--role", "app"], ["--ddl", "x.sql"], ["--database", "shop"]])
def test_a_script_needs_a_file_and_whom_it_is_for(flags: list[str]) -> None:
    put("app.py", SAFE)
    assert fix(*flags).exit_code == 2
