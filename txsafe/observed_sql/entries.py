"""What every format of a server log comes to: one `Entry` for each statement that ran."""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    """Who ran something; empty where the log does not say."""

    application: str
    user: str
    database: str


class Entry(NamedTuple):
    """One statement in a log. A named tuple, because there are millions."""

    line: int
    """On which its record starts, from 1."""
    sql: str
    statement_name: str
    """Of a statement prepared on protocol level; empty for the unnamed one and for plain statements."""
    client: Client
    session: str
    """Of the server's; empty where the log does not say."""
    transaction: str
    """Two entries of one session with different ones ran in different transactions; empty where that is not known."""
