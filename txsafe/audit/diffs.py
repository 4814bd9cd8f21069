"""A fix and the text that it is for come in, the lines that it changes go out, as a unified diff without its heads."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.edits import apply_edits
from txsafe.model import Place, Span

if TYPE_CHECKING:
    from txsafe.model import Fix, SourceFile
    from txsafe.report.context import Sources

MOST_LINES = 60
"""From the first line that a fix changes to the last; a longer one is told in words only."""
_AROUND = 1


def draw_diff(fix: Fix | None, sources: Sources) -> str:
    """Return the changed lines with the one before and the one after; empty where there is nothing to show."""
    paths = {edit.place.path for edit in fix.edits} if fix is not None else set()
    if fix is None or len(paths) != 1:
        return ""
    source = sources(paths.pop())
    window = None if source is None else _window(source, fix)
    if source is None or window is None:
        return ""
    moved = (replace(edit, place=Place(edit.place.path, _shift(edit.place.span, -window.start))) for edit in fix.edits)
    before = source.text[window.start : window.end]
    try:
        after = apply_edits(before, moved)
    except ValueError:  # the file has changed since
        return ""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_AROUND)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _window(source: SourceFile, fix: Fix) -> Span | None:
    """Return the whole lines around all edits; None where the text has no such place, or they are too far apart."""
    first = min(edit.place.span.start for edit in fix.edits)
    last = max(edit.place.span.end for edit in fix.edits)
    if last > len(source.text):
        return None
    top = max(source.position(first).line - _AROUND, 1)
    bottom = min(source.position(last).line + _AROUND, len(source.line_starts))
    if bottom - top > MOST_LINES:
        return None
    starts = source.line_starts
    return Span(starts[top - 1], starts[bottom] if bottom < len(starts) else len(source.text))


def _shift(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
