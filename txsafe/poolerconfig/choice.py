"""A pooler's file and a configuration come in; the configuration with the file's profile goes out.

Flags and `[tool.txsafe]` say the version, which no file does, and win over the file where they say more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.config import Config
from txsafe.errors import ConfigError, did_you_mean
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from txsafe.catalog import Catalog
    from txsafe.catalog.poolers import Pooler
    from txsafe.model import Profile
    from txsafe.poolerconfig.entries import Database, Entry, PoolerFile

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was made of a pooler's file."""

    file: PoolerFile
    database: Database
    config: Config
    profile: Profile
    missing: tuple[Entry, ...] = ()
    """Settings that the version does not have."""


def choose(file: PoolerFile, config: Config, catalog: Catalog) -> Choice:
    """Return the configuration that judges for a pooler's file.

    Raises `ConfigError` where databases differ and none is named, where the profile is another pooler's, and for a
    value that the pooler would not take.
    """
    name, mode = _base_name(file, config, catalog)
    bare = resolve_profile(name, catalog, settings={}, server_version=config.server_version)
    pooler = catalog.poolers[bare.pooler]
    database = _choose_database(file, config.pooler_database, pooler)
    known = {key: entry for key, entry in database.settings.items() if key in pooler.settings}
    missing = tuple(entry for key, entry in known.items() if not pooler.settings[key].exists_in(bare.version))
    settings = {key: _parse(pooler, entry) for key, entry in known.items() if entry not in missing}
    mode = mode or _mode_of(file, database, pooler)
    changed = replace(config, profile=f"{name}/{mode}", settings={**settings, **config.settings})
    profile = resolve_profile(changed.profile, catalog, settings=changed.settings, server_version=config.server_version)
    return Choice(file=file, database=database, config=changed, profile=profile, missing=missing)


def _base_name(file: PoolerFile, config: Config, catalog: Catalog) -> tuple[str, str]:
    """Return the pooler with its version, and the mode, if the configuration names them."""
    if config.profile == Config(root=config.root).profile:
        return file.pooler, ""
    given = resolve_profile(config.profile, catalog, settings={}, server_version=None)
    pooler = catalog.poolers[given.pooler]
    if file.pooler not in (pooler.id, pooler.based_on):
        raise ConfigError(f"--pooler-config: {file.path} is a file of {file.pooler}, the profile is {config.profile!r}")
    name, _, mode = config.profile.partition("/")
    return name, mode


def _choose_database(file: PoolerFile, wanted: str | None, pooler: Pooler) -> Database:
    """Return the database that is named, else the only one, `*`, or any where all are alike."""
    by_name = {database.name: database for database in file.databases}
    if wanted is not None:
        found = by_name.get(wanted) or by_name.get(ANY)
        if found is None:
            raise ConfigError(
                f"--pooler-database: {file.path} has no database {wanted!r}{did_you_mean(wanted, by_name)}"
            )
        return found
    alike = {(_mode_of(file, each, pooler), _values(each.settings, pooler)) for each in file.databases}
    if len(alike) > 1 and ANY not in by_name:
        modes = ", ".join(f"{each.name} ({_mode_of(file, each, pooler)})" for each in file.databases[:20])
        raise ConfigError(f"{file.path}: its databases differ, so choose one with --pooler-database: {modes}")
    return by_name.get(ANY, file.databases[0])


def _values(settings: Mapping[str, Entry], pooler: Pooler) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, entry.value) for key, entry in settings.items() if key in pooler.settings))


def _mode_of(file: PoolerFile, database: Database, pooler: Pooler) -> str:
    if database.mode is None:
        return file.default_mode
    mode = database.mode.value.lower()
    if mode not in pooler.modes:
        raise database.mode.error(f"{pooler.title} has no mode {mode!r}{did_you_mean(mode, pooler.modes)}")
    return mode


def _parse(pooler: Pooler, entry: Entry) -> str:
    setting = pooler.settings[entry.key.lower()]
    value = setting.parse(entry.value)
    if value is None:
        raise entry.error(f"{entry.value!r} is no value of {entry.key!r}, which takes {setting.expects}")
    return value


def read_choice(path: Path, config: Config, catalog: Catalog) -> Choice:
    """Read a pooler's file and choose; see `choose`."""
    from txsafe.poolerconfig import read_pooler_file

    return choose(read_pooler_file(path), config, catalog)
