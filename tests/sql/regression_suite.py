"""PostgreSQL's own regression suite, as the source distribution of pglast carries it: fetched once, then kept."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from benchmarks.trees import sql_tree
from txsafe.model import HOLE_CHARACTERS, Statement
from txsafe.source import decode
from txsafe.sql.scripts import read_script

FOLDER = Path(__file__).parents[2] / ".lab"
"""Where tests keep what they have fetched."""
SCRIPTS = 233


@dataclass(frozen=True, slots=True)
class Sample:
    """One statement of the suite."""

    script: str
    text: str
    """What the server gets; variables of psql are holes."""
    statement: Statement

    @property
    def has_hole(self) -> bool:
        return any(character in self.text for character in HOLE_CHARACTERS.values())


@functools.cache
def samples() -> tuple[Sample, ...]:
    """Return every statement of the suite, without those inside of functions."""
    scripts = sorted(sql_tree(FOLDER / "regression-suite", FOLDER / "archives").rglob("*.sql"))
    assert len(scripts) == SCRIPTS
    return tuple(sample for script in scripts for sample in _read(script))


def _read(script: Path) -> list[Sample]:
    reading = read_script(decode(script.read_bytes(), script.name))
    assert reading.dialect is None, script.name
    found = []
    for section in reading.sections:
        text = section.site.template.text
        found += [
            Sample(script.name, text[each.span.start : each.span.end], each)
            for each in section.statements
            if each.context == "top"
        ]
    return found
