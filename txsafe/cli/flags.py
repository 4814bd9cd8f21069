"""The flags of `check`: which there are, and what they make of the configuration.

A flag has the name of an option of `Config` and takes its help from there; what is not given changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from txsafe.config import Color, Config, Format, OptionError, apply, option_help
from txsafe.config_file import load_config, read_config
from txsafe.errors import ConfigError
from txsafe.profiles import is_profile_file
from txsafe.results import Confidence, Severity

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterator, Sequence

Flags = Mapping[str, object]

_LISTS = frozenset({"select", "ignore", "exclude", "extend_exclude", "include"})
"""Given several times, or with commas."""
_DEFAULTS = Config(root=Path())
_ACTIONS = frozenset({"config", "isolated", "show_config", "show_files", "stdin_filename", "write_baseline"})
_FIX_FLAGS = frozenset(
    {
        "paths", "profile", "settings", "pooler_config", "pooler_database", "server_version", "select", "ignore",
        "fail_on", "min_confidence", "baseline", "exclude", "extend_exclude", "include", "force_exclude",
        "respect_gitignore", "max_file_size", "follow_imports", "rule_paths", "stdin_filename", "require_reason",
        "exit_zero", "cache", "cache_dir", "jobs", "config", "isolated", "quiet", "verbose", "debug",
    }
)  # fmt: skip
"""What `fix` has in common with `check`."""
"""What is no option of `Config`."""


def _flag(
    *names: str,
    metavar: str | None = None,
    multiple: bool = False,
    kind: click.types.ParamType[int] | click.Choice[str] | None = None,
) -> click.Option:
    field = _field(names)
    return click.Option(names, metavar=metavar, multiple=multiple, type=kind, default=None, help=_help(field))


def _switch(*names: str) -> click.Option:
    return click.Option(names, is_flag=True, flag_value=True, default=None, help=_help(_field(names)))


def _choice(*names: str, words: type[enum.StrEnum]) -> click.Option:
    return _flag(*names, kind=click.Choice([word.value for word in words]))


def _action(*names: str, text: str, metavar: str | None = None) -> click.Option:
    if metavar is None:
        return click.Option(names, is_flag=True, default=False, help=text)
    return click.Option(names, metavar=metavar, default=None, help=text)


def _field(names: Sequence[str]) -> str:
    """Return the option that a flag is for: its own name, or the one that click is told to use."""
    own = next((name for name in names if name.isidentifier()), None)
    return own or next(name for name in names if name.startswith("--")).removeprefix("--").replace("-", "_")


def _help(field: str) -> str:
    """Return the table's text, and the default where it is a word or a number."""
    default = getattr(_DEFAULTS, field)
    shown = f" [default: {default}]" if isinstance(default, str | int) and not isinstance(default, bool) else ""
    return option_help(field).replace("`", "") + shown


def parameters() -> list[click.Parameter]:
    """Return click's parameters of `check`."""
    return [
        click.Argument(["paths"], nargs=-1, metavar="[PATHS]…"),
        _flag("--profile", metavar="NAME"),
        _flag("--set", "settings", metavar="KEY=VALUE", multiple=True),
        _flag("--pooler-config", metavar="FILE"),
        _flag("--pooler-database", metavar="NAME"),
        _flag("--server-version", metavar="MAJOR", kind=click.INT),
        _choice("--format", words=Format),
        _flag("--output-file", "-o", "output_file", metavar="FILE"),
        _flag("--output", metavar="FORMAT=FILE", multiple=True),
        _flag("--select", metavar="RULES", multiple=True),
        _flag("--ignore", metavar="RULES", multiple=True),
        _choice("--fail-on", words=Severity),
        _choice("--min-confidence", words=Confidence),
        _flag("--baseline", metavar="FILE"),
        _action("--write-baseline", metavar="FILE", text="Write all diagnostics of this run to a baseline."),
        _flag("--since", metavar="REV"),
        _flag("--exclude", metavar="GLOBS", multiple=True),
        _flag("--extend-exclude", metavar="GLOBS", multiple=True),
        _flag("--include", metavar="GLOBS", multiple=True),
        _switch("--force-exclude"),
        click.Option(["--respect-gitignore/--no-respect-gitignore"], default=None, help=_help("respect_gitignore")),
        _flag("--max-file-size", metavar="BYTES", kind=click.INT),
        click.Option(["--follow-imports/--no-follow-imports"], default=None, help=_help("follow_imports")),
        _flag("--rule-path", "rule_paths", metavar="PATH", multiple=True),
        _action("--stdin-filename", metavar="NAME", text="Analyse standard input under this name."),
        _switch("--require-reason"),
        _switch("--require-full-coverage"),
        _switch("--exit-zero"),
        click.Option(["--cache/--no-cache"], default=None, help=_help("cache")),
        _flag("--cache-dir", metavar="FOLDER"),
        _flag("--jobs", "-j", "jobs", metavar="N", kind=click.INT),
        _choice("--color", words=Color),
        _switch("--statistics"),
        _action("--config", metavar="FILE", text="Read this configuration file, and look for no other."),
        _action("--isolated", text="Read no configuration file."),
        _action("--show-config", text="Print the effective configuration and exit."),
        _action("--show-files", text="Print the files that would be analysed and exit."),
        _switch("--quiet", "-q", "quiet"),
        _switch("--verbose", "-v", "verbose"),
        _switch("--debug"),
    ]


