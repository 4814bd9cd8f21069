"""F-strings and template strings: their texts and what their fields come to.

A field that is not known stands where it is written; which field it is, `python.spelling` aligns by.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Fragment, Hole, Place, SqlTemplate
from txsafe.python.domain import (
    Scalar,
    Text,
    Unknown,
    Value,
    Values,
    combinations,
    hole,
    rendered,
)
from txsafe.python.formatting import joined_text
from txsafe.python.operators import correlation
from txsafe.python.plain_literals import spell_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.scopes import Module


def evaluate_fields(evaluator: Evaluator, expr: ast.expr, frame: Frame) -> Iterable[Value]:
    """Return the texts of an f-string or template string."""
    pieces: list[ast.expr] = getattr(expr, "values", [])
    place = frame.module.place(expr)
    spelled = spell_fields(frame.module.source, place.span, _texts_between(pieces))
    bound = _is_template(frame.module, place)
    choices: list[tuple[object, Values]] = []
    part = 0
    for piece in pieces:
        if isinstance(piece, ast.Constant):
            fragments = spelled[0][part] if spelled else (Fragment(text=str(piece.value), place=place, part=part),)
            choices.append((piece, (Text(SqlTemplate(fragments=fragments)),)))
            continue
        where = Place(place.path, spelled[1][part]) if spelled else place
        choices.append((correlation(_inner(piece)), _field(evaluator, piece, frame, where, bound=bound)))
        part += 1
    if not choices:
        return (Text(SqlTemplate(fragments=(Fragment(text="", place=place),))),)
    if len(choices) == 1 and isinstance(choices[0][1][0], Unknown):
        return choices[0][1]
    return [
        joined_text([_with_part(rendered(value), value, index) for index, value in combination], place)
        for combination in _numbered(combinations(choices), pieces)
    ]


def _field(evaluator: Evaluator, piece: ast.expr, frame: Frame, where: Place, *, bound: bool) -> Values:
    """Return what a replacement field comes to; what is not known stands where the field stands."""
    value: ast.expr = getattr(piece, "value", piece)
    conversion: int = getattr(piece, "conversion", -1)
    spec = _format_spec(piece)
    if bound:
        kind = Hole.IDENTIFIER if spec == "i" else Hole.SQL if spec == "q" else Hole.VALUE
        return (Unknown("a value bound by a template string", where, kind),)
    if conversion in {ord("r"), ord("a")}:
        return (Unknown("the representation of a value", where, Hole.VALUE),)
    if spec is not None:
        numeric = spec != "" and spec[-1] in "bcdeEfFgGnoxX%"
        return (Unknown("a formatted value", where, Hole.VALUE if numeric else Hole.SQL),)
    found = evaluator.values(value, frame)
    return tuple(
        entry if isinstance(entry, Text | Scalar) else Unknown(_reason(entry), where, _hole_of(entry))
        for entry in found
    )


def _texts_between(pieces: Sequence[ast.expr]) -> list[str]:
    """Return the literal texts before, between and behind an f-string's fields."""
    texts = [""]
    for piece in pieces:
        if isinstance(piece, ast.Constant):
            texts[-1] += str(piece.value)
        else:
            texts.append("")
    return texts


def _numbered(rows: Iterable[list[Value]], pieces: Sequence[ast.expr]) -> Iterator[list[tuple[int | None, Value]]]:
    numbers: list[int | None] = []
    part = 0
    for piece in pieces:
        is_field = not isinstance(piece, ast.Constant)
        numbers.append(part if is_field else None)
        part += is_field
    for row in rows:
        yield list(zip(numbers, row, strict=True))


def _with_part(template: SqlTemplate, value: Value, part: int | None) -> SqlTemplate:
    if part is None or not isinstance(value, Unknown):
        return template
    return hole(value.hole, value.place, part=part)


def _inner(piece: ast.expr) -> ast.expr:
    value = getattr(piece, "value", piece)
    return value if isinstance(value, ast.expr) else piece


def _format_spec(piece: ast.expr) -> str | None:
    """Return a field's format as far as it is literal; None where there is none."""
    spec = getattr(piece, "format_spec", None)
    if spec is None:
        return None
    return "".join(str(part.value) for part in getattr(spec, "values", ()) if isinstance(part, ast.Constant))


def _is_template(module: Module, place: Place) -> bool:
    """Return whether a literal is a t-string (PEP 750): older interpreters parse it as an f-string."""
    head = module.source.text[place.span.start : place.span.start + 3].lower()
    return "t" in head.partition('"')[0].partition("'")[0]


def _reason(value: Value) -> str:
    return value.reason if isinstance(value, Unknown) else "a list or dictionary"


def _hole_of(value: Value) -> Hole:
    return value.hole if isinstance(value, Unknown) else Hole.VALUE
