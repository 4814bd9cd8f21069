"""The flags of `check` and `fix` as click has them, and the command `check`.

A flag takes its help from the table of options; what is not given changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from txsafe.cli.check import run
from txsafe.cli.flags import FLAGS, Flag
from txsafe.config import Config, option_help

if TYPE_CHECKING:
    from txsafe.cli.flags import Values

_DEFAULTS = Config(root=Path())
_FIX_FLAGS = frozenset(
    {
        "paths", "profile", "settings", "pooler_config", "pooler_database", "server_version", "select", "ignore",
        "fail_on", "min_confidence", "baseline", "exclude", "extend_exclude", "include", "force_exclude",
        "respect_gitignore", "max_file_size", "follow_imports", "rule_paths", "stdin_filename", "require_reason",
        "exit_zero", "cache", "cache_dir", "jobs", "config", "isolated", "quiet", "verbose", "debug",
    }
)  # fmt: skip
"""What `fix` has in common with `check`."""


def parameters() -> list[click.Parameter]:
    """Return click's parameters of `check`."""
    return [click.Argument(["paths"], nargs=-1, metavar="[PATHS]…"), *map(_option, FLAGS)]


def fix_parameters() -> list[click.Parameter]:
    """Return click's parameters of `fix`."""
    own = (
        Flag("--diff", values=bool, text="Print what would change as a unified diff, and change nothing."),
        Flag("--unsafe-fixes", values=bool, text="Apply also the fixes that may change what the program means."),
        Flag(
            "--ddl",
            metavar="FILE",
            text="Take settings that every connection is given out of the program, and write a SQL script to FILE that "
            "gives them to the role instead; read it before you run it.",
        ),
        Flag("--role", metavar="NAME", text="The role that --ddl is for."),
        Flag("--database", metavar="NAME", text="The database that --ddl is for; with --role, the role there."),
    )
    shared = [parameter for parameter in parameters() if parameter.name in _FIX_FLAGS]
    return [shared[0], *map(_option, own), *shared[1:]]


def _option(flag: Flag) -> click.Option:
    text = flag.text or _help(flag.field)
    if flag.values is not bool:
        kind, multiple = _kind(flag.values), flag.multiple
        return click.Option(flag.names, metavar=flag.metavar, multiple=multiple, type=kind, default=None, help=text)
    if "/" in flag.names[0]:
        return click.Option(flag.names, default=None, help=text)
    if flag.text:
        return click.Option(flag.names, is_flag=True, default=False, help=text)
    return click.Option(flag.names, is_flag=True, flag_value=True, default=None, help=text)


def _kind(values: Values) -> click.types.ParamType[int] | click.Choice[str] | None:
    if isinstance(values, tuple):
        return click.Choice(values)
    return click.INT if values is int else None


def _help(field: str) -> str:
    """Return the table's text, and the default where it is a word or a number."""
    default = getattr(_DEFAULTS, field)
    shown = f" [default: {default}]" if isinstance(default, str | int) and not isinstance(default, bool) else ""
    return option_help(field).replace("`", "") + shown


def _run(paths: tuple[str, ...], **flags: object) -> int:
    arguments = click.get_current_context().find_root().obj
    return run(paths, flags, arguments=arguments if isinstance(arguments, tuple) else None)


check_command = click.Command(
    "check",
    callback=_run,
    params=parameters(),
    help="Say what breaks behind a pooler, why, and what to write instead. PATHS are files and folders, - is standard "
    "input; the default is the working directory.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
