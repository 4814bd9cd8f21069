"""What of a report is shown, and what it means for the shell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from txsafe.changes import Changes
from txsafe.config import Config, SeverityOverride
from txsafe.errors import ConfigError
from txsafe.model import (
    Confidence,
    Diagnostic,
    FileError,
    FileReport,
    Position,
    Profile,
    Report,
    Severity,
    UnresolvedSink,
)
from txsafe.selection import ExitStatus, add_errors, check_selectors, exit_status, keep_changed, select

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = Profile(name="p", pooler="p", version=None, mode="transaction")
RULES = ("listen", "session-set", "session-role")


def diagnostic(rule: str = "listen", line: int = 1, path: str = "a.py") -> Diagnostic:
    return Diagnostic(
        rule=rule,
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        path=path,
        start=Position(line, 1),
        end=Position(line, 2),
        message="m",
    )


def report(*diagnostics: Diagnostic, **rest: object) -> Report:
    file = replace(FileReport(path="a.py", diagnostics=diagnostics), **rest)  # type: ignore[arg-type]
    return Report(profile=PROFILE, files=(file,))


def rules(config: Config, *given: str) -> list[str]:
    chosen = select(report(*(diagnostic(rule) for rule in given)), config)
    return [each.rule for each in chosen.diagnostics]


def test_rules_are_selected_and_ignored_by_id_or_glob() -> None:
    assert rules(Config(select=("session-*",)), *RULES) == ["session-role", "session-set"]
    assert rules(Config(select=("session-*",), ignore=("session-set",)), *RULES) == ["session-role"]
    assert rules(Config(), *RULES) == sorted(RULES)


def test_an_unread_file_is_only_hidden_by_name() -> None:
    assert rules(Config(select=("listen",), min_confidence=Confidence.HIGH), "syntax-error") == ["syntax-error"]
    assert rules(Config(ignore=("syntax-error",)), "syntax-error", "listen") == ["listen"]


def test_rules_can_be_ignored_for_some_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = Config(per_file_ignores={"a.*": ("listen",), "b/**": ("*",)}, root=tmp_path)
    assert rules(config, *RULES) == ["session-role", "session-set"]


def test_a_severity_can_be_changed_or_a_rule_switched_off() -> None:
    config = Config(severity={"listen": SeverityOverride.ERROR, "session-*": SeverityOverride.OFF})
    (only,) = select(report(*(diagnostic(rule) for rule in RULES)), config).diagnostics
    assert (only.rule, only.severity) == ("listen", Severity.ERROR)


def test_unsure_diagnostics_can_be_left_out() -> None:
    assert rules(Config(min_confidence=Confidence.MEDIUM), "listen") == ["listen"]
    assert rules(Config(min_confidence=Confidence.HIGH), "listen") == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config(select=("listne",)), "select: unknown rule 'listne'; did you mean 'listen'?"),
        (Config(ignore=("x-*",)), "ignore: unknown rule 'x-*'"),
        (Config(per_file_ignores={"a": ("y",)}), "per-file-ignores: 'a': unknown rule 'y'"),
        (Config(severity={"z": SeverityOverride.OFF}), "severity: unknown rule 'z'"),
    ],
)
def test_a_selector_that_fits_no_rule_is_an_error(config: Config, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_selectors(config, RULES)
    assert message in str(raised.value)


def test_selectors_that_fit_are_taken() -> None:
    check_selectors(Config(select=("session-*", "unused-suppression"), ignore=("listen",)), RULES)


def test_only_changed_lines_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    real = str((tmp_path / "a.py").resolve())
    changes = Changes(root=tmp_path.resolve(), lines={real: (range(2, 3),)}, untracked=frozenset())
    unresolved = tuple(UnresolvedSink(path="a.py", start=Position(n, 1), sink="s", reason="r") for n in (2, 3))
    given = report(diagnostic(line=1), diagnostic(line=2), diagnostic("syntax-error", line=9), unresolved=unresolved)
    kept = keep_changed(given, changes)
    assert [(each.rule, each.start.line) for each in kept.diagnostics] == [("listen", 2), ("syntax-error", 9)]
    assert [each.start.line for each in kept.files[0].unresolved] == [2]


def test_what_could_not_be_opened_becomes_part_of_the_report() -> None:
    error = FileError(path="Z.py", line=0, message="m")
    assert [file.path for file in add_errors(report(), [error]).files] == ["Z.py", "a.py"]


UNRESOLVED = UnresolvedSink(path="a.py", start=Position(1, 1), sink="s", reason="r")
ERROR = FileError(path="a.py", line=0, message="m")


@pytest.mark.parametrize(
    ("given", "config", "status"),
    [
        (report(), Config(), ExitStatus.CLEAN),
        (report(diagnostic()), Config(), ExitStatus.FOUND),
        (report(diagnostic()), Config(fail_on=Severity.ERROR), ExitStatus.CLEAN),
        (report(diagnostic()), Config(exit_zero=True), ExitStatus.CLEAN),
        (report(replace(diagnostic(), suppressed=True)), Config(), ExitStatus.CLEAN),
        (report(replace(diagnostic(), baselined=True)), Config(), ExitStatus.CLEAN),
        (report(errors=(ERROR,)), Config(exit_zero=True), ExitStatus.FOUND),
        (report(replace(diagnostic("syntax-error"), suppressed=True)), Config(exit_zero=True), ExitStatus.FOUND),
        (report(diagnostic("internal-error")), Config(exit_zero=True), ExitStatus.FAILED),
        (report(unresolved=(UNRESOLVED,)), Config(), ExitStatus.CLEAN),
        (report(unresolved=(UNRESOLVED,)), Config(require_full_coverage=True), ExitStatus.FOUND),
    ],
)
def test_the_exit_status_is_never_0_where_something_was_not_looked_at(
    given: Report, config: Config, status: ExitStatus
) -> None:
    assert exit_status(given, config) is status
