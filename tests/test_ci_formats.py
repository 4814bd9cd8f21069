"""The contract with hooks and CI jobs: what one run of `txsafe check` on a scratch repository writes, and for whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from txsafe import __version__
from txsafe.catalog import load_catalog
from txsafe.cli import main
from txsafe.config import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

PROBLEM = 'import psycopg\n\nc = psycopg.connect("")\nc.execute("LISTEN jobs")\n'
OPTIONS = (
    "--profile", "--set", "--format", "--output-file", "--output", "--select", "--ignore", "--fail-on",
    "--min-confidence", "--baseline", "--write-baseline", "--since", "--stdin-filename", "--force-exclude",
    "--require-full-coverage", "--exit-zero", "--no-cache", "--jobs", "--color", "--statistics", "--show-config",
    "--show-files", "-q", "-v", "--debug", "--server-version",
)  # fmt: skip


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one commit: two files below `app/`, one of them with a problem."""
    for name in (
        "GITHUB_ACTIONS",
        "NO_COLOR",
        "FORCE_COLOR",
        *(name for name in os.environ if name.startswith("GIT_")),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    put("app/jobs one.py", PROBLEM)
    put("app/clean.py", "x = 1\n")
    git("init", "-q")
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "x")
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def check(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=stdin)


def report(*arguments: str, stdin: str | None = None) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(check("--format", "json", *arguments, stdin=stdin).stdout)
    return loaded


def found(*arguments: str) -> list[tuple[str, int, str]]:
    return [(each["path"], each["line"], each["rule"]) for each in report(*arguments)["diagnostics"]]


# ---------------------------------------------------------------- what is fixed


def test_every_option_of_the_contract_exists() -> None:
    text = check("--help").stdout
    known = {word.strip(",") for line in text.splitlines() for word in line.split() if word.startswith("-")}
    known |= {part for word in known for part in word.split("/")}
    assert set(OPTIONS) <= known


def test_json_is_one_object_of_the_fixed_shape() -> None:
    loaded = report("--server-version", "16", "--set", "max_prepared_statements=50")
    assert list(loaded) == ["schema", "txsafe", "profile", "summary", "diagnostics", "unresolved", "errors"]
    assert (loaded["schema"], loaded["txsafe"]) == (1, __version__)
    assert loaded["profile"].keys() >= {"name", "pooler", "version", "mode", "settings"}
    assert loaded["profile"]["settings"]["max_prepared_statements"] == "50"
    assert loaded["summary"] == {
        "files": 2, "files_parsed": 1, "sinks": 1, "sinks_resolved": 1, "diagnostics": 1,
        "by_rule": {"listen": 1}, "by_severity": {"error": 1, "warning": 0, "note": 0},
    }  # fmt: skip
    diagnostic = loaded["diagnostics"][0]
    assert diagnostic.keys() >= {
        "rule", "severity", "confidence", "path", "line", "column", "end_line", "end_column", "message", "sql",
        "outcome", "effects", "transaction", "driver", "suggestion", "fix", "fingerprint", "related", "suppressed",
    }  # fmt: skip
    place = [diagnostic[key] for key in ("path", "line", "column", "end_line", "end_column")]
    assert place == ["app/jobs one.py", 4, 12, 4, 23]
    assert (diagnostic["sql"], diagnostic["outcome"], diagnostic["driver"]) == ("LISTEN jobs", "unsafe", "psycopg")


def test_the_same_input_gives_the_same_bytes() -> None:
    for format_ in Format:
        assert check("--format", format_.value).stdout == check("--format", format_.value).stdout


def test_a_profile_decides() -> None:
    assert found("--profile", "direct") == []
    assert found("--profile", "pgbouncer-1.18/transaction")[-1] == ("app/jobs one.py", 4, "listen")
    assert report("--profile", "pgbouncer-1.18/transaction")["profile"]["version"] == "1.18"


