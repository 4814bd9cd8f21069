"""The evaluator behind `values`: calls.

Composing names of libraries, builtins, methods of texts and containers, and functions of the analysed files, whose
returned expressions are evaluated with the call's arguments in place of the parameters.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Hole, SqlTemplate
from txsafe.python.composables import Composable
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    Drawn,
    FilePath,
    Instance,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    any_value,
    combinations,
    limited,
    literal,
    rendered,
    told_apart,
)
from txsafe.python.fields import bound_fields, field_names, tuple_fields
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
    split_text,
)
from txsafe.python.frames import Argument, Frame
from txsafe.python.invocations import (
    defined_call,
    held_call,
    imported_call,
    invoked_on,
    partial_call,
    returned,
    unknown_call,
)
from txsafe.python.links import members
from txsafe.python.resources import drawn_entry, path_call, path_method
from txsafe.python.scopes import FunctionNode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from txsafe.python.evaluation import Evaluator

_CHAINED = frozenset(
    {"alias", "as_bytes", "as_string", "bindparams", "columns", "compile", "correlate", "distinct", "execution_options"}
    | {"group_by", "label", "limit", "order_by", "scalar_subquery", "select_from", "self_group", "with_for_update"}
)
"""Methods of composed SQL that leave what matters of the text as it is."""

_RENDERERS = frozenset({"mogrify", "compose_sql"})
"""Methods of cursors and the like that put parameters into a statement."""
_NUMBERS = frozenset({"int", "float", "len", "id", "hash", "ord", "abs", "round", "bool", "sum"})
_READERS = frozenset({"read", "read_text", "read_bytes", "readlines", "readline"})
_FORMATS = frozenset({"format", "format_map"})


def evaluate_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Iterable[Value]:
    """Return the alternatives of what a call returns."""
    qualified = frame.module.qualified_name(call.func)
    if qualified is not None:
        known = _known_call(evaluator, qualified, call, frame)
        if known is not None:
            return known
    for follow in (defined_call, imported_call):
        followed = follow(evaluator, call, frame)
        if followed is not None:
            return followed
    if isinstance(call.func, ast.Attribute) and not frame.module.is_receiver(call.func.value):
        return _method_call(evaluator, call, call.func, frame)
    held = held_call(evaluator, call, frame)
    if held is not None:
        return held
    names = tuple_fields(call.func, frame.module)
    if names:
        return (_plain_object(evaluator, names, call, frame),)
    whole = partial_call(call, frame)
    return (unknown_call(evaluator, call, frame),) if whole is None else evaluate_call(evaluator, whole, frame)


def _plain_object(evaluator: Evaluator, names: Sequence[str], call: ast.Call, frame: Frame) -> Instance:
    fields = bound_fields(evaluator, names, call, frame)
    return Instance("an object", frame.module.place(call), fields=fields)


# ---------------------------------------------------------------- names of libraries


def _known_call(evaluator: Evaluator, qualified: str, call: ast.Call, frame: Frame) -> Iterable[Value] | None:
    kind = evaluator.composables.get(qualified)
    if kind is not None:
        return _composed(evaluator, kind, call, frame)
    namespace, _, function = qualified.rpartition(".")
    while namespace:
        if evaluator.composables.get(namespace) is Composable.FUNCTION_NAMESPACE:
            name = qualified[len(namespace) + 1 :]
            return [_function_text(name, row, call, frame) for row in _argument_rows(evaluator, call, frame)]
        namespace = namespace.rpartition(".")[0]
    path = path_call(evaluator, qualified, call, frame)
    if path is not None:
        return path
    if qualified.startswith("builtins."):
        return _builtin(evaluator, function, call, frame)
    return _library_call(evaluator, qualified, call, frame) if call.args or qualified in _TABLES | _OBJECTS else None


def _library_call(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, qualified: str, call: ast.Call, frame: Frame
) -> Iterable[Value] | None:
    """Follow what the standard library's functions do to texts, lists, dictionaries and objects."""
    transform = _TEXT_FUNCTIONS.get(qualified)
    if transform is not None:
        values = evaluator.values(call.args[0], frame)
        return [transform(value) if isinstance(value, Text) else value for value in values]
    if qualified in _OBJECTS:
        return [_plain_object(evaluator, (), call, frame)]
    if qualified in _COPIES:
        return evaluator.values(call.args[0], frame)
    if qualified in _AS_TABLES:
        return _fields_as_table(evaluator, call, frame)
    if qualified in _TABLES:
        return [updated_table(evaluator, Table((), frame.module.place(call)), call, frame)]
    if qualified in _CHAINS:
        return [_chain(evaluator, call, frame, nested=qualified.endswith("from_iterable"))]
    if qualified in {"typing.cast", "typing_extensions.cast"} and len(call.args) == 2:
        return evaluator.values(call.args[1], frame)
    return None


