"""A function → the places of the program that call it, and whether others may be out of sight.

In goes a function of a viewed file, out come `Callers`. Calls are found by name first and resolved then. Their number
is bounded; what was left out counts as out of sight.
"""

from __future__ import annotations

import ast
import enum
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.python.links import defined, lineage, members
from txsafe.python.names import last_name
from txsafe.python.scopes import FunctionNode, is_method

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.python.receivers import Receivers
    from txsafe.python.scopes import Module
    from txsafe.python.views import View

MOST_CALLS = 24
"""Calls of one function that are looked at."""
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
class CallSite:
    """One call of a function."""

    view: View
    """The file that the call stands in."""
    call: ast.Call
    home: Module
    """The file of the function."""
    function: FunctionNode

    def argument(self, parameter: ast.arg) -> ast.expr | None:
        """Return what the call passes for a parameter; None where it is left out, or spread from a list."""
        for keyword in self.call.keywords:
            if keyword.arg == parameter.arg:
                return keyword.value
        positional = [*self.function.args.posonlyargs, *self.function.args.args]
        if parameter not in positional:
            return None
        index = positional.index(parameter) - self._bound()
        if not 0 <= index < len(self.call.args):
            return None
        spread = any(isinstance(argument, ast.Starred) for argument in self.call.args[: index + 1])
        return None if spread else self.call.args[index]

    def _bound(self) -> int:
        """Return how many parameters the object brings that a method is called on."""
        if not is_method(self.home, self.function):
            return 0
        callee = self.call.func
        named = defined(self.view.module, callee.value) if isinstance(callee, ast.Attribute) else None
        return 0 if named is not None and isinstance(named[1], ast.ClassDef) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """The calls of a function, as far as they are seen."""

    sites: tuple[CallSite, ...]
    unseen: Unseen


def target(module: Module, receivers: Receivers, call: ast.Call) -> tuple[Module, FunctionNode] | None:
    """Return the function of the program that a call is of, with its file."""
    found: tuple[Module, ast.AST] | None = defined(module, call.func)
    if found is None and isinstance(call.func, ast.Attribute):
        base = receivers.of(call.func.value)
        bound = () if base.owner is None else members(base.home or module, base.owner, call.func.attr)
        found = (bound[-1][0], bound[-1][1].node) if bound else None
    if found is None or not isinstance(found[1], FunctionNode):
        return None
    return found[0], found[1]


def callers_of(view: View, function: FunctionNode) -> Callers:
    """Return the calls of a function of a viewed file."""
    home = view.module
    name = getattr(function, "name", None)
    if name is None:
        return Callers(sites=(), unseen=Unseen.PROBABLY)
    mentions = _mentions(home).get(name, ())
    sites: list[CallSite] = []
    unseen = Unseen.NO if _is_private(home, function) else Unseen.POSSIBLY
    for mention in mentions[: 4 * MOST_CALLS]:
        call = home.parent(mention)
        if not isinstance(call, ast.Call) or call.func is not mention:
            if _may_mean(view, mention, function):
                unseen = Unseen.PROBABLY
        elif _calls(view, call, function):
            sites.append(CallSite(view=view, call=call, home=home, function=function))
    if len(sites) > MOST_CALLS or len(mentions) > 4 * MOST_CALLS:
        unseen = Unseen.PROBABLY
    return Callers(sites=tuple(sites[:MOST_CALLS]), unseen=unseen)


def _calls(view: View, call: ast.Call, function: FunctionNode) -> bool:
    """Return whether a call is of a function, or of the method that it overrides."""
    found = target(view.module, view.receivers, call)
    if found is None:
        return False
    return found[1] is function or found[1] in _overridden(view.module, function)


def _overridden(module: Module, function: FunctionNode) -> Iterator[ast.AST]:
    owner = module.parent(function)
    if isinstance(owner, ast.ClassDef) and not isinstance(function, ast.Lambda):
        for home, node in lineage(module, owner):
            yield from (binding.node for binding in home.own_attribute(node, function.name))


def _may_mean(view: View, mention: ast.expr, function: FunctionNode) -> bool:
    """Return whether a name that is not called, but handed on, can stand for a function."""
    match mention:
        case ast.Name():
            bindings = view.module.scope(mention).lookup(mention.id)
            return any(binding.node is function for binding in bindings)
        case ast.Attribute(value=value):
            if not isinstance(view.module.parent(function), ast.ClassDef):
                return False
            found = defined(view.module, mention)
            return found[1] is function if found is not None else view.receivers.of(value).type is None
        case _:
            return False


def _is_private(module: Module, function: FunctionNode) -> bool:
    """Return whether nothing outside the file can be expected to call a function."""
    name = getattr(function, "name", "")
    decorators = getattr(function, "decorator_list", ())
    if any(last_name(decorator) not in _TRANSPARENT for decorator in decorators):
        return False
    nested = any(isinstance(ancestor, FunctionNode) for ancestor in module.ancestors(function))
    return nested or (name.startswith("_") and not name.endswith("__"))


def _mentions(module: Module) -> Mapping[str, list[ast.expr]]:
    """Return where a file reads names and attributes, by name, in the order of the tree."""
    known = module.memory.get(_mentions)
    if isinstance(known, dict):
        return known
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                found[name].append(node)
            case _:
                continue
    module.memory[_mentions] = found
    return found