def test_rules_are_selected_and_ignored() -> None:
    put("app/more.sql", "SET ROLE app;\nLISTEN a;\n")
    assert found("--select", "listen", "app/more.sql") == [("app/more.sql", 2, "listen")]
    assert found("--ignore", "listen", "app/more.sql") == [("app/more.sql", 1, "session-role")]
    assert found("--select", "session-*,listen", "--ignore", "listen", "app/more.sql") == [
        ("app/more.sql", 1, "session-role")
    ]


def test_confidence_is_a_threshold() -> None:
    put("app/loose.py", 'WORDS = ["LISTEN jobs"]\n')
    assert found("app/loose.py") == [("app/loose.py", 1, "listen")]
    assert found("--min-confidence", "medium", "app/loose.py") == []


# ---------------------------------------------------------------- one run, many readers


def test_one_run_writes_every_format_at_once() -> None:
    files = {format_: f"out.{format_}" for format_ in Format}
    outputs = [part for format_, file in files.items() for part in ("--output", f"{format_}={file}")]
    result = check(*outputs, "app")
    assert result.exit_code == 1
    assert "app/jobs one.py:4:12: error[listen]" in result.stdout
    for format_, file in files.items():
        assert Path(file).read_text() == check("--format", format_.value, "app").stdout


def test_sarif_has_relative_uris_wherever_the_run_starts(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = json.loads(check("--format", "sarif").stdout)["runs"][0]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "app/jobs%20one.py", "uriBaseId": "%SRCROOT%"}
    assert location["region"]["startLine"] == 4
    declared = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert declared >= load_catalog(()).rules.keys()
    monkeypatch.chdir(repository / "app")
    run = json.loads(check("--format", "sarif").stdout)["runs"][0]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "jobs%20one.py"


def test_sarif_leaves_suppressed_and_known_results_out() -> None:
    put("app/jobs one.py", PROBLEM.replace('jobs")', 'jobs")  # txsafe: ignore[listen] a direct connection'))
    assert json.loads(check("--format", "sarif").stdout)["runs"][0]["results"] == []
    put("app/jobs one.py", PROBLEM)
    check("--write-baseline", "known.json")
    assert json.loads(check("--format", "sarif", "--baseline", "known.json").stdout)["runs"][0]["results"] == []


def test_github_gets_annotations_beside_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    annotation = "::error file=app/jobs one.py,line=4,endLine=4,col=12,endColumn=22,title=txsafe listen::"
    assert check("--format", "github").stdout.startswith(annotation)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for format_ in Format:
        result = check("--format", format_.value)
        assert result.output.count("::error file=app/jobs one.py,line=4,") == 1
        written = check("--format", format_.value, "--output-file", "out")
        assert written.stdout.count("::error file=app/jobs one.py,line=4,") == 1
    assert json.loads(check("--format", "json").stdout)["schema"] == 1


def test_gitlab_counts_lines_from_1_and_paths_from_the_repository() -> None:
    (issue,) = json.loads(check("--format", "gitlab").stdout)
    assert issue["location"]["path"] == "app/jobs one.py"
    assert issue["location"].get("lines", {}).get("begin", issue["location"].get("positions")) == 4
    assert (issue["check_name"], len(issue["fingerprint"])) == ("listen", 32)


def test_junit_fails_the_file_with_the_problem_only() -> None:
    suites = ET.fromstring(check("--format", "junit").stdout)
    failing = [case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None]
    assert failing == ["app/jobs one.py"]
    assert len(list(suites.iter("testcase"))) == 2


def test_statistics_count_each_rule() -> None:
    put("app/more.sql", "LISTEN a;\nLISTEN b;\nSET ROLE x;\n")
    rows = [line.split() for line in check("--statistics").stdout.splitlines()]
    assert [(row[0], row[4]) for row in rows if row[4:5] in (["listen"], ["session-role"])] == [
        ("3", "listen"), ("1", "session-role"),
    ]  # fmt: skip