_OBJECTS = frozenset({"types.SimpleNamespace", "argparse.Namespace"})
_COPIES = frozenset({"copy.copy", "copy.deepcopy", "types.MappingProxyType"})
_TABLES = frozenset({"collections.OrderedDict"})
_AS_TABLES = frozenset({"dataclasses.asdict", "attr.asdict", "attrs.asdict", "msgspec.structs.asdict", "builtins.vars"})
_CHAINS = frozenset({"itertools.chain", "itertools.chain.from_iterable"})


def _fields_as_table(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Iterable[Value] | None:
    """Return what `asdict(object)` gives: the fields by name."""
    of, place = call.args[0], frame.module.place(call)
    is_self = frame.module.is_receiver(of) and frame.instance is not None
    instances = (frame.instance,) if is_self else evaluator.values(of, frame)
    found: list[Value] = []
    for instance in instances:
        if not isinstance(instance, Instance) or instance.owner is None:
            return None
        names = field_names(*instance.owner)
        attributes = {name: ast.copy_location(ast.Attribute(of, name, ast.Load()), call) for name in names}
        entries = [(Text(literal(name, place)), evaluator.values(attributes[name], frame)) for name in names]
        found.append(Table(tuple(entries), place))
    return found


_TEXT_FUNCTIONS: Mapping[str, Callable[[Text], Text]] = {
    "textwrap.dedent": dedent_text,
    "inspect.cleandoc": clean_text,
}


def _composed(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, kind: Composable, call: ast.Call, frame: Frame
) -> Iterable[Value] | None:
    place = frame.module.place(call)
    if kind is Composable.PLACEHOLDER:
        return [Unknown("a bound parameter", place, Hole.VALUE)]
    if kind is Composable.QUERY:
        return [_query(row, call, frame) for row in _argument_rows(evaluator, call, frame)]
    if kind is Composable.IDENTIFIER:
        return [_dotted(row, call, frame) for row in _argument_rows(evaluator, call, frame)]
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


def _argument_rows(evaluator: Evaluator, call: ast.Call, frame: Frame) -> list[list[Value]]:
    """Return the positional arguments, one row for each combination of their alternatives."""
    values = _positional(evaluator, call, frame)
    return combinations([(number, alternatives) for number, alternatives in enumerate(values)])


def _dotted(parts: Sequence[Value], call: ast.Call, frame: Frame) -> Value:
    """Return a quoted name of one or several parts."""
    place = frame.module.place(call)
    if not parts:
        return Unknown("a name", place, Hole.IDENTIFIER)
    return _separated([], ".", [quoted_name(part).template for part in parts], call, frame)


def _function_text(name: str, arguments: Sequence[Value], call: ast.Call, frame: Frame) -> Value:
    """Return the SQL of a call in a function namespace: `func.set_config("a", x, False)`."""
    head = literal(f"{name}(", frame.module.place(call.func))
    parts = [quoted_value(argument).template for argument in arguments]
    inner = _separated([head], ", ", parts, call, frame)
    tail = literal(")", frame.module.place(call))
    return joined_text([rendered(inner), tail], frame.module.place(call), composed=True)


def _query(columns: Sequence[Value], call: ast.Call, frame: Frame) -> Value:
    """Return `SELECT` of a call's arguments, columns and the like as holes."""
    flat: list[Value] = []
    for column in columns:
        flat += [element[0] for element in column.values] if isinstance(column, Items) else [column]
    head = literal("SELECT ", frame.module.place(call.func))
    return _separated([head], ", ", [rendered(column) for column in flat], call, frame)


def _separated(
    head: list[SqlTemplate], separator: str, parts: Sequence[SqlTemplate], call: ast.Call, frame: Frame
) -> Value:
    place = frame.module.place(call)
    between = literal(separator, place)
    pieces = [piece for part in parts for piece in (between, part)]
    return joined_text([*head, *pieces[1:]], place, composed=True)


# ---------------------------------------------------------------- builtins


def _builtin(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, name: str, call: ast.Call, frame: Frame
) -> Iterable[Value] | None:
    place = frame.module.place(call)
    if name in _NUMBERS or name == "repr":
        return [Unknown(f"call of {name}()", place, Hole.VALUE)]
    match name:
        case "dict":
            return [updated_table(evaluator, Table((), place), call, frame)]
        case "range":
            return [Items((), place, Unknown("a number of a range", place, Hole.VALUE))]
        case "zip":
            return _zipped(evaluator, call, frame)
        case "getattr" if len(call.args) >= 2:
            return _got_attribute(evaluator, call, frame)
        case "map" | "filter" if len(call.args) == 2:
            return _mapped(evaluator, name, call, frame)
        case "str" | "bytes" if call.args and not isinstance(call.args[0], ast.Starred):
            values = evaluator.values(call.args[0], frame)
            return [text for value in values for text in _as_text(evaluator, value, call, frame)]
    return _sequence(evaluator, name, call, frame) if name in _SEQUENCES else None


def _as_text(evaluator: Evaluator, value: Value, call: ast.Call, frame: Frame) -> Values:
    """Return `str(value)`; of an object of the program, what its `__str__` says."""
    match value:
        case Scalar():
            return (Text(rendered(value)),)
        case Instance():
            plain = ast.copy_location(ast.Call(call.func, [], []), call)
            return _instance_method(evaluator, value, plain, "__str__", frame) or (value,)
    return (value,)


def _got_attribute(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Iterable[Value] | None:
    """Return what `getattr(object, "name")` gives where the name is known."""
    names = [name.known for name in evaluator.values(call.args[1], frame) if isinstance(name, Text)]
    found: list[Value] = []
    for name in names:
        if name is not None and name.isidentifier():
            attribute = ast.copy_location(ast.Attribute(call.args[0], name, ast.Load()), call)
            found += evaluator.values(attribute, frame)
    return [*found, *(value for default in call.args[2:3] for value in evaluator.values(default, frame))] or None


def _mapped(evaluator: Evaluator, name: str, call: ast.Call, frame: Frame) -> list[Value]:
    """Return `map(function, items)`, with the function called on each, and `filter(condition, items)`, unfiltered."""
    function, iterable = call.args
    elements, rest = evaluator.elements(evaluator.values(iterable, frame), iterable, frame)
    if name == "map":
        elements = [_applied(evaluator, function, element, call, frame) for element in elements]
    return [Items(tuple(elements), frame.module.place(call), rest)]


def _applied(evaluator: Evaluator, function: ast.expr, element: Values, call: ast.Call, frame: Frame) -> Values:
    if frame.module.qualified_name(function) in {"builtins.str", "sqlalchemy.text", "psycopg.sql.SQL"}:
        return element
    if isinstance(function, ast.Attribute) and frame.module.qualified_name(function.value) == "builtins.str":
        changed = [apply_method(value, function.attr, ()) for value in element if isinstance(value, Text)]
        return limited(value for value in changed if value is not None) or (unknown_call(evaluator, call, frame),)
    definition = frame.module.definition(function)
    names = [argument.arg for argument in getattr(getattr(definition, "args", None), "args", ())]
    if not isinstance(definition, FunctionNode) or len(names) != 1:
        return (evaluator.unknown("what map() makes of a value", call, frame),)
    inner = Frame(frame.module, definition, {names[0]: Argument(ready=element)}, outer=frame)
    return returned(evaluator, definition, inner) or (unknown_call(evaluator, call, frame),)


def _chain(evaluator: Evaluator, call: ast.Call, frame: Frame, *, nested: bool) -> Items:
    """Return what `itertools.chain(…)` yields."""
    found: list[Values] = []
    rest: Unknown | None = None
    for argument in call.args:
        elements, missing = evaluator.elements(evaluator.values(argument, frame), argument, frame)
        for element in elements if nested else ():
            more, _ = evaluator.elements(element, argument, frame)
            found += more
        found += () if nested else elements
        rest = rest or missing
    return Items(tuple(found[:ELEMENT_LIMIT]), frame.module.place(call), rest)


def _sequence(evaluator: Evaluator, name: str, call: ast.Call, frame: Frame) -> Iterable[Value]:
    if not call.args or isinstance(call.args[0], ast.Starred):
        return [Items((), frame.module.place(call))]
    return [_listed(evaluator, value, call, frame, name) for value in evaluator.values(call.args[0], frame)]


_SEQUENCES = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "enumerate"})


