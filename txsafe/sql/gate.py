"""A text → whether it can hold session state at all: a first question, asked of every literal of a program."""

from __future__ import annotations

import functools
import re

from txsafe.model import HOLE_CHARACTERS, Hole
from txsafe.sql.calls import SESSION_FUNCTIONS, name_stems

_WORDS = (
    "set", "discard", "prepare", "execute", "deallocate", "listen", "declare", "fetch", "move", "close", "load", "temp",
    "begin", "start", "commit", "rollback", "abort", "end", "savepoint", "release",
)  # fmt: skip
_STATEMENT = re.compile(
    # `end` counts as a statement only where it is one: most SQL has it in CASE … END.
    r"(?<![a-z0-9_$.\"])(?:set|reset|discard|prepare|execute|deallocate|listen|unlisten|declare|fetch|move|close|load"
    r"|begin|start|commit|rollback|abort|savepoint|release|local|session)(?![a-z0-9_$])"
    r"|temp|(?:\A|[;*/\r\n])[ \t\r\n\f\v]*+end(?![a-z0-9_$])"
)
_REMEMBERED = 200
"""Code points of a text whose answer is kept: names of columns, keys and the like are asked about again and again."""
_UNSURE = (HOLE_CHARACTERS[Hole.SQL], HOLE_CHARACTERS[Hole.IDENTIFIER], 'u&"', "\\")


def may_hold_session_state(text: str, *, functions: frozenset[str] = SESSION_FUNCTIONS) -> bool:
    """Whether `read_statements` could find more than queries, DDL and the like without calls of `functions`.

    Never False where it does; True for any text that merely has one of the words in it.
    """
    if len(text) > _REMEMBERED:
        return _may_hold(text.lower(), functions)
    return _may_hold_known(text.lower(), functions)


def _may_hold(lowered: str, functions: frozenset[str]) -> bool:
    for signs in (name_stems(functions), _UNSURE):  # a loop costs half of what `any` and a generator do
        for sign in signs:
            if sign in lowered:
                return True
    for word in _WORDS:
        if word in lowered:
            return _STATEMENT.search(lowered) is not None
    return False


_may_hold_known = functools.lru_cache(maxsize=8192)(_may_hold)
