"""A part of the audit that says something in prose, tables and lists: what every renderer prints in its own way.

Whoever has something to tell (the what-if table, the plan, a connection budget, observed SQL) builds a `Section`;
nothing here knows HTML or Markdown. All texts are plain: renderers escape them, whatever they hold, and show as code
what stands between backticks.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.report.json_text import JsonValue


class Tone(enum.StrEnum):
    """How good the news in a cell or a box are; renderers add a colour to what the words say already."""

    PLAIN = "plain"
    GOOD = "good"
    FAIR = "fair"
    """Works at a price, or needs a look."""
    BAD = "bad"
    UNKNOWN = "unknown"


class Align(enum.StrEnum):
    """Which side of a column its cells stand at."""

    LEFT = "left"
    RIGHT = "right"
    """Numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table."""

    text: str
    tone: Tone = Tone.PLAIN
    target: str = ""
    """The id of a finding or section of the same report, to link to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A head and how the cells below it stand."""

    head: str
    align: Align = Align.LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Prose of one or more sentences."""

    text: str
    tone: Tone = Tone.PLAIN
    """Other than plain: a box that stands out."""


class Shape(enum.StrEnum):
    """What a table is for."""

    LIST = "list"
    MATRIX = "matrix"
    """To be looked at rather than read: many narrow columns of short cells with tones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells; the first cell of a row is its head."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    shape: Shape = Shape.LIST


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Lines to copy: SQL, a configuration."""

    text: str
    language: str = ""
    """For Markdown's fences: `sql`, `ini`, `console`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a list, with what explains it."""

    text: str
    details: tuple[Block, ...] = ()
    target: str = ""
    """The id of a finding or section of the same report, to link to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """Things in no order."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Things to do, in this order; a checklist in Markdown."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a picture that shows numbers beside each other."""

    label: str
    value: int
    tone: Tone = Tone.PLAIN
    note: str = ""
    """What stands behind the number."""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Numbers that people would rather look at; in Markdown a table."""

    caption: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Blocks that few will read: closed at first where a renderer can do that."""

    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = "Paragraph | Table | Listing | Bullets | Steps | Bars | Folded"

NO_DATA: Mapping[str, JsonValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the audit with a heading of its own."""

    id: str
    """Of the heading, to link to: lower-case words and hyphens."""
    title: str
    blocks: tuple[Block, ...]
    data: Mapping[str, JsonValue] = field(default_factory=lambda: NO_DATA)
    """The same as numbers and words for programs: what `--format json` holds under the section's id."""