def fix_parameters() -> list[click.Parameter]:
    """Return click's parameters of `fix`."""
    own = [
        _action("--diff", text="Print what would change as a unified diff, and change nothing."),
        _action("--unsafe-fixes", text="Apply also the fixes that may change what the program means."),
        _action(
            "--ddl",
            metavar="FILE",
            text="Take settings that every connection is given out of the program, and write a SQL script to FILE that "
            "gives them to the role instead; read it before you run it.",
        ),
        _action("--role", metavar="NAME", text="The role that --ddl is for."),
        _action("--database", metavar="NAME", text="The database that --ddl is for; with --role, the role there."),
    ]
    shared = [parameter for parameter in parameters() if parameter.name in _FIX_FLAGS]
    return [shared[0], *own, *shared[1:]]


def configure(paths: Sequence[str], flags: Flags) -> Config:
    """Return the configuration of a run: the nearest file's, with what the flags say instead.

    Raises `ConfigError` for either, naming the file and line, or the flag.
    """
    config = _base(paths, flags)
    try:
        return apply(config, dict(_values(flags, config)), folder=Path.cwd())
    except OptionError as error:
        raise ConfigError(f"--{error}") from error


def _base(paths: Sequence[str], flags: Flags) -> Config:
    named = flags.get("config")
    if flags.get("isolated"):
        if named is not None:
            raise ConfigError("--isolated and --config contradict each other")
        return Config()
    if isinstance(named, str):
        return read_config(Path(named))
    name = flags.get("stdin_filename")
    first = Path(name if isinstance(name, str) else next((path for path in paths if path != "-"), "."))
    return load_config(first.absolute())


def _values(flags: Flags, config: Config) -> Iterator[tuple[str, object]]:
    for name, value in flags.items():
        if name in _ACTIONS or value is None or value == ():
            continue
        key = name.replace("_", "-")
        if name == "profile" and is_profile_file(str(value)):
            yield key, str(Path.cwd() / str(value))
        elif name == "settings":
            yield key, {**config.settings, **_pairs("--set", value)}
        elif name == "output":
            known = {word.value: str(path) for word, path in config.output.items()}
            yield key, {**known, **_pairs("--output", value)}
        elif name in _LISTS:
            kept = config.extend_exclude if name == "extend_exclude" else ()
            yield key, [*kept, *_split(value)]
        else:
            yield key, list(value) if isinstance(value, tuple) else value


def _split(values: object) -> Iterator[str]:
    if isinstance(values, tuple):
        for value in values:
            yield from (part.strip() for part in str(value).split(",") if part.strip())


def _pairs(flag: str, values: object) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in values if isinstance(values, tuple) else ():
        key, equals, value = str(text).partition("=")
        if not (key and equals):
            raise ConfigError(f"{flag}: {text!r} is not of the form KEY=VALUE")
        pairs[key.strip()] = value.strip()
    return pairs
