"""The pipeline for many files: the gate, one process or several, results in path order.

In: files, a `Config` and the resolved profile. Out: a `Report`. Most runs of a hook end at the gate, so what comes
after it is imported where it starts.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from functools import cached_property, partial

from txsafe.discovery import read_input
from txsafe.errors import SourceError
from txsafe.gate import TRANSACTION_WORDS, may_matter, words_of
from txsafe.own_rules import UNUSED_SUPPRESSION
from txsafe.results import FileReport, Keeps, Report

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from txsafe.cache.folder import Cache
    from txsafe.cache.memory import Memory
    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.model import Diagnostic
    from txsafe.project import Program, Project
    from txsafe.results import Profile
    from txsafe.workers import Answer, Numbered, Setting

Progress = Callable[[int, int], None]
"""Files done, files in all."""
FEWEST_FILES_FOR_WORKERS = 48
"""Below this, the start of a worker (imports, catalogue) costs more than it saves."""
MANY_FILES = 50
"""From so many files on it is worth while to ask an earlier run which of them matter."""
MOST_USERS = 24
"""Files that mention one name; a name in more of them is an everyday word."""
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
    around: Sequence[FileInput] = (),
) -> Report:
    """Analyse files and return their reports in path order.

    `executor` runs them in other processes; without one, a pool of `config.jobs` is made where the input is worth it.
    `cache` is where reports of unchanged files are looked up and kept; a run over content that is not on disk does not.
    `around` are files of the same program that are not analysed themselves; see `find_program`.
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
    found: Iterable[FileReport] = reports.values()
    if candidates:
        program = find_program(files, config, around=around)
        found = _analyze_candidates(
            files, candidates, reports, recall, program=program, executor=executor, on_progress=on_progress
        )
    recall.save()
    return Report(profile=profile, files=tuple(sorted(found, key=lambda report: report.path)))


def _analyze_candidates(
    files: Sequence[FileInput],
    candidates: Sequence[Numbered],
    reports: dict[int, FileReport],
    recall: _Recall,
    *,
    program: Program | None,
    executor: Executor | None,
    on_progress: Progress | None,
) -> Iterable[FileReport]:
    """Add the reports of what the gate let in to the others', and settle what they say of each other."""
    from txsafe.placing import place
    from txsafe.workers import Setting

    setting = Setting(recall.config, program, recall.keeps)
    for number, report in recall.run(candidates, setting, executor):
        reports[number] = report
        if on_progress is not None:
            on_progress(len(reports), len(files))
    if setting.program is not None:
        unread = {number for number, report in reports.items() if not report.parsed and not report.errors}
        passed_over = [(number, file) for number, file in enumerate(files) if number in unread]
        reports.update(recall.run(find_users(passed_over, reports.values()), setting, executor))
    return place(list(reports.values()), Settling(files, setting))


class _Recall:
    """Runs the files of which nothing is known from an earlier run."""

    def __init__(self, cache: Cache | None, config: Config, profile: Profile, keeps: Keeps) -> None:
        self.config = config
        self.keeps = keeps
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
            from txsafe.workers import analyzer_of

            return analyzer_of(setting).project

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


def find_program(files: Iterable[FileInput], config: Config, *, around: Iterable[FileInput] = ()) -> Program | None:
    """Return the folders of the program that the files of a run belong to; None where imports are not followed.

    `around` are other files of the program. One that is on disk may be named with another content as well.
    """
    if not config.follow_imports:
        return None
    from txsafe.project import Program

    every = [(os.path.abspath(file.path), file.data) for file in (*files, *around)]  # noqa: PTH100
    paths = dict.fromkeys(path for path, data in every if data is None)
    contents = {path: data for path, data in every if data is not None and path in paths}
    return Program.of(tuple(paths), config.root, contents=contents)


class Settling:
    """Settles the files in which others have found something, which are few."""

    def __init__(self, files: Sequence[FileInput], setting: Setting) -> None:
        self._files = {file.display: file for file in files}
        self._setting = setting

    def __call__(self, path: str, diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """Return all diagnostics of a file with its suppressions and fingerprints."""
        from txsafe.source import decode
        from txsafe.workers import analyzer_of

        own = tuple(diagnostic for diagnostic in diagnostics if diagnostic.rule != UNUSED_SUPPRESSION)
        file = self._files[path]
        try:
            data = read_input(file, limit=self._setting.config.max_file_size)
            return analyzer_of(self._setting).settle(decode(data, path), own)
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
        return FileReport.unread(file.display, str(error))
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


def _run(files: Sequence[Numbered], setting: Setting, executor: Executor | None) -> Iterator[Answer]:
    jobs = setting.config.jobs or _processors()
    if executor is not None or (jobs > 1 and len(files) >= FEWEST_FILES_FOR_WORKERS):
        from txsafe.processes import run_elsewhere

        yield from run_elsewhere(files, setting, executor, jobs=jobs)
        return
    from txsafe.workers import analyze_chunk

    for each in files:
        yield from analyze_chunk((each,), setting)


def _processors() -> int:
    """Return how many processors this process may use, of those that a machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
