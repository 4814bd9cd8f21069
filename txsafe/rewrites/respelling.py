"""A piece of SQL and what is to stand there instead → edits of the program that spells it.

Where a character of the SQL does not stand in the program as itself, there is no edit: nothing is guessed. Replacements
are plain: letters, digits, spaces and punctuation that no literal and no formatting takes for something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Edit, Place, Span
from txsafe.rewrites.surroundings import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.model import FeatureUse, Fragment, Spelling, SqlTemplate
    from txsafe.rewrites.surroundings import Surroundings

NO_CONSTRUCTS: Mapping[str, str] = {}

_PLAIN = re.compile(r"[\w ,.:;=()*-]*", re.ASCII)
_INDIVISIBLE = re.compile(r"\\(?:\r\n|.[^\\]*)|\{\{|\}\}|\r\n?", re.DOTALL)
"""How an escape, a doubled brace or a line end is spelled, of which all or nothing is replaced."""


def replace_sql(
    spelling: Spelling,
    span: Span,
    replacement: str,
    *,
    surroundings: Surroundings,
    constructs: Mapping[str, str] = NO_CONSTRUCTS,
) -> tuple[Edit, ...] | None:
    """Return the edits that put `replacement` where a span of the template's text is spelled.

    An empty span is an insertion. `constructs` says what takes the place of an expression that stands for the whole
    span where the SQL is built of objects: `False` → `True`.
    """
    if not _PLAIN.fullmatch(replacement):
        return None
    pieces = tuple(_pieces(spelling.site.template, span))
    if len(pieces) == 1 and not pieces[0][0].exact:
        edit = _construct(pieces[0], constructs, surroundings)
        return None if edit is None else (edit,)
    return replace_text(spelling.site.template, span, replacement, surroundings=surroundings)


def replace_text(
    template: SqlTemplate, span: Span, replacement: str, *, surroundings: Surroundings
) -> tuple[Edit, ...] | None:
    """Return the edits that put a plain text where a span of a template's text is spelled."""
    pieces = tuple(_pieces(template, span))
    if not pieces:
        return _insertion(template, span.start, replacement)
    places: list[Place] = []
    for fragment, cut in pieces:
        place = _place(fragment, cut, surroundings)
        if place is None:
            return None
        last = places[-1] if places else None
        if last is not None and last.path == place.path and last.span.end == place.span.start:
            places[-1] = Place(last.path, Span(last.span.start, place.span.end))
        else:
            places.append(place)
    texts = (replacement, *("" for _ in places[1:]))
    return tuple(Edit(place=place, replacement=text) for place, text in zip(places, texts, strict=True))


def rename_call(spelling: Spelling, name: str, new: str, *, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Return the edits that give the function call of a use another name; `name` is its present one."""
    text = spelling.site.template.text[spelling.span.start : spelling.span.end]
    found = re.match(r"(?:\"?\w+\"?\s*\.\s*)?(?P<quote>\"?)(?P<name>\w+)(?P=quote)\s*\(", text)
    if found is None or found["name"].lower() != name:
        return None
    start = spelling.span.start + found.start("name")
    whole = next(_pieces(spelling.site.template, Span(start, start + len(name))), None)
    if whole is not None and not whole[0].exact:
        return _rename_construct(whole[0], found["name"], new, surroundings)
    shown = new.upper() if found["name"].isupper() else new
    return replace_sql(spelling, Span(start, start + len(name)), shown, surroundings=surroundings)


def is_all_of(use: FeatureUse) -> bool:
    """Return whether a function call is all that its SELECT is for, and the SELECT all that is sent."""
    if use.spelling is None:
        return False
    text, span = use.spelling.site.template.text, use.spelling.statement.span
    before, call = text[span.start : use.spelling.span.start], use.spelling.span
    alone = before.strip().upper() == "SELECT" and not text[call.end : span.end].strip()
    return alone and (use.spelling.site.sink == SCRIPT or sends_only(use))


def sends_only(use: FeatureUse) -> bool:
    """Return whether a call sends nothing but the statement of a use."""
    if use.spelling is None:
        return False
    span, text = use.spelling.statement.span, use.spelling.site.template.text
    return text.strip().rstrip(";").strip() == text[span.start : span.end]


def _rename_construct(fragment: Fragment, name: str, new: str, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Rename `func.pg_advisory_lock` where the call is built of objects."""
    text = _source_text(fragment.place, surroundings)
    if text is None or not text.endswith(f".{name}") or fragment.text.rstrip("( ") != name:
        return None
    end = fragment.place.span.end
    return (Edit(place=Place(fragment.place.path, Span(end - len(name), end)), replacement=new),)


def _pieces(template: SqlTemplate, span: Span) -> Iterator[tuple[Fragment, Span]]:
    """Yield the fragments that a span touches, and which part of each."""
    offset = 0
    for fragment in template.fragments:
        end = offset + len(fragment.text)
        if offset < span.end and span.start < end:
            yield fragment, Span(max(span.start, offset) - offset, min(span.end, end) - offset)
        offset = end
        if offset >= span.end:
            return


def _insertion(template: SqlTemplate, at: int, replacement: str) -> tuple[Edit, ...] | None:
    place = place_of(template, at)
    return None if place is None else (Edit(place=place, replacement=replacement),)


def place_of(template: SqlTemplate, at: int) -> Place | None:
    """Return where something is to be inserted at an offset of a template's text.

    That is behind the character before, where that is spelled as itself, else in front of the one behind.
    """
    offset = 0
    for fragment in template.fragments:
        end = offset + len(fragment.text)
        if fragment.exact and (offset < at <= end or offset == at < end):
            where = fragment.place.span.start + at - offset
            return Place(fragment.place.path, Span(where, where))
        offset = end
    return None


def _place(fragment: Fragment, cut: Span, surroundings: Surroundings) -> Place | None:
    start = fragment.place.span.start
    if fragment.exact:
        return Place(fragment.place.path, Span(start + cut.start, start + cut.end))
    if fragment.hole is not None or cut != Span(0, len(fragment.text)):
        return None
    text = _source_text(fragment.place, surroundings)
    return fragment.place if text is not None and _INDIVISIBLE.fullmatch(text) else None


def _construct(piece: tuple[Fragment, Span], constructs: Mapping[str, str], surroundings: Surroundings) -> Edit | None:
    fragment, cut = piece
    text = _source_text(fragment.place, surroundings)
    if text is None or cut != Span(0, len(fragment.text)) or text not in constructs:
        return None
    return Edit(place=fragment.place, replacement=constructs[text])


def _source_text(place: Place, surroundings: Surroundings) -> str | None:
    source = surroundings.sources(place.path)
    return None if source is None else source.text[place.span.start : place.span.end]
