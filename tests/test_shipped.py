"""What is kept of the shipped rules: the same as from the rules, made anew where it does not fit, never in the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from txsafe import profiles, shipped
from txsafe.catalog import load_catalog
from txsafe.errors import CatalogError
from txsafe.profiles import find_shipped, list_shipped_rules, resolve_profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from txsafe.shipped import Plain


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep what is compiled in a folder of the test's own."""
    spec = shipped.__spec__
    assert spec is not None
    monkeypatch.setattr(spec, "cached", str(tmp_path / "cache" / "shipped.pyc"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    profiles._list_shipped.cache_clear()
    yield tmp_path / "cache"
    profiles._list_shipped.cache_clear()


def test_every_shipped_profile_is_what_the_rules_say() -> None:
    catalog = load_catalog()
    names = list(profiles._list_names(catalog))
    assert len(names) > 100
    for name in names:
        assert find_shipped(name) == resolve_profile(name, catalog, settings={}, server_version=None)
    assert list_shipped_rules() == tuple(catalog.rules)


def test_a_name_is_read_as_the_rules_read_it() -> None:
    found = find_shipped(" PgBouncer/Transaction ")
    assert found == resolve_profile(" PgBouncer/Transaction ", load_catalog(), settings={}, server_version=None)


@pytest.mark.parametrize("name", ["pgbouncer-1.26.7", "pgbouncer/no-such", "no-such", "./own.yaml", ""])
def test_what_is_no_plain_name_is_left_to_the_rules(name: str) -> None:
    assert find_shipped(name) is None


def count(calls: list[int]) -> Plain:
    calls.append(1)
    return ("made", len(calls))


def test_what_was_made_once_is_read_from_then_on(folder: Path) -> None:
    calls: list[int] = []
    assert [shipped.kept("x", lambda: count(calls)) for _ in range(3)] == [("made", 1)] * 3
    assert [path.name for path in folder.iterdir()] == [f"x.{sys.implementation.cache_tag}.rules"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-3],
        lambda data: data[:4],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"\0" * len(data),
    ],
)
def test_a_damaged_copy_is_made_anew(folder: Path, damage: object) -> None:
    assert callable(damage)
    calls: list[int] = []
    shipped.kept("x", lambda: count(calls))
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert [shipped.kept("x", lambda: count(calls)) for _ in range(2)] == [("made", 2)] * 2


def test_a_changed_source_makes_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "rules"
    (rules / "poolers").mkdir(parents=True)
    monkeypatch.setattr(shipped, "rules_folder", lambda: str(rules))
    calls: list[int] = []
    shipped.kept("x", lambda: count(calls))
    for text in ("id: a", "id: ab"):
        (rules / "poolers" / "a.yaml").write_text(text)
        shipped.kept("x", lambda: count(calls))
    (rules / "poolers" / "a.yaml").unlink()
    shipped.kept("x", lambda: count(calls))
    (rules / "poolers" / "README.md").touch()
    shipped.kept("x", lambda: count(calls))
    assert len(calls) == 4


def test_where_no_module_is_compiled_no_rule_is_either(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert shipped.kept("x", lambda: pytest.fail("made for nothing")) is None
    assert not folder.exists()
    assert find_shipped("pgbouncer") is None
    assert list_shipped_rules() == ()


def test_a_folder_that_the_installer_made_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder.mkdir()
    calls: list[int] = []
    assert [shipped.kept("x", lambda: count(calls)) for _ in range(2)] == [("made", 1)] * 2


def test_where_nothing_can_be_written_nothing_is_made(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    assert shipped.kept("x", lambda: pytest.fail("made for nothing")) is None


def test_a_full_disk_costs_only_time(folder: Path) -> None:
    (folder / f"x.{sys.implementation.cache_tag}.rules").mkdir(parents=True)  # what is written cannot take its place
    calls: list[int] = []
    assert shipped.kept("x", lambda: count(calls)) == ("made", 1)
    assert shipped.kept("x", lambda: count(calls)) == ("made", 2)
    assert [path.name for path in folder.iterdir()] == [f"x.{sys.implementation.cache_tag}.rules"]


def test_an_installation_without_rules_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_PACKAGE", str(tmp_path / "txsafe"))
    with pytest.raises(CatalogError, match="the shipped rules are missing: install txsafe anew"):
        shipped.rules_folder()
