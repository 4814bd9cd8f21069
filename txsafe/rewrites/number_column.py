"""An INSERT, and what else the file says of its table → the column whose number it draws from a sequence.

In: the text of an INSERT of one row, the name of a sequence or the statements that create the table. Out: a column as
the program spells it, or None where it is not evident.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.sql.lexer import TokenKind, significant_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.sql.lexer import Token

_INSERT = re.compile(
    r"INSERT\s+INTO\s+(?:\w+\.)?(?P<table>\w+)\s*(?:\([^()]*\)\s*)?(?:VALUES\s*\(|DEFAULT\s+VALUES)", re.IGNORECASE
)
_MORE = re.compile(r"\)\s*,\s*\(|\bRETURNING\b|\bON\s+CONFLICT\b|\bSELECT\b", re.IGNORECASE)
"""Several rows, maybe none, or an answer of its own."""
_SERIAL = re.compile(
    r"pg_get_serial_sequence\(\s*'(?:\w+\.)?(?P<table>\w+)'\s*,\s*'(?P<column>\w+)'\s*\)", re.IGNORECASE
)
_NAME = re.compile(r"'(?:\w+\.)?(?P<name>\w+)_seq'(?:\s*::\s*regclass)?", re.IGNORECASE)
_CREATE = re.compile(
    r"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:\w+\.)?(?P<table>\w+)\s*\(", re.IGNORECASE
)
_DRAWS = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8", "identity", "nextval"})
_CONSTRAINTS = frozenset({"constraint", "primary", "unique", "check", "foreign", "exclude", "like"})
LONGEST = 20_000
"""Characters of a statement that is looked at."""


def table_of_insert(insert: str) -> str | None:
    """Return the table, folded, that a statement inserts one row into, without telling anything of it."""
    found = _INSERT.match(insert) if len(insert) <= LONGEST else None
    return None if found is None or _MORE.search(insert) else found["table"].lower()


def table_created(statement: str) -> str | None:
    """Return the table, folded, that a statement creates with its columns."""
    found = _CREATE.match(statement)
    return None if found is None else found["table"].lower()


def column_of_sequence(sequence: str, table: str) -> str | None:
    """Return the column of a table that a sequence is for, as its name or pg_get_serial_sequence() says."""
    serial, name = _SERIAL.fullmatch(sequence), _NAME.fullmatch(sequence)
    if serial is not None:
        return serial["column"] if serial["table"].lower() == table else None
    start = f"{table}_"
    return name["name"][len(start) :] or None if name is not None and name["name"].lower().startswith(start) else None


def column_that_draws(insert: str, created: Iterable[str]) -> str | None:
    """Return the column that is given nextval(), or the only one of the table that draws a number by itself."""
    given = _given_nextval(insert)
    if given:
        return given[0] if len(given) == 1 else None
    found = {column for statement in created if len(statement) <= LONGEST for column in _numbered(statement)}
    return found.pop() if len(found) == 1 else None


def _given_nextval(insert: str) -> list[str | None]:
    """Return the columns whose values call nextval(); None for one without a name."""
    tokens = significant_tokens(insert)
    at = next((index for index, token in enumerate(tokens) if token.word == "values"), len(tokens))
    columns = [_spelled(item) for item in _items(tokens[:at])]
    values = list(_items(tokens[at:]))
    named = columns if len(columns) == len(values) else [None] * len(values)
    return [column for column, value in zip(named, values, strict=True) if _names(value, {"nextval"})]


def _numbered(created: str) -> Iterator[str]:
    """Yield the columns of CREATE TABLE that draw their numbers from a sequence."""
    for item in _items(significant_tokens(created)):
        name = _spelled(item)
        if name is not None and item[0].word not in _CONSTRAINTS and _names(item[1:], _DRAWS):
            yield name


def _names(tokens: Sequence[Token], words: Iterable[str]) -> bool:
    return any(token.word in words for token in tokens)


def _spelled(item: Sequence[Token]) -> str | None:
    """Return a column's name, which begins its definition; None where it is quoted."""
    return item[0].text if item and item[0].kind is TokenKind.WORD else None


def _items(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield what stands between the commas of the first parentheses."""
    depth, start = 0, 0
    for index, token in enumerate(tokens):
        if token.text in {"(", ")"}:
            depth += 1 if token.text == "(" else -1
            if (depth, token.text) == (1, "("):
                start = index + 1
            elif depth == 0:
                yield tokens[start:index]
                return
        elif token.text == "," and depth == 1:
            yield tokens[start:index]
            start = index + 1
