"""What is tried: one `Probe` per capability and way of using it.

In: a token that makes names unique. Out: probes, plain data: what client A sends, how the state shows, how to undo it. They
create only what their clean-up removes, and need no privilege but, where said, to create a table.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class Means(enum.StrEnum):
    """How a step is sent."""

    QUERY = "query"
    """One message of the simple protocol."""
    PREPARE = "prepare"
    """Parse of a named statement."""
    EXECUTE = "execute"
    """Bind and Execute of a named statement."""
    SPLIT = "split"
    """Parse of the unnamed statement and Sync, as pg8000 does."""
    SPLIT_EXECUTE = "split-execute"
    NOTIFICATION = "notification"
    """Another client notifies the channel; the value is the channel that reached this client."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client does."""

    text: str
    means: Means = Means.QUERY
    name: str = ""


class Sight(enum.StrEnum):
    """What it means when another client finds the state on A's old backend."""

    LEAKED = "leaked"
    STUCK = "stuck"
    """It belongs to nobody who could release it."""
    NOTHING = "nothing"
    """It does no harm there."""


class Context(enum.StrEnum):
    """The transactions that a probe's steps run in."""

    AUTOCOMMIT = "autocommit"
    """Each step on its own, the observation after the backend was changed."""
    COMMITTED = "committed"
    """Set-up in one explicit transaction, observation after its commit, on another backend."""
    INSIDE = "inside"
    """Set-up, observation and, where there is one, the closing step in one explicit transaction."""


