"""Two calls of a Python function → whether the second surely follows the first, once, and what runs in between.

In: the tree of the file, the calls, and those calls whose SQL is known. Out: a `Course`, or None where a branch, a loop
or another way of sending parts them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.python.names import last_name
from txsafe.rewrites.surroundings import COMMITS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from txsafe.python.scopes import Module

_SENDING = ("execute", "copy", "fetch", "query", "run", "scalar", "prepare", "stream", "callproc")
"""How methods that send SQL are called; with arguments, as `fetchone()` sends nothing."""
_QUIET = frozenset({"cursor", "transaction", "begin", "connect", "atomic", "close", "acquire", "connection", "text"})
_MADE_OF_CONNECTIONS = frozenset({"cursor", "begin", "transaction", "execution_options"})
_STEPS = 3
"""From a cursor to its connection, and to its pool."""
_REPEATED = ("executemany", "execute_values", "execute_batch", "executescript")


def repeats(call: ast.Call) -> bool:
    """Return whether a call sends its statement for each of some rows."""
    return last_name(call.func).startswith(_REPEATED)


@dataclass(frozen=True, slots=True)
class Course:
    """What runs from the first call on."""

    between: tuple[ast.stmt, ...]
    care: tuple[str, ...]
    """Why the program may mean something else."""


def follow(module: Module, first: ast.Call, second: ast.Call, *, known: Container[ast.Call]) -> Course | None:
    """Return what runs between two calls and afterwards; `known` are the calls whose SQL is known."""
    between = _between(module, first, second)
    if between is None or not _runs_once(module, second):
        return None
    names = _connections(module, (first, second))
    care = set()
    for call in _calls_from(module, first):
        if call in known:
            continue
        said = _judge(call, names, is_between=any(_holds(module, each, call) for each in between))
        if said == _SENDS:
            return None
        if said is not None:
            care.add(said)
    if _is_handed_out(module, first, names):
        care.add("the connection is handed out")
    return Course(between, tuple(sorted(care)))


_SENDS = "what it sends is not seen"


def _judge(call: ast.Call, names: frozenset[str], *, is_between: bool) -> str | None:
    """Say what a call may do to the table; nothing where it has nothing to do with the connection."""
    name = last_name(call.func)
    is_method = isinstance(call.func, ast.Attribute) and _root(call.func) in names
    given = [*call.args, *(word.value for word in call.keywords)]
    takes = any(isinstance(node, ast.Name) and node.id in names for value in given for node in ast.walk(value))
    if is_method and name.startswith(_SENDING) and given:
        return _SENDS
    if name in _QUIET or (is_method and name.startswith(("fetch", "scalar", "mapping", "all", "first", "one"))):
        return None
    if is_method and name in COMMITS:
        return "the transaction ends in between" if is_between else None
    if is_method or takes:
        return _SENDS if is_between else "the connection is handed on"
    return "other work is done in between" if is_between else None


# ---------------------------------------------------------------- the way from one to the other


def _between(module: Module, first: ast.Call, second: ast.Call) -> tuple[ast.stmt, ...] | None:
    """Return the statements between two calls; None where they do not follow each other in any case."""
    up, down = _path(module, first), _path(module, second)
    common = next(((one, other) for one in up for other in down if _block(module, one) == _block(module, other)), None)
    if common is None:
        return None
    above, below = up[: up.index(common[0])], down[: down.index(common[1])]
    if not all(_only_surrounds(module, each) for each in (*above, *below)):
        return None
    body, start, end = _position(module, common[0], common[1])
    found = [*_rest(module, above), *body[start + 1 : end]]
    for statement in reversed(below):
        siblings, index = _siblings(module, statement)
        found += siblings[:index]
    return tuple(found) if start < end or (start == end and not above) else None


def _path(module: Module, call: ast.Call) -> list[ast.stmt]:
    """Return the statements around a call within its function, the innermost first."""
    found: list[ast.stmt] = []
    for node in module.ancestors(call):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.Module):
            break
        if isinstance(node, ast.stmt):
            found.append(node)
    return found


def _block(module: Module, statement: ast.stmt) -> tuple[int, str]:
    return id(module.parent(statement)), module.slots[statement][0]


def _position(module: Module, one: ast.stmt, other: ast.stmt) -> tuple[Sequence[ast.stmt], int, int]:
    body, start = _siblings(module, one)
    return body, start, module.slots[other][1]


def _siblings(module: Module, statement: ast.stmt) -> tuple[Sequence[ast.stmt], int]:
    name, index = module.slots[statement]
    return getattr(module.parent(statement), name), index


def _only_surrounds(module: Module, statement: ast.stmt) -> bool:
    """Return whether what surrounds a statement runs it once, whatever happens."""
    parent, name = module.parent(statement), module.slots[statement][0]
    return isinstance(parent, ast.With | ast.AsyncWith) or (isinstance(parent, ast.Try) and name == "body")


def _rest(module: Module, above: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in above:
        siblings, index = _siblings(module, statement)
        yield from siblings[index + 1 :]


def _runs_once(module: Module, call: ast.Call) -> bool:
    """Return whether the statement that a call is part of makes it once."""
    below: ast.AST = call
    for node in module.ancestors(call):
        match node:
            case ast.While() | ast.IfExp() | ast.BoolOp() | ast.Lambda():
                return False
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                if node.generators[0] is not below:
                    return False
            case ast.comprehension(iter=iter_) if iter_ is not below:
                return False
            case ast.stmt():
                return True
        below = node
    return False


# ---------------------------------------------------------------- who has the connection


def _root(expr: ast.expr) -> str | None:
    """Return the name that a chain of attributes and calls begins with."""
    while True:
        match expr:
            case (
                ast.Attribute(value=inner) | ast.Call(func=inner) | ast.Await(value=inner) | ast.Subscript(value=inner)
            ):
                expr = inner
            case ast.Name(id=name):
                return name
            case _:
                return None


def _connections(module: Module, calls: Sequence[ast.Call]) -> frozenset[str]:
    """Return the names of what the calls go through, and of what that was made from in the same function."""
    names = {name for call in calls if (name := _root(call.func)) is not None}
    function = module.function(calls[0])
    for _ in range(_STEPS):
        for target, value in _bindings(module, function):
            root = _root(value)
            if target in names and root is not None:
                names.add(root)
            elif root in names:
                names.add(target)
    return frozenset(names)


def _bindings(module: Module, function: ast.AST | None) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a function binds to calls."""
    for node in _walk(module, function):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Await(value=ast.Call() as value) | (ast.Call() as value)
            ):
                yield name, value
            case ast.withitem(optional_vars=ast.Name(id=name), context_expr=value):
                yield name, value


