"""psycopg2's transaction modes set in autocommit → set before it, so that they go with BEGIN.

In: a use of the rule `session-characteristics` that is an attribute or `set_session()` of psycopg2, its surroundings.
Out: a `Fix`, or None. In autocommit psycopg2 sends them as `SET default_transaction_…`, which stays on the server
connection; set before, nothing is sent, and each `with conn:` (psycopg2 2.9 or newer) begins with them. Statements
outside of such a block would no longer have them, so it is never applied unseen, and only displayed where there are.

<https://www.psycopg.org/docs/connection.html#connection.set_session>
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, Place, Span, Transaction
from txsafe.rewrites.arguments import remove_keyword
from txsafe.rewrites.removal import previous_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

RULE = "session-characteristics"
DRIVER = "psycopg2"
_SETTERS = frozenset({"isolation_level", "readonly", "deferrable"})
_TITLE = "Set it before autocommit, so that it goes with BEGIN"


def set_before_autocommit(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that sets transaction modes while psycopg2 still sends them with BEGIN."""
    if use.rule != RULE or use.spelling is not None or use.driver != DRIVER:
        return None
    module = surroundings.module(use.place.path)
    if module is None:
        return None
    edits = _in_call(use, module, surroundings) or _moved_up(use, module, surroundings)
    if edits is None:
        return None
    if _runs_in_blocks(use, surroundings):
        return Fix(title=_TITLE, edits=edits, applicability=Applicability.UNSAFE)
    title = f"{_TITLE}; run what needs it in `with conn:`"
    return Fix(title=title, edits=edits, applicability=Applicability.DISPLAY_ONLY)


def _in_call(use: FeatureUse, module: Module, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Take `autocommit=True` out of `set_session(…)`, and give it a line of its own behind."""
    found = surroundings.keyword(use.place)
    call = surroundings.call_around(use.place) if found is None else found[0]
    word = None if call is None else next((each for each in call.keywords if each.arg == "autocommit"), None)
    statement = None if call is None else _whole_statement(module, call)
    if call is None or word is None or statement is None or not isinstance(call.func, ast.Attribute):
        return None
    removal, own = remove_keyword(module, call, word), _own_lines(module, statement)
    if removal is None or own is None:
        return None
    connection = ast.unparse(call.func.value)
    end = module.span(statement).end
    line = f"\n{own[0]}{connection}.autocommit = True"
    return removal, Edit(place=Place(module.source.path, Span(end, end)), replacement=line)


def _moved_up(use: FeatureUse, module: Module, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Move a setter in front of the statement that turns autocommit on."""
    call, assignment = surroundings.call_around(use.place), surroundings.assignment_to(use.place)
    statement = _whole_statement(module, call) if call is not None else assignment
    if statement is None:
        return None
    connection = _connection(statement)
    switch = next((each for each in _setters_before(module, statement, connection) if _switches(each)), None)
    own, first = _own_lines(module, statement), None if switch is None else _own_lines(module, switch)
    if own is None or first is None:
        return None
    text = module.source.text
    start, end = own[1].start, own[1].end
    moved = text[start:end] if text[start:end].endswith(("\n", "\r")) else f"{text[start:end]}\n"
    path = module.source.path
    return (
        Edit(place=Place(path, Span(first[1].start, first[1].start)), replacement=moved),
        Edit(place=Place(path, Span(start, end)), replacement=""),
    )


def _setters_before(module: Module, statement: ast.stmt, connection: str | None) -> Iterator[ast.stmt]:
    """Yield the statements right in front that only set attributes of the same connection, the nearest first."""
    before = previous_statement(module, statement)
    while before is not None and connection is not None and _connection(before) == connection:
        yield before
        before = previous_statement(module, before)


def _connection(statement: ast.stmt) -> str | None:
    """Return whose attribute a statement sets, and nothing else."""
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=owner, attr=name)]) if name in {*_SETTERS, "autocommit"}:
            return ast.dump(owner)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="set_session"))):
            return ast.dump(owner)
        case _:
            return None


def _switches(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Attribute(attr="autocommit")], value=ast.Constant(value=True)):
            return True
        case _:
            return False


def _whole_statement(module: Module, call: ast.Call) -> ast.stmt | None:
    parent = module.parent(call)
    return parent if isinstance(parent, ast.Expr) else None


def _own_lines(module: Module, statement: ast.stmt) -> tuple[str, Span] | None:
    """Return a statement's indentation and lines, where it has them for itself."""
    source, span = module.source, module.span(statement)
    start = source.line_starts[source.position(span.start).line - 1]
    last = source.position(span.end).line
    end = source.line_starts[last] if last < len(source.line_starts) else len(source.text)
    indent, rest = source.text[start : span.start], source.text[span.end : end].strip()
    return (indent, Span(start, end)) if not indent.strip() and (not rest or rest.startswith("#")) else None


def _runs_in_blocks(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether all that the function is seen to send runs in blocks, and it sends something."""
    steps = surroundings.steps_in(use.place.path, use.scope)
    return bool(steps) and all(step.site.transaction.kind is Transaction.EXPLICIT for step in steps)
