"""INSERT, then `SELECT currval('table_column_seq')` or `lastval()` → INSERT … RETURNING column.

In: a use of the rule `sequence-session-state`, its surroundings. Out: a `Fix`, or None. Only where the two statements
follow each other on one object, and the INSERT gives one row. The sequence of currval() says which table and column it
is for; for lastval() the INSERT itself does, or the file's CREATE TABLE. Otherwise the edits are only displayed.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, Span, Spelling
from txsafe.rewrites.number_column import column_of_sequence, column_that_draws, table_of_insert
from txsafe.rewrites.removal import previous_statement, remove_node, remove_statement
from txsafe.rewrites.respelling import is_all_of, replace_sql, sends_only
from txsafe.rewrites.straight_line import repeats
from txsafe.rewrites.surroundings import SCRIPT

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Step, Surroundings

RULE = "sequence-session-state"
_ALIAS = re.compile(r"\s+AS\s+\w+\s*\Z", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:[\s;]|--[^\r\n]*)*")
_UNSEEN = "id"
"""What the column is called in most programs, where nothing says how in this one."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the INSERT is to return."""

    column: str
    is_evident: bool
    alias: str = ""

    @property
    def clause(self) -> str:
        return f" RETURNING {self.column}{self.alias}"


def return_number(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that lets the INSERT tell the number that it drew."""
    if use.rule != RULE or use.spelling is None or use.captures.get("call") not in {"currval", "lastval"}:
        return None
    insert, alias = next(surroundings.steps_before(use), None), _alias(use)
    if insert is None or not insert.is_alone or alias is None:
        return None
    asked = _asked(use, insert, alias, surroundings)
    returning = None if asked is None else _returning(insert, asked, surroundings)
    if asked is None or returning is None:
        return None
    edits = _in_script(use, insert, returning, surroundings) or _in_program(use, insert, returning, surroundings)
    if edits is None:
        return None
    if asked.is_evident:
        return Fix(title=f"Let the INSERT return {asked.column}", edits=edits, applicability=Applicability.UNSAFE)
    title = (
        f"Let the INSERT return the column that draws the number; {asked.column} is a guess, as its table is not seen"
    )
    return Fix(title=title, edits=edits, applicability=Applicability.DISPLAY_ONLY)


def _alias(use: FeatureUse) -> str | None:
    """Return what the number is called, with its AS; None where the call is not all that is asked."""
    if is_all_of(use):
        return ""
    if use.spelling is None or not (use.spelling.site.sink == SCRIPT or sends_only(use)):
        return None
    text, span, call = use.spelling.site.template.text, use.spelling.statement.span, use.spelling.span
    found = _ALIAS.fullmatch(text, call.end, span.end)
    is_select = text[span.start : call.start].strip().upper() == "SELECT"
    return f" {found[0].strip()}" if found is not None and is_select else None


def _asked(use: FeatureUse, insert: Step, alias: str, surroundings: Surroundings) -> _Asked | None:
    """Return the column that the number is for; a guess where lastval() asks for that of a table out of view."""
    table = table_of_insert(insert.text)
    if table is None:
        return None
    created = tuple(step.text for step in surroundings.creating(table))
    if use.captures.get("call") == "currval":
        column = column_of_sequence(use.captures.get("argument-1", ""), table)
        return None if column is None else _Asked(column, is_evident=True, alias=alias)
    column = column_that_draws(insert.text, created)
    return _Asked(column or _UNSEEN, is_evident=column is not None, alias=alias)


def _returning(insert: Step, asked: _Asked, surroundings: Surroundings) -> Edit | None:
    end = insert.statement.span.end
    spelling = Spelling(site=insert.site, statement=insert.statement, span=insert.statement.span)
    edits = replace_sql(spelling, Span(end, end), asked.clause, surroundings=surroundings)
    return None if edits is None else edits[0]


def _in_script(use: FeatureUse, insert: Step, returning: Edit, surroundings: Surroundings) -> tuple[Edit, ...] | None:
    source = surroundings.sources(use.place.path)
    if source is None or use.spelling is None or use.spelling.site.sink != SCRIPT:
        return None
    place = use.spelling.site.template.locate(use.spelling.statement.span)
    before = insert.site.template.locate(insert.statement.span)
    if not _BETWEEN.fullmatch(source.text, before.span.end, place.span.start):
        return None
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
    if first is None or second is None or repeats(inserted) or not _is_bare(first, inserted):
        return None
    if _is_bare(second, asked):
        removal = remove_node(module, second) if _precedes(module, first, second) else None
        return None if removal is None else (returning, *removal.edits)
    is_next = previous_statement(module, second) is first
    return _moved(module, inserted, asked, returning) if is_next else None


def _precedes(module: Module, first: ast.stmt, second: ast.stmt) -> bool:
    """Return whether nothing but the end of a transaction comes in between: what a cursor has read stays in it."""
    before = previous_statement(module, second)
    while before is not None and before is not first:
        match before:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="commit"), args=[], keywords=[])):
                before = previous_statement(module, before)
            case _:
                return False
    return before is first


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
