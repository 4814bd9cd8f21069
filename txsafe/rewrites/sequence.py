"""INSERT, then `SELECT currval('table_column_seq')` → INSERT … RETURNING column.

In: a use of the rule `sequence-session-state`, its surroundings. Out: a `Fix`, or None. Only where the two statements
follow each other on one object, the INSERT gives one row, and the sequence says which table and column it is for.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, Span, Spelling
from txsafe.rewrites.removal import previous_statement, remove_node, remove_statement
from txsafe.rewrites.respelling import is_all_of, replace_sql
from txsafe.rewrites.surroundings import SCRIPT

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Step, Surroundings

RULE = "sequence-session-state"
_INSERT = re.compile(
    r"INSERT\s+INTO\s+(?:\w+\.)?(?P<table>\w+)\s*(?:\([^()]*\)\s*)?(?:VALUES\s*\(|DEFAULT\s+VALUES)", re.IGNORECASE
)
_MORE = re.compile(r"\)\s*,\s*\(|\bRETURNING\b|\bON\s+CONFLICT\b|\bSELECT\b", re.IGNORECASE)
"""Several rows, maybe none, or an answer of its own."""
_SERIAL = re.compile(
    r"pg_get_serial_sequence\(\s*'(?:\w+\.)?(?P<table>\w+)'\s*,\s*'(?P<column>\w+)'\s*\)", re.IGNORECASE
)
_NAME = re.compile(r"'(?:\w+\.)?(?P<name>\w+)_seq'(?:\s*::\s*regclass)?", re.IGNORECASE)


def return_number(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that lets the INSERT tell the number that it drew."""
    if use.rule != RULE or use.spelling is None or use.captures.get("call") != "currval" or not is_all_of(use):
        return None
    insert = next(surroundings.steps_before(use), None)
    if insert is None or not insert.is_alone:
        return None
    column = _column(use.captures.get("argument-1", ""), insert)
    if column is None:
        return None
    returning = _returning(insert, column, surroundings)
    if returning is None:
        return None
    edits = _in_script(use, returning, surroundings) or _in_program(use, insert, returning, surroundings)
    if edits is None:
        return None
    return Fix(title=f"Let the INSERT return {column}", edits=edits, applicability=Applicability.UNSAFE)


def _column(argument: str, insert: Step) -> str | None:
    """Return the column that a sequence is for, where that is one of the table that the INSERT is into."""
    found = _INSERT.match(insert.text)
    if found is None or _MORE.search(insert.text):
        return None
    table = found["table"].lower()
    serial, name = _SERIAL.fullmatch(argument), _NAME.fullmatch(argument)
    if serial is not None:
        return serial["column"] if serial["table"].lower() == table else None
    start = f"{table}_"
    return name["name"][len(start) :] or None if name is not None and name["name"].lower().startswith(start) else None


def _returning(insert: Step, column: str, surroundings: Surroundings) -> Edit | None:
    end = insert.statement.span.end
    spelling = Spelling(site=insert.site, statement=insert.statement, span=insert.statement.span)
    edits = replace_sql(spelling, Span(end, end), f" RETURNING {column}", surroundings=surroundings)
    return None if edits is None else edits[0]


def _in_script(use: FeatureUse, returning: Edit, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    source = surroundings.sources(use.place.path)
    if source is None or use.spelling is None or use.spelling.site.sink != SCRIPT:
        return None
    place = use.spelling.site.template.locate(use.spelling.statement.span)
    return (returning, *remove_statement(place, source.text).edits)


def _in_program(use: FeatureUse, insert: Step, returning: Edit, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    """Leave the SELECT out, or, where its call gives the number, put the INSERT in its place."""
    if use.spelling is None:
        return None
    place = use.spelling.site.place
    module, asked, inserted = (
        surroundings.module(place.path),
        surroundings.call(place),
        surroundings.call(insert.site.place),
    )
    if module is None or asked is None or inserted is None or not _have_one_receiver(inserted, asked):
        return None
    first, second = module.statement(inserted), module.statement(asked)
    if first is None or second is None or previous_statement(module, second) is not first:
        return None
    if not _is_bare(first, inserted):
        return None
    if _is_bare(second, asked):
        removal = remove_node(module, second)
        return None if removal is None else (returning, *removal.edits)
    return _moved(module, inserted, asked, returning)


def _moved(module: Module, inserted: ast.Call, asked: ast.Call, returning: Edit) -> tuple[Edit, ...] | None:
    """Move the arguments of the INSERT's call to the one that asks for the number."""
    statement = module.statement(inserted)
    removal = None if statement is None else remove_node(module, statement)
    text = _arguments(module, inserted, returning)
    if removal is None or text is None or len(asked.args) != 1 or asked.keywords:
        return None
    return (*removal.edits, Edit(place=module.place(asked.args[0]), replacement=text))


def _is_bare(statement: ast.stmt, call: ast.Call) -> bool:
    """Return whether a statement is a call and nothing else."""
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    return value is call


def _have_one_receiver(first: ast.Call, second: ast.Call) -> bool:
    if not isinstance(first.func, ast.Attribute) or not isinstance(second.func, ast.Attribute):
        return False
    return ast.dump(first.func.value) == ast.dump(second.func.value)


def _arguments(module: Module, call: ast.Call, returning: Edit) -> str | None:
    """Return the arguments of the INSERT's call, with what it is to return."""
    spans = [module.span(argument) for argument in (*call.args, *call.keywords)]
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    at = returning.place.span.start
    if not start <= at <= end:
        return None
    text = module.source.text
    return f"{text[start:at]}{returning.replacement}{text[at:end]}"
