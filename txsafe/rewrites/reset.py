"""RESET at the end of the transaction that has set the parameter locally → nothing: SET LOCAL ends by itself.

In: a use of the rule `session-set`, its surroundings. Out: a `Fix`, or None. So it comes after `set_local` has done its
part. What follows in the same transaction would meet the value again, so there must be nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, Fix, StatementContext, StatementKind, Transaction
from txsafe.python.names import last_name
from txsafe.rewrites.block_scope import is_open
from txsafe.rewrites.removal import remove_use
from txsafe.rewrites.surroundings import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Step, Surroundings

_RESETS = {
    StatementKind.RESET: StatementKind.SET,
    StatementKind.SET_ROLE: StatementKind.SET_ROLE,
    StatementKind.SET_SESSION_AUTHORIZATION: StatementKind.SET_SESSION_AUTHORIZATION,
}
"""What takes back, and what it takes back."""
_ENDS = frozenset({StatementKind.COMMIT, StatementKind.ROLLBACK, StatementKind.RESET})


_BLOCKS = frozenset({"begin", "transaction", "atomic", "connect", "connection", "acquire"})
"""What `with` opens a transaction or a connection by."""
_QUIET = frozenset(
    {
        "commit", "rollback", "close", "fetchone", "fetchall", "fetchmany", "print", "len", "list", "dict", "tuple",
        "append", "debug", "info", "warning", "exception",
    }
)  # fmt: skip
"""Calls that send no statement."""


def leave_reset_out(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that removes a RESET."""
    spelling = use.spelling
    if use.rule not in {"session-set", "session-role"} or spelling is None or not is_open(use):
        return None
    statement = spelling.statement
    takes_back = statement.kind is StatementKind.RESET or statement.facts.get("action") == "reset"
    if not takes_back or statement.kind not in _RESETS or statement.context is not StatementContext.TOP:
        return None
    if not _was_local(use, surroundings) or not _is_last(use, surroundings):
        return None
    removal = remove_use(use, surroundings)
    if removal is None:
        return None
    is_sure = use.transaction.kind is Transaction.EXPLICIT and use.confidence is Confidence.HIGH
    applicability = Applicability.SAFE if is_sure and not removal.loses_comment else Applicability.UNSAFE
    title = "Leave it out: SET LOCAL ends with its transaction"
    return Fix(title=title, edits=removal.edits, applicability=applicability)


def _was_local(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether the last that was set of it in the transaction was set locally."""
    found = next((step for step in surroundings.steps_before(use) if _sets(step, use)), None)
    return found is not None and found.statement.facts.get("scope") == "local"


def _sets(step: Step, use: FeatureUse) -> bool:
    statement = step.statement
    if use.spelling is None or step.block != use.transaction.block:
        return False
    same = statement.kind is _RESETS[use.spelling.statement.kind] and statement.facts.get("action") != "reset"
    return same and statement.facts.get("name") == use.spelling.statement.facts.get("name")


def _is_last(use: FeatureUse, surroundings: Surroundings) -> bool:
    following = (step for step in surroundings.steps_after(use) if step.block == use.transaction.block)
    return all(step.statement.kind in _ENDS for step in following) and not _may_work_on(use, surroundings)


def _may_work_on(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether a program goes on in the same transaction with calls that may send what is not seen."""
    if use.spelling is None or use.spelling.site.sink == SCRIPT:
        return False
    place = use.spelling.site.place
    module, call = surroundings.module(place.path), surroundings.call(place)
    statement = None if module is None or call is None else module.statement(call)
    if module is None or statement is None:
        return True
    seen = {id(surroundings.call(step.site.place)) for step in surroundings.steps_in(place.path, use.scope)}
    calls = (call for later in _later(module, statement) for call in _calls(later))
    return any(id(each) not in seen and last_name(each.func) not in _QUIET for each in calls)


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls of a statement, but for those that make an exception."""
    left: list[ast.AST] = [statement]
    while left:
        node = left.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.Raise):
            left.extend(ast.iter_child_nodes(node))


def _later(module: Module, statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield what may follow a statement up to the end of its block, or of its function."""
    node: ast.AST | None = statement
    while isinstance(node, ast.stmt):
        name, index = module.slots[node]
        parent = module.parent(node)
        match parent:
            case ast.For() | ast.AsyncFor() | ast.While():
                yield from parent.body
            case ast.Try() | ast.TryStar() if name == "body":
                yield from (*parent.orelse, *parent.finalbody)
            case _:
                pass
        yield from getattr(parent, name)[index + 1 :]
        is_block = isinstance(parent, ast.With | ast.AsyncWith) and any(_ends_block(item) for item in parent.items)
        node = None if is_block or isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) else parent


def _ends_block(item: ast.withitem) -> bool:
    expr = item.context_expr
    return not isinstance(expr, ast.Call) or last_name(expr.func) in _BLOCKS
