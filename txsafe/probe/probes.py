"""What is tried: one `Probe` per capability and way of using it.

In: a token that makes names unique. Out: probes, plain data: what client A sends, how the state shows, how to undo
it. They
create only what their clean-up removes, and need no privilege but, where said, to create a sequence.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Means(enum.StrEnum):
    """How a step is sent."""

    QUERY = "query"
    """One message of the simple protocol."""
    PREPARE = "prepare"
    """Parse of a named statement, and Sync."""
    EXECUTE = "execute"
    """Bind and Execute of a named statement."""
    SPLIT = "split"
    """Parse of the unnamed statement, and Sync, as pg8000 does."""
    SPLIT_EXECUTE = "split-execute"
    BOUND = "bound"
    """With one parameter, through the driver: it decides how."""
    CLAIMED_BACKEND = "claimed-backend"
    """The process id that the connection was given at connect."""
    NOTIFICATION = "notification"
    """Another client notifies the channel; the value is the channel that reached this client."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client does."""

    text: str
    means: Means = Means.QUERY
    name: str = ""


class Speaker(enum.StrEnum):
    """Through what client A speaks."""

    LIBPQ = "libpq"
    PSYCOPG = "psycopg"
    ASYNCPG = "asyncpg"
    ASYNCPG_WITHOUT_CACHE = "asyncpg, statement_cache_size=0"


class Word(enum.StrEnum):
    """What was seen."""

    WORKS = "works"
    LOST = "lost"
    LEAKED = "leaked"
    WRONG_RESULT = "wrong-result"
    ERROR = "error"
    STUCK = "stuck"
    IGNORED = "ignored"
    REFUSED = "refused"
    """Already at connect."""
    PINNED = "pinned"
    """The pooler gives A's server connection to nobody else from then on."""
    UNSEEN = "unseen"
    """It could not be observed, and the text says why."""


class Context(enum.StrEnum):
    """The transactions that a probe's steps run in."""

    AUTOCOMMIT = "autocommit"
    """Each step on its own, the observation after the server connection was changed."""
    COMMITTED = "committed"
    """Set-up in one explicit transaction, observation after its commit, on another server connection."""
    INSIDE = "inside"
    """Set-up, observation and, where there is one, the closing step in one explicit transaction."""
    LATE = "late"
    """The closing step runs after the server connection was changed: does it still reach what the set-up made?"""


