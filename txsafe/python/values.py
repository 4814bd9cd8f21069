"""Constant propagation: what an expression can evaluate to, with the place of every piece of text.

In go a `Module` and an expression of it, out come its alternative `Value`s. Nothing is executed; what cannot be
followed is `Unknown`, with the first link that was missing.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from txsafe.model import Hole, Place, SqlTemplate
from txsafe.python.composables import COMPOSABLES, Composable
from txsafe.python.scopes import Module


@dataclass(frozen=True, slots=True)
class Text:
    """A text (or ASCII bytes), or an object that stands for SQL text."""

    template: SqlTemplate


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, a truth value or None."""

    value: int | float | bool | None
    place: Place


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be followed."""

    reason: str
    """The first missing link: `parameter 'channel'`, `call of build()`, `imported from app.sql`."""
    place: Place
    hole: Hole = Hole.SQL
    """What it is inside a text: a value that is known to be a number is `Hole.VALUE`."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple, set or other sequence."""

    values: tuple[tuple[Value, ...], ...]
    """For each element its alternatives."""
    place: Place
    rest: Unknown | None = None
    """Not None where there may be more elements than are known."""


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary."""

    entries: tuple[tuple[Value, tuple[Value, ...]], ...]
    """Key and the alternatives of its value, in order; each text key once."""
    place: Place
    rest: Unknown | None = None
    """Not None where there may be more entries than are known."""

    def get(self, key: str) -> tuple[Value, ...]:
        """Return the alternatives of a text key's value; empty where no such entry is known."""
        raise NotImplementedError


Value = Text | Scalar | Items | Table | Unknown


def evaluate(
    module: Module,
    expr: ast.expr,
    *,
    composables: Mapping[str, Composable] = COMPOSABLES,
    call: ast.Call | None = None,
) -> tuple[Value, ...]:
    """Return the alternatives that an expression can evaluate to; never empty.

    `call` is a call of the function that `expr` stands in: its arguments then stand for the parameters.
    """
    raise NotImplementedError


def text_values(
    module: Module,
    expr: ast.expr,
    *,
    composables: Mapping[str, Composable] = COMPOSABLES,
    call: ast.Call | None = None,
) -> tuple[SqlTemplate, ...]:
    """Return the texts among the alternatives; empty where none is known."""
    raise NotImplementedError


def scalar(module: Module, expr: ast.expr) -> Scalar | Unknown:
    """Return the one number, truth value or None that an expression is; Unknown for anything else."""
    raise NotImplementedError


def constant_text(module: Module, expr: ast.expr) -> str | None:
    """Return the one text without holes that an expression is, else None: names of parameters, DSNs, options."""
    raise NotImplementedError
