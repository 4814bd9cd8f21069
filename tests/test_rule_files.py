"""The shipped rules: complete, documented, and with suggestions that hold what they promise."""

from __future__ import annotations

import re

import pytest

from tests.feature_samples import (
    AUTOCOMMIT,
    BLOCK,
    FEATURES,
    api_use,
    mentions_in,
    named,
    shipped_index,
    shipped_rules,
    site,
    suggestion,
    uses_in,
    uses_of,
)
from tests.sql_claims import compile_python, is_python, is_sql, parse
from txsafe.catalog.probes import Means, Probe
from txsafe.catalog.rules import Rule, Variant
from txsafe.catalog.templates import MISSING, fill_template, template_names
from txsafe.model import FeatureUse, Transaction, TransactionContext
from txsafe.suggestions import fill

CONTRACT = {
    "session-set",
    "session-role",
    "session-characteristics",
    "session-discard",
    "set-local-outside-transaction",
    "sql-prepare",
    "driver-prepare",
    "listen",
    "session-advisory-lock",
    "temp-table",
    "hold-cursor",
    "cursor-outside-transaction",
    "load-library",
    "sequence-session-state",
    "session-seed",
    "dblink-connection",
    "backend-pid",
    "startup-parameter",
    "transaction-block",
    "pool-reset",
}
UNKNOWN = TransactionContext(kind=Transaction.UNKNOWN)
FUNCTION = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET jit = off; END $$"

