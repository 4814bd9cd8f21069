"""The program around a file: who refers to a name, found by a search of bytes and bounded."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

import txsafe.project
from txsafe import mentions
from txsafe.config import Config
from txsafe.discovery import FileInput, find_files
from txsafe.mentions import Found, Mentions
from txsafe.project import MANY_FILES, REFERRING, Program, Project
from txsafe.source import read_source

if TYPE_CHECKING:
    import pytest

    from txsafe.python.scopes import Module


def files_of(folder: Path, **texts: str) -> list[FileInput]:
    made = []
    for name, text in texts.items():
        path = folder / f"{name}.py"
        path.write_text(text)
        made.append(FileInput(path, str(path)))
    return made


def names(found: Found) -> list[str]:
    return [Path(path).stem for path in found.paths]


def test_a_word_is_found_in_the_files_that_hold_it_as_a_word(tmp_path: Path) -> None:
    files = files_of(tmp_path, b="run()", a="x.run(1)", longer="runs = rerun", quoted="'run'", empty="", äö="run_ = 1")
    found = Mentions(lambda: files).of("run")
    assert names(found) == ["a", "b", "quoted"]
    assert found.complete


def test_a_name_beyond_ascii_is_a_word(tmp_path: Path) -> None:
    files = files_of(tmp_path, a="größe = 1", b="größere = 2", c="x.größe")
    assert names(Mentions(lambda: files).of("größe")) == ["a", "c"]


def test_nothing_is_found_for_no_word_and_in_no_files(tmp_path: Path) -> None:
    assert Mentions(lambda: files_of(tmp_path, a="run")).of("").paths == ()
    assert Mentions(list).of("run") == Found((), complete=True)


def test_the_files_are_read_once_and_only_when_asked(tmp_path: Path) -> None:
    asked: list[int] = []

    def listing() -> list[FileInput]:
        asked.append(1)
        return files_of(tmp_path, a="run other")

    searched = Mentions(listing)
    assert asked == []
    assert [names(searched.of(word)) for word in ("run", "other", "run")] == [["a"]] * 3
    assert asked == [1]


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(tmp_path, a="run", b="run" + " " * 100, c="run")
    monkeypatch.setattr(mentions, "MOST_BYTES_OF_FILE", 50)
    assert Mentions(lambda: files).of("run") == Found((str(tmp_path / "a.py"), str(tmp_path / "c.py")), complete=False)
    monkeypatch.setattr(mentions, "MOST_BYTES", 4)
    assert Mentions(lambda: [files[0], files[2]]).of("run") == Found((str(tmp_path / "a.py"),), complete=False)


def test_sql_files_are_not_searched(tmp_path: Path) -> None:
    script = tmp_path / "a.sql"
    script.write_text("run")
    assert Mentions(lambda: [FileInput(script, "a.sql")]).of("run").paths == ()


@given(st.lists(st.text(alphabet="ab_ .\n", max_size=12), max_size=6), st.text(alphabet="ab_", min_size=1, max_size=3))
def test_a_search_finds_what_splitting_finds(texts: list[str], word: str) -> None:
    inputs = [FileInput(Path(f"/{number}.py"), f"{number}.py", text.encode()) for number, text in enumerate(texts)]
    expected = [f"/{n}.py" for n, text in enumerate(texts) if word in text.replace(".", " ").split()]
    assert list(Mentions(lambda: inputs).of(word).paths) == expected


def opened(folder: Path) -> Project:
    program = Program(tree=str(folder))
    return Project(folder, program=program, files=lambda it: find_files([it.tree], Config(root=folder)).files)


def test_references_are_the_parsed_files_that_hold_a_name(tmp_path: Path) -> None:
    files_of(tmp_path, db="def run(sql): ...", app="import db\ndb.run('x')", other="x = 1", broken="def run(:")
    project = opened(tmp_path)
    path = tmp_path / "app.py"
    module = project.open(path, read_source(path, display="app.py", limit=1000))
    assert module.project is not None
    found = module.project.references("run")
    assert [Path(each.source.path).name for each in found.modules] == ["app.py", "db.py"]
    assert not found.complete, "broken.py holds the name and cannot be looked into"
    assert found.modules[0] is module
    assert module.project.references("db").complete


def test_an_everyday_word_is_not_followed_everywhere(tmp_path: Path) -> None:
    files_of(tmp_path, **{f"m{number:02}": "run()" for number in range(REFERRING + 1)})
    project = opened(tmp_path)
    path = tmp_path / "m00.py"
    module = project.open(path, read_source(path, display="m00.py", limit=1000))
    assert module.project is not None
    found = module.project.references("run")
    assert found.modules == ()
    assert not found.complete


def test_an_everyday_word_is_followed_where_the_file_that_defines_it_is_named_too(tmp_path: Path) -> None:
    files_of(tmp_path, **{f"m{number:02}": "run()" for number in range(REFERRING + 1)})
    files_of(tmp_path, db="def run(sql): ...", user="from db import run\nrun('x')", other="dbm = adb = run('x')")
    project = opened(tmp_path)
    path = tmp_path / "db.py"
    source = read_source(path, display="db.py", limit=1000)
    view = project.open(path, source).project
    assert view is not None
    found = view.references("run", beside=("db", "Pool"))
    assert [Path(each.source.path).name for each in found.modules] == ["user.py"]
    assert not found.complete, "the others hold the name, too"
    assert view.references("run", beside=("run",)).modules == ()
    answers = project.consulted().answers
    assert {(bounds, what) for kind, bounds, what, _ in answers if kind == "word"} == {
        ("", "run"), ("db\0Pool", "run"), ("run", "run"),
    }  # fmt: skip
    assert all(opened(tmp_path).answer((kind, bounds, what)) == answer for kind, bounds, what, answer in answers)
    (tmp_path / "m00.py").write_text("import db\nrun()")
    now = opened(tmp_path)
    changed = [what for kind, bounds, what, answer in answers if now.answer((kind, bounds, what)) != answer]
    assert changed == ["run"]


def test_what_is_found_in_another_file_is_found_once_and_charged_to_each_that_asks(tmp_path: Path) -> None:
    files_of(tmp_path, a="import shop", b="import shop", shop="import deep\nX = deep.X", deep="X = 1")
    project = opened(tmp_path)
    asked: list[str] = []

    def ask(name: str) -> tuple[object, set[str]]:
        path = tmp_path / f"{name}.py"
        module = project.open(path, read_source(path, display=path.name, limit=1000))
        assert module.project is not None
        shop = module.project.module("shop")
        assert shop is not None
        shop.memory["known"] = 1

        def find() -> str:
            asked.append(name)
            assert shop.memory == {}, "what one file has found out decides nothing for the others"
            assert shop.project is not None
            return "found" if shop.project.module("deep") is not None else "too much"

        answer = shop.project.shared(shop, "question", find) if shop.project is not None else ""
        assert shop.memory == {"known": 1}
        assert project.source(str(tmp_path / "deep.py")) is not None
        return answer, {Path(what).name for kind, _, what, _ in project.consulted().answers if kind == "content"}

    assert ask("a") == ("found", {"shop.py", "deep.py"})
    assert ask("b") == ("found", {"shop.py", "deep.py"})
    assert asked == ["a"]


def test_what_was_found_in_trees_that_are_gone_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files_of(tmp_path, a="import shop", shop="import deep", deep="X = 1")
    monkeypatch.setattr(txsafe.project, "NODES_KEPT", 0)
    project = opened(tmp_path)
    path = tmp_path / "a.py"
    found = []
    for _ in range(2):
        view = project.open(path, read_source(path, display="a.py", limit=1000)).project
        assert view is not None
        shop = view.module("shop")
        assert shop is not None
        assert shop.project is not None
        found.append(shop.project.shared(shop, "question", partial(view.module, "deep")))
        assert found[-1] is view.module("deep")
    assert found[0] is not found[1]


def test_what_is_too_much_for_a_file_is_not_handed_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files_of(tmp_path, a="import shop", shop="import deep", deep="X = 1", more="Y = 1")
    monkeypatch.setattr(txsafe.project, "MODULES_PER_FILE", 3)
    project = opened(tmp_path)
    path = tmp_path / "a.py"
    view = project.open(path, read_source(path, display="a.py", limit=1000)).project
    assert view is not None
    shop = view.module("shop")
    assert shop is not None
    assert view.module("more") is not None
    assert view.shared(shop, "question", lambda: view.module("deep")) is None


def test_why_an_import_is_not_followed_is_known(tmp_path: Path) -> None:
    files_of(tmp_path, app="import broken", broken="def run(:", fine="x = 1")
    project = opened(tmp_path)
    path = tmp_path / "app.py"
    view = project.open(path, read_source(path, display="app.py", limit=1000)).project
    assert view is not None
    assert [view.module(name) is None for name in ("broken", "fine", "nowhere")] == [True, False, True]
    assert view.fault("broken") == "invalid Python: invalid syntax"
    assert view.fault("fine") is None
    assert view.fault("nowhere") is None


def test_what_is_too_much_for_one_file_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files_of(tmp_path, app="import big", big="x = 1")
    monkeypatch.setattr(txsafe.project, "TEXT_PER_FILE", 3)
    project = opened(tmp_path)
    path = tmp_path / "app.py"
    view = project.open(path, read_source(path, display="app.py", limit=1000)).project
    assert view is not None
    assert view.module("big") is None
    assert view.fault("big") == "too much is imported"


def test_a_file_that_is_called_like_a_driver_is_not_followed(tmp_path: Path) -> None:
    files_of(tmp_path, app="import asyncpg", asyncpg="class Connection: ...")
    project = Project(tmp_path, reserved=frozenset({"asyncpg"}))
    path = tmp_path / "app.py"
    view = project.open(path, read_source(path, display="app.py", limit=1000)).project
    assert view is not None
    assert view.module("asyncpg") is None


def test_the_package_of_a_driver_is_followed_in_its_own_source(tmp_path: Path) -> None:
    package = tmp_path / "asyncpg"
    package.mkdir()
    files_of(package, __init__="from .connection import Connection", connection="class Connection: ...")
    project = Project(tmp_path, reserved=frozenset({"asyncpg"}))
    path = package / "connection.py"
    view = project.open(path, read_source(path, display="connection.py", limit=1000)).project
    assert view is not None
    assert view.module("asyncpg") is not None
    assert view.module("asyncpg.connection") is not None


def test_what_was_asked_of_the_program_is_kept(tmp_path: Path) -> None:
    files_of(tmp_path, app="import shop", shop="def run(): ...")
    project = opened(tmp_path)
    path = tmp_path / "app.py"
    source = read_source(path, display="app.py", limit=1000)
    view = project.open(path, source).project
    assert view is not None
    view.module("shop")
    view.module("nowhere")
    view.references("run")
    answers = project.consulted().answers
    shop = str(tmp_path / "shop.py")
    root = f"{tmp_path}\0{tmp_path}"
    assert {(kind, what) for kind, _, what, _ in answers} == {
        ("content", shop), ("identity", str(path)), ("identity", shop), ("module", "nowhere"), ("module", "shop"),
        ("word", "run"),
    }  # fmt: skip
    assert ("module", root, "nowhere", "") in answers
    assert ("module", root, "shop", shop) in answers
    assert all(opened(tmp_path).answer((kind, bounds, what)) == answer for kind, bounds, what, answer in answers)
    project.open(path, source)
    assert [kind for kind, *_ in project.consulted().answers] == ["identity"]


def test_few_trees_are_kept_and_the_answers_stay_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files_of(tmp_path, app="import shop", shop="def run():\n    return 1\n")
    monkeypatch.setattr(txsafe.project, "NODES_KEPT", 0)
    project = opened(tmp_path)
    path = tmp_path / "app.py"
    source = read_source(path, display="app.py", limit=1000)
    for _ in range(3):
        module = project.open(path, source)
        assert module.project is not None
        shop = module.project.module("shop")
        assert shop is not None
        assert len(shop.open_all().returns) == 1


def test_what_others_have_asked_for_is_kept_rather_than_what_was_only_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files_of(tmp_path, app="import shop", shop="X = 1", alone="Y = 1")
    project = opened(tmp_path)

    def analyse(name: str) -> Module:
        path = tmp_path / f"{name}.py"
        return project.open(path, read_source(path, display=str(path), limit=1000))

    view = analyse("app").project
    shop = None if view is None else view.module("shop")
    assert shop is not None
    alone = analyse("alone")
    monkeypatch.setattr(txsafe.project, "NODES_KEPT", len(shop.parents))
    assert analyse("shop") is shop
    assert analyse("shop") is shop, "who has been asked for stays so when it is analysed"
    assert analyse("alone") is not alone


def test_the_tree_is_the_project_or_what_the_files_have_in_common(tmp_path: Path) -> None:
    project, loose = tmp_path / "project", tmp_path / "loose"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").touch()
    inside, outside = str(project / "src/a.py"), str(loose / "b.py")
    assert Program.of([inside], project).tree == str(project)
    assert Program.of([outside], project).tree == str(loose)
    assert Program.of([inside, outside], project).tree == str(tmp_path)
    assert Program.of([inside], loose).tree == str(project / "src")
    assert Program.of(["/a.py", inside], loose).tree == ""
    assert Program.of([], project).tree == ""


def test_a_run_over_many_files_is_the_program_itself(tmp_path: Path) -> None:
    paths = [f"{tmp_path}/{number}.py" for number in range(MANY_FILES)]
    assert Program.of(paths, tmp_path).files == tuple(paths)
    assert Program.of(paths[1:], tmp_path).files == ()


def test_a_walk_ends_after_so_many_folders(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"f{number}").mkdir()
        (tmp_path / f"f{number}/a.py").touch()
    config = Config(root=tmp_path)
    assert len(find_files([str(tmp_path)], config).files) == 4
    assert len(find_files([str(tmp_path)], config, most_folders=3).files) == 2