def _walk(module: Module, function: ast.AST | None) -> Iterator[ast.AST]:
    return ast.walk(module.tree if function is None else function)


def _calls_from(module: Module, first: ast.Call) -> Iterator[ast.Call]:
    """Yield the calls of the function that stand behind one."""
    function, start = module.function(first), module.span(first).start
    for node in _walk(module, function):
        if isinstance(node, ast.Call) and module.span(node).start > start:
            yield node


def _holds(module: Module, statement: ast.stmt, call: ast.Call) -> bool:
    return module.span(statement).start <= module.span(call).start < module.span(statement).end


def _is_handed_out(module: Module, first: ast.Call, names: frozenset[str]) -> bool:
    """Return whether somebody outside the function has the connection: it was given, or is given back."""
    function = module.function(first)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    leaving = (
        node.value
        for node in _walk(module, function)
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None
    )
    returned = any(isinstance(value, ast.Name) and value.id in names for value in leaving)
    return returned or not _is_opened(_root(first.func), dict(_bindings(module, function)))


def _is_opened(name: str | None, bindings: Mapping[str, ast.expr]) -> bool:
    """Return whether a function opens the connection that a name goes back to."""
    for _ in range(_STEPS):
        value = bindings.get(name or "")
        if value is None:
            return False
        if last_name(value) not in _MADE_OF_CONNECTIONS:
            return True
        name = _root(value)
    return False
