"""Laws of whole runs: what a program is found to do depends on the program, not on the way it is looked at."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import txsafe.engine
import txsafe.processes
import txsafe.workers
from txsafe.analysis import Analyzer
from txsafe.config import Config
from txsafe.discovery import find_files
from txsafe.engine import analyze

if TYPE_CHECKING:
    from collections.abc import Callable

    from txsafe.discovery import FileInput
    from txsafe.model import Report

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROGRAMS = sorted(path for kind in ("program", "projects") for path in (FIXTURES / kind).iterdir() if path.is_dir())
PROFILE = Analyzer.of(Config()).profile
T = TypeVar("T")


class Processes(Executor):
    """Runs each task here, in what is a new process where a list says so."""

    def __init__(self, new: list[bool]) -> None:
        self._new = new

    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        if self._new and self._new.pop():
            txsafe.workers.analyzer_of.cache_clear()
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@cache
def files_of(program: Path) -> tuple[FileInput, ...]:
    return find_files([str(program)], Config(root=program)).files


def found(files: tuple[FileInput, ...], program: Path, executor: Executor | None = None) -> Report:
    report = analyze(files, Config(root=program, jobs=1), profile=PROFILE, executor=executor)
    return replace(report, files=tuple(replace(file, consulted=None) for file in report.files))


@cache
def expected(program: Path) -> Report:
    return found(files_of(program), program)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(program=st.sampled_from(PROGRAMS), data=st.data())
def test_neither_the_order_of_files_nor_who_analyses_them_matters(
    program: Path, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tuple(data.draw(st.permutations(files_of(program))))
    with monkeypatch.context() as patched:
        patched.setattr(txsafe.processes, "FILES_PER_TASK", data.draw(st.integers(1, 8)))
        processes = Processes(data.draw(st.lists(st.booleans(), max_size=len(files))))
        assert found(files, program, processes) == expected(program)
    assert len(expected(program).diagnostics) > 0


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_line_ends_of_a_program_of_many_files_do_not_matter(program: Path, end: str) -> None:
    files = files_of(program)
    same = [replace(file, data=file.path.read_bytes()) for file in files]
    other = [replace(file, data=file.path.read_bytes().replace(b"\n", end.encode())) for file in files]
    before, after = found(tuple(same), program), found(tuple(other), program)

    def told(report: Report) -> list[tuple[object, ...]]:
        return [(each.path, each.start.line, each.rule, each.variant, each.confidence) for each in report.diagnostics]

    assert told(after) == told(before)
