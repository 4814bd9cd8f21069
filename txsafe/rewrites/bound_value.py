"""SET with a value that the program puts into its text → `set_config(name, value, true)` with a bound parameter.

In: a use of the rules `session-set` and `session-role` whose value is interpolated, its surroundings. Out: a `Fix`, or
None. SET takes no parameters, set_config() does: an injection less. It returns a row, so nobody may wait for none.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, StatementKind
from txsafe.python.names import last_name
from txsafe.rewrites.block_scope import applicability_in_block, what_is_missing
from txsafe.rewrites.role_settings import LISTS, is_in_hook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

_HEAD = re.compile(
    r"\s*SET\s+(?:SESSION\s+)?(?:(?P<role>ROLE\s+)|(?P<name>[A-Za-z_][\w.]*)\s*(?:=|\bTO\b)\s*)(?P<quote>['\"]?)\Z",
    re.IGNORECASE,
)
_END = re.compile(r"(?P<quote>['\"]?)\s*;?\s*\Z")
_FIELD = re.compile(r"\{\}")
_MARK = re.compile(r"%s")

_CALLS: Mapping[str, str] = {
    "psycopg": "\"SELECT set_config('{name}', %s, true)\", ({value},)",
    "psycopg2": "\"SELECT set_config('{name}', %s, true)\", ({value},)",
    "django": "\"SELECT set_config('{name}', %s, true)\", [{value}]",
    "asyncpg": "\"SELECT set_config('{name}', $1, true)\", {value}",
    "sqlalchemy": '{text}("SELECT set_config(\'{name}\', :value, true)"), {{"value": {value}}}',
}
"""Driver → the arguments of its call, as it spells bound parameters."""


_RULES = frozenset({"session-set", "session-role"})
_KINDS = frozenset({StatementKind.SET, StatementKind.SET_ROLE})


def bind_value(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that binds an interpolated value."""
    spelling, template = use.spelling, _CALLS.get(use.driver or "")
    if use.rule not in _RULES or spelling is None or template is None or spelling.statement.kind not in _KINDS:
        return None
    place = spelling.site.place
    module, call = surroundings.module(place.path), surroundings.call(place)
    if is_in_hook(use, surroundings):
        return None
    if module is None or call is None or len(call.args) != 1 or call.keywords or not _is_statement(module, call):
        return None
    maker, expr = _unwrapped(call.args[0])
    if (use.driver == "sqlalchemy") != (maker is not None):
        return None
    bound = _bind(module, expr)
    if bound is None:
        return None
    name, value = bound
    text = template.format(name=name, value=value, text=None if maker is None else ast.unparse(maker))
    applicability = applicability_in_block(use, surroundings)
    title = "Bind the value, and set it for the transaction only"
    if applicability is Applicability.DISPLAY_ONLY:
        title += f", {what_is_missing(use, surroundings)}"
    elif applicability is Applicability.SAFE:
        applicability = Applicability.UNSAFE  # what is bound is no longer read as SQL
    edit = Edit(place=module.place(call.args[0]), replacement=text)
    return Fix(title=title, edits=(edit,), applicability=applicability)


def _is_statement(module: Module, call: ast.Call) -> bool:
    """Return whether nobody looks at what a call returns."""
    parent = module.parent(call)
    parent = module.parent(parent) if isinstance(parent, ast.Await) else parent
    return isinstance(parent, ast.Expr)


def _unwrapped(expr: ast.expr) -> tuple[ast.expr | None, ast.expr]:
    """Return what makes a statement of a text (`text`), if anything does, and the text."""
    match expr:
        case ast.Call(func=func, args=[inner], keywords=[]) if last_name(func) == "text":
            return func, inner
        case _:
            return None, expr


def _bind(module: Module, expr: ast.expr) -> tuple[str, str] | None:
    """Return the parameter's name and the expression of its value."""
    pieces = _pieces(expr)
    if pieces is None or len(pieces) < 2 or not isinstance(pieces[0], str):
        return None
    head = _HEAD.fullmatch(pieces[0])
    last = pieces[-1] if isinstance(pieces[-1], str) else ""
    end = _END.fullmatch(last)
    if head is None or end is None or head["quote"] != end["quote"]:
        return None
    name = (head["name"] or "role").lower()
    if head["quote"] and name in LISTS:
        return None
    fields = pieces[1:-1] if isinstance(pieces[-1], str) else pieces[1:]
    if len(fields) != 1 or isinstance(fields[0], str) or (not head["quote"] and _is_quoted(module, fields[0])):
        return None
    return name, _as_text(module, fields[0])


def _pieces(expr: ast.expr) -> list[str | ast.expr] | None:
    """Return the texts and the values that an expression puts together; None where it does so in another way."""
    match expr:
        case ast.JoinedStr(values=values):
            found: list[str | ast.expr] = []
            for value in values:
                match value:
                    case ast.Constant(value=str(text)):
                        found.append(text)
                    case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                        found.append(inner)
                    case _:
                        return None
            return found
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add(), right=right):
            return [text, right]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            values = right.elts if isinstance(right, ast.Tuple) else [right]
            return _split(text, _MARK, values) if text.count("%") == 1 else None
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=values, keywords=[]):
            return _split(text, _FIELD, values) if text.count("{") == 1 else None
        case _:
            return None


def _split(text: str, mark: re.Pattern[str], values: list[ast.expr]) -> list[str | ast.expr] | None:
    parts = mark.split(text)
    if len(parts) != 2 or len(values) != 1 or isinstance(values[0], ast.Starred | ast.Dict):
        return None
    return [parts[0], values[0], *([parts[1]] if parts[1] else [])]


def _is_quoted(module: Module, expr: ast.expr) -> bool:
    """Return whether a value brings quotes of its own: they are SQL, and would become part of the text."""
    values = [binding.value for binding in module.reaching(expr)] if isinstance(expr, ast.Name) else [expr]
    texts = (
        node.value
        for value in values
        if value is not None
        for node in ast.walk(value)
        if isinstance(node, ast.Constant)
    )
    return any(isinstance(text, str) and ("'" in text or '"' in text) for text in texts)


def _as_text(module: Module, expr: ast.expr) -> str:
    """Return an expression that gives a text, which is what set_config() takes."""
    source = ast.unparse(expr)
    return source if _is_text(module, expr) else f"str({source})"


def _is_text(module: Module, expr: ast.expr) -> bool:
    match expr:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.Call(func=ast.Name(id="str")):
            return True
        case ast.Name():
            bindings = module.reaching(expr)
            return bool(bindings) and all(_is_annotated(each.annotation) for each in bindings)
        case _:
            return False


def _is_annotated(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "str"
