"""Pools in code: how large each one is, and where that was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.budget.reading import survey_files
from txsafe.budget.figures import Origin
from txsafe.budget.pools import Pool, is_aside
from txsafe.catalog.drivers import PoolKind

if TYPE_CHECKING:
    from pathlib import Path

SQLALCHEMY = "from sqlalchemy import create_engine\nfrom sqlalchemy.pool import NullPool, StaticPool, QueuePool\n"
ASYNC = "from sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.pool import NullPool\n"


def pools_of(folder: Path, text: str, **others: str) -> tuple[Pool, ...]:
    files = {"db.py": text} | {name.replace("__", "/") + ".py": each for name, each in others.items()}
    return survey_files(folder, files).pools


@pytest.mark.parametrize(
    ("text", "size", "kind"),
    [
        (f"{SQLALCHEMY}create_engine(URL)", 15, "shared"),
        (f"{SQLALCHEMY}create_engine(URL, pool_size=20, max_overflow=0)", 20, "shared"),
        (f"{SQLALCHEMY}create_engine(URL, poolclass=QueuePool, pool_size=8)", 18, "shared"),
        (f"{SQLALCHEMY}create_engine(URL, poolclass=NullPool)", 1, "thread"),
        (f"{SQLALCHEMY}create_engine(URL, poolclass=StaticPool)", 1, "shared"),
        (f"{SQLALCHEMY}options = {{'pool_size': 3, 'max_overflow': 4}}\ncreate_engine(URL, **options)", 7, "shared"),
        (f"{ASYNC}create_async_engine(URL, pool_size=7)", 17, "shared"),
        ("import asyncpg\nasync def f(): return await asyncpg.create_pool(DSN)", 10, "shared"),
        ("import asyncpg\nasync def f(): return await asyncpg.create_pool(DSN, min_size=2, max_size=40)", 40, "shared"),
        ("from psycopg_pool import ConnectionPool\nConnectionPool(DSN)", 4, "shared"),
        ("from psycopg_pool import ConnectionPool\nConnectionPool(DSN, min_size=6)", 6, "shared"),
        ("from psycopg_pool import AsyncConnectionPool\nAsyncConnectionPool(DSN, min_size=1, max_size=9)", 9, "shared"),
        ("from psycopg_pool import NullConnectionPool\nNullConnectionPool(DSN, max_size=5)", 5, "shared"),
        ("from psycopg2.pool import ThreadedConnectionPool\nThreadedConnectionPool(1, 20, DSN)", 20, "shared"),
        ("import aiopg\nasync def f(): return await aiopg.create_pool(DSN)", 10, "shared"),
        ("from databases import Database\nDatabase('postgresql://h/d?max_size=30')", 30, "shared"),
        ("from playhouse.pool import PooledPostgresqlDatabase\nPooledPostgresqlDatabase('d')", 20, "shared"),
        ("from peewee import PostgresqlDatabase\nPostgresqlDatabase('d')", 1, "thread"),
        ("from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()", 15, "shared"),
        ("SQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 10, 'max_overflow': 2}", 12, "shared"),
        ("app.config['SQLALCHEMY_ENGINE_OPTIONS'] = {'pool_size': 10}", 20, "shared"),
        ("TORTOISE_ORM = {'connections': {'default': {'credentials': {'maxsize': 25}}}}", 25, "shared"),
    ],
)
def test_the_size_of_a_pool_is_read(tmp_path: Path, text: str, size: int, kind: str) -> None:
    (pool,) = pools_of(tmp_path, text)
    assert (pool.size.exact, pool.kind.value) == (size, kind)
    assert all(source.path.endswith("db.py") for source in pool.size.sources)


@pytest.mark.parametrize(
    ("options", "size", "kind"),
    [
        ("", 1, "thread"),
        ("'CONN_MAX_AGE': 600,", 1, "thread"),
        ("'OPTIONS': {'pool': False},", 1, "thread"),
        ("'OPTIONS': {'pool': True},", 4, "shared"),
        ("'OPTIONS': {'pool': {'min_size': 2}},", 2, "shared"),
        ("'OPTIONS': {'pool': {'min_size': 2, 'max_size': 12}},", 12, "shared"),
    ],
)
def test_django_has_one_connection_per_thread_or_a_pool(tmp_path: Path, options: str, size: int, kind: str) -> None:
    text = f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', {options}}}}}"
    (pool,) = pools_of(tmp_path, text)
    assert (pool.name, pool.size.exact, pool.kind.value) == ("DATABASES['default']", size, kind)


@pytest.mark.parametrize(
    "text",
    [
        f"{SQLALCHEMY}create_engine('sqlite:///x.db')",
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}",
        "from databases import Database\nDatabase('sqlite:///x.db')",
        "from multiprocessing import Pool\nPool(8)",
        "def create_engine(url): ...\ncreate_engine('x')",
        "create_engine = 1",
    ],
)
def test_what_is_no_pool_of_postgresql_is_not_counted(tmp_path: Path, text: str) -> None:
    assert pools_of(tmp_path, text) == ()


@pytest.mark.parametrize(
    "text",
    [
        f"{SQLALCHEMY}create_engine(URL, max_overflow=-1)",
        f"{SQLALCHEMY}create_engine(URL, pool_size=0)",
        f"{ASYNC}create_async_engine(URL, poolclass=NullPool)",
        "from psycopg_pool import NullConnectionPool\nNullConnectionPool(DSN)",
        "import aiopg\nasync def f(): return await aiopg.create_pool(DSN, maxsize=0)",
    ],
)
def test_a_pool_without_a_bound_is_said_to_have_none(tmp_path: Path, text: str) -> None:
    (pool,) = pools_of(tmp_path, text)
    assert pool.kind is PoolKind.UNBOUNDED
    assert pool.size.unlimited


def test_defaults_say_that_they_are_defaults_and_where_that_is_written(tmp_path: Path) -> None:
    (pool,) = pools_of(tmp_path, f"{SQLALCHEMY}create_engine(URL, pool_size=20)")
    given, default = pool.size.sources
    assert (given.origin, given.text, given.line) == (Origin.CODE, "pool_size = 20", 3)
    assert default.origin is Origin.DEFAULT
    assert default.text == "max_overflow = 10, the default of sqlalchemy"
    assert default.reference.startswith("https://docs.sqlalchemy.org/")


def test_a_number_of_the_environment_is_its_default_and_says_so(tmp_path: Path) -> None:
    settings = "import os\nSIZE = int(os.environ.get('DB_POOL', '12'))\n"
    text = f"{SQLALCHEMY}from settings import SIZE\ncreate_engine(URL, pool_size=SIZE, max_overflow=0)"
    (pool,) = pools_of(tmp_path, text, settings=settings)
    assert pool.size.exact == 12
    (source, _) = pool.size.sources
    assert source.text == "pool_size = 12, unless DB_POOL is set"
    assert source.path.endswith("settings.py")
    assert source.line == 2


def test_a_variable_that_a_deployment_file_sets_is_that_number(tmp_path: Path) -> None:
    code = f"import os\n{SQLALCHEMY}create_engine(URL, pool_size=int(os.environ['DB_POOL']), max_overflow=0)"
    files = {"db.py": code, "docker-compose.yml": "services: {web: {environment: {DB_POOL: '33'}}}"}
    (pool,) = survey_files(tmp_path, files).pools
    assert pool.size.exact == 33
    assert pool.size.sources[0].path.endswith("docker-compose.yml")


@pytest.mark.parametrize(
    ("size", "question"),
    [
        ("int(os.environ['DB_POOL'])", "which value has the variable DB_POOL?"),
        ("os.cpu_count() * 2", "how many connections may one process open?"),
        ("choose()", "how many connections may one process open?"),
        ("'many'", "how many connections may one process open?"),
    ],
)
def test_a_number_that_nobody_knows_is_asked_for(tmp_path: Path, size: str, question: str) -> None:
    (pool,) = pools_of(tmp_path, f"import os\n{SQLALCHEMY}create_engine(URL, pool_size={size}, max_overflow=0)")
    assert pool.size.most is None
    assert [(each.flag, each.text) for each in pool.size.questions] == [("--pool-size N", question)]


def test_alternatives_make_a_range(tmp_path: Path) -> None:
    (pool,) = pools_of(tmp_path, f"{SQLALCHEMY}create_engine(URL, pool_size=20 if DEBUG else 3, max_overflow=0)")
    assert pool.size.shown == "3 to 20"


def test_a_pool_whose_class_is_not_in_view_is_asked_about(tmp_path: Path) -> None:
    (pool,) = pools_of(tmp_path, f"{SQLALCHEMY}from elsewhere import choose\ncreate_engine(URL, poolclass=choose())")
    assert pool.size.exact == 15
    assert "is set up by what is not in view" in pool.size.questions[0].text


def test_a_setting_stands_for_the_call_that_reads_it(tmp_path: Path) -> None:
    text = "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\nSQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 1}"
    (pool,) = pools_of(tmp_path, text)
    assert pool.size.exact == 11


def test_each_database_of_django_is_a_pool(tmp_path: Path) -> None:
    engine = "'ENGINE': 'django.db.backends.postgresql'"
    text = f"DATABASES = {{'default': {{{engine}}}, 'replica': {{{engine}}}, 'old': {{'ENGINE': 'x.mysql'}}}}"
    assert [pool.name for pool in pools_of(tmp_path, text)] == ["DATABASES['default']", "DATABASES['replica']"]


@pytest.mark.parametrize(
    "path",
    [
        "tests/db.py",
        "app/test_db.py",
        "conftest.py",
        "examples/a/db.py",
        "migrations/env.py",
        "x/env.py",
        "a/my_example/b.py",
    ],
)
def test_tests_examples_and_migrations_are_no_part_of_an_instance(path: str) -> None:
    assert is_aside(path)


@pytest.mark.parametrize("path", ["app/db.py", "contest/db.py", "latest.py", "app/environment.py", "testament/x.py"])
def test_other_code_is(path: str) -> None:
    assert not is_aside(path)


def test_code_that_cannot_be_parsed_opens_no_pools_here(tmp_path: Path) -> None:
    assert pools_of(tmp_path, "create_engine(", broken="create_engine(" * 10) == ()
