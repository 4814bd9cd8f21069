"""Names: what binds them, in which scope, and what they are called from outside.

In goes a `SourceFile`, out comes a `Module`: its tree, its scopes and their bindings, all gathered in one iterative
walk (`binder`); what an import stands for in another file is asked of a `Project`.
"""

from __future__ import annotations

import ast
import builtins
import enum
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol, TypeVar

from txsafe.model import Place, SourceFile, Span
from txsafe.python.size import is_moderate
from txsafe.python.tree import Newer, parse_lowered, span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from txsafe.python.cutting import Cut

_T = TypeVar("_T")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Definition = FunctionNode | ast.ClassDef

_ALIAS_LIMIT = 20
"""Aliases of aliases that are followed before giving up."""


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


class Bodies(enum.Enum):
    """What becomes of the bodies of a module's functions."""

    OPEN = "open"
    CLOSED = "closed"
    """They stay text until they are asked for; see `outlines`."""


class ScopeKind(enum.StrEnum):
    """What opens a scope."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    LAMBDA = "lambda"
    COMPREHENSION = "comprehension"


@dataclass(slots=True, kw_only=True, eq=False)
class Binding:
    """One place that gives a name a value. Nothing changes it; `frozen` would triple the time that making one takes."""

    name: str
    kind: BindingKind
    node: ast.AST
    """The statement, or the expression, argument, alias, handler or pattern, that binds."""
    value: ast.expr | None = None
    """What is bound: the right side, context manager, iterable, the parameter's default, a pattern's subject."""
    annotation: ast.expr | None = None
    target: str | None = None
    """Qualified name of what an import brings."""
    index: tuple[int, ...] = ()
    """Where in `value` (in an element of it, for a loop) the name's part stands: `a, (b, c) = v` gives c (1, 1)."""


@dataclass(slots=True, eq=False)
class Scope:
    """A region of names: module, class, function, lambda or comprehension."""

    node: ast.AST
    kind: ScopeKind
    parent: Scope | None = None
    qualname: str = ""
    """Dotted, without the module's name: `Pool.acquire`; empty for the module."""
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    declared: dict[str, Scope] = field(default_factory=dict)
    """Names that `global` and `nonlocal` send to another scope."""

    def own(self, name: str) -> tuple[Binding, ...]:
        """Return what binds a name in this very scope, in the file's order."""
        return tuple(self.bindings.get(name, ()))

    def owner(self, name: str) -> Scope | None:
        """Return the scope that a name belongs to as seen from here, by Python's rules; None for builtins."""
        scope: Scope | None = self
        while scope is not None:
            visible = scope is self or scope.kind is not ScopeKind.CLASS
            if visible and name in scope.declared:
                return scope.declared[name]
            if visible and name in scope.bindings:
                return scope
            scope = scope.parent
        return None

    def lookup(self, name: str) -> tuple[Binding, ...]:
        """Return what binds a name as seen from here, in the file's order; empty for builtins."""
        owner = self.owner(name)
        return () if owner is None else owner.own(name)


class Project(Protocol):
    """The other files: what imports are followed through."""

    def text_file(self, path: str) -> SourceFile | None:
        """Return a file that is no Python, by its path as files are shown; None where it is out of bounds or absent."""

    def folder(self, package: str) -> str | None:
        """Return the folder of a package of the project, as folders are shown."""

    def module(self, name: str) -> Module | None:
        """Return the module of a dotted name, None where it is not part of the project."""

    def fault(self, name: str) -> str | None:
        """Return why a module that `module` was asked for is there and yet not returned; None where it is not there."""

    def shared(self, home: Module, question: Hashable, find: Callable[[], _T]) -> _T:
        """Return what `find` finds out about a file, which for another one than that under analysis is asked only once.

        Nothing may depend on who asks: `find` looks at what `home` holds, and keeps what it finds on the way in the
        `memory` of modules. Whoever asks again is charged with all that was looked into.
        """

    def references(self, name: str, *, beside: Sequence[str] = ()) -> References:
        """Return the files that hold a name (the last part of a dotted one) as a word, for whatever reason.

        Where these are too many to be looked into, those that hold one of the words `beside` it: what an import of the
        name is likely to name. Then the answer is not complete.

        Who asks looks for its calls and imports in them. Costs a search of bytes and a parse for each file, so ask only
        for what decides something.
        """


