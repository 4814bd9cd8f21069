"""One client connection, spoken to at libpq's level so that nothing but what a probe asks for goes over the wire.

In: a connection string and SQL. Out: `Answer`s. A driver would prepare, begin and reset on its own; libpq does none
of it. Every call has a time limit; refusal, failure and silence are answers, never exceptions.
"""

from __future__ import annotations

import contextlib
import enum
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from psycopg import OperationalError, pq

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 5.0
"""Seconds for one answer."""


class Reply(enum.StrEnum):
    """How a request ended."""

    ROWS = "rows"
    ERROR = "error"
    DROPPED = "dropped"
    """The connection was closed, perhaps after an error message."""
    SILENT = "silent"
    """Nothing within the time limit; the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    reply: Reply
    values: tuple[str, ...] = ()
    """The first column of the last result; NULL is the empty string."""
    sqlstate: str = ""
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is no failure."""
        return self.reply is Reply.ROWS

    @property
    def value(self) -> str:
        """The first column of the first row; empty where there is none."""
        return self.values[0] if self.values else ""


class _Until(enum.Enum):
    """What ends the reading of results."""

    IDLE = enum.auto()
    RESULT = enum.auto()
    """The first result, for the server is not asked to become idle."""
    SYNC = enum.auto()


_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)


class Client:
    """A connection, or what refused it: then every request answers with the refusal."""

    def __init__(self, conninfo: str, *, limit: float = LIMIT) -> None:
        self._limit = limit
        self._connection = pq.PGconn.connect_start(conninfo.encode())
        self.refusal = self._connect()

    def close(self) -> None:
        """Close without waiting."""
        self._connection.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def backend(self) -> str:
        """The server process as SQL sees it; the number that the connection was given is the pooler's."""
        return self.query("SELECT pg_backend_pid()").value

    @property
    def claimed_backend(self) -> str:
        """The server process as the connection's start-up said."""
        return str(self._connection.backend_pid) if self.refusal is None else ""

    @property
    def parameters(self) -> dict[str, str]:
        """What the connection was made with, whatever of it came from the environment or a file; with the password."""
        made = self._connection
        given = {"host": made.host, "port": made.port, "user": made.user, "dbname": made.db, "password": made.password}
        return {name: value.decode(errors="replace") for name, value in given.items()}

    def query(self, sql: str) -> Answer:
        """Send one message of the simple protocol."""
        return self._ask(lambda connection: connection.send_query(sql.encode()))

    def prepare(self, name: str, sql: str) -> Answer:
        """Send Parse and Sync."""
        return self._ask(lambda connection: connection.send_prepare(name.encode(), sql.encode()))

    def execute(self, name: str) -> Answer:
        """Send Bind, Execute and Sync."""
        return self._ask(lambda connection: connection.send_query_prepared(name.encode(), []))

    def hold(self, sql: str) -> Answer:
        """Run a statement and leave out the Sync.

        The server is not ready for the next one then, so no pooler may take it away.
        """

        def send(connection: pq.abc.PGconn) -> None:
            connection.enter_pipeline_mode()
            connection.send_query_params(sql.encode(), [])
            connection.send_flush_request()

        return self._ask(send, _Until.RESULT)

    def release(self) -> Answer:
        """Send the Sync that `hold` left out."""

        def send(connection: pq.abc.PGconn) -> None:
            connection.pipeline_sync()

        answer = self._ask(send, _Until.SYNC)
        with contextlib.suppress(OperationalError):
            self._connection.exit_pipeline_mode()
        return answer

    def notified(self, wait: float) -> tuple[str, ...]:
        """Return the channels of the notifications that have come, or come within `wait` seconds."""
        deadline = time.monotonic() + wait
        channels: list[str] = []
        while not channels and (left := deadline - time.monotonic()) > 0:
            if self.refusal is not None or not self._readable(left):
                break
            try:
                self._connection.consume_input()
            except OperationalError:
                break
            while (notification := self._connection.notifies()) is not None:
                channels.append(notification.relname.decode())
        return tuple(channels)

    def _connect(self) -> Answer | None:
        connection = self._connection
        deadline = time.monotonic() + self._limit
        while True:
            if connection.status == pq.ConnStatus.BAD:
                return self._failure()
            match connection.connect_poll():
                case pq.PollingStatus.OK:
                    connection.nonblocking = 1
                    # Warnings of the server are no part of an answer, and libpq would print them.
                    connection.notice_handler = lambda _: None
                    return None
                case pq.PollingStatus.READING:
                    ready = self._wait(deadline, reading=True)
                case pq.PollingStatus.WRITING:
                    ready = self._wait(deadline, reading=False)
                case _:
                    return self._failure()
            if not ready:
                return Answer(Reply.SILENT, text=f"no connection within {self._limit:g} s")

    def _ask(self, send: Callable[[pq.abc.PGconn], None], until: _Until = _Until.IDLE) -> Answer:
        if self.refusal is not None:
            return self.refusal
        try:
            send(self._connection)
        except OperationalError:
            return self._lost(Answer(Reply.ROWS))
        return self._read(time.monotonic() + self._limit, until)

    def _read(self, deadline: float, until: _Until) -> Answer:
        connection = self._connection
        answer = Answer(Reply.ROWS)
        try:
            while connection.flush():
                if not self._wait(deadline, reading=False):
                    return self._silent()
            while True:
                while connection.is_busy():
                    if not self._wait(deadline, reading=True):
                        return self._silent()
                    connection.consume_input()
                result = connection.get_result()
                if result is not None:
                    answer = _understand(result, answer)
                if _is_last(result, until, answer):
                    break
                if time.monotonic() > deadline:
                    return self._silent()
        except OperationalError:
            return self._lost(answer)
        return self._lost(answer) if connection.status == pq.ConnStatus.BAD else answer

    def _wait(self, deadline: float, *, reading: bool) -> bool:
        left = deadline - time.monotonic()
        return left > 0 and (self._readable(left) if reading else self._writable(left))

    def _readable(self, seconds: float) -> bool:
        return bool(select.select([self._connection.socket], [], [], seconds)[0])

    def _writable(self, seconds: float) -> bool:
        return bool(select.select([], [self._connection.socket], [], seconds)[1])

    def _silent(self) -> Answer:
        self.refusal = Answer(Reply.SILENT, text=f"no answer within {self._limit:g} s")
        return self.refusal

    def _lost(self, answer: Answer) -> Answer:
        failure = self._failure()
        self.refusal = Answer(Reply.DROPPED, sqlstate=answer.sqlstate, text=answer.text or failure.text)
        return self.refusal

    def _failure(self) -> Answer:
        text = self._connection.error_message.decode(errors="replace").strip()
        return Answer(Reply.DROPPED, text=text or "the connection was closed")


def _is_last(result: pq.abc.PGresult | None, until: _Until, answer: Answer) -> bool:
    match until:
        case _Until.IDLE:
            return result is None
        case _Until.RESULT:
            return result is not None or not answer.ok
        case _Until.SYNC:
            return result is not None and result.status in (pq.ExecStatus.PIPELINE_SYNC, pq.ExecStatus.FATAL_ERROR)


def _understand(result: pq.abc.PGresult, before: Answer) -> Answer:
    if not before.ok or result.status == pq.ExecStatus.PIPELINE_SYNC:
        return before
    if result.status in _FAILED:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        text = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode(errors="replace")
        return Answer(Reply.ERROR, sqlstate=state, text=text.strip())
    rows = range(result.ntuples)
    values = tuple((result.get_value(row, 0) or b"").decode(errors="replace") for row in rows) if result.nfields else ()
    return Answer(Reply.ROWS, values)
