"""Finding, holding and leaving server connections of a pool that shows nothing of itself.

In: a connection string. Out: how the pool shares its connections, and clients that sit on a server connection of
one's choice.
The one tool is `pg_backend_pid()` read in SQL: the number that a client is given at connect is the pooler's invention.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass

from txsafe.probe.wire import Answer, Client

HUNT_LIMIT = 2.0
"""Seconds to wait for a server connection while others are held on purpose."""
FAREWELL = 1.5
"""Seconds for a server process to go when its client has gone."""
RESTLESS_LOOKS = 50
HUNT_CLIENTS = 24
"""How many server connections are held at once while looking for a certain one."""


class Sharing(enum.StrEnum):
    """When a client's server connection is given to somebody else."""

    DIRECT = "direct"
    SESSION = "session"
    TRANSACTION = "transaction"
    STATEMENT = "statement"


class Hold(enum.StrEnum):
    """How a client keeps its server connection."""

    SESSION = "session"
    """It keeps it anyway."""
    BLOCK = "block"
    """By an open transaction."""
    PIPELINE = "pipeline"
    """By a pipeline without its Sync: where transaction blocks are refused, this is what remains."""


HOLD_OF_SHARING = {
    Sharing.DIRECT: Hold.SESSION,
    Sharing.SESSION: Hold.SESSION,
    Sharing.TRANSACTION: Hold.BLOCK,
    Sharing.STATEMENT: Hold.PIPELINE,
}


class Occupant:
    """A client that keeps one server connection until it is told to leave."""

    def __init__(self, conninfo: str, hold: Hold, limit: float = HUNT_LIMIT) -> None:
        self._client = Client(conninfo, limit=limit)
        self._hold = hold
        if hold is Hold.BLOCK:
            self._client.query("BEGIN")
        self.backend = self.ask("SELECT pg_backend_pid()").value

    def ask(self, sql: str) -> Answer:
        """Run one statement on the connection that is held. A failure ends the hold."""
        return self._client.hold(sql) if self._hold is Hold.PIPELINE else self._client.query(sql)

    def leave(self) -> None:
        """Commit and disconnect."""
        if self._hold is Hold.BLOCK:
            self._client.query("COMMIT")
        elif self._hold is Hold.PIPELINE:
            self._client.release()
        self._client.close()


def occupy(conninfo: str, backend: str, hold: Hold) -> Occupant | None:
    """Return a client that sits on the given server process; None where no pool gives it away."""
    others: list[Occupant] = []
    try:
        for _ in range(HUNT_CLIENTS):
            occupant = Occupant(conninfo, hold)
            if occupant.backend == backend:
                return occupant
            others.append(occupant)
            if not occupant.backend:
                return None
        return None
    finally:
        # Those that still wait go first: else a pooler gives them a connection and closes it with them.
        for other in reversed(others):
            other.leave()


def is_alive(conninfo: str, backend: str) -> bool:
    """Whether the server process still exists; where one cannot ask, it is taken to."""
    with Client(conninfo, limit=HUNT_LIMIT) as client:
        return client.query(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {int(backend)}").value != "0"


@dataclass(frozen=True, slots=True)
class Pool:
    """What was found out about the other end."""

    sharing: Sharing
    server_version: str
    restless: bool = False
    """Whether an idle client's next statement lands elsewhere by itself: others use the pool, or the pooler
    resets first.
    """


def detect_pool(conninfo: str) -> Pool | Answer:
    """Find out how connections are shared, or return what refused."""
    with Client(conninfo) as client:
        version = client.query("SHOW server_version")
        backend = client.backend
        if not version.ok or not backend:
            return client.refusal or version
        if _gives_away(conninfo, backend):
            sharing = Sharing.TRANSACTION if _keeps_in_block(conninfo) else Sharing.STATEMENT
            return Pool(sharing, version.value, restless=len({client.backend for _ in range(RESTLESS_LOOKS)}) > 1)
    return Pool(Sharing.SESSION if _outlives_its_client(conninfo) else Sharing.DIRECT, version.value)


def _outlives_its_client(conninfo: str) -> bool:
    """Whether a server process is still there some time after its only client has left."""
    with Client(conninfo) as client:
        backend = client.backend
    deadline = time.monotonic() + FAREWELL
    while time.monotonic() < deadline:
        if not is_alive(conninfo, backend):
            return False
        time.sleep(0.02)
    return True


def _gives_away(conninfo: str, backend: str) -> bool:
    """Whether another client gets a server connection whose client is idle but still there."""
    occupant = occupy(conninfo, backend, Hold.PIPELINE)
    if occupant is None:
        return False
    occupant.leave()
    return True


def _keeps_in_block(conninfo: str) -> bool:
    """Whether a transaction block holds: statement mode refuses BEGIN, or accepts and forgets it."""
    with Client(conninfo) as client:
        client.query("BEGIN")
        client.query("SELECT set_config('txsafe.block', 'here', true)")
        kept = client.query("SELECT current_setting('txsafe.block', true)").value == "here"
        if client.refusal is None:
            client.query("ROLLBACK")
        return kept
