"""`txsafe probe` against real poolers: what it prints and writes, what it refuses, what it does when they die."""

from __future__ import annotations

import datetime as dt
import difflib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.lab.observe import WORKERS, start_all
from tests.lab.places import CHECKOUT
from tests.lab.poolers import Endpoint, start_pgbouncer
from tests.lab.servers import Server, start_server
from tests.lab.session import Session
from txsafe.catalog import load_catalog
from txsafe.catalog.probes import Word
from txsafe.cli import main
from txsafe.errors import ProbeError
from txsafe.probe.pool import Pool, detect_pool
from txsafe.probe.profile import Origin, render_profile
from txsafe.probe.survey import survey
from txsafe.probe.target import open_target
from txsafe.probe.verdicts import find_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.lab.packages import Packages


CLIENTS = 8
"""Others that use the pool."""
IN_A_ROW = 3
PATIENCE = 300
"""Seconds for what takes a few where nobody else uses the machine."""
RULES = tuple(load_catalog().rules.values())


@pytest.fixture(scope="module")
def lab() -> Iterator[Session]:
    """Yield a session of this module's own: others' probes would be in the way."""
    with Session() as session:
        yield session


@pytest.fixture(scope="module")
def server(lab: Session, packages: Mapping[str, Packages]) -> Server:
    return start_server(lab, packages, 15)


@pytest.fixture(scope="module")
def pgbouncers(lab: Session, packages: Mapping[str, Packages], server: Server) -> Mapping[str, Endpoint]:
    found = start_pgbouncer(lab, packages, [server], "1.26")
    return {endpoint.mode: endpoint for endpoint in found if not endpoint.settings}


@pytest.fixture
def transaction(pgbouncers: Mapping[str, Endpoint]) -> Endpoint:
    return pgbouncers["transaction"]


def probe(*arguments: str, environment: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["probe", *arguments], env=environment)


def outcomes(result: Result) -> dict[str, tuple[str, tuple[str, ...]]]:
    assert result.exit_code == 0, result.output
    return {
        each["capability"]: (each["outcome"], tuple(each["effects"]))
        for each in json.loads(result.stdout)["capabilities"]
    }


@contextmanager
def load(dsn: str, clients: int) -> Iterator[None]:
    """Keep some clients at short transactions through the same pool."""
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
            while not stop.wait(0.01):
                with connection.transaction():
                    connection.execute("SELECT 1")

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def objects(server: Server) -> list[tuple[str, ...]]:
    with psycopg.connect(server.dsn()) as connection:
        return connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'txsafe%'").fetchall()


# ---------------------------------------------------------------- what it says


def test_transaction_mode_is_told_with_what_it_does(transaction: Endpoint) -> None:
    result = probe(transaction.dsn(), "--yes")
    assert result.exit_code == 0, result.output
    assert "transaction mode" in result.stdout
    assert "unsafe: lost, leaked" in result.stdout
    assert "it creates, and removes again: a sequence" in result.stderr
    assert "This is a pooler in transaction mode" in result.stderr


def test_the_modes_differ_where_they_should(pgbouncers: Mapping[str, Endpoint], server: Server) -> None:
    targets = {mode: endpoint.dsn() for mode, endpoint in pgbouncers.items()} | {"direct": server.dsn()}
    results = {mode: probe(dsn, "--yes", "--format", "json") for mode, dsn in targets.items()}
    assert "This is a direct connection" in results["direct"].stderr
    assert "This is a pooler in session mode" in results["session"].stderr
    found = {mode: outcomes(result) for mode, result in results.items()}
    listen = {mode: verdicts["listen"] for mode, verdicts in found.items()}
    assert listen == {
        "transaction": ("unsafe", ("lost", "leaked")),
        "statement": ("unsafe", ("lost", "leaked")),
        "session": ("safe", ()),
        "direct": ("safe", ()),
    }
    assert found["statement"]["transaction-block"] == ("unsafe", ("error",))
    assert found["transaction"]["startup-options"][0] == "safe"


def test_what_a_plain_user_may_not_do_is_listed_as_not_observed(transaction: Endpoint) -> None:
    result = probe(transaction.dsn("plain"), "--yes")
    assert result.exit_code == 0, result.output
    _, _, unseen = result.stdout.partition("not observed:\n")
    assert [line.split(":")[0].strip() for line in unseen.splitlines()] == [
        "dblink-connection",
        "load",
        "session-authorization",
    ]


# ---------------------------------------------------------------- the profile file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(
        'import psycopg\n\nc = psycopg.connect("", prepare_threshold=None)\n'
        'c.execute("LISTEN jobs")\nc.execute("SET vacuum_cost_delay = 3")\n'
    )
    return tmp_path


def checked(*arguments: str) -> dict[str, str]:
    result = CliRunner().invoke(main, ["check", "app.py", "--format", "json", "--exit-zero", *arguments])
    assert result.exit_code == 0, result.output
    return {each["rule"]: each["outcome"] for each in json.loads(result.stdout)["diagnostics"]}