UNCLOSED = (Context.AUTOCOMMIT, Context.COMMITTED, Context.INSIDE)
CLOSED = tuple(Context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One way of using a capability."""

    id: str
    requires: tuple[str, ...]
    """Capabilities."""
    set_up: tuple[Step, ...] = ()
    observe: Step
    expect: str = ""
    """What `observe` answers where the state is; `{backend}` is the server process of the set-up."""
    control: str = ""
    """A message that answers with what to expect, one of several values, where it cannot be written down."""
    differs: Word = Word.LOST
    """What another answer than the expected one means."""
    look: Step | None = None
    """How another client on the old server connection finds the state; `observe` where None."""
    sight: tuple[Word, ...] = (Word.LEAKED,)
    """What it means that it does; nothing where it does no harm there."""
    rival: tuple[Step, ...] = ()
    """What another client does on the new server connection before A looks."""
    closing: tuple[Step, ...] = ()
    """What a program does when it has finished."""
    clean_up: tuple[str, ...] = ()
    """Undoes it on the server connection where it was left; empty: that connection is ended instead."""
    speaker: Speaker = Speaker.LIBPQ
    options: str = ""
    """Start-up options of client A."""
    start_up: Mapping[str, str] = field(default_factory=dict)
    """Start-up parameters of client A, which libpq would not let through."""
    create: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    """Objects that the probe needs, and their removal."""
    at_once: bool = False
    """Observe also before the server connection is changed: what is not there even then was ignored, not lost."""
    undisturbed: bool = False
    """Nothing else may be sent between set-up and observation."""
    contexts: tuple[Context, ...] = UNCLOSED


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

START_UP = (
    "timezone",
    "datestyle",
    "client_encoding",
    "application_name",
    "intervalstyle",
    "default_transaction_read_only",
    "search_path",
    "statement_timeout",
    "extra_float_digits",
    "work_mem",
    "txsafe.probe",
)
"""Parameters that are tried in the start-up packet."""

RESET_OF_ASYNCPG = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL"
"""What its pool sends when a connection is given back."""


def make_probes(token: str) -> tuple[Probe, ...]:
    """Return all probes; `token` (lower-case letters and digits) keeps runs apart."""
    name = f"txsafe_{token}"
    return (
        *_parameters(),
        *_roles(),
        *_listen(name),
        *_locks(int(token, 36) % 2**31),
        *_server_memory(name),
        *_prepared_statements(name),
        *_objects(name),
        *_cursors(name),
        *_sequences(f"{name}_sequence"),
        *_late_clean_up(),
        *_deallocate_all(name),
        *_transactions(),
        *_identity(),
        *_drivers(name),
        *_options(),
        *_start_up(),
    )


def _query(*texts: str) -> tuple[Step, ...]:
    return tuple(Step(text) for text in texts)


def _parameters() -> Iterator[Probe]:
    for name, value in PARAMETERS.items():
        spelled = value if name == "datestyle" else f"'{value}'"
        yield _parameter(f"set {name}", name, f"SET {name} = {spelled}", value)
    for name in ("timezone", "search_path", "statement_timeout"):
        value = PARAMETERS[name]
        yield _parameter(f"set_config {name}", name, f"SELECT set_config('{name}', '{value}', false)", value)
    for modes, name, value in (
        ("ISOLATION LEVEL SERIALIZABLE", "default_transaction_isolation", "serializable"),
        ("READ ONLY", "default_transaction_read_only", "on"),
    ):
        statement = f"SET SESSION CHARACTERISTICS AS TRANSACTION {modes}"
        yield _parameter(f"set session characteristics {modes.lower()}", name, statement, value)


def _parameter(identifier: str, name: str, statement: str, value: str) -> Probe:
    return Probe(
        id=identifier,
        requires=(f"parameter:{name}",),
        set_up=_query(statement),
        observe=Step(f"SELECT current_setting('{name}', true)"),
        expect=value,
        clean_up=(f"RESET {name}",),
    )


def _roles() -> Iterator[Probe]:
    yield Probe(
        id="set role",
        requires=("session-role",),
        # To oneself, which needs no membership and still shows.
        set_up=_query("DO $$BEGIN EXECUTE format('SET ROLE %I', session_user); END$$"),
        observe=Step("SELECT current_setting('role') <> 'none'"),
        expect="t",
        clean_up=("RESET ROLE",),
    )
    yield Probe(
        id="set session authorization",
        requires=("session-authorization",),
        set_up=_query("SET SESSION AUTHORIZATION pg_read_all_stats"),
        observe=Step("SELECT session_user"),
        expect="pg_read_all_stats",
        clean_up=("RESET SESSION AUTHORIZATION",),
    )


def _listen(name: str) -> Iterator[Probe]:
    yield Probe(
        id="listen",
        requires=("listen",),
        set_up=_query(f"LISTEN {name}"),
        observe=Step(name, Means.NOTIFICATION),
        expect=name,
        look=Step(f"SELECT c FROM pg_listening_channels() AS c WHERE c = '{name}'"),
        closing=_query(f"UNLISTEN {name}"),
        clean_up=(f"UNLISTEN {name}",),
        # Inside a transaction no notification is delivered.
        contexts=(Context.AUTOCOMMIT, Context.COMMITTED, Context.LATE),
    )


def _locks(key: int) -> Iterator[Probe]:
    for function in ("pg_advisory_lock", "pg_try_advisory_lock"):
        unlock = f"SELECT pg_advisory_unlock({key})"
        yield Probe(
            id=function,
            requires=("session-lock",),
            set_up=_query(f"SELECT {function}({key})"),
            observe=Step(
                f"SELECT 'held' FROM pg_locks WHERE locktype = 'advisory' AND objid = {key} AND pid = pg_backend_pid()"
            ),
            expect="held",
            sight=(Word.LEAKED, Word.STUCK),
            closing=_query(unlock),
            clean_up=(unlock,),
            contexts=CLOSED,
        )


def _server_memory(name: str) -> Iterator[Probe]:
    yield Probe(
        id="load",
        requires=("load",),
        set_up=_query("LOAD 'auto_explain'"),
        observe=Step("SELECT 'loaded' FROM pg_settings WHERE name = 'auto_explain.log_analyze'"),
        expect="loaded",
        contexts=(Context.AUTOCOMMIT, Context.COMMITTED),
    )
    yield Probe(
        id="setseed",
        requires=("seed",),
        set_up=_query("SELECT setseed(0.54321)"),
        control="SELECT setseed(0.54321); SELECT round(random()::numeric, 9) FROM generate_series(1, 9)",
        observe=Step("SELECT round(random()::numeric, 9)"),
        contexts=(Context.AUTOCOMMIT, Context.COMMITTED),
    )
    disconnect = f"SELECT dblink_disconnect('{name}')"
    yield Probe(
        id="dblink_connect",
        requires=("dblink-connection",),
        set_up=_query(
            f"SELECT dblink_connect('{name}', format('host=%s port=%s dbname=%s user=%s', "
            "host(inet_server_addr()), inet_server_port(), current_database(), session_user))"
        ),
        observe=Step(f"SELECT answer FROM dblink('{name}', $$SELECT 'open'$$) AS t(answer text)"),
        expect="open",
        look=Step(f"SELECT 'open' FROM unnest(dblink_get_connections()) AS c WHERE c = '{name}'"),
        closing=_query(disconnect),
        clean_up=(disconnect,),
        contexts=CLOSED,
    )


def _prepared_statements(name: str) -> Iterator[Probe]:
    source = f"FROM pg_prepared_statements WHERE name = '{name}'"
    for capability, title, make, run in (
        ("sql-prepare", "sql prepare", "PREPARE {name} AS {body}", Step(f"EXECUTE {name}")),
        ("named-prepare", "protocol prepare", "", Step("", Means.EXECUTE, name)),
    ):
        mine, theirs = (
            (
                Step(make.format(name=name, body=f"SELECT '{word}'"))
                if make
                else Step(f"SELECT '{word}'", Means.PREPARE, name),
            )
            for word in ("mine", "theirs")
        )
        for rival, suffix in (((), ""), (theirs, ", name taken")):
            yield Probe(
                id=f"{title}{suffix}",
                requires=(capability,),
                set_up=mine,
                rival=rival,
                observe=run,
                expect="mine",
                differs=Word.WRONG_RESULT,
                look=Step(f"SELECT 'mine' {source}"),
                closing=_query(f"DEALLOCATE {name}") if make else (),
                clean_up=(_deallocate(source),),
                contexts=(Context.AUTOCOMMIT, Context.COMMITTED) if rival else CLOSED if make else UNCLOSED,
            )
    for other, suffix in (
        (Step("SELECT 'a simple query makes the server forget the unnamed statement'"), ""),
        (Step("SELECT 'theirs'", Means.SPLIT), ", another's there"),
    ):
        yield Probe(
            id=f"parse, then bind{suffix}",
            requires=("split-prepare",),
            set_up=(Step("SELECT 'mine'", Means.SPLIT),),
            rival=(other,),
            observe=Step("", Means.SPLIT_EXECUTE),
            expect="mine",
            differs=Word.WRONG_RESULT,
            sight=(),
            undisturbed=True,
            contexts=(Context.AUTOCOMMIT,) if suffix else (Context.AUTOCOMMIT, Context.INSIDE),
        )


def _objects(name: str) -> Iterator[Probe]:
    for kind, definition in (("TABLE", "(i int)"), ("VIEW", "AS SELECT 1"), ("SEQUENCE", "")):
        yield Probe(
            id=f"temporary {kind.lower()}",
            requires=("temporary-objects",),
            set_up=_query(f"CREATE TEMPORARY {kind} {name} {definition}"),
            observe=Step(
                f"SELECT 'here' FROM pg_class WHERE relname = '{name}' AND relnamespace = pg_my_temp_schema()"
            ),
            expect="here",
            closing=_query(f"DROP {kind} {name}"),
            clean_up=(f"DROP {kind} pg_temp.{name}",),
            contexts=CLOSED,
        )


def _cursors(name: str) -> Iterator[Probe]:
    fetch = Step(f"FETCH 1 FROM {name}")
    close = f"CLOSE {name}"
    yield Probe(
        id="cursor with hold",
        requires=("hold-cursor",),
        set_up=_query(f"DECLARE {name} CURSOR WITH HOLD FOR SELECT 'row' FROM generate_series(1, 9)"),
        observe=fetch,
        expect="row",
        look=Step(f"SELECT 'row' FROM pg_cursors WHERE name = '{name}'"),
        closing=_query(close),
        clean_up=(close,),
        contexts=CLOSED,
    )
    yield Probe(
        id="cursor",
        requires=("cursor-in-autocommit",),
        set_up=_query(f"DECLARE {name} CURSOR FOR SELECT 'row'"),
        observe=fetch,
        expect="row",
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
    )


def _sequences(sequence: str) -> Iterator[Probe]:
    for function, call in (("currval", f"currval('{sequence}')"), ("lastval", "lastval()")):
        for rival, suffix in (((), ""), (_query(f"SELECT nextval('{sequence}')"), ", drawn elsewhere")):
            yield Probe(
                id=f"{function}{suffix}",
                requires=("sequence-state",),
                create=(f"CREATE SEQUENCE {sequence}",),
                drop=(f"DROP SEQUENCE IF EXISTS {sequence}",),
                set_up=_query(f"SELECT setval('{sequence}', 54321), nextval('{sequence}')"),
                rival=rival,
                observe=Step(f"SELECT {call}"),
                expect="54322",
                differs=Word.WRONG_RESULT,
                sight=(),
                contexts=(Context.AUTOCOMMIT, Context.COMMITTED) if rival else UNCLOSED,
            )


def _late_clean_up() -> Iterator[Probe]:
    """Clean-up that is sent once the work is done: the parameter set here stands for anything that it is to undo."""
    for identifier, capability, closing in (
        ("discard all", "discard", "DISCARD ALL"),
        ("reset all", "discard", "RESET ALL"),
        ("reset of asyncpg's pool", "pool-reset", RESET_OF_ASYNCPG),
    ):
        yield Probe(
            id=identifier,
            requires=(capability,),
            set_up=_query("SET statement_timeout = '54321ms'"),
            observe=Step("SHOW statement_timeout"),
            expect="54321ms",
            closing=_query(closing),
            clean_up=("RESET statement_timeout",),
            contexts=(Context.LATE,),
        )


def _deallocate_all(name: str) -> Iterator[Probe]:
    source = f"FROM pg_prepared_statements WHERE name = '{name}'"
    prepare, run = Step("SELECT 'mine'", Means.PREPARE, name), Step("", Means.EXECUTE, name)
    yield Probe(
        id="deallocate all",
        requires=("deallocate-all",),
        set_up=(prepare,),
        observe=run,
        expect="mine",
        look=Step(f"SELECT 'mine' {source}"),
        # Where the name is still taken, preparing it again fails.
        sight=(Word.ERROR,),
        closing=(Step("DEALLOCATE ALL"), prepare, run),
        clean_up=(_deallocate(source),),
        contexts=(Context.LATE,),
    )


def _deallocate(source: str) -> str:
    """Return a message that deallocates what a query finds.

    In a block, so that no pooler sees it and answers it by itself.
    """
    return (
        f"DO $$DECLARE found name; BEGIN FOR found IN SELECT name {source} LOOP "
        "EXECUTE format('DEALLOCATE %I', found); END LOOP; END$$"
    )


def _drivers(name: str) -> Iterator[Probe]:
    mine, theirs = (Step(f"SELECT '{word} {name}' || $1", Means.BOUND) for word in ("mine", "theirs"))
    for speaker, capability, rivals in (
        (Speaker.PSYCOPG, "named-prepare", ((), (theirs,))),
        (Speaker.ASYNCPG, "named-prepare", ((),)),
        (Speaker.ASYNCPG_WITHOUT_CACHE, None, ((),)),
    ):
        # By the driver's own names: a pooler that renames statements has to keep its own.
        own = f"FROM pg_prepared_statements WHERE name ~ '^_+(pg3|asyncpg)_' AND statement LIKE '%mine {name}%'"
        for rival in rivals:
            yield Probe(
                id=f"{speaker}{', name taken' if rival else ''}",
                requires=() if capability is None else (capability,),
                speaker=speaker,
                set_up=(mine,),
                rival=rival,
                observe=mine,
                expect=f"mine {name}!",
                differs=Word.WRONG_RESULT,
                look=Step(f"SELECT 'mine {name}!' {own}"),
                clean_up=(_deallocate(own),),
                contexts=(Context.AUTOCOMMIT,) if rival else (Context.AUTOCOMMIT, Context.INSIDE),
            )


def _start_up() -> Iterator[Probe]:
    for name in START_UP:
        yield Probe(
            id=f"start-up {name}",
            requires=(f"startup-parameter:{name}",),
            speaker=Speaker.ASYNCPG_WITHOUT_CACHE,
            start_up={name: PARAMETERS[name]},
            observe=Step(f"SELECT current_setting('{name}', true)"),
            expect=PARAMETERS[name],
            at_once=True,
            clean_up=(f"RESET {name}",),
            contexts=(Context.AUTOCOMMIT,),
        )


def _transactions() -> Iterator[Probe]:
    yield Probe(
        id="set local",
        requires=("open-transaction",),
        set_up=_query("SET LOCAL statement_timeout = '54321ms'"),
        observe=Step("SHOW statement_timeout"),
        expect="54321ms",
        at_once=True,
        clean_up=("RESET statement_timeout",),
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
    )
    yield Probe(
        id="transaction block",
        requires=("transaction-block",),
        set_up=_query("SELECT set_config('txsafe.block', 'here', true)"),
        observe=Step("SELECT current_setting('txsafe.block', true)"),
        expect="here",
        differs=Word.IGNORED,
        clean_up=("RESET txsafe.block",),
        contexts=(Context.INSIDE,),
    )


def _identity() -> Iterator[Probe]:
    yield Probe(
        id="backend pid",
        requires=("backend-identity",),
        observe=Step("SELECT pg_backend_pid()"),
        expect="{backend}",
        differs=Word.WRONG_RESULT,
        sight=(),
        contexts=(Context.AUTOCOMMIT, Context.INSIDE),
    )
    yield Probe(
        id="process id told at connect",
        requires=("reported-pid",),
        observe=Step("", Means.CLAIMED_BACKEND),
        expect="{backend}",
        differs=Word.WRONG_RESULT,
        sight=(),
        contexts=(Context.AUTOCOMMIT,),
    )


def _options() -> Iterator[Probe]:
    for name in ("statement_timeout", "search_path", "timezone"):
        yield Probe(
            id=f"options {name}",
            requires=("startup-options", f"startup-parameter:{name}"),
            options=f"-c {name}={PARAMETERS[name]}",
            observe=Step(f"SHOW {name}"),
            expect=PARAMETERS[name],
            at_once=True,
            clean_up=(f"RESET {name}",),
            contexts=(Context.AUTOCOMMIT,),
        )
