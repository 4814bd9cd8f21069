"""What is built of objects, wherever it stands → `SqlSite`s.

Function calls (`func.pg_advisory_lock(1)`), and tables that a function of the program makes (`prefixes=["TEMPORARY"]`).
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Confidence, Fragment, Hole, SqlSite, SqlTemplate
from txsafe.python.made_statements import says_temporary
from txsafe.python.receiver import NOTHING, Certainty, Receiver
from txsafe.python.sinks import scope_name
from txsafe.python.values import Text, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import Span
    from txsafe.python.views import View

_SESSION_FUNCTION = re.compile(r"pg_\w+|set_config|setseed|currval|lastval|nextval|dblink\w*", re.IGNORECASE)


class Constructs:
    """Finds the function calls of one module that no sink took as its SQL."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._module = view.module
        self._receivers = view.receivers
        self._namespaces = view.drivers.constructs
        self._guards = view.guards

    def find(self, covered: frozenset[Span]) -> Iterator[SqlSite]:
        """Yield a site for each construct outside the `covered` spans."""
        for call in self._module.calls:
            if not isinstance(call.func, ast.Attribute) or not _SESSION_FUNCTION.fullmatch(call.func.attr):
                continue
            namespace = self._module.qualified_name(call.func.value)
            span = self._module.span(call)
            if namespace not in self._namespaces or any(span.start <= other.start < span.end for other in covered):
                continue
            if not self._guards.is_excluded(call):
                yield from self._sites(call)
        yield from self._tables(covered)

    def _tables(self, covered: frozenset[Span]) -> Iterator[SqlSite]:
        """Yield a site for each temporary table that is asked of a function which no driver file describes."""
        if "prefixes" not in self._module.source.text:
            return
        for call in self._module.calls:
            expr = next((keyword.value for keyword in call.keywords if keyword.arg == "prefixes"), None)
            if expr is None or not says_temporary(evaluate(self._module, expr)):
                continue
            place = self._module.place(expr)
            if place.span in covered or self._guards.is_excluded(call) or self._guards.is_named_foreign(call):
                continue
            name = Fragment(text=HOLE_CHARACTERS[Hole.IDENTIFIER], place=place, hole=Hole.IDENTIFIER)
            create, columns = Fragment(text="CREATE TEMPORARY TABLE ", place=place), Fragment(text=" ()", place=place)
            yield SqlSite(
                place=place,
                sink="prefixes",
                driver="sqlalchemy",
                template=SqlTemplate(fragments=(create, name, columns)),
                scope=scope_name(self._module, call),
                confidence=Confidence.MEDIUM,
            )

    def _sites(self, call: ast.Call) -> Iterator[SqlSite]:
        receiver = self._sender(call)
        for value in evaluate(self._module, call):
            if not isinstance(value, Text):
                continue
            prefix = replace(value.template.fragments[0], text="SELECT ", exact=False, hole=None)
            yield SqlSite(
                place=self._module.place(call),
                sink=self._module.qualified_name(call.func) or "sqlalchemy.func",
                driver="sqlalchemy",
                template=SqlTemplate(fragments=(prefix, *value.template.fragments)),
                transaction=self._view.surroundings.context(call, receiver, self._module.span(call).end),
                scope=scope_name(self._module, call),
                connection=receiver.root,
                route=receiver.route,
                confidence=Confidence.HIGH if receiver.certainty is Certainty.KNOWN else Confidence.MEDIUM,
            )

    def _sender(self, call: ast.Call) -> Receiver:
        """Return the nearest object around a construct that it is handed to."""
        child: ast.AST = call
        for ancestor in self._module.ancestors(call):
            if (
                isinstance(ancestor, ast.Call)
                and isinstance(ancestor.func, ast.Attribute)
                and child is not ancestor.func
            ):
                receiver = self._receivers.of(_base(ancestor.func))
                if receiver.type is not None:
                    return receiver
            if isinstance(ancestor, ast.stmt):
                break
            child = ancestor
        return NOTHING


def _base(func: ast.Attribute) -> ast.expr:
    """Return what a chain of calls starts from: `session` of `session.query(…).filter(…)`."""
    expr: ast.expr = func.value
    for _ in range(50):
        match expr:
            case ast.Call(func=ast.Attribute(value=value)):
                expr = value
            case _:
                break
    return expr
