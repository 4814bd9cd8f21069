"""Messages and suggestions: what a user reads, built from the user's own SQL."""

from __future__ import annotations

from dataclasses import replace

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feature_samples import (
    ANYTHING,
    AUTOCOMMIT,
    BLOCK,
    NAME,
    VALUE,
    api_use,
    mentions_in,
    shipped_rules,
    site,
    suggestion,
    uses_in,
    uses_of,
)
from tests.sql_claims import is_sql, parse
from txsafe.catalog.rules import Suggestion
from txsafe.model import FeatureUse, Place, Span, Transaction, TransactionContext
from txsafe.suggestions import LONGEST_IN_MESSAGE, fill, suggest

UNKNOWN = TransactionContext()


def first(sql: str, *, transaction: TransactionContext = BLOCK, driver: str | None = None) -> str:
    return suggestion(uses_of(sql, transaction=transaction, driver=driver)[0])


# ---------------------------------------------------------------- messages


def test_a_message_is_filled_with_captures() -> None:
    (use,) = uses_of("LISTEN jobs")
    assert fill("`LISTEN {channel}` of {nobody}", use) == "`LISTEN jobs` of …"


def test_a_message_stays_short_whatever_the_sql() -> None:
    (use,) = uses_of("SET search_path TO " + ", ".join(["schema"] * 10_000))
    assert len(fill("{value}", use)) <= LONGEST_IN_MESSAGE


def test_a_message_is_one_line() -> None:
    (use,) = uses_of("SET search_path TO a,\n     b")
    assert fill("to {value}", use) == "to a, b"


# ---------------------------------------------------------------- suggestions


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SET search_path TO tenant, public",
            (
                "SET LOCAL search_path = tenant, public;\n"
                "-- or once, for every connection of the role: ALTER ROLE app SET search_path = tenant, public;"
            ),
        ),
        ("SET app.tenant = 'x'", "SET LOCAL app.tenant = 'x';"),
        ("SET ROLE auditor", "SET LOCAL ROLE auditor;"),
        ('SET ROLE "Auditor"', 'SET LOCAL ROLE "Auditor";'),
        (
            "SELECT pg_advisory_lock(42)",
            "SELECT pg_advisory_xact_lock(42);  -- in the transaction that the lock is for",
        ),
        (
            "SELECT pg_catalog.pg_try_advisory_lock_shared(%s, %s)",
            "SELECT pg_try_advisory_xact_lock_shared(%s, %s);  -- in the transaction that the lock is for",
        ),
        (
            "SELECT set_config('app.tenant', %s, false)",
            "SELECT set_config('app.tenant', %s, true);  -- in the transaction it is for",
        ),
        ("LOAD 'age'", "ALTER ROLE app SET session_preload_libraries = 'age';"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET TRANSACTION READ ONLY;  -- the transaction's first statement",
        ),
        ("CREATE TEMP TABLE batch (id int)", "CREATE TEMP TABLE batch (id int) ON COMMIT DROP;"),
    ],
)
def test_a_suggestion_is_built_from_the_statement(sql: str, expected: str) -> None:
    assert first(sql) == expected


def test_outside_a_transaction_one_is_opened() -> None:
    assert first("SET lock_timeout = '1s'", transaction=AUTOCOMMIT).startswith(
        "BEGIN;\nSET LOCAL lock_timeout = '1s';\n-- the statements it is for\nCOMMIT;"
    )


@pytest.mark.parametrize(
    ("driver", "block"),
    [
        ("psycopg", "with conn.transaction():"),
        ("asyncpg", "async with conn.transaction():"),
        ("django", "with transaction.atomic():"),
    ],
)
def test_a_driver_has_its_own_way_to_open_one(driver: str, block: str) -> None:
    assert f"`{block}`" in first("SET lock_timeout = '1s'", transaction=AUTOCOMMIT, driver=driver)


