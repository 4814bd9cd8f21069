"""The evaluator behind `values`: calls.

Composing names of libraries, builtins, methods of texts and containers, and functions of the analysed files, whose
returned expressions are evaluated with the call's arguments in place of the parameters.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Hole
from txsafe.python.composables import Composable
from txsafe.python.domain import (
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    combinations,
    limited,
    literal,
    rendered,
)
from txsafe.python.formatting import (
    apply_method,
    clean_text,
    dedent_text,
    format_braces,
    format_dollars,
    join_texts,
    joined_text,
    quoted_name,
    quoted_value,
)
from txsafe.python.frames import Argument, Frame
from txsafe.python.scopes import BindingKind, FunctionNode, Module, has_decorator, is_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from txsafe.python.evaluation import Evaluator

_CHAINED = frozenset(
    {
        "alias", "as_bytes", "as_string", "bindparams", "columns", "compile", "correlate", "distinct", "execution_options",
        "group_by", "label", "limit", "order_by", "scalar_subquery", "select_from", "self_group", "with_for_update",
    }
)  # fmt: skip
"""Methods of composed SQL that leave what matters of the text as it is."""

_NUMBERS = frozenset({"int", "float", "len", "id", "hash", "ord", "abs", "round", "bool", "sum"})
_READERS = frozenset({"read", "read_text", "read_bytes", "readlines", "readline"})
_FORMATS = frozenset({"format", "format_map"})
_RETURN_LIMIT = 64


def last_name(expr: ast.expr) -> str:
    """Return the last part of a dotted name; empty for anything else."""
    match expr:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def evaluate_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Iterable[Value]:
    """Return the alternatives of what a call returns."""
    qualified = frame.module.qualified_name(call.func)
    if qualified is not None:
        known = _known_call(evaluator, qualified, call, frame)
        if known is not None:
            return known
    defined = _defined_call(evaluator, call, frame)
    if defined is not None:
        return defined
    if isinstance(call.func, ast.Attribute):
        return _method_call(evaluator, call, call.func, frame)
    if qualified is not None:
        followed = _imported_call(evaluator, qualified, call, frame)
        if followed is not None:
            return followed
    partial = _partial_call(evaluator, call, frame)
    return partial or (_unknown_call(evaluator, call, frame),)


def _unknown_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Unknown:
    name = last_name(call.func)
    if name in _READERS:
        return evaluator.unknown("read from a file", call, frame)
    return evaluator.unknown(f"call of {name}()" if name else "a call", call, frame)


# ---------------------------------------------------------------- names of libraries


def _known_call(evaluator: Evaluator, qualified: str, call: ast.Call, frame: Frame) -> Iterable[Value] | None:
    kind = evaluator.composables.get(qualified)
    if kind is not None:
        return _composed(evaluator, kind, call, frame)
    namespace, _, function = qualified.rpartition(".")
    while namespace:
        if evaluator.composables.get(namespace) is Composable.FUNCTION_NAMESPACE:
            return [_function_text(evaluator, qualified[len(namespace) + 1 :], call, frame)]
        namespace = namespace.rpartition(".")[0]
    if qualified.startswith("builtins."):
        return _builtin(evaluator, function, call, frame)
    transform = _TEXT_FUNCTIONS.get(qualified)
    if transform is not None and call.args:
        values = evaluator.values(call.args[0], frame)
        return [transform(value) if isinstance(value, Text) else value for value in values]
    if qualified in {"typing.cast", "typing_extensions.cast"} and len(call.args) == 2:
        return evaluator.values(call.args[1], frame)
    return None


_TEXT_FUNCTIONS: Mapping[str, Callable[[Text], Text]] = {
    "textwrap.dedent": dedent_text,
    "inspect.cleandoc": clean_text,
}


def _composed(evaluator: Evaluator, kind: Composable, call: ast.Call, frame: Frame) -> Iterable[Value] | None:
    place = frame.module.place(call)
    match kind:
        case Composable.PLACEHOLDER:
            return [Unknown("a bound parameter", place, Hole.VALUE)]
        case Composable.QUERY:
            return [_query(evaluator, call, frame)]
        case Composable.IDENTIFIER:
            parts = [quoted_name(evaluator.values(argument, frame)[0]) for argument in call.args]
            return [_dotted(parts, frame, call)]
    first = call.args[0] if call.args else next((keyword.value for keyword in call.keywords), None)
    if first is None or isinstance(first, ast.Starred):
        return None
    values = evaluator.values(first, frame)
    match kind:
        case Composable.VERBATIM:
            return [Text(value.template, composed=True) if isinstance(value, Text) else value for value in values]
        case Composable.LITERAL:
            return [quoted_value(value) for value in values]
        case Composable.CONCATENATION:
            empty = Text(literal("", place), composed=True)
            return [text for value in values if isinstance(value, Items) for text in join_texts(empty, value)]
    return None


def _dotted(parts: Sequence[Text], frame: Frame, call: ast.Call) -> Value:
    place = frame.module.place(call)
    if not parts:
        return Unknown("a name", place, Hole.IDENTIFIER)
    dot = literal(".", place)
    pieces = [piece for part in parts for piece in (dot, part.template)]
    return joined_text(pieces[1:], place, composed=True)


def _function_text(evaluator: Evaluator, name: str, call: ast.Call, frame: Frame) -> Value:
    """Return the SQL of a call in a function namespace: `func.set_config("a", x, False)`."""
    place = frame.module.place(call)
    pieces = [literal(f"{name}(", frame.module.place(call.func))]
    for number, argument in enumerate(call.args):
        if number:
            pieces.append(literal(", ", place))
        pieces.append(quoted_value(evaluator.values(argument, frame)[0]).template)
    return joined_text([*pieces, literal(")", place)], place, composed=True)


def _query(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Value:
    """Return `SELECT` of a call's arguments, columns and the like as holes."""
    place = frame.module.place(call)
    columns: list[Value] = []
    for argument in call.args:
        value = evaluator.values(argument, frame)[0]
        columns += [element[0] for element in value.values] if isinstance(value, Items) else [value]
    pieces = [literal("SELECT ", frame.module.place(call.func))]
    for number, column in enumerate(columns):
        if number:
            pieces.append(literal(", ", place))
        pieces.append(rendered(column))
    return joined_text(pieces, place, composed=True)


