"""`txsafe matrix`, `txsafe rules` and `txsafe explain`, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from txsafe.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capfd: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(args))
    out, err = capfd.readouterr()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, out, err


def test_matrix_prints_the_named_profiles(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capfd, "matrix", "--profile", "pgbouncer-1.18", "--profile", "odyssey", "--rule", "listen")
    assert status == 0
    assert out.splitlines()[0] == "pgbouncer"
    assert "1.18 transaction" in out
    assert "1.5.2 transaction" in out


def test_matrix_prints_all_versions_of_a_pooler_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    args = (
        "--pooler",
        "pgbouncer",
        "--rule",
        "driver-prepare",
        "--set",
        "max_prepared_statements=0",
        "--format",
        "json",
    )
    status, out, _ = run(capfd, "matrix", *args, "--server-version", "18")
    cells = json.loads(out)["cells"]
    assert status == 0
    assert {cell["version"] for cell in cells} >= {"1.18", "1.26"}
    assert {cell["server_version"] for cell in cells} == {18}
    newest = [cell for cell in cells if cell["version"] == "1.26" and cell["mode"] == "transaction"]
    assert {cell["settings"]["max_prepared_statements"] for cell in newest} == {"0"}
    assert "wrong-result" in newest[0]["effects"]


def test_matrix_prints_markdown_of_every_pooler(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capfd, "matrix", "--format", "markdown", "--rule", "listen")
    assert status == 0
    assert "## pgbouncer\n" in out
    assert "## rds-proxy\n" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("matrix", "--profile", "pgbouncr"), "unknown pooler 'pgbouncr'; did you mean 'pgbouncer'?"),
        (("matrix", "--pooler", "pgbouncr"), "unknown pooler 'pgbouncr'; did you mean 'pgbouncer'?"),
        (("matrix", "--rule", "lisen"), "unknown rule 'lisen'; did you mean 'listen'?"),
        (("matrix", "--set", "nonsense"), "--set: 'nonsense' is not of the form KEY=VALUE"),
        (("matrix", "--pooler", "neon", "--set", "size=1"), "unknown setting 'size'"),
        (("matrix", "--profile", "pgbouncer", "--server-version", "3"), "server version 3 is no major version"),
        (("matrix", "--rule-path", "gone"), "gone:0: no such file or directory"),
        (("explain", "lisen"), "unknown rule 'lisen'; did you mean 'listen'?"),
        (("explain",), "Missing argument 'RULE'"),
        (("rules", "--format", "xml"), "'xml' is not one of 'text', 'json'"),
    ],
)
def test_what_makes_no_sense_ends_with_status_2(
    capfd: pytest.CaptureFixture[str], args: tuple[str, ...], message: str
) -> None:
    status, out, err = run(capfd, *args)
    assert (status, out) == (2, "")
    assert message in err


def test_rules_are_listed_in_columns(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capfd, "rules")
    lines = out.splitlines()
    assert status == 0
    assert lines == sorted(lines)
    assert any(line.split()[:2] == ["listen", "error"] for line in lines)


def test_rules_are_listed_as_json_with_the_users_own(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = "id: own\ntitle: Own\nseverity: note\nvariants:\n  v: {match: {statement: show}, reason: harmless}\n"
    (tmp_path / "own.yaml").write_text(own + "explanation: e\nreferences: [r]\n", encoding="utf-8")
    status, out, _ = run(capfd, "rules", "--format", "json", "--rule-path", "own.yaml")
    rules = {rule["id"]: rule for rule in json.loads(out)["rules"]}
    assert status == 0
    assert rules["own"]["variants"] == [{"id": "v", "requires": [], "message": "harmless"}]
    assert rules["listen"]["references"]


def test_explain_prints_the_whole_page(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capfd, "explain", "session-advisory-lock")
    assert status == 0
    assert out.startswith("# session-advisory-lock: ")
    for part in (
        "Severity: ",
        "## Variants",
        "## What becomes of it",
        "- PgBouncer 1.26, transaction mode: ",
        "## References",
    ):
        assert part in out
    assert "Opened and closed in one transaction it is safe." in out
    assert "- A direct connection: safe*\n" in out


@pytest.mark.parametrize("rule", ["backend-pid", "session-set", "transaction-block"])
def test_explain_works_for_rules_of_every_kind(capfd: pytest.CaptureFixture[str], rule: str) -> None:
    status, out, _ = run(capfd, "explain", rule)
    assert status == 0
    assert f"`txsafe matrix --rule {rule}`" in out


def test_help_imports_neither_yaml_nor_a_parser() -> None:
    code = (
        "import sys\nfrom txsafe.cli import main\n"
        "try: main([sys.argv[1], '--help'])\nexcept SystemExit: print(*sys.modules)"
    )
    for command in ("matrix", "rules", "explain"):
        found = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=True)
        modules = set(found.stdout.splitlines()[-1].split())
        assert not {"yaml", "sqlglot", "libcst", "txsafe.catalog"} & modules
