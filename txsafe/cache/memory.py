# os.path is several times faster than pathlib, and this runs for every file of a tree.
# ruff: noqa: PTH100
"""Files in, what they came to in an earlier run out, where nothing has changed that it depends on.

A report depends on its file's content and on the answers that its analysis got from the rest of the program
(`model.Consulted`): all of them are asked again, each once for all reports. What a file holds is known without reading
it where its stamp is that of a settled file of an earlier run; else it is read, and only the content counts.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.cache.codec import DamagedError, decode, encode
from txsafe.cache.keys import name_results
from txsafe.cache.stamps import is_settled, stamp
from txsafe.cache.store import Result, Store
from txsafe.errors import SourceError
from txsafe.model import FileReport
from txsafe.own_rules import INTERNAL_ERROR
from txsafe.project import BYTES_PER_MODULE, digest
from txsafe.source import read_bytes
from txsafe.watching import saw, spoil

if TYPE_CHECKING:
    from collections.abc import Callable

    from txsafe.cache.stamps import Stamp
    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.model import Consulted, Keeps, Profile, Question
    from txsafe.project import Project


class Memory:
    """What earlier runs have found, for one configuration; what this one finds is added by `save`."""

    def __init__(self, folder: str, config: Config, *, profile: Profile, keeps: Keeps) -> None:
        self._store = Store(folder)
        self._name = name_results(config, profile=profile, keeps=keeps)
        self._limit = config.max_file_size
        self._now = time.time()
        self._files = self._store.known_files()
        self._results = self._store.known_results(self._name)
        self._seen: dict[str, tuple[Stamp, str]] = {}
        """By absolute path: what this run has found there."""
        self._new_files: dict[bytes, tuple[Stamp, str]] = {}
        self._new_results: dict[tuple[str, str], Result] = {}
        self._answers: dict[Question, str] = {}

    @property
    def troubles(self) -> tuple[str, ...]:
        """What went wrong, in words."""
        return tuple(self._store.troubles)

    # ------------------------------------------------------------ the gate

    def is_candidate(self, file: FileInput, gate: Callable[[bytes], bool]) -> bool:
        """Return whether a file has to be analysed; `gate` says it where nobody knows. Raises `SourceError`."""
        content, data = self._look(os.path.abspath(file.path), limit=self._limit)
        key = file.display, content
        known = self._results.get(key)
        if known is None:
            answer = gate(read_bytes(file.path, limit=self._limit) if data is None else data)
            known = self._results[key] = self._new_results[key] = Result(answer)
        return known.candidate

    # ------------------------------------------------------------ reports

    def recall(self, file: FileInput, project: Callable[[], Project]) -> FileReport | None:
        """Return the report of a file as an analysis would make it now; None where that has to be found out."""
        try:
            content, _ = self._look(os.path.abspath(file.path), limit=self._limit)
        except SourceError:
            return None
        known = self._results.get((file.display, content))
        if known is None or known.report is None:
            return None
        try:
            report = decode(FileReport, json.loads(known.report))
        except (DamagedError, ValueError, RecursionError):
            self._store.troubles.append(f"the kept result of {file.display} is damaged; it is made anew")
            return None
        consulted = report.consulted
        return report if consulted is not None and self._holds(consulted, project) else None

    def remember(self, file: FileInput, report: FileReport, project: Callable[[], Project]) -> None:
        """Keep a report that was made in this run, if what it was made from is still there."""
        path = os.path.abspath(file.path)
        if not self._can_be_kept(path, report, project):
            spoil()
            return
        key = file.display, self._seen[path][1]
        gate = self._results.get(key)
        text = json.dumps(encode(report), separators=(",", ":"))
        self._new_results[key] = Result(gate is None or gate.candidate, text)

    def _can_be_kept(self, path: str, report: FileReport, project: Callable[[], Project]) -> bool:
        if report.consulted is None or any(each.rule == INTERNAL_ERROR for each in report.diagnostics):
            return False
        if path not in self._seen or not self._is_unchanged(path):
            return False
        return self._holds(report.consulted, project)

    def save(self) -> None:
        """Write what is new."""
        if self._new_files or self._new_results:
            results = ((path, content, result) for (path, content), result in self._new_results.items())
            files = ((path, known, content) for path, (known, content) in self._new_files.items())
            self._store.write(files, results, name=self._name)
        self._store.touch(self._name)

    def _holds(self, consulted: Consulted, project: Callable[[], Project]) -> bool:
        return all(self._answer((kind, where, what), project) == said for kind, where, what, said in consulted.answers)

    def _answer(self, question: Question, project: Callable[[], Project]) -> str:
        if question not in self._answers:
            try:
                self._answers[question] = project().answer(question, self._content)
            except ValueError:  # a damaged result may ask anything
                self._answers[question] = "\0"
        return self._answers[question]

    # ------------------------------------------------------------ contents

    def _content(self, path: str) -> str:
        """Return what a file of the program holds, in short; see `Asked.CONTENT`."""
        try:
            return self._look(path, limit=BYTES_PER_MODULE)[0]
        except SourceError as error:
            return str(error)

    def _look(self, path: str, *, limit: int) -> tuple[str, bytes | None]:
        """Return the digest of a file, and its bytes where they had to be read. Raises `SourceError`."""
        seen = self._seen.get(path)
        if seen is None or seen[0][0] > limit:
            before = stamp(path)
            known = self._files.get(os.fsencode(path))
            if known is None or known[0] != before or before[0] > limit:
                return self._read(path, before, limit=limit)
            saw(path)
            seen = self._seen[path] = known
        return seen[1], None

    def _read(self, path: str, before: Stamp, *, limit: int) -> tuple[str, bytes]:
        data = read_bytes(Path(path), limit=limit)
        seen = self._seen[path] = before, digest(data)
        if is_settled(before, self._now):
            self._new_files[os.fsencode(path)] = seen
        return seen[1], data

    def _is_unchanged(self, path: str) -> bool:
        """Return whether a file still holds what it did when this run looked first."""
        before, content = self._seen[path]
        if is_settled(before, self._now):
            return stamp(path) == before
        try:
            return digest(read_bytes(Path(path), limit=self._limit)) == content
        except SourceError:
            return False
