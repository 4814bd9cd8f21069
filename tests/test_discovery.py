"""Paths → files: what is read, what is passed over, what cannot be looked at; and the patterns that decide."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from txsafe.config import Config
from txsafe.discovery import FileInput, Skipped, display_path, find_files, read_input
from txsafe.errors import ConfigError
from txsafe.globs import Globs, matching
from txsafe.model import FileError
from txsafe.source import FileKind

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def tree(tmp_path: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        yield tmp_path


@contextmanager
def as_plain_user(folder: Path) -> Iterator[None]:
    """Give up root's right to read everything for a while, in a folder that anybody may use."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.parents):
        if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
            path.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def put(*names: str, text: str = "") -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(*paths: str, config: Config | None = None) -> list[str]:
    return [file.display for file in find_files(paths or (".",), config or Config()).files]


def test_a_walk_finds_python_and_sql_files_in_order() -> None:
    put("b.py", "a/c.pyi", "a/x.sql", "a/t.sql.j2", "README.md", "script")
    assert found() == ["a/c.pyi", "a/t.sql.j2", "a/x.sql", "b.py"]


def test_default_excludes_apply_to_what_a_walk_meets_but_not_to_what_is_named() -> None:
    put("node_modules/a.py", "venv/b.py", "env/pyvenv.cfg", "env/c.py", "src/build/d.py", "build.py")
    assert found() == ["build.py"]
    assert found("node_modules", "src/build/d.py") == ["node_modules/a.py", "src/build/d.py"]
    assert found("env") == ["env/c.py"]


def test_forced_excludes_apply_to_what_is_named_and_to_what_lies_in_an_excluded_folder() -> None:
    put("node_modules/a.py", "x/b.py", "x/c.py")
    config = Config(force_exclude=True, extend_exclude=("x/c.py",))
    discovery = find_files(["node_modules/a.py", "node_modules", "x/b.py", "x/c.py"], config)
    assert [file.display for file in discovery.files] == ["x/b.py"]
    assert discovery.skipped == (
        Skipped("node_modules/a.py", "excluded", named=True),
        Skipped("node_modules", "excluded", named=True),
        Skipped("x/c.py", "excluded", named=True),
    )


def test_excludes_are_patterns_below_the_project_s_root(tree: Path) -> None:
    put("pkg/gen/a.py", "gen/b.py", "c_pb2.py", "keep/c_pb2.py")
    config = Config(exclude=("/gen/", "*_pb2.py", "!keep/*_pb2.py"), root=tree)
    assert found(config=config) == ["keep/c_pb2.py", "pkg/gen/a.py"]


def test_include_adds_files_whose_name_says_nothing() -> None:
    put("bin/tool", "bin/other", "x.sql.tmpl")
    assert found(config=Config(include=("bin/tool",))) == ["bin/tool"]
    assert found("bin/tool", config=Config(include=("bin/tool",))) == ["bin/tool"]


def test_gitignore_files_are_respected_the_nearest_one_first() -> None:
    put(".gitignore", text="*.gen.py\n/out/\n# comment\n!\n\\\n")
    put("sub/.gitignore", text="!keep.gen.py\r\nlocal.py\r\n")
    put("a.gen.py", "out/x.py", "sub/keep.gen.py", "sub/b.gen.py", "sub/local.py", "sub/out/y.py", "local.py")
    assert found() == ["local.py", "sub/keep.gen.py", "sub/out/y.py"]
    assert found("a.gen.py", "out") == ["a.gen.py", "out/x.py"]
    assert "out/x.py" in found(config=Config(respect_gitignore=False))


def test_gitignore_files_above_the_walk_count_within_the_repository() -> None:
    put(".git/info/exclude", text="private.py\n")
    put(".gitignore", text="a/b/secret.py\n")
    put("a/.gitignore", text="b/other.py\n")
    put("a/b/secret.py", "a/b/other.py", "a/b/private.py", "a/b/open.py")
    assert found("a/b") == ["a/b/open.py"]


def test_an_unreadable_gitignore_ignores_nothing() -> None:
    Path(".gitignore").mkdir()
    put("a.py")
    assert found() == ["a.py"]


def test_a_missing_path_is_told_apart_from_what_cannot_be_read() -> None:
    put("a.py")
    discovery = find_files(["a.py", "nope", "bad\0name"], Config())
    assert [file.display for file in discovery.files] == ["a.py"]
    assert [error.path for error in discovery.missing] == ["nope", "bad\\x00name"]
    assert not discovery.errors


