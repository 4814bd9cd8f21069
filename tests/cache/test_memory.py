"""The law of the cache: with it, a run finds what it would find without it, whatever has happened in between."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import txsafe.engine
from txsafe.analysis import Analyzer
from txsafe.cache.folder import Cache, prepare
from txsafe.config import Config
from txsafe.discovery import FileInput, find_files
from txsafe.engine import analyze
from txsafe.model import Keeps, Report

PROGRAMS = sorted(path for path in (Path(__file__).parents[2] / "fixtures/program").iterdir() if path.is_dir())
CONNECTED = 'import psycopg\nc = psycopg.connect("")\n'
PROFILE = Analyzer.of(Config()).profile


def run(root: Path, config: Config, cache: Cache | None, *, keeps: Keeps = Keeps.NOTHING) -> Report:
    return analyze(find_files([str(root)], config).files, config, profile=PROFILE, keeps=keeps, cache=cache)


def opened(root: Path) -> Cache:
    cache = prepare(str(root / ".txsafe_cache"))
    assert cache is not None
    return cache


def without_consulted(report: Report) -> Report:
    return replace(report, files=tuple(replace(file, consulted=None) for file in report.files))


def age(root: Path) -> None:
    """Let all that changed a moment ago be settled: no clock ticks as slowly as this takes."""
    newest = max(path.stat().st_ctime_ns for path in (root, *root.rglob("*")))
    while newest > (__import__("time").time() - 0.03) * 1e9:
        pass


# ---------------------------------------------------------------- any edits

Edit = Callable[[Path, st.DataObject], None]


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


EDITS: list[Edit] = [delete, touch, swap, drop_lines, change_unseen, add, nothing]
CONFIGS = [{}, {"profile": "pgbouncer/statement"}, {"direct": ("db.py",)}, {"follow_imports": False}]


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(program=st.sampled_from(PROGRAMS), data=st.data())
def test_what_is_kept_gives_the_same_as_a_new_analysis_after_any_edits(program: Path, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder), "project")
        shutil.copytree(program, root)
        (root / "pyproject.toml").touch()
        for _ in range(data.draw(st.integers(1, 6))):
            data.draw(st.sampled_from(EDITS))(root, data)
            if data.draw(st.booleans()):
                age(root)
            config = Config(root=root, jobs=1, **data.draw(st.sampled_from(CONFIGS)))  # type: ignore[arg-type]
            keeps = data.draw(st.sampled_from(list(Keeps)))
            new = run(root, config, None, keeps=keeps)
            cache = opened(root)
            warm = run(root, config, cache, keeps=keeps)
            assert without_consulted(warm) == without_consulted(new)
            assert cache.troubles == []
