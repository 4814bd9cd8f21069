"""Advisory lock of the session → lock of the transaction, which ends with it; the unlock goes.

In: a use of the rule `session-advisory-lock`, its surroundings. Out: a `Fix` of the lock and its unlocks together, the
same for each of them, or None.

The lock moves to its transaction where the program takes it in one and gives it back in the same one, or as the first
thing after it; where it is never seen to give it back, too, because then nobody else does. Elsewhere the edits are only
displayed: a transaction has to be opened around the work first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING
from txsafe.model import Applicability, Confidence, Fix, StatementContext, StatementKind, Transaction
from txsafe.rewrites.block_scope import is_followed, is_open
from txsafe.rewrites.removal import Removal, remove_call, remove_statement
from txsafe.rewrites.respelling import is_all_of, rename_call
from txsafe.rewrites.surroundings import SCRIPT, order_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from txsafe.model import Edit, FeatureUse
    from txsafe.rewrites.surroundings import Step, Surroundings

RULE = "session-advisory-lock"
_OF_TRANSACTION = {
    "pg_advisory_lock": "pg_advisory_xact_lock",
    "pg_advisory_lock_shared": "pg_advisory_xact_lock_shared",
    "pg_try_advisory_lock": "pg_try_advisory_xact_lock",
    "pg_try_advisory_lock_shared": "pg_try_advisory_xact_lock_shared",
}
_UNLOCKS = frozenset({"pg_advisory_unlock", "pg_advisory_unlock_shared"})
_UNLOCK_ALL = "pg_advisory_unlock_all"
_BETWEEN = re.compile(
    r"[\s)]*(?:(?:\w+\s*=\s*)?(?:await\s+)?[\w.]+\.fetch(?:one|all|many)\(\d*\)\s*)?(?:(?:await\s+)?[\w.]+\.commit\(\)\s*)?(?:finally:\s*)?(?:(?:async\s+)?with\s+[\w.]+\.cursor\(\)\s+as\s+\w+:\s*)?"
    r"(?:await\s+)?"
)
_TITLE = "Take a lock of the transaction, which ends with it"
MOST_LOCKS = 100
"""Uses of one function that are held against each other."""


@dataclass(frozen=True, slots=True)
class _Locking:
    """A lock and what gives it back."""

    lock: FeatureUse
    unlocks: tuple[FeatureUse, ...]


def lock_transaction(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix of a lock, or of the lock that an unlock is for."""
    if use.rule != RULE or use.spelling is None:
        return None
    locking = _find(use, surroundings)
    if locking is None or not all(_is_plain(each) for each in (locking.lock, *locking.unlocks)):
        return None
    lock = locking.lock
    name = lock.captures["call"]
    renamed = (
        None
        if lock.spelling is None
        else rename_call(lock.spelling, name, _OF_TRANSACTION[name], surroundings=surroundings)
    )
    removals = [_remove(unlock, surroundings) for unlock in locking.unlocks]
    if renamed is None or any(removal is None for removal in removals):
        return None
    gone = tuple(removal for removal in removals if removal is not None)
    applicability = _applicability(locking, gone, surroundings)
    title = _TITLE if applicability is not Applicability.DISPLAY_ONLY else f"{_TITLE}; open one around the work"
    return Fix(title=title, edits=_together(renamed, gone), applicability=applicability)


def _together(renamed: Iterable[Edit], removals: Iterable[Removal]) -> tuple[Edit, ...]:
    edits = [*renamed, *(edit for removal in removals for edit in removal.edits)]
    return tuple(sorted(set(edits), key=lambda edit: edit.place))


# ---------------------------------------------------------------- what belongs together


def _find(use: FeatureUse, surroundings: Surroundings) -> _Locking | None:
    """Return the one lock of the function with the key of a use, and its unlocks."""
    scoped = [each for each in surroundings.uses if each.rule == RULE and _is_neighbour(each, use)]
    key = _key(use)
    same = [each for each in scoped if _key(each) == key or _is_for_all(each)]
    locks = [each for each in same if each.captures.get("call") in _OF_TRANSACTION]
    if len(scoped) > MOST_LOCKS or len(locks) != 1 or key is None:
        return None
    others = [each for each in scoped if each.captures.get("call") in _OF_TRANSACTION and each != locks[0]]
    unlocks = tuple(each for each in same if each not in locks)
    if any(_is_for_all(unlock) for unlock in unlocks) and others:
        return None
    return _Locking(lock=locks[0], unlocks=unlocks)


def _is_neighbour(one: FeatureUse, other: FeatureUse) -> bool:
    if one.spelling is None or other.spelling is None:
        return False
    return one.scope == other.scope and one.spelling.site.place.path == other.spelling.site.place.path


def _is_for_all(use: FeatureUse) -> bool:
    return use.captures.get("call") == _UNLOCK_ALL


def _key(use: FeatureUse) -> str | None:
    """Return what is locked; placeholders count as one key, because a function seldom takes two."""
    arguments = use.captures.get("arguments", "")
    if _is_for_all(use):
        return ""
    return None if not arguments or MISSING in arguments else arguments


def _is_plain(use: FeatureUse) -> bool:
    """Return whether a use is a statement of its own rather than a part of one."""
    if use.spelling is None:
        return False
    statement = use.spelling.statement
    return statement.context is StatementContext.TOP and statement.kind is StatementKind.QUERY


def _remove(unlock: FeatureUse, surroundings: Surroundings) -> Removal | None:
    """Return what removes an unlock: the call that sends nothing else, or the statement of a script."""
    if unlock.spelling is None:
        return None
    site, statement = unlock.spelling.site, unlock.spelling.statement
    if not is_all_of(unlock):
        return None
    if site.sink == SCRIPT:
        source = surroundings.sources(unlock.place.path)
        place = site.template.locate(statement.span)
        return None if source is None else remove_statement(place, source.text)
    return remove_call(site.place, surroundings)


# ---------------------------------------------------------------- how sure it is


def _applicability(locking: _Locking, removals: Sequence[Removal], surroundings: Surroundings) -> Applicability:
    lock = locking.lock
    block = lock.transaction.block
    if not is_open(lock) or not is_followed(lock, surroundings):
        return Applicability.DISPLAY_ONLY
    within = all(unlock.transaction.block == block for unlock in locking.unlocks)
    if not within and not _is_first_after(locking, surroundings):
        return Applicability.DISPLAY_ONLY
    sure = lock.confidence is Confidence.HIGH and lock.transaction.kind is Transaction.EXPLICIT
    certain = within and sure and bool(locking.unlocks) and not any(removal.loses_comment for removal in removals)
    return Applicability.SAFE if certain else Applicability.UNSAFE


def _is_first_after(locking: _Locking, surroundings: Surroundings) -> bool:
    """Return whether the unlock comes right after the end of the lock's transaction."""
    orders = {order_of(unlock) for unlock in locking.unlocks}
    last: Step | None = None
    for step in surroundings.steps_after(locking.lock):
        if step.block == locking.lock.transaction.block:
            last = step
        elif step.statement.kind is not StatementKind.COMMIT:
            return len(orders) == 1 and step.order in orders and _are_adjacent(last, step, surroundings)
    return False


def _are_adjacent(last: Step | None, unlock: Step, surroundings: Surroundings) -> bool:
    """Return whether nothing but the end of the transaction stands between two statements of a program."""
    source = surroundings.sources(unlock.site.place.path)
    if unlock.site.sink == SCRIPT:
        return True
    if last is None or source is None:
        return False
    start, end = last.site.place.span.end, unlock.site.place.span.start
    return _BETWEEN.fullmatch(source.text, start, end) is not None
