# ruff: noqa: E501 - a case is a line of code
"""Routes: a LISTEN on the direct connection is no finding, the same on the pooled one is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from txsafe.analysis import Analyzer
from txsafe.config import Config
from txsafe.discovery import FileInput
from txsafe.routing import find_route, route_hint

if TYPE_CHECKING:
    from txsafe.model import Diagnostic

ROOT = Path("/no-such-folder")


def listens(code: str, **routes: str) -> list[Diagnostic]:
    analyzer = Analyzer.of(Config(profile="pgbouncer-1.18/transaction", root=ROOT, routes=routes))
    report = analyzer.analyze(FileInput(ROOT / "app.py", str(ROOT / "app.py"), code.encode()))
    assert not report.errors
    return [each for each in report.diagnostics if each.rule == "listen"]


P = "import psycopg, os\n"
T = "c = psycopg.connect({}, autocommit=True, prepare_threshold=None)\nc.execute('LISTEN a')\n"
FORMS: dict[str, tuple[str, str]] = {
    "environ[]": (P + T.format("os.environ['DIRECT_URL']"), "DIRECT_URL"),
    "getenv": (P + T.format("os.getenv('DIRECT_URL')"), "DIRECT_*"),
    "settings attr": (P + "from conf import settings\n" + T.format("settings.DIRECT_URL"), "DIRECT_URL"),
    "settings attr lower": (P + "from conf import settings\n" + T.format("settings.direct_url"), "direct_url"),
    "settings attr case": (P + "from conf import settings\n" + T.format("settings.direct_url"), "DIRECT_URL"),
    "str(settings)": (P + T.format("str(settings.DIRECT_URL)"), "DIRECT_URL"),
    "const": (P + "DIRECT_URL = 'postgresql://h/d'\n" + T.format("DIRECT_URL"), "DIRECT_URL"),
    "assign": (P + "u = os.environ['DIRECT_URL']\n" + T.format("u"), "DIRECT_URL"),
    "assign2": (P + "u = os.environ.get('DIRECT_URL', 'x')\nv = u\n" + T.format("v"), "DIRECT_URL"),
    "replace": (P + "u = os.environ['DIRECT_URL'].replace('a', 'b')\n" + T.format("u"), "DIRECT_URL"),
    "fstring": (P + T.format("f\"{os.environ['DIRECT_URL']}?a=b\""), "DIRECT_URL"),
    "ternary": (P + T.format("os.environ['A'] if x else os.environ['DIRECT_URL']"), "DIRECT_URL"),
    "concatenation": (P + T.format("'postgresql://' + os.environ['DIRECT_HOST']"), "DIRECT_HOST"),
    "a function around it": (P + T.format("clean(os.environ['DIRECT_URL'])"), "DIRECT_URL"),
    "an awaited argument": (P + T.format("(url := os.environ['DIRECT_URL'])"), "DIRECT_URL"),
    "or": (P + T.format("os.getenv('DIRECT_URL') or 'x'"), "DIRECT_URL"),
    "param": (
        P
        + "def f(direct_dsn):\n    c = psycopg.connect(direct_dsn, autocommit=True, prepare_threshold=None)\n    c.execute('LISTEN a')\n",
        "direct_dsn",
    ),
    "kw conninfo": (P + T.format("conninfo=os.environ['DIRECT_URL']"), "DIRECT_URL"),
    "dsn kw psycopg2": (
        "import psycopg2, os\nc = psycopg2.connect(dsn=os.environ['DIRECT_URL'])\nc.cursor().execute('LISTEN a')\n",
        "DIRECT_URL",
    ),
    "host kw": (
        "import psycopg2, os\nc = psycopg2.connect(host=os.environ['DIRECT_HOST'], dbname='x')\nc.cursor().execute('LISTEN a')\n",
        "DIRECT_HOST",
    ),
    "engine": (
        "import os\nfrom sqlalchemy import create_engine, text\nengine = create_engine(os.environ['DIRECT_URL'])\nwith engine.begin() as c:\n    c.execute(text('LISTEN a'))\n",
        "DIRECT_URL",
    ),
    "engine name": (
        "import os\nfrom sqlalchemy import create_engine, text\ndirect_engine = create_engine(U)\nwith direct_engine.begin() as c:\n    c.execute(text('LISTEN a'))\n",
        "direct_engine",
    ),
    "session": (
        "import os\nfrom sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import sessionmaker\nS = sessionmaker(create_engine(os.environ['DIRECT_URL']))\nwith S() as s:\n    s.execute(text('LISTEN a'))\n    s.commit()\n",
        "DIRECT_URL",
    ),
    "asyncpg pool": (
        "import asyncpg, os\nasync def f():\n    pool = await asyncpg.create_pool(os.environ['DIRECT_URL'])\n    async with pool.acquire() as c:\n        await c.execute('LISTEN a')\n",
        "DIRECT_URL",
    ),
    "pool name": (
        "import asyncpg, os\nasync def f(url):\n    direct_pool = await asyncpg.create_pool(url)\n    async with direct_pool.acquire() as c:\n        await c.execute('LISTEN a')\n",
        "direct_pool",
    ),
    "django alias": (
        "from django.db import connections\nwith connections['direct'].cursor() as c:\n    c.execute('LISTEN a')\n",
        "direct",
    ),
    "django alias var": (
        "from django.db import connections\nALIAS = 'direct'\nwith connections[ALIAS].cursor() as c:\n    c.execute('LISTEN a')\n",
        "direct",
    ),
    "django default": (
        "from django.db import connection\nwith connection.cursor() as c:\n    c.execute('LISTEN a')\n",
        "default",
    ),
    "self.pool": (
        "import asyncpg, os\nclass A:\n    async def go(self):\n        self.direct_pool = await asyncpg.create_pool(self.url)\n    async def f(self):\n        await self.direct_pool.execute('LISTEN a')\n",
        "direct_pool",
    ),
    "class attr": (
        P
        + "class A:\n    def __init__(self):\n        self.dsn = os.environ['DIRECT_URL']\n    def f(self):\n        c = psycopg.connect(self.dsn, autocommit=True, prepare_threshold=None)\n        c.execute('LISTEN a')\n",
        "DIRECT_URL",
    ),
}


@pytest.mark.parametrize(("code", "pattern"), FORMS.values(), ids=FORMS.keys())
def test_a_connection_is_known_by(code: str, pattern: str) -> None:
    assert len(listens(code)) == 1
    assert listens(code, **{pattern: "direct"}) == []
    assert len(listens(code, OTHER_NAME="direct")) == 1


def test_a_name_is_a_hint_and_never_decides() -> None:
    (found,) = listens(FORMS["environ[]"][0])
    assert found.message.endswith('"DIRECT_URL" = "direct" in [tool.txsafe.routes].')
    (other,) = listens(FORMS["environ[]"][0].replace("DIRECT_URL", "DATABASE_URL"))
    assert "routes" not in other.message


@pytest.mark.parametrize(
    "name",
    [
        "DIRECT_URL",
        "DIRECT_DATABASE_URL",
        "MIGRATION_DATABASE_URL",
        "DATABASE_URL_UNPOOLED",
        "POSTGRES_URL_NON_POOLING",
        "directUrl",
        "db_direct",
    ],
)
def test_a_telling_name_is_offered(name: str) -> None:
    assert name in route_hint(["dsn", name])


@pytest.mark.parametrize("name", ["DATABASE_URL", "directory", "redirect_uri", "POOLED_URL", "default", "migrationsx"])
def test_any_other_name_is_not(name: str) -> None:
    assert route_hint([name]) == ""


def test_the_first_pattern_that_fits_counts() -> None:
    routes = {"DIRECT_*": 1, "*": 2}
    assert find_route(("a", "direct_url"), routes) == 1
    assert find_route(("a",), routes) == 2
    assert find_route((), routes) is None


def test_a_route_leads_through_other_files(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text(
        "import os, asyncpg\nasync def pool():\n    return await asyncpg.create_pool(os.environ['DIRECT_URL'])\n"
    )
    (tmp_path / "app.py").write_text(
        "from db import pool\nasync def run():\n    p = await pool()\n    await p.execute('LISTEN a')\n"
    )
    for routes, expected in (({}, 1), ({"DIRECT_URL": "direct"}, 0)):
        config = Config(profile="pgbouncer-1.18/transaction", root=tmp_path, routes=routes, follow_imports=True)
        path = tmp_path / "app.py"
        report = Analyzer.of(config).analyze(FileInput(path, str(path)))
        assert [each.rule for each in report.diagnostics].count("listen") == expected


def test_names_are_not_followed_for_ever() -> None:
    chain = "".join(f"v{number} = v{number + 1}\n" for number in range(30)) + "v30 = os.environ['DIRECT_URL']\n"
    assert len(listens(P + chain + T.format("v0"), DIRECT_URL="direct")) == 1
    many = " or ".join(f"os.environ['N{number}']" for number in range(30))
    assert len(listens(P + T.format(many), N29="direct")) == 1
