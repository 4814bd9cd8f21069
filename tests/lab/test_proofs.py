"""Rewrites at work: what a program does behind a pooler before its fixes, and no longer does after them.

Each program of `fixtures/proofs` is run as it stands and as txsafe rewrites it, through PgBouncer in transaction mode
and directly. Its pool has two server connections that take turns, so a program's next transaction is on the other one;
between two runs somebody else takes turns.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import asyncpg
import psycopg
import psycopg2
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import DBAPIError

from tests.lab.poolers import Endpoint, start_pgbouncer
from tests.lab.servers import start_server
from tests.lab.session import Session
from tests.rewrites.rewriting import check, rewrite
from txsafe.model import Applicability
from txsafe.probe.pool import Hold, Occupant
from txsafe.role_script import RoleScript
from txsafe.sql.splitting import split_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.lab.packages import Packages

FIXTURES = Path(__file__).parents[2] / "fixtures"
ROLE_SETTINGS = sorted((FIXTURES / "proofs").glob("role_settings*.py"))
READ_ONCE = FIXTURES / "proofs" / "temp_table_read_once.py"
PROGRAMS = sorted({*(FIXTURES / "proofs").glob("*.py")} - {*ROLE_SETTINGS})
"""Those whose fixes are edits that need nothing else."""
SCRIPTS = sorted((FIXTURES / "proofs").glob("*.sql"))
"""Their first line says how they fail."""
ONE_STATEMENT = """
import psycopg

def run(dsn):
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as conn:
        return conn.execute({sql!r}).fetchall()
"""
AS_PSQL_DOES = """
import psycopg

SHOWS = {shows!r}

def run(dsn):
    rows = []
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as conn:
        for statement in {statements!r}:
            cursor = conn.execute(statement)
            rows += cursor.fetchall() if cursor.description else []
    return [row for row in rows if row not in {{("",), (True,), (False,)}}]  # a lock's answer goes with the lock
"""
RUNS = 3
"""The first one may leave what only a later one stumbles over."""
LOCK_NOT_AVAILABLE = "55P03"
TABLES = """
    DROP TABLE IF EXISTS item;
    CREATE TABLE item (id serial PRIMARY KEY, name text);
    INSERT INTO item (name) VALUES ('apple'), ('plum'), ('quince');
"""
RESIDUE = """
    SELECT string_agg(what, ', ') FROM (
        SELECT name || ' = ' || setting FROM pg_settings
        WHERE setting <> reset_val
        AND name IN ('statement_timeout', 'default_transaction_read_only', 'default_transaction_isolation')
        UNION ALL SELECT 'app.tenant = ' || nullif(current_setting('app.tenant', true), '')
        UNION ALL SELECT 'advisory lock' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
        UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'
        UNION ALL SELECT 'cursor ' || name FROM pg_cursors
        UNION ALL SELECT 'prepared ' || name FROM pg_prepared_statements
    ) found (what)
"""
"""What of a session is on a server connection that nobody uses."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a program's runs through one door."""

    results: tuple[object, ...]
    """One per run that came to its end."""
    effects: frozenset[str]


@pytest.fixture(scope="module")
def pooler(packages: Mapping[str, Packages]) -> Iterator[Endpoint]:
    """Yield the oldest PgBouncer in transaction mode, in a session of this module's own; its servers take turns."""
    with Session() as session:
        server = start_server(session, packages, 15)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("ALTER ROLE lab SET lock_timeout = '300ms'")
        found = start_pgbouncer(session, packages, [server], "1.18")
        (endpoint,) = (each for each in found if each.mode == "transaction" and not each.settings)
        administer(endpoint, "SET server_round_robin = 1")
        yield endpoint


def administer(pooler: Endpoint, command: str) -> None:
    """Send a command to PgBouncer's console, which knows the simple protocol only."""
    assert pooler.running is not None
    psycopg.connect(
        f"host=127.0.0.1 port={pooler.running.port} dbname=pgbouncer user=lab",
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    ).execute(command).connection.close()


@contextmanager
def both_servers(pooler: Endpoint) -> Iterator[tuple[Occupant, Occupant]]:
    """Yield clients that sit on the two server connections of the pool."""
    occupants = Occupant(pooler.dsn(), Hold.BLOCK), Occupant(pooler.dsn(), Hold.BLOCK)
    assert occupants[0].backend != occupants[1].backend
    yield occupants
    for occupant in occupants:
        occupant.leave()


def take_turn(dsn: str) -> str:
    """Be somebody else with a transaction of their own; return the server process it was on."""
    with psycopg.connect(dsn, prepare_threshold=None) as connection:
        return str(connection.execute("SELECT pg_backend_pid()").fetchall()[0][0])


def load(text: str) -> Mapping[str, object]:
    """Return the names of a program of ours: `run`, and `SHOWS`, how it fails before its fixes."""
    namespace: dict[str, object] = {}
    exec(compile(text, "<proof>", "exec"), namespace)
    return namespace


def make_url(dsn: str) -> str:
    """Spell a connection string as every driver reads it."""
    return "postgresql://{user}@{host}:{port}/{dbname}".format_map(conninfo_to_dict(dsn))


def run_program(text: str, dsn: str, pooler: Endpoint) -> tuple[tuple[object, ...], set[str]]:
    """Run a program some times, each time on the same tables; return its results and how it failed."""
    program = cast("Callable[[str], object]", load(text)["run"])
    results: list[object] = []
    failures: set[str] = set()
    for number in range(1, RUNS + 1):
        with psycopg.connect(pooler.server.dsn(), autocommit=True) as connection:
            connection.execute(TABLES)
        try:
            results.append(program(make_url(dsn)))
        except (psycopg.Error, psycopg2.Error, asyncpg.PostgresError, DBAPIError) as error:
            failures.add("stuck" if _state(error) == LOCK_NOT_AVAILABLE else "error")
        if failures:
            gc.collect()  # what it has left open goes while this test is known to be about it
        for _ in range(number):  # so that programs of any number of transactions begin on either server connection
            take_turn(dsn)
    return tuple(results), failures


