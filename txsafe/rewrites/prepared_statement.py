"""PREPARE … EXECUTE of one function → the statement itself with bound parameters.

In: a use of the rule `sql-prepare`, its surroundings. Out: a `Fix` of the PREPARE, its EXECUTEs and its DEALLOCATE
together, the same for each of them, or None: where a text is not known in full, an argument is no constant or
placeholder, or a `%s` would stand in the statement more than once, in another order or within a text.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Applicability, Edit, Fix, StatementContext, StatementKind
from txsafe.python.names import last_name
from txsafe.rewrites.removal import Removal, remove_call, remove_node, remove_use
from txsafe.rewrites.respelling import sends_only
from txsafe.rewrites.surroundings import SCRIPT
from txsafe.sql.lexer import TokenKind, significant_tokens

if TYPE_CHECKING:
    from txsafe.model import FeatureUse, Place
    from txsafe.rewrites.surroundings import Surroundings

RULE = "sql-prepare"
MOST_EXECUTES = 50
LONGEST_STATEMENT = 4_000
"""Characters: the patterns below take more than linear time."""
_QUOTE = re.compile(r"[rRuU]?(\"\"\"|'''|\"|')")
_PREPARE = re.compile(
    r"PREPARE\s+\w+\s*(?:\((?P<types>(?:[^()]|\([^()]*\))*)\))?\s*AS\s+(?P<body>.*?)\s*;?\s*", re.IGNORECASE | re.DOTALL
)
_PARAMETER = re.compile(r"\$(\d+)")
_QUOTED = re.compile(r"'[^']*\$\d[^']*'|\$\w*\$")
_COMMA = re.compile(r",(?![^()]*\))")
_IN_TURN = "%s"
_BY_NAME = re.compile(r"\$\d+|%\(\w+\)s|:\w+")
"""Placeholders that may stand anywhere, more than once."""
_NAMED = re.compile(r"(?<![:\w]):[A-Za-z_]")
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
        removal = remove_use(each, surroundings, removing=_with_its_constant)
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


def _with_its_constant(place: Place, surroundings: Surroundings) -> Removal | None:
    """Remove a call, and the constant that it sends: nothing else may use it."""
    module, call, removal = surroundings.module(place.path), surroundings.call(place), remove_call(place, surroundings)
    if module is None or call is None or removal is None or _literal(call) is not None:
        return removal
    name = call.args[0].id if call.args and isinstance(call.args[0], ast.Name) else None
    named = [node for node in ast.walk(module.tree) if isinstance(node, ast.Name) and node.id == name]
    assignments = [parent for node in named if isinstance(parent := module.parent(node), ast.Assign)]
    if len(named) != 2 or len(assignments) != 1 or len(assignments[0].targets) > 1:
        return None
    constant = remove_node(module, assignments[0])
    return None if constant is None else Removal((*removal.edits, *constant.edits))


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
    if execute.spelling is None or prepare.spelling is None:
        return None
    site = execute.spelling.site
    body = _filled(execute, prepare)
    if body is None:
        return None
    if site.sink == SCRIPT:
        return Edit(place=site.template.locate(execute.spelling.statement.span), replacement=body)
    module, call = surroundings.module(site.place.path), surroundings.call(site.place)
    target = None if call is None else _literal(call)
    if module is None or call is None or target is None or not sends_only(execute) or not _is_itself(body, call):
        return None
    text = _spelled(body, module.source.text[module.span(target).start : module.span(target).end])
    return None if text is None else Edit(place=module.place(target), replacement=text)


def _literal(call: ast.Call) -> ast.Constant | None:
    """Return the literal that a call sends, itself or within `text(…)`."""
    match call.args:
        case [ast.Constant() as literal, *_]:
            return literal
        case [ast.Call(func=func, args=[ast.Constant() as literal], keywords=[]), *_] if last_name(func) == "text":
            return literal
        case _:
            return None


def _is_itself(body: str, call: ast.Call) -> bool:
    """Return whether a driver takes nothing in a statement for a placeholder that is none."""
    has_parameters = len(call.args) > 1 or bool(call.keywords)
    is_construct = isinstance(call.args[0], ast.Call)
    percent = has_parameters and "%" in body.replace(_IN_TURN, "").replace("%(", "")
    named = is_construct and has_parameters and len(_NAMED.findall(body)) > len(_BY_NAME.findall(body))
    return not percent and not named


def _spelled(text: str, before: str) -> str | None:
    """Return a literal of a text, in the quotes of another one where these will do."""
    if "\\" in text or not all(each.isprintable() or each == "\n" for each in text):
        return None
    own = _QUOTE.match(before)
    single = () if "\n" in text else (*(() if own is None else (own[1],)), '"', "'")
    quotes = (quote for quote in (*single, '"""', "'''") if quote not in text and not text.endswith(quote[0]))
    quote = next(quotes, None)
    return None if quote is None else f"{quote}{text}{quote}"


