"""What the tests of the budget share: a little project on disk, surveyed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from txsafe.budget.survey import Survey, survey
from txsafe.catalog import Catalog, load_catalog
from txsafe.config import Config
from txsafe.discovery import find_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    return load_catalog()


def survey_files(folder: Path, files: Mapping[str, str]) -> Survey:
    """Write files into a folder and survey it; paths are shown absolute, so only their ends are telling."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    config = Config(root=folder)
    return survey([str(folder)], find_files([str(folder)], config).files, config, catalog())
