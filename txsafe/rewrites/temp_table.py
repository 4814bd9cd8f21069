"""A temporary table → what to write instead: a CTE that does without it, or the table dropped at commit, and why.

In: the use that creates the table (rule `temp-table`), its surroundings, and the neighbours: among them the other
statements of its scope that name it, which is all that is known of a use that another process has found. Out: SQL, or
None.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING
from txsafe.model import StatementKind, Transaction
from txsafe.rewrites.common_table import Mention, assign_roles, make_common_table
from txsafe.rewrites.inline_table import inline
from txsafe.rewrites.table_query import RULE, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from txsafe.model import FeatureUse
    from txsafe.rewrites.surroundings import Surroundings

LONGEST_QUERY = 4000
"""Characters that anyone wants to read in a suggestion."""

MOST_NEIGHBOURS = 1000
"""In a file with more uses and mentions, nobody is looked for who reads the table: that would take quadratic time."""

_AS = re.compile(r"\bAS\s*\(?\s*$", re.IGNORECASE)
_AFTER_ON_COMMIT = re.compile(r"\b(?:ON\s+COMMIT|TABLESPACE)\b", re.IGNORECASE)


def replace_temporary_table(
    use: FeatureUse, neighbours: Sequence[FeatureUse], surroundings: Surroundings | None = None
) -> str | None:
    """Return the CTE, or the statement with ON COMMIT DROP and why the CTE will not do."""
    if use.rule != RULE or use.captures.get("object") != "table" or use.captures.get("on-commit") != "none":
        return None
    text = use.captures.get("text", "")
    if not text or MISSING in text or len(text) > LONGEST_QUERY:
        return None
    if use.spelling is None or surroundings is None:
        found = _as_known(use, neighbours)
    else:
        inlined = inline(use, surroundings)
        found = inlined if isinstance(inlined, Refusal) else inlined.statement
    if isinstance(found, Refusal):
        return _dropped_at_commit(use, found)
    return f"{found};" if len(found) <= LONGEST_QUERY else None


def _as_known(use: FeatureUse, neighbours: Sequence[FeatureUse]) -> str | Refusal:
    """Return the reading statement with the CTE, as far as the statements that name the table tell."""
    mentions = tuple(_later_mentions(use, neighbours))
    roles = assign_roles(use.captures.get("form", ""), mentions)
    if isinstance(roles, Refusal):
        return roles
    reader, fill = mentions[roles.reader], None if roles.fill is None else mentions[roles.fill].text
    if any(MISSING in text for text in (reader.text, fill or "")):
        return Refusal("its statements are not known in full")
    table = make_common_table(use.captures["text"], use.captures, fill=fill, reader=reader.text)
    return table if isinstance(table, Refusal) else table.put_into(reader.text)


def _later_mentions(use: FeatureUse, neighbours: Sequence[FeatureUse]) -> Iterator[Mention]:
    """Yield the statements of the same scope that name the table after it was created, but for its DROP."""
    if len(neighbours) > MOST_NEIGHBOURS:
        return
    name = use.captures.get("name", "")
    seen = False
    for other in neighbours:
        captures = other.captures
        if other.rule != RULE or other.scope != use.scope or captures.get("name") != name:
            continue
        if captures.get("kind") and captures.get("text") == use.captures["text"] and other.place == use.place:
            seen = True
        elif captures.get("kind") and captures["kind"] != StatementKind.DROP and (seen or other.place > use.place):
            yield Mention(StatementKind(captures["kind"]), captures["text"])


# ---------------------------------------------------------------- ON COMMIT DROP


def _dropped_at_commit(use: FeatureUse, refusal: Refusal) -> str | None:
    statement = _with_on_commit_drop(use.captures)
    if statement is None:
        return None
    reason = f"  -- no CTE: {refusal.reason}" if refusal.reason else ""
    if use.transaction.kind in {Transaction.EXPLICIT, Transaction.IMPLICIT}:
        return f"{statement};{reason}"
    return f"BEGIN;\n{statement};{reason}\n-- the statements that use it\nCOMMIT;"


def _with_on_commit_drop(created: Mapping[str, str]) -> str | None:
    text, body = created["text"], created.get("body", "")
    match created.get("form"):
        case "create" if not _AFTER_ON_COMMIT.search(text):
            return f"{text.rstrip()} ON COMMIT DROP"
        case "as" if body and text.endswith(body):
            head = text.removesuffix(body)
            found = _AS.search(head)
            if found is not None and not _AFTER_ON_COMMIT.search(head):
                return f"{head[: found.start()].rstrip()} ON COMMIT DROP {head[found.start() :]}{body}"
    return None