STATEMENTS: dict[str, tuple[str, TransactionContext]] = {
    "session-set/reset-all": ("RESET ALL", AUTOCOMMIT),
    "session-set/reset": ("RESET search_path", AUTOCOMMIT),
    "session-set/set-in-function": (FUNCTION, AUTOCOMMIT),
    "session-set/set-time-zone": ("SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE", BLOCK),
    "session-set/set-own": ("SET app.tenant = 'x'", BLOCK),
    "session-set/set": ("SET search_path TO a, b", AUTOCOMMIT),
    "session-set/set-config": ("SELECT set_config('app.tenant', %s, false)", AUTOCOMMIT),
    "session-set/set-config-unclear": ("SELECT set_config('app.tenant', %s, %s)", AUTOCOMMIT),
    "session-role/reset-role": ("RESET ROLE", AUTOCOMMIT),
    "session-role/set-role": ("SET ROLE auditor", AUTOCOMMIT),
    "session-role/set-config-role": ("SELECT set_config('role', 'auditor', false)", AUTOCOMMIT),
    "session-role/reset-session-authorization": ("RESET SESSION AUTHORIZATION", AUTOCOMMIT),
    "session-role/set-session-authorization": ("SET SESSION AUTHORIZATION auditor", AUTOCOMMIT),
    "session-characteristics/sql": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", AUTOCOMMIT),
    "session-discard/all": ("DISCARD ALL", AUTOCOMMIT),
    "session-discard/part": ("DISCARD TEMP", AUTOCOMMIT),
    "set-local-outside-transaction/set-local": ("SET LOCAL jit = off", AUTOCOMMIT),
    "set-local-outside-transaction/set-transaction": ("SET TRANSACTION READ ONLY", AUTOCOMMIT),
    "set-local-outside-transaction/set-config": ("SELECT set_config('a.b', %s, true)", AUTOCOMMIT),
    "sql-prepare/prepare": ("PREPARE p AS SELECT 1", AUTOCOMMIT),
    "sql-prepare/execute": ("EXECUTE p (1)", AUTOCOMMIT),
    "sql-prepare/deallocate-all": ("DEALLOCATE ALL", AUTOCOMMIT),
    "sql-prepare/deallocate": ("DEALLOCATE p", AUTOCOMMIT),
    "listen/listen": ("LISTEN jobs", AUTOCOMMIT),
    "listen/unlisten": ("UNLISTEN *", AUTOCOMMIT),
    "session-advisory-lock/lock": ("SELECT pg_advisory_lock(1)", AUTOCOMMIT),
    "session-advisory-lock/lock-shared": ("SELECT pg_advisory_lock_shared(1)", AUTOCOMMIT),
    "session-advisory-lock/try-lock": ("SELECT pg_try_advisory_lock(1, 2)", AUTOCOMMIT),
    "session-advisory-lock/try-lock-shared": ("SELECT pg_try_advisory_lock_shared(1)", AUTOCOMMIT),
    "session-advisory-lock/unlock": ("SELECT pg_advisory_unlock(1)", AUTOCOMMIT),
    "session-advisory-lock/unlock-all": ("SELECT pg_advisory_unlock_all()", AUTOCOMMIT),
    "temp-table/drop": ("DROP TABLE IF EXISTS batch", AUTOCOMMIT),
    "temp-table/drop-at-commit-outside-transaction": ("CREATE TEMP TABLE b (id int) ON COMMIT DROP", AUTOCOMMIT),
    "temp-table/drop-at-commit": ("CREATE TEMP TABLE b (id int) ON COMMIT DROP", BLOCK),
    "temp-table/view": ("CREATE TEMP VIEW v AS SELECT 1", AUTOCOMMIT),
    "temp-table/sequence": ("CREATE TEMP SEQUENCE s", AUTOCOMMIT),
    "temp-table/object": ("CREATE DOMAIN pg_temp.d AS int", AUTOCOMMIT),
    "temp-table/delete-rows": ("CREATE TEMP TABLE b (id int) ON COMMIT DELETE ROWS", AUTOCOMMIT),
    "temp-table/table": ("CREATE TEMP TABLE b AS SELECT 1 AS id", AUTOCOMMIT),
    "hold-cursor/declare": ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", BLOCK),
    "hold-cursor/fetch": ("FETCH 10 FROM c", AUTOCOMMIT),
    "hold-cursor/close-in-transaction": ("CLOSE c", BLOCK),
    "cursor-outside-transaction/declare": ("DECLARE c CURSOR FOR SELECT 1", AUTOCOMMIT),
    "load-library/load": ("LOAD 'age'", AUTOCOMMIT),
    "sequence-session-state/nextval": ("SELECT nextval('s')", AUTOCOMMIT),
    "sequence-session-state/in-autocommit": ("SELECT currval('s')", AUTOCOMMIT),
    "sequence-session-state/in-transaction": ("SELECT lastval()", BLOCK),
    "sequence-session-state/unclear": ("SELECT currval('s')", UNKNOWN),
    "session-seed/setseed": ("SELECT setseed(0.5)", AUTOCOMMIT),
    "session-seed/set-seed": ("SET SEED TO 0.5", AUTOCOMMIT),
    "session-seed/random": ("SELECT random()", AUTOCOMMIT),
    "dblink-connection/disconnect": ("SELECT dblink_disconnect('w')", AUTOCOMMIT),
    "dblink-connection/connect-named": ("SELECT dblink_connect('w', 'dbname=w')", AUTOCOMMIT),
    "dblink-connection/connect-unnamed": ("SELECT dblink_connect('dbname=w')", AUTOCOMMIT),
    "dblink-connection/asynchronous": ("SELECT dblink_send_query('w', 'SELECT 1')", AUTOCOMMIT),
    "dblink-connection/exec-named": ("SELECT dblink_exec('w', 'VACUUM')", AUTOCOMMIT),
    "backend-pid/in-transaction": ("SELECT pg_backend_pid()", BLOCK),
    "backend-pid/selected": ("SELECT pg_backend_pid() AS pid", AUTOCOMMIT),
    "backend-pid/on-the-spot": ("SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid()", AUTOCOMMIT),
    "transaction-block/begin": ("BEGIN", AUTOCOMMIT),
}
LIBRARY = {"library": "A library", "needs": "it needs a session", "remedy": "Turn it off."}
CALLS: dict[str, dict[str, str]] = {
    "session-set/tenant-backend": {"api": "session-set", "name": "search_path", "switches": "backend", **LIBRARY},
    "session-set/tenant-context": {
        "api": "session-set",
        "call": "schema_context",
        "name": "search_path",
        "switches": "tenant",
        **LIBRARY,
    },
    "listen/library": {"api": "notifications", "call": "run_worker", **LIBRARY},
    "session-set/library": {"api": "session-set", "call": "pglock.timeout", "name": "lock_timeout", "value": MISSING},
    "session-role/library": {"api": "session-role", "driver": "django"},
    "session-characteristics/driver": {
        "api": "session-characteristics",
        "driver": "psycopg2",
        "parameter": "default_transaction_read_only",
        "value": "True",
        "call": "set_session",
    },
    "driver-prepare/sqlalchemy-asyncpg-names": {
        "api": "named-prepare",
        "through": "sqlalchemy",
        "setting": "isolation_level",
        "value": "AUTOCOMMIT",
        "reason": "r",
    },
    "driver-prepare/pgjdbc": {
        "api": "named-prepare",
        "driver": "pgjdbc",
        "setting": "prepareThreshold",
        "value": "5",
        "reason": "r",
    },
    "driver-prepare/sqlalchemy-asyncpg-old": {
        "api": "named-prepare",
        "through": "sqlalchemy",
        "setting": "statement_cache_size",
        "value": "0",
        "reason": "r",
    },
    "driver-prepare/sqlalchemy-asyncpg": {
        "api": "named-prepare",
        "through": "sqlalchemy",
        "setting": "statement_cache_size",
        "value": "absent",
        "reason": "r",
    },
    "driver-prepare/sqlalchemy-psycopg": {
        "api": "named-prepare",
        "through": "sqlalchemy",
        "setting": "prepare_threshold",
        "value": "absent",
        "reason": "r",
    },
    "driver-prepare/databases": {
        "api": "named-prepare",
        "through": "databases",
        "setting": "statement_cache_size",
        "value": "absent",
        "reason": "r",
    },
    "driver-prepare/piccolo": {
        "api": "named-prepare",
        "through": "piccolo",
        "setting": "statement_cache_size",
        "value": "absent",
        "reason": "r",
    },
    "driver-prepare/library": {
        "api": "named-prepare",
        "through": "procrastinate",
        "setting": "prepare_threshold",
        "value": "absent",
        "reason": "r",
    },
    "driver-prepare/asyncpg-cursor": {"api": "named-prepare", "setting": "cursor", "value": "SELECT 1", "reason": "r"},
    "driver-prepare/prepare-call": {
        "api": "named-prepare",
        "driver": "asyncpg",
        "setting": "prepare",
        "value": "SELECT 1",
        "reason": "r",
    },
    "driver-prepare/executemany": {
        "api": "named-prepare",
        "driver": "psycopg",
        "setting": "executemany",
        "value": "prepare_threshold",
        "reason": "r",
    },
    "driver-prepare/execute-prepare": {
        "api": "named-prepare",
        "driver": "psycopg",
        "setting": "prepare",
        "value": "True",
        "reason": "r",
    },
    "driver-prepare/psycopg-pool": {
        "api": "named-prepare",
        "setting": "prepare_threshold",
        "value": "5",
        "pool": "yes",
        "reason": "r",
    },
    "driver-prepare/psycopg": {"api": "named-prepare", "setting": "prepare_threshold", "value": "0", "reason": "r"},
    "driver-prepare/asyncpg-pool": {
        "api": "named-prepare",
        "setting": "statement_cache_size",
        "value": "absent",
        "pool": "yes",
        "reason": "r",
    },
    "driver-prepare/asyncpg": {
        "api": "named-prepare",
        "setting": "statement_cache_size",
        "value": "100",
        "reason": "r",
    },
    "driver-prepare/other": {"api": "named-prepare", "setting": "new", "value": "1", "reason": "r"},
    "driver-prepare/split": {"api": "split-prepare", "call": "run"},
    "listen/driver": {"api": "notifications", "call": "notifies"},
    "session-advisory-lock/library": {"api": "session-lock", "call": "pglock.advisory", "lock": "jobs"},
    "sql-prepare/driver-deallocate": {"api": "evicted-prepare", "driver": "psycopg", "reason": "r"},
    "hold-cursor/django-iterator": {
        "api": "hold-cursor",
        "driver": "django",
        "name": "iterator()",
        "withhold": "autocommit",
        "call": "iterator",
    },
    "hold-cursor/driver": {"api": "hold-cursor", "driver": "psycopg2", "name": "rows", "withhold": "True"},
    "cursor-outside-transaction/driver": {"api": "cursor-in-autocommit", "driver": "psycopg", "name": "rows"},
    "backend-pid/driver": {"api": "backend-pid", "call": "get_backend_pid"},
    "startup-parameter/options": {"api": "startup-options"},
    "startup-parameter/search-path": {"api": "startup-parameter", "name": "search_path", "value": "shop,public"},
    "startup-parameter/parameter": {"api": "startup-parameter", "name": "jit", "value": "off"},
    "startup-parameter/in-options": {"api": "startup-parameter", "name": "jit", "value": "off", "carrier": "options"},
    "transaction-block/driver": {"api": "transaction-block"},
    "pool-reset/asyncpg-pool": {
        "api": "pool-reset",
        "driver": "asyncpg",
        "setting": "reset",
        "call": "create_pool",
        "sql": "RESET ALL",
    },
    "pool-reset/driver": {"api": "pool-reset", "driver": "psycopg2", "call": "reset", "sql": "DISCARD ALL"},
}
DRIVERS = ["psycopg", "psycopg2", "asyncpg", "sqlalchemy", "django", "pg8000", "peewee", None]
RULES = sorted(shipped_rules().values(), key=lambda rule: rule.id)
VARIANTS = [(rule, variant) for rule in RULES for variant in rule.variants.values()]