# ---------------------------------------------------------------- builtins


def _builtin(evaluator: Evaluator, name: str, call: ast.Call, frame: Frame) -> Iterable[Value] | None:
    if name in _NUMBERS:
        return [evaluator.unknown(f"call of {name}()", call, frame, Hole.VALUE)]
    if name == "open":
        return [evaluator.unknown("a file", call, frame)]
    if name == "dict":
        return [updated_table(evaluator, Table((), frame.module.place(call)), call, frame)]
    if name == "range":
        rest = evaluator.unknown("a number of a range", call, frame, Hole.VALUE)
        return [Items((), frame.module.place(call), rest)]
    if not call.args or isinstance(call.args[0], ast.Starred):
        return [Items((), frame.module.place(call))] if name in _SEQUENCES else None
    values = evaluator.values(call.args[0], frame)
    if name in _SEQUENCES:
        return [_listed(evaluator, value, call, frame, name) for value in values]
    if name == "str":
        return [Text(rendered(value)) if isinstance(value, Scalar) else value for value in values]
    if name == "repr":
        return [evaluator.unknown("the representation of a value", call, frame, Hole.VALUE)]
    if name == "bytes":
        return values
    return _zipped(evaluator, call, frame) if name == "zip" else None


_SEQUENCES = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "enumerate"})


def _listed(evaluator: Evaluator, value: Value, call: ast.Call, frame: Frame, name: str) -> Value:
    elements, rest = evaluator.elements((value,), call, frame)
    place = frame.module.place(call)
    if name == "reversed":
        elements = elements[::-1]
    if name == "enumerate":
        number = Unknown("a number", place, Hole.VALUE)
        elements = [(Items(((number,), element), place),) for element in elements]
        rest = rest and Unknown(rest.reason, rest.place, rest.hole)
    return Items(tuple(elements), place, rest)


