"""A run of which nothing has changed says again what it said, having looked at stamps only; any other does not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import txsafe
from tests.cache.edits import CONNECTED, EDITS, PROGRAMS, age
from txsafe.cache import replay as replaying
from txsafe.cache.folder import NAME
from txsafe.cache.replay import ENVIRONMENT, MOST_RUNS, replay
from txsafe.cache.stamps import is_settled, stamp
from txsafe.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parents[2] / "fixtures"
LISTENS = CONNECTED + 'c.execute("LISTEN jobs")\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "deep").mkdir(parents=True)
    (root / "a.py").write_text("from db import QUERY\n" + CONNECTED + "c.execute(QUERY)\n")
    (root / "db.py").write_text("QUERY = 'LISTEN jobs'\n")
    (root / "deep/b.py").write_text(LISTENS)
    (root / "deep/app.yaml").write_text("name: app\n")
    (root / "pyproject.toml").write_text("[tool.txsafe]\n")
    (root / ".gitignore").write_text("ignored/\n")
    monkeypatch.chdir(root)
    return root


def check(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["check", *arguments])
    assert result.exit_code in {0, 1}, result.output
    return result.exit_code, result.stdout


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str] | None:
    capsys.readouterr()
    status = replay(["check", *arguments])
    written = capsys.readouterr().out
    return None if status is None else (status, written)


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github", "gitlab", "junit"])
def test_what_is_said_again_is_what_was_said(here: Path, capsys: pytest.CaptureFixture[str], format_: str) -> None:
    age(here)
    cold = check("--format", format_)
    assert cold[0] == 1
    assert cold == check("--format", format_, "--no-cache")
    assert replayed(capsys, "--format", format_) == cold


def hide(path: Path) -> None:
    path.rename(path.with_name("hidden.txt"))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file": lambda root: (root / "deep/b.py").write_text(LISTENS.replace("jobs", "work")),
    "a file's times": lambda root: os.utime(root / "deep/b.py", (1, 1)),
    "a file's rights": lambda root: (root / "deep/b.py").chmod(0o600),
    "an import": lambda root: (root / "db.py").write_text("QUERY = 'SELECT 1'\n"),
    "a file that comes": lambda root: (root / "deep/c.sql").write_text("LISTEN jobs;\n"),
    "a file that goes": lambda root: (root / "deep/b.py").unlink(),
    "a file that moves": lambda root: (root / "deep/b.py").rename(root / "deep/c.py"),
    "a folder": lambda root: (root / "new").mkdir(),
    "settings that begin to matter": lambda root: (root / "deep/app.yaml").write_text("u: postgres://h/d?options=-cx"),
    "what git ignores": lambda root: (root / ".gitignore").write_text("deep/\n"),
    "the configuration": lambda root: (root / "pyproject.toml").write_text("[tool.txsafe]\nprofile = 'direct'\n"),
    "a nearer configuration": lambda root: (root / "txsafe.toml").write_text("profile = 'direct'\n"),
    "no configuration": lambda root: hide(root / "pyproject.toml"),
    "a version": lambda root: (root / "requirements.txt").write_text("psycopg==3.1\n"),
    "a repository": lambda root: (root / ".git").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_any_change_is_seen(here: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], object]) -> None:
    age(here)
    check("--quiet")
    assert replayed(capsys, "--quiet") is not None
    change(here)
    assert replayed(capsys, "--quiet") is None
    assert check("--quiet") == check("--quiet", "--no-cache")


def test_files_beside_the_run_are_seen(here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(FIXTURES.parent / "rules/features", tmp_path / "rules/features")
    arguments = ("a.py", "--rule-path", str(tmp_path / "rules"), "--baseline", "baseline.json")
    CliRunner().invoke(main, ["check", "deep", "--write-baseline", "baseline.json"])
    age(tmp_path)
    files = [here / "db.py", here / "baseline.json", tmp_path / "rules/features/listen.yaml"]
    for file in files:
        check(*arguments)
        age(tmp_path)
        check(*arguments)
        assert replayed(capsys, *arguments) is not None
        file.write_text(file.read_text() + "\n")
        assert replayed(capsys, *arguments) is None


def recorded(root: Path) -> tuple[set[str], set[str]]:
    """Return the paths that are looked at before a run is said again: what was there, and what was not."""
    (file,) = (root / NAME / "1" / "runs").iterdir()
    unpacked = replaying._unpack(file.read_bytes())
    assert unpacked is not None
    _, (_, paths, _, absent, *_) = unpacked
    return {os.fsdecode(path) for path in paths.split(b"\0")}, {os.fsdecode(path) for path in absent.split(b"\0")}


def test_folders_of_rules_are_looked_at_and_those_of_modules_are_not(here: Path) -> None:
    """The interpreter puts compiled modules there, at times while a run is under way."""
    age(here)
    check()
    there, _ = recorded(here)
    package = Path(txsafe.__file__).parent
    assert {str(package / "analysis.py"), str(package.parent / "rules" / "features")} <= there
    assert not {str(package), str(package / "python")} & there


def test_what_a_folder_would_tell_of_is_not_looked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.py").write_text("from missing.deeper.still import QUERY\n" + CONNECTED + "c.execute(QUERY)\n")
    age(here)
    cold = check()
    there, absent = recorded(here)
    assert {"a.py", "deep", "deep/b.py"} <= there
    assert not {path for path in absent if "missing" in path}
    assert replayed(capsys) == cold
    (here / "missing/deeper").mkdir(parents=True)
    (here / "missing/deeper/still.py").write_text("QUERY = 'LISTEN jobs'\n")
    assert replayed(capsys) is None


def test_what_a_broken_link_leads_to_is_looked_for(
    here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    outside = tmp_path / "outside.sql"
    outside.touch()
    (here / "linked.sql").symlink_to(outside)
    age(here)
    outside.unlink()
    CliRunner().invoke(main, ["check", "--exit-zero"])
    assert "linked.sql" in recorded(here)[1]
    assert replayed(capsys, "--exit-zero") is not None
    outside.write_text("LISTEN jobs;\n")
    assert replayed(capsys, "--exit-zero") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.txsafe]\ncache-dir = "../kept"  # "elsewhere"\n'),
        ("txsafe.toml", "'cache-dir'   =  '../kept'\n"),
        ("pyproject.toml", 'tool.txsafe.cache-dir="../kept"\n'),
    ],
)
def test_a_cache_that_the_configuration_names_is_found(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    (here / name).write_text(text)
    age(here)
    cold = check("deep")
    assert (here.parent / "kept/1/runs").is_dir()
    assert not (here / NAME).exists()
    assert replayed(capsys, "deep") == cold


def test_a_cache_that_a_named_configuration_names_is_found(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "other.toml").write_text('cache-dir = "kept"\n')
    age(here)
    cold = check("--config", "other.toml", "deep")
    assert (here / "kept/1/runs").is_dir()
    assert replayed(capsys, "--config", "other.toml", "deep") == cold


@pytest.mark.parametrize("text", ["cache-dir = 3\n", "cache-dir\n", "# cache-dir =\n", 'cache-dir = "none\\u0000"\n'])
def test_a_configuration_that_names_no_cache_is_passed_over(
    here: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (here / "txsafe.toml").write_text(text)
    assert replayed(capsys, "deep") is None


def test_what_changes_while_it_is_read_is_not_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    age(here)
    check()
    (here / "a.py").write_text(LISTENS)
    not_over = time.time() + 3600
    os.utime(here / "a.py", (not_over, not_over))  # no clock has ticked since, however late the run begins
    check()
    assert replayed(capsys) is None


@pytest.mark.parametrize("changed", ["content", "anything"])
def test_a_stamp_is_believed_once_the_clock_has_ticked_since_either_change(changed: str) -> None:
    now = 1_700_000_000.5
    long_ago, just_now = 1_600_000_000_123_456_789, int(now * 1e9) - 1_234_567
    times = (just_now, long_ago) if changed == "content" else (long_ago, just_now)
    assert not is_settled((1, *times, 7), now)
    assert is_settled((1, *times, 7), now + 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--verbose"], ["--debug"], ["--write-baseline", "b.json"], ["no-such-path", "a.py"], [".gitignore", "a.py"],
        ["--no-cache"], ["--show-files"], ["--show-config"], ["-o", "/dev/null"],
    ],
)  # fmt: skip
def test_what_does_more_than_to_write_a_report_is_done_again(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    for _ in range(2):
        age(here)
        CliRunner().invoke(main, ["check", *arguments])
    assert replayed(capsys, *arguments) is None


def test_reports_in_files_need_not_be_written_again(
    here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, second = tmp_path / "out.json", tmp_path / "out.txt"
    arguments = ("deep", "--output", f"json={first}", "-o", str(second))
    age(here)
    assert check(*arguments) == (1, "")
    kept = first.read_bytes()
    assert replayed(capsys, *arguments) == (1, "")
    second.write_text("something else")
    assert replayed(capsys, *arguments) is None
    check(*arguments)
    assert replayed(capsys, *arguments) == (1, "")
    first.unlink()
    assert replayed(capsys, *arguments) is None
    check(*arguments)
    assert first.read_bytes() == kept


def test_other_circumstances_are_another_run(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    age(here)
    check("deep")
    assert replayed(capsys, "deep") is not None
    assert replayed(capsys, "deep", "--quiet") is None
    with monkeypatch.context() as patched:
        patched.setenv("FORCE_COLOR", "1")
        assert replayed(capsys, "deep") is None
    with monkeypatch.context() as patched:
        patched.setenv("TXSAFE_NO_CACHE", "1")
        assert replayed(capsys, "deep") is None
    monkeypatch.chdir(here / "deep")
    assert replayed(capsys, "../deep") is None


UNNAMED = [
    'os.environ.get(name)}" for name in ENVIRONMENT),',
    'os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}',
]
"""The record's own look, and what git is given."""


