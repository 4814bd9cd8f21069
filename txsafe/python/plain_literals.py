r"""Plain literals: where the text of a literal stands that is written as it reads.

In goes the span of a literal in its file and what it evaluates to, out come fragments that map character by character,
or None where the spelling differs from the text in any other way than line ends (escapes, adjacent literals);
`spelling` takes those apart. Cheap enough to be tried on every literal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Fragment, Place, SourceFile, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OPENING = re.compile(r"([A-Za-z]{0,2})(\"\"\"|'''|\"|')")
_FIELD = re.compile(r"\{[^{}]*\}")
_LINE_END = re.compile(r"\r\n?")


def spell_plain(source: SourceFile, span: Span, text: str) -> tuple[Fragment, ...] | None:
    """Return the fragments of a text or bytes literal of one token without escapes."""
    body = _body(source, span)
    return None if body is None else _matching(source, body, text, 0)


def spell_fields(
    source: SourceFile, span: Span, texts: Sequence[str]
) -> tuple[tuple[tuple[Fragment, ...], ...], tuple[Span, ...]] | None:
    """Return the fragments of the texts between the fields of a simple f-string, and the spans of its fields.

    `texts` has one entry more than there are fields.
    """
    body = _body(source, span)
    if body is None:
        return None
    inner = source.text[body.start : body.end]
    fields = tuple(Span(body.start + match.start(), body.start + match.end()) for match in _FIELD.finditer(inner))
    if len(fields) + 1 != len(texts):
        return None
    starts = [body.start, *(field.end for field in fields)]
    ends = [*(field.start for field in fields), body.end]
    found = []
    for part, (start, end, text) in enumerate(zip(starts, ends, texts, strict=True)):
        fragments = _matching(source, Span(start, end), text, part)
        if fragments is None:
            return None
        found.append(fragments)
    return tuple(found), fields


def exact_fragments(source: SourceFile, span: Span, part: int = 0) -> Iterator[Fragment]:
    r"""Yield the fragments of unescaped text; a line end that is not `\n` becomes an indivisible one of its own."""
    start = span.start
    for match in _LINE_END.finditer(source.text, span.start, span.end):
        if match.start() > start:
            yield _exact(source, Span(start, match.start()), part)
        yield Fragment(text="\n", place=Place(source.path, Span(match.start(), match.end())), part=part)
        start = match.end()
    if span.end > start:
        yield _exact(source, Span(start, span.end), part)


def _exact(source: SourceFile, span: Span, part: int) -> Fragment:
    return Fragment(text=source.text[span.start : span.end], place=Place(source.path, span), exact=True, part=part)


def _matching(source: SourceFile, span: Span, text: str, part: int) -> tuple[Fragment, ...] | None:
    r"""Return the fragments of a span if they come to the text.

    An escape makes them differ: no escape sequence stands for itself (`\d`, which does, reads as it is written).
    """
    fragments = tuple(exact_fragments(source, span, part))
    return fragments if "".join(fragment.text for fragment in fragments) == text else None


def _body(source: SourceFile, span: Span) -> Span | None:
    """Return what stands between the quotes of the one token that a span covers."""
    opening = _OPENING.match(source.text, span.start, span.end)
    if opening is None:
        return None
    quotes = opening[2]
    body = Span(opening.end(), span.end - len(quotes))
    if body.end < body.start or not source.text.startswith(quotes, body.end):
        return None
    return body
