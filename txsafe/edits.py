"""Edits and the text that they are for → the new text.

Offsets are those of the old text; what no edit touches stays as it is, character by character. Which fixes go together
is decided here as well: a fix is applied whole or not at all, and of two that touch the same text the first one counts.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from txsafe.model import Edit, Fix, Span

_Item = TypeVar("_Item")


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with the edits done; one that is given twice counts once.

    Raises:
        ValueError: two of them overlap, or one reaches beyond the text.

    """
    pieces: list[str] = []
    done = 0
    for edit in sorted(set(edits), key=lambda edit: (edit.place.span, edit.replacement)):
        span = edit.place.span
        if not done <= span.start <= span.end <= len(text):
            raise ValueError(f"an edit from {span.start} to {span.end} overlaps another one")
        pieces += (text[done : span.start], edit.replacement)
        done = span.end
    return "".join((*pieces, text[done:]))


def choose(items: Iterable[_Item], fix_of: Callable[[_Item], Fix]) -> tuple[_Item, ...]:
    """Return the items whose fixes can be applied together, in the order of their first edit.

    An equal edit may belong to several fixes: two findings may both ask for the removal of one statement.
    """
    taken: dict[str, _Taken] = defaultdict(_Taken)
    chosen: list[_Item] = []
    for item in sorted(items, key=lambda item: min(edit.place for edit in fix_of(item).edits)):
        edits = set(fix_of(item).edits)
        if all(taken[edit.place.path].has_room_for(edit) for edit in edits):
            for edit in edits:
                taken[edit.place.path].take(edit)
            chosen.append(item)
    return tuple(chosen)


class _Taken:
    """The edits of one file so far, none of which touches another."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._edits: set[Edit] = set()

    def take(self, edit: Edit) -> None:
        if edit not in self._edits:
            self._edits.add(edit)
            bisect.insort(self._spans, edit.place.span)

    def has_room_for(self, edit: Edit) -> bool:
        """Two insertions at one place have no order, so they touch; one beside a replacement does not."""
        if edit in self._edits:
            return True
        span = edit.place.span
        at = bisect.bisect_left(self._spans, span)
        after = self._spans[at] if at < len(self._spans) else None
        before = self._spans[at - 1] if at else None
        if after is not None and (after == span or after.start < span.end):
            return False
        return before is None or before.end <= span.start
