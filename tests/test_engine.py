"""Many files: in one process or several, whose workers may die, in whatever order they are named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.processes import wait_until_gone
from txsafe.analysis import Analyzer
from txsafe.cli import main
from txsafe.config import Config
from txsafe.discovery import FileInput, FileKind
from txsafe.engine import FEWEST_FILES_FOR_WORKERS, analyze
from txsafe.processes import _follow_parent

if TYPE_CHECKING:
    from txsafe.model import FileReport, Report

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROBLEM = b'import psycopg\n\npsycopg.connect("").execute("LISTEN jobs")\n'
HARMLESS = b"x = 1\n"


def run(files: list[FileInput], *, jobs: int = 1, executor: Executor | None = None) -> Report:
    config = Config(jobs=jobs)
    return analyze(files, config, profile=Analyzer.of(config).profile, executor=executor)


def check(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["check", "--isolated", "--exit-zero", "--format", "json", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@dataclass(frozen=True, slots=True)
class Deadly(FileInput):
    """Kills the process that analyses it, unless it was made there; with a fuse, only as long as that exists."""

    home: int = field(default_factory=os.getpid)
    fuse: Path | None = None

    @property
    def kind(self) -> FileKind:
        if os.getpid() != self.home and (self.fuse is None or self.fuse.exists()):
            if self.fuse is not None:
                self.fuse.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return FileKind.PYTHON


def inputs(count: int, data: bytes = PROBLEM) -> list[FileInput]:
    return [FileInput(Path(f"f{number:03}.py"), f"f{number:03}.py", data) for number in range(count)]


def told(report: FileReport) -> list[str]:
    return [diagnostic.rule for diagnostic in report.diagnostics] + [error.message for error in report.errors]


# ---------------------------------------------------------------- one process or several


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with more candidates than one process takes by itself."""
    copies = 1 + FEWEST_FILES_FOR_WORKERS // len(list((FIXTURES / "rules").iterdir()))
    for number in range(copies):
        shutil.copytree(FIXTURES / "rules", tmp_path / f"rules{number}")
    shutil.copytree(FIXTURES / "projects", tmp_path / "projects")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_worker_processes_give_the_same_bytes(tree: Path) -> None:
    alone, together = check("--jobs", "1"), check("--jobs", "2")
    assert json.loads(alone)["summary"]["diagnostics"] > 200
    assert alone == together


def test_the_order_of_the_paths_does_not_matter(tree: Path) -> None:
    assert check("rules1", "projects", "rules0/listen.py") == check("rules0/listen.py", "rules1", "projects", "rules1")


def test_reports_come_in_path_order_whatever_order_the_files_had() -> None:
    files = [*inputs(3), FileInput(Path("a.py"), "a.py", HARMLESS)]
    assert [report.path for report in run(files).files] == ["a.py", "f000.py", "f001.py", "f002.py"]


def test_no_files_make_an_empty_report() -> None:
    assert run([]).files == ()


def test_progress_counts_up_to_all_files() -> None:
    seen: list[tuple[int, int]] = []
    config = Config(jobs=1)
    files = [*inputs(2), FileInput(Path("a.py"), "a.py", HARMLESS)]
    analyze(files, config, profile=Analyzer.of(config).profile, on_progress=lambda *counts: seen.append(counts))
    assert seen == [(2, 3), (3, 3)]


def test_what_cannot_be_read_is_told_and_the_rest_is_analysed(tmp_path: Path) -> None:
    report = run([*inputs(1), FileInput(tmp_path / "gone.py", "gone.py"), FileInput(tmp_path, "a-folder.py")])
    assert [told(each) for each in report.files] == [
        ["cannot be read: Is a directory"], ["listen"], ["cannot be read: No such file or directory"],
    ]  # fmt: skip


def test_a_users_own_rules_open_the_gate(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    shutil.copy(FIXTURES.parent / "rules/features/listen.yaml", tmp_path / "features")
    config = Config(rule_paths=(tmp_path,))
    report = analyze([FileInput(Path("a.py"), "a.py", HARMLESS)], config, profile=Analyzer.of(Config()).profile)
    assert report.files[0].parsed


@pytest.mark.parametrize(
    "options", [{"profile": "pgbouncer/statement"}, {"routes": {"default": "pgbouncer/statement"}}]
)
def test_transactions_open_the_gate_where_the_pooler_allows_none(options: dict[str, object]) -> None:
    text = b"from django.db import transaction\n\nwith transaction.atomic():\n    save()\n"
    config = Config(**options)  # type: ignore[arg-type]  # the options of a test
    report = analyze([FileInput(Path("a.py"), "a.py", text)], config, profile=Analyzer.of(config).profile)
    assert report.files[0].parsed
    assert not run([FileInput(Path("a.py"), "a.py", text)]).files[0].parsed


# ---------------------------------------------------------------- workers that die


@pytest.mark.parametrize("own_executor", [False, True])
def test_a_file_that_kills_its_worker_takes_no_other_with_it(own_executor: bool) -> None:
    files = inputs(FEWEST_FILES_FOR_WORKERS + 8)
    files[20] = Deadly(Path("f020.py"), "f020.py", PROBLEM)
    files[31] = Deadly(Path("f031.py"), "f031.py", PROBLEM)
    if own_executor:
        with ProcessPoolExecutor(2) as executor:
            report = run(files, executor=executor)
    else:
        report = run(files, jobs=2)
    killed = ["not analysed: the process that analysed it was killed"]
    assert [told(each) for each in report.files] == [
        killed if number in {20, 31} else ["listen"] for number in range(len(files))
    ]


def test_a_worker_that_dies_by_chance_costs_nothing(tmp_path: Path) -> None:
    fuse = tmp_path / "fuse"
    fuse.touch()
    files = inputs(FEWEST_FILES_FOR_WORKERS + 8)
    files[20] = Deadly(Path("f020.py"), "f020.py", PROBLEM, fuse=fuse)
    report = run(files, jobs=2)
    assert not fuse.exists()
    assert [told(each) for each in report.files] == [["listen"]] * len(files)


# ---------------------------------------------------------------- interrupts


def start_long_run(folder: Path) -> subprocess.Popen[str]:
    """Start a run in a session of its own that takes many seconds, and return when its workers are busy."""
    for number in range(FEWEST_FILES_FOR_WORKERS + 20):
        text = "import psycopg\nc = psycopg.connect('')\n" + 'c.execute("SET x TO 1")\n' * 1500
        (folder / f"{number}.py").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "txsafe", "check", "--isolated", "--debug", "--jobs", "2", "."],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert any(line.startswith("rules: ") for line in process.stderr)
    time.sleep(1)
    assert process.poll() is None
    return process


def test_a_process_that_nobody_started_follows_nobody() -> None:
    before = signal.getsignal(signal.SIGINT)
    threads = threading.active_count()
    try:
        _follow_parent()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        assert threading.active_count() == threads
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_ends_the_workers_without_a_word(tmp_path: Path) -> None:
    process = start_long_run(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors
    wait_until_gone(process.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_the_process_that_started_them(tmp_path: Path, number: signal.Signals) -> None:
    process = start_long_run(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == -number
    wait_until_gone(process.pid)
