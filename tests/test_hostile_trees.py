"""Whole folders that mean no good: nothing in them runs, nothing in them stops a run, and an interrupt ends it at once.

Single files are the subject of `test_hostile_input`, kinds of folder entries that of `test_discovery`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import wait_until_gone

ROOT = Path(__file__).parent.parent
PROBLEM = 'import psycopg\nc = psycopg.connect("")\nc.execute("LISTEN jobs")\n'
LEAVES_A_MARK = "open({mark!r}, 'a').write(__file__ + '\\n')\n"


def environment() -> dict[str, str]:
    """Return an environment in which this txsafe is found, whichever is installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}


def txsafe(folder: Path, *arguments: str, limits: str = "", start: str = "-m") -> subprocess.CompletedProcess[str]:
    """Run the command in a folder as its user would."""
    if start == "-m":
        command = [sys.executable, "-m", "txsafe", *arguments]
    else:
        code = f"import sys\n{limits}\nsys.argv[0] = 'txsafe'\nfrom txsafe.__main__ import start\nstart()"
        command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


# ---------------------------------------------------------------- nothing is executed

NAMES = [
    "__init__.py", "conftest.py", "setup.py", "manage.py", "sitecustomize.py", "usercustomize.py", "click.py",
    "yaml.py",     "json.py", "sqlglot.py", "libcst.py", "ast.py", "sqlite3.py", "psycopg.py", "typing.py",
    "pkg/__init__.py", "pkg/db.py", "migrations/env.py", "txsafe_plugin.py", "hatch_build.py",
]  # fmt: skip


@pytest.fixture
def armed(tmp_path: Path) -> tuple[Path, Path]:
    """A tree in which each module writes down that it was run, and the file that they write to."""
    root, mark = tmp_path / "tree", tmp_path / "mark"
    for name in NAMES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        more = "from pkg.db import run, QUERY\nrun(QUERY)\n" if name != "pkg/db.py" else ""
        body = f"QUERY = 'LISTEN jobs'\ndef run(q):\n    {LEAVES_A_MARK.format(mark=str(mark))}    c.execute(q)\n"
        path.write_text(LEAVES_A_MARK.format(mark=str(mark)) + more + PROBLEM + body)
    (root / "tool.pth").write_text(f"import os; os.system('touch {mark}')\n")
    (root / "pyproject.toml").write_text(
        '[tool.txsafe]\n[build-system]\nbuild-backend = "setup"\nbackend-path = ["."]\n'
    )
    (root / "app.yaml").write_text(
        f"postgres: !!python/object/apply:os.system ['touch {mark}']\nurl: postgres://h/d?options=-c%20a%3Db\n"
    )
    (root / "x.sql").write_text(f"\\! touch {mark}\n\\i /dev/zero\nLISTEN jobs;\n")
    return root, mark


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "--jobs", "2"], ["fix", "--diff"], ["audit", "--format", "json"]]
)
@pytest.mark.parametrize("start", ["-m", "command"])
def test_no_module_of_the_analysed_tree_is_run(armed: tuple[Path, Path], arguments: list[str], start: str) -> None:
    root, mark = armed
    done = txsafe(root, *arguments, ".", start=start)
    assert done.returncode in {0, 1}, done.stderr
    assert "listen" in done.stdout or "fix" in arguments
    assert not mark.exists(), mark.read_text()
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([sys.executable, "-c", "import pkg.db"], cwd=root, env=bare, capture_output=True, check=False)
    assert mark.exists()  # it would have


# ---------------------------------------------------------------- large

TIGHT = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000))"


def test_what_is_larger_than_anyone_writes_is_passed_over_and_said(tmp_path: Path) -> None:
    for name in ("a.py", "b.sql", "c.yaml"):
        with (tmp_path / name).open("wb") as file:
            file.write(b"LISTEN jobs; -- postgres options=\n")
            file.truncate(200_000_000)
    (tmp_path / "d.py").write_text(PROBLEM)
    started = time.monotonic()
    done = txsafe(tmp_path, "check", "--format", "json", "--jobs", "1", ".", limits=TIGHT, start="command")
    assert time.monotonic() - started < 60
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert [(each["path"], each["message"][:26]) for each in report["errors"]] == [
        ("a.py", "larger than max-file-size "), ("b.sql", "larger than max-file-size "),
    ]  # fmt: skip
    assert [each["path"] for each in report["diagnostics"]] == ["d.py"]


MANY = 4_000


