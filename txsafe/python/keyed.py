"""The text keys of one module and what each is given: in a dictionary, by a subscript, in a call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.python.scopes import Module


def keyed(module: Module) -> Iterator[tuple[ast.Constant, ast.expr]]:
    """Yield every text key and its value: `{"KEY": x}`, `settings["KEY"] = x`, `setdefault("KEY", x)`."""
    for key in module.strings:
        if not isinstance(key, ast.Constant):
            continue
        match module.parent(key):
            case ast.Dict(keys=keys, values=values):
                yield from ((key, value) for other, value in zip(keys, values, strict=True) if other is key)
            case ast.Subscript() as target:
                statement = module.parent(target)
                if isinstance(statement, ast.Assign) and target in statement.targets:
                    yield key, statement.value
            case ast.Call(args=[first, second, *_]) if first is key:
                yield key, second
            case _:
                continue
