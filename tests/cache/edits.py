"""What may happen to a tree between two runs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = sorted(path for path in (Path(__file__).parents[2] / "fixtures/program").iterdir() if path.is_dir())
CONNECTED = 'import psycopg\nc = psycopg.connect("")\n'


def age(root: Path) -> None:
    """Let all that changed a moment ago be settled: no clock ticks as slowly as this takes."""
    newest = max(path.stat().st_ctime_ns for path in (root, *root.rglob("*")))
    while newest > (time.time() - 0.03) * 1e9:
        pass


def files_of(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.*") if path.is_file() and ".txsafe_cache" not in path.parts)


def some_file(root: Path, data: st.DataObject) -> Path | None:
    files = files_of(root)
    return data.draw(st.sampled_from(files)) if files else None


def delete(root: Path, data: st.DataObject) -> None:
    if file := some_file(root, data):
        file.unlink()


def touch(root: Path, data: st.DataObject) -> None:
    if file := some_file(root, data):
        os.utime(file)


def swap(root: Path, data: st.DataObject) -> None:
    """Exchange two files: sizes, times and inodes move with the content."""
    first, second = some_file(root, data), some_file(root, data)
    if first and second:
        kept = root / "kept"
        first.rename(kept)
        if second.exists():
            second.rename(first)
        kept.rename(second)


def drop_lines(root: Path, data: st.DataObject) -> None:
    if file := some_file(root, data):
        lines = file.read_text().splitlines(keepends=True)
        number = data.draw(st.integers(0, max(len(lines) - 1, 0)))
        file.write_text("".join(lines[:number] + lines[number + 1 :]))


def change_unseen(root: Path, data: st.DataObject) -> None:
    """Change words for others of the same length, and set the times back."""
    if file := some_file(root, data):
        before = file.stat()
        text = file.read_text()
        for old, new in (("LISTEN", "NOTIFY"), ("SET ", "END "), ("lock", "lack"), ("run", "ran"), ("def ", "xyz ")):
            if data.draw(st.booleans()):
                text = text.replace(old, new)
        file.write_text(text)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(root: Path, data: st.DataObject) -> None:
    folders = sorted({path.parent for path in files_of(root)} | {root})
    name, text = data.draw(
        st.sampled_from(
            [
                ("__init__.py", ""),
                ("db.py", CONNECTED + 'def run(q):\n    c.execute(q)\nrun("LISTEN jobs")\n'),
                ("queries.sql", "LISTEN jobs;\n"),
                ("requirements.txt", "psycopg==3.1\nasyncpg==0.20\n"),
                ("uv.lock", '[[package]]\nname = "psycopg"\nversion = "3.2.1"\n'),
                ("late.py", "from db import run, helper\nrun('SET search_path TO x')\nhelper('SELECT 1')\n"),
                (".env", "DATABASE_URL=postgres://u@h/d?options=-c%20search_path%3Dapp\n"),
            ]
        )
    )
    (data.draw(st.sampled_from(folders)) / name).write_text(text)


def nothing(root: Path, data: st.DataObject) -> None:
    """Leave all as it is."""


EDITS: list[Callable[[Path, st.DataObject], None]] = [delete, touch, swap, drop_lines, change_unseen, add, nothing]
