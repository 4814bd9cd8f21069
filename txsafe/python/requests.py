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
from txsafe.python.domain import Scalar
from txsafe.python.values import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    key = (_switched_on, requests.setting)
    known = module.memory.get(key, key)
    if known is not key:
        return known if isinstance(known, Related) else None
    files = (module,) if module.project is None else module.project.references(requests.setting).modules
    message = f"`{requests.setting}` wraps each request in a transaction"
    found = next(
        (Related(place=each.place(node), message=message) for each in files for node in _on(each, requests)), None
    )
    module.memory[key] = found
    return found


def _on(module: Module, requests: Requests) -> Iterator[ast.AST]:
    for key in module.strings:
        if not isinstance(key, ast.Constant) or key.value != requests.setting:
            continue
        value = _value_of(module, key)
        if value is not None and not all(_is_false(each) for each in evaluate(module, value)):
            yield key


def _is_false(value: object) -> bool:
    return isinstance(value, Scalar) and not value.value


def _value_of(module: Module, key: ast.Constant) -> ast.expr | None:
    """Return what a key of a settings dictionary is given: in `{key: value}` and in `settings[…][key] = value`."""
    match module.parent(key):
        case ast.Dict(keys=keys, values=values):
            return next((value for each, value in zip(keys, values, strict=True) if each is key), None)
        case ast.Subscript() as target:
            statement = module.parent(target)
            return statement.value if isinstance(statement, ast.Assign) and target in statement.targets else None
        case _:
            return None
