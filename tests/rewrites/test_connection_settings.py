"""What one setting of a connection makes harmless → that setting, in whatever file has the connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.rewrites.rewriting import fix_of, rewrite
from txsafe.cli import main
from txsafe.model import Applicability

if TYPE_CHECKING:
    from pathlib import Path

VIEWS = """from django.db import connection
from shop.models import Order


def export(out):
    for order in Order.objects.all().iterator():
        out.write(order)
"""
SETTINGS = """DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
    },
}
"""
ADDED = '        "DISABLE_SERVER_SIDE_CURSORS": True,\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, text in {"__init__": "", "views": VIEWS, "jobs": VIEWS, "settings": SETTINGS}.items():
        (tmp_path / "shop" / f"{name}.py").write_text(text)
    return tmp_path / "shop"


def fix(*arguments: str) -> str:
    return CliRunner().invoke(main, ["fix", "--profile", "pgbouncer-1.18", *arguments]).stdout


def check(*arguments: str) -> str:
    return CliRunner().invoke(main, ["check", "--profile", "pgbouncer-1.18", *arguments]).stdout


def test_the_settings_of_another_file_are_changed_once_for_all_that_it_cures(project: Path) -> None:
    told = fix("--unsafe-fixes")
    assert (project / "settings.py").read_text() == SETTINGS.replace('"shop",\n', f'"shop",\n{ADDED}')
    assert (project / "views.py").read_text() == VIEWS
    assert told.splitlines() == [
        "shop/jobs.py:6:38: hold-cursor: Set DISABLE_SERVER_SIDE_CURSORS for default",
        "shop/views.py:6:38: hold-cursor: Set DISABLE_SERVER_SIDE_CURSORS for default",
        "2 findings fixed in 1 file, 0 left.",
    ]
    assert "All clear" in check()
    assert fix("--unsafe-fixes").startswith("0 findings fixed")


def test_it_is_not_done_unasked(project: Path) -> None:
    fix()
    assert (project / "settings.py").read_text() == SETTINGS


def test_a_fix_that_does_not_mend_what_it_is_for_in_another_file_is_taken_back(project: Path) -> None:
    (project / "settings.py").write_text(SETTINGS + "DATABASES['default']['DISABLE_SERVER_SIDE_CURSORS'] = False\n")
    text = (project / "settings.py").read_text()
    (project / "views.py").write_text(VIEWS.replace("Order.objects", "Order.objects.using('reports')"))
    fix("--unsafe-fixes", "shop/views.py", "shop/settings.py")
    assert (project / "settings.py").read_text() == text


def test_settings_that_are_no_file_of_the_run_stay(project: Path) -> None:
    assert "1 with a fix to look at" in fix("--unsafe-fixes", "shop/views.py")
    assert (project / "settings.py").read_text() == SETTINGS


@pytest.mark.parametrize("value", ["env.db()", "dj_database_url.config(conn_max_age=600)"])
def test_where_the_entry_is_not_written_out_it_is_set_behind_it(value: str) -> None:
    text = f'{VIEWS}\n\nDATABASES = {{\n    "default": {value},\n}}  # of the environment\nDEBUG = False\n'
    done = rewrite(text)
    assert done.after == text.replace(
        "environment\n", 'environment\nDATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True\n'
    )
    assert fix_of(text).confidence == "low"


def test_at_the_end_of_a_file_it_has_a_line_of_its_own() -> None:
    text = f'{VIEWS}\n\nDATABASES: dict[str, object] = {{"default": env.db()}}'
    assert rewrite(text).after == f'{text}\nDATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True\n'


@pytest.mark.parametrize(
    "settings",
    [
        'DATABASES = {"default": env.db()}; DEBUG = False',
        'DATABASES = {"other": {}}',
        "DATABASES = databases()",
        'if DEBUG:\n    DATABASES = {"default": {}}',
        'DATABASES = {"default": {}}\nDATABASES = {"default": {}}',
        'DATABASES = {"default": {**common}}\n\n\ndef f():\n    return {"default": {}}',
    ],
)
def test_where_it_is_not_sure_which_dictionary_is_meant_nothing_is_changed(settings: str) -> None:
    text = f"{VIEWS}\n\n{settings}\n"
    found = fix_of(text)
    assert (found.fix is None) == ("**common" not in settings)


def test_it_is_never_safe() -> None:
    found = fix_of(f"{VIEWS}\n\n{SETTINGS}").fix
    assert found is not None
    assert found.applicability is Applicability.UNSAFE


def test_other_dictionaries_of_a_file_stay() -> None:
    text = f'{VIEWS}\n\nCACHES = {{"default": {{}}}}\n{SETTINGS}'
    assert rewrite(text).after == text.replace('"shop",\n', f'"shop",\n{ADDED}')
