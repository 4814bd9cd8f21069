"""What another pooler, version or setting would do is what a check for it says."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from txsafe.audit.alternatives import ChangeKind, list_changes
from txsafe.audit.comparison import describe_comparison
from txsafe.audit.whatif import Comparison, Judging, compare_all, count, key_of
from txsafe.catalog import load_catalog
from txsafe.config_file import load_config
from txsafe.discovery import find_files
from txsafe.model import Severity
from txsafe.profiles import resolve_profile
from txsafe.rejudging import Analysis, analyze_once

if TYPE_CHECKING:
    from txsafe.config import Config
    from txsafe.model import Profile

PROJECTS = Path(__file__).parents[2] / "fixtures/projects"
CATALOG = load_catalog()


def profile(name: str, *, server: int | None = None, **settings: str) -> Profile:
    return resolve_profile(name, CATALOG, settings=settings, server_version=server)


def analyze(folder: Path, config: Config, name: str) -> Analysis:
    return analyze_once(find_files(["."], config).files, config, catalog=CATALOG, profile=profile(name))


def compare(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, server: int | None = None
) -> tuple[Judging, Comparison]:
    monkeypatch.chdir(folder)
    return compare_here(folder, name, server)


@functools.cache
def compare_here(folder: Path, name: str, server: int | None) -> tuple[Judging, Comparison]:
    config = replace(load_config(folder), routes={}, jobs=1)
    judging = Judging(analysis=analyze(folder, config, name), config=config)
    return judging, compare_all(judging, profile(name, server=server), CATALOG)


@pytest.mark.parametrize("project", sorted(each.name for each in PROJECTS.iterdir()))
def test_every_number_of_the_table_is_that_of_a_report_for_that_profile(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`test_rejudging` holds each of these reports against a run of its own."""
    judging, comparison = compare(PROJECTS / project, monkeypatch, "pgbouncer-1.20")
    assert len(comparison.others) > 100
    for tally in comparison.others:
        report = judging.analysis.report(tally.profile)
        live = [each for each in report.diagnostics if not each.suppressed]
        severe = [each for each in live if each.severity >= Severity.WARNING and each.rule != "unused-suppression"]
        assert sum(tally.severities.values()) == len(live)
        assert tally.changes == {key_of(each) for each in severe}
        assert tally.leaks == sum("leaked" in each.effects for each in severe)


@pytest.mark.parametrize("project", sorted(each.name for each in PROJECTS.iterdir()))
def test_each_change_removes_and_adds_what_a_run_with_it_shows(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    judging, comparison = compare(PROJECTS / project, monkeypatch, "pgbouncer-1.20")
    assert comparison.helpful
    for each in comparison.helpful:
        config = replace(judging.config, direct=each.change.direct)
        analysis = analyze(PROJECTS / project, config, "pgbouncer-1.20")
        after = count(analysis.report(each.change.profile), config).changes
        assert each.removes == comparison.asked.changes - after
        assert each.adds == after - comparison.asked.changes
        assert each.removes


@pytest.mark.parametrize("project", sorted(each.name for each in PROJECTS.iterdir()))
def test_what_remains_remains_everywhere_and_nothing_else_does(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, comparison = compare(PROJECTS / project, monkeypatch, "pgbouncer-1.20")
    transaction = [tally for tally in comparison.others if tally.profile.mode == "transaction"]
    assert comparison.remaining
    assert all(comparison.remaining <= tally.changes for tally in transaction)
    for key in comparison.asked.changes - comparison.remaining:
        assert any(key not in tally.changes for tally in transaction)


PREPARES = "import psycopg\n" + "".join(f"c{n} = psycopg.connect('')\nc{n}.prepare_threshold = 0\n" for n in range(3))
SEARCHES = "import psycopg\nc = psycopg.connect('', prepare_threshold=None)\nc.execute('SET search_path TO a')\n"


def labels(comparison: Comparison) -> dict[str, int]:
    return {each.change.label: len(each.removes) for each in comparison.helpful}


def test_a_setting_is_named_with_what_it_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(PREPARES)
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.22")
    asked = len(comparison.asked.changes)
    assert asked >= 3
    assert labels(comparison) == {"`max_prepared_statements = 200`": asked, "upgrade to PgBouncer 1.24": asked}
    assert comparison.remaining == frozenset()


def test_a_setting_of_a_newer_version_is_named_with_that_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text(PREPARES)
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.18")
    assert "upgrade to PgBouncer 1.22 with `max_prepared_statements = 200`" in labels(comparison) or (
        "upgrade to PgBouncer 1.21 with `max_prepared_statements = 200`" in labels(comparison)
    )
    assert "upgrade to PgBouncer 1.24" in labels(comparison)
    assert "upgrade to PgBouncer 1.25" not in labels(comparison)


def test_tracking_search_path_helps_from_postgresql_18_on_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(SEARCHES)
    tracking = "`track_extra_parameters = IntervalStyle, search_path`"
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.24")
    found = labels(comparison)
    assert f"{tracking}, from PostgreSQL 18 on" in found
    assert tracking not in found
    assert "upgrade to PostgreSQL 18" not in found
    _, newer = compare(tmp_path, monkeypatch, "pgbouncer-1.24", server=18)
    assert tracking in labels(newer)


def test_a_combination_that_does_no_more_than_its_part_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text(SEARCHES)
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.26")
    assert labels(comparison) == {"upgrade to PostgreSQL 18": 1}


def test_migrations_may_bypass_the_pooler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop/migrations").mkdir(parents=True)
    (tmp_path / "shop/migrations/a.sql").write_text("SET search_path TO a;\n")
    (tmp_path / "b.sql").write_text("SET search_path TO a;\n")
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.24")
    assert labels(comparison)["run the files of `**/migrations/**` over a direct connection"] == 1
    assert len(comparison.asked.changes) == 2


def test_a_price_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sql").write_text("DISCARD ALL;\n")
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.24")
    prices = {each.change.label: each.change.price for each in comparison.helpful}
    assert "round trip" in prices["`server_reset_query_always = yes`"]


def test_code_without_session_state_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1;\n")
    _, comparison = compare(tmp_path, monkeypatch, "pgbouncer-1.18")
    assert not comparison.helpful
    section = describe_comparison(comparison, CATALOG, {})
    assert "0 changes" in json.dumps([str(block) for block in section.blocks])
    assert {tally.rank for tally in comparison.others} == {(0, 0, 0, 0)}


def test_changes_of_other_poolers_come_from_their_files() -> None:
    kinds = {
        (change.kind, change.label)
        for name in ("pgcat-1.1", "pgdog", "odyssey-1.3", "supavisor-2.6", "rds-proxy", "neon")
        for change in list_changes(profile(name), CATALOG, ())
    }
    assert (ChangeKind.SETTING, "`prepared_statements_cache_size = 500`") in kinds
    assert (ChangeKind.SETTING, "`pub_sub_channel_size = 4096`") in kinds
    assert (ChangeKind.UPGRADE, "upgrade to Odyssey 1.5.0") in kinds
    assert (ChangeKind.UPGRADE, "upgrade to Supavisor 2.7 with `named_prepared_statements = yes`") in kinds
    assert (ChangeKind.SERVER, "upgrade to PostgreSQL 18") in kinds


def test_a_setting_that_a_newer_version_would_not_take_stops_no_upgrade() -> None:
    own = profile("pgbouncer-1.21", max_prepared_statements="7")
    upgrades = [each for each in list_changes(own, CATALOG, ()) if each.kind is ChangeKind.UPGRADE]
    assert {each.profile.settings["max_prepared_statements"] for each in upgrades} == {"7"}
