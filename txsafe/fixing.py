"""Files in, the same files with their fixes applied out, in memory: nothing is written here.

Fixes are applied in rounds, because one may make room for the next. After each round the changed files are analysed
again: whatever was fixed must be gone, nothing new may have come, and the file must still be read without errors. A
round that a file does not survive is taken back for this file, and its fixes are tried one by one; the one that is to
blame is refused, and said.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from txsafe.edits import apply_edits, choose
from txsafe.errors import SourceError
from txsafe.own_rules import UNREAD
from txsafe.source import decode, encode, line_starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from txsafe.discovery import FileInput
    from txsafe.model import Diagnostic, Edit, FileReport, Fix, Report, SourceFile

MOST_ROUNDS = 100
"""Of all files together; a file settles in two or three unless its fixes have to be tried one by one."""

Analyze: TypeAlias = "Callable[[Sequence[FileInput], Sequence[FileInput]], Report]"
"""Files, and others that have been changed → all that is found in the first."""
Wanted: TypeAlias = "Callable[[Report], Iterable[Diagnostic]]"
"""A report → the diagnostics whose fixes are asked for."""

_Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedFile:
    """A file, and what becomes of it."""

    file: FileInput
    """With the bytes that were analysed."""
    before: SourceFile
    after: SourceFile

    @property
    def data(self) -> bytes:
        """The new content; raises `SourceError` where the file's encoding cannot spell it."""
        return encode(self.before, self.after.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A fix that was tried and taken back."""

    diagnostic: Diagnostic
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """What a run of fixes came to."""

    files: tuple[FixedFile, ...] = ()
    """Those that change, in path order."""
    fixed: tuple[Diagnostic, ...] = ()
    """In the order of application; places are those of the round."""
    refused: tuple[Refused, ...] = ()
    report: Report
    """What is found afterwards."""


def fix_files(files: Sequence[FileInput], *, analyze: Analyze, wanted: Wanted) -> Fixing:
    """Apply the fixes that are wanted; `files` carry their content (`FileInput.data`)."""
    return _Fixer(files, analyze=analyze, wanted=wanted).run()


@dataclass(slots=True)
class _Results:
    fixed: list[Diagnostic] = field(default_factory=list)
    refused: dict[str, Refused] = field(default_factory=dict)


class _Fixer:
    def __init__(self, files: Sequence[FileInput], *, analyze: Analyze, wanted: Wanted) -> None:
        self._analyze = analyze
        self._wanted = wanted
        self._files = {file.display: file for file in files}
        self._report = analyze(files, ())
        self._senders = _senders(self._report)
        self._original = {path: source for path, file in self._files.items() if (source := _decoded(file)) is not None}
        self._sources = dict(self._original)
        self._careful: set[str] = set()
        self._results = _Results()

    def run(self) -> Fixing:
        for _ in range(MOST_ROUNDS):
            chosen = self._choose()
            if not chosen:
                break
            self._try(chosen)
        changed = (
            FixedFile(file=self._files[path], before=before, after=self._sources[path])
            for path, before in sorted(self._original.items())
            if self._sources[path].text != before.text
        )
        results = self._results
        return Fixing(
            files=tuple(changed),
            fixed=tuple(results.fixed),
            refused=tuple(results.refused.values()),
            report=self._report,
        )

    # ---------------------------------------------------------------- one round

    def _choose(self) -> tuple[Diagnostic, ...]:
        candidates = [
            diagnostic
            for diagnostic in self._wanted(self._report)
            if diagnostic.fingerprint not in self._results.refused and self._is_possible(diagnostic)
        ]
        chosen: list[Diagnostic] = []
        busy: set[str] = set()
        for diagnostic in choose(candidates, _fix_of):
            paths = self._paths(diagnostic)
            if paths & self._careful & busy:
                continue
            busy |= paths
            chosen.append(diagnostic)
        return tuple(chosen)

    def _is_possible(self, diagnostic: Diagnostic) -> bool:
        """Return whether a fix has edits, all of them in files of the run that can spell them."""
        edits = () if diagnostic.fix is None else diagnostic.fix.edits
        return bool(edits) and all(self._can_spell(edit) for edit in edits)

    def _can_spell(self, edit: Edit) -> bool:
        source = self._sources.get(edit.place.path)
        if source is None:
            return False
        try:
            encode(source, edit.replacement)
        except SourceError:
            return False
        return True

    def _try(self, chosen: Sequence[Diagnostic]) -> None:
        """Apply fixes and keep what holds; files that a fix has in common stand and fall together."""
        changed = self._apply(chosen)
        after = self._reports_after(changed, {path for diagnostic in chosen for path in self._paths(diagnostic)})
        before = {report.path: report for report in self._report.files}
        for group in self._groups(chosen):
            paths = {path for diagnostic in group for path in self._paths(diagnostic)}
            fault = find_fault(group, [before[path] for path in paths], [after[path] for path in paths])
            if fault is None:
                self._accept(group, {path: source for path, source in changed.items() if path in paths}, after)
            elif len(group) == 1:
                self._results.refused[group[0].fingerprint] = Refused(diagnostic=group[0], reason=fault)
            else:
                self._careful |= paths

    def _reports_after(self, changed: Mapping[str, SourceFile], paths: set[str]) -> dict[str, FileReport]:
        """Return what is found in some files, where others of the program have been changed as well."""
        sources = {**self._sources, **changed}
        held = {path: replace(self._files[path], data=_bytes_of(source)) for path, source in sources.items()}
        inputs = [held[path] for path in sorted(paths)]
        beside = [
            file for path, file in held.items() if path not in paths and sources[path].text != self._original[path].text
        ]
        return {report.path: report for report in self._analyze(inputs, beside).files}

    def _apply(self, chosen: Iterable[Diagnostic]) -> dict[str, SourceFile]:
        edits = [edit for diagnostic in chosen for edit in _fix_of(diagnostic).edits]
        changed = {}
        for path in {edit.place.path for edit in edits}:
            source = self._sources[path]
            text = apply_edits(source.text, (edit for edit in edits if edit.place.path == path))
            changed[path] = _with_text(source, text)
        return changed

    def _groups(self, chosen: Sequence[Diagnostic]) -> list[list[Diagnostic]]:
        """Put together what changes a file in common."""
        groups: list[tuple[set[str], list[Diagnostic]]] = []
        for diagnostic in chosen:
            paths = self._paths(diagnostic)
            joined = [group for group in groups if group[0] & paths]
            groups = [group for group in groups if not group[0] & paths]
            groups.append(
                (
                    paths.union(*(group[0] for group in joined)),
                    [*(one for group in joined for one in group[1]), diagnostic],
                )
            )
        return [group for _, group in groups]

    def _paths(self, diagnostic: Diagnostic) -> set[str]:
        """Return the files that a fix changes, and those that tell whether it has mended what it is for."""
        edited = {edit.place.path for edit in _fix_of(diagnostic).edits}
        senders = (self._senders.get(path, set()) for path in edited)
        return edited | (paths_of(diagnostic).union(*senders) & self._sources.keys())

    def _accept(
        self, fixed: Sequence[Diagnostic], changed: Mapping[str, SourceFile], after: Mapping[str, FileReport]
    ) -> None:
        self._results.fixed += fixed
        self._sources |= changed
        again = {*changed, *(path for diagnostic in fixed for path in self._paths(diagnostic))}
        files = (after[file.path] if file.path in again else file for file in self._report.files)
        self._report = replace(self._report, files=tuple(files))
        self._senders = _senders(self._report)


def paths_of(diagnostic: Diagnostic) -> set[str]:
    """Return the files that a diagnostic is made of: where it stands, and where what it says is sent."""
    return {diagnostic.path, *(location.path for location in diagnostic.related)}


def _senders(report: Report) -> Mapping[str, set[str]]:
    """Return, for each file, those that have a say in what is found in it."""
    found: dict[str, set[str]] = {}
    for file in report.files:
        found[file.path] = {path for diagnostic in file.diagnostics for path in paths_of(diagnostic)}
    return found


def find_fault(fixed: Sequence[Diagnostic], before: Sequence[FileReport], after: Sequence[FileReport]) -> str | None:
    """Compare the reports on some files before and after fixes; return what speaks against these, if anything does."""
    broken = next((each for report in after for each in report.diagnostics if each.rule in UNREAD), None)
    if broken is not None:
        return f"the file would not be read any more, line {broken.start.line}: {broken.message}"
    if sum(len(report.errors) for report in after) > sum(len(report.errors) for report in before):
        return "the file would not be read without errors any more"
    old, new, gone = _count(before), _count(after), Counter(_key(diagnostic) for diagnostic in fixed)
    added = new - old
    if added:
        rule, _, sql, message = next(iter(added))[1:]
        return f"it would bring a new finding: {rule}: {sql or message}"
    remaining = new - (old - gone)
    if remaining:
        return "it would not mend what it is for"
    return None


def _count(reports: Iterable[FileReport]) -> Counter[_Key]:
    return Counter(_key(diagnostic) for report in reports for diagnostic in report.diagnostics)


def _key(diagnostic: Diagnostic) -> _Key:
    """Return what a diagnostic says, wherever it has moved to."""
    return diagnostic.path, diagnostic.rule, diagnostic.variant, diagnostic.sql, diagnostic.message


def _fix_of(diagnostic: Diagnostic) -> Fix:
    if diagnostic.fix is None:
        raise ValueError("a diagnostic without a fix cannot be fixed")
    return diagnostic.fix


def _decoded(file: FileInput) -> SourceFile | None:
    try:
        return decode(file.data or b"", file.display)
    except SourceError:
        return None


def _with_text(source: SourceFile, text: str) -> SourceFile:
    return replace(source, text=text, line_starts=line_starts(text))


def _bytes_of(source: SourceFile) -> bytes:
    return encode(source, source.text)
