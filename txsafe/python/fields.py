"""Fields of named tuples, dataclasses and the like: their names, and what a call gives them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import Table, Text, Value, Values, literal
from txsafe.python.links import lineage
from txsafe.python.scopes import BindingKind, Module, has_decorator, last_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame

_FIELD_DECORATORS = ("dataclass", "define", "frozen", "mutable", "attrs", "s", "attributes")
_FIELD_BASES = frozenset({"NamedTuple", "BaseModel", "SQLModel", "Struct", "TypedDict", "BaseSettings"})
_TUPLE_MAKERS = frozenset({"namedtuple", "NamedTuple"})
_MOST_FIELDS = 100


def bound_fields(evaluator: Evaluator, names: Sequence[str], call: ast.Call, frame: Frame) -> Table:
    """Return the values of the fields that a call gives, by position and name."""
    place = frame.module.place(call)
    table = Table((), place)
    for name, argument in zip(names, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        table = table.updated([_entry(evaluator, name, argument, frame)])
    for keyword in call.keywords[:_MOST_FIELDS]:
        if keyword.arg is None:
            table = table.overlaid(evaluator.values(keyword.value, frame))
        else:
            table = table.updated([_entry(evaluator, keyword.arg, keyword.value, frame)])
    return table


def _entry(evaluator: Evaluator, name: str, expr: ast.expr, frame: Frame) -> tuple[Value, Values]:
    return Text(literal(name, frame.module.place(expr))), evaluator.values(expr, frame)


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
