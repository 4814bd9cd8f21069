"""Calls of functions that open or end a transaction in SQL → `Spoken`, at the call: `begin(conn)`, `self._commit()`.

In goes a viewed file and the functions in it whose transactions matter. A function of the program speaks where it sends
BEGIN or COMMIT, or commits, through a connection that it shares with its caller; of several words the last one counts.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.python.callsites import CallSite, bound_by, parameter_at, target
from txsafe.python.names import last_name
from txsafe.python.scopes import is_method
from txsafe.python.transactions import Spoken, read_transaction_word
from txsafe.python.values import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from txsafe.model import TransactionEnd
    from txsafe.python.described import Described
    from txsafe.python.views import View

_NAME = re.compile(r"begin|start|commit|rollback|abort|transaction|savepoint|\bend", re.IGNORECASE)
"""What functions are called that do nothing but this; to look into others would cost more than it tells."""
_GLOBAL = "global:"


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


def _said_by(view: View, call: ast.Call) -> Iterator[tuple[bool, TransactionEnd, str]]:
    """Yield the last word of the function that a call is of, for each name that its connection goes by."""
    found = target(view.module, view.receivers, call.func)
    if found is None:
        return
    home, function = found
    home.open_all()
    there = view.of(home)
    words = [
        (word, described)
        for described in there.described
        if home.function(described.node) is function and (word := _word_of(described)) is not None
    ]
    if not words:
        return
    (opens, end), described = words[-1]
    site = CallSite(view=view, call=call, function=function, bound=bound_by(view.module, call.func, home, function))
    for root in _roots(site, there, described.receiver.root):
        yield opens, end, root


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
