"""What a run imports: parsers cost more than most runs, so they are loaded when they are needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARSERS = ("libcst", "sqlglot")
HEAVY = (
    *PARSERS, "click", "concurrent.futures", "hashlib", "json", "multiprocessing", "shutil", "socket", "tempfile",
    "traceback", "txsafe.analysis", "txsafe.baseline", "txsafe.catalog", "txsafe.model", "txsafe.placing",
    "txsafe.python", "txsafe.report.frames", "txsafe.settings", "txsafe.sql", "txsafe.workers", "yaml",
)  # fmt: skip
"""What a clean file needs nothing of."""
UNNEEDED = (*PARSERS, "click", "concurrent.futures", "multiprocessing", "socket", "tempfile", "txsafe.baseline", "yaml")
"""What a file with findings needs nothing of."""
_CODE = """
import os, sys
from txsafe.__main__ import start
try:
    start()
except SystemExit as exit:
    status = exit.code
os.write(2, f"{status} {' '.join(sys.modules)}".encode())
"""
CONNECTED = "import psycopg\nc = psycopg.connect('')\n"


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where modules and rules are compiled to, as they are from an installation's second run on."""
    folder = tmp_path_factory.mktemp("bytecode")
    (folder / "clean.py").touch()
    (folder / "found.py").write_text(f"{CONNECTED}c.execute('LISTEN jobs')\n")
    for name in ("clean.py", "found.py"):
        run(folder, "check", "--isolated", name, bytecode=folder)
    return folder


def run(folder: Path, *arguments: str, bytecode: Path | None = None) -> str:
    """Return what a run tells on standard error: its exit status and the modules that it loaded come last."""
    left_out = {"GITHUB_ACTIONS", "PYTHONDONTWRITEBYTECODE"} if bytecode else {"GITHUB_ACTIONS"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    if bytecode is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    environment["PYTHONPATH"] = str(ROOT)  # this txsafe, whichever is installed
    command = [sys.executable, "-c", _CODE, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1]


def imported(
    folder: Path, *arguments: str, heavy: tuple[str, ...] = PARSERS, bytecode: Path | None = None
) -> tuple[int, list[str]]:
    """Return the exit status of a run and which of the heavy modules it imported."""
    status, *names = run(folder, *arguments, bytecode=bytecode).split()
    return int(status), [name for name in heavy if name in names]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", "--help"],
        ["fix", "--help"],
        ["rules"],
        ["explain", "listen"],
        ["check", "--isolated", "--show-config"],
    ],
)
def test_commands_that_analyse_nothing_import_no_parser(tmp_path: Path, arguments: list[str]) -> None:
    assert imported(tmp_path, *arguments) == (0, [])


PLAIN = {
    "clean.py": "x = 1\n",
    "candidate.py": f"{CONNECTED}c.execute('SELECT 1')\n",
    "plain.py": f"{CONNECTED}c.execute('LISTEN jobs')\n",
    "lines.py": f'{CONNECTED}c.execute("""\n  SELECT 1;\n  SET search_path TO app\n""")\n',
    "elsewhere.py": f"{CONNECTED}QUERY = 'SELECT pg_advisory_lock(1)'\nc.execute(QUERY)\n",
    "fields.py": f"{CONNECTED}def f(name): c.execute(f'LISTEN {{name}}')\n",
    "joined.py": f"{CONNECTED}def f(name): c.execute('LISTEN ' + name)\n",
    "api.py": "import psycopg\npsycopg.connect('', options='-c statement_timeout=5s')\n",
    "script.sql": "LISTEN jobs;\nSET ROLE app;\n",
    "broken.py": "c.execute(\n",
}


def test_findings_in_plain_literals_import_no_parser(tmp_path: Path) -> None:
    for name, text in PLAIN.items():
        (tmp_path / name).write_text(text)
    assert imported(tmp_path, "check", "--isolated", "--output", "json=out.json") == (1, [])
    report = json.loads((tmp_path / "out.json").read_text())
    assert {each["path"] for each in report["diagnostics"]} == PLAIN.keys() - {"clean.py", "candidate.py"}


def test_a_literal_with_escapes_imports_what_can_take_it_apart(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f'{CONNECTED}c.execute("\\tLISTEN jobs")\n')
    assert imported(tmp_path, "check", "--isolated", "a.py") == (1, ["libcst"])


def test_a_clean_file_loads_neither_rules_nor_what_analyses(tmp_path: Path, bytecode: Path) -> None:
    (tmp_path / "clean.py").write_text("import os\n\n\ndef where() -> str:\n    return os.getcwd()\n")
    (tmp_path / "txsafe.toml").write_text('profile = "pgbouncer/transaction"\nignore = ["listen"]\n')
    assert imported(tmp_path, "check", "--no-cache", "clean.py", heavy=HEAVY, bytecode=bytecode) == (0, [])


def test_a_file_with_findings_loads_no_worker_processes(tmp_path: Path, bytecode: Path) -> None:
    (tmp_path / "found.py").write_text(f"{CONNECTED}c.execute('LISTEN jobs')\n")
    assert imported(tmp_path, "check", "--no-cache", "found.py", heavy=UNNEEDED, bytecode=bytecode) == (1, [])
