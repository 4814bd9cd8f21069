"""A full report in, the report that a user asked for out: rules, files, confidence, changed lines; and the exit status.

Pure: whoever calls has read the baseline and asked git.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from fnmatch import fnmatchcase

from txsafe.config import SeverityOverride
from txsafe.errors import ConfigError, did_you_mean
from txsafe.globs import matching
from txsafe.own_rules import INTERNAL_ERROR, OWN_RULES, UNREAD
from txsafe.results import FileReport, Severity

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from txsafe.changes import Changes
    from txsafe.config import Config
    from txsafe.model import Diagnostic
    from txsafe.results import FileError, Report


class ExitStatus(enum.IntEnum):
    """What a run tells the shell."""

    CLEAN = 0
    FOUND = 1
    """Diagnostics that fail the run, or files that could not be analysed."""
    FAILED = 2
    """Usage, configuration or internal error."""


def check_selectors(config: Config, rules: Iterable[str]) -> None:
    """Raise `ConfigError` for a selector that fits no rule."""
    known = frozenset(rules) | OWN_RULES
    selectors = {
        "select": config.select,
        "ignore": config.ignore,
        "severity": tuple(config.severity),
        **{f"per-file-ignores: {glob!r}": ignored for glob, ignored in config.per_file_ignores.items()},
    }
    for option, patterns in selectors.items():
        for pattern in patterns:
            if not any(fnmatchcase(rule, pattern) for rule in known):
                raise ConfigError(f"{option}: unknown rule {pattern!r}{did_you_mean(pattern, known)}")


def select(report: Report, config: Config) -> Report:
    """Keep the diagnostics that the configuration asks for, with the severities that it gives."""
    return replace(report, files=tuple(_select_of_file(file, config) for file in report.files))


def _select_of_file(file: FileReport, config: Config) -> FileReport:
    if not file.diagnostics:
        return file
    ignored = [*config.ignore]
    for glob, patterns in config.per_file_ignores.items():
        if matching((glob,), file.path, root=config.root):
            ignored += patterns
    overridden = (_override(diagnostic, config) for diagnostic in file.diagnostics)
    kept = (each for each in overridden if each is not None and _is_selected(each, config, ignored))
    return replace(file, diagnostics=tuple(kept))


def _override(diagnostic: Diagnostic, config: Config) -> Diagnostic | None:
    for pattern, severity in config.severity.items():
        if fnmatchcase(diagnostic.rule, pattern):
            if severity is SeverityOverride.OFF:
                return None
            return replace(diagnostic, severity=Severity(severity.value))
    return diagnostic


def _is_selected(diagnostic: Diagnostic, config: Config, ignored: Collection[str]) -> bool:
    if any(fnmatchcase(diagnostic.rule, pattern) for pattern in ignored):
        return False
    if diagnostic.rule in UNREAD:
        return True
    if config.select and not any(fnmatchcase(diagnostic.rule, pattern) for pattern in config.select):
        return False
    return diagnostic.confidence >= config.min_confidence


def keep_changed(report: Report, changes: Changes) -> Report:
    """Keep what stands on changed lines; that a changed file could not be analysed is kept, too."""

    def keep(file: FileReport) -> FileReport:
        return replace(
            file,
            diagnostics=tuple(
                each
                for each in file.diagnostics
                if each.rule in UNREAD or changes.touch(each.path, each.start.line, each.end.line)
            ),
            unresolved=tuple(
                each for each in file.unresolved if changes.touch(each.path, each.start.line, each.start.line)
            ),
        )

    return _each_file(report, keep)


def _each_file(report: Report, change: Callable[[FileReport], FileReport]) -> Report:
    return replace(report, files=tuple(change(file) for file in report.files))


def add_errors(report: Report, errors: Iterable[FileError]) -> Report:
    """Add what could not even be opened to a report."""
    unread = (FileReport(path=error.path, errors=(error,)) for error in errors)
    return replace(report, files=tuple(sorted((*report.files, *unread), key=lambda file: file.path)))


def exit_status(report: Report, config: Config) -> ExitStatus:
    """Return what a report means for the shell; see `docs/` on exit status."""
    live = [each for each in report.diagnostics if not (each.suppressed or each.baselined)]
    if any(each.rule == INTERNAL_ERROR for each in report.diagnostics):
        return ExitStatus.FAILED
    unread = any(each.rule in UNREAD for each in report.diagnostics) or any(file.errors for file in report.files)
    unresolved = config.require_full_coverage and any(file.unresolved for file in report.files)
    failing = not config.exit_zero and any(each.severity >= config.fail_on for each in live)
    return ExitStatus.FOUND if unread or unresolved or failing else ExitStatus.CLEAN
