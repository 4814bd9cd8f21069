"""Parameters of the start-up packet → settings of the role."""

from __future__ import annotations

import pytest

from tests.rewrites.rewriting import Rewritten, check, rewrite
from txsafe.model import Applicability


def settings(text: str) -> list[tuple[tuple[str, str], ...]]:
    return [each.fix.settings for each in check(text).diagnostics if each.fix is not None]


def moved(text: str) -> Rewritten:
    return rewrite(text, applied=frozenset({Applicability.DISPLAY_ONLY}))


@pytest.mark.parametrize(
    ("call", "after", "expected"),
    [
        (
            "psycopg2.connect(dsn, options='-c statement_timeout=5000')",
            "psycopg2.connect(dsn)",
            (("statement_timeout", "'5000'"),),
        ),
        (
            "psycopg2.connect(dsn, options='-cjit=off --search-path=a,b')",
            "psycopg2.connect(dsn)",
            (("jit", "'off'"), ("search_path", "a, b")),
        ),
        (
            "psycopg2.connect(options='-c app.x=it\\\\ s', dsn=dsn)",
            "psycopg2.connect(dsn=dsn)",
            (("app.x", "'it s'"),),
        ),
        (
            "create_engine('postgresql://h/d', connect_args={'connect_timeout': 1, 'options': '-c jit=off'})",
            "create_engine('postgresql://h/d', connect_args={'connect_timeout': 1})",
            (("jit", "'off'"),),
        ),
        (
            "create_engine('postgresql://h/d', connect_args={'options': '-c jit=off'}, echo=True)",
            "create_engine('postgresql://h/d', echo=True)",
            (("jit", "'off'"),),
        ),
        (
            "asyncpg.create_pool(dsn, statement_cache_size=0, server_settings={'jit': 'off', 'timezone': 'UTC'})",
            "asyncpg.create_pool(dsn, statement_cache_size=0, server_settings={'timezone': 'UTC'})",
            (("jit", "'off'"),),
        ),
        (
            "psycopg2.connect('postgresql://h/d?options=-c%20jit%3Doff')",
            "psycopg2.connect('postgresql://h/d')",
            (("jit", "'off'"),),
        ),
        (
            "psycopg2.connect('postgresql://h/d?options=-csearch_path%3Da%2Cb&sslmode=require')",
            "psycopg2.connect('postgresql://h/d?sslmode=require')",
            (("search_path", "a, b"),),
        ),
        (
            "psycopg2.connect(f'postgresql://{dsn}/d?sslmode=require&options=-c%20jit%3Doff&connect_timeout=3')",
            "psycopg2.connect(f'postgresql://{dsn}/d?sslmode=require&connect_timeout=3')",
            (("jit", "'off'"),),
        ),
        (
            "create_engine('postgresql+psycopg2://h/d'\n        '?options=-c%20jit%3Doff')",
            "create_engine('postgresql+psycopg2://h/d'\n        '')",
            (("jit", "'off'"),),
        ),
        (
            "psycopg2.connect(dsn=\"host=h options='-c jit=off -c app.x=1' dbname=d\")",
            'psycopg2.connect(dsn="host=h dbname=d")',
            (("jit", "'off'"), ("app.x", "'1'")),
        ),
        (
            'psycopg2.connect("options=-cjit=off host=h")',
            'psycopg2.connect("host=h")',
            (("jit", "'off'"),),
        ),
        (
            "asyncpg.create_pool('postgresql://h/d?work_mem=1MB&timezone=UTC', statement_cache_size=0)",
            "asyncpg.create_pool('postgresql://h/d?timezone=UTC', statement_cache_size=0)",
            (("work_mem", "'1MB'"),),
        ),
    ],
)
def test_start_up_parameters_go_to_the_role(call: str, after: str, expected: tuple[tuple[str, str], ...]) -> None:
    text = f"import asyncpg, psycopg2\nfrom sqlalchemy import create_engine\n\n\ndef f(dsn):\n    x = {call}\n"
    assert expected in settings(text)
    assert moved(text).after == text.replace(call, after)


@pytest.mark.parametrize(
    "call",
    [
        "psycopg2.connect(dsn, options=given)",
        "psycopg2.connect(dsn, options=f'-c jit={given}')",
        "psycopg2.connect(dsn, options='-c jit=off -x')",
        "psycopg2.connect('postgresql://h/d?options=-c+jit%3Doff')",
        "psycopg2.connect('postgresql://h/d?options=-c%20jit%3Da+b')",
        "psycopg2.connect(f'postgresql://h/d?options=-c%20jit%3D{given}')",
        "psycopg2.connect('postgresql://h/d?options=-c%20jit%3Doff&options=-c%20jit%3Don')",
        "psycopg2.connect('postgresql://h/d?options=-c%20jit%3Doff%20-x')",
        "psycopg2.connect(dsn='host=h options=' + given)",
        "asyncpg.create_pool('postgresql://h/d?search_path=1', statement_cache_size=0)",
        "asyncpg.create_pool(dsn, statement_cache_size=0, server_settings={'jit': given})",
    ],
)
def test_what_is_not_known_in_full_stays(call: str) -> None:
    text = f"import asyncpg, psycopg2\n\n\ndef f(dsn, given):\n    {call}\n"
    assert not settings(text)
    assert moved(text).after == text


DATABASES = """DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": {
            "options": "-c statement_timeout=5000",
            "sslmode": "require",
        },
    }
}
"""


def test_an_entry_of_django_goes_with_its_line() -> None:
    assert settings(DATABASES) == [(("statement_timeout", "'5000'"),)]
    assert moved(DATABASES).after == DATABASES.replace('            "options": "-c statement_timeout=5000",\n', "")


def test_a_dictionary_that_is_emptied_stays_where_others_may_ask_for_it() -> None:
    text = DATABASES.replace('            "sslmode": "require",\n', "")
    assert '        "OPTIONS": {},\n' in moved(text).after


def test_a_comment_in_a_dictionary_that_is_emptied_stays() -> None:
    text = DATABASES.replace('            "sslmode": "require",\n', "            # ask before you change it\n")
    assert "# ask before" in moved(text).after


def test_a_constant_of_the_file_says_what_the_role_is_given() -> None:
    text = "import psycopg2\n\nOPTIONS = '-c jit=off'\n\n\ndef f(dsn):\n    psycopg2.connect(dsn, options=OPTIONS)\n"
    assert settings(text) == [(("jit", "'off'"),)]
    assert moved(text).lines == ["psycopg2.connect(dsn)"]


def test_a_url_in_a_constant_is_changed_where_it_is_written() -> None:
    text = (
        "import psycopg2\n\nURL = 'postgresql://h/d?options=-c%20jit%3Doff'\n\n\ndef f():\n    psycopg2.connect(URL)\n"
    )
    assert moved(text).lines == ["URL = 'postgresql://h/d'"]
    assert not check(moved(text).after).diagnostics


TWO = """import psycopg2


def f(dsn, x):
    options = '-c jit=off' if x else '-c jit=on'
    psycopg2.connect(dsn, options=options)
"""


def test_of_two_values_neither_is_the_role_s() -> None:
    assert not any(settings(TWO))