def _zipped(evaluator: Evaluator, call: ast.Call, frame: Frame) -> list[Value]:
    columns = [evaluator.elements(evaluator.values(argument, frame), argument, frame) for argument in call.args]
    place = frame.module.place(call)
    rest = next((missing for _, missing in columns if missing is not None), None)
    rows = zip(*(elements for elements, _ in columns), strict=False)
    return [Items(tuple((Items(tuple(row), place),) for row in rows), place, rest)]


def updated_table(evaluator: Evaluator, table: Table, call: ast.Call, frame: Frame) -> Table:
    """Return a table with what `dict(…)` or `.update(…)` puts into it."""
    place = frame.module.place(call)
    rest = Unknown("entries that are not known", place)
    mappings = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is None)]
    for expr in mappings:
        value = evaluator.values(expr, frame)[0]
        if isinstance(value, Table):
            table = table.updated(value.entries, value.rest)
        elif isinstance(value, Items) and value.rest is None:
            pairs = [element[0] for element in value.values]
            entries = [
                (pair.values[0][0], pair.values[1])
                for pair in pairs
                if isinstance(pair, Items) and len(pair.values) == 2
            ]
            table = table.updated(entries, rest if len(entries) < len(pairs) else None)
        else:
            table = table.updated((), rest)
    return table.updated(
        (Text(literal(keyword.arg, frame.module.place(keyword))), evaluator.values(keyword.value, frame))
        for keyword in call.keywords
        if keyword.arg is not None
    )


# ---------------------------------------------------------------- methods


def _method_call(evaluator: Evaluator, call: ast.Call, function: ast.Attribute, frame: Frame) -> Values:
    if isinstance(function.value, ast.Name) and frame.module.is_receiver(function.value):
        return (_unknown_call(evaluator, call, frame),)
    found: list[Value] = []
    for receiver in evaluator.values(function.value, frame):
        match receiver:
            case Text():
                values = _text_method(evaluator, receiver, function.attr, call, frame)
            case Items():
                values = (receiver,) if function.attr in {"copy", "__iter__"} else ()
            case Table():
                values = _table_method(evaluator, receiver, function.attr, call, frame)
            case Unknown() if function.attr in _READERS:
                values = (evaluator.unknown("read from a file", call, frame),)
            case Unknown() if function.attr in _FORMATS or function.attr == "join":
                values = (Unknown(receiver.reason, frame.module.place(call)),)
            case _:
                values = ()
        found += values or (_unknown_call(evaluator, call, frame),)
    return limited(found)


def _text_method(evaluator: Evaluator, text: Text, name: str, call: ast.Call, frame: Frame) -> Values:
    if name == "format":
        return _formatted(evaluator, text, call, frame)
    if name in {"substitute", "safe_substitute", "format_map"}:
        given = updated_table(evaluator, Table((), frame.module.place(call)), call, frame)
        return ((format_braces if name == "format_map" else format_dollars)(text, given.get),)
    if name == "join" and call.args:
        items = evaluator.values(call.args[0], frame)
        found = [joined for value in items for joined in _joined(evaluator, text, value, call, frame)]
        return tuple(found)
    if name == "split" and not text.composed:
        return ()
    if text.composed:
        chained = _chained(evaluator, text, name, call, frame)
        if chained is not None:
            return (chained,)
    arguments = [evaluator.values(argument, frame)[0] for argument in call.args]
    changed = apply_method(text, name, arguments)
    return () if changed is None else (changed,)


def _joined(evaluator: Evaluator, text: Text, value: Value, call: ast.Call, frame: Frame) -> Values:
    if isinstance(value, Items):
        return join_texts(text, value)
    if isinstance(value, Table):
        return join_texts(text, Items(tuple((key,) for key, _ in value.entries), value.place, value.rest))
    reason = value.reason if isinstance(value, Unknown) else "a join of something else"
    return (Unknown(reason, frame.module.place(call)),)


