"""Statements that a call makes by itself: `Table(…, prefixes=["TEMPORARY"])`, `callproc("pg_advisory_lock", [1])`.

In goes a described call and what its driver says of it, out come the texts that the server gets to see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Fragment, Hole, SqlTemplate
from txsafe.python.arguments import Presence
from txsafe.python.domain import Items, Table, Text, Value, literal
from txsafe.python.formatting import joined_text, quoted_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.catalog.drivers import Procedure, Temporary
    from txsafe.python.described import Described
    from txsafe.python.scopes import Module


def statements_in(value: Value) -> Iterator[tuple[SqlTemplate, bool]]:
    """Yield the statements of a text, of a list of texts, of a list of (text, parameters), of a mapping's values."""
    match value:
        case Text(template=template):
            yield template, False
        case Items(values=elements):
            for element in elements:
                for alternative in element:
                    if isinstance(alternative, Items) and alternative.values:
                        texts = [inner for inner in alternative.values[0] if isinstance(inner, Text)]
                        yield from ((text.template, len(alternative.values) > 1) for text in texts)
                    elif isinstance(alternative, Text):
                        yield alternative.template, False
        case Table(entries=entries):
            for _, alternatives in entries:
                yield from ((text.template, False) for text in alternatives if isinstance(text, Text))
        case _:
            return


def temporary_table(module: Module, described: Described, temporary: Temporary) -> SqlTemplate | None:
    """Return the statement that a table construct with `prefixes=["TEMPORARY"]` comes to."""
    prefixes = described.arguments.get(temporary.prefixes)
    expr = prefixes.expr
    given = [value for value in prefixes.alternatives if not isinstance(value, Presence)]
    if expr is None or not says_temporary(given):
        return None
    place = module.place(expr)
    on_commit = described.arguments.get(temporary.on_commit) if temporary.on_commit is not None else None
    ending = (
        f" ON COMMIT {on_commit.text}"
        if on_commit is not None and on_commit.text not in {"absent", "None", "…"}
        else ""
    )
    name = described.arguments.get(temporary.name)
    known = name.text not in {"absent", "…"} and "…" not in name.text
    return SqlTemplate(
        fragments=(
            Fragment(text="CREATE TEMPORARY TABLE ", place=place),
            Fragment(text=name.text, place=place)
            if known
            else Fragment(text=HOLE_CHARACTERS[Hole.IDENTIFIER], place=place, hole=Hole.IDENTIFIER),
            Fragment(text=f" (){ending}", place=place),
        )
    )


def says_temporary(prefixes: Iterable[Value]) -> bool:
    """Return whether the prefixes of a table make it a temporary one."""
    texts = (template.text.upper() for value in prefixes for template, _ in statements_in(value))
    return any(word in {"TEMPORARY", "TEMP"} for text in texts for word in text.split())


def procedure_calls(module: Module, described: Described, procedure: Procedure) -> Iterator[SqlTemplate]:
    """Yield the `SELECT` of the function that a call names, with the values that it hands over."""
    place = module.place(described.node)
    given = next((value for value in described.arguments.get(procedure.arguments).alternatives), None)
    values = given.values if isinstance(given, Items) else ()
    texts = [quoted_value(alternatives[0]).template for alternatives in values]
    comma = literal(", ", place)
    inner = [piece for text in texts for piece in (comma, text)][1:]
    for name in described.arguments.get(procedure.name).alternatives:
        if isinstance(name, Text) and name.known:
            pieces = [literal("SELECT * FROM ", place), name.template, literal("(", place), *inner, literal(")", place)]
            whole = joined_text(pieces, place)
            if isinstance(whole, Text):
                yield whole.template
