"""SQLAlchemy on asyncpg before 0.31 → names of prepared statements that nobody else has, and both caches off.

In: a use of the rule `driver-prepare` that asks for names (`names: own` in `rules/drivers/`), its surroundings. Out: a
`Fix`, or None where the settings of the connection are not in view, or `uuid4` is something else in the file.

<https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer>
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, Place, Span
from txsafe.rewrites.arguments import add_entry, add_keyword

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

_ARGUMENT = "connect_args"
_SETTINGS = {
    "statement_cache_size": "0",
    "prepared_statement_cache_size": "0",
    "prepared_statement_name_func": 'lambda: f"__asyncpg_{{{uuid4}()}}__"',
}
_TITLE = "Turn both caches off, and give statements names of their own"


def name_statements(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that gives a connection's statements names of their own."""
    module = surroundings.module(use.place.path)
    imported = None if module is None else _uuid4(module)
    if module is None or imported is None:
        return None
    found = surroundings.entry(use.place)
    call = surroundings.call_named_at(use.place)
    edit = _in_table(module, found[0], imported[0]) if found is not None else None
    if edit is None and call is not None:
        edit = _at_call(module, call, imported[0])
    if edit is None:
        return None
    return Fix(title=_TITLE, edits=(*imported[1], edit), applicability=Applicability.UNSAFE)


def _at_call(module: Module, call: ast.Call, uuid4: str) -> Edit | None:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == _ARGUMENT), None)
    match given:
        case None:
            return add_keyword(module, call, f"{_ARGUMENT}={{{_entries(uuid4, frozenset())}}}")
        case ast.Dict():
            return _in_table(module, given, uuid4)
        case _:
            return None


def _in_table(module: Module, table: ast.Dict, uuid4: str) -> Edit | None:
    """Add what a dictionary does not have; None where that is not known, or it has another value."""
    given = {
        key.value: value
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    known = frozenset(given) & frozenset(_SETTINGS)
    if len(given) < len(table.keys) or any(ast.unparse(given[name]) != _SETTINGS[name] for name in known):
        return None
    return add_entry(module, table, _entries(uuid4, known))


def _entries(uuid4: str, known: frozenset[str]) -> str:
    items = ((name, value.format(uuid4=uuid4)) for name, value in _SETTINGS.items() if name not in known)
    return ", ".join(f'"{name}": {value}' for name, value in items)


def _uuid4(module: Module) -> tuple[str, tuple[Edit, ...]] | None:
    """Return how the file calls `uuid.uuid4`, and the import of it; None where the name is taken."""
    imports = [node for node in module.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom) and (node.module, alias.name) == ("uuid", "uuid4"):
                return alias.asname or alias.name, ()
            if isinstance(node, ast.Import) and alias.name == "uuid":
                return f"{alias.asname or alias.name}.uuid4", ()
    taken = any(isinstance(node, ast.Name) and node.id == "uuid4" for node in ast.walk(module.tree))
    first = next((node for node in imports if getattr(node, "module", None) != "__future__"), None)
    if taken or first is None:
        return None
    start = module.span(first).start
    place = Place(module.source.path, Span(start, start))
    return "uuid4", (Edit(place=place, replacement="from uuid import uuid4\n"),)
