"""Where an expression is evaluated: a file, and inside a followed call the function and its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from txsafe.python.domain import Instance, Values
    from txsafe.python.scopes import Binding, Module


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """What a parameter stands for: an expression of the caller, or values."""

    expr: ast.expr | None = None
    frame: Frame | None = None
    ready: Values = ()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Where an expression is evaluated: a file, and inside a followed call the function and its arguments."""

    module: Module
    function: ast.AST | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    pinned: Mapping[Binding, Values] = field(default_factory=dict)
    """Loop variables that stand for one element at a time."""
    outer: Frame | None = None
    receiver: ast.ClassDef | None = None
    """The class that `self` is an instance of."""
    receiver_home: Module | None = None
    """The file that this stands in, where it is another one."""
    instance: Instance | None = None
    """What `self` is, where that is known."""

    def pin(self, values: Mapping[Binding, Values]) -> Frame:
        """Return the frame with loop variables fixed."""
        return replace(self, pinned={**self.pinned, **values})

    def owner_of(self, expr: ast.expr) -> tuple[Module, ast.ClassDef] | None:
        """Return the same as `class_of`, with the file that the class stands in."""
        owner = self.class_of(expr)
        if owner is None:
            return None
        return (self.receiver_home if owner is self.receiver and self.receiver_home else self.module), owner

    def class_of(self, expr: ast.expr) -> ast.ClassDef | None:
        """Return the class that an expression is, or is an instance of; `self` may be of a derived one."""
        if self.receiver is not None and self.module.is_receiver(expr):
            return self.receiver
        return self.module.class_of(expr)