@pytest.mark.parametrize(
    ("sql", "driver", "expected"),
    [
        (f"SET search_path TO {ANYTHING}, public", None, "SELECT set_config('search_path', %s, true);"),
        (f"SET search_path TO {NAME}", "asyncpg", "SELECT set_config('search_path', $1, true);"),
        (f"SET search_path TO {NAME}", "sqlalchemy", "SELECT set_config('search_path', :value_1, true);"),
        (f"SET {ANYTHING}", "asyncpg", "SELECT set_config($1, $2, true);"),
        (f"SET ROLE {NAME}", "psycopg", "SELECT set_config('role', %s, true);"),
        (f"SELECT pg_advisory_lock({VALUE}, {VALUE})", "asyncpg", "SELECT pg_advisory_xact_lock($1, $2);"),
        (f"SELECT pg_advisory_lock($1, {VALUE})", "asyncpg", "SELECT pg_advisory_xact_lock($1, $2);"),
        (
            f"SELECT pg_advisory_lock(hashtext('job-{VALUE}'))",
            "psycopg",
            "SELECT pg_advisory_xact_lock(hashtext(%s));",
        ),
    ],
)
def test_what_the_program_fills_in_becomes_a_bound_parameter(sql: str, driver: str | None, expected: str) -> None:
    found = first(sql, driver=driver)
    assert found.startswith(expected)
    parse(found)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (
            api_use("startup-parameter", driver="asyncpg", name="jit", value="off"),
            "ALTER ROLE app SET jit = 'off';",
        ),
        (
            api_use("startup-parameter", name="search_path", value='"$user",shop'),
            'ALTER ROLE app SET search_path = "$user", shop;',
        ),
        (api_use("startup-parameter", name="search_path", value="order"), 'ALTER ROLE app SET search_path = "order";'),
        (api_use("startup-parameter", name="search_path", value="a; DROP"), "Name the schemas in the SQL"),
        (api_use("startup-parameter", name="a.b", value="it's \\ "), "ALTER ROLE app SET a.b = E'it''s \\\\';"),
        (
            api_use(
                "named-prepare",
                driver="asyncpg",
                setting="statement_cache_size",
                value="absent",
                reason="r",
                pool="yes",
            ),
            "await asyncpg.create_pool(dsn, statement_cache_size=0)",
        ),
        (
            api_use("named-prepare", driver="psycopg", setting="prepare_threshold", value="0", reason="r"),
            "psycopg.connect(conninfo, prepare_threshold=None)",
        ),
        (
            api_use(
                "named-prepare", driver="sqlalchemy", setting="prepare_threshold", through="sqlalchemy", reason="r"
            ),
            'create_engine(url, connect_args={"prepare_threshold": None})',
        ),
        (
            api_use("session-lock", call="pglock.advisory", lock="jobs"),
            "SELECT pg_advisory_xact_lock(hashtext('jobs'))",
        ),
        (api_use("session-lock", call="pglock.advisory"), "Take `pg_advisory_xact_lock`"),
        (api_use("notifications", call="notifies"), "Keep this on a connection of its own"),
    ],
)
def test_a_driver_call_has_a_suggestion(use: FeatureUse, expected: str) -> None:
    assert suggestion(use).startswith(expected)


def test_prose_is_not_given_bound_parameters() -> None:
    assert first(f"CREATE TEMP TABLE {NAME} (id int)") == (
        "Add ON COMMIT DROP, and create and use the table in one transaction."
    )


def test_a_use_that_is_always_safe_has_none() -> None:
    assert first("DROP TABLE t") == ""


def test_names_are_quoted_where_they_must_be() -> None:
    assert "DECLARE c CURSOR" in first("DECLARE c CURSOR FOR SELECT 1", transaction=AUTOCOMMIT)
    assert 'DECLARE "table" CURSOR' in first('DECLARE "table" CURSOR FOR SELECT 1', transaction=AUTOCOMMIT)
    assert 'DECLARE "a b" CURSOR' in first('DECLARE "a b" CURSOR FOR SELECT 1', transaction=AUTOCOMMIT)


