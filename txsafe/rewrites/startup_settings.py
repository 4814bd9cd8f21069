"""Parameters of the start-up packet → settings of the database role.

In: a use of the rule `startup-parameter`, its surroundings. Out: a `Fix` whose edits take the parameter out of the
program (a keyword argument, an entry of a dictionary, a part of a connection string) and whose `settings` say what the
role has to be given first; or None where that is not known in full. Such a fix is never applied alone.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.connection_strings import read_keywords, read_url
from txsafe.model import HOLE_CHARACTERS, Edit, Span
from txsafe.python.spelling import respell
from txsafe.python.startup_options import OPTION
from txsafe.python.values import Text, evaluate
from txsafe.rewrites.arguments import remove_entry, remove_keyword
from txsafe.rewrites.respelling import replace_text
from txsafe.rewrites.role_settings import give_to_role, setting_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.connection_strings import Parameter
    from txsafe.model import FeatureUse, Fix
    from txsafe.python.scopes import Module
    from txsafe.rewrites.role_settings import Setting
    from txsafe.rewrites.surroundings import Surroundings

RULE = "startup-parameter"
_OPTIONS = "options"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNSURE = re.compile(rf"[+{''.join(HOLE_CHARACTERS.values())}]")
"""A plus is a space to some drivers, itself to others; and what the program puts in is not known."""


def take_out_of_startup(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that gives a start-up parameter to the role."""
    module = surroundings.module(use.place.path)
    if use.rule != RULE or module is None:
        return None
    return _of_connection_string(use, module, surroundings) or _of_argument(use, module, surroundings)


# ---------------------------------------------------------------- arguments and dictionaries


def _of_argument(use: FeatureUse, module: Module, surroundings: Surroundings) -> Fix | None:
    is_options = use.captures.get("carrier") == _OPTIONS
    word = surroundings.keyword(use.place)
    if word is not None:
        is_own = is_options and word[1].arg == _OPTIONS
        return _fix(_each(remove_keyword(module, *word)), _in_options(_text(module, word[1].value))) if is_own else None
    found = surroundings.entry(use.place)
    if found is None:
        return None
    table, key = found
    value = next(value for other, value in zip(table.keys, table.values, strict=True) if other is key)
    edits, text = _each(_without(module, table, key)), _text(module, value)
    if is_options:
        is_own = isinstance(key, ast.Constant) and key.value == _OPTIONS
        return _fix(edits, _in_options(text)) if is_own else None
    setting = setting_of(use.captures.get("name", ""), text)
    return _fix(edits, None if setting is None else [setting])


def _without(module: Module, table: ast.Dict, key: ast.expr) -> Edit | None:
    """Remove an entry; with its last one a mapping goes that was given as a keyword argument."""
    word = module.parent(table)
    call = module.parent(word) if isinstance(word, ast.keyword) else None
    if len(table.keys) == 1 and isinstance(word, ast.keyword) and isinstance(call, ast.Call):
        return remove_keyword(module, call, word)
    span = module.span(table)
    if len(table.keys) == 1 and "#" not in module.source.text[span.start : span.end]:
        return Edit(place=module.place(table), replacement="{}")
    return remove_entry(module, table, key)


def _text(module: Module, expr: ast.expr) -> str | None:
    """Return the only text that an expression can stand for."""
    match evaluate(module, expr):
        case [Text() as text]:
            return text.known
        case _:
            return None


# ---------------------------------------------------------------- connection strings


def _of_connection_string(use: FeatureUse, module: Module, surroundings: Surroundings) -> Fix | None:
    """Take a parameter out of the literal that a use points at, or its whole `options`."""
    literal = surroundings.text_at(use.place)
    values = () if literal is None else evaluate(module, literal)
    if len(values) != 1 or not isinstance(values[0], Text):
        return None
    template = respell(values[0].template, surroundings.sources)
    text = template.text
    url = read_url(text)
    parameters = read_keywords(text) if url is None else url.parameters
    name = _OPTIONS if use.captures.get("carrier") == _OPTIONS else use.captures.get("name", "")
    own = [parameter for parameter in parameters if parameter.name == name]
    if len(own) != 1 or _UNSURE.search(text, own[0].start, own[0].end):
        return None
    span = _cut_keyword(text, own[0]) if url is None else _cut_query(text, parameters, own[0])
    edits = replace_text(template, span, "", surroundings=surroundings)
    return _fix(edits, _settings(name, own[0].value))


def _settings(name: str, value: str) -> Sequence[Setting] | None:
    if name == _OPTIONS:
        return _in_options(value)
    setting = setting_of(name, value)
    return None if setting is None else [setting]


def _cut_query(text: str, parameters: Sequence[Parameter], own: Parameter) -> Span:
    """Return a parameter of a URL with its `&`, or with the `?` where it is the only one."""
    if own is not parameters[0]:
        return Span(own.start - 1, own.end)
    return Span(own.start, own.end + 1) if text[own.end : own.end + 1] == "&" else Span(own.start - 1, own.end)


def _cut_keyword(text: str, own: Parameter) -> Span:
    """Return a parameter of `host=h options='…'` with the space on one side."""
    before = len(text[: own.start].rstrip())
    if before:
        return Span(before, own.end)
    return Span(own.start, len(text) - len(text[own.end :].lstrip()))


# ---------------------------------------------------------------- what the role is given


def _in_options(text: str | None) -> Sequence[Setting] | None:
    """Return all that an `options` text holds, which goes as a whole."""
    if text is None or OPTION.sub("", text).strip():
        return None
    settings = [setting_of(each[1].replace("-", "_"), _ESCAPED.sub(r"\1", each[2])) for each in OPTION.finditer(text)]
    known = [setting for setting in settings if setting is not None]
    return known if known and len(known) == len(settings) else None


def _each(edit: Edit | None) -> tuple[Edit, ...] | None:
    return None if edit is None else (edit,)


def _fix(edits: tuple[Edit, ...] | None, settings: Sequence[Setting] | None) -> Fix | None:
    return None if edits is None or settings is None else give_to_role(edits, settings)
