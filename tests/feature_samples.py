"""Sites, statements and uses for the tests of features, pairs, suggestions and rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.catalog.document import read_document
from txsafe.catalog.drivers import decode_drivers
from txsafe.catalog.rules import Rule, read_rule
from txsafe.features import RuleIndex, find_api_uses, find_mentions, find_uses
from txsafe.model import (
    ApiUse,
    Confidence,
    FeatureUse,
    Fragment,
    Hole,
    Place,
    Related,
    Span,
    SqlSite,
    SqlTemplate,
    Statement,
    Transaction,
    TransactionContext,
)
from txsafe.pairs import pair_uses
from txsafe.sql import read_statements
from txsafe.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FEATURES = Path(__file__).parent.parent / "rules/features"
AUTOCOMMIT = TransactionContext(kind=Transaction.AUTOCOMMIT)
BLOCK = TransactionContext(kind=Transaction.EXPLICIT, block="b")
VALUE, NAME, ANYTHING = "\uf8f0", "\uf8f1", "\uf8f2"
"""What a program fills in at run time, as it stands in a template's text."""
_HOLES = {VALUE: Hole.VALUE, NAME: Hole.IDENTIFIER, ANYTHING: Hole.SQL}


@cache
def shipped_rules() -> dict[str, Rule]:
    files = sorted(FEATURES.glob("*.yaml"))
    rules = [read_rule(read_document(file, f"rules/features/{file.name}")) for file in files]
    return {rule.id: rule for rule in rules}


@cache
def shipped_placeholders() -> Mapping[str, str]:
    files = sorted((FEATURES.parent / "drivers").glob("*.yaml"))
    return decode_drivers(read_document(file, file.name) for file in files).placeholders


@cache
def shipped_index() -> RuleIndex:
    return RuleIndex(shipped_rules().values())


def site(
    sql: str,
    *,
    transaction: TransactionContext = AUTOCOMMIT,
    driver: str | None = None,
    scope: str = "",
    start: int = 0,
    sender: Span | None = None,
    confidence: Confidence = Confidence.HIGH,
    trail: tuple[Related, ...] = (),
) -> SqlSite:
    """Return a site whose SQL is spelled from `start` on, within the call that sends it unless `sender` is given."""
    place = Place("app.py", Span(start, start + len(sql)))
    fragment = Fragment(text=sql, place=place, exact=True, hole=_HOLES.get(sql))
    return SqlSite(
        place=place if sender is None else Place("app.py", sender),
        sink="psycopg.Cursor.execute",
        driver=driver,
        template=SqlTemplate(fragments=(fragment,)),
        transaction=transaction,
        scope=scope,
        confidence=confidence,
        trail=trail,
    )


def uses_in(*sites: SqlSite) -> tuple[FeatureUse, ...]:
    """Return what the shipped rules find, paired."""
    found = [use for each in sites for use in find_uses(each, _statements(each), shipped_index())]
    return pair_uses(found, shipped_rules().values())


def uses_of(
    sql: str, *, transaction: TransactionContext = AUTOCOMMIT, driver: str | None = None
) -> tuple[FeatureUse, ...]:
    return uses_in(site(sql, transaction=transaction, driver=driver))


def mentions_in(*sites: SqlSite, openers: tuple[FeatureUse, ...]) -> tuple[FeatureUse, ...]:
    return tuple(use for each in sites for use in find_mentions(each, _statements(each), openers))


def _statements(each: SqlSite) -> tuple[Statement, ...]:
    return read_statements(each.template.text, transaction=each.transaction, functions=shipped_index().functions)


def api_use(
    api: str, *, driver: str | None = None, transaction: TransactionContext = AUTOCOMMIT, **facts: str
) -> FeatureUse:
    """Return the one use that the shipped rules find in a driver call."""
    call = ApiUse(place=Place("app.py", Span(3, 9)), api=api, driver=driver, facts=facts, transaction=transaction)
    (use,) = find_api_uses((call,), shipped_index())
    return use


def named(uses: Iterable[FeatureUse]) -> list[str]:
    """Return `rule/variant` of uses."""
    return [f"{use.rule}/{use.variant}" for use in uses]


def suggestion(use: FeatureUse, neighbours: Iterable[FeatureUse] = ()) -> str:
    return suggest(use, shipped_rules()[use.rule], tuple(neighbours), placeholders=shipped_placeholders())
