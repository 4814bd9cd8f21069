"""Names: what binds them, in which scope, and what they are called from outside.

In goes a `SourceFile`, out comes a `Module`: its tree, its scopes and their bindings, all gathered in one iterative walk.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from txsafe.model import Place, SourceFile, Span

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Definition = FunctionNode | ast.ClassDef


class BindingKind(enum.StrEnum):
    """How a name gets its value."""

    ASSIGN = "assign"
    AUGMENTED = "augmented"
    ANNOTATION = "annotation"
    """`name: type` without a value."""
    PARAMETER = "parameter"
    IMPORT = "import"
    WITH = "with"
    FOR = "for"
    """Also a comprehension's `for`."""
    FUNCTION = "function"
    CLASS = "class"
    EXCEPT = "except"
    WALRUS = "walrus"
    UNPACK = "unpack"
    MATCH = "match"
    DELETE = "delete"
    TYPE = "type"


class ScopeKind(enum.StrEnum):
    """What opens a scope."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    LAMBDA = "lambda"
    COMPREHENSION = "comprehension"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """One place that gives a name a value."""

    name: str
    kind: BindingKind
    node: ast.AST
    """The statement, or the expression, argument, alias, handler or pattern, that binds."""
    value: ast.expr | None = None
    """What is bound: the right side, the context manager, the iterable, the parameter's default, a pattern's subject."""
    annotation: ast.expr | None = None
    target: str | None = None
    """Qualified name of what an import brings."""
    index: tuple[int, ...] = ()
    """Where in `value` (or in an element of it, for a loop) the name's part stands: `a, (b, c) = v` gives c (1, 1)."""


class Scope:
    """A region of names: module, class, function, lambda or comprehension."""

    node: ast.AST
    parent: Scope | None
    kind: ScopeKind
    qualname: str
    """Dotted, without the module's name: `Pool.acquire`; empty for the module."""

    def lookup(self, name: str) -> tuple[Binding, ...]:
        """Return what binds a name as seen from here, by Python's rules, in the file's order; empty for builtins."""
        raise NotImplementedError


class Project(Protocol):
    """The other files: what imports are followed through."""

    def module(self, name: str) -> Module | None:
        """Return the module of a dotted name, None where it is not part of the project."""


class Module:
    """One analysed file."""

    source: SourceFile
    tree: ast.Module
    name: str
    project: Project | None
    scope_of_module: Scope
    calls: tuple[ast.Call, ...]
    assignments: tuple[ast.Assign | ast.AnnAssign | ast.AugAssign, ...]
    strings: tuple[ast.Constant | ast.JoinedStr, ...]
    """Outermost text and bytes literals; the literal parts of f-strings are not listed by themselves."""
    functions: tuple[FunctionNode, ...]
    classes: tuple[ast.ClassDef, ...]
    withs: tuple[ast.With | ast.AsyncWith, ...]
    loops: tuple[ast.For | ast.AsyncFor, ...]
    imports: tuple[ast.Import | ast.ImportFrom, ...]

    @classmethod
    def of(cls, source: SourceFile, *, name: str = "", project: Project | None = None) -> Module:
        """Parse and index a file.

        Raises:
            SourceError: where the file cannot be parsed.

        """
        raise NotImplementedError

    def span(self, node: ast.AST) -> Span:
        """Return the code points that a node covers."""
        raise NotImplementedError

    def place(self, node: ast.AST) -> Place:
        """Return where a node stands."""
        raise NotImplementedError

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return what a node stands in; None for the module."""
        raise NotImplementedError

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside out."""
        raise NotImplementedError

    def scope(self, node: ast.AST) -> Scope:
        """Return the innermost scope in which a node's names are looked up."""
        raise NotImplementedError

    def function(self, node: ast.AST) -> FunctionNode | None:
        """Return the function in whose body a node stands."""
        raise NotImplementedError

    def enclosing_class(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class whose method (or body) a node stands in, through nested functions."""
        raise NotImplementedError

    def reaching(self, name: ast.Name) -> tuple[Binding, ...]:
        """Return the bindings that can be in force where a name is read (flow-sensitive within its scope)."""
        raise NotImplementedError

    def qualified_name(self, expr: ast.expr) -> str | None:
        """Return the dotted name an expression stands for, through imports; None where it is computed or rebound."""
        raise NotImplementedError

    def attribute(self, owner: ast.ClassDef | Scope, name: str) -> tuple[Binding, ...]:
        """Return what binds an attribute: class level, `self.x = …` in its methods, then its bases in this module."""
        raise NotImplementedError

    def definition(self, expr: ast.expr) -> Definition | None:
        """Return the function or class of this module that an expression (a callee) names, incl. `self.method`."""
        raise NotImplementedError
