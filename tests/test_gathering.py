"""What has one cause in a whole program is told once."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from txsafe.catalog import load_catalog
from txsafe.cli import main
from txsafe.config import Config
from txsafe.discovery import find_files
from txsafe.engine import analyze
from txsafe.gathering import MOST_RELATED, gather
from txsafe.model import Confidence, Diagnostic, FileReport, Position, Report, Severity
from txsafe.profiles import resolve_profile
from txsafe.report.text import MOST_SHOWN

PROFILE = "pgbouncer-1.18/transaction"
BACKEND = "DATABASES = {'default': {'ENGINE': 'django_tenants.postgresql_backend'}}\n"
CALL = "from django_tenants.utils import schema_context\nwith schema_context('a'):\n    pass\n"


LISTEN = "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('LISTEN a')\n"


def check(folder: Path, files: dict[str, str]) -> tuple[Diagnostic, ...]:
    for name, text in files.items():
        (folder / name).write_text(text)
    config = Config(profile=PROFILE, root=folder)
    profile = resolve_profile(PROFILE, load_catalog(), settings={}, server_version=None)
    report = gather(analyze(find_files([str(folder)], config).files, config, profile=profile))
    return tuple(each for each in report.diagnostics if not each.suppressed)


def names(found: Diagnostic) -> list[tuple[str, int]]:
    return [(place.path.rpartition("/")[2], place.start.line) for place in found.related]


def test_the_backend_is_the_cause_of_every_switch(tmp_path: Path) -> None:
    (found,) = check(tmp_path, {"a.py": CALL + CALL, "settings.py": BACKEND, "z.py": CALL})
    assert found.path.endswith("settings.py")
    assert found.variant == "tenant-backend"
    assert names(found) == [("a.py", 2), ("a.py", 5), ("z.py", 2)]
    assert "`search_path`" in found.message
    assert "bypass the pooler" in found.suggestion


def test_without_the_backend_the_first_switch_stands_for_all(tmp_path: Path) -> None:
    (found,) = check(tmp_path, {"b.py": CALL, "a.py": CALL + CALL})
    assert found.path.endswith("a.py")
    assert (found.start.line, names(found)) == (2, [("a.py", 5), ("b.py", 2)])


def test_what_is_suppressed_is_neither_cause_nor_effect(tmp_path: Path) -> None:
    silenced = CALL.replace("('a'):", "('a'):  # txsafe: ignore[session-set] one tenant")
    (found,) = check(tmp_path, {"a.py": silenced, "b.py": CALL})
    assert (found.path.rpartition("/")[2], names(found)) == ("b.py", [])


def test_other_diagnostics_stay(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        {"a.py": CALL, "b.py": "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('LISTEN a')\n"},
    )
    assert [(each.rule, each.path.rpartition("/")[2]) for each in found] == [
        ("session-set", "a.py"),
        ("driver-prepare", "b.py"),
        ("listen", "b.py"),
    ]


ITERATOR = "from django.contrib.auth.models import User\nfor user in User.objects.all().iterator():\n    print(user)\n"
MANY = (
    "import psycopg\nwith psycopg.connect(D, autocommit=True{}) as c, c.cursor() as cur:\n"
    "    cur.executemany('INSERT INTO a VALUES (%s)', rows)\n    cur.executemany('INSERT INTO b VALUES (%s)', rows)\n"
)


def test_what_one_setting_cures_is_told_at_its_first_place(tmp_path: Path) -> None:
    (found,) = check(tmp_path, {"b.py": ITERATOR, "a.py": ITERATOR, "c.py": ITERATOR})
    assert found.path.endswith("a.py")
    assert found.rule == "hold-cursor"
    assert names(found) == [("b.py", 2), ("c.py", 2)]
    assert "DISABLE_SERVER_SIDE_CURSORS" in found.suggestion


def test_what_each_place_has_to_change_for_itself_is_not_gathered(tmp_path: Path) -> None:
    connect = "import psycopg2\nc = psycopg2.connect(D)\nc.autocommit = True\ncur = c.cursor('rows', withhold=True)\n"
    found = check(tmp_path, {"a.py": connect, "b.py": connect})
    assert [(each.rule, each.related) for each in found] == [("hold-cursor", ())] * 2


def test_many_executions_of_one_cause_are_one_diagnostic(tmp_path: Path) -> None:
    found = check(tmp_path, {"a.py": MANY.format(""), "b.py": MANY.format("")})
    many = [each for each in found if each.variant == "executemany"]
    assert [(each.start.line, names(each)) for each in many] == [(3, [("a.py", 4), ("b.py", 3), ("b.py", 4)])]
    assert [each.variant for each in found if each.variant != "executemany"] == ["psycopg", "psycopg"]
    assert not check(tmp_path, {name: MANY.format(", prepare_threshold=None") for name in ("a.py", "b.py")})


def test_the_surest_place_stands_for_the_others() -> None:
    def one(path: str, confidence: Confidence, *, baselined: bool = False) -> FileReport:
        start = Position(1, 1)
        found = Diagnostic(
            rule="r", variant="v", gathers="v", severity=Severity.ERROR, confidence=confidence, path=path,
            start=start, end=start, message="m", baselined=baselined,
        )  # fmt: skip
        return FileReport(path=path, diagnostics=(found,))

    profile = resolve_profile(PROFILE, load_catalog(), settings={}, server_version=None)
    files = (one("a", Confidence.LOW), one("b", Confidence.HIGH, baselined=True), one("c", Confidence.MEDIUM))
    gathered = gather(Report(profile=profile, files=files))
    assert [(each.path, each.baselined, names(each)) for each in gathered.diagnostics] == [
        ("b", True, []),
        ("c", False, [("a", 1)]),
    ]


def test_a_cause_names_no_more_places_than_anyone_looks_up(tmp_path: Path) -> None:
    loop = "for user in User.objects.all().iterator():\n    pass\n"
    (found,) = check(tmp_path, {"a.py": "from django.contrib.auth.models import User\n" + loop * (MOST_RELATED + 5)})
    assert len(found.related) == MOST_RELATED


def test_what_is_selected_decides_what_is_gathered(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(ITERATOR)
    (tmp_path / "txsafe.toml").write_text('[per-file-ignores]\n"a.py" = ["hold-cursor"]\n')
    arguments = ["check", str(tmp_path), "--config", str(tmp_path / "txsafe.toml"), "--no-cache", "--profile", PROFILE]
    report = json.loads(CliRunner().invoke(main, [*arguments, "--format", "json"]).stdout)
    assert [Path(each["path"]).name for each in report["diagnostics"]] == ["b.py"]
    assert [Path(each["path"]).name for each in report["diagnostics"][0]["related"]] == ["c.py"]


def test_the_baseline_knows_each_place_by_itself(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(ITERATOR)
    baseline = str(tmp_path / "baseline.json")
    arguments = ["check", str(tmp_path), "--no-cache", "--profile", PROFILE]
    CliRunner().invoke(main, [*arguments, "--write-baseline", baseline])
    (tmp_path / "a.py").write_text("")
    assert CliRunner().invoke(main, [*arguments, "--baseline", baseline]).exit_code == 0
    (tmp_path / "c.py").write_text(ITERATOR + "# another\n" + ITERATOR)
    assert CliRunner().invoke(main, [*arguments, "--baseline", baseline]).exit_code == 1


def test_a_terminal_shows_the_first_places_and_counts_the_rest(tmp_path: Path) -> None:
    loop = "for user in User.objects.all().iterator():\n    pass\n"
    (tmp_path / "a.py").write_text("from django.contrib.auth.models import User\n" + loop * (MOST_SHOWN + 4))
    shown = CliRunner().invoke(main, ["check", str(tmp_path), "--no-cache", "--profile", PROFILE]).stdout
    assert shown.count("note: ") == MOST_SHOWN
    assert "and 3 places more" in shown
