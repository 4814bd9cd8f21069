"""What the committed observations say is what the poolers do now.

Here the oldest and the newest PgBouncer in all modes, with default settings; everything is observed anew with `-m lab`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.lab.agreement import make_place, read_cells
from tests.lab.observe import WORKERS, observe_endpoint, start_all
from tests.lab.places import CHECKOUT
from tests.lab.poolers import Endpoint, direct_endpoint, start_pgbouncer
from tests.lab.reaper import process_start
from tests.lab.servers import Server, start_server
from tests.lab.session import Session
from txsafe.catalog import load_catalog
from txsafe.probe.pool import Pool, Sharing, detect_pool
from txsafe.probe.wire import Answer, Client, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.lab.packages import Packages


@pytest.fixture(scope="module")
def servers(lab: Session, packages: Mapping[str, Packages]) -> Sequence[Server]:
    return [start_server(lab, packages, major) for major in (15, 18)]


@pytest.fixture(scope="module")
def pgbouncers(lab: Session, packages: Mapping[str, Packages], servers: Sequence[Server]) -> Sequence[Endpoint]:
    found = [*start_pgbouncer(lab, packages, servers, "1.18"), *start_pgbouncer(lab, packages, servers, "1.26")]
    return [endpoint for endpoint in found if not endpoint.settings]


def committed() -> dict[tuple[str, ...], frozenset[str]]:
    """Return the committed words by pooler, version, mode, settings, server, probe and context."""
    return {(*cell.place, cell.probe, cell.context): cell.words for cell in read_cells(load_catalog())}


def place(endpoint: Endpoint) -> tuple[str, ...]:
    return make_place(endpoint.pooler, endpoint.version, endpoint.mode, endpoint.settings, endpoint.server.version)


def differences(endpoints: Sequence[Endpoint]) -> list[str]:
    """Observe anew and name every cell that differs from the committed one."""
    known = committed()
    found = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for endpoint, cells in zip(endpoints, pool.map(observe_endpoint, endpoints), strict=True):
            for seen in cells:
                before = known.get((*place(endpoint), seen.probe, seen.context), frozenset())
                if before != frozenset(seen.words):
                    words = f"committed {' '.join(sorted(before))}, now {' '.join(seen.words)}"
                    found.append(f"{endpoint.name}: {seen.probe}, {seen.context}: {words}")
    return found


def test_oldest_and_newest_pgbouncer_do_what_is_committed(pgbouncers: Sequence[Endpoint]) -> None:
    assert len(pgbouncers) == 12
    assert differences(pgbouncers) == []


def test_a_direct_connection_keeps_and_hides_everything(servers: Sequence[Server]) -> None:
    for server in servers:
        broken = {
            (seen.probe, seen.context): seen.words
            for seen in observe_endpoint(direct_endpoint(server))
            if seen.words != ("works",)
        }
        assert broken == {("set local", "autocommit"): ("ignored",), ("cursor", "autocommit"): ("error",)}


@pytest.mark.lab
def test_every_pooler_does_what_is_committed(lab: Session, packages: Mapping[str, Packages]) -> None:
    with Session() as session:
        assert differences(list(start_all(session, packages))) == []


def test_sharing_is_found_out_from_outside(pgbouncers: Sequence[Endpoint], servers: Sequence[Server]) -> None:
    found = {endpoint.name: detect_pool(endpoint.dsn()) for endpoint in (*pgbouncers, direct_endpoint(servers[0]))}
    for endpoint in pgbouncers:
        pool = found[endpoint.name]
        assert isinstance(pool, Pool)
        assert pool.sharing == endpoint.mode, endpoint.name
    direct = found[direct_endpoint(servers[0]).name]
    assert isinstance(direct, Pool)
    assert direct.sharing is Sharing.DIRECT


def test_a_plain_user_needs_no_privilege_but_for_what_asks_for_one(pgbouncers: Sequence[Endpoint]) -> None:
    from txsafe.probe.survey import survey

    endpoint = next(each for each in pgbouncers if each.mode == "transaction")
    pool = detect_pool(endpoint.dsn("plain"))
    assert isinstance(pool, Pool)
    unseen = {
        seen.probe: seen.text
        for seen in survey(endpoint.dsn("plain"), pool, load_catalog().rules.values())
        if seen.words == ("unseen",)
    }
    assert set(unseen) == {"set session authorization", "load", "dblink_connect"}
    assert all(unseen.values())


def test_nothing_is_left_in_the_database(servers: Sequence[Server], pgbouncers: Sequence[Endpoint]) -> None:
    for server in servers:
        with psycopg.connect(server.dsn()) as connection:
            left = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'txsafe%'").fetchall()
            assert left == []
            assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_a_refused_connection_is_an_answer() -> None:
    answer = detect_pool("host=127.0.0.1 port=1 dbname=x user=x")
    assert isinstance(answer, Answer)
    assert answer.reply is Reply.DROPPED
    assert "refused" in answer.text.lower()


def test_a_pooler_that_dies_is_an_answer(
    lab: Session, packages: Mapping[str, Packages], servers: Sequence[Server]
) -> None:
    with Session() as session:
        endpoint = next(iter(start_pgbouncer(session, packages, servers[:1], "1.24")))
        assert endpoint.running is not None
        with Client(endpoint.dsn()) as client:
            assert client.query("SELECT 1").value == "1"
            session.stop(endpoint.running, signal.SIGKILL)
            assert client.query("SELECT 1").reply is Reply.DROPPED
            assert client.query("SELECT 1").reply is Reply.DROPPED


CRASH = """
import os, signal
from tests.lab.packages import install
from tests.lab.session import Session
from tests.lab.servers import start_server
session = Session()
server = start_server(session, install(), 15)
print(session.folder, server.running.charge.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_crash_of_the_tests_leaves_nothing_behind(packages: Mapping[str, Packages]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder, pid = done.stdout.split()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and (Path(folder).exists() or process_start(int(pid))):
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert process_start(int(pid)) is None
