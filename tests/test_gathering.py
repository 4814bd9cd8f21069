"""What has one cause in a whole program is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.catalog import load_catalog
from txsafe.config import Config
from txsafe.discovery import find_files
from txsafe.engine import analyze
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from pathlib import Path

    from txsafe.model import Diagnostic

PROFILE = "pgbouncer-1.18/transaction"
BACKEND = "DATABASES = {'default': {'ENGINE': 'django_tenants.postgresql_backend'}}\n"
CALL = "from django_tenants.utils import schema_context\nwith schema_context('a'):\n    pass\n"


LISTEN = "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('LISTEN a')\n"


def check(folder: Path, files: dict[str, str]) -> tuple[Diagnostic, ...]:
    for name, text in files.items():
        (folder / name).write_text(text)
    config = Config(profile=PROFILE, root=folder)
    profile = resolve_profile(PROFILE, load_catalog(), settings={}, server_version=None)
    report = analyze(find_files([str(folder)], config).files, config, profile=profile)
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
