"""`--since`: which lines the working tree changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from txsafe.changes import changed_lines
from txsafe.errors import ConfigError


def git(*arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *arguments],
        check=True,
        capture_output=True,
    )


def commit(**files: str) -> None:
    for name, text in files.items():
        Path(name).write_text(text)
    git("add", "-A")
    git("commit", "-m", "x")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    root = tmp_path / "repo"
    root.mkdir()
    monkeypatch.chdir(root)
    git("init", "-b", "main")
    commit(a="1\n2\n3\n4\n5\n", b="1\n2\n")
    return root


def test_only_changed_lines_are_touched(repository: Path) -> None:
    Path("a").write_text("1\nnew\nnew\n2\n3\nfour\n5\n")
    changes = changed_lines("HEAD", repository)
    assert [line for line in range(1, 8) if changes.touch("a", line, line)] == [2, 3, 6]
    assert changes.touch("a", 4, 6)
    assert not changes.touch("a", 4, 5)
    assert not changes.touch("b", 1, 99)
    assert (changes.touch_file("a"), changes.touch_file("b")) == (True, False)


def test_staged_changes_count_and_a_folder_below_will_do(repository: Path) -> None:
    Path("sub").mkdir()
    Path("sub/c").write_text("1\n")
    git("add", "-A")
    changes = changed_lines("HEAD", repository / "sub")
    assert changes.touch("sub/c", 1, 1)


def test_untracked_files_and_files_elsewhere_count_as_changed(repository: Path, tmp_path: Path) -> None:
    Path("new").write_text("1\n")
    Path(".gitignore").write_text("ignored\n")
    Path("ignored").write_text("1\n")
    changes = changed_lines("HEAD", repository)
    assert changes.touch("new", 1, 1)
    assert changes.touch_file("new")
    assert not changes.touch("ignored", 1, 1)
    assert changes.touch(str(tmp_path / "elsewhere"), 1, 1)
    assert changes.touch_file(tmp_path / "elsewhere")


def test_the_base_is_where_the_branch_began(repository: Path) -> None:
    git("switch", "-c", "feature")
    commit(a="1\n2\n3\n4\n5\n6\n")
    git("switch", "main")
    commit(b="1\n2\n3\n")
    git("switch", "feature")
    changes = changed_lines("main", repository)
    assert (changes.touch("a", 6, 6), changes.touch_file("b")) == (True, False)


def test_histories_without_a_common_commit_are_compared_as_they_are(repository: Path) -> None:
    git("switch", "--orphan", "other")
    commit(z="1\n")
    changes = changed_lines("main", repository)
    assert changes.touch_file("z")


@pytest.mark.parametrize("name", ["with space.py", 'quo"te.py', "tab\there.py", "new\nline.py", "käse.py", "b\\s.py"])
def test_any_name_is_understood(repository: Path, name: str) -> None:
    commit(**{name: "1\n"})
    Path(name).write_text("1\n2\n")
    changes = changed_lines("HEAD", repository)
    assert [line for line in (1, 2) if changes.touch(name, line, line)] == [2]


def test_a_name_that_is_no_utf_8_is_understood(repository: Path) -> None:
    name = os.fsdecode(b"bad\xff.py")
    commit(**{name: "1\n"})
    Path(name).write_text("2\n")
    assert changed_lines("HEAD", repository).touch(name, 1, 1)


def test_lines_that_look_like_a_diff_deceive_nobody(repository: Path) -> None:
    Path("a").write_text("1\n2\n++ b/b\n@@ -1 +1 @@\n3\n4\n5\n-- x")
    changes = changed_lines("HEAD", repository)
    assert [line for line in range(1, 9) if changes.touch("a", line, line)] == [3, 4, 8]
    assert not changes.touch_file("b")


def test_a_deleted_file_and_deleted_lines_change_no_line(repository: Path) -> None:
    Path("b").unlink()
    Path("a").write_text("1\n5\n")
    changes = changed_lines("HEAD", repository)
    assert not changes.touch("b", 1, 9)
    assert not changes.touch("a", 1, 9)


def test_a_linked_working_directory_is_the_same_place(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository)
    Path("a").write_text("0\n")
    assert changed_lines("HEAD", tmp_path / "link").touch(str(tmp_path / "link" / "a"), 1, 1)


@pytest.mark.parametrize("revision", ["nope", "--output=/tmp/x", "", "HEAD:a"])
def test_an_unknown_revision_is_an_error_and_never_an_option(repository: Path, revision: str) -> None:
    with pytest.raises(ConfigError, match="git does not know the revision"):
        changed_lines(revision, repository)


def test_without_a_repository_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="git rev-parse"):
        changed_lines("HEAD", tmp_path)


def test_without_git_it_is_an_error(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(ConfigError, match="needs git"):
        changed_lines("HEAD", repository)