def test_a_value_of_pages_is_left_out() -> None:
    found = first("SET search_path TO " + ", ".join(["schema"] * 10_000))
    assert found.startswith("SELECT set_config('search_path', %s, true)")


def test_nothing_fits_where_driver_and_transaction_are_others() -> None:
    (use,) = uses_of("LISTEN jobs")
    rule = shipped_rules()["listen"]
    only = (
        Suggestion(text="x", driver=("asyncpg",)),
        Suggestion(text="y", transaction=(Transaction.EXPLICIT,)),
    )
    variants = {"listen": replace(rule.variants["listen"], suggestions=only)}
    assert suggest(use, replace(rule, variants=variants), (), placeholders={}) == ""


def test_what_is_missing_altogether_stays_an_ellipsis() -> None:
    (use,) = uses_of("LISTEN jobs")
    rule = shipped_rules()["listen"]
    variants = {"listen": replace(rule.variants["listen"], suggestions=(Suggestion(text="{nobody}: {channel}"),))}
    assert suggest(use, replace(rule, variants=variants), (), placeholders={}) == "…: jobs"


def test_a_temporary_table_that_is_read_once_becomes_a_cte() -> None:
    create = site("CREATE TEMP TABLE batch AS SELECT id FROM job", transaction=BLOCK)
    read = site("SELECT count(*) FROM batch WHERE id > %s", transaction=BLOCK, start=200)
    uses = uses_in(create)
    found = suggestion(uses[0], (*uses, *mentions_in(create, read, openers=uses)))
    assert found == ("WITH batch AS MATERIALIZED (SELECT id FROM job)\nSELECT count(*) FROM batch WHERE id > %s;")
    parse(found)


def test_a_value_of_several_lines_stays_within_the_comment_it_stands_in() -> None:
    found = first("SET search_path TO a,\n    b")
    assert found.splitlines()[0] == "SET LOCAL search_path = a,"
    assert found.splitlines()[-1].endswith("ALTER ROLE app SET search_path = a, b;")
    parse(found)


# ---------------------------------------------------------------- laws

VALUES = st.sampled_from(["'5s'", "a, b", '"$user", public', "0", "-1", "on", "DEFAULT", "'it''s'", "1.5", "E'a\\\\b'"])
NAMES = st.sampled_from(["search_path", "work_mem", "app.tenant", "TimeZone", '"my.guc"', "jit", "lock_timeout"])


@given(
    NAMES,
    VALUES,
    st.sampled_from(["SET", "SET SESSION", "SET LOCAL"]),
    st.sampled_from([AUTOCOMMIT, BLOCK, UNKNOWN]),
    st.sampled_from([None, "psycopg", "asyncpg", "sqlalchemy", "django"]),
)
def test_a_suggestion_for_set_is_valid_sql(
    name: str, value: str, verb: str, transaction: TransactionContext, driver: str | None
) -> None:
    for use in uses_of(f"{verb} {name} TO {value}", transaction=transaction, driver=driver):
        found = suggestion(use)
        if is_sql(found):
            parse(found)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_start_up_parameter_of_any_text_gives_valid_sql(name: str, value: str) -> None:
    found = suggestion(api_use("startup-parameter", name=name, value=value))
    if is_sql(found):
        parse(found)


@given(st.dictionaries(st.sampled_from(["name", "value", "arguments", "text", "body"]), st.text(max_size=60)))
def test_no_captures_break_a_suggestion(captures: dict[str, str]) -> None:
    for rule in shipped_rules().values():
        for variant in rule.variants:
            use = FeatureUse(rule=rule.id, variant=variant, place=Place("a", Span(0, 1)), sql="", captures=captures)
            assert isinstance(suggestion(use), str)


def test_the_oracle_for_sql_refuses_what_is_none() -> None:
    with pytest.raises(pglast.parser.ParseError):
        parse("SELECT FROM WHERE")
