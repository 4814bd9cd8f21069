"""pg_stat_statements as CSV or JSON comes in, `Counter`s go out: statements, how often they ran, and for whom.

<https://www.postgresql.org/docs/current/pgstatstatements.html>: `\\copy (SELECT r.rolname, d.datname, s.calls, s.query
FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid) TO 'file.csv' CSV
HEADER`, or the same rows as a JSON array, or one JSON object per line.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.errors import ConfigError
from txsafe.observed_sql.entries import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 64 * 1024 * 1024
"""The view holds 5,000 statements if nobody says otherwise (`pg_stat_statements.max`)."""
LONGEST_FIELD = 16 * 1024 * 1024
_USERS = ("rolname", "usename", "username", "user", "userid")
_DATABASES = ("datname", "database", "dbname", "dbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One row: a statement with its values taken out."""

    row: int
    """From 1."""
    sql: str
    calls: int
    client: Client


def read_counters(data: bytes, path: str) -> Iterator[Counter]:
    """Yield the rows; raise `ConfigError` where a file is neither or has no column `query`."""
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes")
    text = data.decode("utf-8-sig", "replace")
    rows = _read_json(text, path) if text.lstrip()[:1] in {"[", "{"} else _read_csv(text, path)
    for number, row in enumerate(rows, start=1):
        sql = row.get("query", "")
        if sql:
            yield Counter(row=number, sql=sql, calls=_count(row.get("calls", "")), client=_client(row))


def _client(row: Mapping[str, str]) -> Client:
    return Client(row.get("application_name", ""), _named(row, _USERS), _named(row, _DATABASES))


def _named(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return a role or a database; one that only its number tells is shown as such."""
    name = next((name for name in names if row.get(name)), None)
    if name is None:
        return ""
    return f"oid {row[name]}" if name.endswith("id") else row[name]


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 1


def _read_csv(text: str, path: str) -> Iterator[dict[str, str]]:
    lines = io.StringIO(text.replace("\0", ""), newline="")
    head = text.partition("\n")[0]
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        reader = csv.reader(lines, delimiter=max(",;\t|", key=head.count))
        names = [name.strip().lower() for name in next(reader, [])]
        if "query" not in names:
            raise ConfigError(f"{path}: is no pg_stat_statements: its first line names no column `query`")
        for row in reader:
            yield dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise ConfigError(f"{path}: is no CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _read_json(text: str, path: str) -> Iterator[dict[str, str]]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply") from None
    except ValueError:
        found = _read_json_lines(text, path)
    rows = found if isinstance(found, list) else [found]
    if not any(isinstance(row, dict) and "query" in row for row in rows):
        raise ConfigError(f"{path}: is no pg_stat_statements: no row has a `query`")
    for row in rows:
        if isinstance(row, dict):
            yield {str(key): str(value) for key, value in row.items() if isinstance(value, str | int)}


def _read_json_lines(text: str, path: str) -> list[object]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no JSON: {error}") from None
