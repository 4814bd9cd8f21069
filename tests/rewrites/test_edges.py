"""Where a rewrite has nothing to offer: what is sent cannot be changed there, or somebody needs it as it is."""

from __future__ import annotations

import pytest

from tests.rewrites.rewriting import check, fix_of, rewrite
from txsafe.model import Applicability

HEAD = (
    "import psycopg\nimport psycopg2\nfrom contextlib import closing\n\n\n"
    "def f(dsn, x):\n    with psycopg.connect(dsn, prepare_threshold=None) as c, c.transaction():\n"
)


def program(*lines: str) -> str:
    return HEAD + "".join(f"        {line}\n" for line in lines)


def fixes(text: str) -> list[Applicability | None]:
    return [None if each.fix is None else each.fix.applicability for each in check(text).diagnostics]


# ---------------------------------------------------------------- psycopg2's setters


SETTER = "import psycopg2\n\n\ndef f(dsn):\n    conn = psycopg2.connect(dsn)\n"


@pytest.mark.parametrize(
    "lines",
    [
        "    if conn.set_session(readonly=True, autocommit=True): pass\n",
        "    conn.set_session(readonly=True, autocommit=True); print(conn)\n",
        "    conn.autocommit = True\n    print(conn.set_session(readonly=True))\n",
        "    conn.autocommit = True; conn.readonly = True\n",
        "    conn.autocommit = x = True\n    conn.readonly = True\n",
    ],
)
def test_a_setter_that_shares_its_line_or_gives_a_value_stays(lines: str) -> None:
    assert rewrite(SETTER + lines).after == SETTER + lines
    assert rewrite(SETTER + lines, applied=frozenset(Applicability)).after == SETTER + lines


def test_a_setter_at_the_end_of_a_file_gets_a_line_end() -> None:
    text = f"{SETTER}    conn.autocommit = True\n    conn.readonly = True"
    after = rewrite(text, applied=frozenset(Applicability)).after
    assert after == f"{SETTER}    conn.readonly = True\n    conn.autocommit = True\n"


def test_a_position_is_as_good_as_a_name() -> None:
    text = (
        f"{SETTER}    conn.set_session('SERIALIZABLE', autocommit=True)\n"
        "    with conn, conn.cursor() as cur:\n        cur.execute('SELECT 1')\n"
    )
    assert rewrite(text).lines == ["conn.set_session('SERIALIZABLE')", "conn.autocommit = True"]


# ---------------------------------------------------------------- numbers that were drawn


DRAWN = f"{SETTER}    conn.autocommit = True\n    cur = conn.cursor()\n"


@pytest.mark.parametrize(
    "lines",
    [
        ("insert('INSERT INTO t (a) VALUES (1)')", "cur.execute(\"SELECT currval('t_id_seq')\")"),
        ("cur.execute('INSERT INTO t (a) VALUES (1); SELECT 1')", "cur.execute(\"SELECT currval('t_id_seq')\")"),
        ("cur.execute('INSERT INTO t (a) VALUES (1)')", "cur.execute(\"SELECT currval('t_id_seq'), 2\")"),
        ("cur.execute('INSERT INTO t (a) VALUES (1)')", "cur.execute(\"SELECT 1 + currval('t_id_seq')\")"),
        ("cur.execute('INSERT INTO t (a) VALUES (1)')", "x = cur.execute(\"SELECT currval('t_id_seq')\", vars=())"),
        ("x = cur.execute('INSERT INTO t (a) VALUES (1)')", "cur.execute(\"SELECT currval('t_id_seq')\")"),
        ("cur.execute('UPDATE t SET a = 1')", "cur.execute(\"SELECT currval('t_id_seq')\")"),
        ("cur.execute('INSERT INTO t (a) VALUES (1)')", "cur.execute(\"SELECT currval('_seq')\")"),
    ],
)
def test_a_number_that_no_insert_in_front_gives_is_asked_for(lines: tuple[str, ...]) -> None:
    text = DRAWN + "".join(f"    {line}\n" for line in lines)
    assert rewrite(text).after == text


# ---------------------------------------------------------------- what stands in bodies and blocks


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN SET jit = off; END $$",
        "CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'SET jit = off'",
        "DO $$ BEGIN RESET jit; END $$",
        "DO $$ BEGIN SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; END $$",
        "DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$",
    ],
)
def test_what_stands_in_a_body_is_left_to_it(statement: str) -> None:
    text = program(f'c.execute("{statement}")', "c.execute('SELECT 1')")
    assert rewrite(text).after == text


def test_a_cursor_with_hold_in_a_constructed_text_stays() -> None:
    text = program("c.execute('DECLARE q CURSOR ' + x + ' WITH HOLD FOR SELECT 1')")
    assert rewrite(text).after == text


def test_a_lock_of_a_transaction_that_goes_on_is_only_shown() -> None:
    text = (
        "import psycopg2\n\n\ndef f(dsn, done):\n    conn = psycopg2.connect(dsn)\n    cur = conn.cursor()\n"
        "    cur.execute('SELECT pg_advisory_lock(1)')\n    cur.execute('SELECT 1')\n    conn.commit()\n    done()\n"
        "    cur.execute('SELECT pg_advisory_unlock(1)')\n    conn.commit()\n"
    )
    assert fixes(text) == [Applicability.DISPLAY_ONLY] * 2


@pytest.mark.parametrize("script", ["BEGIN;\nSELECT pg_advisory_lock(1);\nUPDATE t SET x = 1;\nCOMMIT;\n"])
def test_a_lock_that_a_script_never_gives_back_ends_with_its_transaction(script: str) -> None:
    assert rewrite(script, name="app.sql").after == script.replace("advisory_lock", "advisory_xact_lock")


def test_the_lock_of_a_script_is_given_back_right_behind_it() -> None:
    script = (
        "BEGIN;\nSELECT pg_advisory_lock(1);\nUPDATE t SET x = 1;\nCOMMIT;\nSELECT pg_advisory_unlock(1);\nSELECT 2;\n"
    )
    assert "unlock" not in rewrite(script, name="app.sql").after


# ---------------------------------------------------------------- hooks


HOOK = """import psycopg2
from django.db.backends.signals import connection_created
from django.dispatch import receiver


@receiver(connection_created)
def tell(connection, **kwargs):
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
"""


def test_a_receiver_that_is_decorated_goes_with_its_decorator() -> None:
    done = rewrite(HOOK, applied=frozenset({Applicability.DISPLAY_ONLY}))
    assert "def tell" not in done.after
    assert "@receiver" not in done.after


@pytest.mark.parametrize(
    "other",
    [
        HOOK.replace("@receiver(connection_created)", "@receiver()"),
        HOOK.replace("@receiver(connection_created)", "@receiver(request_started)"),
        HOOK.replace("        cursor", "        print(1) or cursor"),
    ],
)
def test_what_is_no_hook_or_does_more_stays(other: str) -> None:
    done = rewrite(other, applied=frozenset({Applicability.DISPLAY_ONLY}))
    assert "def tell" in done.after


def test_characteristics_in_words_that_nobody_knows_are_not_given_to_the_role() -> None:
    text = HOOK.replace("SET jit = off", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, SOMEHOW")
    found = fix_of(text).fix
    assert found is None or not found.settings
