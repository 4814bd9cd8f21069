"""The statements that make and fill a temporary table → the one query whose rows it then has, or why none is known.

In: the texts of CREATE TABLE … AS, SELECT … INTO, or of CREATE TABLE and INSERT. Out: a `Filling`, whose query stands
as people spelled it; an INSERT's is cast to the types of the table's columns, as the INSERT would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.rewrites.query_shape import read_query
from txsafe.sql.lexer import Token, significant_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RULE = "temp-table"
_TEMPORARY = frozenset({"temp", "temporary"})
_SCOPES = frozenset({"global", "local"})
_SERIAL = frozenset({"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"})
_QUERIES = frozenset({"select", "values", "with", "table"})
_DATA = re.compile(r"\s*\bWITH\s+(?P<no>NO\s+)?DATA\s*\Z", re.IGNORECASE)
_GIVEN = "given"
"""What the rows are called that are still to be cast to the types of the table."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a table stays a table."""

    reason: str


_MORE_THAN_A_QUERY = Refusal("the INSERT is more than one of a plain query")


@dataclass(frozen=True, slots=True)
class Filling:
    """What a table is called, and the query whose rows it has."""

    name: str
    """As its statement spells it, with the list of its columns where there is one."""
    query: str
    margin: str | None
    """The indentation of the query's first line; None where that does not begin a line."""
    care: tuple[str, ...] = ()
    """Why the rows may not be the same."""


def read_filling(created: str, facts: Mapping[str, str], *, insert: str | None) -> Filling | Refusal:
    """Return the query of a table that was just made, and filled by an INSERT where it was made empty."""
    if facts.get("if-not-exists") == "yes":
        return Refusal("with IF NOT EXISTS it may be an older table")
    if insert is not None:
        return _of_insert(created, insert)
    if facts.get("form") == "select-into":
        return _of_select_into(created)
    return _of_create_as(created, facts.get("body", ""))


# ---------------------------------------------------------------- CREATE TABLE … AS, SELECT … INTO


def _of_create_as(text: str, body: str) -> Filling | Refusal:
    if not body or not text.endswith(body):
        return Refusal("its query is not known")
    end = len(text)
    data = _DATA.search(body)
    if data is not None:
        if data["no"]:
            return Refusal("it is made without rows")
        end -= len(body) - data.start()
    start = len(text) - len(body)
    name = _named(text)
    if name is None:
        return Refusal("it asks for storage of its own")
    start, end = _unwrapped(text, start, end)
    return Filling(name, text[start:end], _margin(text, start))


def _named(text: str) -> str | None:
    """Return the name and column list of CREATE TEMP TABLE name (a, b) [ON COMMIT PRESERVE ROWS] AS."""
    tokens = _head(text)
    if len(tokens) < 2:
        return None
    at = 1
    while tokens[at].word in {"if", "not", "exists", "table"} | _TEMPORARY | _SCOPES | {"unlogged"}:
        at += 1
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    name, rest = tokens[at].text, tokens[at + 1 :]
    columns = ""
    if rest and rest[0].text == "(":
        closing = next((index for index, token in enumerate(rest) if token.text == ")"), None)
        if closing is None:
            return None
        columns = text[rest[0].start : rest[closing].end]
        rest = rest[closing + 1 :]
    words = [token.word for token in rest]
    is_plain = words in (["as"], ["on", "commit", "preserve", "rows", "as"])
    return f"{name} {columns}".rstrip() if is_plain else None


def _head(text: str) -> list[Token]:
    """Return the tokens of a CREATE … AS up to its AS."""
    found = []
    depth = 0
    for token in significant_tokens(text):
        found.append(token)
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.word == "as":
            return found
    return []


