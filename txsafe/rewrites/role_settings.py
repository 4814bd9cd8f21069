"""Constants that a program sets on every new connection → settings of the database role.

In: a SET in a function that runs on connect (rules `session-set`, `session-characteristics`), and its surroundings.
Out: a `Fix` whose edits take the setting out of the program and whose `settings` say what the role has to be given
first; or None. Such a fix is never applied alone.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING
from txsafe.model import Applicability, Edit, Fix, Place, Span, StatementContext, StatementKind
from txsafe.python.names import last_name
from txsafe.rewrites.arguments import remove_keyword
from txsafe.rewrites.removal import remove_call, remove_node
from txsafe.rewrites.respelling import sends_only
from txsafe.sql.quoting import quote_constant, quote_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from txsafe.model import FeatureUse
    from txsafe.python.scopes import FunctionNode, Module
    from txsafe.rewrites.surroundings import Surroundings

Setting = tuple[str, str]
"""A parameter's name, and its value as SQL spells it."""

LISTS = frozenset(
    {
        "search_path",
        "temp_tablespaces",
        "session_preload_libraries",
        "local_preload_libraries",
        "unix_socket_directories",
    }
)
"""Parameters that hold a list of names: a quoted text would be one name."""
_VALUE = re.compile(r"(?:'(?:[^']|'')*'|[\w.+-]+|\"[^\"]+\")(?:\s*,\s*(?:'(?:[^']|'')*'|[\w.+-]+|\"[^\"]+\"))*")
_WORD = re.compile(r"[\w.+-]+")
_MODE = re.compile(
    r"ISOLATION\s+LEVEL\s+(?P<isolation>SERIALIZABLE|REPEATABLE\s+READ|READ\s+COMMITTED|READ\s+UNCOMMITTED)"
    r"|READ\s+(?P<access>ONLY|WRITE)|(?P<not>NOT\s+)?(?P<deferrable>DEFERRABLE)",
    re.IGNORECASE,
)
_RULES = frozenset({"session-set", "session-characteristics"})
_KEYWORDS = frozenset({"default", "local"})
_NAME = re.compile(r"[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)?")
_BLANK_LINES = re.compile(r"(?:[ \t\f]*(?:\r\n|\r|\n))*")
_CONNECTS = frozenset({"connect", "first_connect"})
_HOOKS = frozenset({"init", "configure", "setup", "after_connect", "on_connect"})
"""Keyword arguments of pools that take a function for new connections."""
_CLOSING = frozenset({"close", "commit"})
MOST_USES = 50
"""Settings of one function."""


