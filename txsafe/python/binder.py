"""The one walk over a file's tree: parents, scopes, bindings, and nodes by kind.

In goes a `Module` that has nothing but its tree, out comes the same, filled. The walk is iterative, since analysed code
may nest deeper than the interpreter's stack.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.python.forwarded import forwarded_call
from txsafe.python.lookups import looked_into
from txsafe.python.outlines import close
from txsafe.python.scopes import Binding, BindingKind, Bodies, FunctionNode, Module, Scope, ScopeKind, position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_PLAIN = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "asname", "level", "kind", "type_comment", "is_async"})
"""Fields that hold no node, or one without a place."""
_FIELDS: Mapping[type[ast.AST], tuple[str, ...]] = {
    kind: () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _PLAIN)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""By kind of node: the fields in which others can stand."""
_BLOCKS = frozenset({"body", "orelse", "finalbody", "handlers", "cases"})
"""Fields that hold lists of statements, handlers and cases, and nothing else where they hold lists."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_ITEM_CHANGES = (ast.Assign, ast.AugAssign, ast.Delete)
_MUTATORS = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "pop"})


def bind(module: Module) -> Module:
    """Fill a module's indexes from its tree."""
    walk = _Walk(module, module.bodies)
    root = Scope(module.tree, ScopeKind.MODULE)
    module.scopes[module.tree] = root
    walk.run([(module.tree, root)])
    return module


def bind_bodies(module: Module, functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef]) -> None:
    """Add what stands in the bodies of functions that were closed when the module was bound."""
    walk = _Walk(module, Bodies.OPEN)
    for function in functions:
        scope = module.scopes[function]
        for index, statement in enumerate(function.body):
            module.parents[statement] = function
            module.slots[statement] = ("body", index)
        walk.run([(statement, scope) for statement in reversed(function.body)])
    walk.sort()


