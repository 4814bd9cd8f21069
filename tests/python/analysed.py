"""Python text → what the analysis of it says, for tests."""

from __future__ import annotations

import ast
from textwrap import dedent

from txsafe.model import HOLE_CHARACTERS, SourceFile
from txsafe.python.scopes import Module
from txsafe.python.values import Items, Scalar, Table, Text, Unknown, Value, evaluate
from txsafe.source import line_starts


def source_of(text: str, path: str = "app/db.py") -> SourceFile:
    return SourceFile(path=path, text=text, encoding="utf-8", bom=False, line_starts=line_starts(text))


def module_of(code: str, name: str = "app.db") -> Module:
    return Module.of(source_of(dedent(code)), name=name)


def marked(module: Module, name: str = "show") -> list[ast.expr]:
    """Return the arguments of the calls `show(…)`, in order."""
    calls = [call for call in module.calls if isinstance(call.func, ast.Name) and call.func.id == name]
    return [call.args[0] for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset))]


def shown(value: Value) -> object:
    """Return a value as plain Python: texts with `<sql>`, `<value>`, `<identifier>` for their holes."""
    match value:
        case Text(template):
            text = template.text
            for hole, character in HOLE_CHARACTERS.items():
                text = text.replace(character, f"<{hole}>")
            return text
        case Scalar(number):
            return number
        case Items(values, _, rest):
            return [*([shown(value) for value in element] for element in values), *(["..."] if rest else [])]
        case Table(entries, _, rest):
            table = {shown(key): [shown(value) for value in values] for key, values in entries}
            return {**table, "...": []} if rest else table
        case Unknown(reason):
            return f"? {reason}"


def values_of(code: str) -> list[object]:
    """Return the alternatives of the one `show(…)` in a program."""
    module = module_of(code)
    (expr,) = marked(module)
    return [shown(value) for value in evaluate(module, expr)]