def _listed(evaluator: Evaluator, value: Value, call: ast.Call, frame: Frame, name: str) -> Value:
    elements, rest = evaluator.elements((value,), call, frame)
    place = frame.module.place(call)
    if name == "reversed":
        elements = elements[::-1]
    if name == "enumerate":
        number = Unknown("a number", place, Hole.VALUE)
        elements = [(Items(((number,), element), place),) for element in elements]
    return Items(tuple(elements), place, rest)


def _zipped(evaluator: Evaluator, call: ast.Call, frame: Frame) -> list[Value]:
    columns = [evaluator.elements(evaluator.values(argument, frame), argument, frame) for argument in call.args]
    place = frame.module.place(call)
    rest = next((missing for _, missing in columns if missing is not None), None)
    rows = zip(*(elements for elements, _ in columns), strict=False)
    return [Items(tuple((Items(tuple(row), place),) for row in rows), place, rest)]


def updated_table(evaluator: Evaluator, table: Table, call: ast.Call, frame: Frame) -> Table:
    """Return a table with what `dict(…)` or `.update(…)` puts into it."""
    mappings = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is None)]
    for expr in mappings:
        table = table.overlaid(tuple(_as_table(value) for value in evaluator.values(expr, frame)))
    return table.updated(
        (Text(literal(keyword.arg, frame.module.place(keyword))), evaluator.values(keyword.value, frame))
        for keyword in call.keywords
        if keyword.arg is not None
    )