def _unwrapped(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the parentheses around a query that the CTE gives it anyway."""
    tokens = significant_tokens(text, start, end)
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            is_whole = token.text == ")" and index == len(tokens) - 1
            inner = text[tokens[0].end : token.start]
            if not is_whole or "--" in inner.rsplit("\n", 1)[-1]:
                return start, end
            space = len(inner) - len(inner.lstrip())
            return tokens[0].end + space, token.start - (len(inner) - len(inner.rstrip()))
    return start, end


def _of_select_into(text: str) -> Filling | Refusal:
    cut = _into(text)
    if cut is None:
        return Refusal("its query is not known")
    name = significant_tokens(text, *cut)[-1].text
    return Filling(name, text[: cut[0]] + text[cut[1] :], None)


def _into(text: str) -> tuple[int, int] | None:
    """Return where ` INTO TEMP TABLE name` stands."""
    depth, before = 0, 0
    tokens = significant_tokens(text)
    for index, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.word == "into":
            at = index + 1
            while tokens[at].word in _SCOPES | _TEMPORARY | {"table"}:
                at += 1
            if at + 2 < len(tokens) and tokens[at + 1].text == ".":
                at += 2
            return before, tokens[at].end
        before = token.end
    return None


# ---------------------------------------------------------------- CREATE TABLE, then INSERT


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    """As it is spelled."""
    type: str
    has_length: bool


def _of_insert(created: str, insert: str) -> Filling | Refusal:
    """Return the query of an INSERT, with casts to the types of the table's columns."""
    columns = _columns(created)
    head = _insert_head(insert)
    if isinstance(columns, Refusal):
        return columns
    if isinstance(head, Refusal):
        return head
    given, start = head
    query = read_query(insert[start:])
    if query is None or query.changes_data:
        return _MORE_THAN_A_QUERY
    wanted = given or [column.name for column in columns]
    count = query.columns
    if count is not None and (count > len(wanted) or (given and count != len(given))):
        return Refusal("the INSERT gives other columns than the table has")
    filled = wanted if count is None else wanted[:count]
    casts = ", ".join(_cast(column, filled) for column in columns)
    rows = f"({_set_off(insert, start)}) AS {_GIVEN} ({', '.join(filled)})"
    care = ["how many columns its query has is not known"] if count is None else []
    care += ["types with a length complain of what a cast cuts off"] if any(c.has_length for c in columns) else []
    name = f"{_name_of_table(created)} ({', '.join(column.name for column in columns)})"
    cast = f"SELECT {casts} FROM {rows}"  # noqa: S608  # what the program says, said otherwise
    return Filling(name, cast, _margin(insert, start), tuple(care))


def _set_off(insert: str, start: int) -> str:
    """Return the query as it stands in parentheses: on lines of its own where it has several, or ends in a comment."""
    query = insert[start:]
    if "\n" not in query and "--" not in query:
        return query
    margin = _margin(insert, start) or ""
    return f"\n{margin}{query}\n{margin}"


def _cast(column: _Column, filled: Sequence[str]) -> str:
    known = {_folded(name) for name in filled}
    value = f"{_GIVEN}.{column.name}" if _folded(column.name) in known else "NULL"
    return f"CAST({value} AS {column.type})"


def _folded(name: str) -> str:
    return name if name.startswith('"') else name.lower()


def _columns(created: str) -> tuple[_Column, ...] | Refusal:
    """Return the columns of CREATE TEMP TABLE name (a int, b text); nothing but names and types may stand there."""
    from sqlglot import exp

    query = read_query(created)
    schema = None if query is None else query.tree.find(exp.Schema)
    tokens = significant_tokens(created)
    opening = next((index for index, token in enumerate(tokens) if token.text == "("), None)
    if schema is None or opening is None or tokens[-1].text != ")":
        return Refusal("its columns are not known")
    found = []
    for definition, pieces in zip(schema.expressions, _listed(tokens[opening + 1 : -1]), strict=False):
        is_plain = isinstance(definition, exp.ColumnDef) and not definition.args.get("constraints")
        if not is_plain or definition.args.get("kind") is None or len(pieces) < 2:
            return Refusal("it has constraints or defaults")
        type_ = created[pieces[1].start : pieces[-1].end]
        if type_.lower() in _SERIAL:
            return Refusal("it has constraints or defaults")
        found.append(_Column(pieces[0].text, type_, "(" in type_))
    return tuple(found) if len(found) == len(schema.expressions) else Refusal("its columns are not known")


def _listed(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield what commas part, those within parentheses excepted."""
    depth = 0
    piece: list[Token] = []
    for token in tokens:
        depth += (token.text in "([") - (token.text in ")]")
        if token.text == "," and depth == 0:
            yield piece
            piece = []
        else:
            piece.append(token)
    yield piece


def _insert_head(insert: str) -> tuple[list[str], int] | Refusal:
    """Return the columns that an INSERT names, and where its query begins."""
    tokens = significant_tokens(insert)
    words = [token.word for token in tokens]
    if any(word in {"returning", "conflict", "overriding"} for word in words) or words[:2] != ["insert", "into"]:
        return _MORE_THAN_A_QUERY
    at = 5 if len(tokens) > 3 and tokens[3].text == "." else 3
    given: list[str] = []
    if at < len(tokens) and tokens[at].text == "(" and words[at + 1] not in _QUERIES:
        closing = next(index for index in range(at, len(tokens)) if tokens[index].text == ")")
        given = [piece[0].text for piece in _listed(tokens[at + 1 : closing])]
        at = closing + 1
    if at >= len(tokens) or (words[at] not in _QUERIES and tokens[at].text != "("):
        return _MORE_THAN_A_QUERY
    if "default" in words[at:]:
        return Refusal("the INSERT asks for defaults")
    return given, tokens[at].start


def _name_of_table(created: str) -> str:
    tokens = significant_tokens(created)
    opening = next(index for index, token in enumerate(tokens) if token.text == "(")
    return tokens[opening - 1].text


def _margin(text: str, start: int) -> str | None:
    line = text.rfind("\n", 0, start) + 1
    before = text[line:start]
    return before if line and not before.strip() else None
