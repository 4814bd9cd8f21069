"""One analysis judged for many profiles says what a run of its own says for each of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from txsafe import analysis
from txsafe.catalog import load_catalog
from txsafe.config import Config
from txsafe.config_file import load_config
from txsafe.discovery import FileInput, find_files
from txsafe.engine import analyze
from txsafe.matrix import list_profiles
from txsafe.profiles import resolve_profile
from txsafe.rejudging import analyze_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.model import Profile, Report

PROJECTS = Path(__file__).parents[2] / "fixtures/projects"
CATALOG = load_catalog()
PROFILES = list_profiles(CATALOG, server_version=None)
NAMES = sorted(each.name for each in PROJECTS.iterdir())
SHARES = {name: PROFILES[number :: len(NAMES)] for number, name in enumerate(NAMES)}
"""A run of its own takes time: the profiles take turns among the projects, so that neighbouring versions are spread."""


def facts(report: Report) -> list[tuple[object, ...]]:
    """Return what a report says, but for the name of the run's own profile, and for fixes, which no profile decides."""
    return [
        (replace(each, profile="", fix=None), each.profile if each.profile != report.profile.name else "")
        for each in report.diagnostics
    ]


def rest(report: Report) -> list[tuple[object, ...]]:
    return [(file.path, file.parsed, file.sinks, file.unresolved, file.errors) for file in report.files]


def check(files: Sequence[FileInput], config: Config, profile: Profile) -> Report:
    asked = replace(
        config, profile=profile.name, settings=dict(profile.settings), server_version=profile.server_version, jobs=1
    )
    return analyze(files, asked, profile=profile)


@pytest.fixture(autouse=True)
def _read_rules_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each run the reading of the rules, which are the same for all."""
    monkeypatch.setattr(analysis, "load_catalog", lambda _paths: CATALOG)


def test_every_profile_has_its_project_and_every_project_the_modes_that_are_read_differently() -> None:
    assert {each.name for share in SHARES.values() for each in share} == {each.name for each in PROFILES}
    for share in SHARES.values():
        assert {"transaction", "session", "statement"} <= {each.mode for each in share}


@pytest.mark.parametrize("project", NAMES)
def test_a_demo_project_is_judged_as_by_a_run_of_its_own_for_every_profile_of_its_share(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECTS / project)
    config = load_config(Path.cwd())
    files = find_files(["."], config).files
    once = analyze_once(files, config, catalog=CATALOG, profile=PROFILES[0])
    for profile in SHARES[project]:
        separate = check(files, config, profile)
        again = once.report(profile)
        assert facts(again) == facts(separate), profile.name
        assert rest(again) == rest(separate), profile.name


TRICKY = {
    "begin.py": "with begin():\n    x = 1\n",
    "broken_begin.py": "with begin(:\n",
    "broken.py": "import psycopg\nc.execute(\n",
    "suppressed.py": (
        "import psycopg\nc = psycopg.connect('')\nc.execute('SET search_path TO a')  # txsafe: ignore[session-set]\n"
        "c.execute('SET TIME ZONE 1')  # txsafe: ignore[session-set]\n"
    ),
    "routed.py": (
        "import os\nimport psycopg\nc = psycopg.connect(os.environ['DIRECT_URL'])\nc.execute('LISTEN jobs')\n"
        "d = psycopg.connect(os.environ['OLD_URL'])\nd.execute('SET search_path TO a')\n"
    ),
    "twice.py": (
        "import psycopg\nc = psycopg.connect('')\nc.execute('SELECT pg_advisory_lock(1)')\n"
        "c.execute('SELECT pg_advisory_lock(1)')\nc.execute('SELECT pg_advisory_unlock(1)')\n"
    ),
    "script.sql": "BEGIN;\nSET LOCAL search_path TO a;\nCOMMIT;\nCREATE TEMP TABLE t (a int);\n",
    "empty.py": "",
}


@pytest.fixture
def tricky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name, text in TRICKY.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "latin.py").write_bytes(b"import psycopg\nx = '\xff'\n")
    monkeypatch.chdir(tmp_path)
    return replace(
        Config(root=tmp_path),
        routes={"DIRECT_URL": "direct", "OLD_URL": "pgbouncer-1.18/transaction"},
        direct=("script.sql",),
    )


@pytest.mark.parametrize("name", ["pgbouncer", "pgbouncer/statement", "pgbouncer/session", "rds-proxy", "direct"])
def test_gates_routes_suppressions_and_faults_are_those_of_a_run_of_its_own(tricky: Config, name: str) -> None:
    files = find_files(["."], tricky).files
    for version in (None, 18):
        profile = resolve_profile(name, CATALOG, settings={}, server_version=version)
        once = analyze_once(files, tricky, catalog=CATALOG, profile=profile)
        separate = check(files, tricky, profile)
        assert facts(once.report(profile)) == facts(separate)
        assert rest(once.report(profile)) == rest(separate)


def test_a_file_that_vanishes_after_the_analysis_leaves_the_others_alone(tricky: Config) -> None:
    files = find_files(["."], tricky).files
    profile = resolve_profile("pgbouncer", CATALOG, settings={}, server_version=None)
    once = analyze_once(files, tricky, catalog=CATALOG, profile=profile)
    (tricky.root / "twice.py").unlink()
    report = once.report(profile)
    assert "twice.py" not in {each.path for each in report.diagnostics}
    assert "routed.py" in {each.path for each in report.diagnostics}


def test_imports_are_followed_as_in_a_run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "statements.py").write_text("LISTEN = 'LISTEN jobs'\n")
    (tmp_path / "run.py").write_text(
        "import psycopg\nfrom statements import LISTEN\nc = psycopg.connect('')\nc.execute(LISTEN)\n"
    )
    monkeypatch.chdir(tmp_path)
    config = Config(root=tmp_path, follow_imports=True)
    files = find_files(["."], config).files
    profile = resolve_profile("pgbouncer", CATALOG, settings={}, server_version=None)
    report = analyze_once(files, config, catalog=CATALOG, profile=profile).report(profile)
    assert facts(report) == facts(check(files, config, profile))
    assert [(each.path, each.start.line) for each in report.diagnostics] == [("statements.py", 1)]
