"""What a run imports: parsers cost more than most runs, so they are loaded when they are needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("libcst", "sqlglot")
_CODE = f"""
import json, os, sys
from txsafe.cli import main
try:
    main(sys.argv[1:])
except SystemExit as exit:
    status = exit.code
os.write(2, json.dumps([status, [name for name in {HEAVY!r} if name in sys.modules]]).encode())
"""
CONNECTED = "import psycopg\nc = psycopg.connect('')\n"


def imported(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Return the exit status of a run and which of the heavy modules it imported."""
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    status, names = json.loads(done.stderr.splitlines()[-1])
    return status, names


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
