"""What is probed: a connection string comes in, a `Target` goes out, and what speaks against probing it.

A password is part of `Target.conninfo` and of nothing else: `mask` takes it out of all that others wrote.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from txsafe.errors import ProbeError
from txsafe.probe.wire import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "***"
RECENT = "1 minute"
"""A session that did something within this time belongs to somebody who works."""
_TABLES = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't' "
    "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
    "AND NOT EXISTS (SELECT FROM pg_depend d "
    "WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
)
_SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    f"AND backend_type = 'client backend' AND coalesce(state_change, now()) > now() - interval '{RECENT}'"
)
"""Others' sessions show no time to a plain user; they count."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pooler, or a server, that answers."""

    conninfo: str = field(repr=False)
    shown: str
    """Host, port and database, and as whom."""
    aside: str = field(repr=False, default="")
    """The server itself, as it says where it listens: a way round a pooler that has died."""
    secrets: tuple[str, ...] = field(repr=False, default=())

    def mask(self, text: str) -> str:
        """Return a text without the password."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text


def holds_password(dsn: str) -> bool:
    """Tell whether a connection string has a password in it; raises `ProbeError` for one that is malformed."""
    return bool(_read(dsn).get("password"))


def _read(dsn: str) -> dict[str, object]:
    try:
        given: dict[str, object] = dict(conninfo_to_dict(dsn))
    except ProgrammingError:
        given = {"port": "?"}
    # Where a password is not quoted as it should be, parts of it come out as these, and libpq's own words repeat them.
    misread = "@" in f"{given.get('host', '')}{given.get('dbname', '')}"
    if misread or not re.fullmatch(r"[0-9,]*", str(given.get("port") or "")):
        raise ProbeError("this is no connection string: it takes postgresql://… or host=… port=… dbname=…")
    return given


def open_target(dsn: str) -> Target:
    """Connect once and return what was reached, with all that the environment and files of libpq add.

    Raises `ProbeError` for a malformed connection string and a refused connection.
    """
    given = _read(dsn)
    secrets = _spell_secrets(str(given.get("password") or ""), os.environ.get("PGPASSWORD", ""))
    with Client(dsn) as client:
        if client.refusal is not None:
            raise ProbeError(Target(dsn, "", secrets=secrets).mask(f"cannot connect: {client.refusal.text}"))
        found = client.parameters
        secrets = (*_spell_secrets(found["password"]), *secrets)
        conninfo = make_conninfo(dsn, **{name: value for name, value in found.items() if value})
        server = client.query("SELECT concat_ws(' ', host(inet_server_addr()), inet_server_port(), current_database())")
    address, _, rest = server.value.partition(" ")
    port, _, database = rest.partition(" ")
    aside = make_conninfo(conninfo, host=address, hostaddr="", port=port, dbname=database) if database else ""
    shown = f"{found['host']}:{found['port']}/{found['dbname']} as {found['user']}"
    return Target(conninfo, shown, aside, secrets)


def _spell_secrets(*passwords: str) -> tuple[str, ...]:
    """Return a password as it may be spelled in messages: the longest first."""
    spelled = {text for password in passwords if password for text in (password, quote(password, safe=""))}
    return tuple(sorted(spelled, key=len, reverse=True))


def list_dangers(target: Target) -> Iterator[str]:
    """Say what speaks against probing here: somebody else may be hit by what probes leave for moments."""
    with Client(target.conninfo) as client:
        tables, sessions = client.query(_TABLES), client.query(_SESSIONS)
    if not (tables.ok and sessions.ok):
        yield "it cannot be told whether the database is in use"
        return
    if tables.value != "0":
        yield f"the database holds tables ({tables.value})"
    if sessions.value != "0":
        yield f"others work in the database (sessions in the last minute: {sessions.value})"
