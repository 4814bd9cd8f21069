"""Clients that speak through a driver, for what only a driver does: naming statements, choosing start-up parameters.

In: a connection string. Out: the same `Answer`s as `wire.Client` gives. `query` goes round the driver's statement
cache, `bound`
through it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from txsafe.probe.wire import LIMIT, Answer, Client, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

_CACHEABLE = 200
"""Bytes of SQL up to which asyncpg caches here; longer statements it leaves unnamed."""


class PsycopgClient:
    """psycopg 3, preparing at the first execution instead of the sixth."""

    def __init__(self, conninfo: str) -> None:
        self.refusal: Answer | None = None
        try:
            self._connection = psycopg.connect(
                conninfo, autocommit=True, prepare_threshold=0, connect_timeout=int(LIMIT)
            )
        except psycopg.Error as error:
            self.refusal = _refusal(str(error), error.sqlstate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.refusal is None:
            self._connection.close()

    @property
    def backend(self) -> str:
        """The server process as SQL sees it."""
        return self.query("SELECT pg_backend_pid()").value

    def query(self, sql: str) -> Answer:
        """Run a statement that is not prepared."""
        return self._run(sql, (), prepare=False)

    def bound(self, sql: str) -> Answer:
        """Run a statement with one parameter, as the driver's users do."""
        return self._run(sql.replace("$1", "%s"), ("!",), prepare=None)

    def _run(self, sql: str, parameters: tuple[str, ...], *, prepare: bool | None) -> Answer:
        if self.refusal is not None:
            return self.refusal
        try:
            # The driver's texts are no literals here: they are the probes'.
            cursor = self._connection.execute(sql.encode(), parameters or None, prepare=prepare)
            return Answer(Reply.ROWS, tuple(str(row[0]) for row in cursor.fetchall()) if cursor.description else ())
        except psycopg.Error as error:
            reply = Reply.DROPPED if self._connection.closed else Reply.ERROR
            return Answer(reply, sqlstate=error.sqlstate or "", text=str(error).strip())


class AsyncpgClient:
    """asyncpg, with its cache of named statements or without, and with start-up parameters of one's choice."""

    def __init__(self, conninfo: str, *, cache: int = 100, start_up: Mapping[str, str] | None = None) -> None:
        self.refusal: Answer | None = None
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._loop.run_until_complete(_connect_asyncpg(conninfo, cache, dict(start_up or {})))
        except Exception as error:  # noqa: BLE001  asyncpg raises its own, OSError, TimeoutError …: each is a refusal
            self.refusal = _refusal(str(error) or type(error).__name__, getattr(error, "sqlstate", None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.refusal is None:
            self._connection.terminate()
            with contextlib.suppress(Exception):
                self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    @property
    def backend(self) -> str:
        """The server process as SQL sees it."""
        return self.query("SELECT pg_backend_pid()").value

    def query(self, sql: str) -> Answer:
        """Run a statement that is too long for the cache."""
        return self._run(f"{sql} /* {'-' * _CACHEABLE} */")

    def bound(self, sql: str) -> Answer:
        """Run a statement with one parameter, as the driver's users do."""
        return self._run(sql, "!")

    def _run(self, sql: str, *parameters: str) -> Answer:
        if self.refusal is not None:
            return self.refusal
        try:
            rows = self._loop.run_until_complete(self._connection.fetch(sql, *parameters, timeout=LIMIT))
            return Answer(Reply.ROWS, tuple(str(row[0]) for row in rows))
        except Exception as error:  # noqa: BLE001  as above: whatever it is, it is the answer
            reply = Reply.DROPPED if self._connection.is_closed() else Reply.ERROR
            return Answer(
                reply, sqlstate=getattr(error, "sqlstate", None) or "", text=str(error) or type(error).__name__
            )


async def _connect_asyncpg(conninfo: str, cache: int, start_up: dict[str, str]) -> asyncpg.Connection:
    import asyncpg

    given = conninfo_to_dict(conninfo)
    return await asyncpg.connect(
        host=given.get("host"),
        port=given.get("port"),
        user=given.get("user"),
        password=given.get("password"),
        database=given.get("dbname"),
        ssl=given.get("sslmode"),
        statement_cache_size=cache,
        max_cacheable_statement_size=_CACHEABLE,
        server_settings=start_up,
        timeout=LIMIT,
    )


def _refusal(text: str, sqlstate: str | None) -> Answer:
    return Answer(Reply.DROPPED, sqlstate=sqlstate or "", text=text.strip())


AnyClient = Client | PsycopgClient | AsyncpgClient
