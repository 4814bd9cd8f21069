"""The poolers of the lab.

In: unpacked packages, running servers, a session. Out: endpoints, one per pooler, version, mode, settings and server:
each a
pool of two server connections of its own, so that the next transaction can be made to land on the other one.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.lab.packages import Packages
    from tests.lab.servers import Server
    from tests.lab.session import Running, Session

POOL_SIZE = 2
MODES = ("transaction", "session", "statement")
EXTRA_PARAMETERS = "IntervalStyle, search_path, default_transaction_read_only, statement_timeout"
"""One more than the default, one that some servers report, one that all servers of the lab do, one that none does."""

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})

PGBOUNCER_SUITES = {"1.18": "bookworm", "1.24": "trixie", "1.26": "forky"}
PGBOUNCER_SETTINGS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "1.18": (NO_SETTINGS, {"server_reset_query_always": "1"}, {"ignore_startup_parameters": "search_path,options"}),
    "1.24": (
        NO_SETTINGS,
        {"max_prepared_statements": "0"},
        {"track_extra_parameters": EXTRA_PARAMETERS},
        {"server_reset_query_always": "1"},
        {"ignore_startup_parameters": "search_path,options"},
    ),
}
PGBOUNCER_SETTINGS = {**PGBOUNCER_SETTINGS, "1.26": PGBOUNCER_SETTINGS["1.24"]}
ODYSSEY_SETTINGS: tuple[Mapping[str, str], ...] = (
    NO_SETTINGS,
    {"pool_reserve_prepared_statement": "no"},
    {"pool_reserve_prepared_statement": "no", "pool_discard": "no"},
    {"pool_pin_on_listen": "yes"},
)
NOT_OBSERVED: Mapping[str, Mapping[str, str]] = {
    "pgagroal": {
        "transaction": "2.1.0 answers no client that has to wait for a server connection: with two of them and three "
        "clients, the others get no answer or are disconnected, whatever ev_backend, blocking_timeout and the limits"
    }
}
"""Pooler → mode → why it cannot be observed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pooler as a client meets it."""

    pooler: str
    version: str
    """As `rules/poolers/` names it: `1.26`."""
    exact_version: str
    mode: str
    server: Server = field(hash=False)
    running: Running | None = field(hash=False)
    database: str
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        settings = "".join(f" {key}={value}" for key, value in sorted(self.settings.items()))
        return f"{self.pooler} {self.version} {self.mode}{settings}, PostgreSQL {self.server.major}"

    def dsn(self, user: str = "lab") -> str:
        port = self.server.port if self.running is None else self.running.port
        return f"host=127.0.0.1 port={port} dbname={self.database} user={user}"


def direct_endpoint(server: Server) -> Endpoint:
    """Return the control: no pooler at all."""
    return Endpoint("direct", "", server.version, "session", server, None, "lab")


def start_pgbouncer(
    session: Session, packages: Mapping[str, Packages], servers: Sequence[Server], version: str
) -> list[Endpoint]:
    """Start one process per settings; it serves all modes and servers under names of their own."""
    suite = packages[PGBOUNCER_SUITES[version]]
    endpoints = []
    for number, settings in enumerate(PGBOUNCER_SETTINGS[version]):
        name = f"pgbouncer-{version}-{number}"
        folder = session.make_folder(name)
        port = session.free_port()
        lines = [
            "[databases]",
            *(
                f"{mode}{server.major} = host=127.0.0.1 port={server.port} dbname=lab "
                f"pool_mode={mode} pool_size={POOL_SIZE}"
                for server in servers
                for mode in MODES
            ),
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "auth_type = trust",
            f"auth_file = {session.write(folder / 'users.txt', _quoted_users())}",
            "admin_users = lab",
            "max_client_conn = 1000",
            "log_connections = 0",
            "log_disconnections = 0",
            *(f"{key} = {value}" for key, value in settings.items()),
        ]
        file = session.write(folder / "pgbouncer.ini", "\n".join(lines) + "\n")
        running = session.start(name, [*suite.command("usr/sbin/pgbouncer"), str(file)], port=port)
        endpoints += [
            Endpoint(
                "pgbouncer",
                version,
                suite.upstream_version("pgbouncer"),
                mode,
                server,
                running,
                f"{mode}{server.major}",
                settings,
            )
            for server in servers
            for mode in MODES
        ]
    return endpoints


def _quoted_users() -> str:
    return '"lab" ""\n"plain" ""\n'


def start_odyssey(session: Session, packages: Mapping[str, Packages], servers: Sequence[Server]) -> list[Endpoint]:
    """Start one process: every route has a name of its own."""
    suite = packages["forky"]
    version = suite.upstream_version("odyssey")
    folder = session.make_folder("odyssey")
    port = session.free_port()
    routes = [
        (f"{mode}{server.major}_{number}", server, mode, settings)
        for server in servers
        for mode in MODES
        for number, settings in enumerate(ODYSSEY_SETTINGS)
        # Odyssey refuses to start with this on a session pool.
        if not (mode == "session" and "pool_pin_on_listen" in settings)
    ]
    blocks = [
        "daemonize no",
        "log_to_stdout yes",
        'log_format "%p %t %l [%i %s] (%c) %m\\n"',
        "log_session no",
        "log_stats no",
        "workers 1",
        f'locks_dir "{folder}"',
        f'listen {{ host "127.0.0.1" port {port} }}',
        *(f'storage "pg{server.major}" {{ type "remote" host "127.0.0.1" port {server.port} }}' for server in servers),
        *(_odyssey_route(name, server, mode, settings) for name, server, mode, settings in routes),
    ]
    file = session.write(folder / "odyssey.conf", "\n".join(blocks) + "\n")
    running = session.start(
        "odyssey", [*suite.command("usr/bin/odyssey"), str(file)], port=port, stop_signal=signal.SIGTERM
    )
    return [
        Endpoint("odyssey", _minor(version), version, mode, server, running, name, settings)
        for name, server, mode, settings in routes
    ]


def _odyssey_route(name: str, server: Server, mode: str, settings: Mapping[str, str]) -> str:
    lines = "\n".join(f"    {key} {value}" for key, value in settings.items())
    users = "".join(
        f"""  user "{user}" {{
    authentication "none"
    storage "pg{server.major}"
    storage_db "lab"
    storage_user "{user}"
    pool "{mode}"
    pool_size {POOL_SIZE}
{lines}
  }}
