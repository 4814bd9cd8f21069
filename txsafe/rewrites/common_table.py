"""A temporary table, what fills it and what reads it → the CTE that does without the table, or why there is none.

In: the texts of the statements. Out: `CommonTable`, which says what to put where in the reading statement, or a
`Refusal`.

A table that is filled once and read once, by one statement, is a CTE. It is MATERIALIZED because the table was: its
query runs once, on its own. Read twice, indexed, analysed or written to, it has a reason to be a table. Names and
layout stay as people wrote them; sqlglot only looks, and confirms in the end that the statement is the same but for
the CTE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.model import Span, StatementKind
from txsafe.rewrites.query_shape import LONGEST, Query, adds_only, read_query
from txsafe.rewrites.table_query import Refusal, read_filling
from txsafe.sql.lexer import identifier, significant_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from txsafe.rewrites.table_query import Filling
    from txsafe.sql.lexer import Token

_LONGEST_LINE = 100


@dataclass(frozen=True, slots=True)
class Mention:
    """A later statement that names the table."""

    kind: StatementKind
    text: str


@dataclass(frozen=True, slots=True)
class Roles:
    """What the statements are that name a table, by their numbers."""

    fill: int | None
    reader: int


@dataclass(frozen=True, slots=True)
class CommonTable:
    """What to put into the reading statement."""

    name: str
    query: str
    """What stands in the parentheses; its lines as they were."""
    margin: str | None
    """The indentation of its first line; None where that does not begin a line."""
    at: int
    """Offset in the reading statement."""
    follows_with: bool
    """Whether the statement has a WITH clause, which it opens."""
    care: tuple[str, ...] = ()
    """Why it may not be the same."""

    def put_into(self, reader: str) -> str:
        """Return the reading statement with the CTE."""
        return f"{reader[: self.at]}{self.written('')}{reader[self.at :]}"

    def written(self, margin: str | None) -> str:
        """Return the text to insert; `margin` is the indentation of the reader's line, None within a line."""
        head = "" if self.follows_with else "WITH "
        tail = "," if self.follows_with else ""
        last_line = self.query[self.query.rfind("\n") + 1 :]
        short = "\n" not in self.query and "--" not in last_line
        if short and (margin is None or len(self.query) + len(self.name) + 30 <= _LONGEST_LINE):
            line = f"{head}{self.name} AS MATERIALIZED ({self.query}){tail}"
            return f"{line} " if margin is None else f"{line}\n{margin}"
        outer = margin or ""
        inner = f"{outer}    " if self.margin is None else self.margin
        return f"{head}{self.name} AS MATERIALIZED (\n{inner}{self.query}\n{outer}){tail}\n{outer}"


UNREAD = Refusal("")
"""Nothing that reads it is seen: there is nothing to say of a CTE."""


# ---------------------------------------------------------------- who does what


def assign_roles(form: str, mentions: Sequence[Mention]) -> Roles | Refusal:
    """Tell what fills a table and what reads it; `form` is how it was made, `mentions` what names it afterwards."""
    if not mentions:
        return UNREAD
    first = 0
    if form == "create":
        if not _is_insert(mentions[0]):
            return Refusal("what fills it is no INSERT … SELECT right behind it")
        first = 1
    readers = mentions[first:]
    for mention in readers:
        reason = _reason_to_stay(mention)
        if reason is not None:
            return Refusal(reason)
    if not readers:
        return UNREAD
    if len(readers) > 1:
        return Refusal(f"{len(readers)} statements use it")
    return Roles(0 if first else None, first)


def _is_insert(mention: Mention) -> bool:
    return mention.kind is StatementKind.QUERY and bool(re.match(r"INSERT\b", mention.text, re.IGNORECASE))


def _reason_to_stay(mention: Mention) -> str | None:
    words = [token.word for token in significant_tokens(mention.text[:200])]
    is_reader = mention.kind in {StatementKind.COPY, StatementKind.DDL} and reading_part(mention.text) is not None
    if is_reader or mention.kind is StatementKind.QUERY:
        return None
    match mention.kind:
        case StatementKind.CREATE_TEMPORARY:
            return "another temporary object is made of it"
        case StatementKind.DDL if "index" in words[:3]:
            return "it is indexed"
        case StatementKind.COPY:
            return "COPY uses it"
        case StatementKind.OTHER if words[:1] in (["analyze"], ["analyse"], ["vacuum"]):
            return "it is analysed"
        case _:
            return "something other than a query uses it"


