"""`fixtures/` are tests and documentation at once: every annotated line is held against what txsafe says, both ways.

`expect: RULE` a diagnostic of the rule starts here under every `unsafe-under` profile, and under no `safe-under` one;
`ok: RULE` none does, although the line is seen (a SQL call or an API use stands on it); `todo: RULE` none does yet.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from txsafe.catalog import load_catalog
from txsafe.cli import main
from txsafe.python import find_sites
from txsafe.python.scopes import Module
from txsafe.source import read_source
from txsafe.sql.scripts import read_script

if TYPE_CHECKING:
    from collections.abc import Iterable

    from txsafe.model import SourceFile, Span

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "fixtures/rules"
RULES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".py", ".sql"} and not path.stem.endswith(".fixed"))
PROJECTS = sorted(path for path in (ROOT / "fixtures/projects").iterdir() if path.is_dir())
ANNOTATION = re.compile(r"(?:#|--)\s*(expect|ok|todo):\s*([\w\-, ]+)")
HEADER = re.compile(r"^(?:#|--) (unsafe-under|safe-under): (.+)$", re.MULTILINE)


@cache
def check(target: Path, profile: str) -> dict[str, object]:
    """Return what `txsafe check --format json` says of a path."""
    arguments = ["check", str(target), "--format", "json", "--profile", profile, "--no-cache", "--jobs", "1"]
    if target.is_relative_to(FOLDER):
        arguments += ["--config", str(FOLDER / "txsafe.toml")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in {0, 1}, result.output
    loaded: dict[str, object] = json.loads(result.stdout)
    return loaded


def found(target: Path, profile: str) -> Counter[tuple[str, int, str]]:
    """Return (file name, line, rule) of each diagnostic."""
    diagnostics = check(target, profile)["diagnostics"]
    assert isinstance(diagnostics, list)
    return Counter({(Path(d["path"]).name, d["line"], d["rule"]) for d in diagnostics})


def rule_of(path: Path) -> str:
    """Return the rule that a fixture is about: `temp-table.autocommit.py` is a second one of `temp-table`."""
    return path.name.partition(".")[0]


def annotated(path: Path, kind: str) -> set[tuple[str, int, str]]:
    return {
        (path.name, number, rule.strip())
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for found_kind, rules in ANNOTATION.findall(line)
        if found_kind == kind
        for rule in rules.split(",")
    }


def profiles(path: Path, kind: str) -> list[str]:
    return [name.strip() for key, names in HEADER.findall(path.read_text()) if key == kind for name in names.split(",")]


def cases(kind: str) -> list[tuple[Path, str]]:
    return [(path, profile) for path in RULES for profile in profiles(path, kind)]


@pytest.mark.parametrize(("path", "profile"), cases("unsafe-under"), ids=lambda value: getattr(value, "name", value))
def test_a_rule_finds_exactly_the_annotated_lines(path: Path, profile: str) -> None:
    actual = {entry for entry in found(path, profile) if entry[2] == rule_of(path)}
    assert actual == annotated(path, "expect")


@pytest.mark.parametrize(("path", "profile"), cases("safe-under"), ids=lambda value: getattr(value, "name", value))
def test_a_rule_is_silent_where_the_pooler_keeps_the_session(path: Path, profile: str) -> None:
    assert not {entry for entry in found(path, profile) if entry[2] == rule_of(path)}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_a_rule_has_at_least_as_many_negatives_as_positives(path: Path) -> None:
    assert annotated(path, "expect")
    assert len(annotated(path, "ok")) >= len(annotated(path, "expect"))


def test_every_rule_has_a_fixture() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "txsafe", "rules", "--format", "json"], capture_output=True, check=True, cwd=ROOT
    )
    own = {"unused-suppression", "syntax-error", "internal-error", "pooler-config"}
    assert {rule["id"] for rule in json.loads(listed.stdout)["rules"]} - own == {rule_of(path) for path in RULES}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_a_demo_project_shows_exactly_what_was_planted_in_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    diagnostics = json.loads(report("json"))["diagnostics"]
    assert {(d["path"], d["line"], d["rule"]) for d in diagnostics} == planted(project)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", ["text", "json"])
def test_the_report_of_a_demo_project_reads_as_before(
    project: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run with TXSAFE_ACCEPT=1 to accept a change, and read the difference before it is committed."""
    monkeypatch.chdir(project)
    golden = project / f"report.{'txt' if kind == 'text' else kind}"
    actual = report(kind)
    if os.environ.get("TXSAFE_ACCEPT") == "1":
        golden.write_text(actual)
    assert actual == golden.read_text()


def report(kind: str) -> str:
    """Return a report on the working directory, under the profile of its own configuration."""
    arguments = ["check", ".", "--format", kind, "--jobs", "1", "--no-cache"]
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, arguments).stdout


def planted(project: Path) -> set[tuple[str, int, str]]:
    files = [path for path in project.rglob("*") if path.suffix in {".py", ".sql"}]
    return {
        (path.relative_to(project).as_posix(), line, rule)
        for path in files
        for _, line, rule in annotated(path, "expect")
    }


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_negative_is_sql_or_a_driver_call_that_was_seen(path: Path) -> None:
    source = read_source(path, display=path.name, limit=1_000_000)
    lines = seen_lines(source)
    assert {line for _, line, _ in annotated(path, "ok")} <= lines


SENDERS = {"execute", "exec_driver_sql", "fetchval"}
"""Methods that send SQL: a line with one of them counts only where the SQL was seen."""


def seen_lines(source: SourceFile) -> set[int]:
    """Return the lines of which the front ends saw the SQL, or a driver's API: a call or an attribute that is set."""
    if source.path.endswith(".sql"):
        sections = read_script(source).sections
        located = [section.site.template.locate(each.span) for section in sections for each in section.statements]
        return lines_of(source, [place.span for place in located])
    sighting = find_sites(source, load_catalog().drivers)
    seen = [site.place.span for site in sighting.sites] + [use.place.span for use in sighting.uses]
    module = Module.of(source)
    seen += [module.span(call) for call in module.calls if getattr(call.func, "attr", None) not in SENDERS]
    seen += [
        module.span(node)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]
    return lines_of(source, seen)


def lines_of(source: SourceFile, spans: Iterable[Span]) -> set[int]:
    ends = [(source.position(span.start).line, source.position(max(span.start, span.end - 1)).line) for span in spans]
    return {line for first, last in ends for line in range(first, last + 1)}
