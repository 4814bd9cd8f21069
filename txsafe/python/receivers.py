"""An expression → what object of which driver it is, and how sure that is.

In go a `Module` and the `Drivers`, out come `Receiver`s. Known by import, annotation, assignment, `with`, attribute or
return value; guessed by name as a last resort, which the caller is told.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from txsafe.python.annotations import MAX_DEPTH, Annotations
from txsafe.python.arguments import Arguments, Truth
from txsafe.python.forwarded import handed_through
from txsafe.python.hooks import Hooks
from txsafe.python.links import bindings_of, defined, lineage, members
from txsafe.python.names import is_below, last_name
from txsafe.python.receiver import FOREIGN, NOTHING, Certainty, Receiver, combine
from txsafe.python.routes import MOST_NAMES, Attribute, source_names
from txsafe.python.scopes import Binding, BindingKind, FunctionNode, has_decorator
from txsafe.python.values import Text, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.catalog.drivers import Call, Condition, Drivers
    from txsafe.python.scopes import Definition, Module

_GLOBAL_ROOT = "global:"
_SELF_ROOT = "self:"
_GUESS_TYPES = ("dbapi.Connection", "dbapi.Cursor", "dbapi.Transaction")
_WRAPPED_ARGUMENT = {
    "closing": 0, "aclosing": 0, "enter_context": 0, "enter_async_context": 0, "wait_for": 0, "nullcontext": 0,
    "run_until_complete": 0, "shield": 0, "cast": 1, "ensure_future": 0, "create_task": 0, "Depends": 0,
}  # fmt: skip
"""Calls that hand on one of their arguments."""
_KEEPING = ("cache", "lru_cache", "fixture")
"""Decorators that give out again what a function has made."""
_MAKING = ("get_", "_get_", "make_", "open_", "create_", "new_", "acquire_", "obtain_")


@dataclass(slots=True)
class Family:
    """What the receivers of a program share."""

    members: dict[Module, Receivers] = field(default_factory=dict)
    depth: int = 0
    active: set[tuple[Module, str]] = field(default_factory=set)
    """Imported names that are being followed."""


class Receivers:
    """Answers what an expression of one module is."""

    def __init__(self, module: Module, drivers: Drivers, family: Family | None = None) -> None:
        self._module = module
        self._drivers = drivers
        self._memo: dict[int, Receiver] = {}
        self._family = family or Family()
        self._annotations = Annotations(module, drivers, self, self._family)
        self.hooks = Hooks(module, drivers)
        """The functions of the file that drivers call."""
        self._family.members[module] = self

    # Of most files that imports lead to, nobody asks what they import.

    @cached_property
    def _imported_names(self) -> frozenset[str]:
        return frozenset(_imported_roots(self._module))

    @cached_property
    def drivers_in_view(self) -> frozenset[str]:
        """Drivers that the file imports."""
        return frozenset(self._drivers.imports[root] for root in self._imported_names if root in self._drivers.imports)

    @cached_property
    def has_own_driver(self) -> bool:
        """Whether it imports a driver that speaks to nothing but PostgreSQL."""
        return bool(self.drivers_in_view & (self._drivers.ids - self._drivers.any_database))

    @cached_property
    def foreign_in_view(self) -> bool:
        """Whether it imports what is another database's."""
        return any(is_below(name, self._drivers.foreign) for name in self._imported_names)

    def of(self, expr: ast.expr) -> Receiver:
        """Return what an expression is."""
        key = id(expr)
        if key in self._memo:
            return self._memo[key]
        if self._family.depth > MAX_DEPTH:
            return NOTHING
        self._memo[key] = NOTHING
        self._family.depth += 1
        try:
            found = self._resolve(expr)
        finally:
            self._family.depth -= 1
        self._memo[key] = found
        return found

    def elsewhere(self, module: Module) -> Receivers:
        """Return the receivers of another file of the program."""
        return self._family.members.get(module) or Receivers(module, self._drivers, self._family)

    def dissolve(self) -> None:
        """Let go of all that was found, in all files of the program; nothing can be asked any more."""
        for receivers in tuple(self._family.members.values()):
            vars(receivers).clear()

    def function(self, func: ast.expr) -> tuple[str, str | None, Call] | None:
        """Return name, driver and meaning of a callee that drivers describe by its qualified name."""
        name = self._module.qualified_name(func)
        if name is None:
            return None
        found = self._drivers.functions.get(name)
        return None if found is None else (name, found.driver, found.call)

    def is_foreign_name(self, expr: ast.expr) -> bool:
        """Return whether an expression is a name out of a module that is not PostgreSQL's."""
        name = self._module.qualified_name(expr)
        return name is not None and (is_below(name, self._drivers.foreign) or is_below(name, self._drivers.no_sql))

    # ---------------------------------------------------------------- expressions

    def _resolve(self, expr: ast.expr) -> Receiver:  # noqa: PLR0911 - one for each kind of node
        match expr:
            case ast.Name():
                return self._of_name(expr)
            case ast.Attribute():
                return self._of_attribute(expr)
            case ast.Call():
                return self._of_call(expr)
            case ast.Await(value=value) | ast.Starred(value=value) | ast.NamedExpr(value=value):
                return self.of(value)
            case ast.IfExp(body=body, orelse=orelse):
                return combine([self.of(body), self.of(orelse)])
            case ast.BoolOp(values=values):
                return combine([self.of(value) for value in values])
            case ast.Subscript(value=value):
                return self._of_item(expr, self.of(value))
            case _:
                return NOTHING

    def _of_name(self, name: ast.Name) -> Receiver:
        value = self._global_value(name)
        if value is not None:
            return value
        bindings = self._module.reaching(name)
        found = combine([self.of_binding(binding) for binding in bindings])
        if found.certainty is Certainty.UNKNOWN and found.home is not None:
            return replace(self.guess(name.id, f"name:{name.id}"), owner=found.owner, home=found.home)
        if found.certainty is Certainty.UNKNOWN and found.owner is None:
            return self.guess(name.id, f"name:{name.id}")
        return _named(found, name.id)

    def _of_attribute(self, expr: ast.Attribute) -> Receiver:
        value = self._global_value(expr)
        if value is not None:
            return value
        base = self.of(expr.value)
        if base.certainty is Certainty.FOREIGN:
            return FOREIGN
        found = self._attribute_of(base, expr.attr)
        if found.certainty is Certainty.UNKNOWN and found.owner is None and base.owner is None:
            found = self._imported(expr)
        if found.certainty is not Certainty.UNKNOWN or found.owner is not None:
            return _named(found, expr.attr)
        return self.guess(expr.attr, f"text:{ast.unparse(expr)}" if _is_short(expr) else "")

    def _attribute_of(self, base: Receiver, name: str) -> Receiver:
        if base.type is not None and name in base.type.attributes:
            return replace(base, type=self._drivers.types[base.type.attributes[name]], owner=None)
        if base.owner is None:
            return NOTHING
        found = members(base.home or self._module, base.owner, name)
        return combine([self.seen_from(home, self.elsewhere(home).of_member(binding)) for home, binding in found])

    def seen_from(self, home: Module, receiver: Receiver) -> Receiver:
        """Return what is known in another file as seen from this one: a connection is handed in from there."""
        if home is self._module:
            return replace(receiver, home=None) if receiver.home is home else receiver
        own = receiver.root.startswith((_GLOBAL_ROOT, _SELF_ROOT)) or not receiver.root
        pool = receiver.type is not None and receiver.type.pool
        return replace(
            receiver,
            home=receiver.home or home if receiver.owner is not None else None,
            root=receiver.root if own else f"{home.source.path}:{receiver.root}",
            elsewhere=receiver.elsewhere or not pool,
        )

    def _imported(self, expr: ast.expr) -> Receiver:
        """Return what a name of another file of the project stands for."""
        if self._module.project is None:
            return NOTHING
        name = self._module.qualified_name(expr)
        return NOTHING if name is None else self._of_target(name)

    def _of_target(self, target: str) -> Receiver:
        key = (self._module, target)
        if key in self._family.active or self._family.depth > MAX_DEPTH:
            return NOTHING
        self._family.active.add(key)
        self._family.depth += 1
        try:
            found = bindings_of(target, self._module)
            return combine([self.seen_from(home, self.elsewhere(home).of_binding(binding)) for home, binding in found])
        finally:
            self._family.depth -= 1
            self._family.active.discard(key)

    def of_member(self, binding: Binding) -> Receiver:
        """Return what reading an attribute gives that a binding of its class binds."""
        if binding.kind is not BindingKind.FUNCTION:
            return self.of_binding(binding)
        is_property = isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            "property" in ast.unparse(decorator) for decorator in binding.node.decorator_list
        )
        return self.returned(binding.node) if is_property else NOTHING

    def _global_value(self, expr: ast.expr) -> Receiver | None:
        name = self._module.qualified_name(expr)
        if name is None:
            return None
        type_name = self._drivers.values.get(name)
        if type_name is not None:
            type_ = self._drivers.types[type_name]
            return Receiver(certainty=Certainty.KNOWN, type=type_, root=f"global:{type_.driver}", route=type_.route)
        return FOREIGN if self.is_foreign_name(expr) else None

    def _of_item(self, expr: ast.Subscript, base: Receiver) -> Receiver:
        if base.certainty is Certainty.FOREIGN:
            return FOREIGN
        if base.type is None or base.type.item is None:
            return NOTHING
        values = evaluate(self._module, expr.slice)
        alias = values[0].template.text if len(values) == 1 and isinstance(values[0], Text) else ""
        root = f"{base.root}:{alias}" if alias else ""
        route = (alias, *base.route) if alias else base.route
        return replace(base, type=self._drivers.types[base.type.item], route=route, root=root)

    # ---------------------------------------------------------------- calls

    def _of_call(self, call: ast.Call) -> Receiver:
        found = self._of_described_call(call)
        if found.certainty not in {Certainty.UNKNOWN, Certainty.FOREIGN} or found.owner is not None:
            return found
        handed_on = _WRAPPED_ARGUMENT.get(last_name(call.func))
        if handed_on is not None and len(call.args) > handed_on:  # asyncio's own object is none of a database's
            return self._cast(call) if last_name(call.func) == "cast" else self._handed_on(call.args[handed_on])
        if found.certainty is Certainty.FOREIGN:
            return found
        definition = defined(self._module, call.func)
        if definition is not None:
            found = self._made_anew(call, self._made_by(*definition), *definition)
        elif isinstance(call.func, ast.Attribute):
            found = self._method_result(self.of(call.func.value), call.func.attr)
        if found.certainty is not Certainty.UNKNOWN or found.owner is not None:
            return found
        return self._guess_result(call)

    def _cast(self, call: ast.Call) -> Receiver:
        """Return what `cast(Type, x)` gives: what x is known to be, else what the program says that it is."""
        found, said = self._handed_on(call.args[1]), self._annotations.of(call.args[0])
        if found.certainty in {Certainty.KNOWN, Certainty.FOREIGN} or said.certainty is not Certainty.KNOWN:
            return found
        return replace(said, root=found.root or self._root(call), elsewhere=True)

    def _handed_on(self, expr: ast.expr) -> Receiver:
        found = self.of(expr)
        if found.certainty is not Certainty.UNKNOWN or not isinstance(expr, ast.Name | ast.Attribute):
            return found
        definition = defined(self._module, expr)
        return self._made_by(*definition) if definition is not None else found

    def _made_by(self, home: Module, definition: Definition) -> Receiver:
        """Return what calling a function or class of the program gives."""
        receivers = self.elsewhere(home)
        made = (
            receivers.instance(definition) if isinstance(definition, ast.ClassDef) else receivers.returned(definition)
        )
        return self.seen_from(home, made)

    def _made_anew(self, call: ast.Call, made: Receiver, home: Module, definition: Definition) -> Receiver:
        """Mark what each call of a function gets for itself: what it returns has just been made."""
        if made.type is None or made.type.pool or not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
            return made
        values = [each.value for each in home.returned_by(definition) if each.value is not None]
        if has_decorator(definition, *_KEEPING) or not all(_is_own(home, value) for value in values):
            return made
        receivers = self.elsewhere(home)
        untouched = not any(isinstance(value, ast.Name) for value in values)
        return replace(
            made,
            got_at=self._module.span(call).start,
            elsewhere=receivers.returned(definition).elsewhere if untouched else made.elsewhere,
            autocommit=receivers.autocommit_of(made, call, definition),
        )

    def autocommit_of(self, made: Receiver, call: ast.Call, function: FunctionNode) -> Truth:
        """Return whether a connection that a function of this file has made is in autocommit for one call of it."""
        inner = None if made.made is None else made.made.call
        actual = inner if inner is None or made.autocommit is not Truth.MAYBE else handed_through(call, function, inner)
        described = None if actual is None or actual is inner else self.function(actual.func)
        if described is None:
            return made.autocommit
        meaning = described[2]
        return self.decide_autocommit(Arguments(self._module, actual, meaning.arguments), meaning, Truth.NO)

    def _of_described_call(self, call: ast.Call) -> Receiver:
        described = self.function(call.func)
        if described is not None:
            return self._result(call, described[2], NOTHING)
        name = self._module.qualified_name(call.func)
        if name is not None and name in self._drivers.types:
            type_ = self._drivers.types[name]
            return Receiver(certainty=Certainty.KNOWN, type=type_, root=self._root(call))
        if self.is_foreign_name(call.func):
            return FOREIGN
        base, method = self.method(call)
        if base.certainty is Certainty.FOREIGN:
            return FOREIGN
        return NOTHING if method is None else self._result(call, method, base)

    def method(self, call: ast.Call) -> tuple[Receiver, Call | None]:
        """Return the receiver of a call and what the method does, where the receiver's type describes it."""
        if isinstance(call.func, ast.Attribute):
            base = self.of(call.func.value)
            return base, self._find_method(base, call.func.attr)
        base = self._called(call.func)
        return base, self._find_method(base, "__call__")

    def _called(self, func: ast.expr) -> Receiver:
        """Return what object is called; an imported name is a function or a class, and worth no look into its file."""
        if isinstance(func, ast.Name):
            bindings = self._module.scope(func).lookup(func.id)
            if bindings and all(binding.kind is BindingKind.IMPORT for binding in bindings):
                return self._global_value(func) or self.guess(func.id, "")
            if all(binding.kind is BindingKind.FUNCTION for binding in bindings):  # or a builtin
                return self._global_value(func) or self.guess(func.id, f"name:{func.id}")
        return self.of(func)

    def _find_method(self, base: Receiver, name: str) -> Call | None:
        return None if base.type is None else base.type.methods.get(name)

    def _result(self, call: ast.Call, meaning: Call, base: Receiver) -> Receiver:
        if meaning.returns is None:
            return NOTHING
        arguments = Arguments(self._module, call, meaning.arguments)
        if meaning.connection is not None:
            base = self._connection_argument(arguments, meaning)
        is_new = base.type is None or base.type.pool or not base.root
        autocommit = self.decide_autocommit(arguments, meaning, base.autocommit)
        type_ = base.type if meaning.returns == "self" else self._drivers.types[meaning.returns]
        if type_ is None:
            return NOTHING
        return Receiver(
            certainty=Certainty.GUESSED if base.certainty is Certainty.GUESSED else Certainty.KNOWN,
            type=type_,
            root=self._root(call) if is_new else base.root,
            got_at=None if is_new else base.got_at,
            elsewhere=base.elsewhere and not is_new,
            autocommit=autocommit,
            made=arguments if is_new and base.made is None else base.made,
            route=(*self._route(arguments, meaning), *base.route),
        )

    def _connection_argument(self, arguments: Arguments, meaning: Call) -> Receiver:
        expr = arguments.expression(meaning.connection or "")
        return NOTHING if expr is None else self.of(expr)

    def decide_autocommit(self, arguments: Arguments, meaning: Call, before: Truth) -> Truth:
        """Return whether a connection is in autocommit after a call."""
        for conditions, answer in ((meaning.autocommit, Truth.YES), (meaning.transactional, Truth.NO)):
            truth = any_holds(arguments, conditions)
            if truth is not Truth.NO:
                return answer if truth is Truth.YES else Truth.MAYBE
        return before

    def _route(self, arguments: Arguments, meaning: Call) -> tuple[str, ...]:
        exprs = (arguments.expression(argument) for argument in meaning.route)
        names = (source_names(self._module, expr, self._values_of) for expr in exprs if expr is not None)
        return tuple(dict.fromkeys(name for found in names for name in found))

    def _values_of(self, attribute: ast.Attribute) -> tuple[Attribute, ...]:
        """Return what an attribute of an object of the project is given."""
        base = self.of(attribute.value)
        if base.owner is None:
            return ()
        found = members(base.home or self._module, base.owner, attribute.attr)
        return tuple((home, binding.value) for home, binding in found if binding.value is not None)

    def _root(self, node: ast.AST) -> str:
        return f"at:{self._module.span(node).start}"

    def _guess_result(self, call: ast.Call) -> Receiver:
        """Guess by the name of a function whose result is not in view: `get_connection()`."""
        name = last_name(call.func).lstrip("_")
        for prefix in _MAKING:
            if name.startswith(prefix):
                guessed = self.guess(name.removeprefix(prefix), self._root(call))
                return replace(guessed, elsewhere=True)
        if name == "cursor":
            return replace(self.guess(name, self._root(call)), elsewhere=True)
        return NOTHING

    # ---------------------------------------------------------------- definitions

    def instance(self, owner: ast.ClassDef) -> Receiver:
        """Return an instance of a class of this file, with the driver's type that it derives from."""
        for home, node in lineage(self._module, owner):
            for base in node.bases:
                name = home.qualified_name(base)
                if name is not None and name in self._drivers.types:
                    type_, root = self._drivers.types[name], f"{_SELF_ROOT}{owner.name}"
                    return Receiver(certainty=Certainty.KNOWN, type=type_, owner=owner, elsewhere=True, root=root)
                if self.elsewhere(home).is_foreign_name(base):
                    return replace(FOREIGN, owner=owner)
        return Receiver(owner=owner)

    def _method_result(self, base: Receiver, name: str) -> Receiver:
        if base.owner is None:
            return NOTHING
        found = [
            self.seen_from(home, self.elsewhere(home).returned(binding.node))
            for home, binding in members(base.home or self._module, base.owner, name)
            if binding.kind is BindingKind.FUNCTION
        ]
        return combine(found)

    def returned(self, function: ast.AST) -> Receiver:
        """Return what a function of this file returns or yields."""
        if isinstance(function, ast.Lambda):
            return self.of(function.body)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return NOTHING
        statements = self._module.returned_by(function)
        results = combine([self.of(statement.value) for statement in statements if statement.value is not None])
        if results.certainty is Certainty.KNOWN or results.owner is not None:
            return results
        annotated = self._annotations.of(function.returns)
        if annotated.certainty is not Certainty.UNKNOWN or annotated.owner is not None:
            return replace(annotated, root=self._root(function), elsewhere=True)
        return results

    def of_annotation(self, annotation: ast.expr | None) -> Receiver:
        """Return what is behind a name with an annotation of this file."""
        return self._annotations.of(annotation)

    def of_binding(self, binding: Binding) -> Receiver:
        """Return what a binding binds."""
        match binding.kind:
            case BindingKind.PARAMETER:
                return self._of_parameter(binding)
            case BindingKind.ASSIGN | BindingKind.WALRUS | BindingKind.WITH | BindingKind.ANNOTATION:
                return self._of_assignment(binding)
            case BindingKind.FOR | BindingKind.UNPACK:
                return self._of_part(binding)
            case BindingKind.CLASS if isinstance(binding.node, ast.ClassDef):
                return self.instance(binding.node)
            case BindingKind.IMPORT if binding.target is not None and self._module.project is not None:
                return self._of_target(binding.target)
            case _:
                return NOTHING

    def _of_assignment(self, binding: Binding) -> Receiver:
        value = self._of_part(binding)
        if value.certainty is Certainty.KNOWN:
            return value
        annotated = self._annotations.of(binding.annotation)
        if annotated.certainty is not Certainty.UNKNOWN or annotated.owner is not None:
            return replace(annotated, root=self._root(binding.node), elsewhere=True)
        return value

    def _of_part(self, binding: Binding) -> Receiver:
        """Follow the value that a target, or a part of one, is taken from."""
        value = binding.value
        for index in binding.index:
            if not isinstance(value, ast.Tuple | ast.List) or index >= len(value.elts):
                return NOTHING
            value = value.elts[index]
        return NOTHING if value is None else self.of(value)

    def _of_parameter(self, binding: Binding) -> Receiver:
        owner = self._self_class(binding)
        if owner is not None:
            return self.instance(owner)
        root = self._root(binding.node)
        annotated = self._annotations.of(binding.annotation)
        if annotated.certainty is not Certainty.UNKNOWN or (annotated.owner is not None and annotated.home is None):
            return replace(annotated, root=root, elsewhere=True)
        found = self._of_unannotated(binding, root)
        return found if annotated.owner is None else replace(found, owner=annotated.owner, home=annotated.home)

    def _of_unannotated(self, binding: Binding, root: str) -> Receiver:
        """Return what a parameter's default, its fixture or its name suggests."""
        if binding.value is not None:
            default = self.of(binding.value)
            if default.certainty is not Certainty.UNKNOWN:
                return replace(default, root=root, elsewhere=True)
        hooked = self._hooked(binding, root)
        if hooked.certainty is not Certainty.UNKNOWN:
            return hooked
        fixture = self._fixture(binding.name)
        if fixture is not None and fixture is not self._function_of(binding):
            found = self.returned(fixture)
            if found.certainty is not Certainty.UNKNOWN:
                return replace(found, elsewhere=True)
        return self.guess(binding.name, root)

    def _hooked(self, binding: Binding, root: str) -> Receiver:
        """Return what a driver calls the function with that a parameter belongs to."""
        function = self._function_of(binding)
        hook = self.hooks.of(function)
        if hook is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return NOTHING
        parameters = (*function.args.posonlyargs, *function.args.args)
        bound = isinstance(self._module.parent(function), ast.ClassDef) and not has_decorator(function, "staticmethod")
        position = next((number for number, each in enumerate(parameters) if each is binding.node), -1) - bound
        name = hook.type_of(position) if position >= 0 else ""
        if not name:
            return NOTHING
        source = self.of(hook.source)
        return replace(
            source, certainty=Certainty.KNOWN, type=self._drivers.types[name], owner=None, root=root, elsewhere=False
        )

    def _function_of(self, binding: Binding) -> ast.AST | None:
        """Return the function that a parameter belongs to."""
        arguments = self._module.parent(binding.node)
        return None if arguments is None else self._module.parent(arguments)

    def _self_class(self, binding: Binding) -> ast.ClassDef | None:
        """Return the class whose instance (or which itself) the first parameter of a method is."""
        function = self._function_of(binding)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        owner = self._module.parent(function)
        arguments = (*function.args.posonlyargs, *function.args.args)
        is_first = bool(arguments) and arguments[0] is binding.node
        return (
            owner
            if is_first and isinstance(owner, ast.ClassDef) and not has_decorator(function, "staticmethod")
            else None
        )

    def _fixture(self, name: str) -> FunctionNode | None:
        """Return a pytest fixture of this file."""
        for binding in self._module.scopes[self._module.tree].own(name):
            if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                "fixture" in last_name(decorator) for decorator in binding.node.decorator_list
            ):
                return binding.node
        return None

    # ---------------------------------------------------------------- guesses

    def guess(self, name: str, root: str) -> Receiver:
        """Return what a name suggests in a file with these imports."""
        word = name.lower().strip("_").rstrip("0123456789_") or name.lower()
        types = self._drivers.suggested.get(word) or self._drivers.suggested.get(word.rpartition("_")[2], ())
        if not types:
            return NOTHING
        if self.foreign_in_view and not self.drivers_in_view:
            return FOREIGN
        own = [type_ for type_ in types if type_.driver in self.drivers_in_view]
        by_driver = {type_.driver: type_ for type_ in own}
        if len(by_driver) == 1:
            shared = f"{_GLOBAL_ROOT}{own[0].driver}" if own[0].shared else root
            return Receiver(certainty=Certainty.GUESSED, type=own[0], root=shared, elsewhere=True)
        generic = next((type_ for type_ in types if type_.name in _GUESS_TYPES), None)
        if generic is None:
            return NOTHING
        return Receiver(certainty=Certainty.GUESSED, type=generic, root=root, elsewhere=True)


