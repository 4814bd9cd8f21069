"""`python -m benchmarks`: install, fetch, measure, print the tables."""

from __future__ import annotations

import datetime as dt
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks import tools, trees
from benchmarks.measuring import Task, Usage, measure
from benchmarks.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    trees_of_python = trees.python_tree(cache_dir / "trees", cache_dir / "archives")
    sql = trees.sql_tree(cache_dir / "sql", cache_dir / "archives")
    dump = trees.sql_dump(cache_dir / "dump" / "dump.sql", size=_DUMP_SIZE)
    subject = next(iter(trees_of_python.glob(_SUBJECT)))
    grown = {times: trees.copies(subject, cache_dir / "growth" / str(times), times) for times in (1, 2, 4, 8)}
    count = sum(1 for _ in trees_of_python.rglob("*.py"))
    machine = tools.machine()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)

        def measured(tasks: tuple[Task, ...]) -> dict[str, Usage]:
            chosen = [task for task in tasks if not any(word in task.name for word in skip)]
            return dict(measure(chosen, rounds=rounds, say=say))

        title = f"Measured {dt.datetime.now(tz=dt.UTC).date()} on {machine}; medians of {_runs(rounds)}.\n"
        python_tasks = tools.python_tasks(environment, trees_of_python, scratch)
        parts = (
            (f"{count} Python files (Django, Airflow)", python_tasks, "ruff check --select F --no-cache"),
            ("One file", tools.file_tasks(environment, scratch), 'python -c "import click"'),
            ("SQL", tools.sql_tasks(environment, sql, dump), "txsafe, regression suite"),
            ("Growth with the tree", tools.growth_tasks(environment, grown), "once"),
        )
        page = [_INTRODUCTION, title]
        for heading, tasks, anchor in parts:
            page.append(table(heading, measured(tasks), anchor=anchor))
            _write(page, output)  # after each part: a run takes long, and may be ended early
        if output is None:
            click.echo("\n".join(page))


def _write(page: Iterable[str], output: Path | None) -> None:
    if output is not None:
        output.write_text("\n".join(page), encoding="utf-8")


def _runs(rounds: int) -> str:
    return "one run each" if rounds == 1 else f"{rounds} runs each, one of what takes half a minute"


if __name__ == "__main__":
    main()
