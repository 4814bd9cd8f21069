"""The catalogue says what was seen: committed observations against verdicts, cell by cell, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.agreement import Cell, find_disagreements, read_cells
from txsafe.catalog import Catalog, find_rules_directory, load_catalog
from txsafe.catalog.capabilities import CAPABILITIES, PARAMETRISED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def cells(catalog: Catalog) -> tuple[Cell, ...]:
    return tuple(read_cells(catalog))


def test_the_catalogue_agrees_with_every_observed_cell(catalog: Catalog, cells: tuple[Cell, ...]) -> None:
    assert len(cells) > 10_000
    assert list(find_disagreements(iter(cells), catalog)) == []


def test_every_cell_was_observed(cells: tuple[Cell, ...]) -> None:
    assert [cell.name for cell in cells if "unseen" in cell.words] == []


def test_every_capability_was_probed(cells: tuple[Cell, ...]) -> None:
    probed = {capability.partition(":")[0] for cell in cells for capability in cell.requires}
    assert {*CAPABILITIES, *PARAMETRISED} <= probed


@pytest.mark.parametrize(
    ("pooler", "entry", "before", "after", "named"),
    [
        ("pgbouncer", "listen:\n", "[lost, leaked]", "[leaked]", "listen, autocommit: catalogue unsafe leaked"),
        (
            "pgbouncer",
            "temporary-objects:\n",
            "[lost, leaked]",
            "[lost]",
            "temporary table, autocommit: catalogue unsafe lost",
        ),
        (
            "pgbouncer",
            "backend-identity:\n",
            "[wrong-result]",
            "[error]",
            "backend pid, autocommit: catalogue unsafe error",
        ),
        (
            "pgbouncer",
            "transaction-block:\n",
            "[error]",
            "[ignored]",
            "transaction block, inside: catalogue unsafe ignored",
        ),
        (
            "pgbouncer",
            "session-lock:\n",
            "[leaked, stuck]",
            "[leaked]",
            "pg_advisory_lock, autocommit: catalogue unsafe leaked",
        ),
        ("pgbouncer", "open-transaction:\n", "[ignored]", "[lost]", "set local, autocommit: catalogue unsafe lost"),
        (
            "pgbouncer",
            "session-role, session-authorization:\n",
            "[lost, leaked]",
            "[lost, leaked, stuck]",
            "never seen stuck",
        ),
        ("odyssey", "  listen:\n", "outcome: costly", "outcome: safe", "listen, autocommit: catalogue safe"),
        (
            "odyssey",
            "  named-prepare:\n",
            "outcome: safe",
            "outcome: costly",
            "protocol prepare, autocommit: catalogue costly",
        ),
    ],
)
def test_one_wrong_entry_is_named(
    tmp_path: Path, cells: tuple[Cell, ...], pooler: str, entry: str, before: str, after: str, named: str
) -> None:
    text = (find_rules_directory() / "poolers" / f"{pooler}.yaml").read_text(encoding="utf-8")
    head, found, tail = text.partition(entry)
    assert found
    assert before in tail
    file = tmp_path / "poolers" / f"{pooler}.yaml"
    file.parent.mkdir()
    file.write_text(head + found + tail.replace(before, after, 1), encoding="utf-8")
    disagreements = list(find_disagreements(iter(cells), load_catalog([tmp_path])))
    assert any(named in disagreement for disagreement in disagreements)
