"""SET in front of Alembic's migrations: SET LOCAL is right only while all of them share its transaction."""

from __future__ import annotations

import pytest

from tests.rewrites.rewriting import fix_of, rewrite
from txsafe.model import Applicability, Fix

ENV = """from alembic import context
from sqlalchemy import create_engine, text

engine = create_engine("postgresql+psycopg2://app@pooler/shop")


def online(x):
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.execute("SET search_path TO shop")
            context.run_migrations()
"""


def fix(text: str) -> Fix:
    found = fix_of(text, rule="session-set").fix
    assert found is not None
    return found


def configured(arguments: str) -> str:
    return ENV.replace("connection=connection", f"connection=connection, {arguments}")


def test_where_all_share_a_transaction_it_is_for_whoever_knows_them() -> None:
    assert fix(ENV).applicability is Applicability.UNSAFE
    assert rewrite(ENV).lines == ['context.execute("SET LOCAL search_path TO shop")']


@pytest.mark.parametrize(
    "arguments", ["transaction_per_migration=True", "transactional_ddl=False", "transaction_per_migration=x"]
)
def test_where_each_has_its_own_the_fix_is_shown_and_says_so(arguments: str) -> None:
    found = fix(configured(arguments))
    assert found.applicability is Applicability.DISPLAY_ONLY
    assert found.title == "Write SET LOCAL, in each migration, as each has a transaction of its own"
    assert rewrite(configured(arguments)).after == configured(arguments)


@pytest.mark.parametrize(
    "arguments", ["transaction_per_migration=False", "transactional_ddl=True", "compare_type=True"]
)
def test_what_says_nothing_of_it_changes_nothing(arguments: str) -> None:
    assert fix(configured(arguments)).applicability is Applicability.UNSAFE


def test_a_value_that_is_put_in_is_bound_only_where_they_share_a_transaction() -> None:
    text = ENV.replace(
        'context.execute("SET search_path TO shop")', 'connection.execute(text(f"SET search_path TO {x}"))'
    )
    text = text.replace("engine.connect()", "engine.begin()")
    assert rewrite(text).lines == [
        """connection.execute(text("SELECT set_config('search_path', :value, true)"), {"value": str(x)})"""
    ]
    apart = text.replace("connection=connection)", "connection=connection, transaction_per_migration=True)")
    assert rewrite(apart).after == apart
    assert fix(apart).title.endswith("in each migration, as each has a transaction of its own")


def test_what_another_function_configures_does_not_count() -> None:
    offline = "\n\ndef offline():\n    context.configure(url='', transaction_per_migration=True)\n"
    assert fix(ENV + offline).applicability is Applicability.UNSAFE


def test_a_configuration_elsewhere_in_the_file_counts_where_there_is_no_other() -> None:
    helper = "\n\ndef prepare():\n    context.configure(url='', transaction_per_migration=True)\n"
    text = ENV.replace("        context.configure(connection=connection)\n", "        prepare()\n") + helper
    assert fix(text).applicability is Applicability.DISPLAY_ONLY


def test_behind_the_migrations_nothing_is_said_of_them() -> None:
    text = configured("transaction_per_migration=True").replace(
        """            context.execute("SET search_path TO shop")
            context.run_migrations()
""",
        """            context.run_migrations()
            context.execute("SET search_path TO shop")
            context.execute("SELECT 1")
""",
    )
    assert fix(text).applicability is Applicability.SAFE
