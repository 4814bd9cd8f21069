"""Audits on a cluster: a real one of two worker processes, of which one is killed while it works."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from click.testing import CliRunner, Result

from txsafe.analysis import Analyzer
from txsafe.cli import main
from txsafe.config import Config
from txsafe.discovery import FileInput, FileKind
from txsafe.engine import analyze
from txsafe.errors import ConfigError
from txsafe.executors import open_executor

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
T = TypeVar("T")
PROBLEM = b'import psycopg\n\npsycopg.connect("").execute("LISTEN jobs")\n'
# What dask itself does wrong with sockets, event loops and old interfaces is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True, slots=True)
class Deadly(FileInput):
    """Kills the process that analyses it, unless it was made there, once: as long as the fuse exists."""

    home: int = field(default_factory=os.getpid)
    fuse: Path = Path("none")

    @property
    def kind(self) -> FileKind:
        if os.getpid() != self.home and self.fuse.exists():
            self.fuse.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return FileKind.PYTHON


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler and two workers, in processes of their own."""
    with cluster() as (found, _):
        yield found


@contextmanager
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """Yield the address of a scheduler, and its two workers."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    assert scheduler.stderr is not None
    found = next(place for line in scheduler.stderr if (place := re.search(r"Scheduler at:\s+tcp://(\S+)", line)))
    processes = [scheduler]
    for _ in range(2):
        worker = start("worker", found[1], "--no-nanny", "--no-dashboard", "--nthreads", "1")
        assert worker.stderr is not None
        assert any("Registered to" in line for line in worker.stderr)
        processes.append(worker)
    try:
        yield f"dask://{found[1]}", processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def inputs(folder: Path, count: int) -> list[FileInput]:
    made = []
    for number in range(count):
        path = folder / f"f{number:03}.py"
        path.write_bytes(PROBLEM)
        made.append(FileInput(path, path.name))
    return made


def audit(*arguments: str) -> Result:
    options = ["--isolated", "--format", "json", "--date", "2026-01-01", "--no-cache"]
    return CliRunner().invoke(main, ["audit", *options, *arguments])


def test_several_repositories_are_audited_on_a_cluster_as_they_are_here(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        inputs(tmp_path / name, 12)
    here, there = audit("first", "second"), audit("--executor", address, "first", "second")
    assert (here.exit_code, there.exit_code) == (0, 0), there.output
    assert here.stdout.count("LISTEN jobs") >= 24
    assert there.stdout == here.stdout


def test_a_worker_that_is_killed_loses_nothing_and_repeats_nothing(address: str, tmp_path: Path) -> None:
    files = inputs(tmp_path, 60)
    fuse = tmp_path / "fuse"
    fuse.touch()
    files[20] = Deadly(files[20].path, files[20].display, fuse=fuse)
    config = Config(root=tmp_path)
    profile = Analyzer.of(config).profile
    with open_executor(address, folder=str(tmp_path)) as executor:
        report = analyze(files, config, profile=profile, executor=executor)
    assert not fuse.exists()
    assert [file.path for file in report.files] == [f"f{number:03}.py" for number in range(60)]
    assert [[each.rule for each in file.diagnostics] for file in report.files] == [["listen"]] * 60


@dataclass(frozen=True, slots=True)
class Endless(FileInput):
    """Keeps whoever analyses it busy, unless it was made there."""

    home: int = field(default_factory=os.getpid)

    @property
    def kind(self) -> FileKind:
        if os.getpid() != self.home:
            (self.path.parent / "busy").touch()
            time.sleep(600)
        return FileKind.PYTHON


def test_a_cluster_that_loses_all_its_workers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("txsafe.executors._PATIENCE", 2.0)
    files = [Endless(file.path, file.display) for file in inputs(tmp_path, 20)]
    config = Config(root=tmp_path)
    profile = Analyzer.of(config).profile

    def kill_all(workers: list[subprocess.Popen[str]]) -> None:
        while not (tmp_path / "busy").exists():
            time.sleep(0.05)
        for worker in workers:
            worker.kill()

    with cluster() as (address, workers):
        killer = threading.Thread(target=kill_all, args=(workers,))
        killer.start()
        with (
            open_executor(address, folder=str(tmp_path)) as executor,
            pytest.raises(ConfigError, match=f"--executor: {address} has lost all its workers"),
        ):
            analyze(files, config, profile=profile, executor=executor)
        killer.join()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("dask://", "is not of the form dask://HOST:PORT"),
        ("ray://localhost:1", "'ray://localhost:1' is not of the form"),
        ("localhost:1", "is not of the form"),
    ],
)
def test_an_address_that_means_nothing_is_told(tmp_path: Path, wrong: str, message: str) -> None:
    inputs(tmp_path, 1)
    result = audit("--executor", wrong, str(tmp_path))
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_cluster_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txsafe.executors._PATIENCE", 0.5)
    inputs(tmp_path, 1)
    result = audit("--executor", "dask://127.0.0.1:1", str(tmp_path))
    assert (result.exit_code, result.stderr) == (2, "--executor: dask://127.0.0.1:1 does not answer\n")


def test_workers_that_do_not_see_the_files_or_are_of_another_version_are_refused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(ConfigError, match="does not see /no/such/folder"),
        open_executor(address, folder="/no/such/folder"),
    ):
        pass
    monkeypatch.setattr("txsafe.executors.__version__", "99")
    with pytest.raises(ConfigError, match=r"has txsafe 0.*; it takes txsafe 99"), open_executor(address, folder="/"):
        pass


class Lossy(Executor):
    """Loses every second task, as no executor of the standard library's says it."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, fn: object, /, *args: object, **kwargs: object) -> Future[T]:
        assert callable(fn)
        self.tasks += 1
        future: Future[T] = Future()
        if self.tasks % 2:
            future.set_result(fn(*args, **kwargs))
        else:
            future.set_exception(TimeoutError("the worker is gone"))
        return future


def test_any_executor_may_lose_tasks(tmp_path: Path) -> None:
    config = Config(root=tmp_path)
    executor = Lossy()
    report = analyze(inputs(tmp_path, 40), config, profile=Analyzer.of(config).profile, executor=executor)
    assert executor.tasks > 1
    assert [[each.rule for each in file.diagnostics] for file in report.files] == [["listen"]] * 40
