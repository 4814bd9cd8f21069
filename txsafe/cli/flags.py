"""The flags of `check`: which there are, whoever reads them, and what they make of the configuration.

A flag has the name of an option of `Config` and takes its help from there; what is not given changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from txsafe.config import Color, Config, Format, OptionError, apply
from txsafe.config_file import load_config, read_config
from txsafe.errors import ConfigError
from txsafe.profiles import is_profile_file
from txsafe.results import Confidence, Severity

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    import enum
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

Flags = Mapping[str, object]
Values: TypeAlias = "type[bool | int | str] | tuple[str, ...]"

_LISTS = frozenset({"select", "ignore", "exclude", "extend_exclude", "include"})
"""Given several times, or with commas."""
_ACTIONS = frozenset({"config", "isolated", "show_config", "show_files", "stdin_filename", "write_baseline"})
"""What is no option of `Config`."""


class Flag:
    """One flag: how it is spelled, and what it takes. No dataclass: see `txsafe.results`."""

    __slots__ = ("field", "metavar", "multiple", "names", "text", "values")

    def __init__(
        self,
        *names: str,
        metavar: str | None = None,
        values: Values = str,
        multiple: bool = False,
        text: str = "",
    ) -> None:
        self.names = names
        """As click takes them: `--on/--off` for both sides of a switch; a name without hyphens is the option's."""
        self.metavar = metavar
        self.values = values
        """`bool` for a switch, or the kind of its value, or the words that it may be."""
        self.multiple = multiple
        self.text = text
        """The help of a flag that is no option of `Config`."""
        self.field = next((name for name in names if name.isidentifier()), None) or _field(names)


def _field(names: Sequence[str]) -> str:
    """Return the option that a flag is for where it does not say: its long name."""
    long = next(name for name in names if name.startswith("--"))
    return long.partition("/")[0].removeprefix("--").replace("-", "_")


def _words(words: type[enum.StrEnum]) -> tuple[str, ...]:
    return tuple(word.value for word in words)


FLAGS = (
    Flag("--profile", metavar="NAME"),
    Flag("--set", "settings", metavar="KEY=VALUE", multiple=True),
    Flag("--pooler-config", metavar="FILE"),
    Flag("--pooler-database", metavar="NAME"),
    Flag("--server-version", metavar="MAJOR", values=int),
    Flag("--format", values=_words(Format)),
    Flag("--output-file", "-o", "output_file", metavar="FILE"),
    Flag("--output", metavar="FORMAT=FILE", multiple=True),
    Flag("--select", metavar="RULES", multiple=True),
    Flag("--ignore", metavar="RULES", multiple=True),
    Flag("--fail-on", values=_words(Severity)),
    Flag("--min-confidence", values=_words(Confidence)),
    Flag("--baseline", metavar="FILE"),
    Flag("--write-baseline", metavar="FILE", text="Write all diagnostics of this run to a baseline."),
    Flag("--since", metavar="REV"),
    Flag("--exclude", metavar="GLOBS", multiple=True),
    Flag("--extend-exclude", metavar="GLOBS", multiple=True),
    Flag("--include", metavar="GLOBS", multiple=True),
    Flag("--force-exclude", values=bool),
    Flag("--respect-gitignore/--no-respect-gitignore", values=bool),
    Flag("--max-file-size", metavar="BYTES", values=int),
    Flag("--follow-imports/--no-follow-imports", values=bool),
    Flag("--rule-path", "rule_paths", metavar="PATH", multiple=True),
    Flag("--stdin-filename", metavar="NAME", text="Analyse standard input under this name."),
    Flag("--require-reason", values=bool),
    Flag("--require-full-coverage", values=bool),
    Flag("--exit-zero", values=bool),
    Flag("--cache/--no-cache", values=bool),
    Flag("--cache-dir", metavar="FOLDER"),
    Flag("--jobs", "-j", "jobs", metavar="N", values=int),
    Flag("--color", values=_words(Color)),
    Flag("--statistics", values=bool),
    Flag("--config", metavar="FILE", text="Read this configuration file, and look for no other."),
    Flag("--isolated", values=bool, text="Read no configuration file."),
    Flag("--show-config", values=bool, text="Print the effective configuration and exit."),
    Flag("--show-files", values=bool, text="Print the files that would be analysed and exit."),
    Flag("--quiet", "-q", "quiet", values=bool),
    Flag("--verbose", "-v", "verbose", values=bool),
    Flag("--debug", values=bool),
)
"""All of `check`, in the order of its help."""


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
