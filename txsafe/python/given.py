"""A function that takes SQL as a parameter → whether the SQL of all its calls in the program is seen where they stand.

Then nothing is missed at the sink itself, of which the function alone would not tell what it sends.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.callers import Unseen, callers_of
from txsafe.python.scopes import BindingKind
from txsafe.python.search import Reach
from txsafe.python.statement_objects import is_statement_object
from txsafe.python.values import Unknown, evaluate_through
from txsafe.python.wrappers import depends_on_parameters

if TYPE_CHECKING:
    from txsafe.python.callsites import CallSite
    from txsafe.python.scopes import FunctionNode
    from txsafe.python.views import View

_DEPTH = 3
"""Functions that hand a text on to each other."""


def is_given(view: View, function: FunctionNode, expr: ast.expr) -> bool:
    """Return whether every call of a function tells what an expression is that depends on its parameters."""
    if view.module.project is None:
        return False
    view.search.reach = Reach.PROGRAM
    return _is_given(view, function, expr, _DEPTH)


def _is_given(view: View, function: FunctionNode, expr: ast.expr, depth: int) -> bool:
    if depth == 0 or not depends_on_parameters(view.module, expr, function):
        return False
    callers = callers_of(view, function)
    if callers.unseen is Unseen.PROBABLY or not callers.sites:
        return False
    return all(_tells(site, view, expr, depth - 1) for site in callers.sites)


def _tells(site: CallSite, home: View, expr: ast.expr, depth: int) -> bool:
    """Return whether a call gives a text that is known, or a library's statement, or what its own callers tell."""
    module = site.view.module
    if not isinstance(site.call, ast.Call) or site.hands is not None or site.enters:
        return False
    values = evaluate_through(((module, site.call),), home.module, expr)
    if not any(isinstance(value, Unknown) for value in values):
        return True
    argument = _argument(site, home, expr)
    if argument is None:
        return False
    if is_statement_object(module, argument):
        return True
    around = module.function(site.call)
    return around is not None and _is_given(site.view, around, argument, depth)


def _argument(site: CallSite, home: View, expr: ast.expr) -> ast.expr | None:
    """Return what a call gives for the parameter that an expression is."""
    if not isinstance(expr, ast.Name):
        return None
    for binding in home.module.reaching(expr):
        if binding.kind is BindingKind.PARAMETER and isinstance(binding.node, ast.arg):
            return site.argument(binding.node)
    return None