def test_a_file_that_is_neither_is_passed_over_and_said() -> None:
    put("README.md")
    put("tool", text="#!/usr/bin/env python3\n")
    discovery = find_files(["README.md", "tool"], Config())
    assert [(file.display, file.kind) for file in discovery.files] == [("tool", FileKind.PYTHON)]
    assert discovery.skipped == (Skipped("README.md", "neither Python nor SQL nor settings", named=True),)


def test_a_folder_named_like_a_file_is_walked() -> None:
    put("x.py/a.py")
    assert found() == ["x.py/a.py"]


def test_links_are_followed_to_files_but_not_to_folders() -> None:
    put("real/a.py", "elsewhere.txt")
    Path("real/loop").symlink_to("..")
    Path("link.py").symlink_to("real/a.py")
    Path("other.py").symlink_to("elsewhere.txt")
    discovery = find_files(["."], Config())
    assert [file.display for file in discovery.files] == ["other.py", "real/a.py"]
    assert discovery.skipped == (Skipped("real/loop", "a symbolic link to a folder"),)
    assert found("link.py") == ["link.py"]


def test_broken_links_are_errors_except_an_editor_s_lock() -> None:
    Path("a.py").symlink_to("nowhere")
    Path("self.py").symlink_to("self.py")
    Path(".#b.py").symlink_to("me@host.1:2")
    expected = tuple(FileError(path=name, line=0, message="broken symbolic link") for name in ("a.py", "self.py"))
    assert find_files(["."], Config()).errors == expected
    assert find_files(["a.py", "self.py", "."], Config()).errors == expected


def test_pipes_sockets_and_devices_are_errors_and_nothing_waits_for_them() -> None:
    os.mkfifo("fifo.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.sql")
        Path("null.py").symlink_to("/dev/null")
        discovery = find_files([".", "/dev/null"], Config())
    assert [error.path for error in discovery.errors] == ["/dev/null", "fifo.py", "null.py", "s.sql"]
    assert {error.message for error in discovery.errors} == {"not a regular file"}


def test_an_unreadable_folder_is_an_error(tree: Path) -> None:
    put("secret/a.py")
    Path("secret").chmod(0)
    with as_plain_user(tree):
        discovery = find_files(["."], Config())
    Path("secret").chmod(0o700)
    assert [error.path for error in discovery.errors] == ["secret"]


def test_names_that_could_break_a_report_are_shown_escaped() -> None:
    put("new\nline.py", "esc\x1b[31m.py")
    Path(os.fsdecode(b"bad\xff.py")).write_text("")
    assert found() == ["bad\\xff.py", "esc\\x1b[31m.py", "new\\nline.py"]
    files = find_files(["."], Config()).files
    assert all(read_input(file, limit=9) == b"" for file in files)


def test_paths_are_shown_relative_where_they_lie_below_the_working_directory(tree: Path) -> None:
    assert display_path("a/../b.py") == "b.py"
    assert display_path(tree / "x" / "y.sql") == "x/y.sql"
    assert display_path(tree.parent / "z.py") == str(tree.parent / "z.py")
    assert display_path(str(tree) + "2/z.py") == str(tree) + "2/z.py"


def test_one_file_is_found_once_however_often_it_is_named() -> None:
    put("a/b.py")
    assert found("a", "a/b.py", "./a/../a/b.py", ".") == ["a/b.py"]


def test_data_that_came_with_a_file_is_not_read_again() -> None:
    assert read_input(FileInput(Path("gone.py"), "gone.py", b"x"), limit=0) == b"x"


def test_globs_tell_a_match_from_a_denial_and_from_nothing() -> None:
    root = Path("/r")
    globs = Globs.of(("*.py", "!a.py"))
    assert globs.match("/r/x/b.py", root=root, is_folder=False) is True
    assert globs.match("/r/a.py", root=root, is_folder=False) is False
    assert globs.match("/r/a.sql", root=root, is_folder=False) is None
    assert Globs.of(()).match("/r/a.sql", root=root, is_folder=False) is None


def test_a_pattern_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(ConfigError, match="not a gitignore pattern"):
        Globs.of(("!",))


def test_a_file_is_matched_below_the_root_wherever_the_run_starts(tree: Path) -> None:
    assert matching(["db/**"], "db/m/x.sql", root=tree)
    assert not matching(["db/**"], "other/db.py", root=tree)
    config = replace(Config(), root=tree)
    (tree / "db").mkdir()
    os.chdir("db")
    assert matching(["db/*.sql"], "x.sql", root=config.root)
