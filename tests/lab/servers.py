"""PostgreSQL of the lab.

In: the unpacked packages and a session. Out: a running server with one superuser `lab`, one plain user `plain`, and a
database
`lab` with dblink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.lab.packages import Packages
    from tests.lab.session import Running, Session

SUITE_OF_MAJOR = {15: "bookworm", 18: "forky"}


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL."""

    major: int
    version: str
    port: int
    running: Running

    def dsn(self, database: str = "lab", user: str = "lab") -> str:
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user}"


def start_server(session: Session, packages: Mapping[str, Packages], major: int) -> Server:
    """Initialise and start one PostgreSQL major."""
    suite = packages[SUITE_OF_MAJOR[major]]
    programs = suite.root / f"usr/lib/postgresql/{major}/bin"
    data = session.make_folder(f"postgresql-{major}")
    session.run(
        [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-A",
            "trust",
            "-U",
            "lab",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
    )
    port = session.free_port()
    running = session.start(
        f"postgresql-{major}",
        [str(programs / "postgres"), "-D", str(data), "-p", str(port), *_settings(session.folder)],
        port=port,
        ready=lambda: _answers(port),
    )
    version = suite.upstream_version(f"postgresql-{major}")
    server = Server(major, version, port, running)
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN")
        connection.execute("CREATE DATABASE lab")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION dblink")
        connection.execute("GRANT CREATE ON SCHEMA public TO plain")
    return server


def _settings(folder: Path) -> list[str]:
    values = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "400",
        "shared_buffers": "32MB",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "autovacuum": "off",
    }
    return [word for name, value in values.items() for word in ("-c", f"{name}={value}")]


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"host=127.0.0.1 port={port} dbname=postgres user=lab", connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True
