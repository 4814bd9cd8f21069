"""Settings of every connection → settings of the role, and the script that gives them."""

from __future__ import annotations

import pytest

from tests.rewrites.rewriting import Rewritten, check, profile_of, rewrite
from txsafe.errors import ConfigError
from txsafe.model import Applicability, Fix
from txsafe.role_script import RoleScript

ENGINE = 'from sqlalchemy import create_engine, event\n\nengine = create_engine("postgresql+psycopg2://app@pooler/shop")\n\n\n'


def settings(text: str) -> list[tuple[tuple[str, str], ...]]:
    return [each.fix.settings for each in check(text).diagnostics if each.fix is not None]


def moved(text: str) -> Rewritten:
    return rewrite(text, applied=frozenset({Applicability.DISPLAY_ONLY}))


HOOK = """@event.listens_for(engine, "connect")
def on_connect(connection, record):
    \"\"\"Say what holds for all.\"\"\"
    existing = connection.autocommit
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET statement_timeout = '5s'")
    cursor.execute("SET search_path TO app, public")
    cursor.close()
    connection.autocommit = existing
"""


def test_a_function_that_only_sets_constants_goes() -> None:
    done = moved(f"{ENGINE}{HOOK}\n\nx = 1\n")
    assert done.after == f"{ENGINE}x = 1\n"
    assert settings(f"{ENGINE}{HOOK}") == [(("statement_timeout", "'5s'"), ("search_path", "app, public"))] * 2


def test_of_a_function_that_does_more_only_the_setting_goes() -> None:
    more = HOOK.replace("    cursor.close()\n", "    print(cursor)\n    cursor.close()\n")
    done = moved(f"{ENGINE}{more}")
    assert done.after == f"{ENGINE}{more}".replace(
        "    cursor.execute(\"SET statement_timeout = '5s'\")\n", ""
    ).replace('    cursor.execute("SET search_path TO app, public")\n', "")


POOL = """import psycopg
from psycopg_pool import ConnectionPool


def configure(conn: psycopg.Connection):
    conn.execute("SET jit = off")
    conn.execute("SELECT set_config('app.x', 'y', false)")
    conn.commit()


pool = ConnectionPool("", kwargs={"prepare_threshold": None}, configure=configure)
"""


def test_a_function_that_a_pool_calls_goes_with_its_argument() -> None:
    done = moved(POOL)
    assert done.after == (
        "import psycopg\nfrom psycopg_pool import ConnectionPool\n\n\n"
        'pool = ConnectionPool("", kwargs={"prepare_threshold": None})\n'
    )
    assert settings(POOL) == [(("jit", "'off'"), ("app.x", "'y'"))] * 2


LISTENER = """from sqlalchemy import create_engine, event


def on_connect(connection, record):
    cursor = connection.cursor()
    cursor.execute("SET jit = off")
    connection.commit()


def make(url):
    engine = create_engine("postgresql+psycopg2://app@pooler/shop")
    event.listen(engine, "connect", on_connect)
    return engine
"""


def test_a_function_that_listens_for_connections_goes_with_what_makes_it_listen() -> None:
    assert moved(LISTENER).after == LISTENER.replace(
        LISTENER[LISTENER.index("def on_connect") : LISTENER.index("def make")], ""
    ).replace('    event.listen(engine, "connect", on_connect)\n', "")
    assert settings(LISTENER) == [(("jit", "'off'"),)]


@pytest.mark.parametrize("event", ['"begin"', "events"])
def test_a_function_that_listens_for_something_else_stays(event: str) -> None:
    assert not any(settings(LISTENER.replace('"connect"', event)))


def test_a_receiver_of_django_s_signal_goes_with_what_makes_it_one() -> None:
    text = """from django.db.backends.signals import connection_created


def tell(sender, connection, **kwargs):
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")


connection_created.connect(tell)
"""
    assert settings(text) == [(("jit", "'off'"),)]
    assert moved(text).after == "from django.db.backends.signals import connection_created\n\n\n"


def test_a_listener_that_is_named_twice_stays() -> None:
    done = moved(f"{LISTENER}\n\nagain = on_connect\n")
    assert "def on_connect" in done.after


