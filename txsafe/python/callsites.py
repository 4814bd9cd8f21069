"""One call, and what it is of: `CallSite`, and the names that calls are found by."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from txsafe.python.links import defined, members
from txsafe.python.scopes import FunctionNode, is_method, position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.model import Transaction
    from txsafe.python.receivers import Receivers
    from txsafe.python.scopes import Module
    from txsafe.python.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSite:
    """One place where a function is called: by its own name, or by the parameter that it was handed on as."""

    view: View
    """The file that the call stands in."""
    call: ast.expr
    """The call; the context manager of a `with` that calls `__enter__`."""
    function: FunctionNode
    bound: int = 0
    """How many of the function's first parameters are bound already: `self`, and what `partial` gives."""
    enters: bool = False
    """The call is a context manager, which a `with` enters and leaves."""
    hands: ast.expr | None = None
    """The connection that a library's runner hands to the function, in place of what the call passes."""
    transaction: Transaction | None = None
    """What a library's runner runs it in, where that is not the transaction of the call."""

    def argument(self, parameter: ast.arg) -> ast.expr | None:
        """Return what the call passes for a parameter; None where it is left out, or spread from a list."""
        index = (
            positional(self.function).index(parameter) - self.bound if parameter in positional(self.function) else -1
        )
        if self.hands is not None:
            return self.hands if index == 0 else None
        if not isinstance(self.call, ast.Call):
            return None
        for keyword in self.call.keywords:
            if keyword.arg == parameter.arg:
                return keyword.value
        spread = any(isinstance(argument, ast.Starred) for argument in self.call.args[: index + 1])
        return self.call.args[index] if 0 <= index < len(self.call.args) and not spread else None

    def parameter(self, argument: ast.expr) -> ast.arg | None:
        """Return the parameter that takes an argument of the call; None where `*args` does."""
        keywords = self.call.keywords if isinstance(self.call, ast.Call) else ()
        named = next((keyword.arg for keyword in keywords if keyword.value is argument), None)
        every = (*positional(self.function), *self.function.args.kwonlyargs)
        return next((each for each in every if each.arg == named or self.argument(each) is argument), None)

    def made_with(self, home: Module, root: str) -> ast.expr | None:
        """Return what the object was made with that a method is called on: the connection that `__init__` was given."""
        owner = home.parent(self.function)
        inits = home.own_attribute(owner, "__init__") if isinstance(owner, ast.ClassDef) else ()
        for init in (binding.node for binding in inits):
            parameter = parameter_at(home, init, root) if isinstance(init, FunctionNode) else None
            made = self._construction()
            if isinstance(init, FunctionNode) and parameter is not None and made is not None:
                return CallSite(view=self.view, call=made, function=init, bound=1).argument(parameter)
        return None

    def _construction(self) -> ast.Call | None:
        """Return the call that makes the object, where it stands in the same function."""
        func = self.call.func if isinstance(self.call, ast.Call) and not self.enters else None
        expr = func.value if isinstance(func, ast.Attribute) else self.call
        if isinstance(expr, ast.Name):
            values = [binding.value for binding in self.view.module.reaching(expr)]
            expr = values[0] if len(values) == 1 and values[0] is not None else expr
        return expr if isinstance(expr, ast.Call) else None


def positional(function: FunctionNode) -> list[ast.arg]:
    """Return the parameters that take positional arguments, in their order."""
    return [*function.args.posonlyargs, *function.args.args]


def parameter_at(module: Module, function: FunctionNode, root: str) -> ast.arg | None:
    """Return the parameter that a connection comes in by, which its root names by its place."""
    every = (*positional(function), *function.args.kwonlyargs)
    return next((each for each in every if root == f"at:{module.span(each).start}"), None)


def is_made_in(module: Module, function: FunctionNode, root: str) -> bool:
    """Return whether a connection is made in a function, and not handed in."""
    number = root.removeprefix("at:").partition(":")[0]
    if not root.startswith("at:") or not number.isdigit() or parameter_at(module, function, root) is not None:
        return False
    span = module.span(function)
    return span.start <= int(number) < span.end


def target(module: Module, receivers: Receivers, callee: ast.expr) -> tuple[Module, FunctionNode] | None:
    """Return the function of the program that an expression names, with its file."""
    found: tuple[Module, ast.AST] | None = defined(module, callee)
    if found is None and isinstance(callee, ast.Attribute):
        base = receivers.of(callee.value)
        bound = () if base.owner is None else members(base.home or module, base.owner, callee.attr)
        found = (bound[-1][0], bound[-1][1].node) if bound else None
    if found is None or not isinstance(found[1], FunctionNode):
        return None
    return found[0], found[1]


def bound_by(module: Module, callee: ast.expr, home: Module, function: FunctionNode) -> int:
    """Return how many parameters of a function its name brings: the object, in `self.method` and `Class().method`."""
    if not isinstance(callee, ast.Attribute) or not is_method(home, function):
        return 0
    named = defined(module, callee.value)
    return int(named is None or not isinstance(named[1], ast.ClassDef))


class Mentions:
    """Where one file reads names and attributes, by name."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._known: dict[str, list[ast.expr]] = {}
        self._read: dict[str, list[ast.expr]] = {}
        self._seen = 0
        """Nodes that are in `_read`; bodies that are opened bring more."""

    def get(self, name: str, default: Sequence[ast.expr] = ()) -> Sequence[ast.expr]:
        """Return where a name is read, in the file's order; only the functions that hold it are parsed."""
        found = self._known.get(name)
        if found is None:
            self._module.open_mentioning(name)
            self._index()
            found = self._known[name] = sorted(self._read.get(name, ()), key=position)
        return found or default

    def _index(self) -> None:
        parents = self._module.parents
        for node in islice(parents, self._seen, None):
            match node:
                case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                    self._read.setdefault(name, []).append(node)
        self._seen = len(parents)


def mentions_in(module: Module) -> Mentions:
    """Return where a file reads names and attributes."""
    known = module.memory.get(mentions_in)
    if not isinstance(known, Mentions):
        known = module.memory[mentions_in] = Mentions(module)
    return known
