# ruff: noqa: E501 - a case is a line of code
"""Settings of connections, and temporary tables, that go to functions nobody knows."""

from __future__ import annotations

import pytest

from tests.python.sighting import see, sent, spelled, uses
from txsafe.model import Confidence

GIVEN = {
    "a keyword of a function of one's own": (
        "with get_cursor(options='-c statement_timeout=2000', **kw) as cur:\n    pass",
        {"statement_timeout": "2000"},
    ),
    "an entry of a mapping": (
        "KW = {'user': U, 'options': '-c lock_timeout=0 -c work_mem=1GB'}",
        {"lock_timeout": "0", "work_mem": "1GB"},
    ),
    "a mapping that is returned": ("def f():\n    kw = {'options': '-c jit=off'}\n    return kw", {"jit": "off"}),
    "a mapping that is handed on": ("def f():\n    kw = {'options': '-c jit=off'}\n    go(1, **kw)", {"jit": "off"}),
    "what a caller gave to be filled": ("def f(kw):\n    kw['options'] = '-c jit=off'", {"jit": "off"}),
    "a copy that is given back": (
        "def f(kw):\n    kw = dict(kw)\n    kw['options'] = '-c jit=off'\n    return kw",
        {"jit": "off"},
    ),
    "a mapping in a call": ("def f():\n    go({'options': '-c jit=off'})", {"jit": "off"}),
    "a mapping of mappings": ("def f():\n    kw = {'a': {'options': '-c jit=off'}}\n    x.kw = kw", {"jit": "off"}),
    "a subscript": ("kw['options'] = f'-c search_path={schema}'", {"search_path": "…"}),
    "a list of options": ("options.append('-c search_path=pg_catalog')", {"search_path": "pg_catalog"}),
    "server settings beside a pool's arguments": (
        "Database.create(U, db_args={'min_size': 1, 'server_settings': {'search_path': s, 'jit': 'off'}})",
        {"search_path": "…", "jit": "off"},
    ),
    "server settings given by keyword": ("open_pool(dsn=D, server_settings={'jit': 'off'})", {"jit": "off"}),
}
NOT_GIVEN = {
    "another program's options": "run(options='-c user.name=me')",
    "options of a tool": "build(options='--color -c x')\nKW = {'options': ['-c', 'a']}",
    "a list that is not of options": "argv.append('-c search_path=x')",
    "an option nobody would send": "options.append('-c number=3')",
    "settings of a server": "cluster.start(server_settings={'max_connections': '5'})",
    "settings of nothing": "server_settings = {'jit': 'off'}\nuse({'server_settings': UNKNOWN, 'port': 1})",
    "a class of another database": "class MySqlHook:\n    kw = {'options': '-c statement_timeout=0'}",
    "a branch for another database": "if engine.dialect.name == 'mysql':\n    go(options='-c statement_timeout=0')",
    "a mapping that a known call takes without it": "import psycopg2\ndef f():\n    kw = {'options': '-c jit=off'}\n    kw.pop('options')\n    psycopg2.connect(**kw)",
    "a mapping that nothing is done with": "def f():\n    kw = {'options': '-c jit=off'}\n    print(len(kw), kw)",
    "a copy that nothing is done with": "def f(kw):\n    kw = dict(kw)\n    kw['options'] = '-c jit=off'",
    "a read": "x = kw['options'] == '-c statement_timeout=0'",
}


@pytest.mark.parametrize("case", GIVEN)
def test_settings_are_recognised_wherever_they_travel_to(case: str) -> None:
    code, expected = GIVEN[case]
    found = uses(code, "startup-parameter")
    assert {use.facts["name"]: use.facts["value"] for use in found} == expected
    assert {use.confidence for use in found} == {Confidence.MEDIUM}


@pytest.mark.parametrize("case", NOT_GIVEN)
def test_what_only_looks_like_a_setting_is_none(case: str) -> None:
    assert not see(NOT_GIVEN[case]).uses


def test_a_setting_that_a_known_call_takes_is_told_once() -> None:
    code = "import psycopg2\nkw = {'options': '-c lock_timeout=1'}\npsycopg2.connect(D, **kw)\npsycopg2.connect(D, options='-c work_mem=2')"
    found = uses(code, "startup-parameter")
    assert sorted((use.facts["name"], use.confidence) for use in found) == [
        ("lock_timeout", Confidence.HIGH),
        ("work_mem", Confidence.HIGH),
    ]


def test_the_place_of_a_setting_is_what_a_reader_changes() -> None:
    code = "go(options='-c jit=off')\nKW = {'options': '-c jit=off'}"
    assert [spelled(code, use) for use in uses(code, "startup-parameter")] == ["options='-c jit=off'", "-c jit=off"]


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("self.metadata.add_table(name, prefixes=['TEMPORARY'])", 1),
        ("P = ['temp']\nmake(name, prefixes=P)", 1),
        ("make(name, prefixes=['UNLOGGED'])", 0),
        ("make(name, prefixes=prefixes)", 0),
        ("from sqlalchemy import Table\nTable('t', M, prefixes=['TEMPORARY'])", 1),
        ("def f():\n    if dialect == 'sqlite':\n        make(name, prefixes=['TEMP'])", 0),
        ("class SqliteTables:\n    t = make(prefixes=['TEMP'])", 0),
    ],
)
def test_a_temporary_table_is_one_whoever_makes_it(code: str, count: int) -> None:
    assert [site.template.text.startswith("CREATE TEMPORARY TABLE") for site in sent(code)] == [True] * count


@pytest.mark.parametrize(
    ("code", "count"),
    [
        (
            "class W:\n    def __init__(self, conn):\n        self.connection = conn\n        self.connection.add_notify_handler(h)",
            1,
        ),
        (
            "class W:\n    def __init__(self, conn):\n        self.connection = conn\n    def f(self):\n        return self.connection.notifies",
            1,
        ),
        ("from django.db import connection\nconnection.connection.add_notify_handler(h)", 1),
        ("import psycopg\nns = conn.wait(psycopg.generators.notifies(conn.pgconn))", 1),
        ("import sqlite3\nconn.add_notify_handler(h)", 0),
        ("bus.add_notify_handler(h)\nx = bus.notifies", 0),
        ("conn.notifies = []", 0),
    ],
)
def test_notifications_are_those_of_a_connection_by_its_name(code: str, count: int) -> None:
    assert len(uses(code, "notifications")) == count