def test_a_pipe_gets_plain_text(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "txsafe", "app"],
        cwd=repository,
        capture_output=True,
        check=False,
        env=plain_environment(),
    )
    assert done.returncode == 1
    assert b"error[listen]" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stderr == b""


def plain_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "CLICOLOR_FORCE"}}


# ---------------------------------------------------------------- rounds


def test_a_baseline_holds_when_lines_move_and_shows_what_is_new() -> None:
    put("app/jobs one.py", PROBLEM + 'c.execute("LISTEN  jobs")\n')
    assert check("--write-baseline", "known.json").exit_code == 0
    put("app/jobs one.py", "# moved\n\n" + PROBLEM + 'c.execute("LISTEN jobs")\n')
    result = check("--baseline", "known.json")
    assert (result.exit_code, result.stderr) == (0, "")
    put("app/jobs one.py", PROBLEM + 'c.execute("LISTEN jobs")\nc.execute("LISTEN jobs")\n')
    assert check("--baseline", "known.json").exit_code == 1
    marks = [each["baselined"] for each in report("--baseline", "known.json")["diagnostics"]]
    assert sorted(marks) == [False, True, True]
    before = Path("known.json").read_text()
    put("app/jobs one.py", "")
    assert "2 stale" in check("--baseline", "known.json").stderr
    assert Path("known.json").read_text() == before
    check("--write-baseline", "known.json")
    assert check("--baseline", "known.json").stderr == ""


def test_a_suppression_holds_until_it_is_idle() -> None:
    silenced = PROBLEM.replace('jobs")', 'jobs")  # txsafe: ignore[listen] a direct connection')
    put("app/jobs one.py", silenced)
    assert check().exit_code == 0
    assert [(each["rule"], each["suppressed"]) for each in report()["diagnostics"]] == [("listen", True)]
    put("app/jobs one.py", silenced.replace("LISTEN jobs", "SELECT 1"))
    assert found() == [("app/jobs one.py", 4, "unused-suppression")]
    assert check().exit_code == 0
    assert check("--fail-on", "note").exit_code == 1


def test_changes_since_a_revision_are_shown_alone() -> None:
    put("app/jobs one.py", "# moved\n" + PROBLEM + 'c.execute("LISTEN more")\n')
    put("app/new.sql", "LISTEN a;\n")
    assert found("--since", "HEAD") == [("app/jobs one.py", 6, "listen"), ("app/new.sql", 1, "listen")]
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "y")
    assert found("--since", "HEAD") == []
    assert found("--since", "HEAD~1") == [("app/jobs one.py", 6, "listen"), ("app/new.sql", 1, "listen")]
    assert check("--since", "HEAD").exit_code == 0


def test_an_editor_can_pass_a_file_that_is_not_saved() -> None:
    loaded = report("--stdin-filename", "app/clean.py", stdin=PROBLEM)
    assert [(each["path"], each["line"]) for each in loaded["diagnostics"]] == [("app/clean.py", 4)]
    assert Path("app/clean.py").read_text() == "x = 1\n"


def test_a_hook_can_demand_that_all_sql_was_seen() -> None:
    put("app/jobs one.py", "import psycopg\n\n\ndef run(sql):\n    psycopg.connect('').execute(sql)\n")
    assert check().exit_code == 0
    assert check("--require-full-coverage").exit_code == 1
    assert check("--require-full-coverage", "--exit-zero").exit_code == 1
    (unresolved,) = report()["unresolved"]
    assert [unresolved[key] for key in ("path", "line", "sink")] == ["app/jobs one.py", 5, "psycopg.Connection.execute"]
    assert unresolved["reason"]


def test_everything_but_paths_can_stand_in_the_project_file() -> None:
    put(
        "pyproject.toml", '[tool.txsafe]\nfail-on = "note"\nselect = ["session-role"]\noutput = {sarif = "out.sarif"}\n'
    )
    assert check().exit_code == 0
    assert json.loads(Path("out.sarif").read_text())["version"] == "2.1.0"
    assert check("--select", "listen").exit_code == 1
