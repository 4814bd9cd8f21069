"""Code that only runs against another database."""

from __future__ import annotations

import pytest

from tests.python.sighting import sent

HEAD = "from alembic import op\nimport psycopg\ndef upgrade(self, dialect, engine, connection, op=op, x=1):\n"


def indented(code: str) -> str:
    return HEAD + "\n".join(f"    {line}" for line in code.splitlines())


EXECUTE = "psycopg.connect(D).execute('SET a = 1')"


@pytest.mark.parametrize(
    "code",
    [
        f"if dialect.name == 'mysql':\n    {EXECUTE}",
        f"if dialect.name in ('mysql', 'sqlite'):\n    {EXECUTE}",
        f"if dialect.name == 'postgresql':\n    pass\nelse:\n    {EXECUTE}",
        f"if dialect.name != 'postgresql':\n    {EXECUTE}",
        f"if not dialect.name == 'postgresql':\n    {EXECUTE}",
        f"if connection.vendor == 'sqlite':\n    for a in b:\n        {EXECUTE}",
        f"if engine.startswith('oracle'):\n    {EXECUTE}",
        f"if self.is_sqlite:\n    {EXECUTE}",
        f"if is_postgresql:\n    pass\nelif x:\n    {EXECUTE}",
        f"if dialect == Dialect.MYSQL and x:\n    {EXECUTE}",
        f"if dialect == 'postgres' or isinstance(x, PostgresDialect):\n    pass\nelse:\n    {EXECUTE}",
        f"if dialect == 'postgresql':\n    return\n{EXECUTE}",
        f"for a in b:\n    if dialect == 'postgresql':\n        continue\n    {EXECUTE}",
        f"match dialect:\n    case 'mysql':\n        {EXECUTE}",
        f"x = {EXECUTE} if dialect == 'mysql' else None",
        f"x = None if dialect == 'postgresql' else {EXECUTE}",
    ],
)
def test_a_branch_for_another_database_is_left_alone(code: str) -> None:
    assert sent(indented(code)) == []


@pytest.mark.parametrize(
    "code",
    [
        f"if dialect.name == 'postgresql':\n    {EXECUTE}",
        f"if dialect.name != 'mysql':\n    {EXECUTE}",
        f"if dialect.name == 'mysql':\n    pass\nelse:\n    {EXECUTE}",
        f"if dialect.name in ('mysql', 'postgresql'):\n    {EXECUTE}",
        f"if dialect == 'mysql' or x:\n    {EXECUTE}",
        f"if dialect == 'mysql':\n    return\n{EXECUTE}",
        "if dialect == 'postgresql':\n    return\nelse:\n    pass\nif x:\n    pass",
        f"if 1 < x < 3:\n    {EXECUTE}",
        f"if x + 1:\n    {EXECUTE}",
        f"if {EXECUTE} == 'mysql':\n    pass",
        f"match dialect:\n    case 'postgresql':\n        {EXECUTE}",
        f"if archive:\n    {EXECUTE}",
        f"if psycopg_version() < (3, 1):\n    raise RuntimeError\n{EXECUTE}",
        f"if is_psycopg3:\n    pass\nelse:\n    {EXECUTE}",
        f"if not has_timescaledb:\n    {EXECUTE}",
        f"if driver == 'asyncpg':\n    return\n{EXECUTE}",
    ],
)
def test_any_other_branch_is_read(code: str) -> None:
    expected = 1 if EXECUTE in code else 0
    assert len(sent(indented(code))) == expected


def test_a_word_counts_as_a_word_only() -> None:
    assert len(sent("from a import db\nclass Archive:\n    def f(self):\n        db.execute('SET a = 1')")) == 1
    assert sent("from a import db\nclass HiveHook:\n    def f(self):\n        db.execute('SET a = 1')") == []


def test_a_class_for_both_databases_is_read() -> None:
    assert len(sent("from a import db\nclass MysqlToPostgres:\n    def f(self):\n        db.execute('SET a = 1')")) == 1
