"""A run that is killed leaves every file as it was or as it is to be."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FILES = 150
KILLS = 2
OLD = "import psycopg2\n\n\ndef f(dsn):\n    psycopg2.connect(dsn, options='-c jit=off')\n    # {number} {filler}\n"
COMMAND = [
    sys.executable,
    "-m",
    "txsafe",
    "fix",
    "--isolated",
    "--jobs",
    "1",
    "--role",
    "app",
    "--ddl",
    "role.sql",
    "src",
]


def test_a_run_that_is_killed_leaves_no_file_torn(tmp_path: Path) -> None:
    old = {number: OLD.format(number=number, filler="x" * 2_000) for number in range(FILES)}
    new = {number: text.replace(", options='-c jit=off'", "") for number, text in old.items()}
    folder = tmp_path / "src"
    folder.mkdir()
    files = {number: folder / f"m{number}.py" for number in range(FILES)}
    random_ = random.Random(7)
    stages = set()
    for _ in range(KILLS):
        for number, path in files.items():
            path.write_text(old[number])
        kill_while_it_writes(tmp_path, files[random_.randrange(FILES)], random_.uniform(0, 0.02))
        texts = {number: path.read_text() for number, path in files.items()}
        assert all(text in (old[number], new[number]) for number, text in texts.items())
        stages.add(sum(texts[number] == new[number] for number in files))
    assert any(0 < done < FILES for done in stages)
    done = subprocess.run(COMMAND, cwd=tmp_path, env=environment(), capture_output=True, check=False)
    assert done.returncode == 0
    assert {number: path.read_text() for number, path in files.items()} == new


def kill_while_it_writes(folder: Path, watched: Path, delay: float) -> None:
    """Start a run and kill it a moment after a certain file was replaced, or when it ends by itself."""
    before = watched.stat().st_ino
    with subprocess.Popen(
        COMMAND, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        while run.poll() is None and watched.stat().st_ino == before:
            time.sleep(0.001)
        time.sleep(delay)
        run.kill()


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}
