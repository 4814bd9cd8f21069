"""SET SESSION CHARACTERISTICS AS TRANSACTION as the first statement of a transaction → SET TRANSACTION.

In: a use of the rule `session-characteristics`, its surroundings. Out: a `Fix`, or None. The session's characteristics
begin with the next transaction, SET TRANSACTION holds for this one: only the author knows which one was meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Fix, Span, StatementContext, StatementKind
from txsafe.rewrites.block_scope import is_followed, is_open
from txsafe.rewrites.respelling import replace_sql

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.rewrites.surroundings import Surroundings

RULE = "session-characteristics"
_WORDS = re.compile(r"SET\s+(?P<words>SESSION\s+CHARACTERISTICS\s+AS\s+TRANSACTION)\b", re.IGNORECASE)
_TITLE = "Write SET TRANSACTION"
_BEFORE_IT = frozenset(
    {StatementKind.BEGIN, StatementKind.SET, StatementKind.SET_TRANSACTION, StatementKind.SET_CHARACTERISTICS}
)
"""What may come before it: https://www.postgresql.org/docs/current/sql-set-transaction.html"""


def set_transaction(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that gives the characteristics to the transaction."""
    spelling = use.spelling
    if use.rule != RULE or spelling is None or spelling.statement.context is not StatementContext.TOP:
        return None
    span = spelling.statement.span
    found = _WORDS.match(spelling.site.template.text, span.start, span.end)
    if found is None:
        return None
    words = Span(*found.span("words"))
    word = "transaction" if found["words"].islower() else "TRANSACTION"
    edits = replace_sql(spelling, words, word, surroundings=surroundings)
    if edits is None:
        return None
    if _comes_first(use, surroundings):
        return Fix(title=_TITLE, edits=edits, applicability=Applicability.UNSAFE)
    title = f"{_TITLE}, first in each transaction that it is for"
    return Fix(title=title, edits=edits, applicability=Applicability.DISPLAY_ONLY)


def _comes_first(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether a use opens its transaction, and the transaction goes on afterwards."""
    block = use.transaction.block
    if not is_open(use) or not is_followed(use, surroundings):
        return False
    before = [step for step in surroundings.steps_before(use) if step.block == block]
    return all(step.statement.kind in _BEFORE_IT for step in before)
