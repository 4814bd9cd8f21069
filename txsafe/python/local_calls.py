"""A function of a file → the calls of it in that file.

In go a `Module` and its `Receivers`; what comes out stands for all there are only where the function is private.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.names import last_name

if TYPE_CHECKING:
    from txsafe.python.receivers import Receivers
    from txsafe.python.scopes import FunctionNode, Module


class LocalCalls:
    """The calls of one module, by what they call."""

    def __init__(self, module: Module, receivers: Receivers) -> None:
        self._module = module
        self._receivers = receivers
        self._by_name: dict[str, list[ast.Call]] = {}
        for call in module.open_all().calls:
            self._by_name.setdefault(last_name(call.func), []).append(call)

    def of(self, function: FunctionNode) -> list[ast.Call]:
        """Return the calls of a function or method."""
        name = self._name(function)
        return [call for call in self._by_name.get(name, ()) if self._calls(call, function)] if name else []

    def are_all(self, function: FunctionNode) -> bool:
        """Return whether nothing outside the file can be expected to call a function."""
        name = getattr(function, "name", "")
        nested = any(
            isinstance(ancestor, ast.FunctionDef | ast.AsyncFunctionDef)
            for ancestor in self._module.ancestors(function)
        )
        return nested or (name.startswith("_") and not name.endswith("__"))

    def _name(self, function: FunctionNode) -> str:
        if not isinstance(function, ast.Lambda):
            return function.name
        match self._module.parent(function):
            case ast.Assign(targets=[ast.Name(id=name)]):
                return name
        return ""

    def _calls(self, call: ast.Call, function: FunctionNode) -> bool:
        if self._module.definition(call.func) is function:
            return True
        if not isinstance(call.func, ast.Attribute):
            return False
        owner = self._receivers.of(call.func.value).owner
        return owner is not None and owner is self._module.parent(function)
