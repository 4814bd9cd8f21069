"""A use and its surroundings → what its transaction does afterwards: what ends with it must have done its work."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, StatementKind, Transaction
from txsafe.python.names import last_name
from txsafe.python.sinks import scope_name
from txsafe.rewrites.migrations import Sharing, sharing_of
from txsafe.rewrites.removal import following_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import FeatureUse
    from txsafe.rewrites.surroundings import Surroundings

OPEN = frozenset({Transaction.EXPLICIT, Transaction.IMPLICIT})
SETTERS = frozenset({StatementKind.SET, StatementKind.SET_ROLE, StatementKind.SET_SESSION_AUTHORIZATION})
"""Statements that prepare work and are none."""
_ENDS = frozenset({"commit", "rollback", "close"})


def is_open(use: FeatureUse) -> bool:
    """Return whether a use surely runs in a transaction that others may share."""
    return use.transaction.kind in OPEN and use.transaction.block is not None


def applicability_in_block(use: FeatureUse, surroundings: Surroundings) -> Applicability:
    """Say how sure it is that what ends with the transaction does all that it was for.

    A transaction that ends at once was no more than the way to the session.
    """
    sharing = sharing_of(use, surroundings)
    if not is_open(use) or not is_followed(use, surroundings) or sharing is Sharing.NOTHING:
        return Applicability.DISPLAY_ONLY
    if commits_in_loop(use, surroundings) or _commits_and_goes_on(use, surroundings):
        return Applicability.DISPLAY_ONLY
    is_sure = use.transaction.kind is Transaction.EXPLICIT and use.confidence is Confidence.HIGH
    if not is_sure or sharing is Sharing.ONE_TRANSACTION:
        return Applicability.UNSAFE
    goes_on = any(step.block != use.transaction.block for step in surroundings.steps_after(use))
    return Applicability.UNSAFE if goes_on else Applicability.SAFE


def what_is_missing(use: FeatureUse, surroundings: Surroundings) -> str:
    """Say what has to be done by hand where `applicability_in_block` is display-only."""
    if sharing_of(use, surroundings) is Sharing.NOTHING:
        return "in each migration, as each has a transaction of its own"
    return "in a transaction that has to be opened for it"


def goes_on_after_commit(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether the function does more than end after a commit that follows a use."""
    module = surroundings.module(use.place.path)
    if module is None:
        return False
    for call in surroundings.endings(use.place.path, after=use.place.span.start):
        statement = module.statement(call) if scope_name(module, call) == use.scope else None
        if statement is not None and any(not _ends(each) for each in following_statements(module, statement)):
            return True
    return False


def commits_in_loop(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether the function commits in a loop: then there are more transactions than the text shows."""
    return use.scope in surroundings.looping(use.place.path)


def _commits_and_goes_on(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether a transaction of the driver's is followed by another one of the same connection."""
    block = use.transaction.block
    if use.transaction.kind is not Transaction.IMPLICIT or block is None:
        return False
    connection = block.rpartition(":")[0]  # a block's name ends with the number of commits before it
    others = (step.block for step in surroundings.steps_after(use) if step.block is not None and step.block != block)
    return any(other.rpartition(":")[0] == connection for other in others)


def is_followed(use: FeatureUse, surroundings: Surroundings) -> bool:
    """Return whether something is done after a use before its transaction ends; not all of it need be SQL."""
    for step in surroundings.steps_after(use):
        if step.block != use.transaction.block:
            break
        if step.statement.kind not in SETTERS:
            return True
    if use.spelling is None:
        return False
    place = use.spelling.site.place
    module, call = surroundings.module(place.path), surroundings.call(place)
    statement = None if module is None or call is None else module.statement(call)
    if module is None or statement is None:
        return False
    setters = {id(module.statement(each)) for each in _setting_calls(use, surroundings)}
    following = (each for each in following_statements(module, statement) if id(each) not in setters)
    return not _ends(next(following, None))


def _setting_calls(use: FeatureUse, surroundings: Surroundings) -> Iterator[ast.Call]:
    for step in surroundings.steps_after(use):
        call = surroundings.call(step.site.place)
        if call is not None and step.block == use.transaction.block and step.statement.kind in SETTERS:
            yield call


def _ends(statement: ast.stmt | None) -> bool:
    """Return whether nothing comes any more, or the end of the transaction."""
    match statement:
        case None | ast.Pass() | ast.Return(value=None):
            return True
        case ast.Expr(value=ast.Call(func=func)) | ast.Expr(value=ast.Await(value=ast.Call(func=func))):
            return last_name(func) in _ENDS
        case _:
            return False
