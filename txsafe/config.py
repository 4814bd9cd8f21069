"""Keys and values in, one frozen `Config` out; and its JSON Schema, and its text for `--show-config`.

Each field of `Config` is one option: its kebab-case name is the key, its metadata the kind of value and the help text.
Decoding, the schema, the flags' help and `--show-config` all read this one table. Where the keys come from is the
business of `txsafe.config_file`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path

from txsafe.errors import ConfigError, did_you_mean
from txsafe.options import PATH, SCALAR, SWITCH, TEXT, VERSION, Kind, Schema, many, number, table, word
from txsafe.results import Confidence, Severity

DEFAULT_EXCLUDES = (
    ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pytest_cache",
    ".ruff_cache", ".svn", ".tox", ".txsafe_cache", ".venv",
    "__pycache__", "__pypackages__", "build", "dist", "node_modules", "site-packages", "venv",
)  # fmt: skip

_SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


class Color(enum.StrEnum):
    """When the text format is coloured."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Format(enum.StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    JUNIT = "junit"


class SeverityOverride(enum.StrEnum):
    """What a project thinks of a rule."""

    OFF = "off"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Option:
    """What is known of an option beside its name and default."""

    kind: Kind
    help: str
    """One sentence of Markdown."""


def _option(kind: Kind, text: str) -> Mapping[str, Option]:
    return {"option": Option(kind, text)}