def reading_part(text: str) -> Span | None:
    """Return where the query stands that a statement reads by, for COPY and CREATE those of `(…) TO` and `TABLE … AS`.

    None where there is no such query.
    """
    tokens = significant_tokens(text[:LONGEST])
    match [token.word for token in tokens[:3]]:
        case ["copy", *_]:
            part = _copied(tokens)
        case ["create", "table", *_] | ["create", "unlogged", "table"]:
            part = _made(tokens)
        case ["create", *_]:
            part = None
        case _:
            return Span(0, len(text))
    return None if part is None else Span(part[0].start, part[-1].end)


def _copied(tokens: Sequence[Token]) -> Sequence[Token] | None:
    closing = _closing(tokens, 1)
    if closing is None or closing < 3 or [token.word for token in tokens[closing + 1 : closing + 2]] != ["to"]:
        return None
    return tokens[2:closing]


def _made(tokens: Sequence[Token]) -> Sequence[Token] | None:
    """Return the query of CREATE TABLE … AS, without its parentheses and WITH DATA; WITH NO DATA reads nothing."""
    words = [token.word for token in tokens]
    start = next((index + 1 for index in _outermost(tokens) if words[index] == "as"), len(tokens))
    if words[-3:] == ["with", "no", "data"]:
        return None
    part = tokens[start : -2 if words[-2:] == ["with", "data"] else None]
    while part and _closing(part, 0) == len(part) - 1:
        part = part[1:-1]
    return part or None


def _outermost(tokens: Sequence[Token]) -> Iterator[int]:
    """Yield the numbers of the tokens outside of all parentheses."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            yield index


def _closing(tokens: Sequence[Token], opening: int) -> int | None:
    """Return the number of the parenthesis that closes one; None where there is none."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += (tokens[index].text == "(") - (tokens[index].text == ")")
        if depth == 0:
            return index if index > opening else None
    return None


# ---------------------------------------------------------------- the CTE


def make_common_table(
    created: str, facts: Mapping[str, str], *, fill: str | None, reader: str
) -> CommonTable | Refusal:
    """Return the CTE that a statement can read in place of a temporary table."""
    if max(len(created), len(fill or ""), len(reader)) > LONGEST:
        return Refusal("its statements are too long")
    filling = read_filling(created, facts, insert=fill)
    if isinstance(filling, Refusal):
        return filling
    part = reading_part(reader)
    inner, outer = read_query(filling.query), None if part is None else read_query(reader[part.start : part.end])
    if inner is None or outer is None or part is None:
        return _NOT_UNDERSTOOD
    name = facts.get("name", "")
    fault = _fault(name, inner, outer, is_inserted=fill is not None)
    if fault is None and _is_named(name, reader[: part.start]):
        fault = "something of its name is made of it"
    if fault is not None:
        return Refusal(fault)
    table = _placed(filling, inner, outer)
    return table if isinstance(table, Refusal) else replace(table, at=part.start + table.at)


def _is_named(name: str, head: str) -> bool:
    return any(identifier(token) == name for token in significant_tokens(head))


_NOT_UNDERSTOOD = Refusal("its statements are not understood in full")


def _fault(name: str, inner: Query, outer: Query, *, is_inserted: bool) -> str | None:
    if inner.changes_data:
        return "its query changes data"
    if is_inserted and name in inner.tables:
        return "its query reads it"
    if outer.is_recursive and inner.tables & (outer.ctes | {name}):
        return "WITH RECURSIVE would give its query other tables"
    return outer.fault_of_reading(name)


def _placed(filling: Filling, inner: Query, outer: Query) -> CommonTable | Refusal:
    at, follows = _where(outer.text)
    care = (*filling.care, *_doubts(inner, outer))
    table = CommonTable(filling.name, filling.query, filling.margin, at, follows, care)
    is_the_same = adds_only(table.put_into(outer.text), filling.query, outer.text)
    return table if is_the_same else _NOT_UNDERSTOOD


def _where(reader: str) -> tuple[int, bool]:
    """Return where the CTE goes: behind WITH, in front of those that the statement has, or at its beginning."""
    tokens = significant_tokens(reader)
    if tokens[0].word != "with":
        return tokens[0].start, False
    return tokens[2 if tokens[1].word == "recursive" else 1].start, True


def _doubts(inner: Query, outer: Query) -> Iterator[str]:
    if inner.locks_rows:
        yield "rows are locked when they are read"
    if inner.is_ordered and not outer.is_ordered and not outer.is_plain_scan:
        yield "rows may come in another order"