ALL_CONTEXTS = tuple(Context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One way of using one capability."""

    id: str
    capability: str
    set_up: tuple[Step, ...]
    observe: Step
    expect: str
    closing: tuple[Step, ...] = ()
    """What a program does when it has finished; part of `Context.INSIDE` only."""
    sight: Sight = Sight.LEAKED
    look: Step | None = None
    """How another client finds the state; `observe` where None."""
    clean_up: tuple[str, ...] = ()
    """Undoes it on the backend where it was left; empty: that backend is ended instead."""
    options: str = ""
    """Start-up options of client A."""
    create: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    """Objects that the probe needs, and their removal."""
    control: str = ""
    """A message whose value is what to expect, where it cannot be written down."""
    at_once: bool = False
    """Observe also before the backend is changed: what is not there even then was ignored, not lost."""
    contexts: tuple[Context, ...] = ALL_CONTEXTS


PARAMETERS: Mapping[str, str] = {
    "timezone": "Antarctica/Troll",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "client_encoding": "LATIN9",
    "standard_conforming_strings": "off",
    "application_name": "txsafe probe",
    "default_transaction_read_only": "on",
    "search_path": "pg_catalog",
    "statement_timeout": "54321ms",
    "lock_timeout": "54321ms",
    "idle_in_transaction_session_timeout": "54321ms",
    "default_transaction_isolation": "serializable",
    "work_mem": "5432kB",
    "extra_float_digits": "2",
    "bytea_output": "escape",
    "row_security": "off",
    "synchronous_commit": "remote_write",
    "txsafe.probe": "here",
}
"""Run-time parameters and a value that nobody has set already."""


def make_probes(token: str) -> tuple[Probe, ...]:
    """Return all probes; `token` (letters and digits) keeps runs apart."""
    return (*_parameters(), *_session_state(token), *_statements(token), *_objects(token), *_transactions())


def _query(*texts: str) -> tuple[Step, ...]:
    return tuple(Step(text) for text in texts)


def _parameters() -> Iterator[Probe]:
    for name, value in PARAMETERS.items():
        show = Step(f"SELECT current_setting('{name}', true)")
        reset = (f"RESET {name}",)
        yield Probe(
            id=f"set {name}",
            capability=f"parameter:{name}",
            set_up=_query(f"SET {name} = {value if name == 'datestyle' else _literal(value)}"),
            observe=show,
            expect=value,
            clean_up=reset,
        )
        if name in ("timezone", "statement_timeout", "search_path"):
            yield Probe(
                id=f"set_config {name}",
                capability=f"parameter:{name}",
                set_up=_query(f"SELECT set_config('{name}', '{value}', false)"),
                observe=show,
                expect=value,
                clean_up=reset,
            )
    yield Probe(
        id="set session characteristics",
        capability="parameter:default_transaction_isolation",
        set_up=_query("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
        observe=Step("SHOW default_transaction_isolation"),
        expect="serializable",
        clean_up=("RESET default_transaction_isolation",),
    )
    yield Probe(
        id="set session characteristics read only",
        capability="parameter:default_transaction_read_only",
        set_up=_query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
        observe=Step("SHOW default_transaction_read_only"),
        expect="on",
        clean_up=("RESET default_transaction_read_only",),
    )


def _literal(value: str) -> str:
    return f"'{value}'"


def _session_state(token: str) -> Iterator[Probe]:
    key = int(token, 36) % 2**31
    yield Probe(
        id="set role",
        capability="session-role",
        set_up=_query("DO $$BEGIN EXECUTE format('SET ROLE %I', session_user); END$$"),
        observe=Step("SELECT current_setting('role') <> 'none'"),
        expect="t",
        clean_up=("RESET ROLE",),
    )
    yield Probe(
        id="set session authorization",
        capability="session-authorization",
        set_up=_query("SET SESSION AUTHORIZATION pg_read_all_stats"),
        observe=Step("SELECT session_user"),
        expect="pg_read_all_stats",
        clean_up=("RESET SESSION AUTHORIZATION",),
    )
    yield Probe(
        id="listen",
        capability="listen",
        set_up=_query(f"LISTEN txsafe_{token}"),
        observe=Step(f"txsafe_{token}", Means.NOTIFICATION),
        expect=f"txsafe_{token}",
        look=Step(f"SELECT 'txsafe_{token}' FROM pg_listening_channels() AS c WHERE c = 'txsafe_{token}'"),
        closing=_query(f"UNLISTEN txsafe_{token}"),
        clean_up=(f"UNLISTEN txsafe_{token}",),
        contexts=(Context.AUTOCOMMIT, Context.COMMITTED),
    )
    held = f"SELECT 'held' FROM pg_locks WHERE locktype = 'advisory' AND objid = {key} AND pid = pg_backend_pid()"
    for name in ("pg_advisory_lock", "pg_try_advisory_lock"):
        yield Probe(
            id=name,
            capability="session-lock",
            set_up=_query(f"SELECT {name}({key})"),
            observe=Step(held),
            expect="held",
            sight=Sight.STUCK,
            closing=_query(f"SELECT pg_advisory_unlock({key})"),
            clean_up=(f"SELECT pg_advisory_unlock({key})",),
        )
    yield Probe(
        id="load",
        capability="load",
        set_up=_query("LOAD 'auto_explain'"),
        observe=Step("SELECT 'loaded' FROM pg_settings WHERE name = 'auto_explain.log_analyze'"),
        expect="loaded",
        contexts=(Context.AUTOCOMMIT,),
    )
    yield Probe(
        id="setseed",
        capability="seed",
        set_up=_query("SELECT setseed(0.54321)"),
        observe=Step("SELECT round(random()::numeric, 9)"),
        expect="",
        control="SELECT setseed(0.54321); SELECT round(random()::numeric, 9)",
        contexts=(Context.AUTOCOMMIT,),
    )
    yield Probe(
        id="dblink_connect",
        capability="dblink-connection",
        # A connection that cannot be opened would leave no name; pg_backend_pid of the same server is not needed.
        set_up=_query(f"SELECT dblink_connect('txsafe_{token}', format('host=%s port=%s dbname=%s user=%s', "
                      "host(inet_server_addr()), inet_server_port(), current_database(), current_user))"),
        observe=Step(f"SELECT 'open' FROM unnest(dblink_get_connections()) AS c WHERE c = 'txsafe_{token}'"),
        expect="open",
        closing=_query(f"SELECT dblink_disconnect('txsafe_{token}')"),
        clean_up=(f"SELECT dblink_disconnect('txsafe_{token}')",),
    )


def _statements(token: str) -> Iterator[Probe]:
    name = f"txsafe_{token}"
    yield Probe(
        id="sql prepare",
        capability="sql-prepare",
        set_up=_query(f"PREPARE {name} AS SELECT 'mine'"),
        observe=Step(f"EXECUTE {name}"),
        expect="mine",
        closing=_query(f"DEALLOCATE {name}"),
        clean_up=(f"DEALLOCATE {name}",),
    )
    yield Probe(
        id="protocol prepare",
        capability="named-prepare",
        set_up=(Step("SELECT 'mine'", Means.PREPARE, name),),
        observe=Step("", Means.EXECUTE, name),
        expect="mine",
        look=Step(f"SELECT 'mine' FROM pg_prepared_statements WHERE name = '{name}'"),
        clean_up=(f"DEALLOCATE {name}",),
    )
    yield Probe(
        id="split parse and bind",
        capability="split-prepare",
        set_up=(Step("SELECT 'mine'", Means.SPLIT),),
        observe=Step("", Means.SPLIT_EXECUTE),
        expect="mine",
        sight=Sight.NOTHING,
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
    )


def _objects(token: str) -> Iterator[Probe]:
    name = f"txsafe_{token}"
    here = Step(f"SELECT 'here' FROM pg_class WHERE relname = '{name}' AND relnamespace = pg_my_temp_schema()")
    for kind, definition in (("table", "(i int)"), ("view", "AS SELECT 1"), ("sequence", "")):
        yield Probe(
            id=f"temporary {kind}",
            capability="temporary-objects",
            set_up=_query(f"CREATE TEMPORARY {kind.upper()} {name} {definition}"),
            observe=here,
            expect="here",
            closing=_query(f"DROP {kind.upper()} {name}"),
            clean_up=(f"DROP {kind.upper()} pg_temp.{name}",),
        )
    yield Probe(
        id="cursor with hold",
        capability="hold-cursor",
        set_up=_query(f"DECLARE {name} CURSOR WITH HOLD FOR SELECT 'row' FROM generate_series(1, 9)"),
        observe=Step(f"FETCH 1 FROM {name}"),
        expect="row",
        closing=_query(f"CLOSE {name}"),
        clean_up=(f"CLOSE {name}",),
    )
    yield Probe(
        id="cursor",
        capability="cursor-in-autocommit",
        set_up=_query(f"DECLARE {name} CURSOR FOR SELECT 'row'"),
        observe=Step(f"FETCH 1 FROM {name}"),
        expect="row",
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
    )
    sequence = f"{name}_sequence"
    for function, call in (("currval", f"currval('{sequence}')"), ("lastval", "lastval()")):
        yield Probe(
            id=function,
            capability="sequence-state",
            create=(f"CREATE SEQUENCE {sequence} START 54321",),
            drop=(f"DROP SEQUENCE IF EXISTS {sequence}",),
            set_up=_query(f"SELECT setval('{sequence}', 54321), nextval('{sequence}')"),
            observe=Step(f"SELECT {call}"),
            expect="54322",
        )


def _transactions() -> Iterator[Probe]:
    show = Step("SHOW statement_timeout")
    yield Probe(
        id="set local",
        capability="open-transaction",
        set_up=_query("SET LOCAL statement_timeout = '54321ms'"),
        observe=show,
        expect="54321ms",
        at_once=True,
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
        clean_up=("RESET statement_timeout",),
    )
    yield Probe(
        id="transaction block",
        capability="transaction-block",
        set_up=_query("SELECT set_config('txsafe.block', 'here', true)"),
        observe=Step("SELECT current_setting('txsafe.block', true)"),
        expect="here",
        contexts=(Context.INSIDE,),
        clean_up=("RESET txsafe.block",),
    )
    yield Probe(
        id="backend pid",
        capability="backend-identity",
        set_up=(),
        observe=Step("SELECT pg_backend_pid()"),
        expect="{backend}",
        sight=Sight.NOTHING,
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
    )
    yield Probe(
        id="options statement_timeout",
        capability="startup-options",
        options="-c statement_timeout=54321ms",
        set_up=(),
        observe=show,
        expect="54321ms",
        at_once=True,
        contexts=(Context.AUTOCOMMIT,),
        clean_up=("RESET statement_timeout",),
    )
    yield Probe(
        id="options search_path",
        capability="startup-options",
        options="-c search_path=pg_catalog",
        set_up=(),
        observe=Step("SHOW search_path"),
        expect="pg_catalog",
        at_once=True,
        contexts=(Context.AUTOCOMMIT,),
        clean_up=("RESET search_path",),
    )
    yield Probe(
        id="options timezone",
        capability="startup-options",
        options="-c timezone=Antarctica/Troll",
        set_up=(),
        observe=Step("SHOW timezone"),
        expect="Antarctica/Troll",
        at_once=True,
        contexts=(Context.AUTOCOMMIT,),
        clean_up=("RESET timezone",),
    )
