"""Which code is evidently written for another database.

In go a `Module` and the words of the driver files, out comes an answer for a node: a branch taken only for SQLite,
a class called `MySqlHook`, a file below `snowflake/`.
"""

from __future__ import annotations

import ast
import enum
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.catalog.drivers import Drivers
    from txsafe.python.scopes import Module

_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONG = 5
"""From this length a word counts inside another one; shorter ones only by themselves (`hive`, not `archive`)."""
_TELLING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
"""Comparisons that can tell a database; `<` asks for a version."""
_EXITS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class Branch(enum.Enum):
    """The side of a test."""

    BODY = "body"
    ELSE = "else"


class Guards:
    """Answers whether a node of one module is meant for another database."""

    def __init__(self, module: Module, drivers: Drivers) -> None:
        self._module = module
        self._foreign = drivers.foreign_words
        self._own = drivers.own_words
        self._product = drivers.product_words
        path = module.source.path.rsplit("/", 3)[-3:]
        self._path_is_foreign = self._is_foreign_name("/".join(path))
        self._known: dict[ast.AST, bool] = {}
        self._exits: dict[int, tuple[int, int] | None] = {}

    def is_excluded(self, node: ast.AST) -> bool:
        """Return whether a node is only reached where the database is another one."""
        path: list[tuple[ast.AST, ast.AST]] = []
        child, excluded = node, False
        for ancestor in self._module.ancestors(node):
            known = self._known.get(child)
            if known is not None:
                excluded = known
                break
            path.append((ancestor, child))
            child = ancestor
        for ancestor, child in reversed(path):
            excluded = excluded or self._excludes(ancestor, child)
            self._known[child] = excluded
        return excluded

    def is_named_foreign(self, node: ast.AST) -> bool:
        """Return whether the file, or a class or function around a node, is named after another database."""
        named = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        names = [ancestor.name for ancestor in self._module.ancestors(node) if isinstance(ancestor, named)]
        if any(self._mentions(name, self._own) for name in names):
            return False
        return self._path_is_foreign or any(self._is_foreign_name(name) for name in names)

    def _excludes(self, ancestor: ast.AST, child: ast.AST) -> bool:
        match ancestor:
            case ast.If(test=test, body=body, orelse=orelse):
                if not isinstance(child, ast.stmt):
                    return False
                branch = Branch.BODY if _position(child) <= _position(body[-1]) else Branch.ELSE
                return self._is_foreign_side(test, branch) or self._after_exit(
                    body if branch is Branch.BODY else orelse, child
                )
            case ast.IfExp(test=test, body=body):
                return child is not test and self._is_foreign_side(test, Branch.BODY if child is body else Branch.ELSE)
            case ast.match_case(pattern=pattern):
                return self._judge(ast.unparse(pattern)) is True
            case _:
                statements = getattr(ancestor, "body", None)
                return (
                    isinstance(statements, list) and isinstance(child, ast.stmt) and self._after_exit(statements, child)
                )

    def _after_exit(self, statements: Sequence[ast.stmt], child: ast.stmt) -> bool:
        """Return whether an earlier statement has left with PostgreSQL: `if vendor == "postgresql": …; return`."""
        key = id(statements)  # of a list of the tree, which lives as long as the module
        if key not in self._exits:
            self._exits[key] = next(
                (_position(statement) for statement in statements if self._leaves_foreign(statement)), None
            )
        exit_ = self._exits[key]
        return exit_ is not None and exit_ < _position(child)

    def _leaves_foreign(self, statement: ast.stmt) -> bool:
        return (
            isinstance(statement, ast.If)
            and isinstance(statement.body[-1], _EXITS)
            and not statement.orelse
            and self._is_foreign_side(statement.test, Branch.ELSE)
        )

    def _is_foreign_side(self, test: ast.expr, branch: Branch) -> bool:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._is_foreign_side(operand, _other(branch))
            case ast.BoolOp(op=op, values=values):
                sides = (self._is_foreign_side(value, branch) for value in values)
                needs_all = isinstance(op, ast.Or) is (branch is Branch.BODY)
                return all(sides) if needs_all else any(sides)
            case ast.Compare(ops=[op], comparators=[_]):
                if not isinstance(op, _TELLING):
                    return False
                negative = isinstance(op, ast.NotEq | ast.NotIn | ast.IsNot)
                return self._side_of(test, _other(branch) if negative else branch)
            case ast.Call() | ast.Name() | ast.Attribute():
                return self._side_of(test, branch)
            case _:
                return False

    def _side_of(self, test: ast.expr, branch: Branch) -> bool:
        """Return whether the branch taken where a positive test holds (or not) is another database's."""
        text = " ".join(_words(test))
        judged = self._judge(text)
        if judged is None:
            return False
        return judged if branch is Branch.BODY else not judged and self._mentions(text, self._product)

    def _judge(self, text: str) -> bool | None:
        """Return True for other databases only, False for PostgreSQL only, None for both or neither."""
        foreign, own = self._mentions(text, self._foreign), self._mentions(text, self._own)
        return None if foreign == own else foreign

    def _is_foreign_name(self, name: str) -> bool:
        return self._mentions(name, self._foreign) and not self._mentions(name, self._own)

    def _mentions(self, text: str, words: Iterable[str]) -> bool:
        lowered = text.lower()
        tokens = {token.lower() for token in _TOKEN.findall(text)}
        return any(word in (lowered if len(word) >= _LONG else tokens) for word in words)


def _position(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


def _other(branch: Branch) -> Branch:
    return Branch.ELSE if branch is Branch.BODY else Branch.BODY


def _words(test: ast.expr) -> Iterator[str]:
    """Yield the texts and names of a test that can tell a database."""
    for node in ast.walk(test):
        match node:
            case ast.Constant(value=str(text)) if len(text) < 60:
                yield text
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case _:
                continue
