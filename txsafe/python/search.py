"""How far the analysis of one file looks for the callers of its functions."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Reach(enum.Enum):
    """Where callers are looked for."""

    FILE = "file"
    PROGRAM = "program"


@dataclass(slots=True)
class Search:
    """How much of the program one file's analysis may still look through for callers."""

    questions: int = 40
    """Names that are looked for in other files: each costs a few parses."""
    reach: Reach = Reach.PROGRAM