def _formatted(evaluator: Evaluator, text: Text, call: ast.Call, frame: Frame) -> Values:
    """Return `text.format(…)`: one alternative per alternative of its arguments."""
    named = updated_table(evaluator, Table((), frame.module.place(call)), _without_arguments(call), frame)
    positional, missing = _positional(evaluator, call, frame)
    choices: list[tuple[object, Values]] = [(str(number), values) for number, values in enumerate(positional)]
    choices += [(key.known, values) for key, values in named.entries if isinstance(key, Text)]

    found = []
    for row in combinations([(key if len(values) > 1 else None, values) for key, values in choices]):
        given = {key: (value,) for (key, _), value in zip(choices, row, strict=True)}
        found.append(format_braces(text, lambda name, given=given: given.get(name, ())))  # type: ignore[misc]
    del missing
    return tuple(found)


def _without_arguments(call: ast.Call) -> ast.Call:
    return ast.copy_location(ast.Call(call.func, [], call.keywords), call)


def _positional(evaluator: Evaluator, call: ast.Call, frame: Frame) -> tuple[list[Values], Unknown | None]:
    found: list[Values] = []
    for argument in call.args:
        if not isinstance(argument, ast.Starred):
            found.append(evaluator.values(argument, frame))
            continue
        elements, rest = evaluator.elements(evaluator.values(argument.value, frame), argument, frame)
        found += elements
        if rest is not None:
            return found, rest
    return found, None


def _chained(evaluator: Evaluator, text: Text, name: str, call: ast.Call, frame: Frame) -> Value | None:
    """Return what a method of a statement object makes of it."""
    if name in _CHAINED:
        return text
    place = frame.module.place(call)
    if name == "select":
        return joined_text([literal("SELECT ", place), text.template], place, composed=True)
    if name in {"where", "filter", "having", "add_columns", "join", "outerjoin"}:
        word = literal(_CLAUSES.get(name, ", "), place)
        parts = [rendered(evaluator.values(argument, frame)[0]) for argument in call.args]
        pieces = [piece for part in parts for piece in (word, part)]
        return joined_text([text.template, *pieces], place, composed=True)
    return None


_CLAUSES: Mapping[str, str] = {"where": " WHERE ", "filter": " WHERE ", "having": " HAVING ", "join": " JOIN "}


def _table_method(evaluator: Evaluator, table: Table, name: str, call: ast.Call, frame: Frame) -> Values:
    place = table.place
    match name:
        case "items":
            pairs = tuple((Items(((key,), values), place),) for key, values in table.entries)
            return (Items(pairs, place, table.rest),)
        case "values":
            return (Items(tuple(values for _, values in table.entries), place, table.rest),)
        case "keys":
            return (Items(tuple((key,) for key, _ in table.entries), place, table.rest),)
        case "copy":
            return (table,)
        case "get" | "pop" | "setdefault" if call.args:
            default = evaluator.values(call.args[1], frame) if len(call.args) > 1 else ()
            return _got(evaluator, table, call, default, frame)
    return ()


def _got(evaluator: Evaluator, table: Table, call: ast.Call, default: Values, frame: Frame) -> Values:
    found: list[Value] = []
    for key in evaluator.values(call.args[0], frame):
        known = key.known if isinstance(key, Text) else None
        values = table.get(known) if known is not None else ()
        if not values:
            closed = known is not None and table.rest is None
            values = (
                default if closed else (*evaluator.any_value(table, call, frame, only_rest=known is not None), *default)
            )
        found += values
    return limited(found)


# ---------------------------------------------------------------- functions of the analysed files


def _defined_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Values | None:
    function = _overriding(evaluator, call, frame) or frame.module.definition(call.func)
    if isinstance(function, ast.ClassDef):
        return (evaluator.unknown(f"an instance of {function.name}", call, frame),)
    if function is None:
        return None
    return invoked(evaluator, frame.module, function, call, frame)


