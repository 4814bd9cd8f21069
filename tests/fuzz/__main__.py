"""`python -m tests.fuzz [--runs N] [TARGET…]`: atheris feeds each target in a process of its own.

What fails is kept in `tests/fuzz/corpus/TARGET/`, where the test suite runs it from then on. An execution may take a
second and a process half a gigabyte. Needs `pip install atheris`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

CORPUS = Path(__file__).with_name("corpus")
SECONDS = 5
"""For an execution on a busy machine; inputs are short, so that a second is long."""
MEGABYTES = 500


@click.command()
@click.option("--runs", default=10_000, show_default=True, help="Executions of each target.")
@click.option("--longest", default=4096, show_default=True, help="Bytes of an input.")
@click.argument("targets", nargs=-1)
def main(runs: int, longest: int, targets: tuple[str, ...]) -> None:
    """Run each target so many times, or all of them."""
    from tests.fuzz.targets import TARGETS

    failed = []
    for name in targets or TARGETS:
        started = time.monotonic()
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as grown:
            command = [
                *(sys.executable, "-c", "from tests.fuzz.__main__ import feed; feed()", name, grown, str(folder)),
                *(f"-runs={runs}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={longest}"),
                *(f"-artifact_prefix={folder}/", "-verbosity=0", "-print_final_stats=1"),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        click.echo(f"{name}: {runs:,} executions, {time.monotonic() - started:.0f} s, status {done.returncode}")
        if done.returncode:
            failed.append(name)
            click.echo(done.stdout[-2000:] + done.stderr[-4000:])
    sys.exit(1 if failed else 0)


def feed() -> None:
    """Run one target: what the processes of their own do."""
    import atheris

    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["txsafe"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
