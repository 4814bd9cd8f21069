"""The clients that probes speak through, on a direct connection: answers, never exceptions."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.lab.servers import Server, start_server
from tests.lab.session import Session
from txsafe.catalog.probes import Call
from txsafe.probe.drivers import AsyncpgClient, PsycopgClient
from txsafe.probe.wire import Answer, Client, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.lab.packages import Packages

NOBODY = "host=127.0.0.1 port=1 dbname=x user=x"
END = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture(scope="module")
def server(packages: Mapping[str, Packages]) -> Iterator[Server]:
    with Session() as session:
        yield start_server(session, packages, 15)


# ---------------------------------------------------------------- psycopg


def test_psycopg_keeps_a_cursor_with_hold_and_closes_none_of_it(server: Server) -> None:
    with PsycopgClient(server.dsn()) as client:
        assert client.call(Call.WITHHOLD, "held SELECT 'row' FROM generate_series(1, 3)").ok
        assert client.query("FETCH 1 FROM held").value == "row"


def test_psycopg_has_named_cursors_only_inside_a_transaction(server: Server) -> None:
    with PsycopgClient(server.dsn()) as client:
        outside = client.call(Call.NAMED_CURSOR, "named SELECT 1")
        assert (outside.reply, outside.sqlstate) == (Reply.ERROR, "25P01")
        client.query("BEGIN")
        assert client.call(Call.NAMED_CURSOR, "named SELECT 'row'").ok
        assert client.query("FETCH 1 FROM named").value == "row"


def test_psycopg_sets_a_transaction_read_only_and_nothing_else(server: Server) -> None:
    with PsycopgClient(server.dsn()) as client:
        assert client.call(Call.READ_ONLY, "SHOW transaction_read_only").value == "on"
        assert client.query("SHOW transaction_read_only").value == "off"
        broken = client.call(Call.READ_ONLY, "CREATE TABLE never ()")
        assert (broken.reply, broken.sqlstate) == (Reply.ERROR, "25006")
        assert client.call(Call.READ_ONLY, END).reply is Reply.DROPPED


def test_psycopg_hears_what_it_listens_to(server: Server) -> None:
    with PsycopgClient(server.dsn()) as client:
        assert client.query("LISTEN heard").ok
        assert client.notified(0.05) == ()
        client.query("NOTIFY heard")
        assert client.notified(2) == ("heard",)
        assert client.query(END).reply is Reply.DROPPED
        assert client.notified(0.05) == ()


def test_psycopg_binds_and_prepares(server: Server) -> None:
    with PsycopgClient(server.dsn()) as client:
        assert client.bound("SELECT 'a' || $1", "b").value == "ab"
        assert client.query("SELECT count(*) FROM pg_prepared_statements").value == "1"
        assert client.bound("SELECT $1::int", "b").sqlstate == "22P02"


# ---------------------------------------------------------------- asyncpg


def test_asyncpg_hears_what_it_listens_to(server: Server) -> None:
    with AsyncpgClient(server.dsn(), cache=0) as client:
        assert client.call(Call.ADD_LISTENER, "heard").ok
        with Client(server.dsn()) as other:
            other.query("NOTIFY heard")
        assert client.notified(0.3) == ("heard",)


def test_asyncpg_runs_what_it_prepared_and_nothing_where_it_did_not(server: Server) -> None:
    with AsyncpgClient(server.dsn(), cache=0) as client:
        assert client.call(Call.FETCH, "") == Answer(Reply.ROWS)
        assert client.call(Call.PREPARE, "SELECT 'mine'").ok
        assert client.call(Call.FETCH, "").value == "mine"
        assert client.call(Call.PREPARE, "SELEC").sqlstate == "42601"


def test_asyncpg_resets_as_its_pool_does(server: Server) -> None:
    with AsyncpgClient(server.dsn()) as client:
        client.query("SET statement_timeout = '54321ms'")
        assert client.call(Call.RESET, "").ok
        assert client.query("SHOW statement_timeout").value == "0"


def test_asyncpg_starts_with_parameters(server: Server) -> None:
    with AsyncpgClient(server.dsn(), start_up={"work_mem": "5432kB"}) as client:
        assert client.query("SHOW work_mem").value == "5432kB"
        assert client.query(END).reply is Reply.DROPPED
        assert client.query("SELECT 1").reply is Reply.DROPPED


# ---------------------------------------------------------------- all of them


def test_a_refused_client_answers_everything_with_the_refusal() -> None:
    with PsycopgClient(NOBODY) as driver, AsyncpgClient(NOBODY) as other, Client(NOBODY) as plain:
        asked = (
            driver.query("SELECT 1"),
            driver.bound("SELECT $1", "1"),
            driver.call(Call.WITHHOLD, "a SELECT 1"),
            other.query("SELECT 1"),
            other.call(Call.RESET, ""),
            plain.query("SELECT 1"),
            plain.prepare("a", "SELECT 1"),
            plain.execute("a"),
        )
        assert {answer.reply for answer in asked} == {Reply.DROPPED}
        assert all(answer.text for answer in asked)
        assert driver.notified(0.01) == plain.notified(0.01) == ()
        assert plain.claimed_backend == ""


def test_a_client_whose_server_process_has_gone_says_so_each_time(server: Server) -> None:
    with Client(server.dsn()) as client, Client(server.dsn()) as other:
        other.query(f"SELECT pg_terminate_backend({client.backend})")
        assert client.notified(1) == ()
        first = client.query("SELECT 1")
        assert first.reply is Reply.DROPPED
        assert client.hold("SELECT 1") == client.query("SELECT 1") == first


def test_an_error_in_a_pipeline_is_an_answer_and_ends_it(server: Server) -> None:
    with Client(server.dsn()) as client:
        assert client.hold("SELECT 1 / 0").sqlstate == "22012"
        client.release()
        assert client.query("SELECT 1").value == "1"


def test_what_takes_too_long_is_silence(server: Server) -> None:
    with Client(server.dsn(), limit=0.2) as client:
        assert client.query("SELECT pg_sleep(2)").reply is Reply.SILENT
        assert client.query("SELECT 1").reply is Reply.SILENT


# ---------------------------------------------------------------- servers that are none


@contextlib.contextmanager
def listener(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept one client on loopback and do with it what `talk` does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                talk(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"host=127.0.0.1 port={server.getsockname()[1]} dbname=x user=x sslmode=disable gssencmode=disable"
        thread.join()


def test_a_server_that_says_nothing_is_silence_and_no_refusal() -> None:
    stop = threading.Event()

    def talk(_: socket.socket) -> None:
        stop.wait(5)

    with listener(talk) as conninfo, Client(conninfo, limit=0.2) as client:
        assert client.refusal is not None
        assert (client.refusal.reply, client.query("SELECT 1").reply) == (Reply.SILENT, Reply.SILENT)
        stop.set()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"E\0\0\0\x05"])
def test_what_is_no_postgresql_is_a_refusal(said: bytes) -> None:
    def talk(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(said)

    with listener(talk) as conninfo, Client(conninfo, limit=3) as client:
        assert client.refusal is not None
        assert client.refusal.reply is Reply.DROPPED
        assert client.refusal.text
