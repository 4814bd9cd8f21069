"""The values that constant propagation computes with, and how they become text.

Values are immutable; an expression has a non-empty tuple of alternatives. Limits keep hostile input cheap: beyond them
a value is `Unknown`, never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Fragment, Hole, Place, Span, SqlTemplate

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Mapping, Sequence

    from txsafe.model import SourceFile
    from txsafe.python.frames import Argument, Frame
    from txsafe.python.scopes import Module

ALTERNATIVES = 16
TEXT_LIMIT = 1_000_000
FRAGMENT_LIMIT = 10_000
ELEMENT_LIMIT = 1_000
NUMBER_BITS = 256
"""Of an integer that is computed with; Python refuses to print very long ones, or to make them floats."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text (or ASCII bytes), or an object that stands for SQL text."""

    template: SqlTemplate
    composed: bool = False
    """An object of a library that stands for SQL (`sql.SQL(…)`), which that library will not quote."""

    @property
    def known(self) -> str | None:
        """The text where every character of it is known."""
        for fragment in self.template.fragments:  # a loop: asked of every key of every table that changes
            if fragment.hole:
                return None
        return self.template.text

    @property
    def place(self) -> Place:
        """Where it starts."""
        return self.template.fragments[0].place


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, a truth value or None."""

    value: int | float | bool | None
    place: Place


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be followed."""

    reason: str
    """The first missing link: `parameter 'channel'`, `call of build()`, `imported from app.sql`."""
    place: Place
    hole: Hole = Hole.SQL
    """What it is inside a text: a value that is known to be a number is `Hole.VALUE`."""


@dataclass(frozen=True, slots=True)
class FilePath(Unknown):
    """A file or folder, or an open file; what is read from it may be known."""

    path: str = ""
    """As files are shown: posix, relative to the working directory or absolute."""
    fixed: bool = False
    """It does not depend on where the program is started."""


@dataclass(frozen=True, slots=True)
class Drawn(Unknown):
    """What was made, unseen, out of the text of a file; looked up by one of its names, it is what stands there."""

    file: SourceFile | None = field(default=None, compare=False)
    key: tuple[str, ...] = ()
    """The names that it was looked up by."""


@dataclass(frozen=True, slots=True)
class Instance(Unknown):
    """An object of the program: as a text it is not known, its attributes may be."""

    fields: Mapping[str, Argument] | None = field(default=None, compare=False)
    """The attributes that it was made with, by name."""
    owner: tuple[Module, ast.ClassDef] | None = field(default=None, compare=False)
    """Its class, and the file that this stands in."""
    drawn: Drawn | None = None
    """What it holds of a file that it was made with."""
    made: Frame | None = None
    """Its `__init__`, with the arguments that it was made with."""


@dataclass(frozen=True, slots=True)
class Callee(Unknown):
    """A function or class of the program that goes by another name: `handlers[0]`, `self.ops_class`."""

    definition: tuple[Module, ast.AST] | None = field(default=None, compare=False)
    """With the file that it stands in."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple, set or other sequence."""

    values: tuple[tuple[Value, ...], ...]
    """For each element its alternatives."""
    place: Place
    rest: Unknown | None = None
    """Not None where there may be more elements than are known."""


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary."""

    entries: tuple[tuple[Value, tuple[Value, ...]], ...]
    """Key and the alternatives of its value, in order; each known key once."""
    place: Place
    rest: Unknown | None = None
    """Not None where there may be more entries than are known."""

    def get(self, key: str) -> tuple[Value, ...]:
        """Return the alternatives of a text key's value; empty where no such entry is known."""
        return self.find(key)

    def find(self, key: str | float | None) -> tuple[Value, ...]:
        """Return the alternatives of a key's value; empty where no such entry is known."""
        return next((values for entry, values in self.entries if _is_key(entry, key)), ())

    def overlaid(self, alternatives: Values) -> Table:
        """Return the table with one of several tables put over it: a key has the values of all."""
        tables = [value for value in alternatives if isinstance(value, Table)]
        if len(alternatives) == 1 and tables:
            return self.updated(tables[0].entries, tables[0].rest)
        table = self
        for other in tables:
            known = {_key_of(key): values for key, values in table.entries}
            entries = [(key, (*known.get(_key_of(key), ()), *values)) for key, values in other.entries]
            table = table.updated([(key, limited(values)) for key, values in entries], other.rest)
        unknown = [value for value in alternatives if not isinstance(value, Table) and truth(value) is not False]
        return table.updated((), Unknown("entries that are not known", unknown[0].place)) if unknown else table

    def without(self, keys: Iterable[Value]) -> Table:
        """Return the table without the entries of keys that are known."""
        gone = {_key_of(key) for key in keys}
        return Table(tuple(entry for entry in self.entries if _key_of(entry[0]) not in gone), self.place, self.rest)

    def updated(self, entries: Iterable[tuple[Value, Values]], rest: Unknown | None = None) -> Table:
        """Return the table with entries put over its own."""
        merged: dict[object, tuple[Value, Values]] = {_key_of(key): (key, values) for key, values in self.entries}
        for key, values in entries:
            merged[_key_of(key)] = (key, values)
        return Table(tuple(merged.values())[:ELEMENT_LIMIT], self.place, self.rest or rest)


Value = Text | Scalar | Items | Table | Unknown
Values = tuple[Value, ...]


def _key_of(value: Value) -> object:
    match value:
        case Text():
            return value.known if value.known is not None else value
        case Scalar():
            return (type(value.value), value.value)
    return _identity(value)


def _is_key(entry: Value, key: str | float | None) -> bool:
    match entry:
        case Text():
            return isinstance(key, str) and entry.known == key
        case Scalar():
            return not isinstance(key, str) and entry.value == key
    return False


