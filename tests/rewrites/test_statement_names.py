"""SQLAlchemy on asyncpg before 0.31 → names of its own for prepared statements."""

from __future__ import annotations

import pytest

from tests.rewrites.rewriting import check, rewrite
from txsafe.model import Applicability

HEAD = "from sqlalchemy.ext.asyncio import create_async_engine\n\nURL = 'postgresql+asyncpg://app@pooler/shop'\n"
NAMES = '"prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__"'
CACHE = '"prepared_statement_cache_size": 0'


def engine(arguments: str, head: str = HEAD) -> str:
    return f"{head}engine = create_async_engine(URL{arguments})\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f', connect_args={{"statement_cache_size": 0, {CACHE}, {NAMES}}}'),
        (
            ", connect_args={'ssl': True}",
            f", connect_args={{'ssl': True, \"statement_cache_size\": 0, {CACHE}, {NAMES}}}",
        ),
        (
            ", connect_args={'statement_cache_size': 0}",
            f", connect_args={{'statement_cache_size': 0, {CACHE}, {NAMES}}}",
        ),
    ],
)
def test_both_caches_are_turned_off_and_names_are_given(before: str, after: str) -> None:
    done = rewrite(engine(before), asyncpg="0.29")
    assert not done.fixing.refused
    assert done.after == f"from uuid import uuid4\n{engine(after)}"
    assert not check(done.after, asyncpg="0.29").diagnostics
    assert [each.fix.applicability for each in done.fixing.fixed if each.fix] == [Applicability.UNSAFE]


@pytest.mark.parametrize(
    ("imported", "name"),
    [
        ("import uuid\n", "uuid.uuid4"),
        ("import uuid as u\n", "u.uuid4"),
        ("from uuid import UUID, uuid4\n", "uuid4"),
        ("from uuid import uuid4 as fresh\n", "fresh"),
    ],
)
def test_what_is_imported_already_is_used(imported: str, name: str) -> None:
    done = rewrite(engine("", imported + HEAD), asyncpg="0.29")
    assert f"{{{name}()}}" in done.after
    assert done.after.count("import") == 2


def test_the_import_stands_behind_those_of_the_future() -> None:
    text = engine("", f'"""Doc."""\n\nfrom __future__ import annotations\n\n{HEAD}')
    done = rewrite(text, asyncpg="0.29")
    assert done.after.startswith('"""Doc."""\n\nfrom __future__ import annotations\n\nfrom uuid import uuid4\nfrom sql')


@pytest.mark.parametrize(
    "text",
    [
        engine("", f"{HEAD}uuid4 = 1\n"),
        engine(", connect_args={**given}"),
        engine(", connect_args=given"),
        engine(", connect_args={'statement_cache_size': 0, 'prepared_statement_cache_size': 5}"),
        engine(", isolation_level='AUTOCOMMIT'"),
    ],
)
def test_what_is_not_known_in_full_or_would_not_do_stays(text: str) -> None:
    assert rewrite(text, asyncpg="0.29").after == text


def test_a_newer_asyncpg_needs_its_cache_off_only() -> None:
    assert rewrite(engine("")).after == engine(', connect_args={"statement_cache_size": 0}')
