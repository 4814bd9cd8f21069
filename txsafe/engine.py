"""The pipeline for many files: the gate, one process or several, results in path order.

In: files, a `Config` and the resolved profile. Out: a `Report`. A worker process that dies takes no file with it: what
was not answered is tried again, one file after the other, and only what kills its worker again is reported.
"""

from __future__ import annotations

import gc
import multiprocessing
import operator
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from txsafe.discovery import read_input
from txsafe.errors import SourceError, TxsafeError
from txsafe.gate import TRANSACTION_WORDS, may_matter, words_of
from txsafe.model import Diagnostic, FileError, FileReport, Keeps, Profile, Report
from txsafe.own_rules import UNUSED_SUPPRESSION
from txsafe.placing import place
from txsafe.source import decode

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from txsafe.analysis import Analyzer
    from txsafe.cache.folder import Cache
    from txsafe.cache.memory import Memory
    from txsafe.catalog import Catalog
    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.project import Program, Project

Progress = Callable[[int, int], None]
"""Files done, files in all."""
Numbered = tuple[int, "FileInput"]
Answer = tuple[int, FileReport]
Work = Callable[[Sequence[Numbered]], tuple[Answer, ...]]
"""What other processes run."""

FEWEST_FILES_FOR_WORKERS = 48
"""Below this, the start of a worker (imports, catalogue) costs more than it saves."""
FILES_PER_TASK = 8
MANY_FILES = 50
"""From so many files on it is worth while to ask an earlier run which of them matter."""
MOST_USERS = 24
"""Files that mention one name; a name in more of them is an everyday word."""
_COLLECTION = (100_000, 50, 50)
"""Parsed modules are kept for the files that import them; Python's defaults walk all of them every moment."""
_NO_TRANSACTIONS = "statement"
"""The mode in which a transaction over several statements is itself a problem."""


def analyze(
    files: Sequence[FileInput],
    config: Config,
    *,
    profile: Profile,
    keeps: Keeps = Keeps.NOTHING,
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    cache: Cache | None = None,
) -> Report:
    """Analyse files and return their reports in path order.

    `executor` runs them in other processes; without one, a pool of `config.jobs` is made where the input is worth it.
    `cache` is where reports of unchanged files are looked up and kept; a run over content that is not on disk does not.
    """
    reports: dict[int, FileReport] = {}
    candidates: list[Numbered] = []
    tokens = _further_tokens(config, profile)
    recall = _Recall(None if any(file.data is not None for file in files) else cache, config, profile, keeps)
    for number, file in enumerate(files):
        report = _gate(file, config, tokens, recall.memory if len(files) >= MANY_FILES else None)
        if report is None:
            candidates.append((number, file))
        else:
            reports[number] = report
    setting = Setting(config, find_program(files, config) if candidates else None, keeps)
    for number, report in recall.run(candidates, setting, executor):
        reports[number] = report
        if on_progress is not None:
            on_progress(len(reports), len(files))
    if setting.program is not None:
        unread = {number for number, report in reports.items() if not report.parsed and not report.errors}
        passed_over = [(number, file) for number, file in enumerate(files) if number in unread]
        reports.update(recall.run(find_users(passed_over, reports.values()), setting, executor))
    recall.save()
    placed = place(list(reports.values()), Settling(files, setting))
    return Report(profile=profile, files=tuple(sorted(placed, key=lambda report: report.path)))


class _Recall:
    """Runs the files of which nothing is known from an earlier run."""

    def __init__(self, cache: Cache | None, config: Config, profile: Profile, keeps: Keeps) -> None:
        self._cache = cache
        self._open = partial(_open_memory, cache, config, profile, keeps)

    @cached_property
    def memory(self) -> Memory | None:
        """What is known; opened when it is first asked for, as a run over a few clean files never does."""
        return self._open()

    def run(self, files: Sequence[Numbered], setting: Setting, executor: Executor | None) -> Iterator[Answer]:
        """Yield the reports of some files, those that are known first."""
        memory = self.memory if files else None
        if memory is None:
            yield from _run(files, setting, executor)
            return

        def project() -> Project:
            return _analyzer(setting).project

        unknown: dict[int, FileInput] = {}
        for number, file in files:
            report = memory.recall(file, project)
            if report is None:
                unknown[number] = file
            else:
                yield number, report
        for number, report in _run(tuple(unknown.items()), setting, executor):
            memory.remember(unknown[number], report, project)
            yield number, report

    def save(self) -> None:
        """Keep what is new, and hand on what went wrong."""
        memory = vars(self).get("memory")
        if memory is not None and self._cache is not None:
            memory.save()
            self._cache.troubles += memory.troubles