# ---------------------------------------------------------------- the statement


def _filled(execute: FeatureUse, prepare: FeatureUse) -> str | None:
    """Return the prepared statement with the arguments of an EXECUTE in it."""
    if prepare.spelling is None:
        return None
    span = prepare.spelling.statement.span
    text = prepare.spelling.site.template.text[span.start : span.end]
    prepared = _PREPARE.fullmatch(text) if len(text) <= LONGEST_STATEMENT else None
    if prepared is None or any(hole in text for hole in HOLE_CHARACTERS.values()):
        return None
    types = [each.strip() for each in _COMMA.split(prepared["types"] or "") if each.strip()]
    arguments = _arguments(execute.captures.get("arguments", ""))
    return None if arguments is None else _with_arguments(prepared["body"], arguments, types)


def _arguments(text: str) -> list[str] | None:
    """Return what an EXECUTE gives, where it is constants and placeholders only: each is evaluated once."""
    tokens = significant_tokens(text)
    depth, starts = 0, [0]
    for index, token in enumerate(tokens):
        is_call = token.text == "(" and index > 0 and tokens[index - 1].kind is TokenKind.WORD
        if token.kind is TokenKind.OTHER or (is_call and (index < 2 or tokens[index - 2].text != "::")):
            return None
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if token.text == "," and depth == 0:
            starts.append(token.end)
    found = [text[start:end].rstrip(" ,\n") for start, end in pairwise((*starts, len(text)))]
    return [each.strip() for each in found if each.strip()]


def _with_arguments(body: str, arguments: list[str], types: list[str]) -> str | None:
    """Return a statement with its parameters filled in; those of the driver that have no names come in turn."""
    order = [int(number) for number in _PARAMETER.findall(body)]
    is_whole = set(order) == set(range(1, len(arguments) + 1)) and len(types) in {0, len(arguments)}
    in_turn = [number for number in order if arguments[number - 1 : number] == [_IN_TURN]]
    if _QUOTED.search(body) or not is_whole or in_turn != sorted(set(in_turn)):
        return None
    if any("%" in each or ":" in each.replace("::", "") for each in arguments if not _is_placeholder(each)):
        return None
    casts = types or [""] * len(arguments)
    spelled = [_cast(argument, cast) for argument, cast in zip(arguments, casts, strict=True)]
    return _PARAMETER.sub(lambda found: spelled[int(found[1]) - 1], body)


def _is_placeholder(argument: str) -> bool:
    return argument == _IN_TURN or _BY_NAME.fullmatch(argument) is not None


def _cast(argument: str, type_: str) -> str:
    """Return an argument as the prepared statement took it, and as no operator in front takes apart."""
    if type_:
        return f"CAST({argument} AS {type_})"
    is_one = _is_placeholder(argument) or len(significant_tokens(argument)) == 1
    return argument if is_one else f"({argument})"
