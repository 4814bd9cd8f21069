"""What the committed observations say is what the poolers do now.

The oldest and the newest PgBouncer in all modes, with default settings, are observed by a test of their own; all the
others by the one that is marked `lab` and takes minutes, most of them waiting.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.lab.agreement import find_disagreements, make_place, read_cells
from tests.lab.observe import WORKERS, observe_again, observe_endpoint, start_all, write
from tests.lab.places import CHECKOUT
from tests.lab.poolers import POOL_SIZE, Endpoint, direct_endpoint, start_pgbouncer
from tests.lab.reaper import process_start
from tests.lab.servers import Server, start_server
from tests.lab.session import Session
from txsafe.catalog import load_catalog
from txsafe.catalog.probes import Context, Step, Word
from txsafe.probe.observe import observe
from txsafe.probe.pool import Hold, Occupant, Pool, Sharing, detect_pool
from txsafe.probe.probes import make_probes
from txsafe.probe.wire import LIMIT, Answer, Client, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.lab.packages import Packages
    from txsafe.probe.observe import Observation


@pytest.fixture(scope="module")
def servers(lab: Session, packages: Mapping[str, Packages]) -> Sequence[Server]:
    return [start_server(lab, packages, major) for major in (15, 18)]


@pytest.fixture(scope="module")
def pgbouncers(lab: Session, packages: Mapping[str, Packages], servers: Sequence[Server]) -> Sequence[Endpoint]:
    found = [*start_pgbouncer(lab, packages, servers, "1.18"), *start_pgbouncer(lab, packages, servers, "1.26")]
    return [endpoint for endpoint in found if is_observed_first(endpoint)]


def is_observed_first(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint is the oldest or newest PgBouncer with default settings."""
    return endpoint.pooler == "pgbouncer" and endpoint.version in {"1.18", "1.26"} and not endpoint.settings


LOOKS = 3
"""A cell is another one only if it is so each time: machines have bad moments."""

Key = tuple[str, ...]


def committed() -> dict[Key, frozenset[str]]:
    """Return the committed words by pooler, version, mode, settings, server, probe and context."""
    return {(*cell.place, cell.probe, cell.context): cell.words for cell in read_cells(load_catalog())}


def place(endpoint: Endpoint) -> Key:
    return make_place(endpoint.pooler, endpoint.version, endpoint.mode, endpoint.settings, endpoint.server.version)


def observe_anew(endpoints: Sequence[Endpoint]) -> dict[Endpoint, tuple[Observation, ...]]:
    """Observe all endpoints; what differs from the committed words is looked at again."""
    known = committed()

    def look(endpoint: Endpoint) -> tuple[Observation, ...]:
        return tuple(settle(endpoint, seen) for seen in observe_endpoint(endpoint))

    def settle(endpoint: Endpoint, seen: Observation) -> Observation:
        before = known.get((*place(endpoint), seen.probe, seen.context))
        for _ in range(LOOKS - 1):
            if before is None or before == frozenset(seen.words):
                break
            seen = observe_again(endpoint, seen)
        return seen

    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(endpoints, pool.map(look, endpoints), strict=True))