def _open_memory(cache: Cache | None, config: Config, profile: Profile, keeps: Keeps) -> Memory | None:
    if cache is None:
        return None
    from txsafe.cache.memory import Memory

    return Memory(cache.place, config, profile=profile, keeps=keeps)


@dataclass(frozen=True, slots=True)
class Setting:
    """What workers are told of a run."""

    config: Config
    program: Program | None = None
    """Where imports are followed: its folders."""
    keeps: Keeps = Keeps.NOTHING
    run: str = field(default_factory=lambda: os.urandom(8).hex())
    """Tells runs apart, so that no process takes what it read for an earlier one for what is there now."""

    def __hash__(self) -> int:
        """Hash what tells runs apart: a configuration has parts that cannot be hashed."""
        return hash(self.run)


def find_program(files: Iterable[FileInput], config: Config) -> Program | None:
    """Return the folders of the program that the files of a run belong to; None where imports are not followed."""
    if not config.follow_imports:
        return None
    from txsafe.project import Program

    paths = [os.path.abspath(file.path) for file in files if file.data is None]  # noqa: PTH100
    return Program.of(paths, config.root)


class Settling:
    """Settles the files in which others have found something, which are few."""

    def __init__(self, files: Sequence[FileInput], setting: Setting) -> None:
        self._files = {file.display: file for file in files}
        self._setting = setting

    def __call__(self, path: str, diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """Return all diagnostics of a file with its suppressions and fingerprints."""
        own = tuple(diagnostic for diagnostic in diagnostics if diagnostic.rule != UNUSED_SUPPRESSION)
        analyzer = _analyzer(self._setting)
        file = self._files[path]
        try:
            data = read_input(file, limit=self._setting.config.max_file_size)
            return analyzer.settle(decode(data, path), own)
        except SourceError:  # it is gone, or cannot be decoded, which its report says already
            return diagnostics


def _further_tokens(config: Config, profile: Profile) -> tuple[bytes, ...]:
    """Return what opens the gate beside the shipped words: the project's own sinks, transactions where none may be."""
    modes = {profile.mode, *(name.rpartition("/")[2] for name in config.routes.values())}
    return (*words_of(config.sinks), *(TRANSACTION_WORDS if _NO_TRANSACTIONS in modes else ()))


def _gate(file: FileInput, config: Config, tokens: Sequence[bytes], memory: Memory | None = None) -> FileReport | None:
    """Return the report of a file that needs no parse, None for a candidate.

    The gate knows the shipped rules' and drivers' words, and `tokens`; a user's own rules open it for every file.
    """

    def matters(data: bytes) -> bool:
        return bool(config.rule_paths) or may_matter(data, file.kind, tokens=tokens)

    try:
        if memory is not None:
            is_candidate = memory.is_candidate(file, matters)
        else:
            is_candidate = matters(read_input(file, limit=config.max_file_size))
    except SourceError as error:
        return _unread(file, str(error))
    return None if is_candidate else FileReport(path=file.display)


def find_users(passed_over: Iterable[Numbered], reports: Iterable[FileReport]) -> list[Numbered]:
    """Return the files with nothing telling in them that mention what others define and nobody is seen to send."""
    names = {name for report in reports for name in report.loose}
    if not names:
        return []
    from txsafe.mentions import Mentions

    numbers = {os.path.abspath(file.path): (number, file) for number, file in passed_over}  # noqa: PTH100
    mentions = Mentions(lambda: (file for _, file in numbers.values()))
    found = (mentions.of(name).paths for name in names)
    paths = {path for each in found if len(each) <= MOST_USERS for path in each}
    return sorted((numbers[path] for path in paths), key=operator.itemgetter(0))


def may_be_read(file: FileInput, config: Config, *, profile: Profile) -> bool:
    """Tell whether a run for a profile would do more with a file than pass it over."""
    report = _gate(file, config, _further_tokens(config, profile))
    return report is None or bool(report.errors)


def _unread(file: FileInput, message: str) -> FileReport:
    return FileReport(path=file.display, errors=(FileError(path=file.display, line=0, message=message),))


def _run(files: Sequence[Numbered], setting: Setting, executor: Executor | None) -> Iterator[Answer]:
    jobs = min(setting.config.jobs or _processors(), -(-len(files) // FILES_PER_TASK))
    if executor is not None:
        yield from _survive(files, setting, executor, partial(analyze_chunk, setting=setting))
    elif jobs <= 1 or len(files) < FEWEST_FILES_FOR_WORKERS:
        for each in files:
            yield from analyze_chunk((each,), setting)
    else:
        with _pool(jobs, setting) as pool:
            yield from _survive(files, setting, pool, _analyze_assigned)


def _processors() -> int:
    """Return how many processors this process may use, of those that a machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _pool(jobs: int, setting: Setting) -> Iterator[Executor]:
    """Yield processes that know the setting, which is large: it names every file of the run.

    Their end is waited for unless nobody wants their answers any more: see `_follow_parent`.
    """
    if multiprocessing.get_start_method() == "fork":
        _analyzer(setting)  # they inherit what is loaded by now
    pool = ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(setting,))
    is_done = False
    try:
        yield pool
        is_done = True
    finally:
        pool.shutdown(wait=is_done, cancel_futures=True)


_assigned: list[Setting] = []
"""What this process analyses files for, where it is a worker of ours."""


def _start_worker(setting: Setting) -> None:
    _assigned[:] = [setting]
    _follow_parent()


def _analyze_assigned(files: Sequence[Numbered]) -> tuple[Answer, ...]:
    return analyze_chunk(files, _assigned[0])


def _follow_parent() -> None:
    """Let a worker end without a word when the user interrupts, and whenever the parent is gone, however that ended."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job ignores it, parent and all
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(process: BaseProcess) -> None:
    process.join()
    os._exit(1)  # the main thread may wait for work that nobody gives it any more


def _survive(files: Sequence[Numbered], setting: Setting, executor: Executor, work: Work) -> Iterator[Answer]:
    """Analyse in other processes; where one dies, go on with what is left in a way that tells what killed it.

    An executor of somebody else's says in its own way that it lost a task, so whatever is not ours counts for that.
    """
    left = dict(files)
    try:
        for number, report in _spread(files, executor, work):
            del left[number]
            yield number, report
    except TxsafeError:
        raise
    except (Exception, CancelledError):  # noqa: BLE001
        yield from _one_by_one(tuple(left.items()), setting)


def _one_by_one(files: Sequence[Numbered], setting: Setting) -> Iterator[Answer]:
    """Analyse in one process at a time, so that it was the file under way that killed it."""
    position = 0
    while position < len(files):
        with _pool(1, setting) as pool:
            try:
                while position < len(files):
                    yield from pool.submit(_analyze_assigned, (files[position],)).result()
                    position += 1
            except BrokenExecutor:
                number, file = files[position]
                yield number, _unread(file, "not analysed: the process that analysed it was killed")
                position += 1


def _spread(files: Sequence[Numbered], executor: Executor, work: Work) -> Iterator[Answer]:
    futures: list[Future[tuple[Answer, ...]]] = [
        executor.submit(work, tuple(files[start : start + FILES_PER_TASK]))
        for start in range(0, len(files), FILES_PER_TASK)
    ]
    try:
        for future in as_completed(futures):
            yield from future.result()
    finally:
        for future in futures:
            future.cancel()


def analyze_chunk(files: Sequence[Numbered], setting: Setting) -> tuple[Answer, ...]:
    """Analyse some files in this process; what worker processes run."""
    analyzer = _analyzer(setting)
    return tuple((number, analyzer.analyze(file)) for number, file in files)


@lru_cache(maxsize=2)
def _analyzer(setting: Setting) -> Analyzer:
    from txsafe.analysis import Analyzer  # a run without candidates never needs it

    if setting.config.follow_imports:
        _collect_rarely()
    user_files = (*setting.config.rule_paths, *setting.config.profile_files)
    catalog = None if user_files else _shipped_catalog()
    return Analyzer.of(setting.config, program=setting.program, keeps=setting.keeps, catalog=catalog)


@lru_cache(maxsize=1)
def _shipped_catalog() -> Catalog:
    """Load what a process needs for all of its runs."""
    from txsafe.catalog import load_catalog

    return load_catalog()


@lru_cache(maxsize=1)
def _collect_rarely() -> None:
    """Prepare this process, once, for the trees of a program: `Project` collects what is left of them itself."""
    gc.set_threshold(*_COLLECTION)
    gc.freeze()  # what is loaded by now stays; nobody need look through it again
