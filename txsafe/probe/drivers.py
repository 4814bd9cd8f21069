"""Clients that speak through a driver, for what only a driver does: naming statements, keeping cursors, listening.

In: a connection string. Out: the same `Answer`s as `wire.Client` gives. `query` goes round the driver's statement
cache, `bound` through it, `call` is one of the driver's own functions.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from txsafe.catalog.probes import Call
from txsafe.probe.wire import LIMIT, Answer, Client, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import asyncpg

_CACHEABLE = 200
"""Bytes of SQL up to which asyncpg caches here; longer statements it leaves unnamed."""


class PsycopgClient:
    """psycopg 3, preparing at the first execution instead of the sixth."""

    def __init__(self, conninfo: str) -> None:
        self.refusal: Answer | None = None
        self._cursors: list[psycopg.ServerCursor[tuple[object, ...]]] = []
        try:
            self._connection = psycopg.connect(
                conninfo, autocommit=True, prepare_threshold=0, connect_timeout=int(LIMIT)
            )
        except psycopg.Error as error:
            self.refusal = _refusal(error, error.sqlstate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.refusal is None:
            # First of all, so that closing a cursor sends nothing: what a program leaves behind is to be seen.
            self._connection.close()
        for cursor in self._cursors:
            cursor.close()

    @property
    def backend(self) -> str:
        """The server process as SQL sees it."""
        return self.query("SELECT pg_backend_pid()").value

    def query(self, sql: str) -> Answer:
        """Run a statement that is not prepared."""
        return self._run(sql, (), prepare=False)

    def bound(self, sql: str, value: str) -> Answer:
        """Run a statement with one parameter, as the driver's users do."""
        return self._run(sql.replace("$1", "%s"), (value,), prepare=None)

    def call(self, name: Call, given: str) -> Answer:
        """Declare a named cursor (given a name and a query), or run a statement in a read-only transaction."""
        if name is Call.READ_ONLY:
            return self._try(lambda: self._read_only(given))
        return self._try(lambda: self._declare(given, withhold=name is Call.WITHHOLD))

    def notified(self, wait: float) -> tuple[str, ...]:
        """Return the channels of the notifications that come within `wait` seconds, the first at least."""
        if self.refusal is not None:
            return ()
        try:
            return tuple(each.channel for each in self._connection.notifies(timeout=wait, stop_after=1))
        except psycopg.Error:
            return ()

    def _read_only(self, sql: str) -> Answer:
        self._connection.read_only = True
        try:
            with self._connection.transaction():
                return self._execute(sql, (), prepare=False)
        finally:
            if not self._connection.closed:
                self._connection.read_only = None

    def _declare(self, given: str, *, withhold: bool) -> Answer:
        name, _, query = given.partition(" ")
        cursor = self._connection.cursor(name, withhold=withhold)
        self._cursors.append(cursor)
        cursor.execute(query.encode())
        return Answer(Reply.ROWS)

    def _run(self, sql: str, parameters: tuple[str, ...], *, prepare: bool | None) -> Answer:
        return self._try(lambda: self._execute(sql, parameters, prepare=prepare))

    def _execute(self, sql: str, parameters: tuple[str, ...], *, prepare: bool | None) -> Answer:
        # The driver's texts are no literals here: they are the probes'.
        cursor = self._connection.execute(sql.encode(), parameters or None, prepare=prepare)
        return Answer(Reply.ROWS, tuple(str(row[0]) for row in cursor.fetchall()) if cursor.description else ())

    def _try(self, work: Callable[[], Answer]) -> Answer:
        if self.refusal is not None:
            return self.refusal
        try:
            return work()
        except psycopg.Error as error:
            reply = Reply.DROPPED if self._connection.closed else Reply.ERROR
            return Answer(reply, sqlstate=error.sqlstate or "", text=str(error).strip())


class AsyncpgClient:
    """asyncpg, with its cache of named statements or without, and with start-up parameters of one's choice."""

    def __init__(self, conninfo: str, *, cache: int = 100, start_up: Mapping[str, str] | None = None) -> None:
        self.refusal: Answer | None = None
        self._prepared: asyncpg.prepared_stmt.PreparedStatement | None = None
        self._heard: list[str] = []
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._loop.run_until_complete(_connect_asyncpg(conninfo, cache, dict(start_up or {})))
        except Exception as error:  # noqa: BLE001  asyncpg raises its own, OSError, TimeoutError …: each is a refusal
            self.refusal = _refusal(error, getattr(error, "sqlstate", None))

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

    def bound(self, sql: str, value: str) -> Answer:
        """Run a statement with one parameter, as the driver's users do."""
        return self._run(sql, value)

    def call(self, name: Call, given: str) -> Answer:
        """Listen to a channel, prepare a statement and run it, or reset as the driver's pool does."""
        match name:
            case Call.ADD_LISTENER:
                return self._try(lambda: self._listen(given))
            case Call.PREPARE:
                return self._try(lambda: self._prepare(given))
            case Call.FETCH:
                return self._try(self._fetch_prepared)
            case _:
                return self._try(self._reset)

    def notified(self, wait: float) -> tuple[str, ...]:
        """Return the channels of the notifications that come within `wait` seconds."""
        self._loop.run_until_complete(asyncio.sleep(wait))
        return tuple(self._heard)

    async def _listen(self, channel: str) -> tuple[str, ...]:
        await self._connection.add_listener(channel, lambda *heard: self._heard.append(heard[2]))
        return ()

    async def _prepare(self, sql: str) -> tuple[str, ...]:
        self._prepared = await self._connection.prepare(sql, timeout=LIMIT)
        return ()

    async def _fetch_prepared(self) -> tuple[str, ...]:
        return (str(await self._prepared.fetchval(timeout=LIMIT)),) if self._prepared is not None else ()

    async def _reset(self) -> tuple[str, ...]:
        await self._connection.reset(timeout=LIMIT)
        return ()

    async def _fetch(self, sql: str, parameters: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in await self._connection.fetch(sql, *parameters, timeout=LIMIT))

    def _run(self, sql: str, *parameters: str) -> Answer:
        return self._try(lambda: self._fetch(sql, parameters))

    def _try(self, work: Callable[[], Awaitable[tuple[str, ...]]]) -> Answer:
        if self.refusal is not None:
            return self.refusal
        try:
            return Answer(Reply.ROWS, self._loop.run_until_complete(work()))
        except Exception as error:  # noqa: BLE001  as above: whatever it is, it is the answer
            if isinstance(error, TimeoutError):
                return _silence()
            reply = Reply.DROPPED if self._connection.is_closed() else Reply.ERROR
            state = getattr(error, "sqlstate", None) or ""
            return Answer(reply, sqlstate=state, text=str(error) or type(error).__name__)


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


def _refusal(error: Exception, sqlstate: str | None) -> Answer:
    if isinstance(error, (TimeoutError, psycopg.errors.ConnectionTimeout)):
        return _silence()
    return Answer(Reply.DROPPED, sqlstate=sqlstate or "", text=str(error).strip() or type(error).__name__)


def _silence() -> Answer:
    return Answer(Reply.SILENT, text=f"no answer within {LIMIT:g} s")


AnyClient = Client | PsycopgClient | AsyncpgClient
