"""SET of a session parameter inside a transaction → SET LOCAL; `set_config(…, false)` → `set_config(…, true)`.

In: the use (rules `session-set`, `session-role`, `session-characteristics`), its surroundings. Out: a `Fix`, or None.

It is safe where the program opens the transaction, uses it, and is not seen to go on afterwards on the session: then
the value was for this transaction. It is only displayed where no transaction is in sight: SET LOCAL does nothing there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, Fix, Span, StatementContext, StatementKind, Transaction
from txsafe.rewrites.removal import next_statement
from txsafe.rewrites.respelling import replace_sql

if TYPE_CHECKING:
    from txsafe.model import Edit, FeatureUse, Spelling
    from txsafe.rewrites.surroundings import Surroundings

_SET = re.compile(
    r"(?P<set>SET)(?P<space>\s+)(?:(?P<session>SESSION)\b(?!\s+(?:AUTHORIZATION|CHARACTERISTICS)\b))?", re.IGNORECASE
)
_SETTERS = frozenset({StatementKind.SET, StatementKind.SET_ROLE, StatementKind.SET_SESSION_AUTHORIZATION})
_OPEN = frozenset({Transaction.EXPLICIT, Transaction.IMPLICIT})
_FALSE = re.compile(r"(?:false|'f(?:alse)?'|'no?'|'off'|'0')\s*\Z", re.IGNORECASE)


def make_local(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that limits a setting to its transaction."""
    spelling = use.spelling
    if spelling is None or use.rule not in {"session-set", "session-role"}:
        return None
    if use.captures.get("call") == "set_config":
        return _fix("Set it for the transaction only", _third_argument(use, spelling, surroundings), use, surroundings)
    if spelling.statement.kind not in _SETTERS or use.captures.get("action") == "reset":
        return None
    if spelling.statement.context is not StatementContext.TOP:
        return None
    return _fix("Write SET LOCAL", _local(spelling, surroundings), use, surroundings)


def _fix(title: str, edits: tuple[Edit, ...] | None, use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    if edits is None:
        return None
    applicability = transaction_applicability(use, surroundings)
    if applicability is Applicability.DISPLAY_ONLY:
        title += ", in a transaction that has to be opened for it"
    return Fix(title=title, edits=edits, applicability=applicability)


def _local(spelling: Spelling, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    span = spelling.statement.span
    found = _SET.match(spelling.site.template.text, span.start, span.end)
    if found is None:
        return None
    word = "local" if found["set"].islower() else "LOCAL"
    if found["session"] is not None:
        return replace_sql(spelling, Span(*found.span("session")), word, surroundings=surroundings)
    return replace_sql(spelling, Span(found.end("set"), found.end("set")), f" {word}", surroundings=surroundings)


def _third_argument(use: FeatureUse, spelling: Spelling, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    argument = use.captures.get("argument-3", "")
    text = spelling.site.template.text
    inside = text[: spelling.span.end - 1]
    found = _FALSE.search(inside, spelling.span.start)
    if found is None or not _FALSE.fullmatch(argument):
        return None
    span = Span(found.start(), found.start() + len(found[0].rstrip()))
    word = "TRUE" if found[0].isupper() else "true"
    return replace_sql(spelling, span, word, surroundings=surroundings, constructs={"False": "True"})


def transaction_applicability(use: FeatureUse, surroundings: Surroundings) -> Applicability:
    """Say how sure it is that what ends with the transaction does all that it was for."""
    if use.transaction.kind not in _OPEN or use.transaction.block is None:
        return Applicability.DISPLAY_ONLY
    if use.transaction.kind is Transaction.IMPLICIT or use.confidence is not Confidence.HIGH:
        return Applicability.UNSAFE
    after = False
    for step in surroundings.steps_after(use):
        if step.block != use.transaction.block:
            return Applicability.UNSAFE
        after = after or step.statement.kind not in _SETTERS
    return Applicability.SAFE if after or _is_followed(use, surroundings) else Applicability.UNSAFE


def _is_followed(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether the program goes on in the same block: not all of its work need be SQL that is seen."""
    if use.spelling is None:
        return False
    place = use.spelling.site.place
    module, call = surroundings.module(place.path), surroundings.call(place)
    statement = None if module is None or call is None else module.statement(call)
    return module is not None and statement is not None and next_statement(module, statement) is not None
