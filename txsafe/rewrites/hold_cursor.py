"""A cursor WITH HOLD inside a transaction → the same without, which its transaction closes.

In: a use of the rule `hold-cursor`, its surroundings. Out: a `Fix`, or None. Whoever reads the cursor after the
transaction needs the hold, so it is never applied unseen; where that is in view, the edits are only displayed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Fix, Span, StatementContext, StatementKind
from txsafe.rewrites.arguments import remove_keyword
from txsafe.rewrites.block_scope import commits_in_loop, goes_on_after_commit, is_open
from txsafe.rewrites.respelling import replace_sql

if TYPE_CHECKING:
    from txsafe.model import Edit, FeatureUse
    from txsafe.rewrites.surroundings import Surroundings

RULE = "hold-cursor"
_HOLD = re.compile(r"\s+WITH\s+HOLD\b", re.IGNORECASE)
_TITLE = "Let the cursor end with its transaction"


def release_cursor(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that leaves the hold out."""
    if use.rule != RULE:
        return None
    edits = _without_argument(use, surroundings) if use.spelling is None else _without_words(use, surroundings)
    if edits is None:
        return None
    if is_open(use) and not _is_read_later(use, surroundings):
        return Fix(title=_TITLE, edits=edits, applicability=Applicability.UNSAFE)
    title = f"{_TITLE}; open one around it and what reads it"
    return Fix(title=title, edits=edits, applicability=Applicability.DISPLAY_ONLY)


def _without_argument(use: FeatureUse, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Leave `withhold=True` out."""
    module, found = surroundings.module(use.place.path), surroundings.keyword(use.place)
    if module is None or found is None or found[1].arg != "withhold":
        return None
    edit = remove_keyword(module, *found)
    return None if edit is None else (edit,)


def _without_words(use: FeatureUse, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Leave WITH HOLD out of a DECLARE; what follows FOR is the query's own."""
    spelling = use.spelling
    if spelling is None or spelling.statement.kind is not StatementKind.DECLARE_CURSOR:
        return None
    if spelling.statement.context is not StatementContext.TOP:
        return None
    span = spelling.statement.span
    head = span.end - len(spelling.statement.facts.get("body", ""))
    found = _HOLD.search(spelling.site.template.text, span.start, head)
    if found is None:
        return None
    return replace_sql(spelling, Span(*found.span()), "", surroundings=surroundings)


def _is_read_later(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether the cursor is read after its transaction, or may be: a driver's is read without any SQL."""
    if commits_in_loop(use, surroundings) or (use.spelling is None and goes_on_after_commit(use, surroundings)):
        return True
    name = use.captures.get("name")
    return any(
        step.block != use.transaction.block
        and step.statement.kind in {StatementKind.FETCH, StatementKind.CLOSE}
        and step.statement.facts.get("name") in {name, "all"}
        for step in surroundings.steps_after(use)
    )
