"""A call → the sinks in other files that its arguments reach: functions that pass a parameter on are sinks themselves.

In goes the view of one module, out come `Passed` ones: the sink, the SQL expression in the function that holds it, and
the calls between, so that the expression can be evaluated with what is handed in. Facts are per function and on
demand; a file is described only when one of its functions is handed a text that may hold session state.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from txsafe.model import Related
from txsafe.python.domain import Items, Text
from txsafe.python.links import bindings_of, defined, members
from txsafe.python.scopes import BindingKind, FunctionNode
from txsafe.python.values import evaluate
from txsafe.sql import may_hold_session_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.model import TransactionContext
    from txsafe.python.described import Described
    from txsafe.python.scopes import Binding, Module
    from txsafe.python.values import Value
    from txsafe.python.views import View

_FOLLOWED = frozenset({BindingKind.ASSIGN, BindingKind.AUGMENTED, BindingKind.FOR})
_TELLING = re.compile(r"listen|lock|set|role|temp|prepare|discard|session|timeout|timezone|path", re.IGNORECASE)
"""What a name that is not written like a constant's has in it, where it is worth a look into another file."""
_DEPTH = 6
"""Functions that hand a text on to each other."""
_MOST_PASSED = 16
"""Sinks that one function's parameters are followed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A sink that arguments of a call reach."""

    described: Described
    """As the sink's own file has it."""
    expr: ast.expr
    """The SQL, in the sink's file."""
    home: Module
    context: TransactionContext
    """The transaction that the sink's function gives it."""
    steps: tuple[tuple[Module, ast.Call], ...] = ()
    """The calls on the way, the outermost first."""

    @property
    def trail(self) -> tuple[Related, ...]:
        """Return the places between the call and the sink, the sink first."""
        sink = Related(place=self.home.place(self.described.node), message=f"sent here by {self.described.name}")
        calls = (Related(place=module.place(call), message="passed on here") for module, call in self.steps[:0:-1])
        return (sink, *calls)


