"""A use that one setting of the connection makes harmless → that setting, in the file that has the connections.

In: a use whose driver says what cures it (`cure` in `rules/drivers/`), its surroundings. Out: a `Fix`, or None where
the program has no settings of the connection in view. It holds for all that uses the connection, so it is for somebody
who knows what that is: without server-side cursors Django reads all rows of a query at once.

<https://docs.djangoproject.com/en/stable/ref/databases/#transaction-pooling-and-server-side-cursors>
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, Place, Span
from txsafe.rewrites.arguments import add_entry

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

_NAME = re.compile(r"\w+")


def set_for_connection(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that turns a setting of the connection on."""
    setting = use.captures.get("cure", "")
    module = surroundings.module(use.trail[-1].place.path) if setting and use.trail else None
    if module is None:
        return None
    edit = _entry(use, module, surroundings, setting) or _assignment(use, module, setting)
    if edit is None:
        return None
    entry = use.captures["entry"]
    return Fix(title=f"Set {setting} for {entry}", edits=(edit,), applicability=Applicability.UNSAFE)


def _entry(use: FeatureUse, module: Module, surroundings: Surroundings, setting: str) -> Edit | None:
    table = surroundings.table_at(use.trail[-1].place)
    return None if table is None else add_entry(module, table, f'"{setting}": True')


def _assignment(use: FeatureUse, module: Module, setting: str) -> Edit | None:
    """Set it behind the statement that makes the mapping, where the entry is no dictionary that is written out."""
    span = use.trail[-1].place.span
    statement = next((each for each in module.tree.body if module.span(each) == span), None)
    names = mapping, entry = use.captures["mapping"], use.captures["entry"]
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or not all(_NAME.fullmatch(name) for name in names):
        return None
    source = module.source
    rest = source.text[span.end :].partition("\n")[0].strip()
    if rest and not rest.startswith("#"):
        return None
    at = source.line_starts[line] if (line := source.position(span.end).line) < len(source.line_starts) else None
    text = f'{mapping}["{entry}"]["{setting}"] = True\n'
    if at is None:
        at, text = len(source.text), f"\n{text}"
    return Edit(place=Place(source.path, Span(at, at)), replacement=text)
