"""The names of libraries out of which SQL is composed, and what each does to the text.

Data only: a mapping from qualified names, which callers may extend.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping  # noqa: TC003 -- annotates a module constant
from types import MappingProxyType


class Composable(enum.StrEnum):
    """What a call of a composing name comes to."""

    VERBATIM = "verbatim"
    """The text of argument 0: `sqlalchemy.text`, `psycopg.sql.SQL`."""
    IDENTIFIER = "identifier"
    """A quoted name; several arguments are joined with dots."""
    LITERAL = "literal"
    """A quoted value."""
    PLACEHOLDER = "placeholder"
    """A bound parameter."""
    CONCATENATION = "concatenation"
    """The elements of argument 0, one after the other."""
    FUNCTION_NAMESPACE = "function-namespace"
    """Attributes are SQL functions: `sqlalchemy.func`."""
    QUERY = "query"
    """`SELECT` of its arguments."""


_BY_KIND: Mapping[Composable, tuple[str, ...]] = {
    Composable.VERBATIM: (
        "psycopg.sql.SQL",
        "psycopg2.sql.SQL",
        "aiopg.sql.SQL",
        "sqlalchemy.text",
        "sqlalchemy.sql.text",
        "sqlalchemy.sql.expression.text",
        "sqlalchemy.DDL",
        "sqlalchemy.schema.DDL",
        "sqlalchemy.literal_column",
        "sqlalchemy.sql.literal_column",
        "sqlalchemy.sql.expression.literal_column",
        "sqlmodel.text",
        "django.db.models.expressions.RawSQL",
        "peewee.SQL",
        "string.Template",
        "django.utils.safestring.mark_safe",
    ),
    Composable.IDENTIFIER: (
        "psycopg.sql.Identifier",
        "psycopg2.sql.Identifier",
        "psycopg2.extensions.quote_ident",
        "sqlalchemy.quoted_name",
        "sqlalchemy.sql.quoted_name",
    ),
    Composable.LITERAL: (
        "psycopg.sql.Literal",
        "psycopg2.sql.Literal",
        "sqlalchemy.literal",
        "sqlalchemy.sql.literal",
        "sqlalchemy.sql.expression.literal",
        "django.db.models.Value",
    ),
    Composable.PLACEHOLDER: (
        "psycopg.sql.Placeholder",
        "psycopg2.sql.Placeholder",
        "sqlalchemy.bindparam",
        "sqlalchemy.sql.bindparam",
        "sqlalchemy.sql.expression.bindparam",
    ),
    Composable.CONCATENATION: ("psycopg.sql.Composed", "psycopg2.sql.Composed"),
    Composable.FUNCTION_NAMESPACE: (
        "sqlalchemy.func",
        "sqlalchemy.sql.func",
        "sqlalchemy.sql.expression.func",
        "sqlmodel.func",
        "peewee.fn",
    ),
    Composable.QUERY: (
        "sqlalchemy.select",
        "sqlalchemy.future.select",
        "sqlalchemy.sql.select",
        "sqlalchemy.sql.expression.select",
        "sqlmodel.select",
    ),
}

COMPOSABLES: Mapping[str, Composable] = MappingProxyType(
    {name: kind for kind, names in _BY_KIND.items() for name in names}
)
"""What is known without the catalogue."""
