"""A function that a web framework calls → the transaction that the framework's settings wrap each request in.

In go a function of a viewed file and the connection that it uses; out comes its `TransactionContext`, where a driver
file names such a setting (`ATOMIC_REQUESTS`) and a file of the program turns it on.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.model import Confidence, Related, Transaction, TransactionContext, TransactionEnd
from txsafe.python.callsites import positional
from txsafe.python.program_settings import find_switch

if TYPE_CHECKING:
    from txsafe.catalog.drivers import Requests
    from txsafe.python.receiver import Receiver
    from txsafe.python.scopes import FunctionNode, Module
    from txsafe.python.views import View


def in_request(view: View, function: FunctionNode, receiver: Receiver, alone: TransactionContext) -> TransactionContext:
    """Return what a function runs in that nobody in view calls, given what that is without a request."""
    driver = receiver.type.driver if receiver.type is not None else None
    requests = view.drivers.requests.get(driver or "")
    if requests is None or alone.kind is not Transaction.AUTOCOMMIT:
        return alone
    switched_on = _switched_on(view.module, requests)
    if switched_on is None:
        return alone
    if not _is_handler(view.module, function, requests):
        return replace(alone, certainty=Confidence.LOW, trail=(*alone.trail, switched_on))
    return TransactionContext(
        kind=Transaction.EXPLICIT,
        block=f"request:{view.module.span(function).start}",
        end=TransactionEnd.COMMIT,
        opened=switched_on.place,
        certainty=Confidence.MEDIUM,
    )


def _is_handler(module: Module, function: FunctionNode, requests: Requests) -> bool:
    """Return whether a function takes a request, and does not opt out."""
    decorators = [
        decorator.func if isinstance(decorator, ast.Call) else decorator
        for node in (function, module.enclosing_class(function))
        for decorator in getattr(node, "decorator_list", ())
    ]
    if any(module.qualified_name(decorator) in requests.opt_out for decorator in decorators):
        return False
    return any(parameter.arg == requests.parameter for parameter in positional(function)[:2])


def _switched_on(module: Module, requests: Requests) -> Related | None:
    """Return where the program turns the setting on."""
    place = find_switch(module, requests.setting)
    message = f"`{requests.setting}` wraps each request in a transaction"
    return None if place is None else Related(place=place, message=message)