def _overriding(evaluator: Evaluator, call: ast.Call, frame: Frame) -> ast.AST | None:
    """Return the method of the class that `self` is known to be, which may override that of the class it stands in."""
    match call.func:
        case ast.Attribute(value=value, attr=name) if frame.receiver is not None and frame.module.is_receiver(value):
            bindings = frame.module.attribute(frame.receiver, name)
            return bindings[-1].node if bindings and isinstance(bindings[-1].node, FunctionNode) else None
    return None


def _imported_call(evaluator: Evaluator, qualified: str, call: ast.Call, frame: Frame) -> Values | None:
    found = evaluator.located(qualified, frame.module, 20)
    if found is None:
        return None
    module, names = found
    bindings = module.scopes[module.tree].own(names[0])
    for name in names[1:]:
        owner = bindings[-1].node if bindings else None
        bindings = module.attribute(owner, name) if isinstance(owner, ast.ClassDef) else ()
    if not bindings or not isinstance(bindings[-1].node, FunctionNode):
        return None
    return invoked(evaluator, module, bindings[-1].node, call, frame)


def invoked(evaluator: Evaluator, module: Module, function: ast.AST, call: ast.Call, frame: Frame) -> Values:
    """Return what a function returns for a call's arguments."""
    inner = called_frame(evaluator, module, function, call, frame)
    if inner is None:
        return (_unknown_call(evaluator, call, frame),)
    return returned(evaluator, function, inner) or (_unknown_call(evaluator, call, frame),)


def called_frame(evaluator: Evaluator, module: Module, function: ast.AST, call: ast.Call, frame: Frame) -> Frame | None:
    """Return the frame of a function's body for one call of it; None where that call is not followed."""

    if not isinstance(function, FunctionNode) or has_decorator(function, *_OPAQUE) or _calls_itself(function, frame):
        return None
    receiver = _receiver_class(evaluator, module, call, frame)
    skipped = 1 if is_method(module, function) and not _names_class(module, call, frame) else 0
    arguments = bound_arguments(evaluator, function, call, frame, skipped=skipped)
    outer = frame if frame.module is module else None
    return Frame(module, function, arguments, outer=outer, receiver=receiver)


_OPAQUE = ("contextmanager", "asynccontextmanager", "overload", "singledispatch", "fixture")


def _calls_itself(function: ast.AST, frame: Frame) -> bool:
    current: Frame | None = frame
    while current is not None:
        if current.function is function:
            return True
        current = current.outer
    return False


def _receiver_class(evaluator: Evaluator, module: Module, call: ast.Call, frame: Frame) -> ast.ClassDef | None:
    if not isinstance(call.func, ast.Attribute) or frame.module is not module:
        return None
    return evaluator.owner_of(call.func.value, frame)


def _names_class(module: Module, call: ast.Call, frame: Frame) -> bool:
    """Return whether a method is called through its class, so that `self` is passed along (`Class.method(x)`)."""
    match call.func:
        case ast.Attribute(value=ast.Name() as owner) if frame.module is module:
            definition = module.definition(owner)
            function = module.definition(call.func)
            return isinstance(definition, ast.ClassDef) and not has_decorator(function or owner, "classmethod")
    return False


def bound_arguments(
    evaluator: Evaluator, function: FunctionNode, call: ast.Call, frame: Frame, *, skipped: int = 0
) -> Mapping[str, Argument]:
    """Return what a call gives each parameter; parameters that it leaves out have their defaults."""

    positional = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)][skipped:]
    names = {*positional, *(argument.arg for argument in function.args.kwonlyargs)}
    bound: dict[str, Argument] = {}
    given, uncertain = _given(evaluator, call, frame)
    bound.update(zip(positional, given, strict=False))
    surplus = given[len(positional) :]
    extra: list[tuple[Value, Values]] = []
    for keyword in call.keywords:
        if keyword.arg is None:
            uncertain |= _bind_table(evaluator, keyword.value, bound, names, frame)
        elif keyword.arg in names:
            bound[keyword.arg] = Argument(keyword.value, frame)
        else:
            key = Text(literal(keyword.arg, frame.module.place(keyword)))
            extra.append((key, evaluator.values(keyword.value, frame)))
    place = frame.module.place(call)
    if function.args.vararg is not None and not uncertain:
        elements = tuple(_argument_values(evaluator, argument) for argument in surplus)
        bound[function.args.vararg.arg] = Argument(ready=(Items(elements, place),))
    if function.args.kwarg is not None and not uncertain:
        bound[function.args.kwarg.arg] = Argument(ready=(Table((), place).updated(extra),))
    if not uncertain:
        _bind_defaults(evaluator, function, bound, frame)
    return bound


