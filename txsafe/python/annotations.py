"""An annotation → the object that stands behind a name so annotated.

Optional, Annotated and iterators of something stand for that something; aliases and classes are followed elsewhere.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.links import bindings_of
from txsafe.python.names import is_below, last_name
from txsafe.python.receiver import FOREIGN, NOTHING, Certainty, Receiver, combine
from txsafe.python.scopes import BindingKind

if TYPE_CHECKING:
    from txsafe.catalog.drivers import Drivers
    from txsafe.python.receivers import Family, Receivers
    from txsafe.python.scopes import Module

MAX_DEPTH = 40
"""Steps from one expression to another: a program that needs more is not followed."""
_ANNOTATION_WRAPPERS = frozenset({"Optional", "Annotated", "Union", "Final", "ClassVar", "Mapped", "Type", "type"})
_YIELDING = frozenset(
    {
        "Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator", "ContextManager",
        "AsyncContextManager", "AbstractContextManager", "AbstractAsyncContextManager", "Awaitable", "Coroutine",
    }
)  # fmt: skip


class Annotations:
    """Answers what the annotations of one module stand for."""

    def __init__(self, module: Module, drivers: Drivers, receivers: Receivers, family: Family) -> None:
        self._module = module
        self._drivers = drivers
        self._receivers = receivers
        self._family = family
        self._memo: dict[int, Receiver] = {}

    def of(self, annotation: ast.expr | None) -> Receiver:
        """Return an instance of what an annotation names; one that names itself comes to nothing."""
        if annotation is None or self._family.depth > MAX_DEPTH:
            return NOTHING
        known = self._memo.get(id(annotation))
        if known is not None:
            return known
        self._memo[id(annotation)] = NOTHING
        self._family.depth += 1
        try:
            found = self._resolve(annotation)
        finally:
            self._family.depth -= 1
        self._memo[id(annotation)] = found
        return found

    def _resolve(self, annotation: ast.expr) -> Receiver:  # noqa: PLR0911 - one for each kind of node
        match annotation:
            case ast.Name() | ast.Attribute():
                return self._of_class(annotation)
            case ast.Constant(value=str(text)):
                return self._of_quoted(text)
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return combine([self.of(left), self.of(right)])
            case ast.Subscript(value=value, slice=ast.Tuple(elts=elements)) if _takes_parts(value):
                parts = elements if last_name(value) == "Union" else elements[:1]
                return combine([self.of(part) for part in parts])
            case ast.Subscript(value=value, slice=part) if _takes_parts(value):
                return self.of(part)
            case ast.Subscript(value=value):
                return self._of_class(value)
            case _:
                return NOTHING

    def _of_class(self, expr: ast.expr) -> Receiver:
        name = self._module.qualified_name(expr)
        if name is not None and name in self._drivers.types:
            return Receiver(certainty=Certainty.KNOWN, type=self._drivers.types[name], elsewhere=True)
        if self._receivers.is_foreign_name(expr):
            return FOREIGN
        definition = self._module.definition(expr)
        if isinstance(definition, ast.ClassDef):
            return self._receivers.instance(definition)
        if isinstance(expr, ast.Name):
            aliases = [
                binding.value for binding in self._module.scopes[self._module.tree].own(expr.id) if binding.value
            ]
            found = combine([self.of(alias) for alias in aliases])
            if found.certainty is not Certainty.UNKNOWN or found.owner is not None:
                return found
        return NOTHING if name is None or self._module.project is None else self._annotated_elsewhere(name)

    def _annotated_elsewhere(self, target: str) -> Receiver:
        """Return an instance of a class, or of what an alias stands for, of another file."""
        found = []
        for home, binding in bindings_of(target, self._module):
            receivers = self._receivers.elsewhere(home)
            if isinstance(binding.node, ast.ClassDef):
                found.append(self._receivers.seen_from(home, receivers.instance(binding.node)))
            elif binding.kind in {BindingKind.ASSIGN, BindingKind.TYPE}:
                found.append(self._receivers.seen_from(home, receivers.of_annotation(binding.value)))
        return combine(found)

    def _of_quoted(self, text: str) -> Receiver:
        """Resolve an annotation in quotes: its nodes belong to no scope, so its names are looked up in the module's."""
        if len(text) > 200:
            return NOTHING
        try:
            parsed = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return NOTHING
        found = [self._of_dotted(node) for node in ast.walk(parsed) if isinstance(node, ast.Name | ast.Attribute)]
        return combine(found)

    def _of_dotted(self, expr: ast.Name | ast.Attribute) -> Receiver:
        first, _, rest = ast.unparse(expr).partition(".")
        for binding in self._module.scopes[self._module.tree].own(first):
            if isinstance(binding.node, ast.ClassDef) and not rest:
                return self._receivers.instance(binding.node)
            name = f"{binding.target}.{rest}" if rest else binding.target
            if name is not None and name in self._drivers.types:
                return Receiver(certainty=Certainty.KNOWN, type=self._drivers.types[name], elsewhere=True)
            if name is not None and is_below(name, self._drivers.foreign):
                return FOREIGN
            if name is not None and self._module.project is not None:
                return self._annotated_elsewhere(name)
        return NOTHING


def _takes_parts(value: ast.expr) -> bool:
    return last_name(value) in _ANNOTATION_WRAPPERS | _YIELDING