def test_check_takes_the_file_that_a_probe_writes(transaction: Endpoint, folder: Path) -> None:
    result = probe(transaction.dsn(), "--yes", "-o", "my pool.yaml")
    assert result.exit_code == 0, result.output
    assert checked("--profile", "my pool.yaml") == {"listen": "unsafe", "session-set": "unknown"}


def test_the_pooler_that_a_file_is_based_on_says_the_rest(transaction: Endpoint, folder: Path) -> None:
    result = probe(transaction.dsn(), "--yes", "-o", "observed.yaml", "--based-on", "pgbouncer-1.26")
    assert result.exit_code == 0, result.output
    assert checked("--profile", "./observed.yaml") == {"listen": "unsafe", "session-set": "unsafe"}


@pytest.mark.lab
def test_three_profiles_in_a_row_are_equal_under_load_too(transaction: Endpoint, folder: Path) -> None:
    written = []
    for number in range(3):
        name = f"observed{number}.yaml"
        with load(transaction.dsn(), CLIENTS if number else 0):
            result = probe(transaction.dsn(), "--yes", "-o", name)
        assert result.exit_code == 0, result.output
        written.append((folder / name).read_text().replace(f"observed-v{number}", "observed").replace(name, ""))
    texts = [text.replace(f"observed{number}", "observed") for number, text in enumerate(written)]
    assert texts[0] == texts[1] == texts[2]


def profile_of(endpoint: Endpoint) -> str:
    """Observe an endpoint and return the profile file that comes of it."""
    pool = detect_pool(endpoint.dsn())
    assert isinstance(pool, Pool), endpoint.name
    origin = Origin(target=endpoint.name, pool=pool, date=dt.date(2026, 1, 1))
    began = time.monotonic()
    cells = tuple(survey(endpoint.dsn(), pool, RULES))
    print(f"{endpoint.name}: {len(cells)} cells in {time.monotonic() - began:.0f} s")
    return render_profile("observed", find_verdicts(cells), origin)


@pytest.mark.soak
def test_poolers_give_the_same_profile_three_times_in_a_row_under_load_too(packages: Mapping[str, Packages]) -> None:
    with Session() as session, ThreadPoolExecutor(WORKERS) as pool:
        poolers: dict[tuple[str, str], Endpoint] = {}
        for endpoint in start_all(session, packages, (18,), spare=CLIENTS):
            poolers.setdefault((endpoint.pooler, endpoint.version), endpoint)
        assert len(poolers) == 7
        runs = list(pool.map(profiles_in_a_row, poolers.values()))
    differences = [line for name, texts in zip(poolers, runs, strict=True) for line in compare(" ".join(name), texts)]
    assert differences == []


def profiles_in_a_row(endpoint: Endpoint) -> tuple[str, ...]:
    """Return what comes of an endpoint that nobody uses, and of one that others use."""
    alone = tuple(profile_of(endpoint) for _ in range(IN_A_ROW))
    with load(endpoint.dsn(), CLIENTS):
        return (*alone, *(profile_of(endpoint) for _ in range(IN_A_ROW)))


def compare(name: str, texts: Sequence[str]) -> Iterator[str]:
    """Name what differs from the first."""
    for number, text in enumerate(texts[1:], 2):
        found = difflib.ndiff(texts[0].splitlines(), text.splitlines())
        yield from (f"{name}, profile {number}: {line}" for line in found if line[0] in "-+")


# ---------------------------------------------------------------- what it refuses


def test_a_database_with_tables_is_probed_only_when_told_to(server: Server) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE customers ()")
        try:
            result = probe(server.dsn("postgres"))
        finally:
            connection.execute("DROP TABLE customers")
    assert result.exit_code == 2
    assert "not without --yes: the database holds tables (1); others work in the database" in result.stderr
    assert result.stdout == ""


def test_an_empty_database_that_nobody_uses_needs_no_yes(server: Server) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE unused")
    assert probe(server.dsn("unused")).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "either a connection string or --dsn-env"),
        (["host=127.0.0.1 port=1", "--dsn-env", "X"], "either a connection string or --dsn-env"),
        (["--dsn-env", "TXSAFE_NO_SUCH"], "the environment has no TXSAFE_NO_SUCH"),
        (["host=127.0.0.1 port=1 user=x dbname=x"], "cannot connect"),
        (["host=127.0.0.1 oops"], "no connection string"),
        (["host=127.0.0.1 port=1", "-o", "no/such/observed.yaml"], "no such folder"),
        (["host=127.0.0.1 port=1", "-o", "observed.txt"], "is called *.yaml"),
        (["host=127.0.0.1 port=1", "--based-on", "neon"], "is a preset"),
        (["host=127.0.0.1 port=1", "--based-on", "pgbonucer"], "did you mean 'pgbouncer'"),
    ],
)
def test_mistakes_are_told(arguments: list[str], named: str) -> None:
    result = probe(*arguments)
    assert result.exit_code == 2
    assert named in result.stderr


