"""The catalogue says what was seen: committed observations against verdicts, cell by cell, both ways."""

from __future__ import annotations

import pytest

from tests.lab.agreement import Cell, find_disagreements, read_cells
from txsafe.catalog import Catalog, load_catalog


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


def test_every_capability_has_a_probe(cells: tuple[Cell, ...]) -> None:
    from txsafe.catalog.capabilities import CAPABILITIES, PARAMETRISED

    probed = {capability.partition(":")[0] for cell in cells for capability in cell.requires}
    assert {*CAPABILITIES, *PARAMETRISED} <= probed
