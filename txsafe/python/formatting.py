"""Text operations on templates: `%`, `.format`, `$name`, `.join`, and the methods of `str`.

In go values of `domain`, out come values; what a format asks for and nobody gave becomes a hole.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc

from txsafe.model import Fragment, Hole, Place, SqlTemplate
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    FRAGMENT_LIMIT,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    concatenated,
    hole,
    limited,
    literal,
    rendered,
    sliced,
    split_at,
)

_PERCENT = re.compile(
    r"%(?:\((?P<name>[^)]*)\))?(?P<flags>[-#0 +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?)[hlL]?(?P<type>[a-zA-Z%])"
)
_BRACE = re.compile(
    r"\{\{|\}\}|\{(?P<field>[^{}!:]*)(?:!(?P<conversion>[a-z]))?(?::(?P<spec>(?:[^{}]|\{[^{}]*\})*))?\}"
)
_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[_a-zA-Z]\w*)|\{(?P<braced>[_a-zA-Z]\w*)\})")
_NUMERIC = re.compile(r".*[bcdeEfFgGnoxX%]\Z", re.DOTALL)
_QUOTED = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|(?P<escape>(?<![A-Za-z0-9_])[eE]'(?:[^'\\]|\\.)*+(?:'|\Z))|(?P<value>'[^']*+(?:'|\Z))"
    r"|(?P<name>\"[^\"]*+(?:\"|\Z))",
    re.DOTALL,
)

Lookup = Callable[[str], Values]
"""What a format's field name or index stands for; empty where nobody gave it."""


def joined_text(parts: Sequence[SqlTemplate], place: Place, *, composed: bool = False) -> Value:
    """Return the parts as one text."""
    whole = concatenated(parts)
    return Unknown("a text that is too long", place) if whole is None else Text(whole, composed)


def in_quotes(text: Text) -> Text:
    """Return the text with the holes inside its SQL quotes marked: nothing but a value or a name can be in them."""
    if all(fragment.hole is not Hole.SQL for fragment in text.template.fragments):
        return text
    spans = [(match.start(), match.end(), match.lastgroup) for match in _QUOTED.finditer(text.template.text)]
    fragments: list[Fragment] = []
    offset = index = 0
    for fragment in text.template.fragments:
        while index < len(spans) and spans[index][1] <= offset:
            index += 1
        inside = index < len(spans) and spans[index][0] < offset
        kind = _HOLE_IN.get(spans[index][2] or "") if inside else None
        offset += len(fragment.text)
        if fragment.hole is Hole.SQL and kind is not None:
            fragment = hole(kind, fragment.place, part=fragment.part).fragments[0]  # noqa: PLW2901
        fragments.append(fragment)
    return Text(SqlTemplate(fragments=tuple(fragments)), text.composed)


_HOLE_IN = {"value": Hole.VALUE, "escape": Hole.VALUE, "name": Hole.IDENTIFIER}


# ---------------------------------------------------------------- formats


def format_percent(text: Text, argument: Value) -> Value:
    """Return `text % argument`."""
    given = list(argument.values) if isinstance(argument, Items) else [(argument,)]
    position = 0

    def field(match: re.Match[str]) -> SqlTemplate:
        nonlocal position
        if match["type"] == "%":
            return _within(text, match.start(), match.start() + 1)
        if match["name"] is not None:
            values = argument.find(match["name"]) if isinstance(argument, Table) else ()
        else:
            values = given[position] if position < len(given) else ()
            position += 1
        return _formatted(values, match["type"], match["flags"], text)

    return _substituted(text, _PERCENT, field)


def takes(text: Value, argument: Value) -> bool:
    """Return whether `text % argument` gives each field one value, as far as known."""
    if not isinstance(text, Text) or not isinstance(argument, Items) or argument.rest is not None:
        return True
    fields = [match for match in _PERCENT.finditer(text.template.text) if match["type"] != "%"]
    if any(match["name"] is not None or "*" in match["flags"] for match in fields):
        return True
    return len(fields) == len(argument.values)


def format_braces(text: Text, lookup: Lookup) -> Value:
    """Return `text.format(…)`; `lookup` knows positions (`"0"`) and names."""
    position = 0

    def field(match: re.Match[str]) -> SqlTemplate:
        nonlocal position
        name = match["field"]
        if name is None:
            return _within(text, match.start(), match.start() + 1)
        if not name:
            name, position = str(position), position + 1
        spec = match["spec"] or ""
        if match["conversion"] in {"r", "a"}:
            return hole(Hole.VALUE, text.place)
        values = lookup(name)
        if text.composed:
            values = tuple(_composed(value) for value in values)
        return _formatted(values, "d" if _NUMERIC.match(spec) else "s", spec, text)

    return _substituted(text, _BRACE, field)


