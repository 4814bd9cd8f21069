"""What is run on which tree: txsafe in its ways of use, and the tools whose users it wants."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
PACKAGES = (
    "bandit==1.9.4",
    "ruff==0.17.5",
    "semgrep==1.182.0",
    "sqlfluff==4.5.0",
    "squawk-cli==2.70.0",
)
_TOKENS = (
    "advisory", "currval", "deallocate", "discard ", "lastval", "listen", "load '", "prepare", "reset ", "search_path",
    "set_config", "setseed", "temp table", "temporary", "with hold", "set session", "set role", "time zone",
    "statement_cache", "server_settings", "isolation_level", "withhold", "create_pool", "execute(",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Environment:
    """The folder with all tools."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Environment:
        """Install the tools where that is not done yet, and this checkout's txsafe in any case."""
        python = folder / "bin" / "python"
        if not (folder / "bin" / "squawk").exists():
            venv.create(folder, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)  # noqa: S603
            _install_ripgrep(folder)
        subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", HERE.parent], check=True)  # noqa: S603
        first = (folder / "bin" / "txsafe", "check", "-q", "--isolated", "--no-cache", HERE / "libcst_walk.py")
        subprocess.run(first, check=True)  # noqa: S603  # the first run of an installation compiles its rules
        return cls(folder)

    def tool(self, name: str) -> str:
        """Return the path of an installed command."""
        return str(self.folder / "bin" / name)


def _install_ripgrep(folder: Path) -> None:
    """Use the system's, or unpack Debian's package, which needs no privilege; the index has it for few systems."""
    target = folder / "bin" / "rg"
    installed = shutil.which("rg")
    if installed is not None:
        target.symlink_to(installed)
        return
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["apt-get", "download", "-qq", "ripgrep"], cwd=scratch, check=True)  # noqa: S607
        (package,) = Path(scratch).glob("*.deb")
        subprocess.run(["dpkg", "-x", package, scratch], check=True)  # noqa: S603, S607
        shutil.copy2(Path(scratch, "usr", "bin", "rg"), target)


def python_tasks(tools: Environment, tree: Path, scratch: Path) -> tuple[Task, ...]:
    """Return what is run on a tree of Python files."""
    txsafe = (tools.tool("txsafe"), "check", "--exit-zero", "--output-file", str(scratch / "out.txt"))
    changed = next(path for path in sorted(tree.rglob("*.py")) if b"execute(" in path.read_bytes())
    tokens = [word for token in _TOKENS for word in ("-e", token)]
    walk = (tools.tool("python"), str(HERE / "libcst_walk.py"), str(tree))
    semgrep = ("scan", "--metrics", "off", "--disable-version-check", "-q", "--config", str(HERE / "semgrep.yaml"))
    ruff = (tools.tool("ruff"), "check")
    bandit = (tools.tool("bandit"), "-q", "-r", str(tree))
    return (
        Task("txsafe, cold", (*txsafe, "--no-cache", str(tree)), tree),
        Task("txsafe, cold, one process", (*txsafe, "--no-cache", "--jobs", "1", str(tree)), tree, once=True),
        Task("txsafe, warm", (*txsafe, str(tree)), tree, before=_once((*txsafe, str(tree)), tree)),
        Task("txsafe, one file changed", (*txsafe, str(tree)), tree, before=partial(_touch, changed)),
        Task("ruff check --select F --no-cache", (*ruff, "--select", "F", "--no-cache", "-q", str(tree)), tree),
        Task("ripgrep, 24 words", (tools.tool("rg"), "-i", "-l", "-F", "--no-ignore", *tokens, str(tree)), tree),
        Task(f"semgrep, {count_rules()} rules", (tools.tool("semgrep"), *semgrep, str(tree)), tree, once=True),
        Task("bandit", bandit, tree, once=True),
        Task("libcst, a plain walk", walk, tree, once=True),
    )  # fmt: skip


def count_rules() -> int:
    """Return how many rules semgrep is given: one for each of txsafe's."""
    return (HERE / "semgrep.yaml").read_text(encoding="utf-8").count("\n  - id: ")


def file_tasks(tools: Environment, scratch: Path) -> tuple[Task, ...]:
    """Return what is run on one file, as a pre-commit hook does."""
    clean, found = scratch / "clean.py", scratch / "found.py"
    clean.write_text("import os\n\n\ndef where() -> str:\n    return os.getcwd()\n" * 50, encoding="utf-8")
    found.write_text(
        "import psycopg\n\nwith psycopg.connect('dbname=shop') as conn:\n    conn.execute('LISTEN jobs')\n",
        encoding="utf-8",
    )
    check = (tools.tool("txsafe"), "check", "--no-cache", "--exit-zero")
    return (
        Task("txsafe, a clean file", (*check, str(clean)), scratch),
        Task("txsafe, a file with findings", (*check, str(found)), scratch),
        Task('python -c "import click"', (tools.tool("python"), "-c", "import click"), scratch),
        Task("ruff, one file", (tools.tool("ruff"), "check", "--no-cache", "-q", str(clean)), scratch),
    )


def sql_tasks(tools: Environment, tree: Path, dump: Path) -> tuple[Task, ...]:
    """Return what is run on SQL: PostgreSQL's regression suite and a dump without session state."""
    files = [str(path) for path in sorted(tree.rglob("*.sql"))]
    check = (tools.tool("txsafe"), "check", "--no-cache", "--exit-zero", "--output-file", "/dev/null")
    small = files[:4]
    sqlfluff = (tools.tool("sqlfluff"), "lint", "--dialect", "postgres")
    return (
        Task("txsafe, regression suite", (*check, "--jobs", "1", str(tree)), tree),
        Task("squawk, regression suite", (tools.tool("squawk"), *files), tree),
        Task("txsafe, four scripts of it", (*check, "--jobs", "1", *small), tree),
        Task("sqlfluff, four scripts of it", (*sqlfluff, *small), tree, once=True),
        Task("txsafe, a dump of 10 MB", (*check, "--jobs", "1", str(dump)), dump.parent),
    )


def growth_tasks(tools: Environment, trees: dict[int, Path]) -> tuple[Task, ...]:
    """Return txsafe on one, two, four, eight times the same tree."""
    check = (tools.tool("txsafe"), "check", "--no-cache", "--exit-zero", "--output-file", "/dev/null", "--jobs", "1")
    names = {1: "once", 2: "twice", 4: "four times", 8: "eight times"}
    return tuple(Task(names[times], (*check, str(tree)), tree) for times, tree in trees.items())


def _once(command: Sequence[str], folder: Path) -> Callable[[], None]:
    """Return what runs a command the first time that it is called: it fills a cache."""
    waiting = [command]

    def run() -> None:
        while waiting:
            subprocess.run(waiting.pop(), cwd=folder, check=False)  # noqa: S603  # a command of ours

    return run


def _touch(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def fresh(folder: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def machine() -> str:
    """Say what the figures were measured on, and how busy it was with other work before."""
    import os
    import platform

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"; load average before: {os.getloadavg()[2]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cores} cores, Python {platform.python_version()} on {sys.platform}{load}"