@dataclass(frozen=True, slots=True)
class References:
    """The files of a program that hold a name, those of the asking file's own included."""

    modules: tuple[Module, ...]
    """In the order of their paths."""
    complete: bool
    """No file is out of sight: none was left out, out of bounds or cannot be parsed."""


@dataclass(slots=True, eq=False, kw_only=True)
class Module:
    """One file of a program. Built by `Module.of`; nothing changes it but caches, and bodies that are opened."""

    source: SourceFile
    tree: ast.Module
    text: str
    """What the tree was parsed from: the source, newer syntax lowered."""
    name: str = ""
    """Dotted; empty where unknown."""
    project: Project | None = None
    bodies: Bodies = Bodies.OPEN
    closed: dict[ast.FunctionDef | ast.AsyncFunctionDef, Span] = field(default_factory=dict)
    """Functions whose bodies are still text: where they stand in it."""
    cuts: dict[int, Cut] = field(default_factory=dict)
    """Bodies that were left out before parsing and have not been met yet, by the line of their `def`."""
    is_lowered: bool = True
    """There is no newer syntax in the text but in bodies that cannot be parsed."""
    sought: set[object] = field(default_factory=set)
    """What such functions have been looked for by: those that have it are open since."""
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    """By the node that opens the scope."""
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    slots: dict[ast.AST, tuple[str, int]] = field(default_factory=dict)
    """Of each statement, handler and case: the field of its parent, and the index in it, where it stands."""
    statement_scopes: dict[ast.stmt, Scope] = field(default_factory=dict)
    """By statement: the scope that it stands in."""
    attributes: dict[str, list[tuple[ast.Attribute, Binding]]] = field(default_factory=dict)
    """Bindings of `x.name`, by name."""
    mutations: dict[str, list[ast.expr | ast.stmt]] = field(default_factory=dict)
    """What changes the list or dictionary that a name holds: method calls and item assignments, by name."""
    attribute_mutations: dict[str, list[ast.expr | ast.stmt]] = field(default_factory=dict)
    """The same of `x.name`, by the attribute's name."""
    aliases: dict[str, list[Binding]] = field(default_factory=dict)
    """Bindings of other names to what a name holds, or to what stands in it: `options = kwargs["options"]`, by name."""
    star_imports: list[str] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)
    assignments: list[ast.Assign | ast.AnnAssign | ast.AugAssign] = field(default_factory=list)
    strings: list[ast.Constant | ast.JoinedStr] = field(default_factory=list)
    """Outermost text and bytes literals; the literal parts of f-strings are not listed by themselves."""
    functions: list[FunctionNode] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    withs: list[ast.With | ast.AsyncWith] = field(default_factory=list)
    loops: list[ast.For | ast.AsyncFor] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    returns: dict[ast.AST, list[ast.Return | ast.Yield | ast.YieldFrom]] = field(default_factory=dict)
    """By function whose body is parsed; see `returned_by`."""
    bases: dict[ast.AST, tuple[ast.ClassDef, ...]] = field(default_factory=dict)
    """Cache of `linearized`."""
    memory: dict[Hashable, object] = field(default_factory=dict)
    """What the other modules of this package remember about the file, for the analysis of one file."""
    facts: dict[Hashable, object] = field(default_factory=dict)
    """What a project has found out about it for any file; see `Project.shared`."""
    around: dict[ast.AST, Scope] = field(default_factory=dict)
    """Cache of `scope`."""
    names: dict[ast.expr, str | None] = field(default_factory=dict)
    """Cache of `qualified_name`: what names a module's or a class's is never in a body that is opened later."""

    @classmethod
    def of(
        cls,
        source: SourceFile,
        *,
        name: str = "",
        project: Project | None = None,
        newer: Newer = Newer.LOWER,
        bodies: Bodies = Bodies.OPEN,
    ) -> Module:
        """Parse and index a file.

        Raises:
            SourceError: where the file cannot be parsed.

        """
        from txsafe.python.binder import bind
        from txsafe.python.outlines import parse_outline

        outline = parse_outline(source.text) if bodies is Bodies.CLOSED and is_moderate(source.text) else None
        if outline is not None:
            tree, cuts = outline
            module = cls(source=source, tree=tree, text=source.text, name=name, project=project, bodies=bodies)
            module.cuts, module.is_lowered = cuts, False
            if not bind(module).cuts:
                return module
        tree, text = parse_lowered(source, newer=newer)
        return bind(cls(source=source, tree=tree, text=text, name=name, project=project, bodies=bodies))

    def forget(self) -> None:
        """Let go of the tree and all that was noted about it, for who holds on to a module that nobody needs.

        What an analysis has found hangs together in cycles, and with it the module, until the next garbage collection:
        which takes long where whole trees have to be walked.
        """
        self.tree.body = []
        for noted in fields(self):
            value = getattr(self, noted.name)
            if isinstance(value, dict | list | set):
                value.clear()

    @property
    def scope_of_module(self) -> Scope:
        """The outermost scope."""
        return self.scopes[self.tree]

    @property
    def is_package(self) -> bool:
        """Whether the file is a package's `__init__`."""
        return self.source.path.rpartition("/")[2] == "__init__.py"

    # ------------------------------------------------------------ bodies that are still text

    def open(self, function: ast.AST) -> None:
        """See to it that a function's body is parsed."""
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function in self.closed:
            self._open([function])

    def open_mentioning(self, text: str) -> None:
        """See to it that every function is parsed that holds a text."""
        if self.closed and text not in self.sought:
            from txsafe.python.outlines import mentioning

            self.sought.add(text)
            self._open(list(mentioning(self, text)))

    def open_binding(self, attribute: str) -> None:
        """See to it that every function is parsed that may bind an attribute."""
        if self.closed and (attribute, "=") not in self.sought:
            from txsafe.python.outlines import binding

            self.sought.add((attribute, "="))
            self._open(list(binding(self, attribute)))

    def open_all(self) -> Module:
        """Return the module with every function parsed: whoever looks at all calls or strings of a file needs it."""
        if self.closed:
            self._open(list(self.closed))
        return self

    def _open(self, functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef]) -> None:
        from txsafe.python.outlines import reopen

        reopen(self, functions)

    # ------------------------------------------------------------ places and nesting

    def span(self, node: ast.AST) -> Span:
        """Return the code points that a node covers."""
        return span_of(self.source, node)

    def place(self, node: ast.AST) -> Place:
        """Return where a node stands."""
        return Place(self.source.path, span_of(self.source, node))

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return what a node stands in; None for the module."""
        return self.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside out."""
        parent = self.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    def scope(self, node: ast.AST) -> Scope:
        """Return the innermost scope in which a node's names are looked up.

        Decorators, defaults, annotations and base classes belong to the scope around the definition, a
        comprehension's first iterable to the one around the comprehension.
        """
        known = self.around.get(node)
        if known is None:
            known = self.around[node] = self._scope(node)
        return known

    def _scope(self, node: ast.AST) -> Scope:
        child = node
        grandchild: ast.AST | None = None
        parents, scopes, statements = self.parents, self.scopes, self.statement_scopes
        parent = parents.get(node)
        while parent is not None:
            if child is not node and child in statements:
                return statements[child]
            scope = scopes.get(parent)
            if scope is not None and _is_inside(parent, child, grandchild):
                return scope
            child, grandchild = parent, child
            parent = parents.get(parent)
        return scopes[self.tree]

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that a node is or stands in."""
        if isinstance(node, ast.stmt):
            return node
        return next((parent for parent in self.ancestors(node) if isinstance(parent, ast.stmt)), None)

    def function(self, node: ast.AST) -> FunctionNode | None:
        """Return the function in whose body a node stands."""
        scope: Scope | None = self.scope(node)
        while scope is not None:
            if isinstance(scope.node, FunctionNode):
                return scope.node
            scope = scope.parent if scope.kind is ScopeKind.COMPREHENSION else None
        return None

    def returned_by(self, function: ast.AST) -> Sequence[ast.Return | ast.Yield | ast.YieldFrom]:
        """Return what a function returns and yields."""
        self.open(function)
        return self.returns.get(function, ())

    def in_loop(self, node: ast.AST) -> bool:
        """Return whether a node stands in a loop of its function."""
        for parent in self.ancestors(node):
            if isinstance(parent, ast.For | ast.AsyncFor | ast.While):
                return True
            if isinstance(parent, FunctionNode | ast.ClassDef):
                return False
        return False

    def enclosing_class(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class in whose body, or in whose method, a node stands, through nested functions."""
        scope: Scope | None = self.scope(node)
        while scope is not None:
            if isinstance(scope.node, ast.ClassDef):
                return scope.node
            scope = scope.parent
        return None

    # ------------------------------------------------------------ names

    def reaching(self, name: ast.Name) -> tuple[Binding, ...]:
        """Return the bindings that can be in force where a name is read, in the file's order."""
        from txsafe.python.flow import reaching

        return reaching(self, name)

    def qualified_name(self, expr: ast.expr) -> str | None:
        """Return the dotted name that an expression stands for, through imports.

        Names of this file are `Module.name` and the qualified name, builtins `builtins.…`; None for what is computed,
        a parameter or rebound.
        """
        if expr not in self.names:
            self.names[expr] = self._qualified_name(expr)
        return self.names[expr]

    def _qualified_name(self, expr: ast.expr) -> str | None:
        suffix: list[str] = []
        for _ in range(_ALIAS_LIMIT):
            while isinstance(expr, ast.Attribute):
                suffix.append(expr.attr)
                expr = expr.value
            if not isinstance(expr, ast.Name):
                return None
            found = self._meaning(expr)
            if found is None or isinstance(found, str):
                return found and ".".join([found, *reversed(suffix)])
            expr = found
        return None

    def _meaning(self, name: ast.Name) -> str | ast.expr | None:
        """Return a name's qualified name, or the expression that it is another word for."""
        bindings = self.scope(name).lookup(name.id)
        if not bindings:
            return self._unbound_name(name.id)
        imports = [binding.target for binding in bindings if binding.kind is BindingKind.IMPORT]
        if imports:
            others = [binding for binding in bindings if binding.kind is not BindingKind.IMPORT]
            surely = all(_is_stand_in(binding) or self._is_typed_elsewhere(binding, bindings) for binding in others)
            return self._handed_on(imports[0]) if surely else None
        if all(binding.kind in {BindingKind.FUNCTION, BindingKind.CLASS} for binding in bindings):
            return self.qualify(self.scopes[bindings[0].node].qualname)
        if len(bindings) == 1 and bindings[0].kind is BindingKind.ASSIGN and not bindings[0].index:
            value = bindings[0].value
            return value if isinstance(value, ast.Name | ast.Attribute) else None
        return None

    def _handed_on(self, target: str | None) -> str | None:
        """Return what an import is of: `from app.compat import sqlalchemy` of the library, if there is no such file."""
        origin, _, last = (target or "").rpartition(".")
        if last not in _LIBRARIES or self.project is None or origin.partition(".")[0] == last:
            return target
        is_file = self.project.module(f"{origin}.{last}") is not None or self.project.module(origin) is None
        return target if is_file else last

    def _is_typed_elsewhere(self, binding: Binding, bindings: Iterable[Binding]) -> bool:
        """Return whether a name is bound where type checkers do not look, who see an import in its stead."""
        around = {node for node in self.ancestors(binding.node) if _is_for_type_checkers(node)}
        return any(
            each.kind is BindingKind.IMPORT and not around.isdisjoint(self.ancestors(each.node)) for each in bindings
        )

    def _unbound_name(self, name: str) -> str | None:
        if name in _BUILTINS:
            return f"builtins.{name}"
        return f"{self.star_imports[0]}.{name}" if len(self.star_imports) == 1 else None

    def qualify(self, qualname: str) -> str:
        """Return a local qualified name with the module's name before it, where that is known."""
        return f"{self.name}.{qualname}" if self.name else qualname

    # ------------------------------------------------------------ classes and definitions

    def attribute(self, owner: ast.ClassDef | Scope, name: str) -> tuple[Binding, ...]:
        """Return what binds an attribute: class level and `self.x = …` in methods; else that of the nearest base."""
        start = owner.node if isinstance(owner, Scope) else owner
        for class_node in self.linearized(start):
            own = self.own_attribute(class_node, name)
            if own:
                return own
        return ()

    def own_attribute(self, class_node: ast.ClassDef, name: str) -> tuple[Binding, ...]:
        """Return what binds an attribute in a class and its methods, without its bases."""
        scope = self.scopes.get(class_node)
        if scope is None:  # a class of another file
            return ()
        return (*scope.own(name), *self._instance_bindings(class_node, name))

    def linearized(self, start: ast.AST) -> tuple[ast.ClassDef, ...]:
        """Return a class and its bases in this module, nearest first."""
        known = self.bases.get(start)
        if known is None:
            self.bases[start] = ()  # `class A(A.B)` asks for itself
            known = self.bases[start] = self._linearize(start)
        return known

    def _linearize(self, start: ast.AST) -> tuple[ast.ClassDef, ...]:
        found: list[ast.ClassDef] = []
        waiting = [start]
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, ast.ClassDef) and node not in found:
                found.append(node)
                waiting += [base for base in map(self.definition, node.bases) if base is not None]
        return tuple(found)

    def subclasses(self, base: ast.ClassDef) -> tuple[ast.ClassDef, ...]:
        """Return the classes of this module that derive from a class of it."""
        return tuple(node for node in self.classes if node is not base and base in self.linearized(node))

    def _instance_bindings(self, class_node: ast.ClassDef, name: str) -> tuple[Binding, ...]:
        self.open_binding(name)
        return tuple(
            binding
            for target, binding in self.attributes.get(name, ())
            if self.is_receiver(target.value) and self.enclosing_class(target) is class_node
        )

    def is_receiver(self, expr: ast.expr) -> bool:
        """Return whether an expression is the `self` or `cls` of the method that it stands in."""
        if not isinstance(expr, ast.Name):
            return False
        bindings = self.scope(expr).lookup(expr.id)
        if len(bindings) != 1 or bindings[0].kind is not BindingKind.PARAMETER:
            return False
        function = self.parents.get(self.parents[bindings[0].node])
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        positional = (*function.args.posonlyargs, *function.args.args)
        return bool(positional) and positional[0] is bindings[0].node and is_method(self, function)

    def definition(self, expr: ast.expr) -> Definition | None:
        """Return the function or class of this module that an expression (a callee) names.

        Sees names, `self.method`, `cls.method`, `super().method`, `Class.method` and `instance.method`.
        """
        match expr:
            case ast.Lambda():
                return expr
            case ast.Name():
                return self._defined_by(self.scope(expr).lookup(expr.id))
            case ast.Attribute(value=value, attr=name):
                owner = self.class_of(value)
                if owner is None:
                    return None
                if is_super_call(value):
                    bases = self.linearized(owner)[1:]
                    return self._defined_by(self.attribute(bases[0], name)) if bases else None
                return self._defined_by(self.attribute(owner, name))
        return None

    def class_of(self, expr: ast.expr) -> ast.ClassDef | None:
        """Return the class of this module that an expression is, or is an instance of."""
        for _ in range(_ALIAS_LIMIT):
            if self.is_receiver(expr) or is_super_call(expr):
                return self.enclosing_class(expr)
            match expr:
                case ast.Call(func=ast.Name() as name):
                    expr = name
                case ast.Name():
                    bindings = self.scope(expr).lookup(expr.id)
                    if len(bindings) != 1:
                        return None
                    if isinstance(bindings[0].node, ast.ClassDef):
                        return bindings[0].node
                    following = bindings[0].annotation or _whole_value(bindings[0])
                    if following is None:
                        return None
                    expr = following
                case _:
                    return None
        return None

    def _defined_by(self, bindings: tuple[Binding, ...]) -> Definition | None:
        """Return the last definition: `@overload` and `@property` setters precede or follow under the same name."""
        nodes = [binding.node for binding in bindings if isinstance(binding.node, FunctionNode | ast.ClassDef)]
        if len(nodes) != len(bindings) or not nodes:
            value = bindings[0].value if len(bindings) == 1 else None
            return value if isinstance(value, ast.Lambda) and bindings[0].kind is BindingKind.ASSIGN else None
        getters = [node for node in nodes if not _is_setter(node)]
        return (getters or nodes)[-1]


