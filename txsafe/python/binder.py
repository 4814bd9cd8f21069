"""The one walk over a file's tree: parents, scopes, bindings, and nodes by kind.

In goes a `Module` that has nothing but its tree, out comes the same, filled. The walk is iterative, since analysed code
may nest deeper than the interpreter's stack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from txsafe.python.scopes import Binding, BindingKind, FunctionNode, Module, Scope, ScopeKind

_LEAVES = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MUTATORS = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "appendleft"})


def bind(module: Module) -> Module:
    """Fill a module's indexes from its tree."""
    walk = _Walk(module)
    walk.run()
    return module


@dataclass(slots=True)
class _Gathered:
    calls: list[ast.Call] = field(default_factory=list)
    assignments: list[ast.Assign | ast.AnnAssign | ast.AugAssign] = field(default_factory=list)
    strings: list[ast.Constant | ast.JoinedStr] = field(default_factory=list)
    functions: list[FunctionNode] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    withs: list[ast.With | ast.AsyncWith] = field(default_factory=list)
    loops: list[ast.For | ast.AsyncFor] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)


class _Walk:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.gathered = _Gathered()

    def run(self) -> None:
        module = self.module
        root = Scope(module.tree, ScopeKind.MODULE)
        module.scopes[module.tree] = root
        stack: list[tuple[ast.AST, Scope]] = [(module.tree, root)]
        while stack:
            node, scope = stack.pop()
            inner = self.enter(node, scope)
            children = [(child, self.scope_of(node, child, inner, scope)) for child in self.children(node)]
            stack.extend(reversed(children))
        self.finish()

    def children(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the children of a node and note where they stand."""
        parents, slots = self.module.parents, self.module.slots
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.AST) and not isinstance(item, _LEAVES):
                        parents[item] = node
                        if isinstance(item, ast.stmt | ast.excepthandler | ast.match_case):
                            slots[item] = (name, index)
                        yield item
            elif isinstance(value, ast.AST) and not isinstance(value, _LEAVES):
                parents[value] = node
                yield value

    def scope_of(self, node: ast.AST, child: ast.AST, inner: Scope, outer: Scope) -> Scope:
        """Return the scope that a child is visited in."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return inner if isinstance(child, ast.stmt) else outer
            case ast.Lambda():
                return inner if child is node.body else outer
            case ast.comprehension() if child is node.iter and outer.parent is not None:
                whole = self.module.parents[node]
                return outer.parent if isinstance(whole, _COMPREHENSIONS) and whole.generators[0] is node else outer
        return inner

    def enter(self, node: ast.AST, scope: Scope) -> Scope:
        """Note a node; return the scope of what stands in it."""
        match node:
            case ast.Name() | ast.Attribute():
                return scope
            case ast.Constant():
                self.enter_constant(node)
            case ast.JoinedStr():
                if not isinstance(self.module.parents[node], ast.FormattedValue):
                    self.gathered.strings.append(node)
            case ast.Call():
                self.gathered.calls.append(node)
                self.note_mutation(node, node.func)
            case ast.stmt():
                return self.enter_statement(node, scope)
            case ast.Lambda():
                self.gathered.functions.append(node)
                return self.enter_function(node, scope, "<lambda>", ScopeKind.LAMBDA)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self.open(node, scope, scope.qualname, ScopeKind.COMPREHENSION)
            case ast.comprehension():
                self.bind_target(node.target, scope, _Source(BindingKind.FOR, node, node.iter))
            case ast.NamedExpr():
                self.bind_target(node.target, _enclosing(scope), _Source(BindingKind.WALRUS, node, node.value))
            case ast.Yield() | ast.YieldFrom():
                self.module.returns.setdefault(_enclosing(scope).node, []).append(node)
            case ast.ExceptHandler(name=str(name)):
                self.bind(scope, Binding(name=name, kind=BindingKind.EXCEPT, node=node, annotation=node.type))
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self.bind(scope, Binding(name=name, kind=BindingKind.MATCH, node=node, value=self.subject(node)))
            case ast.MatchMapping(rest=str(name)):
                self.bind(scope, Binding(name=name, kind=BindingKind.MATCH, node=node))
        return scope

    def enter_constant(self, node: ast.Constant) -> None:
        is_text = isinstance(node.value, str | bytes)
        if is_text and not isinstance(self.module.parents[node], ast.JoinedStr):
            self.gathered.strings.append(node)

    def enter_statement(self, node: ast.stmt, scope: Scope) -> Scope:
        gathered = self.gathered
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                gathered.functions.append(node)
                self.bind(scope, Binding(name=name, kind=BindingKind.FUNCTION, node=node, annotation=node.returns))
                return self.enter_function(node, scope, name, ScopeKind.FUNCTION)
            case ast.ClassDef(name=name):
                gathered.classes.append(node)
                self.bind(scope, Binding(name=name, kind=BindingKind.CLASS, node=node))
                return self.open(node, scope, _qualname(scope, name), ScopeKind.CLASS)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                gathered.assignments.append(node)
                self.enter_assignment(node, scope)
            case ast.For() | ast.AsyncFor():
                gathered.loops.append(node)
                self.bind_target(node.target, scope, _Source(BindingKind.FOR, node, node.iter))
            case ast.With() | ast.AsyncWith():
                gathered.withs.append(node)
                for item in node.items:
                    if item.optional_vars is not None:
                        self.bind_target(item.optional_vars, scope, _Source(BindingKind.WITH, node, item.context_expr))
            case ast.Import() | ast.ImportFrom():
                gathered.imports.append(node)
                self.enter_import(node, scope)
            case ast.Return():
                self.module.returns.setdefault(scope.node, []).append(node)
            case ast.Delete():
                for target in node.targets:
                    self.bind_target(target, scope, _Source(BindingKind.DELETE, node, None))
            case ast.Global():
                scope.declared.update(dict.fromkeys(node.names, self.module.scopes[self.module.tree]))
            case ast.Nonlocal():
                for name in node.names:
                    scope.declared[name] = _binding_function(scope, name)
        return scope

    def enter_assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, scope: Scope) -> None:
        match node:
            case ast.Assign():
                for target in node.targets:
                    self.bind_target(target, scope, _Source(BindingKind.ASSIGN, node, node.value))
            case ast.AnnAssign():
                kind = BindingKind.ANNOTATION if node.value is None else BindingKind.ASSIGN
                self.bind_target(node.target, scope, _Source(kind, node, node.value, node.annotation))
            case ast.AugAssign():
                self.bind_target(node.target, scope, _Source(BindingKind.AUGMENTED, node, node.value))

    def enter_function(self, node: FunctionNode, scope: Scope, name: str, kind: ScopeKind) -> Scope:
        inner = self.open(node, scope, _qualname(scope, name), kind)
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = [*zip(positional, [*defaults, *arguments.defaults], strict=True)]
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        pairs += [(extra, None) for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        for argument, default in pairs:
            self.bind(
                inner,
                Binding(
                    name=argument.arg,
                    kind=BindingKind.PARAMETER,
                    node=argument,
                    value=default,
                    annotation=argument.annotation,
                ),
            )
        return inner

    def enter_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        origin = self.origin(node) if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            if isinstance(node, ast.ImportFrom) and alias.name == "*":
                self.module.star_imports.append(origin)
                continue
            if isinstance(node, ast.ImportFrom):
                name, target = alias.asname or alias.name, _dotted(origin, alias.name)
            elif alias.asname:
                name, target = alias.asname, alias.name
            else:
                name = target = alias.name.partition(".")[0]
            self.bind(scope, Binding(name=name, kind=BindingKind.IMPORT, node=alias, target=target))

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the module that a `from` names, relative ones from this module's name where it is known."""
        name = node.module or ""
        if not node.level:
            return name
        package = self.module.name.split(".") if self.module.name else []
        if package and not self.module.is_package:
            package = package[:-1]
        above = node.level - 1
        if not self.module.name or above > len(package):
            return "." * node.level + name
        return ".".join([*package[: len(package) - above], *([name] if name else [])])

    def bind_target(self, target: ast.expr, scope: Scope, source: _Source) -> None:
        """Bind what stands on the left: names, attributes, and the parts of tuples."""
        waiting: list[tuple[ast.expr, ast.expr | None, tuple[int, ...]]] = [(target, source.value, ())]
        while waiting:
            part, value, index = waiting.pop()
            match part:
                case ast.Name(id=name):
                    self.bind(scope, source.binding(name, value, index))
                case ast.Attribute(attr=name):
                    self.module.attributes.setdefault(name, []).append((part, source.binding(name, value, index)))
                case ast.Subscript(value=ast.Name(id=name)) if isinstance(source.node, ast.Assign):
                    self.module.mutations.setdefault(name, []).append(source.node)
                case ast.Starred(value=inner):
                    waiting.append((inner, None, (*index, -1)))
                case ast.Tuple(elts=parts) | ast.List(elts=parts):
                    waiting += reversed(_unpacked(parts, value, index, source.kind))

    def note_mutation(self, call: ast.Call, function: ast.expr) -> None:
        match function:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in _MUTATORS:
                self.module.mutations.setdefault(name, []).append(call)

    def subject(self, pattern: ast.AST) -> ast.expr | None:
        """Return the subject that a pattern captures as a whole."""
        case = self.module.parents[pattern]
        while isinstance(case, ast.MatchAs | ast.MatchOr):
            case = self.module.parents[case]
        match = self.module.parents[case]
        return match.subject if isinstance(case, ast.match_case) and isinstance(match, ast.Match) else None

    def bind(self, scope: Scope, binding: Binding) -> None:
        owner = scope.declared.get(binding.name, scope)
        owner.bindings.setdefault(binding.name, []).append(binding)

    def open(self, node: ast.AST, parent: Scope, qualname: str, kind: ScopeKind) -> Scope:
        scope = Scope(node, kind, parent, qualname)
        self.module.scopes[node] = scope
        return scope

    def finish(self) -> None:
        module, gathered = self.module, self.gathered
        module.calls = tuple(gathered.calls)
        module.assignments = tuple(gathered.assignments)
        module.strings = tuple(gathered.strings)
        module.functions = tuple(gathered.functions)
        module.classes = tuple(gathered.classes)
        module.withs = tuple(gathered.withs)
        module.loops = tuple(gathered.loops)
        module.imports = tuple(gathered.imports)


@dataclass(frozen=True, slots=True)
class _Source:
    """What a target is bound by."""

    kind: BindingKind
    node: ast.AST
    value: ast.expr | None
    annotation: ast.expr | None = None

    def binding(self, name: str, value: ast.expr | None, index: tuple[int, ...]) -> Binding:
        kind = BindingKind.UNPACK if index and self.kind is BindingKind.ASSIGN else self.kind
        return Binding(name=name, kind=kind, node=self.node, value=value, annotation=self.annotation, index=index)


def _unpacked(
    parts: list[ast.expr], value: ast.expr | None, index: tuple[int, ...], kind: BindingKind
) -> list[tuple[ast.expr, ast.expr | None, tuple[int, ...]]]:
    """Return the parts of a tuple target, each with its own value where the right side is a tuple as well."""
    starred = any(isinstance(part, ast.Starred) for part in parts)
    if kind is BindingKind.ASSIGN and isinstance(value, ast.Tuple | ast.List) and not starred and not index:
        plain = len(value.elts) == len(parts) and not any(isinstance(element, ast.Starred) for element in value.elts)
        if plain:
            return [(part, element, ()) for part, element in zip(parts, value.elts, strict=True)]
    if starred:
        return [(part, None, (*index, position)) for position, part in enumerate(parts)]
    return [(part, value, (*index, position)) for position, part in enumerate(parts)]


def _enclosing(scope: Scope) -> Scope:
    """Return the scope that a walrus binds in: comprehensions have none of their own for it (PEP 572)."""
    while scope.kind is ScopeKind.COMPREHENSION and scope.parent is not None:
        scope = scope.parent
    return scope


def _binding_function(scope: Scope, name: str) -> Scope:
    """Return the function around a scope that binds a name; `nonlocal` means it."""
    outer = scope.parent
    nearest: Scope | None = None
    while outer is not None and outer.kind is not ScopeKind.MODULE:
        if outer.kind is not ScopeKind.CLASS:
            if name in outer.bindings:
                return outer
            nearest = nearest or outer
        outer = outer.parent
    return nearest or scope


def _qualname(scope: Scope, name: str) -> str:
    return f"{scope.qualname}.{name}" if scope.qualname else name


def _dotted(origin: str, name: str) -> str:
    return f"{origin}{name}" if origin.endswith(".") or not origin else f"{origin}.{name}"