def limited(values: Iterable[Value]) -> Values:
    """Return the alternatives, each once, at most `ALTERNATIVES`: the first ones and the last ones."""
    unique = tuple(values)
    if len(unique) > 1:
        unique = tuple({_identity(value): value for value in unique}.values())
    if len(unique) <= ALTERNATIVES:
        return unique
    half = ALTERNATIVES // 2
    return unique[:half] + unique[-half:]


def _identity(value: Value) -> object:
    """Return what tells alternatives apart; containers share parts, so that comparing them could take for ever."""
    return id(value) if isinstance(value, Items | Table) else value


def literal(text: str, place: Place) -> SqlTemplate:
    """Return a text whose spelling is not known character by character."""
    return SqlTemplate(fragments=(Fragment(text=text, place=place),))


def hole(kind: Hole, place: Place, *, part: int = 0) -> SqlTemplate:
    """Return a text of one hole."""
    return SqlTemplate(fragments=(Fragment(text=HOLE_CHARACTERS[kind], place=place, hole=kind, part=part),))


def rendered(value: Value) -> SqlTemplate:
    """Return what a value is inside a text, as `str()` would have it."""
    match value:
        case Text(template):
            return template
        case Scalar(number, place):
            return literal(str(number), place)
        case Unknown(_, place, kind):
            return hole(kind, place)
    return hole(Hole.VALUE, value.place)


def concatenated(templates: Sequence[SqlTemplate]) -> SqlTemplate | None:
    """Return the texts one after the other; None where that is too long."""
    fragments = tuple(fragment for template in templates for fragment in template.fragments if fragment.text)
    if len(fragments) > FRAGMENT_LIMIT or sum(len(fragment.text) for fragment in fragments) > TEXT_LIMIT:
        return None
    return SqlTemplate(fragments=fragments or templates[0].fragments[:1])


def sliced(template: SqlTemplate, start: int, end: int) -> SqlTemplate:
    """Return a part of a text, with the places of what is left."""
    return split_at(template, [(start, end)])[0]


def split_at(template: SqlTemplate, ranges: Sequence[tuple[int, int]]) -> list[SqlTemplate]:
    """Return the parts of a text that ascending, disjoint ranges cover, in one pass."""
    found: list[SqlTemplate] = []
    fragments = template.fragments
    index = offset = 0
    for start, end in ranges:
        while index < len(fragments) - 1 and offset + len(fragments[index].text) <= start:
            offset += len(fragments[index].text)
            index += 1
        parts: list[Fragment] = []
        while True:
            fragment = fragments[index]
            parts += _cut(fragment, max(start - offset, 0), min(end - offset, len(fragment.text)))
            if offset + len(fragment.text) >= end or index == len(fragments) - 1:
                break
            offset += len(fragment.text)
            index += 1
        found.append(SqlTemplate(fragments=tuple(parts) or (_emptied(fragments[index]),)))
    return found


def _cut(fragment: Fragment, first: int, last: int) -> tuple[Fragment, ...]:
    if first >= last:
        return ()
    if last - first == len(fragment.text):
        return (fragment,)
    place = fragment.place
    if fragment.exact:
        place = Place(place.path, Span(place.span.start + first, place.span.start + last))
    return (Fragment(text=fragment.text[first:last], place=place, exact=fragment.exact, part=fragment.part),)


def _emptied(fragment: Fragment) -> Fragment:
    return Fragment(text="", place=fragment.place, part=fragment.part)


def truth(value: Value) -> bool | None:
    """Return whether a value is true; None where that is not known."""
    match value:
        case Scalar():
            return bool(value.value)
        case Text():
            return bool(value.template.text) if value.known is not None else None
        case Items(values, _, None):
            return bool(values)
        case Table(entries, _, None):
            return bool(entries)
    return None


def combinations(choices: Sequence[tuple[object, Values]]) -> list[list[Value]]:
    """Return one list of values per combination of alternatives; equal keys choose the same alternative."""
    rows: list[tuple[dict[object, int], list[Value]]] = [({}, [])]
    for key, values in choices:
        grown: list[tuple[dict[object, int], list[Value]]] = []
        for chosen, row in rows:
            if len(values) == 1:
                grown.append((chosen, [*row, values[0]] if len(rows) > 1 else _appended(row, values[0])))
            elif key in chosen and chosen[key] < len(values):
                grown.append((chosen, [*row, values[chosen[key]]]))
            else:
                grown += [({**chosen, key: index}, [*row, value]) for index, value in enumerate(values)]
        half = ALTERNATIVES // 2
        rows = grown if len(grown) <= ALTERNATIVES else grown[:half] + grown[-half:]
    return [row for _, row in rows]


def told_apart(value: Value) -> list[Value]:
    """Return a list or table once for each combination of its elements' alternatives, few of them."""
    match value:
        case Items(elements, place, rest) if any(len(element) > 1 for element in elements):
            rows = combinations(list(enumerate(elements)))
            return [Items(tuple((element,) for element in row), place, rest) for row in rows]
        case Table(entries, place, rest) if any(len(values) > 1 for _, values in entries):
            rows = combinations([(index, values) for index, (_, values) in enumerate(entries)])
            keys = [key for key, _ in entries]
            return [
                Table(tuple((key, (each,)) for key, each in zip(keys, row, strict=True)), place, rest) for row in rows
            ]
    return [value]


def _appended(row: list[Value], value: Value) -> list[Value]:
    row.append(value)
    return row


def any_value(table: Table, place: Place, *, only_rest: bool = False) -> Values:
    """Return what an unknown key (or one that is not among the known ones) may find in a table."""
    values = () if only_rest else limited(value for _, element in table.entries for value in element)
    if table.rest is not None or not values:
        return (*values, Unknown("a key that is not known", place))
    return values