def _state(error: Exception) -> object:
    """Return the server's code of an error, whichever driver says it."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)


def as_program(script: str) -> str:
    """Return a program that sends the statements of a script one by one."""
    statements = [script[start:end] for start, end in split_statements(script).ranges]
    shows = set(script.partition("\n")[0].removeprefix("-- shows: ").split())
    return AS_PSQL_DOES.format(statements=statements, shows=shows)


def run_pooled(text: str, pooler: Endpoint) -> Outcome:
    """Run a program on two clean server connections, and look at these afterwards."""
    with both_servers(pooler):
        pass
    for _ in range(2):
        with psycopg.connect(pooler.dsn(), autocommit=True) as connection:
            connection.execute("DISCARD ALL")
    results, failures = run_program(text, pooler.dsn(), pooler)
    with both_servers(pooler) as servers:
        left = [server.ask(RESIDUE).value for server in servers]
    return Outcome(results, frozenset(failures | ({"leaked"} if any(left) else set())))


def run_direct(text: str, pooler: Endpoint) -> tuple[object, ...]:
    results, failures = run_program(text, pooler.server.dsn(), pooler)
    assert not failures
    return results


def effects_of(pooled: Outcome, direct: tuple[object, ...]) -> frozenset[str]:
    """Return how a program failed; what it got, and would not have got directly, is lost."""
    lost = any(result != direct[0] for result in pooled.results)
    return pooled.effects | ({"lost"} if lost else set())


@contextmanager
def settings_of_role(pooler: Endpoint, give: str, take_back: str) -> Iterator[None]:
    """Run a script, and its undo in the end; each counts for new server connections."""
    for script in (give, take_back):
        with psycopg.connect(pooler.server.dsn(), autocommit=True) as connection:
            connection.execute(script)
        administer(pooler, f"RECONNECT {pooler.database}")
        if script == give:
            yield


def shown(text: str) -> frozenset[str]:
    """Return how a program says that it fails before its fixes."""
    return frozenset(cast("set[str]", load(text)["SHOWS"]))


def test_every_rewrite_with_a_fixture_has_a_program() -> None:
    fixed = {path.name.split(".")[0] for path in (FIXTURES / "fixes").iterdir()}
    assert fixed <= {path.stem for path in PROGRAMS}


def test_server_connections_take_turns(pooler: Endpoint) -> None:
    with both_servers(pooler) as servers:
        known = {server.backend for server in servers}
    turns = [take_turn(pooler.dsn()) for _ in range(6)]
    assert set(turns) == known
    assert all(first != second for first, second in pairwise(turns))


# A program that fails leaves its cursor: that is what is shown.
@pytest.mark.filterwarnings(r"ignore:<[\w.]+\.Server(Side)?Cursor object:ResourceWarning")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_rewrite_ends_what_the_program_did_behind_a_pooler(path: Path, pooler: Endpoint) -> None:
    before = path.read_text(encoding="utf-8")
    after = rewrite(before).after
    assert check(before).diagnostics
    assert not check(after).diagnostics
    prove(before, after, pooler)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_rewrite_ends_what_the_script_did_behind_a_pooler(path: Path, pooler: Endpoint) -> None:
    before = path.read_text(encoding="utf-8")
    after = rewrite(before, name=path.name).after
    assert check(before, name=path.name).diagnostics
    assert not check(after, name=path.name).diagnostics
    prove(as_program(before), as_program(after), pooler)


def prove(before: str, after: str, pooler: Endpoint) -> None:
    """Run a program before and after its fixes, through the pooler and directly."""
    expected = run_direct(before, pooler)
    assert len(expected) == RUNS
    assert effects_of(run_pooled(before, pooler), expected) == shown(before)
    assert run_pooled(after, pooler) == Outcome(expected, frozenset())
    assert run_direct(after, pooler) == expected


@pytest.mark.parametrize("path", ROLE_SETTINGS, ids=lambda path: path.stem)
def test_a_setting_of_the_role_ends_what_the_pooler_refused_or_lost(path: Path, pooler: Endpoint) -> None:
    before = path.read_text(encoding="utf-8")
    rewritten = rewrite(before, applied=frozenset({Applicability.DISPLAY_ONLY}))
    script = RoleScript.of("lab", None)
    assert [each.fix is not None and script.accepts(each.fix) for each in rewritten.fixing.fixed] == [True]
    give, take_back = script.write(rewritten.fixing.fixed).split("-- To undo it:")
    expected = run_direct(before, pooler)
    assert effects_of(run_pooled(before, pooler), expected) == shown(before)
    assert run_direct(rewritten.after, pooler) != expected

    with settings_of_role(pooler, give, take_back.replace("-- ", "")):
        assert run_pooled(rewritten.after, pooler) == Outcome(expected, frozenset())
        assert run_direct(rewritten.after, pooler) == expected
    assert run_pooled(rewritten.after, pooler).results != expected


def test_the_statement_shown_for_a_temporary_table_gives_the_rows_of_both(pooler: Endpoint) -> None:
    before = READ_ONCE.read_text(encoding="utf-8")
    (found,) = check(before).diagnostics
    after = ONE_STATEMENT.format(sql=found.suggestion)

    expected = run_direct(before, pooler)
    assert effects_of(run_pooled(before, pooler), expected) == shown(before)
    assert run_pooled(after, pooler) == Outcome(expected, frozenset())
    assert run_direct(after, pooler) == expected
