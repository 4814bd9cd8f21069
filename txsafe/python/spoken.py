"""Calls of functions that open or end a transaction in SQL → `Spoken`, at the call: `begin(conn)`, `self._commit()`.

In goes a viewed file and the functions in it whose transactions matter. A function of the program speaks where it sends
BEGIN or COMMIT, or commits, through a connection that it shares with its caller; of several words the last one counts.
A `with` over an object of the program calls two of them, `__enter__` and `__exit__`.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.python.callsites import CallSite, bound_by, parameter_at, target
from txsafe.python.links import members
from txsafe.python.names import last_name
from txsafe.python.scopes import FunctionNode, is_method
from txsafe.python.transactions import Spoken, read_transaction_word
from txsafe.python.values import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from txsafe.model import TransactionEnd
    from txsafe.python.described import Described
    from txsafe.python.scopes import Module
    from txsafe.python.views import View

_NAME = re.compile(r"begin|start|commit|rollback|abort|transaction|savepoint|\bend", re.IGNORECASE)
"""What functions are called that do nothing but this; to look into others would cost more than it tells."""
_GLOBAL = "global:"
_ENTER = ("__enter__", "__aenter__")
_EXIT = ("__exit__", "__aexit__")


def words_of_calls(view: View, functions: Collection[ast.AST]) -> Iterator[Spoken]:
    """Yield what calls in some functions of a file do to the transactions of their connections."""
    module = view.module
    for call in module.calls if functions else ():
        function = module.function(call)
        if function not in functions or not _NAME.search(last_name(call.func)):
            continue
        for opens, end, root in _said_by(view, call):
            place = module.place(call)
            yield Spoken(function=function, root=root, start=module.span(call).end, opens=opens, end=end, place=place)

    for statement in module.withs if functions else ():
        function = module.function(statement)
        for item in statement.items if function in functions else ():
            for methods, start in ((_ENTER, module.span(item.context_expr).end), (_EXIT, module.span(statement).end)):
                for opens, end, root in _said_around(view, item, methods):
                    place = module.place(item.context_expr)
                    yield Spoken(function=function, root=root, start=start, opens=opens, end=end, place=place)


def _said_by(view: View, call: ast.Call) -> Iterator[tuple[bool, TransactionEnd, str]]:
    """Yield the last word of the function that a call is of, for each name that its connection goes by."""
    found = target(view.module, view.receivers, call.func)
    if found is None:
        return
    home, function = found
    word = _last_word(view, home, function)
    if word is None:
        return
    opens, end, described = word
    site = CallSite(view=view, call=call, function=function, bound=bound_by(view.module, call.func, home, function))
    for root in _roots(site, view.of(home), described.receiver.root):
        yield opens, end, root


def _said_around(
    view: View, item: ast.withitem, methods: Collection[str]
) -> Iterator[tuple[bool, TransactionEnd, str]]:
    """Yield the last word of the method that a `with` calls of its object, for each name of the connection."""
    manager = view.receivers.of(item.context_expr)
    if manager.owner is None:
        return
    for home, binding in (
        each for name in methods for each in members(manager.home or view.module, manager.owner, name)
    ):
        function = binding.node
        word = _last_word(view, home, function) if isinstance(function, FunctionNode) else None
        if word is None or not isinstance(function, FunctionNode):
            continue
        opens, end, described = word
        site = CallSite(view=view, call=item.context_expr, function=function, bound=1, enters=True)
        given = [site.made_with(home, each) for each in described.receiver.root.split("|")]
        exprs = [expr for expr in (*given, item.optional_vars) if expr is not None]
        roots = (
            *_roots(site, view.of(home), described.receiver.root),
            *(view.receivers.of(expr).root for expr in exprs),
        )
        for root in filter(None, dict.fromkeys(roots)):
            yield opens, end, root


def _last_word(view: View, home: Module, function: FunctionNode) -> tuple[bool, TransactionEnd, Described] | None:
    """Return what a function of the program does last to a transaction, and by which call."""
    home.open_all()
    words = [
        (*word, described)
        for described in view.of(home).described
        if home.function(described.node) is function and (word := _word_of(described)) is not None
    ]
    return words[-1] if words else None


def _word_of(described: Described) -> tuple[bool, TransactionEnd] | None:
    """Return whether a call opens or ends a transaction, in SQL or by a method; None for neither."""
    if described.meaning.ends is not None:
        return False, described.meaning.ends
    for name in described.meaning.sql:
        for value in described.arguments.get(name).alternatives:
            word = read_transaction_word(value.template.text) if isinstance(value, Text) else None
            if word is not None:
                return word
    return None


def _roots(site: CallSite, home: View, root: str) -> Iterator[str]:
    """Yield what the connection of a called function is to its caller."""
    for each in root.split("|"):
        parameter = parameter_at(home.module, site.function, each)
        argument = None if parameter is None else site.argument(parameter)
        if argument is not None:
            yield site.view.receivers.of(argument).root
        elif parameter is None and each:
            same = each.startswith(_GLOBAL) or home.module is site.view.module
            yield each if same else f"{home.module.source.path}:{each}"
    func = site.call.func if isinstance(site.call, ast.Call) else None
    if isinstance(func, ast.Attribute) and is_method(home.module, site.function):
        yield f"wrapped:{ast.unparse(func.value)}"