def differences(found: Mapping[Endpoint, Sequence[Observation]]) -> list[str]:
    """Name every cell that differs from the committed one, is new, or is there no more."""
    now = {
        (*place(endpoint), seen.probe, seen.context): frozenset(seen.words)
        for endpoint, cells in found.items()
        for seen in cells
    }
    places = {place(endpoint) for endpoint in found}
    before = {key: words for key, words in committed().items() if key[:-2] in places}
    return [
        f"{' '.join(key)}: committed {tell(before.get(key))}, now {tell(now.get(key))}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def tell(words: frozenset[str] | None) -> str:
    return "nothing" if words is None else " ".join(sorted(words))


def test_oldest_and_newest_pgbouncer_do_what_is_committed(pgbouncers: Sequence[Endpoint]) -> None:
    assert len(pgbouncers) == 12
    assert differences(observe_anew(pgbouncers)) == []


def test_a_direct_connection_keeps_and_hides_everything(servers: Sequence[Server]) -> None:
    for server in servers:
        broken = {
            (seen.probe, seen.context): seen.words
            for seen in observe_endpoint(direct_endpoint(server))
            if seen.words != ("works",)
        }
        assert broken == {
            ("set local", "autocommit"): ("ignored",),
            ("set_config, local", "autocommit"): ("ignored",),
            ("set transaction", "autocommit"): ("ignored",),
            ("temporary table, on commit drop", "autocommit"): ("ignored",),
            ("cursor", "autocommit"): ("error",),
            ("psycopg, named cursor", "autocommit"): ("error",),
        }


@pytest.mark.lab
def test_every_other_pooler_does_what_is_committed_and_what_the_catalogue_says(
    packages: Mapping[str, Packages], tmp_path: Path
) -> None:
    with Session() as session:
        endpoints = list(start_all(session, packages))
        found = observe_anew([endpoint for endpoint in endpoints if not is_observed_first(endpoint)])
    assert differences(found) == []
    write(found, tmp_path)
    catalog = load_catalog()
    cells = tuple(read_cells(catalog, tmp_path))
    first = {place(endpoint) for endpoint in endpoints if is_observed_first(endpoint)}
    assert {cell.place for cell in cells} | first == {cell.place for cell in read_cells(catalog)}
    assert list(find_disagreements(iter(cells), catalog)) == []


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
    assert {name.partition(",")[0] for name in unseen} == {
        "set session authorization",
        "load",
        "dblink_connect",
        "dblink_send_query",
    }
    assert all(unseen.values())


def test_nothing_is_left_in_the_database(servers: Sequence[Server], pgbouncers: Sequence[Endpoint]) -> None:
    for server in servers:
        with psycopg.connect(server.dsn()) as connection:
            left = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'txsafe%'").fetchall()
            assert left == []
            assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_what_is_left_elsewhere_is_not_taken_for_the_probes_own(pgbouncers: Sequence[Endpoint]) -> None:
    endpoint = next(each for each in pgbouncers if each.mode == "transaction")
    probes = make_probes(load_catalog().rules.values(), "0left0")
    probe = next(each for each in probes if each.id == "set statement_timeout")
    occupants = [Occupant(endpoint.dsn(), Hold.BLOCK) for _ in range(POOL_SIZE)]
    assert occupants[0].ask(probe.set_up[0].text).ok
    for occupant in occupants:  # the next client gets the connection that was given back last
        occupant.leave()
    seen = observe(endpoint.dsn(), Pool(Sharing.TRANSACTION, "15"), probe, Context.AUTOCOMMIT)
    assert seen.words == (Word.LOST, Word.LEAKED)


def test_a_silence_that_ends_is_no_evidence(pgbouncers: Sequence[Endpoint], servers: Sequence[Server]) -> None:
    endpoint = next(each for each in pgbouncers if each.mode == "transaction" and each.server is servers[0])
    (probe,) = (
        each for each in make_probes(load_catalog().rules.values(), "0wait0") if each.id == "set statement_timeout"
    )
    waiting = replace(probe, set_up=(Step("SELECT pg_advisory_lock(7), pg_advisory_unlock(7)"), *probe.set_up))
    with Client(servers[0].dsn()) as other, ThreadPoolExecutor(1) as pool:
        assert other.query("SELECT pg_advisory_lock(7)").ok
        seen = pool.submit(observe, endpoint.dsn(), Pool(Sharing.TRANSACTION, "15"), waiting, Context.AUTOCOMMIT)
        time.sleep(LIMIT + 0.5)
        assert other.query("SELECT pg_advisory_unlock(7)").ok
        assert seen.result().words == (Word.LOST, Word.LEAKED)


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
from tests.lab.poolers import start_pgagroal
from tests.lab.reaper import list_followers
from tests.lab.session import Session
from tests.lab.servers import start_server
from txsafe.probe.wire import Client
session = Session()
packages = install()
server = start_server(session, packages, 15)
(pooler,) = start_pgagroal(session, packages, [server])
client = Client(pooler.dsn())
assert client.query("SELECT 1").ok, client.refusal
pooler.running.process.kill()
pooler.running.process.wait()
workers = [each.pid for each in list_followers([pooler.running.charge])]
for worker in workers:
    os.kill(worker, signal.SIGSTOP)
print(session.folder, server.running.charge.pid, *workers, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
"""The tests die, and one of their poolers before them, whose workers do not notice anything any more."""


def test_a_crash_of_the_tests_leaves_nothing_behind(packages: Mapping[str, Packages]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder, server, *workers = done.stdout.split()
    assert workers
    deadline = time.monotonic() + 120
    left = [server, *workers]
    while time.monotonic() < deadline and (Path(folder).exists() or left):
        left = [pid for pid in left if process_start(int(pid))]
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert left == []