class _Walk:
    def __init__(self, module: Module, bodies: Bodies) -> None:
        self.module = module
        self.bodies = bodies

    def run(self, stack: list[tuple[ast.AST, Scope]]) -> None:
        """Visit nodes, the last first, each in its scope, and all that is below them."""
        module = self.module
        while stack:
            node, scope = stack.pop()
            kind = type(node)
            enter = _ENTER.get(kind)
            inner = scope if enter is None else enter(self, node, scope)
            if isinstance(node, ast.stmt):
                module.statement_scopes[node] = scope
            children = self.children(node)
            if not children:
                continue
            children.reverse()
            if inner is scope and kind is not ast.comprehension:
                stack += [(child, scope) for child in children]
            else:
                stack += [(child, self.scope_of(node, child, inner, scope)) for child in children]

    def children(self, node: ast.AST) -> list[ast.AST]:
        """Note where the children of a node stand, and return those that have something to visit."""
        parents = self.module.parents
        found: list[ast.AST] = []
        for name in _FIELDS[node.__class__]:
            value = getattr(node, name, None)
            if value.__class__ is list:
                if name in _BLOCKS:
                    slots = self.module.slots
                    for index, item in enumerate(value):
                        slots[item] = (name, index)
                for item in value:
                    if isinstance(item, ast.AST):
                        parents[item] = node
                        if item.__class__ is not ast.Name:
                            found.append(item)
            elif isinstance(value, ast.AST):
                parents[value] = node
                if value.__class__ is not ast.Name:
                    found.append(value)
        return found

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

    # ------------------------------------------------------------ expressions

    def enter_text(self, node: ast.Constant | ast.JoinedStr, scope: Scope) -> Scope:
        around = self.module.parents[node]
        is_text = not isinstance(node, ast.Constant) or isinstance(node.value, str | bytes)
        is_format = isinstance(around, ast.FormattedValue) and around.format_spec is node
        if is_text and not is_format and not isinstance(around, ast.JoinedStr):
            self.module.strings.append(node)
        return scope

    def enter_call(self, node: ast.Call, scope: Scope) -> Scope:
        self.module.calls.append(node)
        forwarded = forwarded_call(node)
        if forwarded is not None:
            self.module.parents[forwarded] = self.module.parents[node]
            self.module.calls.append(forwarded)
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in _MUTATORS:
            self.note_mutation(node, func.value)
        return scope

    def note_mutation(self, node: ast.expr | ast.stmt, container: ast.expr) -> None:
        """Note what changes a list or dictionary, or one that it holds."""
        match looked_into(container)[0]:
            case ast.Name(id=name):
                self.module.mutations.setdefault(name, []).append(node)
            case ast.Attribute(attr=name):
                self.module.attribute_mutations.setdefault(name, []).append(node)

    def enter_lambda(self, node: ast.Lambda, scope: Scope) -> Scope:
        self.module.functions.append(node)
        return self.open_function(node, scope, "<lambda>", ScopeKind.LAMBDA)

    def enter_comprehension(self, node: ast.AST, scope: Scope) -> Scope:
        return self.open(node, scope, scope.qualname, ScopeKind.COMPREHENSION)

    def enter_generator(self, node: ast.comprehension, scope: Scope) -> Scope:
        self.bind_target(node.target, scope, _Source(BindingKind.FOR, node, node.iter))
        return scope

    def enter_walrus(self, node: ast.NamedExpr, scope: Scope) -> Scope:
        self.bind_target(node.target, _enclosing(scope), _Source(BindingKind.WALRUS, node, node.value))
        return scope

    def enter_yield(self, node: ast.Yield | ast.YieldFrom, scope: Scope) -> Scope:
        self.module.returns.setdefault(_enclosing(scope).node, []).append(node)
        return scope

    # ------------------------------------------------------------ handlers and patterns

    def enter_handler(self, node: ast.ExceptHandler, scope: Scope) -> Scope:
        if node.name is not None:
            self.bind(scope, Binding(name=node.name, kind=BindingKind.EXCEPT, node=node, annotation=node.type))
        return scope

    def enter_capture(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping, scope: Scope) -> Scope:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name is not None:
            subject = self.subject(node) if isinstance(node, ast.MatchAs) else None
            self.bind(scope, Binding(name=name, kind=BindingKind.MATCH, node=node, value=subject))
        return scope

    # ------------------------------------------------------------ statements

    def enter_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Scope:
        self.module.functions.append(node)
        if self.bodies is Bodies.CLOSED:
            close(self.module, node)
        self.bind(scope, Binding(name=node.name, kind=BindingKind.FUNCTION, node=node, annotation=node.returns))
        return self.open_function(node, scope, node.name, ScopeKind.FUNCTION)

    def enter_class(self, node: ast.ClassDef, scope: Scope) -> Scope:
        self.module.classes.append(node)
        self.bind(scope, Binding(name=node.name, kind=BindingKind.CLASS, node=node))
        return self.open(node, scope, _qualname(scope, node.name), ScopeKind.CLASS)

    def enter_loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> Scope:
        self.module.loops.append(node)
        self.bind_target(node.target, scope, _Source(BindingKind.FOR, node, node.iter))
        return scope

    def enter_with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> Scope:
        self.module.withs.append(node)
        for item in node.items:
            if item.optional_vars is not None:
                self.bind_target(item.optional_vars, scope, _Source(BindingKind.WITH, node, item.context_expr))
        return scope

    def enter_return(self, node: ast.Return, scope: Scope) -> Scope:
        self.module.returns.setdefault(scope.node, []).append(node)
        return scope

    def enter_delete(self, node: ast.Delete, scope: Scope) -> Scope:
        for target in node.targets:
            self.bind_target(target, scope, _Source(BindingKind.DELETE, node, None))
        return scope

    def enter_global(self, node: ast.Global, scope: Scope) -> Scope:
        scope.declared.update(dict.fromkeys(node.names, self.module.scopes[self.module.tree]))
        return scope

    def enter_nonlocal(self, node: ast.Nonlocal, scope: Scope) -> Scope:
        scope.declared.update({name: _binding_function(scope, name) for name in node.names})
        return scope

    def enter_assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, scope: Scope) -> Scope:
        self.module.assignments.append(node)
        match node:
            case ast.Assign():
                for target in node.targets:
                    self.bind_target(target, scope, _Source(BindingKind.ASSIGN, node, node.value))
            case ast.AnnAssign():
                kind = BindingKind.ANNOTATION if node.value is None else BindingKind.ASSIGN
                self.bind_target(node.target, scope, _Source(kind, node, node.value, node.annotation))
            case ast.AugAssign():
                self.bind_target(node.target, scope, _Source(BindingKind.AUGMENTED, node, node.value))
        return scope

    def open_function(self, node: FunctionNode, scope: Scope, name: str, kind: ScopeKind) -> Scope:
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

    def enter_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> Scope:
        self.module.imports.append(node)
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
        return scope

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
                    self.note_alias(source.binding(name, value, index))
                case ast.Attribute(attr=name):
                    self.module.attributes.setdefault(name, []).append((part, source.binding(name, value, index)))
                case ast.Subscript(value=container) if isinstance(source.node, _ITEM_CHANGES):
                    self.note_mutation(source.node, container)
                case ast.Starred(value=inner):
                    waiting.append((inner, None, (*index, -1)))
                case ast.Tuple(elts=parts) | ast.List(elts=parts):
                    waiting += reversed(_unpacked(parts, value, index, source.kind))

    def note_alias(self, binding: Binding) -> None:
        """Note a name for what another name holds, or for what stands in it."""
        if binding.kind is BindingKind.ASSIGN and isinstance(binding.value, ast.Subscript | ast.Call):
            root, steps = looked_into(binding.value)
            if steps and isinstance(root, ast.Name):
                self.module.aliases.setdefault(root.id, []).append(binding)

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

    def sort(self) -> None:
        """Restore the file's order where nodes came in later."""
        module = self.module
        module.calls.sort(key=position)
        module.assignments.sort(key=position)
        module.strings.sort(key=position)
        module.functions.sort(key=position)
        module.withs.sort(key=position)
        module.loops.sort(key=position)
        for bound in module.attributes.values():
            bound.sort(key=lambda each: position(each[0]))
        for changes in (*module.mutations.values(), *module.attribute_mutations.values()):
            changes.sort(key=position)


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


