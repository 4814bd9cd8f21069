"""Rounds of fixes: what holds is kept, what does not is taken back and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from txsafe.discovery import FileInput
from txsafe.fixing import MOST_ROUNDS, Fixing, fix_files
from txsafe.model import (
    Applicability,
    Confidence,
    Diagnostic,
    Edit,
    FileError,
    FileReport,
    Fix,
    Place,
    Position,
    Profile,
    Report,
    Severity,
    Span,
)

PROFILE = Profile(name="p", pooler="p", version=None, mode="transaction")
Finder = Callable[[str, str], list[Diagnostic]]


def found(path: str, at: int, what: str, *edits: tuple[int, int, str], rule: str = "r") -> Diagnostic:
    places = tuple(Edit(place=Place(path, Span(start, end)), replacement=text) for start, end, text in edits)
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        path=path,
        start=Position(1, at + 1),
        end=Position(1, at + 2),
        message=what,
        fix=Fix(title="", edits=places, applicability=Applicability.SAFE) if edits else None,
        fingerprint=f"{path}:{what}:{at}",
    )


def run(texts: dict[str, str], finder: Finder) -> tuple[dict[str, str], Fixing]:
    def analyze(files: Sequence[FileInput], _: Sequence[FileInput]) -> Report:
        reports = [
            FileReport(path=file.display, diagnostics=tuple(finder(file.display, (file.data or b"").decode())))
            for file in files
        ]
        return Report(profile=PROFILE, files=tuple(reports))

    files = [FileInput(Path(name), name, text.encode()) for name, text in texts.items()]
    fixing = fix_files(files, analyze=analyze, wanted=lambda report: [d for d in report.diagnostics if d.fix])
    return {each.file.display: each.after.text for each in fixing.files}, fixing


def test_fixes_that_touch_the_same_text_take_turns() -> None:
    def finder(path: str, text: str) -> list[Diagnostic]:
        return [found(path, at, str(at), (0, len(text), f"{text[:at]}c{text[at + 1 :]}")) for at in letters(text, "a")]

    after, fixing = run({"x.py": "aba"}, finder)
    assert after == {"x.py": "cbc"}
    assert [each.message for each in fixing.fixed] == ["0", "2"]


def test_a_fix_that_does_not_mend_what_it_is_for_is_refused() -> None:
    after, fixing = run({"x.py": "a"}, lambda path, text: [found(path, 0, "a", (0, 0, " "))])
    assert after == {}
    assert [each.reason for each in fixing.refused] == ["it would not mend what it is for"]


def test_a_fix_that_brings_something_new_is_refused_and_the_others_are_not() -> None:
    def finder(path: str, text: str) -> list[Diagnostic]:
        olds = [found(path, at, text[at], (at, at + 1, "x" if text[at] == "a" else "y")) for at in letters(text, "ab")]
        return [*olds, *(found(path, at, "y") for at in letters(text, "y"))]

    after, fixing = run({"x.py": "a-b-a"}, finder)
    assert after == {"x.py": "x-b-x"}
    assert [each.reason for each in fixing.refused] == ["it would bring a new finding: r: y"]


def test_a_fix_after_which_the_file_cannot_be_read_is_refused() -> None:
    def finder(path: str, text: str) -> list[Diagnostic]:
        if "(" in text:
            return [replace(found(path, 0, "invalid Python"), rule="syntax-error")]
        return [found(path, 0, "a", (0, 1, "("))]

    after, fixing = run({"x.py": "a"}, finder)
    assert after == {}
    assert fixing.refused[0].reason == "the file would not be read any more, line 1: invalid Python"


def test_a_fix_after_which_a_file_is_read_with_errors_is_refused() -> None:
    def analyze(files: Sequence[FileInput], _: Sequence[FileInput]) -> Report:
        (file,) = files
        text = (file.data or b"").decode()
        report = FileReport(path="x.sql", diagnostics=(found("x.sql", 0, "a", (0, 1, "'")),) if "a" in text else ())
        if "'" in text:
            report = replace(report, errors=(FileError(path="x.sql", line=1, message="unterminated"),))
        return Report(profile=PROFILE, files=(report,))

    fixing = fix_files(
        [FileInput(Path("x.sql"), "x.sql", b"a")], analyze=analyze, wanted=lambda report: report.diagnostics
    )
    assert not fixing.files
    assert fixing.refused[0].reason == "the file would not be read without errors any more"


def test_files_that_a_fix_has_in_common_stand_and_fall_together() -> None:
    def finder(path: str, text: str) -> list[Diagnostic]:
        if path == "y.py":
            return [found(path, 0, "new")] if text == "B" else []
        if text != "a":
            return []
        one = found(path, 0, "a", (0, 1, "A"))
        assert one.fix is not None
        other = Edit(place=Place("y.py", Span(0, 1)), replacement="B")
        return [replace(one, fix=replace(one.fix, edits=(*one.fix.edits, other)))]

    after, fixing = run({"x.py": "a", "y.py": "b"}, finder)
    assert after == {}
    assert len(fixing.refused) == 1


def test_a_fix_in_a_file_outside_the_run_is_left() -> None:
    after, fixing = run({"x.py": "a"}, lambda path, text: [found("z.py", 0, "a", (0, 1, "A"))])
    assert (after, fixing.fixed, fixing.refused) == ({}, (), ())


def test_a_fix_that_the_encoding_cannot_spell_is_left() -> None:
    def finder(path: str, text: str) -> list[Diagnostic]:
        return [found(path, 0, "a", (0, 0, "€"))]

    after, _ = run({"x.py": "# coding: latin-1\n"}, finder)
    assert after == {}


def test_a_file_that_cannot_be_decoded_is_left() -> None:
    def analyze(files: Sequence[FileInput], _: Sequence[FileInput]) -> Report:
        reports = tuple(FileReport(path=file.display) for file in files)
        return Report(profile=PROFILE, files=reports)

    fixing = fix_files([FileInput(Path("x.py"), "x.py", b"\xff")], analyze=analyze, wanted=lambda report: ())
    assert fixing.files == ()


def test_fixes_without_end_come_to_an_end() -> None:
    def finder(path: str, text: str) -> list[Diagnostic]:
        return [found(path, 0, str(len(text)), (0, 0, "x"))]

    def analyze(files: Sequence[FileInput], _: Sequence[FileInput]) -> Report:
        reports = [FileReport(path=file.display, diagnostics=tuple(finder(file.display, "a"))) for file in files]
        return Report(profile=PROFILE, files=tuple(reports))

    fixing = fix_files(
        [FileInput(Path("x.py"), "x.py", b"")], analyze=analyze, wanted=lambda report: report.diagnostics
    )
    assert len(fixing.fixed) <= MOST_ROUNDS


def letters(text: str, which: str) -> list[int]:
    return [number for number, letter in enumerate(text) if letter in which]