def any_holds(arguments: Arguments, conditions: Iterable[Condition]) -> Truth:
    """Return whether one of some conditions holds."""
    truths = {arguments.decide(condition, {}) for condition in conditions}
    if Truth.YES in truths:
        return Truth.YES
    return Truth.MAYBE if Truth.MAYBE in truths else Truth.NO


def _imported_roots(module: Module) -> Iterator[str]:
    """Yield all dotted names that a file imports, with every prefix."""
    for statement in module.imports:
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif statement.level or statement.module is None:
            continue
        else:
            names = [statement.module, *(f"{statement.module}.{alias.name}" for alias in statement.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _is_short(expr: ast.Attribute) -> bool:
    node: ast.expr = expr
    for _ in range(6):
        if isinstance(node, ast.Name):
            return True
        if not isinstance(node, ast.Attribute):
            return False
        node = node.value
    return False


def _is_own(module: Module, value: ast.expr) -> bool:
    """Return whether a returned value is nothing that outlives the call: a call's result, or a local name's."""
    match value:
        case ast.Await(value=awaited):
            return _is_own(module, awaited)
        case ast.Name(id=name):
            return not module.scopes[module.tree].own(name)
        case _:
            return isinstance(value, ast.Call)


def _named(receiver: Receiver, name: str) -> Receiver:
    """Return a pool or an engine with one more name that its connections go by."""
    if receiver.type is None or not receiver.type.pool or name in receiver.route or len(receiver.route) >= MOST_NAMES:
        return receiver
    return replace(receiver, route=(*receiver.route, name))