_ENTER: Mapping[type[ast.AST], Callable[..., Scope]] = {
    ast.Constant: _Walk.enter_text,
    ast.JoinedStr: _Walk.enter_text,
    ast.Call: _Walk.enter_call,
    ast.Lambda: _Walk.enter_lambda,
    ast.ListComp: _Walk.enter_comprehension,
    ast.SetComp: _Walk.enter_comprehension,
    ast.DictComp: _Walk.enter_comprehension,
    ast.GeneratorExp: _Walk.enter_comprehension,
    ast.comprehension: _Walk.enter_generator,
    ast.NamedExpr: _Walk.enter_walrus,
    ast.Yield: _Walk.enter_yield,
    ast.YieldFrom: _Walk.enter_yield,
    ast.ExceptHandler: _Walk.enter_handler,
    ast.MatchAs: _Walk.enter_capture,
    ast.MatchStar: _Walk.enter_capture,
    ast.MatchMapping: _Walk.enter_capture,
    ast.FunctionDef: _Walk.enter_function,
    ast.AsyncFunctionDef: _Walk.enter_function,
    ast.ClassDef: _Walk.enter_class,
    ast.Assign: _Walk.enter_assignment,
    ast.AnnAssign: _Walk.enter_assignment,
    ast.AugAssign: _Walk.enter_assignment,
    ast.For: _Walk.enter_loop,
    ast.AsyncFor: _Walk.enter_loop,
    ast.With: _Walk.enter_with,
    ast.AsyncWith: _Walk.enter_with,
    ast.Import: _Walk.enter_import,
    ast.ImportFrom: _Walk.enter_import,
    ast.Return: _Walk.enter_return,
    ast.Delete: _Walk.enter_delete,
    ast.Global: _Walk.enter_global,
    ast.Nonlocal: _Walk.enter_nonlocal,
}
