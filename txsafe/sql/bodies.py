"""The tokens of a PL/pgSQL body → `Segment`s: where its SQL statements, its expressions and its EXECUTEs stand.

Control structure is only followed as far as needed to know where a statement begins: after a semicolon, BEGIN, THEN,
ELSE, LOOP or a label.
https://www.postgresql.org/docs/current/plpgsql-control-structures.html
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.sql.lexer import Token, TokenKind
from txsafe.sql.statements import STATEMENT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class SegmentForm(enum.Enum):
    """What a segment is."""

    STATEMENT = enum.auto()
    """An SQL statement."""
    EXPRESSION = enum.auto()
    """A condition, an assignment, a RETURN: its function calls are made."""
    DYNAMIC = enum.auto()
    """The expression of an EXECUTE, whose value is a statement."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch `[first, last)` of a body's tokens."""

    form: SegmentForm
    first: int
    last: int


_BRANCHES = frozenset({"if", "elsif", "elseif", "when", "case"})
_LOOPS = frozenset({"for", "foreach", "while"})
_OPENERS = frozenset({"begin", "else", "loop", "exception"})
_DYNAMIC_HOLDERS = frozenset({"for", "return", "open"})
# Cursors of PL/pgSQL are variables: they live in the transaction of the call.
# EXECUTE is dynamic, DECLARE and END are of the block.
_OWN_WORDS = frozenset(
    {"execute", "fetch", "move", "close", "declare", "end", "begin", "start", "savepoint", "release", "show"}
)
_SQL_WORDS = STATEMENT_WORDS - _OWN_WORDS
_ASSIGNMENTS = frozenset({":=", "=", ".", "["})


def find_segments(tokens: Sequence[Token]) -> Iterator[Segment]:
    """Yield the segments of a body in text order."""
    index = 0
    declares = False
    while index < len(tokens):
        word = tokens[index].word
        text = tokens[index].text
        if text == ";":
            index += 1
        elif text == "#":
            index += 3  # `#variable_conflict use_column`
        elif text == "<<":
            index = _find(tokens, index, ">>") + 1
        elif word == "declare":
            declares = True
            index += 1
        elif word == "begin" or (word in _OPENERS and not declares and not _is_assignment(tokens, index)):
            declares = False
            index += 1
        elif word == "end" and not declares:
            index = _find(tokens, index, ";")
        else:
            last = _segment_end(tokens, index, word="" if declares else word)
            yield from _segments(tokens, index, last, declares=declares)
            index = last + (last < len(tokens))


def _segment_end(tokens: Sequence[Token], first: int, *, word: str) -> int:
    if _is_assignment(tokens, first):
        return _find(tokens, first, ";")
    if word in _BRANCHES:
        return _find(tokens, first + 1, "then")
    if word in _LOOPS:
        return _find(tokens, first + 1, "loop")
    return _find(tokens, first, ";")


def _is_assignment(tokens: Sequence[Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].text in _ASSIGNMENTS


def _find(tokens: Sequence[Token], first: int, target: str) -> int:
    """Return the index of a symbol or word outside of CASE … END, or of the semicolon before it."""
    depth = 0
    for index in range(first, len(tokens)):
        text = tokens[index].text
        if text in (";", target):
            return index
        word = tokens[index].word
        if word == "case":
            depth += 1
        elif word == "end":
            depth = max(depth - 1, 0)
        elif word == target and depth == 0:
            return index
    return len(tokens)


def _segments(tokens: Sequence[Token], first: int, last: int, *, declares: bool) -> Iterator[Segment]:
    word = tokens[first].word
    if declares or _is_assignment(tokens, first):
        yield Segment(SegmentForm.EXPRESSION, first, last)
    elif word == "execute":
        yield Segment(SegmentForm.EXPRESSION, first + 1, last)
        yield Segment(SegmentForm.DYNAMIC, first + 1, _dynamic_end(tokens, first + 1, last))
    elif word in _SQL_WORDS or tokens[first].text == "(":
        yield Segment(SegmentForm.STATEMENT, first, last)
    else:
        yield Segment(SegmentForm.EXPRESSION, first, last)
        if word in _DYNAMIC_HOLDERS:
            execute = _find_execute(tokens, first, last)
            if execute is not None:
                yield Segment(SegmentForm.DYNAMIC, execute + 1, _dynamic_end(tokens, execute + 1, last))


def _find_execute(tokens: Sequence[Token], first: int, last: int) -> int | None:
    """Return where EXECUTE stands in `FOR … IN EXECUTE`, `RETURN QUERY EXECUTE`, `OPEN … FOR EXECUTE`."""
    for index in range(first + 1, last):
        if tokens[index].word == "execute" and tokens[index - 1].word in ("in", "query", "for"):
            return index
    return None


def _dynamic_end(tokens: Sequence[Token], first: int, last: int) -> int:
    depth = 0
    for index in range(first, last):
        text = tokens[index].text
        if text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
        elif depth == 0 and tokens[index].kind is TokenKind.WORD and tokens[index].word in ("into", "using"):
            return index
    return last