def name_of(value: object) -> str:
    return value.id if isinstance(value, Rule | Variant) else str(value)


def sample(name: str, driver: str | None = None) -> FeatureUse:
    if name in CALLS:
        facts = dict(CALLS[name])
        own = facts.pop("driver", None)
        return api_use(facts.pop("api"), driver=own or driver, transaction=AUTOCOMMIT, **facts)
    sql, transaction = STATEMENTS[name]
    return next(use for use in uses_of(sql, transaction=transaction, driver=driver) if named([use]) == [name])


def test_every_rule_of_the_contract_exists_and_no_other() -> None:
    assert set(shipped_rules()) == CONTRACT


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_is_called_as_its_file(rule: Rule) -> None:
    assert (FEATURES / f"{rule.id}.yaml").is_file()


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_explains_itself_and_names_its_sources(rule: Rule) -> None:
    assert "**Write instead**" in rule.explanation
    assert "**When it is fine**" in rule.explanation
    assert any("postgresql.org/docs" in reference for reference in rule.references) or rule.id == "pool-reset"
    assert all(re.fullmatch(r"https://[\w./#%?=-]+", reference) for reference in rule.references)
    assert any(variant.requires for variant in rule.variants.values())


@pytest.mark.parametrize(("rule", "variant"), VARIANTS, ids=name_of)
def test_all_that_a_variant_requires_is_probed(rule: Rule, variant: Variant) -> None:
    own = [probe for probe in rule.probes if variant.id in probe.variants]
    probed = {capability.partition(":")[0] for probe in own for capability in probe.requires}
    assert {capability.partition(":")[0] for capability in variant.requires} <= probed


