"""`txsafe check` as a user meets it: arguments, streams and the exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from txsafe import __version__
from txsafe.cli import main
from txsafe.cli.terminal import Progress, wants_color, write_output
from txsafe.config import Color

PROBLEM = 'import psycopg\n\nc = psycopg.connect("", prepare_threshold=None)\nc.execute("LISTEN jobs")\n'
HARMLESS = "x = 1\n"
ENVIRONMENT = ("GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*ENVIRONMENT, *(name for name in os.environ if name.startswith("GIT_"))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def txsafe(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def process(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "txsafe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def found(result: Result) -> list[tuple[str, int, str]]:
    return [(each["path"], each["line"], each["rule"]) for each in json.loads(result.stdout)["diagnostics"]]


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"], ["-h"]])
def test_help_imports_no_parser(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom txsafe.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as e: assert e.code == 0\n"
        "print([m for m in ('libcst', 'sqlglot', 'yaml', 'pathspec', 'tomllib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_without_candidates_imports_no_parser() -> None:
    put("a.py", HARMLESS)
    code = (
        "import sys\nfrom txsafe.cli import main\n"
        "try: main(['a.py'])\n"
        "except SystemExit as e: assert e.code == 0\n"
        "print([m for m in ('libcst', 'sqlglot', 'pathspec') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told() -> None:
    assert txsafe("--version").stdout == f"txsafe {__version__}\n"


def test_help_lists_the_commands() -> None:
    result = txsafe("--help")
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.stdout for name in ("check", "matrix", "rules", "explain"))


@pytest.mark.parametrize("arguments", [[], ["."], ["a.py"], ["check"], ["check", "a.py"], ["--quiet", "a.py"]])
def test_check_is_the_default_command(arguments: list[str]) -> None:
    put("a.py", PROBLEM)
    result = txsafe(*arguments)
    assert result.exit_code == 1
    assert "a.py:4:" in result.stdout


def test_a_mistyped_command_is_a_missing_path_with_a_hint() -> None:
    result = txsafe("chekc")
    assert result.exit_code == 2
    assert "chekc: no such file or folder; did you mean 'check'?" in result.stderr


def test_an_unknown_option_is_a_usage_error() -> None:
    result = txsafe("--profil", "x")
    assert result.exit_code == 2
    assert "--profile" in result.stderr


def test_the_module_runs_like_the_command() -> None:
    put("a.py", PROBLEM)
    done = process("a.py", "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["diagnostics"][0]["rule"] == "listen"


# ---------------------------------------------------------------- exit status


def test_clean_code_exits_with_0() -> None:
    put("a.py", HARMLESS)
    assert txsafe().exit_code == 0


def test_a_missing_path_exits_with_2_and_the_rest_is_analysed() -> None:
    put("a.py", PROBLEM)
    result = txsafe("a.py", "nope.py", "--format", "json")
    assert result.exit_code == 2
    assert found(result) == [("a.py", 4, "listen")]
    assert [error["path"] for error in json.loads(result.stdout)["errors"]] == ["nope.py"]


def test_nothing_to_analyse_exits_with_2() -> None:
    put("README.md", "")
    for arguments in ([], ["README.md"]):
        result = txsafe(*arguments)
        assert result.exit_code == 2
        assert "no Python, SQL or settings files to analyse" in result.stderr


def test_all_files_excluded_by_force_exits_with_0() -> None:
    put("venv/a.py", PROBLEM)
    result = txsafe("--force-exclude", "venv/a.py")
    assert result.exit_code == 0
    assert "venv/a.py: passed over: excluded" in result.stderr
    assert txsafe("--force-exclude", "-q", "venv/a.py").stderr == ""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.py", b"def f(:\n  c.execute('x')\n"),
        ("a.py", b"print 'x'; c.execute('x')\n"),
        ("a.py", b"# \xff\nc.execute('x')\n"),
        ("a.py", b"c.execute('\0')\n"),
        ("a.py", b"c.execute(" + b"(" * 2000 + b")" * 2000 + b")\n"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_reported_and_the_rest_is_analysed(name: str, data: bytes) -> None:
    Path(name).write_bytes(data)
    put("z.py", PROBLEM)
    result = txsafe("--format", "json", "--exit-zero")
    assert result.exit_code == 1
    assert ("z.py", 4, "listen") in found(result)
    assert [error["path"] for error in json.loads(result.stdout)["errors"]] == ["a.py"]


def test_a_file_over_the_limit_is_reported() -> None:
    put("a.py", PROBLEM)
    result = txsafe("--max-file-size", "5")
    assert result.exit_code == 1
    assert "larger than max-file-size" in result.stdout


def test_thresholds_decide_on_the_exit_status_and_hide_nothing() -> None:
    put("a.py", PROBLEM)
    put("txsafe.toml", 'severity = {listen = "note"}\n')
    result = txsafe("--format", "json")
    assert (result.exit_code, found(result)) == (0, [("a.py", 4, "listen")])
    assert txsafe("--fail-on", "note").exit_code == 1
    assert txsafe("--fail-on", "note", "--exit-zero").exit_code == 0


def test_full_coverage_can_be_demanded() -> None:
    put("a.py", "import psycopg\n\n\ndef f(sql):\n    psycopg.connect('', prepare_threshold=None).execute(sql)\n")
    assert txsafe().exit_code == 0
    assert txsafe("--require-full-coverage").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select", "listne"], "select: unknown rule 'listne'; did you mean 'listen'?"),
        (["--profile", "pgbuncer"], "did you mean 'pgbouncer'"),
        (["--set", "nope"], "--set: 'nope' is not of the form KEY=VALUE"),
        (["--output", "srif=x"], "did you mean 'sarif'"),
        (["--jobs", "-1"], "--jobs: expected a whole number"),
        (["--output", "sarif=no/such/x"], "no such folder"),
        (["--output-file", "."], "it is a folder"),
        (["--isolated", "--config", "x"], "contradict"),
        (["--config", "absent.toml"], "absent.toml: cannot be read"),
        (["--baseline", "absent.json"], "absent.json: cannot be read"),
        (["--since", "HEAD"], "git"),
        (["--since", "HEAD", "--write-baseline", "b.json"], "needs all diagnostics"),
        (["--extend-exclude", "!"], "not a gitignore pattern"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_exits_with_2(arguments: list[str], message: str) -> None:
    put("a.py", PROBLEM)
    result = txsafe(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_fault_in_the_configuration_names_its_line() -> None:
    put("txsafe.toml", "\nselct = []\n")
    put("a.py", HARMLESS)
    result = txsafe()
    assert result.exit_code == 2
    assert "txsafe.toml:2: unknown key 'selct'; did you mean 'select'?" in result.stderr
    assert txsafe("--isolated").exit_code == 0


def test_a_defect_of_ours_exits_with_2_and_has_a_traceback_only_under_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.py", HARMLESS)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("txsafe.engine.analyze", broken)
    result = txsafe()
    assert (result.exit_code, "internal error: ZeroDivisionError: oops" in result.stderr) == (2, True)
    assert "Traceback" not in result.stderr
    assert "Traceback" in txsafe("--debug").stderr


# ---------------------------------------------------------------- input


def test_standard_input_is_analysed_under_a_name() -> None:
    result = txsafe("--stdin-filename", "app/x.py", "--format", "json", stdin=PROBLEM)
    assert (result.exit_code, found(result)) == (1, [("app/x.py", 4, "listen")])
    result = txsafe("--stdin-filename", "x.sql", "--format", "json", stdin="LISTEN a;")
    assert found(result) == [("x.sql", 1, "listen")]
    result = txsafe("-", "--format", "json", stdin=PROBLEM)
    assert found(result) == [("stdin.py", 4, "listen")]


def test_standard_input_and_files_go_together() -> None:
    put("a.py", PROBLEM)
    result = txsafe("a.py", "-", "--stdin-filename", "b.py", "--format", "json", stdin=PROBLEM)
    assert [path for path, _, _ in found(result)] == ["a.py", "b.py"]


def test_excluded_standard_input_is_passed_over_when_forced() -> None:
    result = txsafe("--stdin-filename", "venv/x.py", "--force-exclude", stdin=PROBLEM)
    assert result.exit_code == 0
    assert "venv/x.py: passed over" in result.stderr


def test_too_much_standard_input_is_an_error() -> None:
    result = txsafe("-", "--max-file-size", "5", stdin=PROBLEM)
    assert (result.exit_code, "standard input is larger" in result.stderr) == (2, True)


def test_the_files_of_a_run_can_be_listed() -> None:
    put("a.py", PROBLEM)
    put("b/c.sql", "")
    put("venv/x.py", "")
    result = txsafe("--show-files", "-v")
    assert (result.exit_code, result.stdout) == (0, "a.py\nb/c.sql\n")
    assert "venv: passed over: excluded" in result.stderr
    assert txsafe("--show-files", "nope").exit_code == 2


def test_the_effective_configuration_can_be_shown() -> None:
    put("pyproject.toml", '[tool.txsafe]\nselect = ["listen"]\nsettings = {a = 1}\nextend-exclude = ["x"]\n')
    result = txsafe(
        "--show-config", "--set", "b=2", "--extend-exclude", "y,z", "--ignore", "listen", "--no-cache", "--output",
        "json=o.json",
    )  # fmt: skip
    assert result.exit_code == 0
    assert 'settings = {"a" = "1", "b" = "2"}' in result.stdout
    assert 'extend-exclude = ["x", "y", "z"]' in result.stdout
    assert 'ignore = ["listen"]' in result.stdout
    assert "cache = false" in result.stdout
    assert 'output = {"json" = ' in result.stdout


def test_a_configuration_file_can_be_named() -> None:
    put("a.py", PROBLEM)
    put("other/own.toml", 'profile = "direct"\n')
    assert txsafe("--config", "other/own.toml", "a.py").exit_code == 0


# ---------------------------------------------------------------- output


def test_one_run_feeds_several_outputs() -> None:
    put("a.py", PROBLEM)
    result = txsafe("--output", "sarif=out.sarif", "--output", "json=out.json")
    assert "a.py:4:" in result.stdout
    assert json.loads(Path("out.sarif").read_text())["version"] == "2.1.0"
    assert json.loads(Path("out.json").read_text())["diagnostics"][0]["rule"] == "listen"
    result = txsafe("--format", "json", "-o", "only.json")
    assert result.stdout == ""
    assert json.loads(Path("only.json").read_text())["schema"] == 1


def test_annotations_are_added_in_github_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.py", PROBLEM)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::error" in txsafe().stdout
    as_json = txsafe("--format", "json")
    assert "::error" in as_json.stderr
    assert found(as_json)
    assert txsafe("--format", "github").output.count("::error") == 1
    assert txsafe("--output", "github=g.txt").output.count("::error") == 0


def test_piped_output_is_plain_unless_colours_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.py", PROBLEM)
    assert "\x1b" not in txsafe().output
    assert "\x1b[" in txsafe("--color", "always").stdout
    assert "\x1b" not in txsafe("--color", "always", "--format", "json").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in txsafe().stdout
    assert "\x1b" not in txsafe("--color", "never").stdout


class Terminal:
    """Something that says that it is a terminal."""

    def __init__(self) -> None:
        self.written = ""
        self.encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.written += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0", "TERM": "dumb"}, False),
    ],
)
def test_terminals_get_colours_as_the_environment_says(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color(Color.AUTO) is expected
    assert wants_color(Color.ALWAYS)
    assert not wants_color(Color.NEVER)


def test_progress_is_shown_in_long_runs_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Progress()(1, 9)
    progress = Progress()
    progress.started -= 5
    progress(2, 9)
    progress(3, 9)
    progress.clear()
    assert terminal.written == "\r\x1b[K2/9 files\r\x1b[K"
    Progress().clear()
    assert terminal.written.count("\r") == 2


def test_statistics_and_stage_times_are_told_when_asked_for() -> None:
    put("a.py", PROBLEM)
    assert "listen" in txsafe("--statistics").stdout
    assert "analysis: " in txsafe("--debug").stderr


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    put("a.py", PROBLEM * 1000)
    command = f"'{sys.executable}' -m txsafe a.py --exit-zero; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"{{ {command}; }} | head -n 1"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == "0\n"


def test_an_interrupt_exits_with_130() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "txsafe", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as running:
        assert running.stdin is not None
        running.stdin.write(b" " * 1_000_000)  # more than a pipe holds: it is written once the program reads
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate()
    assert running.returncode == 130
    assert b"Traceback" not in errors


def test_shell_completion_knows_commands_and_options() -> None:
    environment = {
        **os.environ,
        "_TXSAFE_COMPLETE": "bash_complete",
        "COMP_WORDS": "txsafe check --prof",
        "COMP_CWORD": "2",
    }
    assert "plain,--profile" in process(env=environment).stdout
    environment = {**environment, "COMP_WORDS": "txsafe ", "COMP_CWORD": "1"}
    assert "plain,matrix" in process(env=environment).stdout


# ---------------------------------------------------------------- what is shown


def test_a_baseline_hides_what_is_known_and_tells_what_is_stale() -> None:
    put("a.py", PROBLEM)
    result = txsafe("--write-baseline", "base.json")
    assert result.exit_code == 0
    assert "base.json: wrote 1 entry" in result.stderr
    put("a.py", "\n\n" + PROBLEM + 'c.execute("LISTEN others")\n')
    result = txsafe("--baseline", "base.json", "--format", "json")
    assert result.exit_code == 1
    put("a.py", HARMLESS)
    result = txsafe("--baseline", "base.json")
    assert result.exit_code == 0
    assert "1 stale" in result.stderr
    assert "a.py: listen: LISTEN jobs" in result.stderr
    assert txsafe("--baseline", "base.json", "-q").stderr == ""


def test_what_is_not_selected_is_not_stale() -> None:
    put("a.py", PROBLEM)
    txsafe("--write-baseline", "base.json")
    result = txsafe("--baseline", "base.json", "--select", "temp-table")
    assert result.exit_code == 0
    assert result.stderr == ""


def test_only_what_a_change_brought_is_shown(folder: Path) -> None:
    (folder / ".git").rmdir()
    put("old.py", PROBLEM)
    put("a.py", PROBLEM)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], check=True)
    put("a.py", PROBLEM + 'c.execute("LISTEN more")\n')
    put("new.py", PROBLEM)
    result = txsafe("--since", "HEAD", "--format", "json")
    assert found(result) == [("a.py", 5, "listen"), ("new.py", 4, "listen")]


def test_suppressions_work_from_end_to_end() -> None:
    put("a.py", PROBLEM.replace('jobs")', 'jobs")  # txsafe: ignore[listen] a direct connection'))
    assert txsafe().exit_code == 0
    put("a.py", PROBLEM.replace('jobs")', 'jobs")  # txsafe: ignore[lsten]'))
    result = txsafe("--format", "json")
    assert result.exit_code == 1
    assert [rule for _, _, rule in found(result)] == ["listen", "unused-suppression"]


def test_a_terminal_gets_what_its_encoding_can_spell(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    terminal.encoding = "ascii"
    monkeypatch.setattr(sys, "stdout", terminal)
    write_output("é\n")
    assert terminal.written == "\\xe9\n"
