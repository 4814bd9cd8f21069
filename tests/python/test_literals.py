"""SQL in literals whose way to the server is not in view."""

from __future__ import annotations

import pytest

from tests.python.sighting import see
from txsafe.model import Confidence, SqlSite


def literals(code: str, path: str = "app.py") -> list[SqlSite]:
    return [site for site in see(code, path).sites if site.sink == "literal"]


@pytest.mark.parametrize(
    ("code", "confidence"),
    [
        ("send('SET search_path = a')", Confidence.LOW),
        ("x = 'LISTEN jobs'", Confidence.LOW),
        ("x = 'reset statement_timeout;'", Confidence.LOW),
        ("x = 'set search_path to a'", Confidence.LOW),
        ("x = 'SET work TO 1'", Confidence.LOW),
        ("LISTEN_SQL = 'LISTEN jobs'", Confidence.MEDIUM),
        ("self.query = 'SELECT pg_advisory_lock(1)'", Confidence.MEDIUM),
        ("statements = {'a': 'SET ROLE x'}", Confidence.MEDIUM),
        ("def f():\n    return 'CREATE TEMP TABLE t (a int)'", Confidence.MEDIUM),
        ("def f(c):\n    return f'SET search_path TO {c}'", Confidence.MEDIUM),
        ("def f(c):\n    go(f'LISTEN {c}')", Confidence.LOW),
        ("for q in ['DISCARD ALL']: go(q)", Confidence.LOW),
        ("x: str = 'RESET ALL'", Confidence.LOW),
        ("query += 'SET a.b = 1'", Confidence.MEDIUM),
        ("settings['init_sql'] = 'SET a.b = 1'", Confidence.MEDIUM),
        ("f(x)[0] = 'SET a.b = 1'", Confidence.LOW),
        ("f()('SET a.b = 1')", Confidence.LOW),
        ("with go('SET a.b = 1') as x: ...", Confidence.LOW),
    ],
)
def test_session_state_in_a_literal_is_seen(code: str, confidence: Confidence) -> None:
    (site,) = literals(code)
    assert site.confidence is confidence
    assert site.driver is None


@pytest.mark.parametrize(
    "code",
    [
        "'LISTEN jobs'",
        "def f():\n    'SET a = 1'",
        "class A:\n    '''SET search_path = a'''",
        "logger.info('SET search_path = a')",
        "print('LISTEN jobs')",
        "raise Error('SET a = 1')",
        "x = ValueError('RESET ALL')",
        "assert go() == 'LISTEN jobs'",
        "if x == 'RESET ALL': ...",
        "x = 'RESET ALL' in y",
        "x.startswith('LISTEN x')",
        "{'LISTEN jobs': 1}",
        "x['LISTEN jobs']",
        "re.compile('SET a = 1')",
        "parser.add_argument('--x', help='SET a = 1')",
        "mock.execute.assert_called_with('LISTEN jobs')",
        "expected = ['LISTEN jobs']",
        "__doc__ = 'LISTEN jobs'",
        "def f(x: 'LISTEN jobs'): ...",
        "x: 'LISTEN jobs' = 1",
        "del x['LISTEN jobs']",
        "x = 'LISTEN jobs'.lower() if y else 2".replace(".lower()", ".split()"),
        "Field(description='SET a = 1')",
        "x = 'Reset password'",
        "x = 'reset password'",
        "x = 'listen closely'",
        "x = 'set title to foo'",
        "x = 'discard changes'",
        "x = 'listen to the music'",
        "x = 'Set a = 1'",
        "x = 'set of things'",
        "x = 'SELECT 1'",
        "x = 'UPDATE t SET a = 1'",
        "x = 'ALTER ROLE a SET b = 1'",
        "x = b'LISTEN jobs'.decode",
        "x = f'{a}{b}'",
        "import sqlite3\nx = 'SET a = 1'",
        "if dialect == 'mysql':\n    x = 'SET a = 1'",
        "class MysqlThing:\n    x = 'SET a = 1'",
        "socket.listen('x')",
        "x = 'PREPARE for landing as soon as possible'",
        "x = 'SELECT setseed'",
        "x()['a'] = 'SELECT 1'",
    ],
)
def test_what_is_no_sql_on_its_way_is_left_out(code: str) -> None:
    assert literals(code) == []


def test_a_literal_that_reached_a_sink_is_not_reported_again() -> None:
    assert literals("import psycopg\nQ = 'LISTEN x'\npsycopg.connect(D).execute(Q)") == []


def test_part_of_a_text_that_reached_a_sink_is_not_reported_again() -> None:
    assert literals("import psycopg\npsycopg.connect(D).execute('SET a = ' + 'LISTEN x')") == []


def test_a_hostile_literal_takes_no_time() -> None:
    comments = "/* */ " * 20_000
    see(f"x = 'SET a = 1'\ny = '{comments}'\nz = 'RESET a{' ' * 100_000}x'\nw.execute('{comments}SET')")


def test_what_is_written_to_a_process_is_sent_and_what_is_written_to_a_log_is_not() -> None:
    assert [site.sink for site in see("proc.stdin.write('SET lock_timeout = 0;'.encode())").sites] == ["literal"]
    assert not see("log.write('SET lock_timeout = 0;')").sites


def test_a_template_of_a_statement_is_one() -> None:
    (site,) = see("def listen(name):\n    return Template('LISTEN {}').format(Name(name))").sites
    assert site.confidence is Confidence.MEDIUM
    assert not see("print('LISTEN {}'.format(x))\nx = 'LISTEN {} times'").sites
