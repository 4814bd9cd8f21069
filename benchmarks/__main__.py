"""`python -m benchmarks`: install, fetch, measure, print the tables."""

from __future__ import annotations

import datetime as dt
import tempfile
from functools import partial
from pathlib import Path

import click

from benchmarks import tools, trees
from benchmarks.measuring import Task, Usage, measure
from benchmarks.tables import table

_DUMP_SIZE = 10_000_000
_SUBJECT = "django/*/django/contrib"
"""The tree that growth is measured on."""
_INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks -o docs/benchmarks.md`, which installs and fetches what it compares, and measures every
command in turn. Compare within a table only: seconds are one machine's, and where others work on it, too, wall time is
theirs as well; ratios of CPU time (user and system, all processes of a command) are what lasts. Memory is that of the
largest single process.
"""


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each command is measured.")
@click.option("--skip", multiple=True, metavar="WORD", help="Leave out commands with this word in their name.")
@click.option("--cache-dir", type=click.Path(path_type=Path), default=Path.home() / ".cache" / "txsafe-benchmarks")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the tables go; else they are printed.")
def main(rounds: int, skip: tuple[str, ...], cache_dir: Path, output: Path | None) -> None:
    """Compare txsafe with the tools around it, side by side."""
    say = partial(click.echo, err=True)
    environment = tools.Environment.of(cache_dir / "tools")
    python = trees.python_tree(cache_dir / "python", cache_dir / "archives")
    sql = trees.sql_tree(cache_dir / "sql", cache_dir / "archives")
    dump = trees.sql_dump(cache_dir / "dump" / "dump.sql", size=_DUMP_SIZE)
    subject = next(iter(python.glob(_SUBJECT)))
    grown = {times: trees.copies(subject, cache_dir / "growth" / str(times), times) for times in (1, 2, 4, 8)}
    count = sum(1 for _ in python.rglob("*.py"))
    machine = tools.machine()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)

        def measured(tasks: tuple[Task, ...]) -> dict[str, Usage]:
            chosen = [task for task in tasks if not any(word in task.name for word in skip)]
            return dict(measure(chosen, rounds=rounds, say=say))

        text = "\n".join(
            (
                _INTRODUCTION,
                f"Measured {dt.datetime.now(tz=dt.UTC).date()} on {machine}; medians of {_runs(rounds)}.\n",
                table(
                    f"{count} Python files (Django, Airflow, SQLAlchemy)",
                    measured(tools.python_tasks(environment, python, scratch)),
                    anchor="ruff check --select F --no-cache",
                ),
                table("One file", measured(tools.file_tasks(environment, scratch)), anchor='python -c "import click"'),
                table("SQL", measured(tools.sql_tasks(environment, sql, dump)), anchor="txsafe, regression suite"),
                table("Growth with the tree", measured(tools.growth_tasks(environment, grown)), anchor="once"),
            )
        )
    if output is None:
        click.echo(text)
    else:
        output.write_text(text, encoding="utf-8")


def _runs(rounds: int) -> str:
    return "one run each" if rounds == 1 else f"{rounds} runs each"


if __name__ == "__main__":
    main()