def _given(evaluator: Evaluator, call: ast.Call, frame: Frame) -> tuple[list[Argument], bool]:

    given: list[Argument] = []
    for argument in call.args:
        if not isinstance(argument, ast.Starred):
            given.append(Argument(argument, frame))
            continue
        elements, rest = evaluator.elements(evaluator.values(argument.value, frame), argument, frame)
        given += [Argument(ready=values) for values in elements]
        if rest is not None:
            return given, True
    return given, False


def _argument_values(evaluator: Evaluator, argument: Argument) -> Values:
    if argument.expr is None or argument.frame is None:
        return argument.ready
    return evaluator.values(argument.expr, argument.frame)


def _bind_table(
    evaluator: Evaluator, expr: ast.expr, bound: dict[str, Argument], names: set[str], frame: Frame
) -> bool:
    """Bind what `**expr` gives; return whether it may give more."""

    uncertain = False
    for value in evaluator.values(expr, frame):
        if not isinstance(value, Table):
            uncertain = True
            continue
        uncertain |= value.rest is not None
        for key, values in value.entries:
            if isinstance(key, Text) and key.known in names:
                bound[key.template.text] = Argument(ready=values)
    return uncertain


def _bind_defaults(evaluator: Evaluator, function: FunctionNode, bound: dict[str, Argument], frame: Frame) -> None:

    arguments = function.args
    positional = (*arguments.posonlyargs, *arguments.args)
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    for argument, default in pairs:
        if argument.arg not in bound:
            bound[argument.arg] = Argument(default, frame.outer if frame.function else frame)


def returned(evaluator: Evaluator, function: ast.AST, frame: Frame) -> Values:
    """Return what a function's body returns in a frame."""
    if isinstance(function, ast.Lambda):
        return evaluator.values(function.body, frame)
    results = frame.module.returns.get(function, [])
    yields = [result for result in results if isinstance(result, ast.Yield | ast.YieldFrom)]
    if yields:
        return (_generated(evaluator, yields, function, frame),)
    found: list[Value] = []
    for result in results[:_RETURN_LIMIT]:
        if result.value is None:
            found.append(Scalar(None, frame.module.place(result)))
        else:
            found += evaluator.values(result.value, frame)
    return limited(found)


def _generated(
    evaluator: Evaluator, yields: Sequence[ast.Return | ast.Yield | ast.YieldFrom], function: ast.AST, frame: Frame
) -> Items:
    elements: list[Values] = []
    rest: Unknown | None = None
    for result in yields[:_RETURN_LIMIT]:
        if result.value is None:
            continue
        values = evaluator.values(result.value, frame)
        if isinstance(result, ast.YieldFrom):
            more, missing = evaluator.elements(values, result, frame)
            elements += more
            rest = rest or missing
        elif evaluator.in_loop(result, frame):
            elements += [(value,) for value in values]
        else:
            elements.append(values)
    return Items(tuple(elements), frame.module.place(function), rest)


def _partial_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Values | None:
    """Return what a call of `functools.partial(function, …)` held by a name returns."""
    if not isinstance(call.func, ast.Name):
        return None
    for binding in frame.module.reaching(call.func):
        bound = binding.value
        is_partial = (
            binding.kind is BindingKind.ASSIGN
            and isinstance(bound, ast.Call)
            and frame.module.qualified_name(bound.func) == "functools.partial"
        )
        if is_partial and isinstance(bound, ast.Call) and bound.args:
            whole = ast.Call(bound.args[0], [*bound.args[1:], *call.args], [*bound.keywords, *call.keywords])
            return tuple(evaluate_call(evaluator, ast.copy_location(whole, call), frame))
    return None
