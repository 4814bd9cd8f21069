"""SQL that was read → what of it could not be judged: statements that were not seen, transactions that are not known.

In go sites with their statements, out come `Unresolved`s: what EXECUTE in PL/pgSQL runs, and statements of which a rule
would say something outside of a transaction, but nobody knows whether one is open.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.features import find_uses
from txsafe.model import Place, Span, StatementKind, Transaction, TransactionContext, Unresolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.features import RuleIndex
    from txsafe.model import SqlSite, Statement

_OUTSIDE = TransactionContext(kind=Transaction.AUTOCOMMIT)


def find_unseen(site: SqlSite, statements: Sequence[Statement]) -> Iterator[Unresolved]:
    """Yield what a site's statements run that is not known."""
    for statement in statements:
        if statement.kind is StatementKind.UNSEEN:
            place = _place(site, statement)
            yield Unresolved(place=place, sink=site.sink, reason=statement.facts["why"])


def find_undecided(site: SqlSite, statements: Sequence[Statement], index: RuleIndex) -> Iterator[Unresolved]:
    """Yield a site that has a statement whose meaning hangs on a transaction that is not known; once, if at all."""
    for statement in statements:
        if statement.transaction.kind is not Transaction.UNKNOWN or not _hangs(site, statement, index):
            continue
        why = site.doubt or "nothing in view tells"
        yield Unresolved(place=site.place, sink=site.sink, reason=f"whether a transaction is open: {why}")
        return


def _hangs(site: SqlSite, statement: Statement, index: RuleIndex) -> bool:
    """Return whether a rule would say something outside of a transaction that it does not say now."""
    outside = find_uses(site, (replace(statement, transaction=_OUTSIDE),), index)
    if not outside:
        return False
    now = {use.rule for use in find_uses(site, (statement,), index)}
    return any(use.rule not in now for use in outside)


def _place(site: SqlSite, statement: Statement) -> Place:
    """Return where a statement of a site is spelled, or else the site."""
    offset = 0
    for fragment in site.template.fragments:
        inside = statement.span.start - offset
        if 0 <= inside < len(fragment.text) and fragment.place.path == site.place.path:
            start = fragment.place.span.start + (inside if fragment.exact else 0)
            return Place(fragment.place.path, Span(start, start))
        offset += len(fragment.text)
    return site.place
