"""`f.__doc__` → the texts that it can be.

Where `f` is the parameter of a decorator, these are the docstrings of what it decorates, in whatever file that stands.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import Related
from txsafe.python.domain import Values, limited
from txsafe.python.links import defined
from txsafe.python.scopes import BindingKind, FunctionNode, position

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.model import Place, SqlTemplate
    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.scopes import Module

_HANDED_ON = 5
"""Parameters that hand the function on to each other."""


@dataclass(frozen=True, slots=True)
class Decorated:
    """A function, the file that it stands in, and the decorator by which it is handed on."""

    module: Module
    function: ast.AST
    decorator: ast.expr


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
    found = [(home, definition)] if definition is not None else [*_handed_over(home, owner)]
    texts = [evaluator.constant(text, evaluator.base(at)) for at, node in found for text in docstring_of(at, node)]
    return limited(texts) or (evaluator.unknown("a docstring that is not known", expr, frame),)


def docstring_of(module: Module, definition: ast.AST) -> Iterator[ast.Constant]:
    """Yield the docstring of a function or class of a module as it stands in its body."""
    module.open(definition)
    body = definition.body if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ()
    match body:
        case [ast.Expr(value=ast.Constant(value=str()) as constant), *_]:
            yield constant


def _handed_over(module: Module, parameter: ast.expr) -> Iterator[tuple[Module, ast.AST]]:
    """Yield the functions that the function with a parameter decorates."""
    if not isinstance(parameter, ast.Name):
        return
    bindings = module.scope(parameter).lookup(parameter.id)
    if not bindings or bindings[0].kind is not BindingKind.PARAMETER:
        return
    own = module.parents.get(module.parents.get(bindings[0].node, bindings[0].node))
    if own is not None:
        yield from ((each.module, each.function) for each in decorated_by(module, own))


def decorated_by(module: Module, function: ast.AST) -> Iterator[Decorated]:
    """Yield what a function, or a function or class around it, decorates; what stands in its own file first."""
    definitions = (function, *module.ancestors(function))
    decorators = [node for node in definitions if isinstance(node, FunctionNode | ast.ClassDef)]
    yield from _decorated_in(module.open_all(), module, decorators)
    name = getattr(decorators[-1], "name", "") if decorators else ""
    if module.project is None or not name:
        return
    for other in module.project.references(name).modules:
        if other.source.path != module.source.path:
            yield from _decorated_in(other, module, decorators[-1:])


def written_in(module: Module, node: ast.AST, template: SqlTemplate) -> Iterator[Related]:
    """Yield the decorators whose functions hold a statement in their docstrings, where a node runs what they say."""
    function = module.function(node) if "__doc__" in module.text else None
    if function is None:
        return
    places = [fragment.place for fragment in template.fragments if fragment.hole is None]
    for each in decorated_by(module, function):
        texts = [each.module.place(text) for text in docstring_of(each.module, each.function)]
        if any(_covers(text, place) for text in texts for place in places):
            yield Related(place=each.module.place(each.decorator), message="runs what this function's docstring says")


def _covers(outer: Place, inner: Place) -> bool:
    return outer.path == inner.path and outer.span.start <= inner.span.start and inner.span.end <= outer.span.end


def _decorated_in(module: Module, home: Module, decorators: Sequence[ast.AST]) -> Iterator[Decorated]:
    places = {position(each) for each in decorators}
    for function in module.functions:
        for decorator in getattr(function, "decorator_list", ()):
            found = defined(module, decorator.func if isinstance(decorator, ast.Call) else decorator)
            # by its place, since one file may have been parsed twice
            if found is not None and found[0].source.path == home.source.path and position(found[1]) in places:
                yield Decorated(module, function, decorator)
