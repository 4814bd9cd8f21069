"""Names of other files: imports are followed through the project, re-exports included."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import (
    Values,
    limited,
)
from txsafe.python.scopes import Binding, BindingKind, FunctionNode, Module

PATH_LIMIT = 20
"""Imports of imports that are followed before giving up."""
LINEAGE_LIMIT = 40
"""Classes that are looked at for an attribute."""

Owner = tuple[Module, ast.ClassDef]
"""A class and the file that it stands in."""
Bound = tuple[Module, Binding]
"""A binding and the file that it stands in."""

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame


def imported_values(evaluator: Evaluator, target: str, node: ast.AST, frame: Frame) -> Values:
    """Follow a qualified name into another file of the project."""
    found = located(target, frame.module, PATH_LIMIT)
    if found is None:
        return (evaluator.unknown(f"imported from {target}{_fault(target, frame.module)}", node, frame),)
    module, names = found
    values = _member(evaluator, module, names)
    return values or (evaluator.unknown(f"imported from {target}", node, frame),)


def _fault(target: str, module: Module) -> str:
    """Return why an import could not be followed, as a clause; empty where it leads out of the program."""
    parts = target.split(".")
    if module.project is None:
        return ""
    names = (".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))
    faults = (fault for name in names if (fault := module.project.fault(name)) is not None)
    return next((f", which cannot be followed: {fault}" for fault in faults), "")


def _member(evaluator: Evaluator, module: Module, names: Sequence[str]) -> Values:
    bindings = _bound_in(module, names)
    if not bindings and names[-1] in {"value", "name"}:  # of a member of an enumeration
        bindings = _bound_in(module, names[:-1])
    return bound_values(evaluator, bindings)


def bound_values(evaluator: Evaluator, bindings: Iterable[Bound]) -> Values:
    """Return what bindings of any files give."""
    return limited(
        value
        for module, binding in bindings
        if binding.kind is not BindingKind.ANNOTATION
        for value in evaluator.bound(binding, evaluator.base(module))
    )


def bindings_of(target: str, module: Module) -> tuple[Bound, ...]:
    """Return what binds a qualified name in the other files of the project; empty where it is not one of theirs."""
    found = located(target, module, PATH_LIMIT)
    return () if found is None else _bound_in(*found)


def _bound_in(module: Module, names: Sequence[str]) -> tuple[Bound, ...]:
    bindings = tuple((module, binding) for binding in module.scopes[module.tree].own(names[0]) if names)
    for name in names[1:]:
        home, node = (bindings[-1][0], bindings[-1][1].node) if bindings else (module, None)
        bindings = members(home, node, name) if isinstance(node, ast.ClassDef) else ()
    return bindings


def defined(module: Module, expr: ast.expr) -> tuple[Module, FunctionNode | ast.ClassDef] | None:
    """Return the function or class that an expression names, with its file; in this one or another."""
    own = module.definition(expr)
    if own is not None:
        return module, own
    target = module.qualified_name(expr) if module.project is not None else None
    bindings = bindings_of(target, module) if target is not None else ()
    if not bindings:
        return None
    home, binding = bindings[-1]
    return (home, binding.node) if isinstance(binding.node, FunctionNode | ast.ClassDef) else None


def lineage(module: Module, class_node: ast.ClassDef) -> tuple[Owner, ...]:
    """Return a class and its bases, nearest first, through the files of the project."""
    key = (lineage, class_node)
    known = module.memory.get(key)
    if isinstance(known, tuple):
        return known
    module.memory[key] = ((module, class_node),)  # a class whose base asks for the class
    found: list[Owner] = []
    seen: set[ast.AST] = set()
    waiting: list[Owner] = [(module, class_node)]
    while waiting and len(found) < LINEAGE_LIMIT:
        home, node = waiting.pop(0)
        if node in seen:
            continue
        seen.add(node)
        found.append((home, node))
        for base in node.bases:
            definition = defined(home, base.value if isinstance(base, ast.Subscript) else base)
            if definition is not None and isinstance(definition[1], ast.ClassDef):
                waiting.append((definition[0], definition[1]))
    result = module.memory[key] = tuple(found)
    return result


def members(module: Module, class_node: ast.ClassDef, name: str) -> tuple[Bound, ...]:
    """Return what binds an attribute of a class or of its nearest base that has it, in whatever file that stands."""
    for home, node in lineage(module, class_node):
        own = home.own_attribute(node, name)
        if own:
            return tuple((home, binding) for binding in own)
    return ()


def inherited(module: Module, class_node: ast.ClassDef, name: str) -> tuple[Bound, ...]:
    """Return what binds an attribute in the bases of a class: what `super()` sees."""
    for home, node in lineage(module, class_node)[1:]:
        own = home.own_attribute(node, name)
        if own:
            return tuple((home, binding) for binding in own)
    return ()


def imported_owner(module: Module, expr: ast.expr) -> Owner | None:
    """Return the class of another file that an expression is, or is an instance of."""
    for _ in range(PATH_LIMIT):
        match expr:
            case ast.Call(func=func):
                expr = func
                continue
            case ast.Name():
                bindings = module.scope(expr).lookup(expr.id)
                following = bindings[0].annotation or bindings[0].value if len(bindings) == 1 else None
                if following is not None and not bindings[0].index and bindings[0].kind is not BindingKind.FOR:
                    expr = following
                    continue
        found = defined(module, expr)
        return (found[0], found[1]) if found is not None and isinstance(found[1], ast.ClassDef) else None
    return None


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
