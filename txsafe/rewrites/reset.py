"""RESET at the end of the transaction that has set the parameter locally → nothing: SET LOCAL ends by itself.

In: a use of the rule `session-set`, its surroundings. Out: a `Fix`, or None. So it comes after `set_local` has done its
part. What follows in the same transaction would meet the value again, so there must be nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, Fix, StatementContext, StatementKind, Transaction
from txsafe.rewrites.block_scope import is_open
from txsafe.rewrites.removal import remove_call, remove_statement
from txsafe.rewrites.respelling import sends_only
from txsafe.rewrites.surroundings import SCRIPT

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.rewrites.removal import Removal
    from txsafe.rewrites.surroundings import Step, Surroundings

_RESETS = {
    StatementKind.RESET: StatementKind.SET,
    StatementKind.SET_ROLE: StatementKind.SET_ROLE,
    StatementKind.SET_SESSION_AUTHORIZATION: StatementKind.SET_SESSION_AUTHORIZATION,
}
"""What takes back, and what it takes back."""
_ENDS = frozenset({StatementKind.COMMIT, StatementKind.ROLLBACK, StatementKind.RESET})


def leave_reset_out(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that removes a RESET."""
    spelling = use.spelling
    if use.rule not in {"session-set", "session-role"} or spelling is None or not is_open(use):
        return None
    statement = spelling.statement
    takes_back = statement.kind is StatementKind.RESET or statement.facts.get("action") == "reset"
    if not takes_back or statement.kind not in _RESETS or statement.context is not StatementContext.TOP:
        return None
    if not _was_local(use, surroundings) or not _is_last(use, surroundings):
        return None
    removal = _remove(use, surroundings)
    if removal is None:
        return None
    is_sure = use.transaction.kind is Transaction.EXPLICIT and use.confidence is Confidence.HIGH
    applicability = Applicability.SAFE if is_sure and not removal.loses_comment else Applicability.UNSAFE
    title = "Leave it out: SET LOCAL ends with its transaction"
    return Fix(title=title, edits=removal.edits, applicability=applicability)


def _was_local(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether the last that was set of it in the transaction was set locally."""
    found = next((step for step in surroundings.steps_before(use) if _sets(step, use)), None)
    return found is not None and found.statement.facts.get("scope") == "local"


def _sets(step: Step, use: FeatureUse) -> bool:
    statement = step.statement
    if use.spelling is None or step.block != use.transaction.block:
        return False
    same = statement.kind is _RESETS[use.spelling.statement.kind] and statement.facts.get("action") != "reset"
    return same and statement.facts.get("name") == use.spelling.statement.facts.get("name")


def _is_last(use: FeatureUse, surroundings: Surroundings) -> bool:
    following = (step for step in surroundings.steps_after(use) if step.block == use.transaction.block)
    return all(step.statement.kind in _ENDS for step in following)


def _remove(use: FeatureUse, surroundings: Surroundings) -> Removal | None:
    if use.spelling is None:
        return None
    site = use.spelling.site
    if site.sink != SCRIPT:
        return remove_call(site.place, surroundings) if sends_only(use) else None
    source = surroundings.sources(use.place.path)
    place = site.template.locate(use.spelling.statement.span)
    return None if source is None else remove_statement(place, source.text)