PROBES = [(rule, probe) for rule in shipped_rules().values() for probe in rule.probes]


@pytest.mark.parametrize(("rule", "probe"), PROBES, ids=lambda each: each.id)
def test_the_sql_of_a_probe_is_valid(rule: Rule, probe: Probe) -> None:
    holes = {"own": "txsafe_probe", "key": "7", "name": "work_mem", "value": "7MB"}
    steps = (*probe.set_up, probe.observe, *probe.rival, *probe.closing, *filter(None, [probe.look]))
    texts = [step.text for step in steps if step.means in {Means.QUERY, Means.PARSE, Means.BIND} and step.text]
    for sql in (*texts, *probe.clean_up, *probe.create, *probe.drop, *filter(None, [probe.control])):
        parse(fill_template(sql, holes))


def test_every_variant_has_a_sample() -> None:
    assert {f"{rule.id}/{variant.id}" for rule, variant in VARIANTS} == STATEMENTS.keys() | CALLS.keys()


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() | CALLS.keys()))
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_suggestion_is_complete_and_what_it_claims_to_be(name: str, driver: str | None) -> None:
    use = sample(name, driver)
    variant = shipped_rules()[use.rule].variants[use.variant]
    assert f"{use.rule}/{use.variant}" == name
    text = suggestion(use)
    assert bool(text) == bool(variant.requires)
    if is_sql(text):
        assert MISSING not in text
        parse(text)
    elif is_python(text):
        compile_python(text)
    assert not re.search(r"\{[a-z][a-z0-9-]*\}", text)


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() | CALLS.keys()))
def test_a_message_says_what_the_code_does_in_one_short_line(name: str) -> None:
    use = sample(name)
    variant = shipped_rules()[use.rule].variants[use.variant]
    message = fill(variant.message, use)
    assert "\n" not in message
    assert not message.endswith(".")
    assert len(message) <= 160
    unknown = {captured for captured in template_names(variant.message) if not use.captures.get(captured)}
    assert not unknown - {"arguments"}


