"""The law of the cache: with it, a run finds what it would find without it, whatever has happened in between."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zlib
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import txsafe.engine
import txsafe.processes
import txsafe.project
from tests.cache.edits import CONNECTED, EDITS, PROGRAMS, age
from txsafe.analysis import Analyzer
from txsafe.cache import keys
from txsafe.cache.folder import Cache, prepare
from txsafe.cache.memory import Memory
from txsafe.config import Config
from txsafe.discovery import FileInput, find_files
from txsafe.engine import analyze
from txsafe.model import Consulted, FileReport, Keeps, Report, Severity
from txsafe.watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from txsafe.project import Project

T = TypeVar("T")

PROFILE = Analyzer.of(Config()).profile


def run(root: Path, config: Config, cache: Cache | None, *, keeps: Keeps = Keeps.NOTHING) -> Report:
    return analyze(find_files([str(root)], config).files, config, profile=PROFILE, keeps=keeps, cache=cache)


def opened(root: Path) -> Cache:
    cache = prepare(str(root / ".txsafe_cache"))
    assert cache is not None
    return cache


def without_consulted(report: Report) -> Report:
    return replace(report, files=tuple(replace(file, consulted=None) for file in report.files))


# ---------------------------------------------------------------- any edits

CONFIGS = [{}, {"profile": "pgbouncer/statement"}, {"direct": ("db.py",)}, {"follow_imports": False}]


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(program=st.sampled_from(PROGRAMS), data=st.data())
def test_what_is_kept_gives_the_same_as_a_new_analysis_after_any_edits(program: Path, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder), "project")
        shutil.copytree(program, root)
        (root / "pyproject.toml").touch()
        for _ in range(data.draw(st.integers(1, 6))):
            data.draw(st.sampled_from(EDITS))(root, data)
            if data.draw(st.booleans()):
                age(root)
            config = Config(root=root, jobs=1, **data.draw(st.sampled_from(CONFIGS)))  # type: ignore[arg-type]
            keeps = data.draw(st.sampled_from(list(Keeps)))
            new = run(root, config, None, keeps=keeps)
            cache = opened(root)
            warm = run(root, config, cache, keeps=keeps)
            assert without_consulted(warm) == without_consulted(new)
            assert cache.troubles == []


# ---------------------------------------------------------------- what is analysed again, and what is not


class Inline(Executor):
    """Runs everything at once, here, and takes note of the files."""

    def __init__(self) -> None:
        self.analysed: list[str] = []

    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        files = args[0]
        assert isinstance(files, tuple)
        self.analysed += [file.display for _, file in files]
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").touch()
    monkeypatch.chdir(root)
    return root


def analysed(root: Path, config: Config | None = None) -> list[str]:
    """Return which files a run with a cache analyses, having compared it with one without."""
    config = config or Config(root=root)
    age(root)
    executor = Inline()
    cache = opened(root)
    files = find_files([str(root)], config).files
    warm = analyze(files, config, profile=PROFILE, executor=executor, cache=cache)
    assert without_consulted(warm) == without_consulted(run(root, config, None))
    assert cache.troubles == []
    return sorted(executor.analysed)


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        (root / f"{name}.py").write_text(text)


LISTENS = CONNECTED + 'c.execute("LISTEN jobs")\n'


def test_nothing_is_analysed_again_while_nothing_changes(here: Path) -> None:
    write(here, a=LISTENS, b="x = 1\n", c="broken(\nimport psycopg\n")
    (here / "d.sql").write_text("LISTEN jobs;\n")
    assert analysed(here) == ["a.py", "c.py", "d.sql"]
    assert analysed(here) == []
    os.utime(here / "a.py")
    assert analysed(here) == []


def test_only_the_file_that_changed_is_analysed_again(here: Path) -> None:
    write(here, a=LISTENS, b=LISTENS)
    assert analysed(here) == ["a.py", "b.py"]
    write(here, b=LISTENS + "# more\n")
    assert analysed(here) == ["b.py"]
    write(here, b=LISTENS)
    assert analysed(here) == []


def test_an_edit_of_the_same_size_with_the_times_set_back_is_seen(here: Path) -> None:
    write(here, a=LISTENS)
    assert analysed(here) == ["a.py"]
    before = (here / "a.py").stat()
    write(here, a=LISTENS.replace("LISTEN", "NOTIFY"))
    os.utime(here / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert analysed(here) == ["a.py"]


def test_an_edit_right_after_a_run_is_seen_whatever_the_clock_says(here: Path) -> None:
    config = Config(root=here)
    for number in range(20):
        write(here, a=LISTENS.replace("jobs", f"job{number % 10}"))
        assert without_consulted(run(here, config, opened(here))) == without_consulted(run(here, config, None))


IMPORTER = "from db import QUERY\n" + CONNECTED + "c.execute(QUERY)\n"


def test_an_imported_module_that_changes_comes_and_goes_is_seen(here: Path) -> None:
    write(here, a=IMPORTER, other=LISTENS)
    assert analysed(here) == ["a.py", "other.py"]
    write(here, db="QUERY = 'LISTEN jobs'\n")
    assert "a.py" in (again := analysed(here))
    assert "other.py" not in again
    write(here, db="QUERY = 'SELECT 1'\n")
    assert "a.py" in analysed(here)
    (here / "db.py").unlink()
    assert analysed(here) == ["a.py"]
    assert analysed(here) == []


def test_a_module_that_takes_another_ones_place_is_seen(here: Path) -> None:
    write(here, a=IMPORTER, db="QUERY = 'SELECT 1'\n")
    analysed(here)
    (here / "db").mkdir()
    (here / "db/__init__.py").write_text("QUERY = 'LISTEN jobs'\n")
    assert "a.py" in analysed(here)


def test_a_module_two_imports_away_is_seen(here: Path) -> None:
    write(here, a=IMPORTER, db="from words import QUERY\n", words="QUERY = 'SELECT 1'\n")
    analysed(here)
    write(here, words="QUERY = 'LISTEN jobs'\n")
    assert "a.py" in analysed(here)


def test_a_caller_elsewhere_that_opens_a_transaction_is_seen(here: Path) -> None:
    helper = "async def run(connection):\n    await connection.execute('SET LOCAL search_path TO app')\n"
    caller = "from helper import run\nasync def main():\n    connection = await asyncpg.connect()\n"
    write(here, helper="import asyncpg\n" + helper, caller="import asyncpg\n" + caller + "    await run(connection)\n")
    config = Config(root=here)
    analysed(here)
    first = run(here, config, None)
    inside = "    async with connection.transaction():\n        await run(connection)\n"
    write(here, caller="import asyncpg\n" + caller + inside)
    assert "helper.py" in analysed(here)
    assert run(here, config, None).diagnostics != first.diagnostics


def test_a_file_of_sql_that_the_program_reads_is_seen(here: Path) -> None:
    reading = "from pathlib import Path\n" + CONNECTED + "c.execute((Path(__file__).parent / 'q.txt').read_text())\n"
    write(here, a=reading)
    (here / "q.txt").write_text("SELECT 1")
    assert analysed(here) == ["a.py"]
    (here / "q.txt").write_text("LISTEN jobs")
    assert analysed(here) == ["a.py"]
    (here / "q.txt").unlink()
    assert analysed(here) == ["a.py"]


def test_another_version_of_a_driver_is_seen(here: Path) -> None:
    write(here, a=LISTENS)
    assert analysed(here) == ["a.py"]
    (here / "requirements.txt").write_text("psycopg==3.1.0\n")
    assert analysed(here) == ["a.py"]
    (here / "requirements.txt").write_text("psycopg==3.2.0\n")
    assert analysed(here) == ["a.py"]


def test_a_folder_that_becomes_a_package_is_seen(here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop/a.py").write_text("from .db import QUERY\n" + CONNECTED + "c.execute(QUERY)\n")
    (here / "shop/db.py").write_text("QUERY = 'LISTEN jobs'\n")
    analysed(here)
    (here / "shop/__init__.py").touch()
    assert "shop/a.py" in analysed(here)


def test_a_suppression_that_expires_is_asked_about_every_day(here: Path) -> None:
    write(here, a=LISTENS.replace("\n", "  # txsafe: ignore[listen] until=2999-01-01\n"), b=LISTENS)
    analysed(here)
    kept = opened(here)
    with sqlite3.connect(Path(kept.place, "results.sqlite")) as database:
        ((packed,),) = database.execute("SELECT report FROM results WHERE path = 'a.py'").fetchall()
    assert f'["day","","","{txsafe.project.today()}"]' in zlib.decompress(packed[4:]).decode()
    database.close()


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "pgbouncer/statement"}, {"settings": {"max_prepared_statements": "0"}}, {"direct": ("a.py",)},
        {"server_version": 17}, {"versions": {"psycopg": "3.1"}}, {"follow_imports": False}, {"require_reason": True},
    ],
)  # fmt: skip
def test_another_configuration_has_results_of_its_own(here: Path, options: dict[str, object]) -> None:
    write(here, a=LISTENS)
    assert analysed(here) == ["a.py"]
    assert analysed(here, Config(root=here, **options)) == ["a.py"]  # type: ignore[arg-type]
    assert analysed(here, Config(root=here, **options)) == []  # type: ignore[arg-type]
    assert analysed(here) == []


def test_what_is_only_shown_makes_no_difference(here: Path) -> None:
    write(here, a=LISTENS)
    analysed(here)
    config = Config(root=here, select=("listen",), jobs=3, quiet=True, output_file=Path("x"), fail_on=Severity.ERROR)
    assert analysed(here, config) == []


def test_a_users_own_rules_count_with_what_they_say(here: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(PROGRAMS[0].parents[2] / "rules/features", rules / "features")
    config = Config(root=here, rule_paths=(rules,))
    write(here, a=LISTENS)
    assert analysed(here, config) == ["a.py"]
    assert analysed(here, config) == []
    with (rules / "features/listen.yaml").open("a") as file:
        file.write("# changed\n")
    assert analysed(here, config) == ["a.py"]


def test_what_is_not_on_disk_is_neither_looked_up_nor_kept(here: Path) -> None:
    config = Config(root=here)
    file = FileInput(here / "a.py", "a.py", LISTENS.encode())
    executor = Inline()
    cache = opened(here)
    for _ in range(2):
        analyze([file], config, profile=PROFILE, executor=executor, cache=cache)
    assert executor.analysed == ["a.py", "a.py"]


def test_what_worker_processes_find_is_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, db="QUERY = 'LISTEN jobs'\n", **{f"f{number}": IMPORTER for number in range(60)})
    config = Config(root=here, jobs=2)
    age(here)
    new, cold = run(here, config, None), run(here, config, opened(here))
    assert without_consulted(cold) == without_consulted(new)
    assert len(new.files[0].diagnostics) == 1
    assert analysed(here, config) == []
    write(here, db="QUERY = 'LISTEN job'\n")
    warm = run(here, config, opened(here))
    assert without_consulted(warm) == without_consulted(run(here, config, None)) != without_consulted(new)


def test_a_result_that_does_not_fit_its_type_is_made_anew_and_told(here: Path) -> None:
    write(here, a=LISTENS)
    analysed(here)
    cache = opened(here)
    text = b'["a.py", 1, 2]'
    with sqlite3.connect(Path(cache.place, "results.sqlite")) as database:
        packed = zlib.crc32(text).to_bytes(4, "big") + zlib.compress(text)
        database.execute("UPDATE results SET report = ?", (packed,))
    database.close()
    config = Config(root=here)
    assert without_consulted(run(here, config, cache)) == without_consulted(run(here, config, None))
    assert cache.troubles == ["the kept result of a.py is damaged; it is made anew"]
    assert analysed(here) == []


# ---------------------------------------------------------------- in several processes


@settings(max_examples=4, suppress_health_check=list(HealthCheck), deadline=None)
@given(program=st.sampled_from(PROGRAMS), data=st.data())
def test_worker_processes_keep_what_one_process_would(program: Path, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(txsafe.engine, "FEWEST_FILES_FOR_WORKERS", 2)
        patched.setattr(txsafe.processes, "FILES_PER_TASK", 1)
        root = Path(os.path.realpath(folder), "project")
        shutil.copytree(program, root)
        (root / "pyproject.toml").touch()
        for _ in range(2):
            data.draw(st.sampled_from(EDITS))(root, data)
            age(root)
            new = run(root, Config(root=root, jobs=1), None)
            cache = opened(root)
            warm = run(root, Config(root=root, jobs=2), cache)
            assert without_consulted(warm) == without_consulted(new)
            assert cache.troubles == []


# ---------------------------------------------------------------- what goes away, or cannot be read


def memory_of(root: Path) -> Memory:
    return Memory(opened(root).place, Config(root=root), profile=PROFILE, keeps=Keeps.NOTHING)


def no_project() -> Project:
    return pytest.fail("nobody has to be asked")


def test_a_file_that_is_gone_has_no_report(here: Path) -> None:
    assert memory_of(here).recall(FileInput(here / "gone.py", "gone.py"), no_project) is None


def test_a_file_that_nobody_has_looked_at_is_not_kept(here: Path) -> None:
    write(here, a=LISTENS)
    file = FileInput(here / "a.py", "a.py")
    (report,) = run(here, Config(root=here), opened(here)).files
    memory = memory_of(here)
    with watching() as watch:
        memory.remember(file, report, no_project)
    assert watch.spoiled
    with watching() as watch:
        memory.remember(file, replace(report, consulted=None), no_project)
    assert watch.spoiled


@pytest.mark.parametrize("change", [lambda file: file.unlink(), lambda file: file.write_text("x = 1\n")])
def test_a_file_that_changes_while_it_is_analysed_is_not_kept(here: Path, change: Callable[[Path], object]) -> None:
    write(here, a="x = 2\n")  # not settled: its content has to be compared
    memory = memory_of(here)
    file = FileInput(here / "a.py", "a.py")
    memory.is_candidate(file, lambda _: True)
    change(here / "a.py")
    with watching() as watch:
        memory.remember(file, FileReport(path="a.py", consulted=Consulted()), no_project)
    assert watch.spoiled


def test_a_kept_result_that_asks_nonsense_is_made_anew(here: Path) -> None:
    write(here, a=LISTENS)
    assert analysed(here) == ["a.py"]
    with sqlite3.connect(Path(opened(here).place, "results.sqlite")) as database:
        ((packed,),) = database.execute("SELECT report FROM results WHERE report IS NOT NULL").fetchall()
        text = zlib.decompress(packed[4:]).replace(b'["identity",', b'["no-such-question",')
        assert b"no-such-question" in text
        packed = zlib.crc32(text).to_bytes(4, "big") + zlib.compress(text)
        database.execute("UPDATE results SET report = ? WHERE report IS NOT NULL", (packed,))
    database.close()
    assert analysed(here) == ["a.py"]
    assert analysed(here) == []


def test_rules_that_cannot_be_read_and_parsers_that_are_not_there_have_names_of_their_own(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    (rules / "unreadable.yaml").mkdir(parents=True)
    (rules / "a.yaml").write_text("id: a\n")
    found = dict(keys._hashed([rules, tmp_path / "gone.yaml"]))
    assert found[str(rules / "unreadable.yaml")] == "Is a directory"
    assert found[str(tmp_path / "gone.yaml")] == "No such file or directory"
    assert len(found[str(rules / "a.yaml")]) == 128
    assert keys._installed("no_such_parser") == ("no_such_parser",)
    assert keys._size_and_time(str(tmp_path / "gone")) == (0, 0)
