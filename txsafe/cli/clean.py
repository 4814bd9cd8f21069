"""`txsafe clean`: deletes what is kept between runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from txsafe.cli.flags import configure
from txsafe.cli.inputs import find_cache, note

if TYPE_CHECKING:
    from pathlib import Path


def run(paths: tuple[str, ...], **flags: object) -> int:
    """Delete the cache of the project that a path belongs to, and return the exit status."""
    from txsafe.cache.folder import remove

    folder: Path = find_cache(configure(paths, flags))
    note(f"{folder}: removed" if remove(str(folder)) else f"{folder}: there is no cache")
    return 0


clean_command = click.Command(
    "clean",
    callback=run,
    params=[
        click.Argument(["paths"], nargs=-1, metavar="[PATH]"),
        click.Option(["--cache-dir", "cache_dir"], metavar="FOLDER", help="The cache, if not the project's."),
        click.Option(["--config"], metavar="FILE", help="Read this configuration file, and look for no other."),
        click.Option(["--isolated"], is_flag=True, default=False, help="Read no configuration file."),
    ],
    help="Delete what `check`, `fix` and `audit` keep between runs. PATH says which project is meant; the "
    "default is that of the working directory.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