def test_a_listener_whose_registration_is_used_keeps_its_function() -> None:
    done = moved(LISTENER.replace("    event.listen", "    x = event.listen"))
    assert "def on_connect" in done.after


def test_a_function_that_is_called_elsewhere_too_stays() -> None:
    text = f"{POOL}configure(pool.getconn())\n"
    assert "def configure" in moved(text).after


@pytest.mark.parametrize("statement", ["SET jit = DEFAULT", "SET TIME ZONE LOCAL", "SET jit = %s", "RESET jit"])
def test_what_is_no_constant_is_not_given_to_the_role(statement: str) -> None:
    text = POOL.replace("SET jit = off", statement)
    assert all("jit" not in dict(each) and "timezone" not in dict(each) for each in settings(text))


@pytest.mark.parametrize(
    ("modes", "given"),
    [
        ("READ ONLY", [("default_transaction_read_only", "'on'")]),
        (
            "isolation level repeatable  read, read write",
            [("default_transaction_isolation", "'repeatable read'"), ("default_transaction_read_only", "'off'")],
        ),
        (
            "SERIALIZABLE READ ONLY DEFERRABLE",
            None,
        ),
        (
            "ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
            [
                ("default_transaction_isolation", "'serializable'"),
                ("default_transaction_read_only", "'on'"),
                ("default_transaction_deferrable", "'on'"),
            ],
        ),
        ("NOT DEFERRABLE", [("default_transaction_deferrable", "'off'")]),
    ],
)
def test_characteristics_of_every_connection_go_to_the_role(modes: str, given: list[tuple[str, str]] | None) -> None:
    text = POOL.replace("SET jit = off", f"SET SESSION CHARACTERISTICS AS TRANSACTION {modes}")
    both = None if given is None else (*given, ("app.x", "'y'"))
    assert (both in settings(text)) == (given is not None)


def test_a_connection_of_a_function_that_runs_at_any_time_is_not_meant() -> None:
    text = POOL.replace(", configure=configure", "")
    assert settings(text) in ([], [(), ()])


# ---------------------------------------------------------------- the script


def fix(*settings: tuple[str, str]) -> Fix:
    return Fix(title="", edits=(), applicability=Applicability.DISPLAY_ONLY, settings=settings)


def test_the_script_gives_each_setting_once_and_has_its_undo() -> None:
    script = RoleScript.of("app", None)
    (first, second) = check(f"{ENGINE}{HOOK}").diagnostics
    assert first.fix is not None
    assert script.accepts(first.fix)
    assert script.write([first, second]).splitlines()[3:] == [
        "BEGIN;",
        "ALTER ROLE app SET search_path = app, public;  -- app.py:12, app.py:13",
        "ALTER ROLE app SET statement_timeout = '5s';  -- app.py:12, app.py:13",
        "COMMIT;",
        "",
        "-- To undo it:",
        "-- BEGIN;",
        "-- ALTER ROLE app RESET search_path;",
        "-- ALTER ROLE app RESET statement_timeout;",
        "-- COMMIT;",
    ]


def test_of_two_values_the_first_counts_and_the_other_is_named() -> None:
    script = RoleScript.of("app", None)
    assert script.accepts(fix(("jit", "'off'")))
    assert not script.accepts(fix(("work_mem", "'1MB'"), ("jit", "'on'")))
    assert script.accepts(fix(("work_mem", "'2MB'")))
    assert script.conflicts == {"jit"}


@pytest.mark.parametrize(
    ("role", "database", "target"),
    [
        ("app", None, "ROLE app"),
        (None, "shop", "DATABASE shop"),
        ("App", "my.shop", 'ROLE "App" IN DATABASE "my.shop"'),
        ("user", None, 'ROLE "user"'),
        ('a"b', None, 'ROLE "a""b"'),
    ],
)
def test_names_are_spelled_as_the_server_reads_them(role: str | None, database: str | None, target: str) -> None:
    assert RoleScript.of(role, database).target == target


@pytest.mark.parametrize("name", ["a\nb", "\0"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        RoleScript.of(name, None)


def test_nothing_to_give_is_no_script() -> None:
    assert RoleScript.of("app", None).write([]) == ""
    assert not RoleScript.of("app", None).accepts(fix())
    assert profile_of("direct").pooler == "direct"