_TEXTS = many(TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All options of a run, decoded. Globs are gitignore patterns relative to `root`."""

    profile: str = field(
        default="pgbouncer",
        metadata=_option(TEXT, "The pooler to judge for: `pgbouncer-1.18/transaction`, `rds-proxy`, `direct`."),
    )
    settings: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_option(table(SCALAR), "Settings of the pooler that decide, such as `max_prepared_statements`."),
    )
    pooler_config: Path | None = field(
        default=None,
        metadata=_option(PATH, "The pooler's own configuration file, for its mode and settings."),
    )
    pooler_database: str | None = field(
        default=None, metadata=_option(TEXT, "Which of its databases counts, where they differ.")
    )
    server_version: int | None = field(
        default=None,
        metadata=_option(number(8), "PostgreSQL's major version; without it the oldest supported one counts."),
    )
    versions: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_option(
            table(VERSION), 'Versions of drivers and of libpq, before what lock files say: `asyncpg = "0.29"`.'
        ),
    )
    routes: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_option(table(TEXT), 'Connections with a profile of their own: `"DIRECT_*" = "direct"`.'),
    )
    direct: tuple[str, ...] = field(
        default=(), metadata=_option(_TEXTS, "Globs of files whose connections bypass the pooler.")
    )
    assume_in_transaction: tuple[str, ...] = field(
        default=(), metadata=_option(_TEXTS, "Globs of files that a runner wraps in a transaction.")
    )
    sinks: Mapping[str, int] = field(
        default_factory=dict,
        metadata=_option(
            table(number()),
            'Functions of the project that take SQL, with the argument\'s position or name: `"myapp.db.run" = 0`.',
        ),
    )
    follow_imports: bool = field(
        default=True,
        metadata=_option(SWITCH, "Follow SQL, wrappers and connections through imports into other files."),
    )
    rule_paths: tuple[Path, ...] = field(
        default=(),
        metadata=_option(many(PATH), "Files or folders with further rules, poolers and drivers."),
    )
    select: tuple[str, ...] = field(
        default=(), metadata=_option(_TEXTS, "Rules to report, ids or globs; all when empty.")
    )
    ignore: tuple[str, ...] = field(default=(), metadata=_option(_TEXTS, "Rules not to report, ids or globs."))
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict, metadata=_option(table(_TEXTS), "Rules not to report in the files of a glob.")
    )
    severity: Mapping[str, SeverityOverride] = field(
        default_factory=dict, metadata=_option(table(word(SeverityOverride)), "Another severity for a rule, or `off`.")
    )
    fail_on: Severity = field(
        default=Severity.WARNING,
        metadata=_option(word(Severity), "The least severity that makes the exit status 1; hides nothing."),
    )
    min_confidence: Confidence = field(
        default=Confidence.LOW, metadata=_option(word(Confidence), "The least confidence that is reported.")
    )
    require_reason: bool = field(default=False, metadata=_option(SWITCH, "Suppressions without a reason do not count."))
    require_full_coverage: bool = field(
        default=False,
        metadata=_option(SWITCH, "Exit with 1 where SQL was unresolved or a file was not analysed in full."),
    )
    exit_zero: bool = field(
        default=False,
        metadata=_option(SWITCH, "Diagnostics do not fail the run; files that could not be analysed still do."),
    )
    baseline: Path | None = field(
        default=None,
        metadata=_option(PATH, "File of known diagnostics, which do not fail the run."),
    )
    since: str | None = field(
        default=None, metadata=_option(TEXT, "Report only lines changed since a git revision, and untracked files.")
    )
    exclude: tuple[str, ...] = field(
        default=DEFAULT_EXCLUDES, metadata=_option(_TEXTS, "Globs of files and folders to pass over.")
    )
    extend_exclude: tuple[str, ...] = field(
        default=(), metadata=_option(_TEXTS, "Globs of further files and folders to pass over.")
    )
    include: tuple[str, ...] = field(
        default=(), metadata=_option(_TEXTS, "Globs of further files to analyse when a folder is walked.")
    )
    force_exclude: bool = field(
        default=False, metadata=_option(SWITCH, "Exclude also what is named on the command line.")
    )
    respect_gitignore: bool = field(default=True, metadata=_option(SWITCH, "Pass over what `.gitignore` names."))
    max_file_size: int = field(
        default=10 * 1024 * 1024,
        metadata=_option(number(1), "Bytes; a larger file is reported as not analysed."),
    )
    format: Format = field(default=Format.TEXT, metadata=_option(word(Format), "How the report is written."))
    output_file: Path | None = field(default=None, metadata=_option(PATH, "Write the report to a file."))
    output: Mapping[Format, Path] = field(
        default_factory=dict,
        metadata=_option(table(PATH, keys=word(Format)), "Further reports, as format and file."),
    )
    statistics: bool = field(default=False, metadata=_option(SWITCH, "Count the diagnostics of each rule."))
    color: Color = field(default=Color.AUTO, metadata=_option(word(Color), "When to colour the text format."))
    cache: bool = field(
        default=True,
        metadata=_option(SWITCH, "Keep the results of files, and use those that still hold."),
    )
    cache_dir: Path | None = field(
        default=None,
        metadata=_option(PATH, "Where results are kept; `.txsafe_cache` in the project's root when not set."),
    )
    jobs: int = field(default=0, metadata=_option(number(), "Worker processes; 0 lets txsafe choose."))
    quiet: bool = field(default=False, metadata=_option(SWITCH, "Print diagnostics only."))
    verbose: bool = field(default=False, metadata=_option(SWITCH, "Print what was passed over, too."))
    debug: bool = field(
        default=False,
        metadata=_option(SWITCH, "Print tracebacks of internal errors and the time that each stage took."),
    )

    profile_files: tuple[Path, ...] = ()
    """Profile files that `profile` and `routes` name, once `profiles.with_profile_files` has looked. No option."""
    root: Path = field(default_factory=Path.cwd)
    """The folder that globs are relative to: the configuration file's, or the working directory. No option."""
    file: Path | None = None
    """The configuration file, where there is one. No option."""


def options() -> Iterator[tuple[str, Field[object], Option]]:
    """Yield each option's key, field and description, in the order of the documentation."""
    for item in fields(Config):
        if "option" in item.metadata:
            yield item.name.replace("_", "-"), item, item.metadata["option"]


def option_help(name: str) -> str:
    """Return the help text of the option that a field of `Config` holds."""
    return next(option.help for _, item, option in options() if item.name == name)


def apply(config: Config, values: Mapping[str, object], *, folder: Path) -> Config:
    """Return the configuration with some options (by key) replaced; relative paths start from `folder`.

    Raises `OptionError` where a key is unknown or its value is of the wrong kind.
    """
    known = {key: (item, option) for key, item, option in options()}
    changes: dict[str, object] = {}
    for key, value in values.items():
        if key not in known:
            raise OptionError(key, f"unknown key {key!r}{did_you_mean(key, known)}")
        item, option = known[key]
        try:
            changes[item.name] = _anchored(option.kind.decode(value), folder)
        except ConfigError as error:
            raise OptionError(key, f"{key}: {error}") from error
    return replace(config, **changes)  # type: ignore[arg-type]  # each value was decoded by its own field's kind


class OptionError(ConfigError):
    """A `ConfigError` that knows which key is to blame."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _anchored(value: object, folder: Path) -> object:
    match value:
        case Path():
            return folder / value
        case tuple():
            return tuple(_anchored(item, folder) for item in value)
        case Mapping():
            return {key: _anchored(item, folder) for key, item in value.items()}
        case _:
            return value


def json_schema() -> Schema:
    """Return the JSON Schema of `txsafe.toml`, which is that of `[tool.txsafe]`, too."""
    return {
        "$schema": _SCHEMA_ID,
        "title": "Configuration of txsafe",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: {"description": option.help, **option.kind.schema, **_default(item)} for key, item, option in options()
        },
    }


def _default(item: Field[object]) -> Schema:
    default = getattr(Config(root=Path()), item.name)
    return {} if default is None else {"default": _plain(default)}


def show(config: Config) -> str:
    """Return the effective configuration as TOML; options without a value are comments."""
    lines = [f"# {config.file}" if config.file else "# no configuration file"]
    for key, item, _ in options():
        value = getattr(config, item.name)
        lines.append(f"# {key} is not set" if value is None else f"{key} = {_toml(_plain(value))}")
    return "\n".join(lines) + "\n"


def _plain(value: object) -> object:
    match value:
        case enum.Enum():
            return value.value
        case Path():
            return str(value)
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case _:
            return value


def _toml(value: object) -> str:
    import json

    match value:
        case bool() | int():
            return json.dumps(value)
        case list():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case dict():
            inside = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
            return f"{{{inside}}}"
        case _:
            # A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
