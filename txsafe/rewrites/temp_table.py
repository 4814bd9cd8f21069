"""A temporary table → the CTE that does without it, or the same table dropped at commit.

In: the use that creates the table (rule `temp-table`), and the neighbours: among them the other statements of its scope
that name it. Out: SQL that parses, or None.

A table that one later query reads, once, is a CTE. It is MATERIALIZED because the table was: its query runs once, on
its own. Read twice, indexed, analysed or written to, it has a reason to be a table.

The user's own spelling is kept, so the SQL is put together as text. sqlglot only looks: does the table stand in the
query exactly once, and as something that is read?
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING
from txsafe.model import FeatureUse, StatementKind, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlglot import exp

RULE = "temp-table"
LONGEST_QUERY = 4000
"""Characters; sqlglot reads about half a megabyte per second."""

MOST_NEIGHBOURS = 1000
"""In a file with more uses and mentions, nobody is looked for who reads the table: that would take quadratic time."""

_COLUMNS = re.compile(r"\s*(\([^()]*\))?\s*")
_DATA = re.compile(r"\bWITH\s+(?:NO\s+)?DATA\s*$", re.IGNORECASE)
_WITH = re.compile(r"WITH\b(\s+RECURSIVE\b)?\s*", re.IGNORECASE)
_AS = re.compile(r"\bAS\s*\(?\s*$", re.IGNORECASE)
_AFTER_ON_COMMIT = re.compile(r"\b(?:ON\s+COMMIT|TABLESPACE)\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"%\([^)]*\)s|%s|(?<!:):[A-Za-z_]\w*|\$\d+|\?")


def replace_temporary_table(use: FeatureUse, neighbours: Sequence[FeatureUse]) -> str | None:
    """Return the CTE, or the statement with ON COMMIT DROP and why the CTE will not do."""
    if use.rule != RULE or use.captures.get("object") != "table" or use.captures.get("on-commit") != "none":
        return None
    text = use.captures.get("text", "")
    if not text or MISSING in text or len(text) > LONGEST_QUERY:
        return None
    mentions = tuple(_later_mentions(use, neighbours))
    cte = _as_cte(use.captures, mentions)
    return cte if cte is not None else _dropped_at_commit(use, mentions)


def _later_mentions(use: FeatureUse, neighbours: Sequence[FeatureUse]) -> Iterator[Mapping[str, str]]:
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
            yield captures


# ---------------------------------------------------------------- the CTE


def _as_cte(created: Mapping[str, str], mentions: Sequence[Mapping[str, str]]) -> str | None:
    body = created.get("body", "")
    if created.get("form") != "as" or not body or len(mentions) != 1 or _DATA.search(body):
        return None
    reader = mentions[0]
    if reader["kind"] != StatementKind.QUERY or MISSING in reader["text"] or len(reader["text"]) > LONGEST_QUERY:
        return None
    columns = _column_list(created)
    if columns is None or not _reads_once(reader["text"], created["name"]):
        return None
    rewritten = _prepend(f"{created['name']}{columns} AS MATERIALIZED (\n{body}\n)", reader["text"])
    return rewritten if _parse(rewritten) is not None else None


def _column_list(created: Mapping[str, str]) -> str | None:
    """Return ` (a, b)` of CREATE … x (a, b) AS, nothing where there is none, None where something else stands there."""
    head = created["text"].removesuffix(created["body"])
    found = re.search(rf"\b{re.escape(created['name'])}\b", head, re.IGNORECASE)
    if found is None or head == created["text"]:
        return None
    columns = _COLUMNS.match(head, found.end())
    rest = "" if columns is None else head[columns.end() :].strip()
    if columns is None or rest.upper() != "AS":
        return None
    return f" {columns[1]}" if columns[1] else ""


def _prepend(cte: str, query: str) -> str:
    """Put a CTE before those that the query has; the others may then refer to it."""
    own = _WITH.match(query)
    if own is None:
        return f"WITH {cte}\n{query};"
    return f"WITH{own[1] or ''} {cte}, {query[own.end() :]};"


def _reads_once(query: str, name: str) -> bool:
    from sqlglot import exp

    tree = _parse(query)
    if tree is None:
        return False
    if any(cte.alias.lower() == name for cte in tree.find_all(exp.CTE)):
        return False
    tables = [table for table in tree.find_all(exp.Table) if table.name.lower() == name]
    return len(tables) == 1 and not tables[0].db and not _is_written(tables[0])


def _is_written(table: exp.Table) -> bool:
    from sqlglot import exp

    parent = table.parent.parent if isinstance(table.parent, exp.Schema) else table.parent
    is_target = isinstance(parent, exp.Insert | exp.Update | exp.Delete | exp.Merge)
    return is_target and table.arg_key == "this"


def _parse(query: str) -> exp.Expr | None:
    """Parse one statement, bound parameters taken for NULL; None where sqlglot cannot, or only as an opaque command."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = sqlglot.parse(_PLACEHOLDER.sub("NULL", query), dialect="postgres")
    except (SqlglotError, RecursionError):
        return None
    statements = [tree for tree in found if tree is not None]
    if len(statements) != 1 or isinstance(statements[0], exp.Command):
        return None
    return statements[0]


# ---------------------------------------------------------------- ON COMMIT DROP


def _dropped_at_commit(use: FeatureUse, mentions: Sequence[Mapping[str, str]]) -> str | None:
    statement = _with_on_commit_drop(use.captures)
    if statement is None:
        return None
    reason = "" if len(mentions) < 2 else f"  -- used by {len(mentions)} statements, so no CTE"
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
