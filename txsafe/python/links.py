"""Names of other files: imports are followed through the project, re-exports included."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import (
    Values,
    limited,
)
from txsafe.python.scopes import Binding, BindingKind, Module

PATH_LIMIT = 20
"""Imports of imports that are followed before giving up."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame


def imported_values(evaluator: Evaluator, target: str, node: ast.AST, frame: Frame) -> Values:
    """Follow a qualified name into another file of the project."""
    found = located(target, frame.module, PATH_LIMIT)
    if found is None:
        return (evaluator.unknown(f"imported from {target}", node, frame),)
    module, names = found
    values = _member(evaluator, module, names)
    return values or (evaluator.unknown(f"imported from {target}", node, frame),)


def _member(evaluator: Evaluator, module: Module, names: Sequence[str]) -> Values:
    frame = evaluator.base(module)
    scope = module.scopes[module.tree]
    bindings: tuple[Binding, ...] = scope.own(names[0])
    for name in names[1:]:
        class_node = bindings[-1].node if bindings else None
        if not isinstance(class_node, ast.ClassDef):
            return ()
        bindings = module.attribute(class_node, name)
    last = [binding for binding in bindings if binding.kind is not BindingKind.ANNOTATION]
    return limited(value for binding in last for value in evaluator.bound(binding, frame))


def located(target: str, module: Module, limit: int) -> tuple[Module, list[str]] | None:
    """Return the file that defines a qualified name and the name in it, through re-exports."""
    project = module.project
    parts = target.split(".")
    if project is None or limit <= 0:
        return None
    for length in range(len(parts) - 1, 0, -1):
        found = project.module(".".join(parts[:length]))
        if found is None:
            continue
        names = parts[length:]
        bindings = found.scopes[found.tree].own(names[0])
        if bindings and bindings[0].kind is BindingKind.IMPORT and bindings[0].target is not None:
            return located(".".join([bindings[0].target, *names[1:]]), found, limit - 1)
        if not bindings and found.star_imports:
            through = (located(f"{star}.{'.'.join(names)}", found, limit - 1) for star in found.star_imports)
            return next((hit for hit in through if hit is not None), None)
        return (found, names) if bindings else None
    return None
