"""Lock files and requirements in, versions of packages out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from txsafe.catalog import load_catalog
from txsafe.config import Config, OptionError, apply
from txsafe.discovery import find_files
from txsafe.engine import analyze
from txsafe.profiles import resolve_profile
from txsafe.versions import PackageVersion, Versions, list_versions, normalize

if TYPE_CHECKING:
    from pathlib import Path

LOCK = '[[package]]\nname = "{}"\nversion = "{}"\nsource = {{ registry = "x" }}\n'
FILES = {
    "uv.lock": "version = 1\n\n" + LOCK.format("asyncpg", "0.29.0"),
    "poetry.lock": LOCK.format("asyncpg", "0.29.0"),
    "pdm.lock": LOCK.format("asyncpg", "0.29.0"),
    "pylock.toml": '[[packages]]\nname = "asyncpg"\nversion = "0.29.0"\n',
    "Pipfile.lock": json.dumps({"default": {"asyncpg": {"hashes": ["x"], "version": "==0.29.0"}}}, indent=4),
    "requirements.txt": "# asyncpg==0.1\nasyncpg==0.29.0 \\\n    --hash=sha256:00\n",
    "requirements-dev.txt": "AsyncPG[gssauth] == 0.29.0 ; python_version > '3.8'\n",
    "requirements/base.txt": "asyncpg===0.29.0\n",
    "constraints.txt": "asyncpg==0.29.0",
}


def known(folder: Path, package: str = "asyncpg", **overrides: str) -> PackageVersion | None:
    return Versions(root=folder, overrides=overrides).of(folder).get(package)


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", FILES)
def test_a_locked_version_is_exact(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, FILES[name])
    found = known(tmp_path)
    assert found is not None
    assert (found.version, found.is_exact) == ("0.29.0", True)
    assert name in found.origin


BOUNDS = {
    "pep 621": ("pyproject.toml", '[project]\ndependencies = [\n  "asyncpg >=0.29,<0.31",\n]\n', "0.29", False),
    "an extra": ("pyproject.toml", '[project.optional-dependencies]\npg = ["asyncpg~=0.29.1"]\n', "0.29.1", False),
    "a group": ("pyproject.toml", '[dependency-groups]\ndev = ["asyncpg[x]>0.28"]\n', "0.28", False),
    "poetry": ("pyproject.toml", '[tool.poetry.dependencies]\nasyncpg = "^0.29"\n', "0.29", False),
    "poetry, exactly": ("pyproject.toml", '[tool.poetry.dependencies]\nasyncpg = "0.29"\n', "0.29", True),
    "poetry's table": (
        "pyproject.toml",
        '[tool.poetry.group.db.dependencies]\nasyncpg = {version = "~0.29", extras = ["x"]}\n',
        "0.29",
        False,
    ),
    "a requirement": ("requirements.in", "asyncpg>=0.29 # why\n", "0.29", False),
    "a prefix": ("requirements.txt", "asyncpg==0.29.*\n", "0.29", False),
}


@pytest.mark.parametrize(("name", "text", "version", "is_exact"), BOUNDS.values(), ids=BOUNDS.keys())
def test_a_bound_says_the_oldest(tmp_path: Path, name: str, text: str, version: str, is_exact: bool) -> None:
    write(tmp_path, name, text)
    found = known(tmp_path)
    assert found is not None
    assert (found.version, found.is_exact) == (version, is_exact)


@pytest.mark.parametrize(
    "text", ["asyncpg\n", "asyncpg<1\n", "asyncpg!=0.1\n", "-r x.txt\n", "asyncpg @ https://x/y\n", "\0"]
)
def test_nothing_is_known_of_what_has_no_bound(tmp_path: Path, text: str) -> None:
    write(tmp_path, "requirements.txt", text)
    assert known(tmp_path) is None


def test_a_lock_counts_more_than_a_bound_and_the_oldest_of_several(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", '[project]\ndependencies = ["asyncpg>=0.20"]\n')
    write(tmp_path, "requirements.txt", "asyncpg==0.30\n")
    write(tmp_path, "requirements-old.txt", "asyncpg==0.9\n")
    found = known(tmp_path)
    assert found is not None
    assert (found.version, found.is_exact) == ("0.9", True)


def test_the_nearest_folder_counts_and_none_above_the_repository(tmp_path: Path) -> None:
    write(tmp_path, "requirements.txt", "asyncpg==0.1\npsycopg==1\n")
    write(tmp_path, "repo/.git/config", "")
    write(tmp_path, "repo/requirements.txt", "asyncpg==0.2\nsqlalchemy==2.0\n")
    write(tmp_path, "repo/service/requirements.txt", "asyncpg==0.3\n")
    (tmp_path / "repo/service/app").mkdir()
    versions = Versions(root=tmp_path / "elsewhere").of(tmp_path / "repo/service/app")
    assert {name: each.version for name, each in versions.items()} == {"asyncpg": "0.3", "sqlalchemy": "2.0"}


def test_what_the_user_says_counts_most(tmp_path: Path) -> None:
    write(tmp_path, "uv.lock", FILES["uv.lock"])
    found = known(tmp_path, asyncpg="0.31")
    assert found is not None
    assert found.explain() == "asyncpg 0.31, [tool.txsafe.versions]"


@pytest.mark.parametrize("value", ["new", ">=1", True, "", []])
def test_a_version_that_is_none_is_a_mistake(value: object, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected a version"):
        apply(Config(root=tmp_path), {"versions": {"asyncpg": value}}, folder=tmp_path)


def test_a_number_is_a_version(tmp_path: Path) -> None:
    assert apply(Config(root=tmp_path), {"versions": {"libpq": 17, "x": 2.1}}, folder=tmp_path).versions == {
        "libpq": "17",
        "x": "2.1",
    }


def test_how_a_version_is_known() -> None:
    least = PackageVersion(package="x", version="1.5", is_exact=False, origin="a.txt:3")
    assert least.explain() == "x 1.5 is assumed, the oldest that a.txt:3 allows"
    assert least.is_surely_within(">=1.4")
    assert not least.is_surely_within("<2")
    assert least.is_within("<2")
    assumed = PackageVersion(package="x", version="1.5", is_exact=False, origin="")
    assert not assumed.is_surely_within(">=1.4")
    exact = PackageVersion(package="x", version="1.5", is_exact=True, origin="a:1")
    assert exact.is_surely_within(">=1.4,<2")
    assert not exact.is_within(">=2")


def test_names_are_spelled_alike() -> None:
    assert normalize("Psycopg_Binary.x") == "psycopg-binary-x"


def test_a_large_lock_file_is_read_quickly(tmp_path: Path) -> None:
    write(tmp_path, "uv.lock", "".join(LOCK.format(f"p{number}", "1.0") for number in range(20_000)))
    assert len(Versions(root=tmp_path).of(tmp_path)) == 20_000


def test_a_folder_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert Versions(root=tmp_path).of(tmp_path / "missing") == {}


EVICTING = "import psycopg\nc = psycopg.connect(D)\n"


@pytest.mark.parametrize(
    ("requirements", "overrides", "found"),
    [
        ("", {}, []),
        ("psycopg[binary]==3.2.10\n", {}, []),
        ("psycopg[binary, pool]>=3.2.3\n", {}, []),
        ("psycopg-binary==3.2.2\n", {}, [("medium", "16")]),
        ("psycopg[binary]==3.2.2\n", {"libpq": "18"}, []),
        ("psycopg==3.2.10\n", {"libpq": "15"}, [("medium", "15")]),
        ("psycopg==3.1.20\n", {}, [("medium", "3.1.20")]),
        ("psycopg>=3.1\n", {}, [("low", "3.1")]),
    ],
)
def test_how_psycopg_closes_evicted_statements_hangs_on_libpq(
    requirements: str, overrides: dict[str, str], found: list[tuple[str, str]], tmp_path: Path
) -> None:
    write(tmp_path, "requirements.txt", requirements)
    write(tmp_path, "a.py", EVICTING)
    write(tmp_path, "b.py", EVICTING.replace("D)", "D, prepare_threshold=None)"))
    config = Config(profile="pgbouncer", root=tmp_path, versions=overrides)
    catalog = load_catalog()
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=None)
    report = analyze(find_files([str(tmp_path)], config).files, config, profile=profile)
    assert [(each.confidence.value, each.rule) for each in report.diagnostics] == [
        (confidence, "sql-prepare") for confidence, _ in found
    ]
    listed = {each.package: each for each in list_versions(config, catalog.drivers)}
    assert all(version in {listed["libpq"].version, listed["psycopg"].version} for _, version in found)
    assert all(
        f"psycopg {version} is assumed" in report.diagnostics[0].message for sure, version in found if sure == "low"
    )


def test_where_statements_break_anyway_none_is_said_to_be_evicted(tmp_path: Path) -> None:
    write(tmp_path, "a.py", EVICTING)
    config = Config(profile="pgbouncer-1.18", root=tmp_path, versions={"libpq": "15"})
    profile = resolve_profile("pgbouncer-1.18", load_catalog(), settings={}, server_version=None)
    report = analyze(find_files([str(tmp_path)], config).files, config, profile=profile)
    assert [each.rule for each in report.diagnostics] == ["driver-prepare"]


def test_what_a_package_brings_along_is_told(tmp_path: Path) -> None:
    write(tmp_path, "requirements.txt", "psycopg[binary]==3.2.10\n")
    listed = list_versions(Config(root=tmp_path), load_catalog().drivers)
    told = next(each.explain() for each in listed if each.package == "libpq")
    assert told.startswith("libpq 17, which psycopg-binary 3.2.10 brings along, ")
    assert told.endswith("requirements.txt:1")
