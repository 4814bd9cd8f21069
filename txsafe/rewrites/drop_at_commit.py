"""CREATE TEMPORARY TABLE inside a transaction → the same with ON COMMIT DROP.

In: a use of the rule `temp-table`, its surroundings. Out: a `Fix`, or None. It is safe where all that names the table
afterwards in the same function or script runs in the same transaction, which the program opens.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, Fix, Span, StatementContext, StatementKind, Transaction
from txsafe.rewrites.arguments import add_keyword
from txsafe.rewrites.block_scope import is_followed, is_open
from txsafe.rewrites.respelling import replace_sql
from txsafe.rewrites.table_query import RULE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import Edit, FeatureUse, Spelling
    from txsafe.rewrites.surroundings import Step, Surroundings

_AS = re.compile(r"\s+AS\s*\(?\s*\Z", re.IGNORECASE)
_CLAUSE_AFTER = re.compile(r"\bTABLESPACE\b", re.IGNORECASE)
"""What has to stand behind ON COMMIT: https://www.postgresql.org/docs/current/sql-createtable.html"""
_ARGUMENT = 'postgresql_on_commit="DROP"'
"""https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#postgresql-table-options"""
_TITLE = "Drop the table at the end of its transaction"


def drop_at_commit(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that adds ON COMMIT DROP."""
    spelling = use.spelling
    if use.rule != RULE or spelling is None or spelling.statement.context is not StatementContext.TOP:
        return None
    if use.captures.get("object") != "table" or use.captures.get("on-commit") != "none":
        return None
    edits = _in_text(spelling, surroundings)
    is_construct = edits is None
    edits = _in_construct(spelling, surroundings) if edits is None else edits
    if edits is None:
        return None
    applicability = _applicability(use, surroundings)
    if is_construct and applicability is Applicability.SAFE:
        applicability = Applicability.UNSAFE  # whoever else creates it is given the same
    title = _TITLE if applicability is not Applicability.DISPLAY_ONLY else f"{_TITLE}, which has to be opened"
    return Fix(title=title, edits=edits, applicability=applicability)


def _in_text(spelling: Spelling, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    at = _place_of_clause(spelling)
    if at is None:
        return None
    is_lower = spelling.site.template.text.startswith("create", spelling.statement.span.start)
    clause = " on commit drop" if is_lower else " ON COMMIT DROP"
    return replace_sql(spelling, Span(at, at), clause, surroundings=surroundings)


def _in_construct(spelling: Spelling, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Add SQLAlchemy's argument to the call whose `prefixes` make the table a temporary one."""
    place = spelling.site.template.fragments[0].place
    module, found = surroundings.module(place.path), surroundings.keyword_of(place)
    if module is None or found is None or found[1].arg != "prefixes":
        return None
    edit = add_keyword(module, found[0], _ARGUMENT)
    return None if edit is None else (edit,)


def _place_of_clause(spelling: Spelling) -> int | None:
    """Return where the clause belongs, in the template's text."""
    span, facts = spelling.statement.span, spelling.statement.facts
    text, body = spelling.site.template.text, facts.get("body", "")
    match facts.get("form"):
        case "create" if not _CLAUSE_AFTER.search(text, span.start, span.end):
            return span.end
        case "as" if body and text.endswith(body, span.start, span.end):
            head = _AS.search(text, span.start, span.end - len(body))
            is_plain = head is not None and not _CLAUSE_AFTER.search(text, span.start, head.start())
            return head.start() if head is not None and is_plain else None
        case _:
            return None


def _applicability(use: FeatureUse, surroundings: Surroundings) -> Applicability:
    block = use.transaction.block
    if not is_open(use) or not is_followed(use, surroundings):
        return Applicability.DISPLAY_ONLY
    later = tuple(_mentions(use, surroundings))
    if any(step.block != block and step.statement.kind is not StatementKind.DROP for step in later):
        return Applicability.DISPLAY_ONLY
    sure = use.transaction.kind is Transaction.EXPLICIT and use.confidence is Confidence.HIGH
    is_used = any(step.statement.kind is not StatementKind.DROP for step in later)
    return Applicability.SAFE if sure and is_used else Applicability.UNSAFE


def _mentions(use: FeatureUse, surroundings: Surroundings) -> Iterator[Step]:
    name = re.compile(rf"\b{re.escape(use.captures.get('name', ''))}\b", re.IGNORECASE)
    for step in surroundings.steps_after(use):
        if name.search(step.text):
            yield step