@pytest.mark.parametrize("text", [suggestion.text for _, variant in VARIANTS for suggestion in variant.suggestions])
def test_a_template_asks_only_for_names_that_exist(text: str) -> None:
    made = {re.sub(r"^(?:identifier|quoted|list)-", "", name) for name in template_names(text)}
    known = {fact for use in map(sample, STATEMENTS.keys() | CALLS.keys()) for fact in use.captures}
    assert made <= known | {"parameter", "parameter-2"}


@pytest.mark.parametrize(("rule", "variant"), VARIANTS, ids=name_of)
def test_the_last_resort_in_prose_asks_for_nothing(rule: Rule, variant: Variant) -> None:
    if variant.suggestions and not is_sql(variant.suggestions[-1].text):
        assert not template_names(variant.suggestions[-1].text)


# ---------------------------------------------------------------- what no rule may say


@pytest.mark.parametrize(
    ("sql", "transaction"),
    [
        ("SET LOCAL search_path TO a", BLOCK),
        ("SET LOCAL search_path TO a", UNKNOWN),
        ("SELECT set_config('a.b', %s, true)", BLOCK),
        ("SELECT set_config('a.b', %s, true)", UNKNOWN),
        ("SELECT set_config('a.b', %s, is_local => true)", BLOCK),
        ("SET LOCAL ROLE auditor", BLOCK),
        ("SET TRANSACTION READ ONLY", BLOCK),
        ("SET CONSTRAINTS ALL DEFERRED", BLOCK),
        ("SHOW search_path", AUTOCOMMIT),
        ("SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)", BLOCK),
        ("NOTIFY jobs", AUTOCOMMIT),
        ("SELECT pg_notify('jobs', 'x')", AUTOCOMMIT),
        ("PREPARE TRANSACTION 'a'", AUTOCOMMIT),
        ("COMMIT PREPARED 'a'", AUTOCOMMIT),
        ("DECLARE c CURSOR FOR SELECT 1", BLOCK),
        ("FETCH 1 FROM c", BLOCK),
        ("SELECT dblink_exec('dbname=w', 'VACUUM')", AUTOCOMMIT),
        ("SELECT * FROM dblink('w', 'SELECT 1') AS t(a int)", AUTOCOMMIT),
        ("ALTER ROLE app SET search_path = shop", AUTOCOMMIT),
        ("CREATE TABLE t (id int)", AUTOCOMMIT),
        ("SELECT * FROM t", AUTOCOMMIT),
    ],
)
def test_what_ends_with_its_transaction_or_touches_no_session_is_not_found(
    sql: str, transaction: TransactionContext
) -> None:
    assert uses_of(sql, transaction=transaction) == ()


def test_a_rule_asks_only_for_functions_by_lower_case_names() -> None:
    assert all(re.fullmatch(r"[a-z_0-9]+", name) for name in shipped_index().functions)


def test_a_table_read_twice_stays_a_table_and_says_why() -> None:
    create = site("CREATE TEMP TABLE b AS SELECT 1 AS id", transaction=BLOCK)
    reads = [site(f"SELECT {number} FROM b", transaction=BLOCK, start=100 * number) for number in (1, 2)]
    uses = uses_in(create)
    text = suggestion(uses[0], (*uses, *mentions_in(create, *reads, openers=uses)))
    assert text == "CREATE TEMP TABLE b ON COMMIT DROP AS SELECT 1 AS id;  -- no CTE: 2 statements use it"
