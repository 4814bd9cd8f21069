"""The tokens of one statement → what it is: kind, facts and the stretches that hold further statements.

Recognition is by PostgreSQL's grammar of the utility statements, read only as far as needed to tell it from anything
that merely begins with the same word (`SET` of an UPDATE, `LOAD DATA`, `EXECUTE IMMEDIATE`, an English sentence):
those are `OTHER`.
Queries are not parsed; `calls` finds what matters in them.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.model import NO_FACTS, StatementKind
from txsafe.sql.lexer import TokenKind, fold
from txsafe.sql.literals import string_value
from txsafe.sql.parameters import read_reset, read_set, read_show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from txsafe.sql.cursor import Cursor, Name


class InnerForm(enum.Enum):
    """What stands in a stretch of a statement's tokens."""

    STATEMENT = enum.auto()
    """One statement: of EXPLAIN ANALYZE, COPY (…), CREATE TABLE … AS EXECUTE."""
    DO_BODY = enum.auto()
    """String constants that spell the body of a DO."""
    ROUTINE_BODY = enum.auto()
    """String constants that spell a routine's body."""
    STATEMENTS = enum.auto()
    """A routine's statements, separated by semicolons, or the expression of its RETURN."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A stretch `[first, last)` of a statement's tokens that holds further statements."""

    form: InnerForm
    first: int
    last: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a statement is."""

    kind: StatementKind
    facts: Mapping[str, str] = field(default=NO_FACTS)
    inner: tuple[Inner, ...] = ()


_Reading = Recognition | tuple[StatementKind, dict[str, str]] | None
_OTHER = Recognition(StatementKind.OTHER)

QUERY_WORDS = frozenset({"select", "values", "table", "with", "insert", "update", "delete", "merge"})
_DDL_WORDS = frozenset(
    {
        "alter",
        "grant",
        "revoke",
        "comment",
        "truncate",
        "refresh",
        "import",
        "reassign",
        "security",
        "reindex",
        "cluster",
    }
)
SIMPLE_KINDS: Mapping[str, StatementKind] = {
    **dict.fromkeys(QUERY_WORDS, StatementKind.QUERY),
    **dict.fromkeys(_DDL_WORDS, StatementKind.DDL),
}
"""Statements that their first word tells, but for calls and SELECT INTO."""


def recognize(cursor: Cursor) -> Recognition:
    """Say what the statement at the cursor is."""
    simple = SIMPLE_KINDS.get(cursor.word())
    if simple is StatementKind.QUERY or cursor.peek().text == "(":
        return _query(cursor)
    if simple is not None:
        return Recognition(simple)
    reader = _READERS.get(cursor.word())
    cursor.next()
    match reader(cursor) if reader else None:
        case None:
            return _OTHER
        case Recognition() as recognition:
            return recognition
        case kind, facts:
            return Recognition(kind, facts)


# ---------------------------------------------------------------- sessions, plans, cursors


def _discard(cursor: Cursor) -> _Reading:
    target = cursor.take_any("all", "plans", "sequences", "temp", "temporary")
    if not target or not cursor.at_end:
        return None
    return StatementKind.DISCARD, {"target": "temp" if target == "temporary" else target}


def _prepare(cursor: Cursor) -> _Reading:
    if cursor.word() == "transaction" and cursor.peek(1).kind is not TokenKind.WORD:
        cursor.next()
        return (StatementKind.TWO_PHASE, {}) if not cursor.at_end else None
    name = cursor.name()
    cursor.skip_parentheses()
    if name is None or not cursor.take("as") or cursor.at_end:
        return None
    return StatementKind.PREPARE, {"name": name.dotted, "body": cursor.rest()}


def _execute(cursor: Cursor) -> _Reading:
    name = cursor.name()
    if name is None:
        return None
    first = cursor.index + 1
    arguments = ""
    if cursor.skip_parentheses():
        arguments = cursor.slice(first, cursor.index - 1).strip()
    # The tail is what CREATE TABLE … AS EXECUTE p WITH NO DATA leaves.
    if cursor.at_end or (cursor.take("with") and (cursor.take("data") or cursor.take("no", "data")) and cursor.at_end):
        return StatementKind.EXECUTE, {"name": name.dotted, "arguments": arguments}
    return None


def _deallocate(cursor: Cursor) -> _Reading:
    if cursor.word() == "prepare" and cursor.end - cursor.index > 1:
        cursor.next()
    name = cursor.lone_name()
    return (StatementKind.DEALLOCATE, {"name": name.dotted}) if name else None


def _declare(cursor: Cursor) -> _Reading:
    name = cursor.name()
    while cursor.take_any("binary", "insensitive", "asensitive", "no", "scroll"):
        pass
    if name is None or not cursor.take("cursor"):
        return None
    hold = "yes" if cursor.take("with", "hold") else "no"
    cursor.take("without", "hold")
    if not cursor.take("for") or cursor.at_end:
        return None
    return StatementKind.DECLARE_CURSOR, {"name": name.dotted, "hold": hold, "body": cursor.rest()}


def _fetch(cursor: Cursor) -> _Reading:
    if cursor.end - cursor.index > 1:
        _skip_direction(cursor)
        cursor.take_any("from", "in")
    name = cursor.lone_name()
    return (StatementKind.FETCH, {"name": name.dotted}) if name else None


def _skip_direction(cursor: Cursor) -> None:
    if cursor.take_any("next", "prior", "first", "last", "all"):
        return
    if cursor.take_any("absolute", "relative", "forward", "backward") and cursor.take("all"):
        return
    if cursor.peek().text in ("+", "-"):
        cursor.next()
    is_name = cursor.end - cursor.index == 1 or cursor.word() in ("from", "in")
    if not is_name and cursor.peek().kind is not TokenKind.QUOTED and cursor.peek().text not in ";,()":
        cursor.next()


def _close(cursor: Cursor) -> _Reading:
    name = cursor.lone_name()
    return (StatementKind.CLOSE, {"name": name.dotted}) if name else None


def _listen(cursor: Cursor) -> _Reading:
    name = cursor.lone_name()
    return (StatementKind.LISTEN, {"channel": name.dotted}) if name else None


def _unlisten(cursor: Cursor) -> _Reading:
    if cursor.take_symbol("*"):
        return (StatementKind.UNLISTEN, {"channel": "*"}) if cursor.at_end else None
    name = cursor.lone_name()
    return (StatementKind.UNLISTEN, {"channel": name.dotted}) if name else None


def _notify(cursor: Cursor) -> _Reading:
    name = cursor.name()
    if name is None or not (cursor.at_end or cursor.take_symbol(",")):
        return None
    return StatementKind.NOTIFY, {"channel": name.dotted}


def _load(cursor: Cursor) -> _Reading:
    if cursor.end - cursor.index != 1:
        return None
    token = cursor.peek()
    if token.kind is TokenKind.STRING:
        return StatementKind.LOAD, {"library": string_value(token)}
    is_hole = token.kind is TokenKind.PLACEHOLDER or (
        token.kind is TokenKind.WORD and "\uf8f0" <= token.text[0] <= "\uf8f2"
    )
    return (StatementKind.LOAD, {"library": token.text}) if is_hole else None


# ---------------------------------------------------------------- transactions

_MODES = ("isolation", "read", "not", "deferrable")


def _begin(cursor: Cursor) -> _Reading:
    cursor.take_any("work", "transaction")
    return (StatementKind.BEGIN, {}) if cursor.at_end or cursor.word() in _MODES else None


def _start(cursor: Cursor) -> _Reading:
    if not cursor.take("transaction"):
        return None
    return (StatementKind.BEGIN, {}) if cursor.at_end or cursor.word() in _MODES else None


def _commit(cursor: Cursor) -> _Reading:
    return _end_of_transaction(cursor, StatementKind.COMMIT)


def _end(cursor: Cursor) -> _Reading:
    return None if cursor.word() == "prepared" else _end_of_transaction(cursor, StatementKind.COMMIT)


def _abort(cursor: Cursor) -> _Reading:
    return None if cursor.word() == "prepared" else _end_of_transaction(cursor, StatementKind.ROLLBACK)


def _rollback(cursor: Cursor) -> _Reading:
    if cursor.take("to") or cursor.take("work", "to") or cursor.take("transaction", "to"):
        return _savepoint(cursor)
    return _end_of_transaction(cursor, StatementKind.ROLLBACK)


def _end_of_transaction(cursor: Cursor, kind: StatementKind) -> _Reading:
    if cursor.take("prepared"):
        return (StatementKind.TWO_PHASE, {}) if not cursor.at_end else None
    cursor.take_any("work", "transaction")
    facts = {"chain": "yes"} if cursor.take("and", "chain") else {}
    cursor.take("and", "no", "chain")
    return None if cursor.end > cursor.index else (kind, facts)


def _savepoint(cursor: Cursor) -> _Reading:
    if cursor.end - cursor.index > 1:
        cursor.take("savepoint")
    return (StatementKind.SAVEPOINT, {}) if cursor.lone_name() else None


# ---------------------------------------------------------------- objects

_TEMPORARY = ("temp", "temporary")
_ROUTINES = ("function", "procedure")
_RELATIONS = ("table", "view", "sequence")
_PG_TEMP_OBJECTS = (*_RELATIONS, *_ROUTINES, "type", "domain")
_DROP_PREFIXES = {
    "materialized": 2, "foreign": 2, "event": 2, "access": 2, "operator": 1, "text": 3, "user": 1, "owned": 1,
    "procedural": 2,
}  # fmt: skip


def _create(cursor: Cursor) -> _Reading:
    cursor.take("or", "replace")
    scoped = cursor.word() in ("global", "local") and cursor.word(1) in _TEMPORARY
    if scoped:
        cursor.next()
    temporary = bool(cursor.take_any(*_TEMPORARY))
    if not temporary:
        cursor.take_any("unlogged", "recursive", "trusted")
    elif cursor.word() == "recursive":
        cursor.next()
    if cursor.word() in _ROUTINES and not temporary:
        return _routine(cursor)
    kind = cursor.take_any(*(_RELATIONS if temporary else _PG_TEMP_OBJECTS))
    if not kind:
        return None if temporary else Recognition(StatementKind.DDL)
    return _relation(cursor, kind, temporary=temporary)


def _relation(cursor: Cursor, kind: str, *, temporary: bool) -> _Reading:
    tolerant = "yes" if cursor.take("if", "not", "exists") else "no"
    name = cursor.name()
    if name is None:
        return None if temporary else Recognition(StatementKind.DDL)
    on_commit, form, inner = _storage(cursor)
    if not temporary and not _is_temporary_schema(name):
        return Recognition(StatementKind.DDL, NO_FACTS, inner)
    facts = {"object": kind, "name": name.last, "on-commit": on_commit, "form": form, "if-not-exists": tolerant}
    facts["body"] = cursor.rest() if form == "as" else ""
    return Recognition(StatementKind.CREATE_TEMPORARY, facts, inner)


def _is_temporary_schema(name: Name) -> bool:
    return name.schema is not None and (name.schema == "pg_temp" or name.schema.startswith("pg_temp_"))


def _storage(cursor: Cursor) -> tuple[str, str, tuple[Inner, ...]]:
    """Read on to the query of CREATE … AS: what happens at commit, the form, the EXECUTE in place of the query."""
    on_commit = "none"
    while not cursor.at_end:
        if cursor.skip_parentheses():
            continue
        if cursor.take("on", "commit"):
            on_commit = _on_commit(cursor)
        elif cursor.take("as"):
            executes = cursor.word() == "execute"
            inner = (Inner(InnerForm.STATEMENT, cursor.index, cursor.end),) if executes else ()
            return on_commit, "as", inner
        else:
            cursor.next()
    return on_commit, "create", ()


def _on_commit(cursor: Cursor) -> str:
    if cursor.take("delete", "rows"):
        return "delete-rows"
    if cursor.take("preserve", "rows"):
        return "preserve-rows"
    return "drop" if cursor.take("drop") else "none"


def _drop(cursor: Cursor) -> _Reading:
    if cursor.at_end:
        return None
    count = _DROP_PREFIXES.get(cursor.word(), 0)
    if cursor.word() == "operator" and cursor.word(1) in ("class", "family"):
        count = 2
    if cursor.word() == "user" and cursor.word(1) == "mapping":
        count = 2
    words = [cursor.next().word for _ in range(max(count, 1))]
    cursor.take("concurrently")
    cursor.take("if", "exists")
    name = cursor.name()
    return StatementKind.DROP, {"object": " ".join(words), "name": name.last if name else ""}


def _query(cursor: Cursor) -> Recognition:
    """Tell SELECT … INTO TEMP from any other query."""
    depth = 0
    selects = False
    while not cursor.at_end:
        token = cursor.next()
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0 and token.word == "select":
            selects = True
        elif depth == 0 and token.word in ("insert", "merge", "update", "delete"):
            break
        elif selects and depth == 0 and token.word == "into":
            return _select_into(cursor)
    return Recognition(StatementKind.QUERY)


def _select_into(cursor: Cursor) -> Recognition:
    if cursor.word() in ("local", "global") and cursor.word(1) in _TEMPORARY:
        cursor.next()
    temporary = bool(cursor.take_any(*_TEMPORARY))
    cursor.take("table")
    name = cursor.name()
    if name is None or not (temporary or _is_temporary_schema(name)):
        return Recognition(StatementKind.QUERY)
    facts = {
        "object": "table",
        "name": name.last,
        "on-commit": "none",
        "form": "select-into",
        "if-not-exists": "no",
        "body": "",
    }
    return Recognition(StatementKind.CREATE_TEMPORARY, facts)


# ---------------------------------------------------------------- statements that hold statements


def _explain(cursor: Cursor) -> _Reading:
    analyzes = _explain_options(cursor)
    if cursor.at_end:
        return None
    # EXPLAIN EXECUTE needs the prepared statement even where it does not run it.
    runs = analyzes or cursor.word() == "execute"
    inner = (Inner(InnerForm.STATEMENT, cursor.index, cursor.end),) if runs else ()
    return Recognition(StatementKind.EXPLAIN, NO_FACTS, inner)


def _explain_options(cursor: Cursor) -> bool:
    if cursor.peek().text == "(" and cursor.word(1) not in (*QUERY_WORDS, "") and cursor.peek(1).kind is TokenKind.WORD:
        return _explain_option_list(cursor)
    analyzes = bool(cursor.take_any("analyze", "analyse"))
    cursor.take("verbose")
    return analyzes


def _explain_option_list(cursor: Cursor) -> bool:
    first = cursor.index
    cursor.skip_parentheses()
    words = [fold(token.text).strip("'") for token in cursor.tokens[first + 1 : cursor.index]]
    for option, value in itertools.pairwise(words):
        if option in ("analyze", "analyse"):
            return value not in ("off", "false", "0")
    return False


def _copy(cursor: Cursor) -> _Reading:
    if cursor.at_end:
        return None
    first = cursor.index + 1
    inner: tuple[Inner, ...] = ()
    if cursor.skip_parentheses():
        inner = (Inner(InnerForm.STATEMENT, first, max(cursor.index - 1, first)),)
    return Recognition(StatementKind.COPY, NO_FACTS, inner)


def _do(cursor: Cursor) -> _Reading:
    language = "plpgsql"
    first = last = -1
    unknown = False
    while not cursor.at_end:
        if cursor.take("language"):
            language = fold(cursor.name_or_string() or "")
        elif cursor.peek().kind is TokenKind.STRING and first < 0:
            first = cursor.index
            last = _skip_strings(cursor)
        elif cursor.peek().kind is TokenKind.PLACEHOLDER or cursor.is_sql_hole():
            cursor.next()
            unknown = True
        else:
            return None
    if first < 0:
        return Recognition(StatementKind.DO, {"language": language}) if unknown else None
    return Recognition(StatementKind.DO, {"language": language}, (Inner(InnerForm.DO_BODY, first, last, language),))


def _skip_strings(cursor: Cursor) -> int:
    while cursor.peek().kind is TokenKind.STRING:
        cursor.next()
    return cursor.index


def _routine(cursor: Cursor) -> _Reading:
    routine = cursor.next().word
    name = cursor.name()
    if name is None:
        return None
    cursor.skip_parentheses()
    language = ""
    inner: list[Inner] = []
    while not cursor.at_end:
        if cursor.skip_parentheses():
            continue
        if cursor.take("language"):
            language = fold(cursor.name_or_string() or "")
        elif cursor.word() == "as" and cursor.peek(1).kind is TokenKind.STRING:
            cursor.next()
            first = cursor.index
            inner.append(Inner(InnerForm.ROUTINE_BODY, first, _skip_strings(cursor)))
        elif cursor.word() == "return" or (cursor.word() == "begin" and cursor.word(1) == "atomic"):
            inner.append(_unquoted_body(cursor))
        else:
            cursor.next()
    language = language or "sql"
    found = tuple(Inner(part.form, part.first, part.last, language) for part in inner)
    facts = {"name": name.dotted, "language": language}
    if _is_temporary_schema(name):
        facts |= {
            "object": routine,
            "name": name.last,
            "on-commit": "none",
            "form": "create",
            "if-not-exists": "no",
            "body": "",
        }
        return Recognition(StatementKind.CREATE_TEMPORARY, facts, found)
    return Recognition(StatementKind.CREATE_ROUTINE, facts, found)


def _unquoted_body(cursor: Cursor) -> Inner:
    """Read RETURN …, or BEGIN ATOMIC … END, either of which ends the statement."""
    last = cursor.end
    if cursor.next().word == "begin":
        cursor.next()
        last -= cursor.tokens[last - 1].word == "end"
    first, cursor.index = cursor.index, cursor.end
    return Inner(InnerForm.STATEMENTS, first, max(first, last))


# ---------------------------------------------------------------- the rest


def _bare(kind: StatementKind) -> Callable[[Cursor], _Reading]:
    def read(cursor: Cursor) -> _Reading:
        return None if cursor.at_end else (kind, {})

    return read


_READERS: Mapping[str, Callable[[Cursor], _Reading]] = {
    "set": read_set,
    "reset": read_reset,
    "show": read_show,
    "discard": _discard,
    "prepare": _prepare,
    "execute": _execute,
    "deallocate": _deallocate,
    "declare": _declare,
    "fetch": _fetch,
    "move": _fetch,
    "close": _close,
    "listen": _listen,
    "unlisten": _unlisten,
    "notify": _notify,
    "load": _load,
    "begin": _begin,
    "start": _start,
    "commit": _commit,
    "end": _end,
    "rollback": _rollback,
    "abort": _abort,
    "savepoint": _savepoint,
    "release": _savepoint,
    "create": _create,
    "drop": _drop,
    "explain": _explain,
    "copy": _copy,
    "do": _do,
    "lock": _bare(StatementKind.LOCK),
    "call": _bare(StatementKind.CALL),
}
STATEMENT_WORDS = frozenset(_READERS) | frozenset(SIMPLE_KINDS)
"""The first words of statements that are known at all."""
