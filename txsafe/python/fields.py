"""Fields of named tuples, dataclasses and the like: their names, and what a call gives them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import Instance, Table, Text, Values
from txsafe.python.frames import Argument
from txsafe.python.links import lineage
from txsafe.python.scopes import BindingKind, Module, has_decorator, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame

_FIELD_DECORATORS = ("dataclass", "define", "frozen", "mutable", "attrs", "s", "attributes")
_FIELD_BASES = frozenset({"NamedTuple", "BaseModel", "SQLModel", "Struct", "TypedDict", "BaseSettings"})
_TUPLE_MAKERS = frozenset({"namedtuple", "NamedTuple"})
_MOST_FIELDS = 100


def bound_fields(evaluator: Evaluator, names: Sequence[str], call: ast.Call, frame: Frame) -> Mapping[str, Argument]:
    """Return what a call gives the fields, by position and name; nothing is evaluated before it is asked for."""
    bound: dict[str, Argument] = {}
    for name, argument in zip(names, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        bound[name] = Argument(argument, frame)
    for keyword in call.keywords[:_MOST_FIELDS]:
        if keyword.arg is None:
            bound.update(_spread(evaluator.values(keyword.value, frame)))
        else:
            bound[keyword.arg] = Argument(keyword.value, frame)
    return bound


def _spread(values: Values) -> Iterator[tuple[str, Argument]]:
    """Yield the entries of the one table that `**expr` is."""
    match values:
        case (Table(entries),):
            yield from (
                (key.known, Argument(ready=each)) for key, each in entries if isinstance(key, Text) and key.known
            )


def field_values(evaluator: Evaluator, instance: Instance, name: str) -> Values:
    """Return what a field of an object holds; empty where the call that made it does not say."""
    argument = (instance.fields or {}).get(name)
    if argument is None:
        return ()
    if argument.expr is None or argument.frame is None:
        return argument.ready
    return evaluator.values(argument.expr, argument.frame)


def field_names(module: Module, class_node: ast.ClassDef) -> tuple[str, ...]:
    """Return the fields that a class is made with, those of its bases first; empty where it is not made of fields."""
    line = lineage(module, class_node)
    if not any(_has_fields(node) for _, node in line):
        return ()
    names = dict.fromkeys(
        statement.target.id
        for _, node in reversed(line)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    )
    return tuple(names)[:_MOST_FIELDS]


def _has_fields(class_node: ast.ClassDef) -> bool:
    return has_decorator(class_node, *_FIELD_DECORATORS) or any(
        last_name(base) in _FIELD_BASES for base in class_node.bases
    )


def tuple_fields(func: ast.expr, module: Module) -> tuple[str, ...]:
    """Return the fields of the class that a name holds: `Query = namedtuple("Query", "name sql")`."""
    if not isinstance(func, ast.Name):
        return ()
    for binding in module.reaching(func):
        match binding.value:
            case ast.Call(func=maker, args=[_, names, *_]) if last_name(maker) in _TUPLE_MAKERS:
                if binding.kind is BindingKind.ASSIGN:
                    return _listed_names(names)
    return ()


def _listed_names(names: ast.expr) -> tuple[str, ...]:
    match names:
        case ast.Constant(value=str(text)):
            return tuple(text.replace(",", " ").split()[:_MOST_FIELDS])
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return tuple(map(_field_name, elements[:_MOST_FIELDS]))
    return ()


def _field_name(element: ast.expr) -> str:
    match element:
        case ast.Constant(value=str(name)) | ast.Tuple(elts=[ast.Constant(value=str(name)), *_]):
            return name
    return ""