def format_dollars(text: Text, lookup: Lookup) -> Value:
    """Return `string.Template(text).substitute(…)`."""

    def field(match: re.Match[str]) -> SqlTemplate:
        if match["escaped"]:
            return _within(text, match.start(), match.start() + 1)
        return _formatted(lookup(match["name"] or match["braced"]), "s", "", text)

    return _substituted(text, _DOLLAR, field)


def _substituted(text: Text, pattern: re.Pattern[str], field: Callable[[re.Match[str]], SqlTemplate]) -> Value:
    source = text.template.text
    matches = list(itertools.islice(pattern.finditer(source), FRAGMENT_LIMIT))
    if len(matches) == FRAGMENT_LIMIT:
        return Unknown("a format with too many fields", text.place)
    starts = [0, *(match.end() for match in matches)]
    ends = [*(match.start() for match in matches), len(source)]
    between = split_at(text.template, list(zip(starts, ends, strict=True)))
    parts = [part for match, before in zip(matches, between, strict=False) for part in (before, field(match))]
    return joined_text([*parts, between[-1]], text.place, composed=text.composed)


def _within(text: Text, start: int, end: int) -> SqlTemplate:
    return sliced(text.template, start, end)


def _formatted(values: Values, kind: str, spec: str, text: Text) -> SqlTemplate:
    """Return what a field shows: its one known value, or a hole."""
    value = values[0] if len(values) == 1 else Unknown("a field of a format", text.place)
    numeric = kind in "bcdeEfFgGnoxXiu"
    if isinstance(value, Scalar | Text) and not spec.strip("s") and kind in "sdi":
        return rendered(value)
    if numeric or kind in "ra":
        return hole(Hole.VALUE, value.place)
    return rendered(value) if not spec else hole(Hole.SQL, value.place)


def _composed(value: Value) -> Value:
    """Return what a library makes of a Python value that is put into composed SQL: a literal."""
    return value if isinstance(value, Unknown) or (isinstance(value, Text) and value.composed) else quoted_value(value)


# ---------------------------------------------------------------- SQL literals and names


def quoted_value(value: Value) -> Text:
    """Return a value as an SQL literal; a hole where it is not known."""
    match value:
        case Text() if value.composed:
            return value
        case Text():
            return _quoted(value, "'")
        case Scalar(None, place):
            return Text(literal("NULL", place), composed=True)
        case Scalar(bool() as flag, place):
            return Text(literal("true" if flag else "false", place), composed=True)
        case Scalar(number, place):
            return Text(literal(str(number), place), composed=True)
    return Text(hole(Hole.VALUE, value.place), composed=True)


def quoted_name(value: Value) -> Text:
    """Return a value as a quoted identifier; a hole where it is not known."""
    if isinstance(value, Text) and value.known is not None:
        return _quoted(value, '"')
    return Text(hole(Hole.IDENTIFIER, value.place), composed=True)


def _quoted(text: Text, quote: str) -> Text:
    known = text.known
    if known is None:
        return Text(hole(Hole.VALUE, text.place), composed=True)
    if quote in known:
        return Text(literal(quote + known.replace(quote, quote * 2) + quote, text.place), composed=True)
    mark = literal(quote, text.place)
    return Text(SqlTemplate(fragments=(*mark.fragments, *text.template.fragments, *mark.fragments)), composed=True)


# ---------------------------------------------------------------- joins and methods


def join_texts(separator: Text, items: Items) -> Values:
    """Return `separator.join(items)`: one alternative per alternative of its elements, within the limit."""
    rows: list[list[SqlTemplate]] = [[]]
    composed = separator.composed
    for values in items.values:
        texts = [_joinable(value, separator) for value in values]
        composed = composed or any(isinstance(value, Text) and value.composed for value in values)
        rows = [[*row, text] for row in rows for text in texts][: 16 if len(texts) > 1 else None]
    if items.rest is not None:
        rows = [[*row, hole(items.rest.hole, items.rest.place)] for row in rows]
    return limited(
        joined_text(_interleaved(row, separator.template) or [literal("", items.place)], items.place, composed=composed)
        for row in rows
    )


def _joinable(value: Value, separator: Text) -> SqlTemplate:
    return rendered(_composed(value)) if separator.composed else rendered(value)


def _interleaved(row: list[SqlTemplate], separator: SqlTemplate) -> list[SqlTemplate]:
    parts = [part for text in row for part in (separator, text)]
    return parts[1:]


def split_text(text: Text, name: str, arguments: Sequence[Value], place: Place) -> Values:
    """Return what `split` and its like make of a text; empty where it is not known at what it is split."""
    separator = arguments[0].known if arguments and isinstance(arguments[0], Text) else None
    whole = text.template.text
    if name == "splitlines":
        pattern = r"\r\n|\r|\n"
    elif separator:
        pattern = re.escape(separator)
    elif arguments:
        return ()
    else:
        pattern, whole = r"\s+", whole.strip()
    ends = _separators(pattern, whole, name, arguments)
    offset = text.template.text.find(whole)
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(whole)]
    ranges = [(start + offset, stop + offset) for start, stop in zip(starts, stops, strict=True)]
    parts = tuple((Text(part, text.composed),) for part in split_at(text.template, ranges))
    return (Items(parts[:ELEMENT_LIMIT], place),)


