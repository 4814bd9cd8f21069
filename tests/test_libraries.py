"""Libraries that need a session: each with a program that uses it and one that has turned it off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_driver_facts import judge, rules
from txsafe.catalog.document import parse_document, read_document
from txsafe.catalog.drivers import decode_drivers
from txsafe.errors import CatalogError

FILES = sorted((Path(__file__).parents[1] / "rules" / "libraries").glob("*.yaml"))
LISTEN, LOCK, SET, PREPARE = {"listen"}, {"session-advisory-lock"}, {"session-set"}, {"driver-prepare"}
SAFE: set[str] = set()

LAYERS = "CHANNEL_LAYERS = {'default': {'BACKEND': 'channels_%s.core.%sChannelLayer'}}"
CASES: dict[str, tuple[str, set[str]]] = {
    "apscheduler": ("from apscheduler.eventbrokers.psycopg import PsycopgEventBroker\nPsycopgEventBroker(D)", LISTEN),
    "apscheduler, on asyncpg": (
        "from apscheduler.eventbrokers.asyncpg import AsyncpgEventBroker\nAsyncpgEventBroker.from_async_sqla_engine(e)",
        LISTEN,
    ),
    "apscheduler's data store": (
        "from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore\nSQLAlchemyDataStore(e)",
        SAFE,
    ),
    "apscheduler's Redis broker": (
        "from apscheduler.eventbrokers.redis import RedisEventBroker\nRedisEventBroker(D)",
        SAFE,
    ),
    "broadcaster": ("from broadcaster import Broadcast\nBroadcast('postgres://h/d')", LISTEN),
    "broadcaster on Redis": ("from broadcaster import Broadcast\nBroadcast('redis://h')", SAFE),
    "channels-postgres": (LAYERS % ("postgres", "Postgres"), LISTEN),
    "channels on Redis": (LAYERS % ("redis", "Redis"), SAFE),
    "chancy": ("from chancy import Chancy\nChancy(D)", LISTEN),
    "chancy, polling": ("from chancy import Chancy\nChancy(D, notifications=False)", SAFE),
    "dbos": ("from dbos import DBOS\nDBOS(config={'name': 'a'})", LISTEN),
    "dbos, polling": ("from dbos import DBOS\nDBOS(config={'name': 'a', 'use_listen_notify': False})", SAFE),
    "django-pglock": ("import pglock\npglock.advisory('a').acquire()", LOCK),
    "django-pglocks": ("from django_pglocks import advisory_lock\nadvisory_lock('a')", LOCK),
    "django-pglocks' successor": ("from django_pg_utils.locks import advisory_lock\nadvisory_lock('a')", LOCK),
    "django-pgpubsub": ("from pgpubsub.listen import listen\nlisten()", LISTEN),
    "django-pgpubsub's notify": ("import pgpubsub\npgpubsub.notify('a', b=1)", SAFE),
    "django-tenants": ("from django_tenants.utils import tenant_context\ntenant_context(t)", SET),
    "django-tenants' models": ("from django_tenants.models import TenantMixin\nclass T(TenantMixin):\n    pass", SAFE),
    "dramatiq-pg": ("from dramatiq_pg import PostgresBroker\nPostgresBroker(url=U)", LISTEN),
    "langgraph-checkpoint-postgres": (
        "from langgraph.store.postgres import PostgresStore\nPostgresStore.from_conn_string(D)",
        PREPARE,
    ),
    "langgraph with a connection": ("from langgraph.store.postgres import PostgresStore\nPostgresStore(conn)", SAFE),
    "pals": ("import pals\npals.Locker('a', U)", LOCK),
    "pgqueuer": ("from pgqueuer import PgQueuer\nPgQueuer(d).run()", LISTEN),
    "pgqueuer's producer": ("from pgqueuer import Queries\nQueries(d).enqueue('a', None)", SAFE),
    "pq": ("from pq import PQ\nPQ(conn)", LISTEN),
    "procrastinate": ("import procrastinate\nprocrastinate.App(connector=c).run_worker()", LISTEN),
    "procrastinate's producer": ("import procrastinate\nprocrastinate.App(connector=c).open()", SAFE),
    "saq": ("from saq.queue.postgres import PostgresQueue\nPostgresQueue.from_url(U)", LISTEN | LOCK),
    "saq on Redis": ("from saq.queue.redis import RedisQueue\nRedisQueue.from_url(U)", SAFE),
    "sqlalchemy-dlock": ("import sqlalchemy_dlock\nsqlalchemy_dlock.create_sadlock(c, 'a')", LOCK),
}


@pytest.mark.parametrize(("code", "expected"), CASES.values(), ids=CASES.keys())
def test_what_a_library_needs(code: str, expected: set[str]) -> None:
    assert rules(code) == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_library_has_a_case_and_a_remedy(file: Path) -> None:
    assert file.stem in CASES
    drivers = decode_drivers([read_document(file, file.name)])
    calls = [function.call for function in drivers.functions.values()]
    calls += [call for type_ in drivers.types.values() for call in type_.methods.values()]
    calls += [setting.call for settings in drivers.settings.values() for setting in settings]
    uses = [use for call in calls for use in call.uses]
    assert uses
    assert all(
        use.facts["needs"] and use.facts["remedy"] and use.facts["reference"].startswith("https://") for use in uses
    )
    assert not drivers.ids


def test_the_remedy_is_the_suggestion() -> None:
    (found,) = judge(CASES["procrastinate"][0])
    assert found.message.startswith("`run_worker` is of procrastinate: its worker listens for new jobs")
    assert "listen_notify=False" in found.suggestion


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("needs: a\nremedy: b", "'references' is missing"),
        ('needs: a\nreferences: ["https://x"]', "'remedy' is missing"),
        ("needs: a\nremedy: b\nreferences: [somewhere]", "'somewhere' is no address"),
    ],
)
def test_a_library_says_why_what_and_where(text: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        decode_drivers([parse_document(f"id: a\ntitle: A\n{text}", "a.yaml")])
