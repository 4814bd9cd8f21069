"""SET, RESET and SHOW: the tokens after the keyword → kind and facts, or None where there is no such statement.

https://www.postgresql.org/docs/current/sql-set.html and its neighbours; `VariableSetStmt` of the server's grammar has
the exact forms.
Parameter names are compared without regard to case by the server, quoted or not, so `name` is always lower-case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.model import StatementKind
from txsafe.sql.lexer import TokenKind, fold

if TYPE_CHECKING:
    from txsafe.sql.cursor import Cursor

Recognised = tuple[StatementKind, dict[str, str]]

_ROLE_PARAMETERS = {
    "role": StatementKind.SET_ROLE,
    "session_authorization": StatementKind.SET_SESSION_AUTHORIZATION,
}
_NOT_A_VALUE = frozenset({"where", "from", "returning", "and", "or", "select"})
_VALUE_SYMBOLS = frozenset({",", "+", "-", "."})


def read_set(cursor: Cursor) -> Recognised | None:
    """Read what follows SET."""
    if cursor.take("constraints"):
        return None if cursor.at_end else (StatementKind.SET_CONSTRAINTS, {})
    scope = _scope(cursor)
    return _special_form(cursor, scope) or _parameter(cursor, scope)


def _scope(cursor: Cursor) -> str:
    if _assigns(cursor, 1):
        return "session"
    if cursor.take("local"):
        return "local"
    if cursor.word() == "session" and cursor.word(1) not in ("authorization", "characteristics"):
        cursor.next()
    return "session"


def _assigns(cursor: Cursor, ahead: int) -> bool:
    return cursor.peek(ahead).text == "=" or cursor.word(ahead) == "to"


def _special_form(cursor: Cursor, scope: str) -> Recognised | None:
    """Read the forms that are not `name = value`."""
    if cursor.take("session", "characteristics", "as", "transaction"):
        parameter = _default_parameter(cursor)
        facts = {"modes": cursor.rest(), "parameter": parameter}
        return (StatementKind.SET_CHARACTERISTICS, facts) if parameter else None
    if cursor.take("session", "authorization"):
        return _role(cursor, scope, StatementKind.SET_SESSION_AUTHORIZATION)
    if _assigns(cursor, 1) or cursor.word(1) == "from":
        return None
    if cursor.take("transaction"):
        valid = _default_parameter(cursor) or cursor.word() == "snapshot"
        return (StatementKind.SET_TRANSACTION, {"modes": cursor.rest()}) if valid else None
    if cursor.take("role"):
        return _role(cursor, scope, StatementKind.SET_ROLE)
    return _worded_parameter(cursor, scope)


def _worded_parameter(cursor: Cursor, scope: str) -> Recognised | None:
    """Read the forms that the standard has for single parameters."""
    found = None
    if cursor.take("time", "zone"):
        found = _assignment(cursor, scope, "timezone", resets=("default", "local"))
    elif cursor.take("names"):
        found = _assignment(cursor, scope, "client_encoding", resets=("default", ""))
    elif cursor.word() == "schema" and cursor.peek(1).kind is not TokenKind.WORD:
        cursor.next()
        found = _assignment(cursor, scope, "search_path")
    elif cursor.take("xml", "option") and cursor.word() in ("document", "content"):
        found = _assignment(cursor, scope, "xmloption")
    return found


def _default_parameter(cursor: Cursor) -> str:
    """Return which default_transaction_… parameter the transaction mode ahead is the value of, or nothing."""
    match cursor.word(), cursor.word(1):
        case "isolation", "level":
            return "default_transaction_isolation"
        case "read", "only" | "write":
            return "default_transaction_read_only"
        case ("deferrable", _) | ("not", "deferrable"):
            return "default_transaction_deferrable"
    return "default_transaction_isolation" if cursor.is_sql_hole() else ""


def _role(cursor: Cursor, scope: str, kind: StatementKind) -> Recognised | None:
    bare = cursor.word()
    role = cursor.name_or_string()
    if role is None or not cursor.at_end:
        return None
    # NONE and DEFAULT are keywords only where they are not quoted.
    resets = bare == ("none" if kind is StatementKind.SET_ROLE else "default")
    return kind, {"action": "reset" if resets else "set", "role": role, "scope": scope}


def _parameter(cursor: Cursor, scope: str) -> Recognised | None:
    if cursor.is_sql_hole() and cursor.end - cursor.index == 1:
        return StatementKind.SET, {"scope": scope, "name": cursor.rest(), "value": ""}
    parameter = cursor.name()
    if parameter is None:
        return None
    name = fold(parameter.dotted)
    if cursor.take("from", "current"):
        return (StatementKind.SET, {"scope": scope, "name": name, "value": "from current"}) if cursor.at_end else None
    if not (cursor.take_symbol("=") or cursor.take("to")):
        return None
    kind = _ROLE_PARAMETERS.get(name)
    return _assignment(cursor, scope, name) if kind is None else _role_value(cursor, scope, kind)


def _role_value(cursor: Cursor, scope: str, kind: StatementKind) -> Recognised | None:
    if cursor.word() != "default":
        return _role(cursor, scope, kind)
    cursor.next()
    return (kind, {"action": "reset", "role": "default", "scope": scope}) if cursor.at_end else None


def _assignment(cursor: Cursor, scope: str, name: str, *, resets: tuple[str, ...] = ("default",)) -> Recognised | None:
    """Read a value; the words in `resets` (the empty one: no value at all) give the parameter its default back."""
    left = cursor.end - cursor.index
    if left == 0:
        return (StatementKind.RESET, {"scope": scope, "name": name}) if "" in resets else None
    if left == 1 and cursor.word() in resets and cursor.word():
        return StatementKind.RESET, {"scope": scope, "name": name}
    value = cursor.rest()
    return (StatementKind.SET, {"scope": scope, "name": name, "value": value}) if _is_value(cursor) else None


def _is_value(cursor: Cursor) -> bool:
    """Whether the rest can be a value list. `SET a = 1, b = 2 WHERE …` is a piece of an UPDATE."""
    interval = cursor.take("interval")
    while not cursor.at_end:
        if interval and cursor.skip_parentheses():
            continue
        token = cursor.next()
        if token.kind in (TokenKind.PUNCTUATION, TokenKind.OPERATOR) and token.text not in _VALUE_SYMBOLS:
            return False
        if token.word in _NOT_A_VALUE or (token.word == "to" and not interval):
            return False
    return True


def read_reset(cursor: Cursor) -> Recognised | None:
    """Read what follows RESET."""
    if cursor.take("session", "authorization"):
        return _reset_role(cursor, StatementKind.SET_SESSION_AUTHORIZATION)
    if cursor.take("time", "zone"):
        return _reset(cursor, "timezone")
    if cursor.take("transaction", "isolation", "level"):
        return _reset(cursor, "transaction_isolation")
    parameter = cursor.name()
    if parameter is None:
        return None
    name = fold(parameter.dotted)
    kind = _ROLE_PARAMETERS.get(name)
    return _reset_role(cursor, kind) if kind else _reset(cursor, name)


def _reset(cursor: Cursor, name: str) -> Recognised | None:
    return (StatementKind.RESET, {"scope": "session", "name": name}) if cursor.at_end else None


def _reset_role(cursor: Cursor, kind: StatementKind) -> Recognised | None:
    facts = {"action": "reset", "role": "", "scope": "session"}
    return (kind, facts) if cursor.at_end else None


def read_show(cursor: Cursor) -> Recognised | None:
    """Read what follows SHOW."""
    if cursor.take("time", "zone"):
        name = "timezone"
    elif cursor.take("transaction", "isolation", "level"):
        name = "transaction_isolation"
    elif cursor.take("session", "authorization"):
        name = "session_authorization"
    else:
        parameter = cursor.name()
        name = fold(parameter.dotted) if parameter else ""
    return (StatementKind.SHOW, {"name": name}) if name and cursor.at_end else None
