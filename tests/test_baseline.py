"""Fingerprints survive moved lines; a baseline knows what it holds, and says what it holds in vain."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from txsafe.atomic import write_atomically
from txsafe.baseline import Entry, compare, read_baseline, write_baseline
from txsafe.errors import ConfigError
from txsafe.fingerprints import with_fingerprints
from txsafe.model import Confidence, Diagnostic, FileError, FileReport, Position, Profile, Report, Severity
from txsafe.source import decode

PROFILE = Profile(name="p", pooler="p", version=None, mode="transaction")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def diagnostic(line: int, sql: str = "LISTEN x", rule: str = "listen", path: str = "a.py") -> Diagnostic:
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        path=path,
        start=Position(line, 1),
        end=Position(line, 3),
        message="m",
        sql=sql,
    )


def fingerprints(text: str, *given: Diagnostic, root: Path) -> list[str]:
    source = decode(text.encode(), given[0].path)
    return [each.fingerprint for each in with_fingerprints(given, source, root=root)]


def report(*files: FileReport) -> Report:
    return Report(profile=PROFILE, files=files)


def file_with(*lines: tuple[int, str], path: str = "a.py", root: Path) -> FileReport:
    source = decode(b"\n" * 20, path)
    given = [diagnostic(line, sql, path=path) for line, sql in lines]
    return FileReport(path=path, parsed=True, diagnostics=with_fingerprints(given, source, root=root))


def test_moved_lines_and_other_spacing_do_not_change_a_fingerprint(folder: Path) -> None:
    before = fingerprints("\n\n", diagnostic(1), diagnostic(2), root=folder)
    after = fingerprints("\n" * 9, diagnostic(4, "LISTEN\n  x"), diagnostic(9), root=folder)
    assert before == after
    assert len(set(before)) == 2


def test_rule_path_and_sql_tell_fingerprints_apart(folder: Path) -> None:
    (folder / "b").mkdir()
    all_of_them = [
        *fingerprints("\n", diagnostic(1), diagnostic(1, "LISTEN y"), diagnostic(1, rule="temp-table"), root=folder),
        *fingerprints("\n", diagnostic(1, path="b/a.py"), root=folder),
    ]
    assert len(set(all_of_them)) == 4
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in all_of_them)


def test_where_there_is_no_sql_the_line_s_text_counts(folder: Path) -> None:
    one, other = diagnostic(1, ""), diagnostic(2, "")
    text = "connect(a=1)\nconnect(a=2)\n"
    assert fingerprints(text, one, other, root=folder) == [
        *fingerprints(text, one, root=folder),
        *fingerprints(text, other, root=folder),
    ]
    assert fingerprints(" connect(a=1)", one, root=folder) == fingerprints(text, one, root=folder)
    assert fingerprints("", diagnostic(7, ""), root=folder) != fingerprints(text, one, root=folder)


def test_a_fingerprint_is_the_same_wherever_the_run_starts(folder: Path) -> None:
    here = fingerprints("\n", diagnostic(1, path="sub/a.py"), root=folder)
    (folder / "sub").mkdir()
    os.chdir("sub")
    assert fingerprints("\n", diagnostic(1, path="a.py"), root=folder) == here


def test_what_was_written_is_known_in_the_next_run(folder: Path) -> None:
    file = Path("base.json")
    count = write_baseline(file, report(file_with((1, "LISTEN x"), root=folder)).diagnostics, root=folder)
    later = report(file_with((3, "LISTEN x"), (5, "LISTEN x"), root=folder))
    comparison = compare(later, read_baseline(file), root=folder)
    assert count == 1
    assert [each.baselined for each in comparison.report.diagnostics] == [True, False]
    assert comparison.stale == ()


def test_suppressed_diagnostics_and_unread_files_are_not_written(folder: Path) -> None:
    diagnostics = [replace(diagnostic(1), suppressed=True), diagnostic(2, rule="syntax-error")]
    assert write_baseline(Path("b.json"), diagnostics, root=folder) == 0


def test_an_unread_file_is_never_known(folder: Path) -> None:
    broken = replace(diagnostic(1, rule="syntax-error"), fingerprint="f")
    entry = Entry(path="a.py", rule="syntax-error", sql="", fingerprint="f")
    comparison = compare(report(FileReport(path="a.py", diagnostics=(broken,))), [entry], root=folder)
    assert not comparison.report.diagnostics[0].baselined


def test_entries_are_stale_when_their_file_was_read_or_is_gone(folder: Path) -> None:
    (folder / "there.py").touch()
    (folder / "broken.py").touch()
    entries = [
        Entry(path=name, rule="r", sql="", fingerprint=name) for name in ("a.py", "there.py", "gone.py", "broken.py")
    ]
    error = FileError(path="broken.py", line=1, message="m")
    seen = report(FileReport(path="a.py"), FileReport(path="broken.py", errors=(error,)))
    assert [entry.path for entry in compare(seen, entries, root=folder).stale] == ["a.py", "gone.py"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("\udcff", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a baseline"),
        ('{"diagnostics": []}', "not a baseline"),
        ('{"txsafe-baseline": 2, "diagnostics": []}', "version 2; this txsafe knows version 1"),
        ('{"txsafe-baseline": 1}', "no list"),
        ('{"txsafe-baseline": 1, "diagnostics": [{"path": "a"}]}', "entry 0 needs"),
    ],
)
def test_a_file_that_is_no_baseline_is_an_error(text: str, message: str) -> None:
    Path("b.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=message):
        read_baseline(Path("b.json"))


def test_a_missing_baseline_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"b\.json: cannot be read"):
        read_baseline(Path("b.json"))


def test_a_baseline_is_sorted_and_readable(folder: Path) -> None:
    diagnostics = [diagnostic(1, "LISTEN \n é", path="b.py"), diagnostic(9, path="a.py")]
    write_baseline(Path("b.json"), diagnostics, root=folder)
    document = json.loads(Path("b.json").read_text("utf-8"))
    assert [(each["path"], each["sql"]) for each in document["diagnostics"]] == [
        ("a.py", "LISTEN x"),
        ("b.py", "LISTEN é"),
    ]


def test_an_atomic_write_keeps_the_mode_and_follows_links(folder: Path) -> None:
    real = folder / "real"
    real.write_text("old")
    real.chmod(0o640)
    (folder / "link").symlink_to("real")
    write_atomically(folder / "link", b"new")
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (folder / "link").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["link", "real"]


def test_a_new_file_gets_the_usual_mode(folder: Path) -> None:
    old = os.umask(0o027)
    write_atomically(folder / "new", b"")
    os.umask(old)
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o640


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_atomically(Path("/dev/null"), b"x")
    assert not Path("/dev/null").is_file()


def test_a_failed_write_is_an_error_and_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_atomically(folder / "no" / "such", b"")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_atomically(folder / "loop", b"")
    (folder / "full").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_atomically(folder / "full", b"")
