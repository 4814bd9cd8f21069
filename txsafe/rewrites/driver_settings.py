"""A driver that prepares statements by name → the setting that turns it off.

In: a use of the rule `driver-prepare`, its surroundings. Out: a `Fix`, or None. Only performance changes, so it is safe
where it is sure what the call connects to; with SQLAlchemy on asyncpg it also takes asyncpg 0.31 or newer, before that
see `statement_names`.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, Edit, Fix
from txsafe.rewrites.arguments import add_entry, add_keyword, replace_expression
from txsafe.rewrites.statement_names import name_statements

if TYPE_CHECKING:
    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

RULE = "driver-prepare"
_OFF = {"prepare_threshold": "None", "statement_cache_size": "0"}
"""https://www.psycopg.org/psycopg3/docs/advanced/prepare.html, https://magicstack.github.io/asyncpg/current/faq.html"""
_WITHIN = {"sqlalchemy": "connect_args"}
"""Libraries that hand a mapping of settings on to the driver."""
_KNOWN = frozenset({"", "sqlalchemy", "databases", "peewee", "piccolo"})
_NUMBER = re.compile(r"-?\d+")


def turn_preparing_off(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that sets `prepare_threshold` or `statement_cache_size`."""
    setting, through = use.captures.get("setting", ""), use.captures.get("through", "")
    value = _OFF.get(setting)
    if use.rule != RULE or value is None:
        return None
    if use.captures.get("names") == "own":
        return name_statements(use, surroundings)
    edit = _replacement(use, setting, value, surroundings)
    if edit is None and through in _KNOWN:
        edit = _addition(use, setting, value, surroundings)
    if edit is None:
        return None
    sure = use.confidence is Confidence.HIGH and (through, setting) != ("sqlalchemy", "statement_cache_size")
    applicability = Applicability.SAFE if sure else Applicability.UNSAFE
    return Fix(title=f"Set {setting} to {value}", edits=(edit,), applicability=applicability)


def _replacement(use: FeatureUse, setting: str, value: str, surroundings: Surroundings) -> Edit | None:
    """Replace the value that is given now: a keyword argument's, or a number where the place is one."""
    module, found = surroundings.module(use.place.path), surroundings.keyword(use.place)
    source = surroundings.sources(use.place.path)
    if module is not None and found is not None and found[1].arg == setting:
        return replace_expression(module, found[1].value, value)
    if source is None or not _NUMBER.fullmatch(source.text, use.place.span.start, use.place.span.end):
        return None
    return Edit(place=use.place, replacement=value)


def _addition(use: FeatureUse, setting: str, value: str, surroundings: Surroundings) -> Edit | None:
    """Add the setting to the call that connects, where its driver or library takes it."""
    module, call = surroundings.module(use.place.path), surroundings.call_named_at(use.place)
    if module is None or call is None or use.captures.get("value") != "absent":
        return None
    within = _WITHIN.get(use.captures.get("through", ""))
    if within is None and setting == "prepare_threshold" and use.captures.get("pool"):
        within = "kwargs"
    if within is None:
        return add_keyword(module, call, f"{setting}={value}")
    return _entry(module, call, within, f'"{setting}": {value}')


def _entry(module: Module, call: ast.Call, within: str, entry: str) -> Edit | None:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == within), None)
    match given:
        case None:
            return add_keyword(module, call, f"{within}={{{entry}}}")
        case ast.Dict():
            return add_entry(module, given, entry)
        case _:
            return None