def _as_table(value: Value) -> Value:
    """Return a list of pairs as the table that `dict` makes of it."""
    if not isinstance(value, Items):
        return value
    pairs = [element[0] for element in value.values]
    entries = [
        (pair.values[0][0], pair.values[1]) for pair in pairs if isinstance(pair, Items) and len(pair.values) == 2
    ]
    complete = len(entries) == len(pairs)
    rest = value.rest if complete else Unknown("entries that are not known", value.place)
    return Table((), value.place).updated(entries, rest)


# ---------------------------------------------------------------- methods


def _method_call(evaluator: Evaluator, call: ast.Call, function: ast.Attribute, frame: Frame) -> Values:
    found: list[Value] = []
    for receiver in evaluator.values(function.value, frame):
        match receiver:
            case Drawn() if function.attr in {"get", "pop"} and call.args:
                keys = (key.known for key in evaluator.values(call.args[0], frame) if isinstance(key, Text))
                values = tuple(value for key in keys for value in drawn_entry(receiver, key))
            case FilePath():
                values = path_method(evaluator, receiver, function.attr, call, frame)
            case Instance():
                values = _instance_method(evaluator, receiver, call, function.attr, frame)
            case Text():
                values = _text_method(evaluator, receiver, function.attr, call, frame)
            case Items():
                values = (receiver,) if function.attr in {"copy", "__iter__"} else ()
            case Table():
                values = _table_method(evaluator, receiver, function.attr, call, frame)
            case Unknown() if function.attr in _RENDERERS and call.args:
                values = evaluator.values(call.args[0], frame)
            case Unknown() if function.attr in _READERS:
                values = (evaluator.unknown("read from a file", call, frame),)
            case Unknown() if function.attr in _FORMATS or function.attr == "join":
                values = (Unknown(receiver.reason, frame.module.place(call)),)
            case _:
                values = ()
        found += values or (unknown_call(evaluator, call, frame),)
    return limited(found)


