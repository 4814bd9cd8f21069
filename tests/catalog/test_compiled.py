"""What is kept of the rule files is what they say, lines and all."""

from __future__ import annotations

import json
import marshal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe import catalog as catalogs
from txsafe import shipped
from txsafe.catalog import compiled, find_rules_directory
from txsafe.catalog.compiled import pack, read_shipped, unpack
from txsafe.catalog.document import parse_document, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENTS = st.recursive(
    st.text("abc", min_size=1, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep what is compiled in a folder of the test's own."""
    spec = shipped.__spec__
    assert spec is not None
    monkeypatch.setattr(spec, "cached", str(tmp_path / "cache" / "shipped.pyc"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    compiled._list_kept.cache_clear()
    yield tmp_path / "cache"
    compiled._list_kept.cache_clear()


@given(DOCUMENTS)
def test_what_is_packed_comes_out_again(document: object) -> None:
    node = parse_document(json.dumps(document, indent=1), "x.yaml")
    assert unpack(marshal.loads(marshal.dumps(pack(node))), "x.yaml") == node


def list_rules() -> tuple[tuple[Path, str], ...]:
    rules = find_rules_directory()
    return tuple((file, file.relative_to(rules.parent).as_posix()) for file in sorted(rules.glob("*/*.yaml")))


def test_every_rule_file_is_kept_as_it_reads(folder: Path) -> None:
    listed = list_rules()
    assert len(listed) > 50
    for _ in ("made", "read"):
        compiled._list_kept.cache_clear()
        for file, path in listed:
            assert read_shipped(file, path, listed) == read_document(file, path)
    assert [kept.name.partition(".")[0] for kept in folder.iterdir()] == ["documents"]


def test_the_catalogue_is_the_same_either_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [catalogs._read_catalog(()) for _ in range(2)][1]
    assert folder.is_dir()
    monkeypatch.setattr(catalogs, "read_shipped", lambda file, path, listed: read_document(file, path))
    plain = catalogs._read_catalog(())
    assert kept.rules == plain.rules
    assert kept.drivers == plain.drivers
    assert kept.server == plain.server
    assert list(kept.poolers) == list(plain.poolers)
    for name, pooler in plain.poolers.items():
        assert repr(kept.poolers[name]) == repr(pooler)  # a pooler is equal to itself only


def test_where_nothing_is_kept_the_files_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file, path = list_rules()[0]
    assert read_shipped(file, path, list_rules()) == read_document(file, path)
    assert not folder.exists()
