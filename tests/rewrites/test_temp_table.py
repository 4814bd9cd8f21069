"""A temporary table, and the CTE that does without it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pglast
import pytest

from txsafe.model import NO_FACTS, FeatureUse, Place, Span, StatementKind, Transaction, TransactionContext
from txsafe.rewrites import PATTERNS
from txsafe.rewrites.temp_table import MOST_NEIGHBOURS, replace_temporary_table

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = TransactionContext(kind=Transaction.EXPLICIT, block="b")


def created(
    text: str,
    *,
    start: int = 0,
    transaction: TransactionContext = BLOCK,
    captures: Mapping[str, str] = NO_FACTS,
) -> FeatureUse:
    """Return the use that a CREATE TEMP TABLE of `batch` makes."""
    body = re.split(r"\bAS\b\s*", text, maxsplit=1)[1] if re.search(r"\bAS\b", text) else ""
    found = {
        "object": "table",
        "name": "batch",
        "on-commit": "none",
        "form": "as" if body else "create",
        "body": body,
        "text": text,
    }
    return use({**found, **captures}, start=start, transaction=transaction)


def use(
    captures: dict[str, str], *, start: int, scope: str = "", transaction: TransactionContext = BLOCK
) -> FeatureUse:
    return FeatureUse(
        rule="temp-table",
        variant="table",
        place=Place("app.py", Span(start, start + 1)),
        sql="",
        captures=captures,
        scope=scope,
        transaction=transaction,
    )


def mention(text: str, *, start: int, kind: StatementKind = StatementKind.QUERY, scope: str = "") -> FeatureUse:
    return use({"name": "batch", "kind": kind, "text": text}, start=start, scope=scope)


def rewritten(create: FeatureUse, *mentions: FeatureUse) -> str | None:
    text = replace_temporary_table(create, (create, *mentions))
    if text is not None:
        pglast.parse_sql(re.sub(r"%\(\w+\)s|%s|(?<!:):\w+", "$1", text))
    return text


CREATE = "CREATE TEMP TABLE batch AS SELECT id FROM job WHERE state = 'new'"
CTE = "batch AS MATERIALIZED (SELECT id FROM job WHERE state = 'new')"
DROPPED = "CREATE TEMP TABLE batch ON COMMIT DROP AS SELECT id FROM job WHERE state = 'new';"


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("SELECT count(*) FROM batch", f"WITH {CTE}\nSELECT count(*) FROM batch;"),
        ("SELECT * FROM batch AS b WHERE b.id > %s", f"WITH {CTE}\nSELECT * FROM batch AS b WHERE b.id > %s;"),
        ("SELECT * FROM batch WHERE id = %(id)s", f"WITH {CTE}\nSELECT * FROM batch WHERE id = %(id)s;"),
        ("SELECT * FROM batch WHERE id = :id::int", f"WITH {CTE}\nSELECT * FROM batch WHERE id = :id::int;"),
        ("INSERT INTO done SELECT id FROM batch", f"WITH {CTE}\nINSERT INTO done SELECT id FROM batch;"),
        (
            "UPDATE job SET state = 'old' FROM batch WHERE batch.id = job.id",
            f"WITH {CTE}\nUPDATE job SET state = 'old' FROM batch WHERE batch.id = job.id;",
        ),
        (
            "DELETE FROM job USING batch WHERE batch.id = job.id",
            f"WITH {CTE}\nDELETE FROM job USING batch WHERE batch.id = job.id;",
        ),
        ("WITH x AS (SELECT 1) SELECT * FROM batch, x", f"WITH {CTE},\nx AS (SELECT 1) SELECT * FROM batch, x;"),
        (
            "WITH RECURSIVE x AS (SELECT 1) SELECT * FROM batch, x",
            f"WITH RECURSIVE {CTE},\nx AS (SELECT 1) SELECT * FROM batch, x;",
        ),
    ],
)
def test_a_table_that_one_query_reads_once_becomes_a_cte(reader: str, expected: str) -> None:
    assert rewritten(created(CREATE), mention(reader, start=50)) == expected


def test_a_list_of_columns_is_kept() -> None:
    create = created("CREATE TEMP TABLE batch (n) AS SELECT id FROM job")
    assert rewritten(create, mention("SELECT n FROM batch", start=50)) == (
        "WITH batch (n) AS MATERIALIZED (SELECT id FROM job)\nSELECT n FROM batch;"
    )


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ("SELECT * FROM batch JOIN batch AS other USING (id)", "its statement reads it more than once"),
        ("INSERT INTO batch VALUES (1)", "it is written to"),
        ("INSERT INTO batch (id) SELECT 1", "it is written to"),
        ("UPDATE batch SET id = 1", "it is written to"),
        ("DELETE FROM batch", "it is written to"),
        ("SELECT * FROM shop.batch", "it is not read as a table"),
        ("WITH batch AS (SELECT 1) SELECT * FROM batch", "the query that reads it has a CTE of that name"),
        ("SELECT batch FROM job", "it is not read as a table"),
        ("SELECT * FROM batch WHERE …", "its statements are not known in full"),
        ("SELECT ((( FROM batch", "its statements are not understood in full"),
        ("SELECT 1; SELECT * FROM batch", "its statements are not understood in full"),
        ("SELECT * FROM batch WHERE x = '" + "y" * 25_000 + "'", "its statements are too long"),
    ],
)
def test_a_query_that_does_more_than_read_it_once_leaves_it_a_table(reader: str, reason: str) -> None:
    assert rewritten(created(CREATE), mention(reader, start=50)) == f"{DROPPED}  -- no CTE: {reason}"


@pytest.mark.parametrize(
    ("mentions", "reason"),
    [
        ((), ""),
        (
            (mention("SELECT * FROM batch", start=50), mention("SELECT 1 FROM batch", start=60)),
            "2 statements use it",
        ),
        ((mention("CREATE INDEX ON batch (id)", start=50, kind=StatementKind.DDL),), "it is indexed"),
        ((mention("SELECT * FROM batch", start=50, scope="other"),), ""),
    ],
)
def test_without_exactly_one_reader_it_is_dropped_at_commit(mentions: tuple[FeatureUse, ...], reason: str) -> None:
    assert rewritten(created(CREATE), *mentions) == (f"{DROPPED}  -- no CTE: {reason}" if reason else DROPPED)


def test_what_runs_before_and_the_drop_do_not_count() -> None:
    before = mention("SELECT * FROM batch", start=5)
    drop = mention("DROP TABLE batch", start=90, kind=StatementKind.DROP)
    create = created(CREATE, start=10)
    assert rewritten(create, before, mention("SELECT * FROM batch", start=50), drop) == (
        f"WITH {CTE}\nSELECT * FROM batch;"
    )


def test_within_one_indivisible_literal_the_order_of_statements_counts() -> None:
    create = created(CREATE)
    itself = mention(CREATE, start=0, kind=StatementKind.CREATE_TEMPORARY)
    assert rewritten(
        create, mention("SELECT 0 FROM batch", start=0), itself, mention("SELECT 1 FROM batch", start=0)
    ) == (f"WITH {CTE}\nSELECT 1 FROM batch;")


def test_among_thousands_of_uses_nobody_is_looked_for() -> None:
    reader = mention("SELECT * FROM batch", start=50)
    assert rewritten(created(CREATE), reader, *[mention("SELECT 1", start=1)] * MOST_NEIGHBOURS) == DROPPED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TEMP TABLE batch (id int)", "CREATE TEMP TABLE batch (id int) ON COMMIT DROP;"),
        ("CREATE TEMP TABLE batch (LIKE job)", "CREATE TEMP TABLE batch (LIKE job) ON COMMIT DROP;"),
        (CREATE + " WITH NO DATA", DROPPED[:-1] + " WITH NO DATA;"),
        (
            "CREATE TEMP TABLE batch WITH (fillfactor=70) AS SELECT 1",
            "CREATE TEMP TABLE batch WITH (fillfactor=70) ON COMMIT DROP AS SELECT 1;",
        ),
        ("CREATE TEMP TABLE batch (id int) TABLESPACE fast", None),
        ("CREATE TEMP TABLE batch TABLESPACE fast AS SELECT 1", None),
    ],
)
def test_a_table_is_dropped_at_commit_where_the_clause_has_its_place(text: str, expected: str | None) -> None:
    found = rewritten(created(text), mention("SELECT * FROM batch b, batch c", start=50))
    assert (found and found.partition("  -- no CTE: ")[0]) == expected


def test_outside_a_transaction_one_is_opened() -> None:
    create = created("CREATE TEMP TABLE batch (id int)", transaction=TransactionContext())
    assert rewritten(create) == (
        "BEGIN;\nCREATE TEMP TABLE batch (id int) ON COMMIT DROP;\n-- the statements that use it\nCOMMIT;"
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"object": "view"},
        {"on-commit": "delete-rows"},
        {"form": "select-into", "body": ""},
        {"text": ""},
        {"text": "CREATE TEMP TABLE … (id int)"},
        {"text": "CREATE TEMP TABLE batch (" + "id int, " * 1000 + ")"},
    ],
)
def test_there_is_no_rewrite_of_what_is_no_plain_temporary_table_or_not_known(facts: dict[str, str]) -> None:
    assert rewritten(created("CREATE TEMP TABLE batch (id int)", captures=facts)) is None


def test_another_rule_is_not_rewritten() -> None:
    other = FeatureUse(rule="listen", variant="listen", place=Place("a", Span(0, 1)), sql="LISTEN a")
    assert all(pattern(other, (), None) is None for pattern in PATTERNS)


def test_sqlglot_is_imported_only_where_a_query_is_looked_at() -> None:
    code = "import sys, txsafe.suggestions; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("depth", [100, 1000])
def test_a_query_nested_without_end_is_no_cte(depth: int) -> None:
    reader = "SELECT " + "(" * depth + "1" + ")" * depth + " FROM batch"
    found = replace_temporary_table(created(CREATE), (created(CREATE), mention(reader, start=50)))
    assert found is not None