def _instance_method(evaluator: Evaluator, instance: Instance, call: ast.Call, name: str, frame: Frame) -> Values:
    """Return what a method of an object returns, whose class the name that holds it does not tell."""
    bindings = () if instance.owner is None else members(*instance.owner, name)
    if not bindings:
        return ()
    home, binding = bindings[-1]
    return invoked_on(evaluator, home, binding.node, call, frame, instance)


def _text_method(evaluator: Evaluator, text: Text, name: str, call: ast.Call, frame: Frame) -> Values:
    if name == "format":
        return _formatted(evaluator, text, call, frame)
    if name in {"split", "rsplit", "splitlines"}:
        return split_text(text, name, _argument_rows(evaluator, call, frame)[0], frame.module.place(call))
    if name in {"substitute", "safe_substitute", "format_map"}:
        given = updated_table(evaluator, Table((), frame.module.place(call)), call, frame)
        fill = format_braces if name == "format_map" else format_dollars
        return tuple(fill(text, each.get) for each in told_apart(given) if isinstance(each, Table))
    if name == "join" and call.args:
        items = evaluator.values(call.args[0], frame)
        return tuple(joined for value in items for joined in _joined(text, value, call, frame))
    if text.composed:
        chained = _chained(evaluator, text, name, call, frame)
        if chained is not None:
            return (chained,)
    changed = [apply_method(text, name, row) for row in _argument_rows(evaluator, call, frame)]
    return tuple(value for value in changed if value is not None)


def _joined(text: Text, value: Value, call: ast.Call, frame: Frame) -> Values:
    if isinstance(value, Items):
        return join_texts(text, value)
    if isinstance(value, Table):
        return join_texts(text, Items(tuple((key,) for key, _ in value.entries), value.place, value.rest))
    reason = value.reason if isinstance(value, Unknown) else "a join of something else"
    return (Unknown(reason, frame.module.place(call)),)


def _formatted(evaluator: Evaluator, text: Text, call: ast.Call, frame: Frame) -> Values:
    """Return `text.format(…)`: one alternative per combination of its arguments' alternatives."""
    keywords = ast.copy_location(ast.Call(call.func, [], call.keywords), call)
    named = updated_table(evaluator, Table((), frame.module.place(call)), keywords, frame)
    positional = _positional(evaluator, call, frame)
    choices: list[tuple[object, Values]] = [(str(number), values) for number, values in enumerate(positional)]
    choices += [(key.known, values) for key, values in named.entries if isinstance(key, Text)]
    names = [name for name, _ in choices]
    return tuple(format_braces(text, _Given(names, row)) for row in combinations(choices))


class _Given:
    """The arguments of one call of `.format`, by number and name."""

    def __init__(self, names: Sequence[object], values: Sequence[Value]) -> None:
        self.values = dict(zip(names, values, strict=True))

    def __call__(self, name: str) -> Values:
        value = self.values.get(name)
        return () if value is None else (value,)


def _positional(evaluator: Evaluator, call: ast.Call, frame: Frame) -> list[Values]:
    """Return the alternatives of each positional argument; `*rest` that is not known ends them."""
    found: list[Values] = []
    for argument in call.args:
        if not isinstance(argument, ast.Starred):
            found.append(evaluator.values(argument, frame))
            continue
        elements, rest = evaluator.elements(evaluator.values(argument.value, frame), argument, frame)
        found += elements
        if rest is not None:
            break
    return found


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
        if not values and isinstance(table.rest, Drawn):
            values = drawn_entry(table.rest, known)
        if not values:
            closed = known is not None and table.rest is None
            values = (
                default
                if closed
                else (*any_value(table, frame.module.place(call), only_rest=known is not None), *default)
            )
        found += values
    return limited(found)
