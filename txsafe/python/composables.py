"""The names of libraries out of which SQL is composed, and what each does to the text.

Data only: a mapping from qualified names, which callers may extend.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
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


COMPOSABLES: Mapping[str, Composable] = MappingProxyType({})