def test_many_small_files_are_no_trouble(tmp_path: Path) -> None:
    for number in range(MANY):
        folder = tmp_path / f"d{number % 100}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}.py").write_bytes(b"x = 1\n" if number else PROBLEM.encode())
    done = txsafe(tmp_path, "check", "--format", "json", ".", limits=TIGHT, start="command")
    report = json.loads(done.stdout)
    assert (report["summary"]["files"], len(report["diagnostics"])) == (MANY, 1)


def test_a_deep_folder_is_walked(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("deep_folder", dir_fd=here)
        below = os.open("deep_folder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (tmp_path / "a.py").write_text(PROBLEM)
    done = txsafe(tmp_path, "check", "--format", "json", ".", start="command")
    report = json.loads(done.stdout)
    assert [each["path"] for each in report["diagnostics"]] == ["a.py"]
    assert all("name too long" in each["message"].lower() for each in report["errors"])


# ---------------------------------------------------------------- bombs

LAUGHS = "postgres: &a0 options=-c%20x\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 12)
)


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("compose.yaml", ["."], 1),
        ("rule.yaml", ["--rule-path", "rule.yaml", "a.py"], 2),
        ("pooler.yaml", ["--profile", "./pooler.yaml", "a.py"], 2),
    ],
)
def test_a_bomb_of_aliases_does_not_go_off(tmp_path: Path, name: str, arguments: list[str], status: int) -> None:
    (tmp_path / name).write_text(LAUGHS)
    (tmp_path / "a.py").write_text(PROBLEM)
    started = time.monotonic()
    done = txsafe(tmp_path, "check", "--isolated", *arguments, limits=TIGHT, start="command")
    assert time.monotonic() - started < 60
    assert done.returncode == status, done.stderr
    assert "internal error" not in done.stderr
    assert ("a.py:3:" in done.stdout) == (status == 1)


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "pgbouncer.ini").write_text("[pgbouncer]\n%include other.ini\n")
    (tmp_path / "other.ini").write_text("%include pgbouncer.ini\n")
    (tmp_path / "requirements.txt").write_text("-r requirements-dev.txt\npsycopg==3.2\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    (tmp_path / "a.sql").write_text("\\i b.sql\nLISTEN jobs;\n")
    (tmp_path / "b.sql").write_text("\\i a.sql\n")
    (tmp_path / "a.py").write_text("from b import *\nfrom b import QUERY\n" + PROBLEM + "c.execute(QUERY)\n")
    (tmp_path / "b.py").write_text("from a import *\nfrom a import QUERY\n")
    done = txsafe(tmp_path, "check", "--isolated", ".", start="command")
    assert done.returncode == 1, done.stderr
    assert "a.sql:2:1" in done.stdout
    done = txsafe(tmp_path, "check", "--isolated", "--pooler-config", "pgbouncer.ini", ".", start="command")
    assert done.returncode == 2
    assert "too many files included" in done.stderr


def test_a_baseline_from_the_future_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(PROBLEM)
    (tmp_path / "known.json").write_text('{"txsafe-baseline": 99, "diagnostics": {"x": [1]}}')
    done = txsafe(tmp_path, "check", "--isolated", "--baseline", "known.json", "a.py", start="command")
    assert (done.returncode, done.stdout) == (2, "")
    assert "version 99; this txsafe knows version 1" in done.stderr


# ---------------------------------------------------------------- interrupts


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that takes many seconds."""
    folder = tmp_path_factory.mktemp("busy")
    for number in range(70):
        (folder / f"{number}.py").write_text(PROBLEM + 'c.execute("SET x TO 1")\n' * 1500)
    return folder


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.25, 0.4, 0.6, 1.5])
@pytest.mark.parametrize("who", ["everybody", "the parent"])
def test_an_interrupt_ends_a_run_whatever_it_is_doing(busy: Path, delay: float, who: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import os\nfrom txsafe.__main__ import start\nos.write(1, b'!')\nstart()",
         "check", "--isolated", "--no-cache", "--jobs", "2", "."],
        cwd=busy, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.read(1) == "!"
    time.sleep(delay)
    (os.killpg if who == "everybody" else os.kill)(process.pid, signal.SIGINT)
    started = time.monotonic()
    _, errors = process.communicate(timeout=30)
    took = time.monotonic() - started
    wait_until_gone(process.pid)
    assert (process.returncode, errors.strip()) == (130, "interrupted")
    assert took < 2  # a second, on a machine with nothing else to do
