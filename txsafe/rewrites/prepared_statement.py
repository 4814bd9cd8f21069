"""PREPARE … EXECUTE of one function → the statement itself with bound parameters.

In: a use of the rule `sql-prepare`, its surroundings. Out: a `Fix` of the PREPARE, its EXECUTEs and its DEALLOCATE
together, the same for each of them, or None: where a literal is put together, an argument is no placeholder or number,
or a parameter stands in the statement more than once, in another order or within a text.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Edit, Fix, StatementContext, StatementKind
from txsafe.rewrites.removal import remove_call
from txsafe.rewrites.respelling import sends_only

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

RULE = "sql-prepare"
MOST_EXECUTES = 50
LONGEST_STATEMENT = 4_000
"""Characters: the patterns below take more than linear time."""
_LITERAL = re.compile(
    r"(?P<opening>[rR]?(?P<quote>\"\"\"|'''|\"|'))(?P<text>(?:(?!(?P=quote))[^\\])*)(?P=quote)", re.DOTALL
)
"""One literal without escapes and fields."""
_PREPARE = re.compile(
    r"\s*PREPARE\s+\w+\s*(?:\((?P<types>[^()]*)\))?\s*AS\s+(?P<body>.*?)\s*;?\s*", re.IGNORECASE | re.DOTALL
)
_PARAMETER = re.compile(r"\$(\d+)")
_QUOTED = re.compile(r"'[^']*\$\d[^']*'|\$\w*\$")
_CONSTANT = re.compile(r"-?\d+(?:\.\d+)?")
_PLACEHOLDER = re.compile(r"%s|\$\d+")
_TITLE = "Send the statement itself"


@dataclass(frozen=True, slots=True)
class _Prepared:
    prepare: FeatureUse
    executes: tuple[FeatureUse, ...]
    deallocates: tuple[FeatureUse, ...]


def send_itself(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix of a prepared statement and of all that uses it."""
    if use.rule != RULE or use.spelling is None:
        return None
    found = _find(use, surroundings)
    if found is None:
        return None
    edits: list[Edit] = []
    for each in (found.prepare, *found.deallocates):
        removal = remove_call(each.spelling.site.place, surroundings) if each.spelling and sends_only(each) else None
        if removal is None:
            return None
        edits += removal.edits
    for each in found.executes:
        edit = _replacement(each, found.prepare, surroundings)
        if edit is None:
            return None
        edits.append(edit)
    ordered = tuple(sorted(set(edits), key=lambda edit: edit.place))
    return Fix(title=_TITLE, edits=ordered, applicability=Applicability.UNSAFE)


def _find(use: FeatureUse, surroundings: Surroundings) -> _Prepared | None:
    """Return the one PREPARE of a function with the name of a use, and what follows it."""
    name = use.captures.get("name")
    same = [
        each
        for each in surroundings.uses
        if each.rule == RULE
        and each.scope == use.scope
        and each.captures.get("name") == name
        and each.spelling is not None
        and each.spelling.statement.context is StatementContext.TOP
    ]
    by_kind = {
        kind: tuple(each for each in same if each.spelling is not None and each.spelling.statement.kind is kind)
        for kind in (StatementKind.PREPARE, StatementKind.EXECUTE, StatementKind.DEALLOCATE)
    }
    prepares, executes = by_kind[StatementKind.PREPARE], by_kind[StatementKind.EXECUTE]
    if len(prepares) != 1 or not 0 < len(executes) <= MOST_EXECUTES or sum(map(len, by_kind.values())) != len(same):
        return None
    return _Prepared(prepares[0], executes, by_kind[StatementKind.DEALLOCATE])


def _replacement(execute: FeatureUse, prepare: FeatureUse, surroundings: Surroundings) -> Edit | None:
    """Return the edit that puts the prepared statement where it is executed."""
    if not sends_only(execute) or execute.spelling is None or prepare.spelling is None:
        return None
    place = execute.spelling.site.place
    module = surroundings.module(place.path)
    target = _literal(module, surroundings.call(place))
    source = _literal(module, surroundings.call(prepare.spelling.site.place))
    if module is None or target is None or source is None:
        return None
    prepared = _PREPARE.fullmatch(source[1]["text"])
    if prepared is None or "%" in prepared["body"]:  # which some drivers take for the beginning of a placeholder
        return None
    types = [each.strip() for each in (prepared["types"] or "").split(",") if each.strip()]
    arguments = [each.strip() for each in execute.captures.get("arguments", "").split(",") if each.strip()]
    body = _with_arguments(prepared["body"], arguments, types)
    if body is None:
        return None
    text = f"{source[1]['opening']}{body}{source[1]['quote']}"
    return Edit(place=module.place(target[0]), replacement=text)


def _literal(module: Module | None, call: ast.Call | None) -> tuple[ast.expr, re.Match[str]] | None:
    if module is None or call is None or not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    span = module.span(call.args[0])
    if span.end - span.start > LONGEST_STATEMENT:
        return None
    found = _LITERAL.fullmatch(module.source.text, span.start, span.end)
    return None if found is None else (call.args[0], found)


def _with_arguments(body: str, arguments: list[str], types: list[str]) -> str | None:
    """Return a statement with its parameters filled in; those of the driver must come in the same order."""
    order = [int(number) for number in _PARAMETER.findall(body)]
    if _QUOTED.search(body) or order != list(range(1, len(arguments) + 1)) or len(types) not in {0, len(arguments)}:
        return None
    if not all(_PLACEHOLDER.fullmatch(each) or _CONSTANT.fullmatch(each) for each in arguments):
        return None
    casts = types or [""] * len(arguments)
    spelled = [
        f"CAST({argument} AS {cast})" if cast else argument for argument, cast in zip(arguments, casts, strict=True)
    ]
    return _PARAMETER.sub(lambda found: spelled[int(found[1]) - 1], body)
