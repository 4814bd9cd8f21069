"""`fixtures/` are tests and documentation at once: every annotated line is held against what txsafe says, both ways.

`expect: RULE` a diagnostic of the rule starts here under every `unsafe-under` profile, and under no `safe-under` one;
`ok: RULE` none does, although the line is seen (a SQL call or an API use stands on it); `todo: RULE` none does yet.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from txsafe.cli import main

ROOT = Path(__file__).parent.parent
RULES = sorted(path for path in (ROOT / "fixtures/rules").iterdir() if path.suffix in {".py", ".sql"})
PROJECTS = sorted(path for path in (ROOT / "fixtures/projects").iterdir() if path.is_dir())
ANNOTATION = re.compile(r"(?:#|--)\s*(expect|ok|todo):\s*([\w\-, ]+)")
HEADER = re.compile(r"^(?:#|--) (unsafe-under|safe-under): (.+)$", re.MULTILINE)


@cache
def check(target: Path, profile: str) -> dict[str, object]:
    """Return what `txsafe check --format json` says of a path."""
    arguments = ["check", str(target), "--format", "json", "--profile", profile, "--no-cache", "--jobs", "1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in {0, 1}, result.output
    loaded: dict[str, object] = json.loads(result.stdout)
    return loaded


def found(target: Path, profile: str) -> Counter[tuple[str, int, str]]:
    """Return (file name, line, rule) of each diagnostic."""
    diagnostics = check(target, profile)["diagnostics"]
    assert isinstance(diagnostics, list)
    return Counter({(Path(d["path"]).name, d["line"], d["rule"]) for d in diagnostics})


def annotations(path: Path, kind: str) -> set[tuple[str, int, str]]:
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
    actual = {entry for entry in found(path, profile) if entry[2] == path.stem}
    assert actual == annotations(path, "expect")


@pytest.mark.parametrize(("path", "profile"), cases("safe-under"), ids=lambda value: getattr(value, "name", value))
def test_a_rule_is_silent_where_the_pooler_keeps_the_session(path: Path, profile: str) -> None:
    assert not {entry for entry in found(path, profile) if entry[2] == path.stem}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_a_rule_has_at_least_as_many_negatives_as_positives(path: Path) -> None:
    assert annotations(path, "expect")
    assert len(annotations(path, "ok")) >= len(annotations(path, "expect"))


def test_every_rule_has_a_fixture() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "txsafe", "rules", "--format", "json"], capture_output=True, check=True, cwd=ROOT
    )
    own = {"unused-suppression", "syntax-error", "internal-error"}
    assert {rule["id"] for rule in json.loads(listed.stdout)["rules"]} - own == {path.stem for path in RULES}
