"""A setting in front of Alembic's `run_migrations()` → whether all migrations share the transaction that it is made in.

In: a use in an `env.py`, its surroundings. Out: a `Sharing`. Alembic runs all migrations in one transaction unless
`context.configure()` is told `transaction_per_migration=True`, or `transactional_ddl=False`; and a migration that asks
for an `autocommit_block()` ends it for those behind.

<https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.environment.EnvironmentContext.configure>
"""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING

from txsafe.python.sinks import scope_name

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.rewrites.surroundings import Surroundings

_RUNS = "run_migrations"
_APART = {"transaction_per_migration": True, "transactional_ddl": False}
"""Arguments of `configure()`, and what they say where each migration has a transaction of its own, or none."""


class Sharing(enum.Enum):
    """What migrations have in common with what runs in front of them."""

    NONE = enum.auto()
    """No migrations are run behind it."""
    ONE_TRANSACTION = enum.auto()
    """One transaction, unless a migration ends it."""
    NOTHING = enum.auto()
    """Each migration has a transaction of its own."""


def sharing_of(use: FeatureUse, surroundings: Surroundings) -> Sharing:
    """Tell what the migrations that a function runs have in common with a use in front of them."""
    path, after = use.place.path, use.place.span.start if use.spelling is None else use.spelling.site.place.span.start
    module = surroundings.module(path)
    if module is None:
        return Sharing.NONE
    runs = surroundings.calls_named(path, _RUNS)
    if not any(scope_name(module, call) == use.scope and module.span(call).start > after for call in runs):
        return Sharing.NONE
    configured = surroundings.calls_named(path, "configure")
    own = [call for call in configured if scope_name(module, call) == use.scope]
    return Sharing.NOTHING if any(_sets_apart(call) for call in own or configured) else Sharing.ONE_TRANSACTION


def _sets_apart(call: ast.Call) -> bool:
    """Return whether an argument says so, or may: what is no constant is as well."""
    return any(
        word.arg in _APART and not (isinstance(word.value, ast.Constant) and word.value.value is not _APART[word.arg])
        for word in call.keywords
    )