class Wrappers:
    """Answers where the arguments of one module's calls go."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._module = view.module
        self._facts: dict[ast.AST, tuple[Passed, ...]] = {}
        self._named: dict[str, bool] = {}
        """Qualified name in other files → whether it may stand for session state."""

    def find(self) -> Iterator[tuple[ast.Call, tuple[Passed, ...]]]:
        """Yield the calls that hand a text which may hold session state to a sink of another file."""
        if self._module.project is None or not self._spells_or_imports_state():
            return
        for call in self._module.calls:
            if not self._is_telling(call):
                continue
            found = tuple(passed for passed in self._of(self._module, call, _DEPTH) if passed.home is not self._module)
            if found:
                yield call, found

    def _spells_or_imports_state(self) -> bool:
        """Return whether there is anything in the file that an argument could be telling by."""
        if any(map(_spells_state, self._module.strings)):
            return True
        imported = (alias.asname or alias.name for statement in self._module.imports for alias in statement.names)
        return any(name.isupper() or f"{name}." in self._module.text for name in imported)

    def _is_telling(self, call: ast.Call) -> bool:
        """Return whether an argument may hold session state."""
        for argument in call.args:
            if self._may_hold_state(argument):
                return True
        return any(self._may_hold_state(keyword.value) for keyword in call.keywords)

    def _may_hold_state(self, expr: ast.expr) -> bool:
        """Look at what is spelled first: most arguments are not worth an evaluation."""
        match expr:
            case ast.Constant(value=value):
                return isinstance(value, str) and may_hold_session_state(value)
            case ast.Name():
                return self._is_bound_to_state(expr)
            case ast.Attribute(attr=name) if name.isupper() or (_TELLING.search(name) and self._is_imported(expr)):
                return self._stands_for_state(expr)
            case ast.Subscript(value=value, slice=ast.Constant(value=str())) if self._is_imported(value):
                return self._stands_for_state(expr)
            case ast.Call(func=ast.Name() | ast.Attribute(), args=[first, *_]):
                return self._may_hold_state(first)
        return _spells_state(expr)

    def _is_imported(self, expr: ast.expr) -> bool:
        """Return whether an expression is a name of another file, or what such a name holds."""
        while isinstance(expr, ast.Attribute):
            expr = expr.value
        bindings = self._module.scope(expr).lookup(expr.id) if isinstance(expr, ast.Name) else ()
        return bool(bindings) and all(binding.kind is BindingKind.IMPORT for binding in bindings)

    @cached_property
    def _telling_names(self) -> frozenset[str]:
        """The names that are bound to a text with session state anywhere in the file, or may be by an import."""
        return frozenset(
            name
            for scope in self._module.scopes.values()
            for name, bindings in scope.bindings.items()
            if any(_may_tell(binding) for binding in bindings)
        )

    def _is_bound_to_state(self, name: ast.Name) -> bool:
        if name.id not in self._telling_names:
            return False
        for binding in self._module.reaching(name):
            if binding.kind in _FOLLOWED and binding.value is not None and _spells_state(binding.value):
                return True
            if binding.kind is BindingKind.IMPORT and name.id.isupper():
                return self._stands_for_state(name)
        return False

    def _stands_for_state(self, expr: ast.expr) -> bool:
        """Return whether a constant, of this file or another, may hold session state."""
        name = self._module.qualified_name(expr)
        if name is None:
            return any(map(_holds_state, evaluate(self._module, expr)))
        known = self._named.get(name)
        if known is None:
            known = self._named[name] = self._may_be_state(name, expr)
        return known

    def _may_be_state(self, name: str, expr: ast.expr) -> bool:
        """Return whether a name may stand for session state: most are constants or classes, which show it."""
        bindings = bindings_of(name, self._module)
        if bindings and all(_is_plain(binding) for _, binding in bindings):
            return any(binding.value is not None and _spells_state(binding.value) for _, binding in bindings)
        return any(map(_holds_state, evaluate(self._module, expr)))

    # ------------------------------------------------------------ from a call to its function

    def _of(self, module: Module, call: ast.Call, depth: int) -> tuple[Passed, ...]:
        target = self._target(module, call)
        if target is None:
            return ()
        home, function = target
        return tuple(
            replace(passed, steps=((module, call), *passed.steps)) for passed in self._facts_of(home, function, depth)
        )

    def _target(self, module: Module, call: ast.Call) -> tuple[Module, FunctionNode] | None:
        """Return the function of the program that a call is of."""
        found = defined(module, call.func)
        if found is None and isinstance(call.func, ast.Attribute):
            base = self._view.of(module).receivers.of(call.func.value)
            if base.owner is not None:
                bindings = members(base.home or module, base.owner, call.func.attr)
                found = (bindings[-1][0], bindings[-1][1].node) if bindings else None  # type: ignore[assignment]
        if found is None or not isinstance(found[1], FunctionNode):
            return None
        return found[0], found[1]

    # ------------------------------------------------------------ from a function to its sinks

    def _facts_of(self, home: Module, function: FunctionNode, depth: int) -> tuple[Passed, ...]:
        known = self._facts.get(function)
        if known is not None:
            return known
        if depth == 0:
            return ()
        self._facts[function] = ()  # a function that calls itself
        found: list[Passed] = []
        for call in _calls_in(home).get(function, ()):
            found += self._passed_by(home, function, call, depth)
        result = self._facts[function] = tuple(found[:_MOST_PASSED])
        return result

    def _passed_by(self, home: Module, function: FunctionNode, call: ast.Call, depth: int) -> Iterator[Passed]:
        arguments = (*call.args, *(keyword.value for keyword in call.keywords))
        if not any(depends_on_parameters(home, argument, function) for argument in arguments):
            return
        file = self._view.of(home)
        described = file.described_at(call)
        if described is None or not described.meaning.sql:
            yield from self._of(home, call, depth - 1)
            return
        further = self._of(home, call, depth - 1) if described.driver is None else ()
        if further:
            yield from further
            return
        context = file.transactions.context(call, described.receiver, described.start)
        for name in described.meaning.sql:
            expr = described.arguments.expression(name)
            if expr is not None and depends_on_parameters(home, expr, function):
                yield Passed(described=described, expr=expr, home=home, context=context)


def _is_plain(binding: Binding) -> bool:
    """Return whether a binding alone decides whether its name stands for a text."""
    if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return not binding.node.decorator_list
    return binding.kind is BindingKind.ASSIGN and not binding.index and isinstance(binding.value, ast.Constant)


def _may_tell(binding: Binding) -> bool:
    if binding.kind is BindingKind.IMPORT:
        return binding.name.isupper()
    return binding.kind in _FOLLOWED and binding.value is not None and _spells_state(binding.value)


def _spells_state(expr: ast.expr) -> bool:
    """Return whether a text in an expression may hold session state."""
    if not isinstance(expr, ast.Constant | ast.JoinedStr | ast.BinOp | ast.List | ast.Tuple | ast.IfExp):
        return False
    texts = (node.value for node in ast.walk(expr) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return any(map(may_hold_session_state, texts))


def _holds_state(value: Value) -> bool:
    match value:
        case Text(template=template):
            return may_hold_session_state(template.text)
        case Items(values=elements):
            return any(_holds_state(inner) for element in elements for inner in element if isinstance(inner, Text))
    return False


def _calls_in(module: Module) -> Mapping[ast.AST, list[ast.Call]]:
    """Return the calls of each function of a file."""
    known = module.memory.get(_calls_in)
    if isinstance(known, dict):
        return known
    found: dict[ast.AST, list[ast.Call]] = {}
    for call in module.open_all().calls:
        function = module.function(call)
        if function is not None:
            found.setdefault(function, []).append(call)
    module.memory[_calls_in] = found
    return found


def depends_on_parameters(module: Module, expr: ast.expr, function: FunctionNode) -> bool:
    """Return whether an expression in a function is made of the function's parameters, `self` aside."""
    names = {argument.arg for argument in _parameters(function)} - {"self", "cls"}
    pending: list[tuple[ast.expr, int]] = [(expr, 3)]
    while pending:
        current, depth = pending.pop()
        for node in ast.walk(current):
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
                continue
            for binding in module.reaching(node):
                if binding.kind is BindingKind.PARAMETER and node.id in names:
                    return True
                if depth and binding.kind in _FOLLOWED and binding.value is not None:
                    pending.append((binding.value, depth - 1))
    return False


def _parameters(function: FunctionNode) -> list[ast.arg]:
    arguments = function.args
    gathered = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *gathered]