def test_every_variable_that_is_looked_at_tells_runs_apart() -> None:
    modules = (FIXTURES.parent / "txsafe").rglob("*.py")
    sources = [path.read_text() for path in modules if not {"probe", "probe.py"} & {*path.parts}]
    source = "".join(line for each in sources for line in each.splitlines(keepends=True) if "`" not in line)
    named = set(re.findall(r"\bos\.environ\.get\(\"(\w+)\"", source))
    assert len(named) > 5
    assert named <= set(ENVIRONMENT)
    unnamed = re.findall(r"\bos\.(?:getenv\(|environ\b(?!\.get\(\"))[^\n]*", source)
    assert sorted(unnamed) == sorted(UNNAMED)


def test_a_damaged_record_is_no_record(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    age(here)
    said = check("deep/b.py")
    (record,) = (here / NAME / "1/runs").iterdir()
    whole = record.read_bytes()
    for place in range(0, len(whole), len(whole) // 200):
        record.write_bytes(whole[:place] + bytes([whole[place] ^ 0x11]) + whole[place + 1 :])
        assert replayed(capsys, "deep/b.py") is None, place
        record.write_bytes(whole[:place])
        assert replayed(capsys, "deep/b.py") is None, place
    record.write_bytes(whole)
    assert replayed(capsys, "deep/b.py") == said


def test_only_the_latest_runs_are_kept(here: Path) -> None:
    runs = here / NAME / "1/runs"
    runs.mkdir(parents=True)
    for number in range(MOST_RUNS + 10):
        (runs / str(number)).touch()
        os.utime(runs / str(number), (number, number))
    age(here)
    check("deep/b.py")
    left = {path.name for path in runs.iterdir()}
    assert len(left) == MOST_RUNS
    assert "0" not in left


def test_a_record_that_would_be_too_large_is_not_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "MOST_BYTES", 100)
    age(here)
    check()
    assert list((here / NAME / "1/runs").iterdir()) == []


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(program=st.sampled_from(PROGRAMS), data=st.data())
def test_any_edits_are_seen(
    program: Path, data: st.DataObject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patched:
        root = Path(os.path.realpath(folder), "project")
        shutil.copytree(program, root)
        (root / "keep.sql").write_text("LISTEN jobs;\n")
        patched.chdir(root)
        for _ in range(data.draw(st.integers(1, 4))):
            data.draw(st.sampled_from(EDITS))(root, data)
            if data.draw(st.booleans()):
                age(root)
            arguments = ("--isolated", "--jobs", "1", "--format", "json")
            again = replayed(capsys, *arguments)
            result = CliRunner().invoke(main, ["check", *arguments, "--no-cache"])
            assert again in {None, (result.exit_code, result.stdout)}
            warm = CliRunner().invoke(main, ["check", *arguments])
            assert (warm.exit_code, warm.stdout) == (result.exit_code, result.stdout)


# ---------------------------------------------------------------- in a process of its own


def own_environment() -> dict[str, str]:
    """Return an environment in which this txsafe is found, whichever is installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(FIXTURES.parent), *sys.path])}


LOOKS = """
import os, sys
seen = set()
def hook(event, arguments):
    if event in {"open", "os.listdir", "os.scandir"} and isinstance(arguments[0], (str, bytes)):
        seen.add(os.path.abspath(os.fsdecode(arguments[0])))
sys.addaudithook(hook)
sys.argv = ["txsafe", "check", "--isolated", "--exit-zero", *sys.argv[1:]]
from txsafe.__main__ import start
try:
    start()
finally:
    from txsafe.cache.replay import _unpack
    runs = os.path.join(".txsafe_cache", "1", "runs")
    (name,) = os.listdir(runs)
    with open(os.path.join(runs, name), "rb") as file:
        status, (_, paths, _, absent, *_) = _unpack(file.read())
    known = {os.path.abspath(os.fsdecode(path)) for each in (paths, absent) for path in each.split(b"\\0")}
    def tells(path):
        while not os.path.lexists(path) and path not in known and not os.path.lexists(os.path.dirname(path)):
            path = os.path.dirname(path)
        return path in known or (not os.path.lexists(path) and os.path.dirname(path) in known)
    inside = {path for path in seen if path.startswith(os.getcwd()) and ".txsafe_cache" not in path}
    inside -= {path for path in inside if path.endswith(">")}  # the interpreter looks for the source of a syntax error
    assert len(inside) > 20, inside
    assert all(map(tells, inside)), sorted(path for path in inside if not tells(path))
    print("ok", file=sys.stderr)
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_everything_that_is_opened_or_listed_is_in_the_record(tmp_path: Path, jobs: str) -> None:
    root = tmp_path / "project"
    for kind in ("program", "projects", "rules"):
        shutil.copytree(FIXTURES / kind, root / kind)
    (root / "link.py").symlink_to("rules")
    (root / "linked.sql").symlink_to("program/files")
    age(tmp_path)
    code = [sys.executable, "-c", LOOKS, "--jobs", jobs]
    done = subprocess.run(code, cwd=root, capture_output=True, text=True, check=False, env=own_environment())
    assert done.stderr.endswith("ok\n"), done.stderr


LOADED = """
import sys
sys.argv = ["txsafe", *sys.argv[1:]]
from txsafe.__main__ import start
try:
    start()
finally:
    names = ("click", "dataclasses", "json", "sqlite3", "pathlib", "re", "txsafe.config", "txsafe.model")
    print(*(name for name in names if name in sys.modules), file=sys.stderr)
"""


def test_to_say_it_again_nothing_is_loaded(here: Path) -> None:
    age(here)
    runs = [
        subprocess.run([sys.executable, "-S", "-c", LOADED, "deep"], capture_output=True, text=True, check=False,
                       env=own_environment())
        for _ in range(2)
    ]  # fmt: skip
    assert [run.returncode for run in runs] == [1, 1]
    assert runs[0].stdout == runs[1].stdout != ""
    assert runs[0].stderr.split()[0] == "dataclasses"
    assert runs[1].stderr.split() == []


# ---------------------------------------------------------------- folders, terminals, damage


@pytest.mark.parametrize("spelled", [["--cache-dir", "kept"], ["--cache-dir=kept"]])
def test_a_cache_that_the_command_line_names_is_found(
    here: Path, capsys: pytest.CaptureFixture[str], spelled: list[str]
) -> None:
    age(here)
    cold = check("deep", *spelled)
    assert replayed(capsys, "deep", *spelled) == cold
    assert replayed(capsys, "deep") is None


def test_a_run_that_cannot_be_kept_costs_only_time(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    age(here)
    check("--quiet", "--no-cache")
    (here / NAME / "1").mkdir(parents=True)
    (here / NAME / "1" / "runs").write_text("a file where the folder should be")
    age(here)
    cold = check("--quiet")
    assert cold[0] == 1
    assert replayed(capsys, "--quiet") is None


def test_a_record_that_does_not_add_up_is_not_believed() -> None:
    assert not replaying._are_unchanged([b"a", b"b"], b"\0" * replaying._STAMP.size)


def test_another_inode_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    known = stamp(str(tmp_path / "a"))
    path = os.fsencode(tmp_path / "a")
    assert replaying._are_unchanged([path], replaying._STAMP.pack(*known))
    assert not replaying._are_unchanged([path], replaying._STAMP.pack(*known[:3], known[3] + 1))


def test_a_record_that_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    with pytest.raises(OSError, match="record"):
        replaying._keep(str(tmp_path / "record"), b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["record"]
    replaying._keep(str(tmp_path / "large"), b"x" * (replaying.MOST_BYTES + 1))
    assert not (tmp_path / "large").exists()


def test_what_is_said_again_to_a_terminal_is_escaped_where_it_cannot_be_spelled() -> None:
    leader, follower = os.openpty()
    code = "import sys\nfrom txsafe.cache.replay import _columns, _write\n_write(f'ä\\ud800 {_columns() >= 0}\\n')\n"
    command = [sys.executable, "-c", code]
    environment = {**own_environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, stdout=follower, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    os.close(follower)
    with open(leader, "rb") as stream:  # noqa: PTH123  # a descriptor
        shown = stream.read1(100) if hasattr(stream, "read1") else stream.read()
    assert (done.returncode, done.stderr) == (0, "")
    assert shown == b"\\xe4\\ud800 True\r\n"


def test_a_reader_that_has_gone_is_no_failure(tmp_path: Path) -> None:
    code = "import os, sys\nfrom txsafe.cache.replay import _write\nos.read(0, 1)\n_write('x' * 100_000)\n"
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=own_environment(),
    )
    os.close(writer)
    os.close(reader)
    _, errors = process.communicate(b"go")
    assert (process.returncode, errors) == (0, b"")
