"""A function → the places of the program that call it, and whether others may be out of sight.

In goes a function of a viewed file, out come `Callers`. Calls are found by name first and resolved then. Their number
is bounded; what was left out counts as out of sight.
"""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.python.callsites import CallSite, bound_by, mentions_in, target
from txsafe.python.links import defined, lineage
from txsafe.python.names import last_name
from txsafe.python.runners import handed_to
from txsafe.python.scopes import FunctionNode, position
from txsafe.python.search import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.python.scopes import Module
    from txsafe.python.views import View

MOST_CALLS = 24
"""Calls of one function that are looked at."""
_ENTERED = frozenset({"__enter__", "__aenter__", "__exit__", "__aexit__"})
_MOST_MENTIONS = 96
"""Places where its name stands."""
_TRANSPARENT = frozenset(
    {
        "abstractmethod", "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager", "final",
        "lru_cache", "override", "overload", "property", "staticmethod", "wraps",
    }
)  # fmt: skip
"""Decorators that hand a function to nobody."""


class Unseen(enum.IntEnum):
    """Whether a function may be called where nobody has looked."""

    NO = 0
    """It is private, and all that names it are the calls that were found."""
    POSSIBLY = 1
    """It is public."""
    PROBABLY = 2
    """It is handed on, or called in more places than were looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """The calls of a function, as far as they are seen."""

    sites: tuple[CallSite, ...]
    unseen: Unseen


def callers_of(view: View, function: FunctionNode) -> Callers:
    """Return the calls of a function of a viewed file, in its own file first."""
    sites: list[CallSite] = list(_entries(view, function))
    unseen = Unseen.NO if _is_private(view.module, function) else Unseen.POSSIBLY
    files, complete = _files(view, getattr(function, "name", ""), function)
    mentions = [(each, mention) for each in files for mention in _mentions_of(each.module, function)]
    for each, mention in mentions[:_MOST_MENTIONS]:
        found = _found_at(each, mention, view.module, function)
        if found is None:
            unseen = Unseen.PROBABLY
        else:
            sites += found
    if not complete or len(sites) > MOST_CALLS or len(mentions) > _MOST_MENTIONS:
        unseen = Unseen.PROBABLY
    return Callers(sites=tuple(sites[:MOST_CALLS]), unseen=unseen)


def _files(view: View, name: str, function: FunctionNode) -> tuple[Sequence[View], bool]:
    """Return the files in which a function may be called by a name, and whether that is all of them."""
    project = view.module.project
    is_own = not name or name.startswith("__") or _is_nested(view.module, function)
    if project is None or is_own or view.search.reach is Reach.FILE:
        return (view,), True
    if view.search.questions == 0:
        return (view,), False
    view.search.questions -= 1
    found = project.references(name, beside=_importing(view.module, function))
    others = [view.of(module) for module in found.modules if module.source.path != view.module.source.path]
    return (view, *others), found.complete


def _importing(module: Module, function: FunctionNode) -> tuple[str, ...]:
    """Return the words by which another file is likely to come by a function: its class, and the name of its file."""
    owner = module.parent(function)
    words = (owner.name if isinstance(owner, ast.ClassDef) else "", module.name.rpartition(".")[2])
    return tuple(filter(None, words))


def _entries(view: View, function: FunctionNode) -> Iterator[CallSite]:
    """Yield the `with` statements that call `__enter__` and its like on an instance of their class."""
    owner = view.module.parent(function)
    if getattr(function, "name", "") not in _ENTERED or not isinstance(owner, ast.ClassDef):
        return
    for each in _files(view, owner.name, function)[0]:
        items = (item for statement in each.module.withs for item in statement.items)
        for expr in (item.context_expr for item in items):
            found = each.receivers.of(expr)
            home = found.home or each.module
            if found.owner is not None and any(
                _is_same(*one, view.module, owner) for one in lineage(home, found.owner)
            ):
                yield CallSite(view=each, call=expr, function=function, bound=1, enters=True)


def _mentions_of(module: Module, function: FunctionNode) -> Sequence[ast.expr]:
    return [function] if isinstance(function, ast.Lambda) else mentions_in(module).get(function.name, [])


def _found_at(view: View, mention: ast.expr, home: Module, function: FunctionNode) -> Sequence[CallSite] | None:
    """Return the calls that a mention of a function's name comes to; None where it is handed on out of sight."""
    bound = bound_by(view.module, mention, home, function)
    call = view.module.parent(mention)
    if isinstance(call, ast.Call) and call.func is mention:
        is_ours = _is_of(view, mention, home, function)
        return (CallSite(view=view, call=call, function=function, bound=bound),) if is_ours else ()
    if not _may_mean(view, mention, home, function):
        return ()
    return handed_to(view, mention, function, bound=bound) or None


def _is_of(view: View, callee: ast.expr, home: Module, function: FunctionNode) -> bool:
    """Return whether an expression names a function, or the method that it overrides."""
    found = target(view.module, view.receivers, callee)
    if found is None:
        return False
    return _is_same(*found, home, function) or any(_is_same(*found, *each) for each in _overridden(home, function))


def _is_same(home: Module, node: ast.AST, other_home: Module, other: ast.AST) -> bool:
    """Return whether two nodes are the same, where one file may have been parsed twice."""
    return node is other or (home.source.path == other_home.source.path and position(node) == position(other))


def _overridden(module: Module, function: FunctionNode) -> Iterator[tuple[Module, ast.AST]]:
    owner = module.parent(function)
    if isinstance(owner, ast.ClassDef) and not isinstance(function, ast.Lambda):
        for home, node in lineage(module, owner):
            yield from ((home, binding.node) for binding in home.own_attribute(node, function.name))


def _may_mean(view: View, mention: ast.expr, home: Module, function: FunctionNode) -> bool:
    """Return whether a name that is not called, but handed on, can stand for a function."""
    match mention:
        case ast.Attribute(value=value) if isinstance(home.parent(function), ast.ClassDef):
            found = defined(view.module, mention)
            return _is_same(*found, home, function) if found is not None else view.receivers.of(value).type is None
        case _:
            found = defined(view.module, mention)
            return found is not None and _is_same(*found, home, function)


def _is_private(module: Module, function: FunctionNode) -> bool:
    """Return whether nothing outside the file can be expected to call a function."""
    name = getattr(function, "name", "_")
    decorators = getattr(function, "decorator_list", ())
    if any(last_name(decorator) not in _TRANSPARENT for decorator in decorators):
        return False
    return _is_nested(module, function) or (name.startswith("_") and not name.endswith("__"))


def _is_nested(module: Module, function: FunctionNode) -> bool:
    return any(isinstance(ancestor, FunctionNode) for ancestor in module.ancestors(function))
