"""A connection string → its scheme and parameters, each with its place in the text; and the text of `options`.

In: `postgresql+asyncpg://user:secret@host/db?options=-c%20jit%3Doff`, `jdbc:postgresql://host/db?prepareThreshold=0` or
`host=h options='-c jit=off'`. Nothing is checked: what is no connection string has no parameters.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.catalog.drivers import UrlForm

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+(?::[a-z]++)?+)://(?P<rest>\S*+)")
_KEYWORD = re.compile(r"(?<!\S)([a-z_]{1,40})\s*+=\s*+('(?:[^'\\]|\\.)*+'|[^\s'][^\s]*+)")
_OPTION = re.compile(r"(?:-c\s*+|--)([A-Za-z_][\w.-]*+)\s*+=\s*+((?:\\.|[^\s\\])*+)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SECRET = re.compile(r"(://[^:/@\s]*:)([^@\s]+)(?=@)")
LONGEST = 4000
"""Characters of a connection string that is looked at."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a connection string."""

    name: str
    value: str
    """Decoded."""
    start: int
    """Offset of `name=value` in the text."""
    end: int


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """A connection string, taken apart as far as it decides what is sent to the server."""

    scheme: str
    """Lower case; `jdbc:postgresql` for JDBC's, empty for keywords and values."""
    parameters: tuple[Parameter, ...]

    def get(self, name: str) -> Parameter | None:
        """Return the first parameter of a name."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


def read_url(text: str) -> ConnectionString | None:
    """Return the connection string that a text is; None where it is no URL."""
    found = _URL.match(text[:LONGEST])
    if found is None:
        return None
    before, mark, query = found["rest"].partition("?")
    start = found.start("rest") + len(before) + len(mark)
    return ConnectionString(found["scheme"].lower(), tuple(_read_query(query, start)))


def _read_query(query: str, start: int) -> Iterator[Parameter]:
    for pair in query.split("&"):
        name, mark, value = pair.partition("=")
        if mark and name:
            yield Parameter(name, urllib.parse.unquote(value), start, start + len(pair))
        start += len(pair) + 1


def startup_parameters(url: ConnectionString, form: UrlForm) -> Iterator[tuple[str, Parameter]]:
    """Yield the names and values that a connection string puts into the startup packet.

    The name is empty where `options` holds something else than parameters.
    """
    for parameter in url.parameters:
        if parameter.name in form.options:
            given = read_options(parameter.value)
            yield from ((name, replace(parameter, value=value)) for name, value in given)
            if not given and parameter.value.strip():
                yield "", parameter
        elif parameter.name in form.parameters:
            yield form.parameters[parameter.name], parameter


def carrier_of(parameter: Parameter, form: UrlForm) -> str:
    """Return what carries a start-up parameter: `options`, which poolers may refuse as a whole, or its own name."""
    return "options" if parameter.name in form.options else parameter.name


def read_keywords(text: str) -> tuple[Parameter, ...]:
    """Return the parameters of libpq's other form, `host=h options='-c jit=off'`."""
    return tuple(
        Parameter(found[1], _ESCAPED.sub(r"\1", found[2].strip("'")), found.start(), found.end())
        for found in _KEYWORD.finditer(text[:LONGEST])
    )


def read_options(text: str) -> tuple[tuple[str, str], ...]:
    """Return names and values of the parameters that `-c name=value` and `--name=value` give the server process.

    <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS>
    """
    found = _OPTION.finditer(text[:LONGEST])
    return tuple((option[1].replace("-", "_"), _ESCAPED.sub(r"\1", option[2])) for option in found)


def mask_passwords(text: str) -> str:
    """Return a text of the same length in which no connection string tells its password."""
    return _SECRET.sub(lambda found: found[1] + "*" * len(found[2]), text)
