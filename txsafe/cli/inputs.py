"""What the commands that analyse files have in common: paths → files to look at; configuration → rules and profile."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from txsafe.cli import COMMANDS
from txsafe.cli.ending import tell
from txsafe.discovery import EXCLUDED, Discovery, FileInput, Skipped, display_path, find_files, is_excluded
from txsafe.errors import ConfigError, did_you_mean
from txsafe.watching import spoil

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.cache.folder import Cache
    from txsafe.catalog import Catalog
    from txsafe.cli.flags import Flags
    from txsafe.config import Config
    from txsafe.model import Profile, Report
    from txsafe.poolerconfig.choice import Choice

STDIN = "-"
_STDIN_NAME = "stdin.py"


def open_cache(config: Config) -> Cache | None:
    """Return where results are kept; None where they are not to be, or cannot be."""
    if not config.cache or os.environ.get("TXSAFE_NO_CACHE"):
        return None
    from txsafe.cache.folder import prepare

    return prepare(str(find_cache(config)))


def find_cache(config: Config) -> Path:
    """Return the folder of a project's cache."""
    from txsafe.cache.folder import NAME

    named = os.environ.get("TXSAFE_CACHE_DIR")
    return config.cache_dir or (Path.cwd() / named if named else config.root / NAME)


def note_troubles(cache: Cache | None, config: Config) -> None:
    """Say what was wrong with the cache where somebody wants to know."""
    if cache is not None and config.verbose:
        for trouble in dict.fromkeys(cache.troubles):
            note(f"cache: {trouble}")


def discover(paths: Sequence[str], flags: Flags, config: Config) -> Discovery:
    """Return the files that a command line names, standard input among them."""
    name = flags.get("stdin_filename")
    from_stdin = STDIN in paths or (isinstance(name, str) and not paths)
    named = [path for path in paths if path != STDIN]
    if not named and not from_stdin:
        named = ["."]
    discovery = find_files(named, config)
    if not from_stdin:
        return discovery
    shown = name if isinstance(name, str) else _STDIN_NAME
    if config.force_exclude and is_excluded(shown, config):
        skipped = Skipped(display_path(shown), EXCLUDED, named=True)
        return replace(discovery, skipped=(*discovery.skipped, skipped))
    files = sorted((*discovery.files, _read_stdin(shown, config)), key=lambda each: each.display)
    return replace(discovery, files=tuple(files))


def _read_stdin(name: str, config: Config) -> FileInput:
    spoil()
    data = sys.stdin.buffer.read(config.max_file_size + 1)
    if len(data) > config.max_file_size:
        raise ConfigError(f"standard input is larger than max-file-size ({config.max_file_size} bytes)")
    return FileInput(Path(name), display_path(name), data)


def note_discovery(discovery: Discovery, config: Config) -> None:
    """Say what is missing, and what was passed over although it was named."""
    for error in discovery.missing:
        hint = did_you_mean(error.path, COMMANDS)
        note(f"{error.path}: {error.message}{hint}")
    for skipped in discovery.skipped:
        if config.verbose or (skipped.named and not config.quiet):
            note(f"{skipped.display}: passed over: {skipped.reason}")


def has_work(discovery: Discovery) -> bool:
    """Say whether there is anything to analyse or to report.

    Nothing at all is an error, lest a wrong path look like clean code; but that all that was named is excluded is what
    `--force-exclude` is for.
    """
    if discovery.files or discovery.errors or discovery.missing:
        return True
    if any(skipped.named and skipped.reason == EXCLUDED for skipped in discovery.skipped):
        return False
    raise ConfigError("no Python, SQL or settings files to analyse; `--verbose` says what was passed over")


def note(text: str) -> None:
    """Say something that is no part of the output."""
    spoil()
    tell(text)


class Setting:
    """What files are judged by. No dataclass: see `txsafe.results`."""

    def __init__(self, config: Config, profile: Profile, *, catalog: Catalog | None, choice: Choice | None) -> None:
        self.config = config
        """With what the pooler's own file says."""
        self.profile = profile
        self.choice = choice
        """What the pooler's own file says, if there is one."""
        self._catalog = catalog

    @property
    def catalog(self) -> Catalog:
        """The rules; loaded by who asks first, as nobody does where nothing is found."""
        if self._catalog is None:
            self._catalog = load_rules(self.config)
        return self._catalog

    @classmethod
    def of(cls, config: Config) -> Setting:
        """Load the rules where they are needed and resolve the profiles; raises `ConfigError` and `CatalogError`."""
        return cls._of_shipped(config) or cls._of_catalog(config)

    @classmethod
    def _of_shipped(cls, config: Config) -> Setting | None:
        """Return the setting of a configuration that names a shipped pooler and nothing that only rules explain."""
        files = config.rule_paths or config.profile_files or config.pooler_config is not None
        if files or config.routes or config.settings or config.server_version is not None:
            return None
        from txsafe.profiles import find_shipped, list_shipped_rules
        from txsafe.selection import check_selectors

        profile = find_shipped(config.profile)
        if profile is None:
            return None
        check_selectors(config, list_shipped_rules())
        return cls(config, profile, catalog=None, choice=None)

    @classmethod
    def _of_catalog(cls, config: Config) -> Setting:
        from txsafe.profiles import resolve_profile, resolve_routes
        from txsafe.selection import check_selectors

        catalog = load_rules(config)
        check_selectors(config, catalog.rules)
        choice = _choose(config, catalog)
        chosen = config if choice is None else choice.config
        with _blaming(config, "routes"):  # wrong, it fails here and now
            resolve_routes(chosen.routes, catalog, server_version=chosen.server_version)
        with _blaming(config, "profile"):
            bare = resolve_profile(chosen.profile, catalog, settings={}, server_version=chosen.server_version)
        with _blaming(config, "settings"):
            profile = resolve_profile(bare.name, catalog, settings=chosen.settings, server_version=bare.server_version)
        return cls(chosen, profile, catalog=catalog, choice=choice)

    def with_complaints(self, report: Report) -> Report:
        """Return a report with what there is to say of the pooler's own file."""
        if self.choice is None:
            return report
        from txsafe.poolerconfig.complaints import complain

        return complain(self.choice, report, self.catalog)


def load_rules(config: Config) -> Catalog:
    """Load the shipped rules and those that a configuration names; raises `CatalogError`."""
    from txsafe.catalog import load_catalog

    return load_catalog((*config.rule_paths, *config.profile_files))


@contextmanager
def _blaming(config: Config, key: str) -> Iterator[None]:
    """Name the place in the configuration file where a value comes from that means nothing."""
    try:
        yield
    except ConfigError as error:
        from txsafe.config_file import locate

        raise locate(error, config, key) from error


def _choose(config: Config, catalog: Catalog) -> Choice | None:
    """Return what the pooler's own file says, if there is one."""
    if config.pooler_config is None:
        return None
    from txsafe.poolerconfig.choice import read_choice

    choice = read_choice(config.pooler_config, config, catalog)
    if not config.quiet:
        note(f"{choice.file.path}: database {choice.database.name}: {choice.profile.title}")
    return choice