def is_method(module: Module, function: ast.AST) -> bool:
    """Return whether a function stands in a class body and is handed its instance or class."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    if not isinstance(module.parents.get(function), ast.ClassDef):
        return module.scope(function).kind is ScopeKind.CLASS and not has_decorator(function, "staticmethod")
    return not has_decorator(function, "staticmethod")


def position(node: ast.AST) -> tuple[int, int]:
    """Return a sort key for the order of nodes in a file."""
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))


def last_name(expr: ast.expr) -> str:
    """Return the last part of a dotted name; empty for anything else."""
    match expr:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def has_decorator(function: ast.AST, *names: str) -> bool:
    """Return whether the last part of one of a definition's decorators is one of the names."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    for decorator in function.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if last_name(target) in names:
            return True
    return False


_BUILTINS = frozenset(dir(builtins))
_LIBRARIES = frozenset({"asyncpg", "psycopg", "psycopg2", "sqlalchemy"})
"""What programs import once, where it may be missing, and hand on to their other files."""


def _is_inside(parent: ast.AST, child: ast.AST, grandchild: ast.AST | None) -> bool:
    """Return whether a child of a scope's node is looked up in that scope."""
    match parent:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return isinstance(child, ast.stmt)
        case ast.Lambda():
            return child is parent.body
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return not (child is parent.generators[0] and grandchild is parent.generators[0].iter)
    return True


def _is_stand_in(binding: Binding) -> bool:
    """Return whether a binding only stands for an import that failed (`except ImportError: psycopg = None`)."""
    if binding.kind is BindingKind.ANNOTATION:
        return True
    return isinstance(binding.value, ast.Constant) and binding.value.value is None


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and last_name(node.test) == "TYPE_CHECKING"


def is_super_call(expr: ast.expr) -> bool:
    """Return whether an expression is `super()`."""
    return isinstance(expr, ast.Call) and isinstance(expr.func, ast.Name) and expr.func.id == "super"


def _is_setter(node: ast.AST) -> bool:
    return has_decorator(node, "setter", "deleter")


def _whole_value(binding: Binding) -> ast.expr | None:
    whole = {BindingKind.ASSIGN, BindingKind.WALRUS, BindingKind.WITH}
    return binding.value if binding.kind in whole and not binding.index else None