def _separators(pattern: str, whole: str, name: str, arguments: Sequence[Value]) -> list[tuple[int, int]]:
    """Return where a text is split: everywhere, or as often as the second argument says."""
    match arguments:
        case [_, Scalar(int() as most)] if 0 <= most < ELEMENT_LIMIT and name != "splitlines":
            limit = most
        case _:
            return [match.span() for match in itertools.islice(re.finditer(pattern, whole), ELEMENT_LIMIT)]
    if name == "split":
        return [match.span() for match in itertools.islice(re.finditer(pattern, whole), limit)]
    found = [match.span() for match in re.finditer(pattern, whole)]
    return found[len(found) - min(limit, len(found)) :]


def apply_method(text: Text, name: str, arguments: Sequence[Value]) -> Value | None:
    """Return what a method of `str` (or `bytes`) comes to; None where it is not one that is followed."""
    if name in {"encode", "decode", "format_map", "casefold", "__str__"}:
        return text if name != "format_map" else None
    if name in _STRIPS:
        return _stripped(text, name, arguments)
    known = [argument.known if isinstance(argument, Text) else None for argument in arguments]
    if name in {"removeprefix", "removesuffix"} and known and known[0] is not None:
        return _without(text, name, known[0])
    if name == "replace" and len(known) >= 2 and known[0]:
        return _replaced(text, known[0], arguments[1])
    transform = _TRANSFORMS.get(name)
    return None if transform is None else _transformed(text, transform)


_STRIPS: Mapping[str, tuple[bool, bool]] = {"strip": (True, True), "lstrip": (True, False), "rstrip": (False, True)}
_TRANSFORMS: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "capitalize": str.capitalize,
    "swapcase": str.swapcase,
}


def _stripped(text: Text, name: str, arguments: Sequence[Value]) -> Value | None:
    characters: str | None = None
    if arguments and not (isinstance(arguments[0], Scalar) and arguments[0].value is None):
        characters = arguments[0].known if isinstance(arguments[0], Text) else None
        if characters is None:
            return None
    whole = text.template.text
    left, right = _STRIPS[name]
    start = len(whole) - len(whole.lstrip(characters)) if left else 0
    end = len(whole.rstrip(characters)) if right else len(whole)
    return Text(sliced(text.template, start, max(start, end)), text.composed)


def _without(text: Text, name: str, affix: str) -> Text:
    whole = text.template.text
    start = len(affix) if name == "removeprefix" and whole.startswith(affix) else 0
    end = len(whole) - len(affix) if name == "removesuffix" and affix and whole.endswith(affix) else len(whole)
    return Text(sliced(text.template, start, end), text.composed)


def _replaced(text: Text, old: str, new: Value) -> Value:
    return _substituted(text, re.compile(re.escape(old)), lambda _match: rendered(new))


def _transformed(text: Text, transform: Callable[[str], str]) -> Text:
    """Apply a function to what is known; places stay, the mapping of characters is kept only where nothing changed."""
    fragments = []
    for fragment in text.template.fragments:
        changed = fragment.text if fragment.hole else transform(fragment.text)
        same = changed == fragment.text
        fragments.append(fragment if same else Fragment(text=changed, place=fragment.place, part=fragment.part))
    return Text(SqlTemplate(fragments=tuple(fragments)), text.composed)


# ---------------------------------------------------------------- indentation


def dedent_text(text: Text) -> Text:
    """Return `textwrap.dedent(text)`."""
    return _reindented(text, textwrap.dedent(text.template.text))


def clean_text(text: Text) -> Text:
    """Return `inspect.cleandoc(text)`."""
    return _reindented(text, cleandoc(text.template.text))


def _reindented(text: Text, wanted: str) -> Text:
    """Cut the margin out of each line; where lines do not pair up, the text loses its places' precision."""
    ranges = _kept(text.template.text, wanted)
    parts = split_at(text.template, ranges) if ranges else []
    whole = concatenated(parts) if parts else None
    if whole is None or whole.text != wanted:
        return Text(literal(wanted, text.place), text.composed)
    return Text(whole, text.composed)


def _kept(whole: str, wanted: str) -> list[tuple[int, int]]:
    """Return which ranges of a text its lines without their margins are."""
    ranges: list[tuple[int, int]] = []
    position = 0
    for line in wanted.splitlines(keepends=True):
        found = whole.find(line, position) if line.strip() else whole.find("\n", position)
        if found < 0:
            return []
        ranges.append((found, found + len(line)))
        position = found + len(line)
    return ranges