def test_without_the_drivers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    result = probe("host=127.0.0.1 port=1")
    assert result.exit_code == 2
    assert "pip install 'txsafe[probe]'" in result.stderr


# ---------------------------------------------------------------- passwords

SECRET = "s3cr3t/w0rd"


@pytest.mark.parametrize(
    "dsn", [f"host=127.0.0.1 port=1 password={SECRET}", "postgresql://x:s3cr3t%2Fw0rd@127.0.0.1:1/x"]
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(dsn: str) -> None:
    result = probe(dsn)
    assert result.exit_code == 2
    assert "no password may stand in it" in result.stderr
    assert "s3cr3t" not in result.output


@pytest.mark.parametrize(
    "dsn",
    [
        f"host=127.0.0.1 port=1 password={SECRET}",
        f"host=127.0.0.1 {SECRET}",
        f"postgresql://x:{SECRET}@127.0.0.1:1/x",
        f"host={SECRET} password={SECRET}",
    ],
)
def test_errors_repeat_no_password(dsn: str) -> None:
    result = probe("--dsn-env", "DSN", environment={"DSN": dsn})
    assert result.exit_code == 2
    assert "s3cr3t" not in result.output


def test_a_password_reaches_neither_output_nor_file(transaction: Endpoint, folder: Path) -> None:
    dsn = f"{transaction.dsn()} password={SECRET}"
    result = probe("--dsn-env", "DSN", "--yes", "-o", "observed.yaml", "--format", "json", environment={"DSN": dsn})
    assert result.exit_code == 0, result.output
    assert "s3cr3t" not in result.output
    assert "s3cr3t" not in (folder / "observed.yaml").read_text()


# ---------------------------------------------------------------- what dies in the middle


def start(dsn: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "txsafe", "probe", dsn, "--yes"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_sequence(server: Server) -> None:
    """Wait until a probe is at the only thing that would outlive its connections."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if connection.execute("SELECT FROM pg_class WHERE relname LIKE 'txsafe%_sequence'").rowcount:
                return
    pytest.fail("no probe came to its sequence")


def test_a_pooler_killed_in_the_middle_is_an_error_and_leaves_nothing(
    packages: Mapping[str, Packages], server: Server
) -> None:
    with Session() as session:
        endpoint = start_pgbouncer(session, packages, [server], "1.24")[0]
        assert endpoint.running is not None
        running = start(endpoint.dsn())
        wait_for_sequence(server)
        session.stop(endpoint.running, signal.SIGKILL)
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2, errors
    assert "the connection was lost in the middle of probe" in errors
    assert "nothing was left behind" in errors
    assert "Traceback" not in errors
    assert objects(server) == []


def test_a_server_killed_in_the_middle_is_an_error_that_says_what_is_left(packages: Mapping[str, Packages]) -> None:
    with Session() as session:
        server = start_server(session, packages, 15)
        endpoint = start_pgbouncer(session, packages, [server], "1.24")[0]
        running = start(endpoint.dsn())
        wait_for_sequence(server)
        session.stop(server.running, signal.SIGKILL)
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2, errors
    assert "the connection was lost in the middle of probe" in errors
    assert "nothing was left behind" in errors or "DROP SEQUENCE IF EXISTS txsafe_" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_probe_leaves_nothing(transaction: Endpoint, server: Server, number: signal.Signals) -> None:
    running = start(transaction.dsn())
    wait_for_sequence(server)
    running.send_signal(number)
    _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130, errors
    assert objects(server) == []


def test_a_survey_ends_where_nothing_answers_any_more(packages: Mapping[str, Packages], server: Server) -> None:
    with Session() as session:
        endpoint = start_pgbouncer(session, packages, [server], "1.24")[0]
        assert endpoint.running is not None
        target = open_target(endpoint.dsn())
        pool = detect_pool(target.conninfo)
        assert isinstance(pool, Pool)
        cells = survey(target.conninfo, pool, RULES, aside=target.aside)
        while "currval" not in next(cells).probe:
            pass
        session.stop(endpoint.running, signal.SIGKILL)
        with pytest.raises(ProbeError, match="nothing was left behind"):
            list(cells)
    assert objects(server) == []


def test_a_driver_that_cannot_connect_is_no_fault_of_the_pooler(transaction: Endpoint) -> None:
    # libpq takes what asyncpg knows nothing of.
    conninfo = f"{transaction.dsn()} sslmode=allow".replace("host=127.0.0.1", "host=nowhere.invalid hostaddr=127.0.0.1")
    pool = detect_pool(conninfo)
    assert isinstance(pool, Pool)
    seen = [each for each in survey(conninfo, pool, RULES) if each.probe.startswith("start-up")]
    assert {each.words for each in seen} == {(Word.UNSEEN,)}
    assert all(each.text for each in seen)