"""
        for user in ("lab", "plain")
    )
    return f'database "{name}" {{\n{users}}}'


def start_pgagroal(
    session: Session, packages: Mapping[str, Packages], servers: Sequence[Server], spare: int = 0
) -> Iterator[Endpoint]:
    """Start one process per server, with the session pipeline; see `NOT_OBSERVED` for the other."""
    suite = packages["forky"]
    version = suite.upstream_version("pgagroal")
    for server in servers:
        name = f"pgagroal-{server.major}"
        folder = session.make_folder(name)
        port = session.free_port()
        settings = {
            "host": "127.0.0.1",
            "port": str(port),
            "log_type": "console",
            "log_level": "warn",
            # The limits below are what counts.
            "max_connections": str(2 * (POOL_SIZE + spare)),
            "pipeline": "session",
            "allow_unknown_users": "on",
            "unix_socket_dir": str(folder),
            "validation": "off",
            "idle_timeout": "0",
            # With io_uring a process whose server connection was ended goes on for ever, and its slot is lost.
            "ev_backend": "epoll",
        }
        own = "".join(f"{key} = {value}\n" for key, value in settings.items())
        text = f"[pgagroal]\n{own}[primary]\nhost = 127.0.0.1\nport = {server.port}\n"
        limits = "".join(f"lab {user} {POOL_SIZE + spare} 0 0\n" for user in ("lab", "plain"))
        files = (
            ("-c", session.write(folder / "pgagroal.conf", text)),
            ("-a", session.write(folder / "pgagroal_hba.conf", "host all all all trust\n")),
            ("-l", session.write(folder / "pgagroal_databases.conf", limits)),
        )
        command = [*suite.command("usr/bin/pgagroal"), *(word for key, file in files for word in (key, str(file)))]
        running = session.start(name, command, port=port, stop_signal=signal.SIGTERM)
        yield Endpoint("pgagroal", _minor(version), version, "session", server, running, "lab", {})


def start_pgpool(
    session: Session, packages: Mapping[str, Packages], servers: Sequence[Server], spare: int = 0
) -> Iterator[Endpoint]:
    """Start one Pgpool-II per server; it knows no modes."""
    suite = packages["forky"]
    version = suite.upstream_version("pgpool2")
    for server in servers:
        folder = session.make_folder(f"pgpool-{server.major}")
        port = session.free_port()
        settings = {
            "backend_clustering_mode": "'streaming_replication'",
            "listen_addresses": "'127.0.0.1'",
            "port": str(port),
            "pcp_listen_addresses": "''",
            "pcp_port": str(session.free_port()),
            "unix_socket_directories": f"'{folder}'",
            "pcp_socket_dir": f"'{folder}'",
            "wd_ipc_socket_dir": f"'{folder}'",
            "pid_file_name": f"'{folder}/pgpool.pid'",
            "logdir": f"'{folder}'",
            "work_dir": f"'{folder}'",
            "backend_hostname0": "'127.0.0.1'",
            "backend_port0": str(server.port),
            "backend_weight0": "1",
            "num_init_children": str(3 + spare),
            # With one node there is nothing to balance; switched off, the catalogue says so too.
            "load_balance_mode": "off",
            "max_pool": "1",
            "sr_check_period": "0",
            "health_check_period": "0",
            "enable_pool_hba": "off",
        }
        text = "".join(f"{key} = {value}\n" for key, value in settings.items())
        file = session.write(folder / "pgpool.conf", text)
        running = session.start(
            f"pgpool-{server.major}", [*suite.command("usr/sbin/pgpool"), "-n", "-f", str(file)], port=port
        )
        yield Endpoint(
            "pgpool-ii", _minor(version), version, "session", server, running, "lab", {"load_balance_mode": "no"}
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
