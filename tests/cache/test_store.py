"""The database of results: damaged, locked, on a full or read-only disk, killed in the middle, too large."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.cache import store
from txsafe.cache.store import FILE, Result, Store

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {("a.py", "1"): Result(candidate=True, report="[1]"), ("b.py", "2"): Result(candidate=False)}
STAMP = (1, 2, 3, 4)


def filled(folder: Path) -> Store:
    made = Store(str(folder))
    made.write([(b"/a.py", STAMP, "1")], [(*key, value) for key, value in KNOWN.items()], name="run")
    assert made.troubles == []
    return made


def test_what_is_written_is_found_under_its_name(tmp_path: Path) -> None:
    filled(tmp_path)
    known = Store(str(tmp_path))
    assert known.known_results("run") == KNOWN
    assert known.known_results("another") == {}
    assert known.known_files() == {b"/a.py": (STAMP, "1")}
    assert known.troubles == []


def test_paths_are_bytes_and_need_not_be_utf_8(tmp_path: Path) -> None:
    made = Store(str(tmp_path))
    made.write([(b"/\xff\n.py", STAMP, "1")], [], name="run")
    assert list(made.known_files()) == [b"/\xff\n.py"]


@given(at=st.integers(0, 20_000), data=st.binary(min_size=1, max_size=64))
def test_whatever_is_damaged_is_never_taken_for_something_else(
    tmp_path_factory: pytest.TempPathFactory, at: int, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    filled(folder)
    content = bytearray((folder / FILE).read_bytes())
    at %= len(content)
    content[at : at + len(data)] = data
    (folder / FILE).write_bytes(content)
    read = Store(str(folder))
    for key, result in read.known_results("run").items():
        if result.report is not None:
            assert result.report == "[1]", key
    for _, digest in read.known_files().values():
        assert isinstance(digest, str)
    read.write([], [("c.py", "3", Result(candidate=True))], name="run")


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_replaced_and_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    broken = Store(str(tmp_path))
    assert broken.known_results("run") == {}
    assert bool(broken.troubles) == bool(content)
    filled(tmp_path)
    assert Store(str(tmp_path)).known_results("run") == KNOWN


def test_a_result_that_was_tampered_with_is_left_out_and_told(tmp_path: Path) -> None:
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("UPDATE results SET report = ? WHERE path = 'a.py'", (b"\0\0\0\0" + zlib.compress(b"[2]"),))
        database.execute("INSERT INTO results VALUES ('run', 'c.py', 3, 'x', 4, 5)")
    read = Store(str(tmp_path))
    assert list(read.known_results("run")) == [("b.py", "2")]
    assert read.troubles == ["a kept result is damaged; it is made anew"] * 2


def test_a_small_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_LARGEST_REPORT", 1000)
    made = Store(str(tmp_path))
    made.write([], [("a.py", "1", Result(candidate=True, report=json.dumps("x" * 2000)))], name="run")
    assert made.known_results("run") == {}


def test_a_locked_database_is_given_up_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PATIENCE", 0.05)
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        waiting = Store(str(tmp_path))
        waiting.write([], [("c.py", "3", Result(candidate=True))], name="run")
        assert waiting.troubles == [f"{FILE}: cannot be written: database is locked"]
        database.execute("ROLLBACK")
    assert Store(str(tmp_path)).known_results("run") == KNOWN


def test_the_older_half_goes_when_there_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("UPDATE results SET day = 1")
    noise = [
        ("new.py", str(number), Result(candidate=True, report=json.dumps(os.urandom(2000).hex())))
        for number in range(100)
    ]
    monkeypatch.setattr(store, "MOST_BYTES", 150_000)
    made.write([], noise, name="run")
    left = made.known_results("run")
    assert 0 < len(left) < 60
    assert not left.keys() & KNOWN.keys()
    assert (tmp_path / FILE).stat().st_size <= 150_000


def test_what_is_in_use_is_not_the_oldest(tmp_path: Path) -> None:
    made = filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("UPDATE results SET day = 1")
        made_by = database.execute("SELECT max(day) FROM results").fetchone()
    assert made_by == (1,)
    made.touch("run")
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        assert database.execute("SELECT min(day) FROM results").fetchone()[0] > 20_000


AS_NOBODY = """
import os, sys
sys.path[:0] = {path!r}
from txsafe.cache.store import Result, Store
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
made = Store({folder!r})
print(len(made.known_results("run")))
made.write([], [("c.py", "3", Result(True))], name="run")
print(len(made.known_results("run")), *made.troubles)
"""


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    filled(tmp_path)
    above = tmp_path.parents[: len(tmp_path.relative_to(tempfile.gettempdir()).parts) - 1]
    for folder in (tmp_path, *above):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / FILE).chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        code = AS_NOBODY.format(path=sys.path, folder=str(tmp_path))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert done.stdout.splitlines() == ["2", f"2 {FILE}: cannot be written: attempt to write a readonly database"]


def test_a_full_disk_costs_what_was_not_kept(tmp_path: Path) -> None:
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
    code = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({pages * 4096}, {pages * 4096}))
from txsafe.cache.store import Result, Store
made = Store({str(tmp_path)!r})
made.write([], [("c.py", str(n), Result(True, '"' + str(n) * 3000 + '"')) for n in range(2000)], name="run")
print(len(made.known_results("run")), made.troubles)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 ['results.sqlite: cannot be written: ")
    assert Store(str(tmp_path)).known_results("run") == KNOWN


WRITER = """
import sys
sys.path[:0] = {path!r}
from txsafe.cache.store import Result, Store
made = Store({folder!r})
for number in range({times}):
    rows = [(f"{{each}}.py", str(number), Result(True, '"' + str(number) * 500 + '"')) for each in range(50)]
    made.write([], rows, name={name!r})
    print(number, *made.troubles, flush=True)
"""


def started(folder: Path, name: str, times: int) -> subprocess.Popen[str]:
    code = WRITER.format(path=sys.path, folder=str(folder), name=name, times=times)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_several_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [started(tmp_path, f"run{number}", 8) for number in range(3)]
    assert [writer.communicate(timeout=60)[0].splitlines()[-1] for writer in writers] == ["7"] * 3
    assert [len(Store(str(tmp_path)).known_results(f"run{number}")) for number in range(3)] == [400] * 3


def test_a_run_that_is_killed_while_it_writes_leaves_whole_transactions(tmp_path: Path) -> None:
    filled(tmp_path)
    for delay in (3, 5):
        writer = started(tmp_path, "killed", 100_000)
        assert writer.stdout is not None
        for _ in range(delay):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=30)
    after = Store(str(tmp_path))
    assert after.known_results("run") == KNOWN
    assert len(after.known_results("killed")) % 50 == 0
    after.write([], [("c.py", "3", Result(candidate=True))], name="run")
    assert after.troubles == []
