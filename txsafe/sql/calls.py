"""Tokens of a statement → the function calls in it.

Only names asked for are looked at. A name before a parenthesis is no call where the statement merely mentions a
routine or names a column list (`DROP FUNCTION f(int)`, `INSERT INTO t(a)`, `WITH t(a) AS`).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Span, SqlCall
from txsafe.sql.lexer import Token, TokenKind, identifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from txsafe.sql.literals import Origin, Passage

_LOCKS = ("advisory_lock", "advisory_lock_shared", "advisory_xact_lock", "advisory_xact_lock_shared")
SESSION_FUNCTIONS = frozenset(
    {
        *(f"pg_{lock}" for lock in _LOCKS),
        *(f"pg_try_{lock}" for lock in _LOCKS),
        "pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all",
        "set_config", "currval", "lastval", "nextval", "setval", "setseed",
        "pg_backend_pid", "pg_terminate_backend", "pg_cancel_backend", "pg_listening_channels", "pg_my_temp_schema",
        "pg_replication_origin_session_setup", "pg_replication_origin_session_reset",
        "dblink", "dblink_connect", "dblink_connect_u", "dblink_disconnect", "dblink_exec", "dblink_open",
        "dblink_fetch", "dblink_close", "dblink_send_query", "dblink_get_result", "dblink_get_connections",
        "dblink_is_busy", "dblink_get_notify",
    }
)  # fmt: skip
"""The functions looked for unless the caller names others: those that read or write what belongs to the session."""

_HOLES = "".join(HOLE_CHARACTERS.values())
_HOLE = re.compile(f"[{_HOLES}]")
_NAME_KINDS = (TokenKind.WORD, TokenKind.QUOTED)
_MENTIONS = frozenset(
    {
        "function",
        "procedure",
        "routine",
        "aggregate",
        "into",
        "table",
        "as",
        "recursive",
        "exists",
        "references",
        "type",
        "view",
    }
)
_MENTIONING = frozenset({"drop", "grant", "revoke", "comment", "security"})
_ALTERABLE = frozenset({"function", "procedure", "routine", "aggregate", "extension"})
_SPELLED = 8
"""How many characters of a name with holes must be spelled before it is taken for a function's."""
_DEPTH = 32
"""How deep calls within arguments of calls are followed; a bound, so that hostile nesting costs linear memory."""


@functools.lru_cache(maxsize=8)
def name_stems(functions: frozenset[str]) -> tuple[str, ...]:
    """Return few of the names (and `advisory`, which many share) such that every name contains one of them."""
    stems: list[str] = []
    seed = ("advisory",) if any("advisory" in name for name in functions) else ()
    for name in (*seed, *sorted(functions, key=lambda name: (len(name), name))):
        if not any(stem in name for stem in stems):
            stems.append(name)
    return tuple(stems)


def is_wanted(name: str, functions: AbstractSet[str]) -> bool:
    """Whether a folded name is one of the functions, or could be with its holes filled and most of it spelled."""
    if name in functions:
        return True
    parts = _HOLE.split(name)
    if len(parts) == 1 or len(name) - len(parts) + 1 < _SPELLED:
        return False
    return any(_fits(parts, function) for function in functions)


def _fits(parts: Sequence[str], function: str) -> bool:
    """Match a glob; the leftmost place for each part is as good as any, so nothing is tried twice."""
    if not function.startswith(parts[0]):
        return False
    position = len(parts[0])
    for part in parts[1:-1]:
        found = function.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(function) - len(parts[-1]) >= position and function.endswith(parts[-1])


class _Open:
    """A call whose closing parenthesis was not met yet."""

    __slots__ = ("arguments", "depth", "first", "name", "schema", "start")

    def __init__(self, name: str, schema: str | None, start: int, first: int, depth: int) -> None:
        self.name = name
        self.schema = schema
        self.start = start
        self.first = first
        self.depth = depth
        self.arguments: list[str] = []


def mentions_only(tokens: Sequence[Token]) -> bool:
    """Whether the statement names routines without calling any (`GRANT … ON FUNCTION`, `ALTER FUNCTION`)."""
    first = tokens[0].word
    second = tokens[1].word if len(tokens) > 1 else ""
    return first in _MENTIONING or (first == "alter" and second in _ALTERABLE)


def find_calls(passage: Passage, tokens: Sequence[Token], functions: AbstractSet[str]) -> tuple[SqlCall, ...]:
    """Return the calls among the significant tokens of a passage, in the order in which they begin."""
    text, origin = passage.text, passage.origin
    finished: list[SqlCall] = []
    stack: list[_Open] = []
    depth = 0
    for index, token in enumerate(tokens):
        match token.text:
            case "(":
                depth += 1
                call = _opens(tokens, index, functions) if len(stack) < _DEPTH else None
                if call is not None:
                    name, schema, start = call
                    stack.append(_Open(name, schema, start, token.end, depth))
            case ")":
                if stack and stack[-1].depth == depth:
                    finished.append(_close(stack.pop(), text, token.start, token.end, origin))
                depth -= 1
            case "[":
                depth += 1
            case "]":
                depth -= 1
            case "," if stack and stack[-1].depth == depth:
                call_open = stack[-1]
                call_open.arguments.append(text[call_open.first : token.start].strip())
                call_open.first = token.end
    if stack:
        end = tokens[-1].end
        finished.extend(_close(call_open, text, end, end, origin) for call_open in stack)
    return tuple(sorted(finished, key=lambda call: call.span))


def _opens(tokens: Sequence[Token], index: int, functions: AbstractSet[str]) -> tuple[str, str | None, int] | None:
    """Return the name, the schema and the start of the call that the parenthesis at `index` opens, if it is one."""
    position = index - 1
    if position < 0 or tokens[position].kind not in _NAME_KINDS:
        return None
    name = identifier(tokens[position])
    if not is_wanted(name, functions):
        return None
    schema = None
    if position >= 2 and tokens[position - 1].text == "." and tokens[position - 2].kind in _NAME_KINDS:
        position -= 2
        schema = identifier(tokens[position])
        while position >= 2 and tokens[position - 1].text == "." and tokens[position - 2].kind in _NAME_KINDS:
            position -= 2
    if position and tokens[position - 1].word in _MENTIONS:
        return None
    return name, schema, tokens[position].start


def _close(call: _Open, text: str, last: int, end: int, origin: Origin) -> SqlCall:
    final = text[call.first : last].strip()
    arguments = (*call.arguments, final) if final or call.arguments else ()
    span = Span(origin.at(call.start), origin.at(end - 1) + 1)
    return SqlCall(name=call.name, schema=call.schema, arguments=arguments, span=span)
