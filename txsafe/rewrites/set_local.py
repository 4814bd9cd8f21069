"""SET of a session parameter inside a transaction → SET LOCAL; `set_config(…, false)` → `set_config(…, true)`.

In: the use (rules `session-set`, `session-role`, `session-characteristics`), its surroundings. Out: a `Fix`, or None.

It is safe where the program opens the transaction, uses it, and is not seen to go on afterwards on the session: then
the value was for this transaction. It is only displayed where no transaction is in sight, or where it ends at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Fix, Span, StatementContext
from txsafe.rewrites.block_scope import (
    SETTERS,
    applicability_in_block,
    goes_on_after_commit,
    is_open,
    what_is_missing,
)
from txsafe.rewrites.respelling import replace_sql
from txsafe.rewrites.role_settings import is_in_hook

if TYPE_CHECKING:
    from txsafe.model import Edit, FeatureUse, Spelling
    from txsafe.rewrites.surroundings import Surroundings

_SET = re.compile(
    r"(?P<set>SET)(?P<space>\s+)(?:(?P<session>SESSION)\b(?!\s+(?:AUTHORIZATION|CHARACTERISTICS)\b))?", re.IGNORECASE
)
_FALSE = re.compile(r"(?:false|'f(?:alse)?'|'no?'|'off'|'0')\s*\Z", re.IGNORECASE)


def make_local(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that limits a setting to its transaction."""
    spelling = use.spelling
    if spelling is None or use.rule not in {"session-set", "session-role"} or is_in_hook(use, surroundings):
        return None
    if use.captures.get("call") == "set_config":
        return _fix("Set it for the transaction only", _third_argument(use, spelling, surroundings), use, surroundings)
    if spelling.statement.kind not in SETTERS or use.captures.get("action") == "reset":
        return None
    if spelling.statement.context is not StatementContext.TOP:
        return None
    return _fix("Write SET LOCAL", _local(spelling, surroundings), use, surroundings)


def _fix(title: str, edits: tuple[Edit, ...] | None, use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    if edits is None:
        return None
    applicability = applicability_in_block(use, surroundings)
    if applicability is Applicability.DISPLAY_ONLY and _takes_back(use, surroundings):
        applicability = Applicability.UNSAFE
    if applicability is Applicability.DISPLAY_ONLY:
        title += f", {what_is_missing(use, surroundings)}"
    return Fix(title=title, edits=edits, applicability=applicability)


def _takes_back(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether a use gives back, at the end of a transaction, what this has set before and may give up itself."""
    if use.spelling is None or not is_open(use) or goes_on_after_commit(use, surroundings):
        return False
    statement, has_worked = use.spelling.statement, False
    for step in surroundings.steps_before(use):
        if step.block != use.transaction.block:
            return False
        if step.statement.kind is statement.kind and step.statement.facts.get("name") == statement.facts.get("name"):
            return has_worked
        has_worked = has_worked or step.statement.kind not in SETTERS
    return False


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
