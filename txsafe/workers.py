"""What one process does: some files and the setting of a run in, their reports out.

What is loaded for one run is kept for the next of the same process.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from txsafe.results import FileReport, Keeps

if TYPE_CHECKING:
    from txsafe.analysis import Analyzer
    from txsafe.catalog import Catalog
    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.project import Program

Numbered = tuple[int, "FileInput"]
Answer = tuple[int, FileReport]
Work = Callable[[Sequence[Numbered]], tuple[Answer, ...]]
"""What other processes run."""

_COLLECTION = (500_000, 20, 20)
"""What the analysis of a file leaves is let go of by itself (`View.dissolve`); Python's defaults would walk through all
trees every moment, those included that are kept for the files that import them."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What workers are told of a run."""

    config: Config
    program: Program | None = None
    """Where imports are followed: its folders."""
    keeps: Keeps = Keeps.NOTHING
    run: str = field(default_factory=lambda: os.urandom(8).hex())
    """Tells runs apart, so that no process takes what it read for an earlier one for what is there now."""

    def __hash__(self) -> int:
        """Hash what tells runs apart: a configuration has parts that cannot be hashed."""
        return hash(self.run)


def analyze_chunk(files: Sequence[Numbered], setting: Setting) -> tuple[Answer, ...]:
    """Analyse some files in this process; what worker processes run."""
    analyzer = analyzer_of(setting)
    return tuple((number, analyzer.analyze(file)) for number, file in files)


@lru_cache(maxsize=2)
def analyzer_of(setting: Setting) -> Analyzer:
    """Return what analyses files for a run."""
    from txsafe.analysis import Analyzer  # a run whose reports are all known never needs it

    _collect_rarely()
    user_files = (*setting.config.rule_paths, *setting.config.profile_files)
    catalog = None if user_files else _shipped_catalog()
    return Analyzer.of(setting.config, program=setting.program, keeps=setting.keeps, catalog=catalog)


@lru_cache(maxsize=1)
def _shipped_catalog() -> Catalog:
    """Load what a process needs for all of its runs."""
    from txsafe.catalog import load_catalog

    return load_catalog()


@lru_cache(maxsize=1)
def _collect_rarely() -> None:
    """Prepare this process, once, for the trees of a program."""
    gc.set_threshold(*_COLLECTION)
    gc.freeze()  # what is loaded by now stays; nobody need look through it again
