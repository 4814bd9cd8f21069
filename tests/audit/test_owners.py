"""Who owns a file: the last pattern of CODEOWNERS that fits counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.audit.owners import MAX_BYTES, PLACES, parse_owners, read_owners

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# who knows what
*            @everybody   # a comment
*.sql        @dba
/shop/       @shop @shop-leads
docs/*       docs@example.com
shop/legacy/
apps/**/views.py @views
!shop/x.py   @negated
[a-z].py     @ranges
with\\ space.py @spaced
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("a.py", ("@everybody",)),
        ("deep/down/b.sql", ("@dba",)),
        ("shop/c.py", ("@shop", "@shop-leads")),
        ("shop/c.sql", ("@shop", "@shop-leads")),
        ("other/shop/c.py", ("@everybody",)),
        ("docs/a.md", ("docs@example.com",)),
        ("docs/deep/a.md", ("@everybody",)),
        ("shop/legacy/d.py", ()),
        ("apps/x/y/views.py", ("@views",)),
        ("shop/x.py", ("@shop", "@shop-leads")),
        ("with space.py", ("@spaced",)),
    ],
)
def test_the_last_pattern_that_fits_counts(path: str, owners: tuple[str, ...]) -> None:
    assert parse_owners(TEXT).find(path) == owners


def test_a_heading_gives_its_owners_to_patterns_without_any() -> None:
    text = "[Database][2] @dba\n*.sql\nspecial.sql @other\n^[Docs]\n*.md\n"
    owners = parse_owners(text)
    assert owners.find("a.sql") == ("@dba",)
    assert owners.find("special.sql") == ("@other",)
    assert owners.find("a.md") == ()


def test_a_file_that_no_pattern_fits_belongs_to_nobody() -> None:
    assert parse_owners("*.sql @dba\n").find("a.py") == ()


def test_an_empty_file_says_nothing() -> None:
    assert parse_owners("\ufeff\n# nothing\n").find("a.py") == ()


@pytest.mark.parametrize("place", PLACES)
def test_the_file_is_found_where_platforms_look(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("* @team\n")
    owners = read_owners(tmp_path)
    assert owners is not None
    assert owners.path == place
    assert owners.find("x.py") == ("@team",)


def test_a_project_without_the_file_has_no_owners(tmp_path: Path) -> None:
    assert read_owners(tmp_path) is None


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "CODEOWNERS").write_bytes(b"#" * (MAX_BYTES + 1))
    assert read_owners(tmp_path) is None


@given(st.text(), st.text(alphabet="ab/.*[]!\\ #@"))
def test_no_text_is_too_strange(text: str, patterns: str) -> None:
    owners = parse_owners(f"{patterns}\n{text}")
    assert isinstance(owners.find("a/b.py"), tuple)
