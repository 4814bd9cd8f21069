"""`f.__doc__` → the texts that it can be.

Where `f` is the parameter of a decorator, these are the docstrings of what it decorates.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import Values, limited
from txsafe.python.scopes import BindingKind, FunctionNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.scopes import Module

_HANDED_ON = 5
"""Parameters that hand the function on to each other."""


def docstrings(evaluator: Evaluator, expr: ast.Attribute, frame: Frame) -> Values:
    """Return the alternatives of `expr`, which reads a `__doc__`."""
    home, owner = frame.module, expr.value
    for _ in range(_HANDED_ON):
        definition = home.definition(owner)
        if definition is not None or not isinstance(owner, ast.Name):
            break
        argument = frame.arguments.get(owner.id)
        if argument is None or argument.expr is None or argument.frame is None:
            break
        owner, frame = argument.expr, argument.frame
        home = frame.module
    found = [definition] if definition is not None else [*_decorated(home, owner)]
    texts = [evaluator.constant(text, evaluator.base(home)) for node in found for text in docstring_of(home, node)]
    return limited(texts) or (evaluator.unknown("a docstring that is not known", expr, frame),)


def docstring_of(module: Module, definition: ast.AST) -> Iterator[ast.Constant]:
    """Yield the docstring of a function or class of a module as it stands in its body."""
    module.open(definition)
    body = definition.body if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ()
    match body:
        case [ast.Expr(value=ast.Constant(value=str()) as constant), *_]:
            yield constant


def _decorated(module: Module, parameter: ast.expr) -> Iterator[ast.AST]:
    """Yield the functions of the file that the function with a parameter, or one around it, decorates."""
    if not isinstance(parameter, ast.Name):
        return
    bindings = module.scope(parameter).lookup(parameter.id)
    if not bindings or bindings[0].kind is not BindingKind.PARAMETER:
        return
    own = module.parents.get(module.parents.get(bindings[0].node, bindings[0].node))
    if own is None:
        return
    decorators = {own, *(node for node in module.ancestors(own) if isinstance(node, FunctionNode | ast.ClassDef))}
    for function in module.open_all().functions:
        for decorator in getattr(function, "decorator_list", ()):
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            if module.definition(target) in decorators:
                yield function