def move_to_role(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that moves what every connection is told to the role."""
    return _from_hook(use, surroundings) if use.rule in _RULES and use.spelling is not None else None


def give_to_role(edits: Iterable[Edit], settings: Iterable[Setting]) -> Fix:
    """Return the fix that takes settings out of the program; applied alone, it would lose them."""
    given = tuple(settings)
    names = ", ".join(dict.fromkeys(name for name, _ in given))
    return Fix(
        title=f"Give {names} to the role, once, and leave it out here",
        edits=tuple(edits),
        applicability=Applicability.DISPLAY_ONLY,
        settings=given,
    )


def setting_of(name: str, value: object) -> Setting | None:
    """Return a parameter as SQL gives it to a role; None where it is none, or its value is no text."""
    if not isinstance(value, str) or not _NAME.fullmatch(name):
        return None
    spelled = quote_list(value) if name.lower() in LISTS else quote_constant(value)
    return None if spelled is None else (name.lower(), spelled)


# ---------------------------------------------------------------- what runs on connect


def _from_hook(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    if use.spelling is None:
        return None
    place = use.spelling.site.place
    module, call = surroundings.module(place.path), surroundings.call(place)
    function = None if module is None or call is None else module.function(call)
    own = _constants(use)
    if module is None or function is None or own is None or not _runs_on_connect(module, function, surroundings):
        return None
    whole = _remove_hook(module, function, use, surroundings)
    if whole is not None:
        return whole
    removal = remove_call(place, surroundings) if sends_only(use) else None
    return None if removal is None else give_to_role(removal.edits, own)


def _constants(use: FeatureUse) -> tuple[Setting, ...] | None:
    """Return what a statement gives to the session, where all of it is constant."""
    if use.spelling is None or use.spelling.statement.context is not StatementContext.TOP:
        return None
    if use.spelling.statement.kind is StatementKind.SET_CHARACTERISTICS:
        return _characteristics(use.captures.get("modes", ""))
    own = _constant(use, use.spelling.statement.kind)
    return None if own is None else (own,)


def _characteristics(modes: str) -> tuple[Setting, ...] | None:
    """Return the parameters behind transaction modes.

    <https://www.postgresql.org/docs/current/sql-set-transaction.html>
    """
    found = tuple(_MODE.finditer(modes))
    if not found or _MODE.sub("", modes).replace(",", "").strip():
        return None
    return tuple(_parameter(mode) for mode in found)


def _parameter(mode: re.Match[str]) -> Setting:
    if mode["isolation"] is not None:
        return "default_transaction_isolation", f"'{' '.join(mode['isolation'].lower().split())}'"
    if mode["access"] is not None:
        return "default_transaction_read_only", "'on'" if mode["access"].upper() == "ONLY" else "'off'"
    return "default_transaction_deferrable", "'on'" if mode["not"] is None else "'off'"


def _constant(use: FeatureUse, kind: StatementKind) -> Setting | None:
    """Return what a SET or set_config() gives, where both name and value are constants."""
    if use.captures.get("call") == "set_config":
        value = use.captures.get("argument-2", "")
        plain = value[1:-1] if re.fullmatch(r"'[^'\\]*'", value) else None
        return setting_of(use.captures.get("literal-1", ""), plain)
    name, value = use.captures.get("name", ""), use.captures.get("value", "")
    is_set = kind is StatementKind.SET and MISSING not in value
    if not is_set or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        return None
    if name.lower() not in LISTS and _WORD.fullmatch(value):
        return None if value.lower() in _KEYWORDS else setting_of(name, value)
    return name.lower(), value


def is_in_hook(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether a use is in a function that is called with each new connection: no transaction is in sight."""
    place = use.place if use.spelling is None else use.spelling.site.place
    module, call = surroundings.module(place.path), surroundings.call(place)
    function = None if module is None or call is None else module.function(call)
    return module is not None and function is not None and _runs_on_connect(module, function, surroundings)


def _runs_on_connect(module: Module, function: FunctionNode, surroundings: Surroundings) -> bool:
    decorators = getattr(function, "decorator_list", ())
    if any(_is_for_connections(each) for each in decorators if isinstance(each, ast.Call)):
        return True
    if _registration(module, function, surroundings) is not None:
        return True
    return _listener(module, function, surroundings) is not None


def _is_for_connections(call: ast.Call) -> bool:
    """Return whether a decorator's or a registering call is for new connections."""
    match call.args:
        case [_, ast.Constant(value=str(event)), *_]:
            return last_name(call.func) in {"listens_for", "listen"} and event in _CONNECTS
        case [signal, *_]:
            return last_name(call.func) == "receiver" and last_name(signal) == "connection_created"
        case _:
            return False


def _registration(
    module: Module, function: FunctionNode, surroundings: Surroundings
) -> tuple[ast.Call, ast.keyword] | None:
    """Return the keyword argument that hands a function to a pool, where that is all that is done with it."""
    name = getattr(function, "name", None)
    if name is None or not isinstance(module.parent(function), ast.Module):
        return None
    found = [each for each in surroundings.handing_in(module.source.path, name) if each[1].arg in _HOOKS]
    return found[0] if len(found) == 1 else None


def _listener(module: Module, function: FunctionNode, surroundings: Surroundings) -> ast.Call | None:
    """Return the call that makes a function listen for new connections, where that is all that is done with it."""
    if isinstance(function, ast.Lambda):
        return None
    given = surroundings.given(module.source.path, function.name)
    return given[0] if len(given) == 1 and _listens(given[0], function.name) else None


def _listens(call: ast.Call, name: str) -> bool:
    match call:
        case ast.Call(args=[_, ast.Constant(value=str(event)), ast.Name(id=given), *_]):
            return last_name(call.func) == "listen" and event in _CONNECTS and given == name
        case ast.Call(func=ast.Attribute(value=signal, attr="connect"), args=[ast.Name(id=given), *_]):
            return last_name(signal) == "connection_created" and given == name
        case _:
            return False


def _remove_hook(module: Module, function: FunctionNode, use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Remove a function that does nothing but set constants, with what registers it."""
    if isinstance(function, ast.Lambda) or not isinstance(module.parent(function), ast.Module):
        return None
    uses = [each for each in surroundings.uses if each.spelling is not None and each.scope == use.scope]
    settings = [_constants(each) for each in uses]
    known = [setting for given in settings if given is not None for setting in given]
    if len(uses) > MOST_USES or None in settings or not all(sends_only(each) for each in uses):
        return None
    sends = {module.span(call) for call in module.calls for each in uses if _sends(module, call, each)}
    if not all(_only_sets(module, statement, sends) for statement in function.body):
        return None
    unregistered = _unregister(module, function, surroundings)
    return None if unregistered is None else give_to_role([_removal(module, function), *unregistered], known)


def _unregister(
    module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, surroundings: Surroundings
) -> tuple[Edit, ...] | None:
    """Return the edits that no longer have a function called; None where something else names it."""
    registration, listener = (
        _registration(module, function, surroundings),
        _listener(module, function, surroundings),
    )
    known = sum(each is not None for each in (registration, listener))
    if known > 1 or _times_named(module, function.name) != known:
        return None
    if registration is not None:
        edit = remove_keyword(module, *registration)
        return None if edit is None else (edit,)
    if listener is None:
        return ()
    statement = module.parent(listener)
    removal = remove_node(module, statement) if isinstance(statement, ast.Expr) else None
    return None if removal is None else removal.edits


def _sends(module: Module, call: ast.Call, use: FeatureUse) -> bool:
    return use.spelling is not None and module.place(call) == use.spelling.site.place


def _only_sets(module: Module, statement: ast.stmt, sends: set[Span]) -> bool:
    """Return whether a statement sets a constant, or is there only for one that does."""
    match statement:
        case ast.Pass() | ast.Return(value=None) | ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Await(value=value)) | ast.Expr(value=value):
            is_closing = isinstance(value, ast.Call) and last_name(value.func) in _CLOSING
            return is_closing or module.span(value) in sends
        case ast.Assign(targets=[ast.Name()], value=value):
            return _is_cursor(value) or (isinstance(value, ast.Attribute) and value.attr == "autocommit")
        case ast.Assign(targets=[ast.Attribute(attr="autocommit")]):
            return True
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            inner = all(_only_sets(module, each, sends) for each in body)
            return inner and all(_is_cursor(item.context_expr) for item in items)
        case _:
            return False


def _is_cursor(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Call) and last_name(expr.func) == "cursor"


def _times_named(module: Module, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(module.tree))


def _removal(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Edit:
    """Remove a function with its decorators and the blank lines behind it."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    source = module.source
    end = module.span(function).end
    line_end = source.text.find("\n", end)
    stop = len(source.text) if line_end < 0 else line_end + 1
    blank = _BLANK_LINES.match(source.text, stop)
    stop = blank.end() if blank is not None else stop
    return Edit(place=Place(source.path, Span(source.line_starts[first - 1], stop)), replacement="")
