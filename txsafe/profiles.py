"""A profile's name and settings come in, a `Profile` goes out: which pooler the code will meet, defaults filled in.

Names are `POOLER[-VERSION][/MODE]`: `pgbouncer`, `pgbouncer-1.18/transaction`, `rds-proxy`, `neon`; or the path of a
profile file, which `txsafe probe` writes: `./observed.yaml`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from txsafe.errors import ConfigError, did_you_mean
from txsafe.patterns import later
from txsafe.results import Profile
from txsafe.shipped import kept
from txsafe.watching import sought

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from txsafe.catalog import Catalog
    from txsafe.catalog.poolers import Pooler
    from txsafe.config import Config
    from txsafe.shipped import Plain

_NAME = later(r"(?P<pooler>[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*)(?:-(?P<version>[0-9][^/]*))?(?:/(?P<mode>.*))?")
_SUFFIXES = (".yaml", ".yml")
_SERVER_VERSIONS = range(10, 100)
"""Majors since they are one number; larger ones are `server_version_num` by mistake."""


def is_profile_file(name: str) -> bool:
    """Tell whether a profile's name is the path of a file."""
    return name.strip().endswith(_SUFFIXES)


def with_profile_files(config: Config) -> Config:
    """Return a configuration that names profile files' ids instead of their paths, and lists the files.

    Raises `ConfigError` for a file that is not there and `CatalogError` for one that is wrong.
    """
    named = [name for name in (config.profile, *config.routes.values()) if is_profile_file(name)]
    if not named:
        return config
    ids = {name: read_profile_id(config.root / name.strip()) for name in named}
    return replace(
        config,
        profile=ids.get(config.profile, config.profile),
        routes={route: ids.get(name, name) for route, name in config.routes.items()},
        profile_files=tuple(dict.fromkeys(config.root / name.strip() for name in named)),
    )


def read_profile_id(file: Path) -> str:
    """Return the id that a profile file gives its pooler; the file itself is checked when the catalogue is loaded."""
    from txsafe.catalog.document import Reader, read_document
    from txsafe.catalog.rules import read_id

    sought(file)
    if not file.is_file():
        raise ConfigError(f"{file}: no such profile file")
    return read_id(Reader(read_document(file, file.as_posix()), "a pooler"))


def find_shipped(name: str) -> Profile | None:
    """Return the profile of a shipped pooler's name with all its defaults, without loading any rule.

    None for any other name, which `resolve_profile` says more about.
    """
    shipped = _list_shipped().get("profiles")
    match shipped.get(name.strip().lower()) if isinstance(shipped, dict) else None:
        case (str() as pooler, str() | None as version, str() as mode, tuple() as settings, str() as title):
            return Profile(
                name=name,
                pooler=pooler,
                version=version,
                mode=mode,
                settings=MappingProxyType({str(key): str(value) for key, value in settings}),
                title=title,
            )
    return None


def list_shipped_rules() -> tuple[str, ...]:
    """Return the ids of the shipped rules without loading them; none where `find_shipped` knows no profile."""
    rules = _list_shipped().get("rules")
    return tuple(map(str, rules)) if isinstance(rules, tuple) else ()


@lru_cache(maxsize=1)
def _list_shipped() -> dict[str, Plain]:
    found = kept("profiles", _make_list)
    return found if isinstance(found, dict) else {}


def _make_list() -> Plain:
    from txsafe.catalog import load_catalog

    catalog = load_catalog()
    profiles = (resolve_profile(name, catalog, settings={}, server_version=None) for name in _list_names(catalog))
    return {
        "rules": tuple(catalog.rules),
        "profiles": {
            each.name: (each.pooler, each.version, each.mode, tuple(each.settings.items()), each.title)
            for each in profiles
        },
    }


def _list_names(catalog: Catalog) -> Iterator[str]:
    for pooler in catalog.poolers.values():
        for version in ("", *(f"-{version}" for version in pooler.versions)):
            yield from (f"{pooler.id}{version}{mode}" for mode in ("", *(f"/{mode}" for mode in pooler.modes)))


def resolve_profile(name: str, catalog: Catalog, *, settings: Mapping[str, str], server_version: int | None) -> Profile:
    """Return the profile of a name.

    A pooler alone means the version it most likely is (the newest known one, or what a service runs), its default mode
    and its default settings. Raises `ConfigError` for an unknown pooler, version, mode or setting, for a value that a
    setting does not take, and for a setting that the version does not have.
    """
    parts = _NAME.fullmatch(name.strip().lower())
    if parts is None:
        known = _known(catalog.poolers)
        raise ConfigError(f"profile {name!r} is not of the form POOLER[-VERSION][/MODE]; poolers: {known}")
    pooler = catalog.poolers.get(parts["pooler"])
    if pooler is None:
        hint = did_you_mean(parts["pooler"], catalog.poolers)
        raise ConfigError(f"unknown pooler {parts['pooler']!r}{hint}; known: {_known(catalog.poolers)}")
    version = _resolve_version(pooler, parts["version"])
    mode = _resolve_mode(pooler, parts["mode"])
    if server_version is not None and server_version not in _SERVER_VERSIONS:
        raise ConfigError(f"server version {server_version} is no major version of PostgreSQL, such as 16")
    return Profile(
        name=name,
        pooler=pooler.id,
        version=version,
        mode=mode,
        settings=_resolve_settings(pooler, version, settings),
        server_version=server_version,
        title=_title(pooler, version, mode),
    )


def resolve_routes(routes: Mapping[str, str], catalog: Catalog, *, server_version: int | None) -> Mapping[str, Profile]:
    """Return the profile of each pattern of `routes`. Raises `ConfigError`, naming the pattern."""
    profiles: dict[str, Profile] = {}
    for pattern, name in routes.items():
        try:
            profiles[pattern] = resolve_profile(name, catalog, settings={}, server_version=server_version)
        except ConfigError as error:
            raise ConfigError(f"routes: {pattern!r}: {error}") from error
    return profiles


def _resolve_version(pooler: Pooler, version: str | None) -> str | None:
    if version is None:
        return pooler.version
    if not pooler.versions:
        raise ConfigError(f"{pooler.title} has no versions, so {version!r} means nothing")
    from txsafe.catalog.poolers import is_known_version

    if not is_known_version(version, pooler.versions):
        hint = did_you_mean(version, pooler.versions)
        raise ConfigError(f"unknown version {version!r} of {pooler.title}{hint}; known: {_known(pooler.versions)}")
    return version


def _resolve_mode(pooler: Pooler, mode: str | None) -> str:
    if mode is None:
        return pooler.modes[0]
    if mode not in pooler.modes:
        hint = did_you_mean(mode, pooler.modes)
        raise ConfigError(f"{pooler.title} has no mode {mode!r}{hint}; modes: {_known(pooler.modes)}")
    return mode


def _resolve_settings(pooler: Pooler, version: str | None, given: Mapping[str, str]) -> Mapping[str, str]:
    resolved = {
        name: setting.default(version) for name, setting in pooler.settings.items() if setting.exists_in(version)
    }
    for name, text in given.items():
        setting = pooler.settings.get(name)
        if setting is None:
            known = _known(pooler.settings) if pooler.settings else "none"
            raise ConfigError(
                f"unknown setting {name!r} of {pooler.title}{did_you_mean(name, pooler.settings)}; known: {known}"
            )
        if name not in resolved:
            raise ConfigError(f"{pooler.title} {version} has no setting {name!r}: it exists in {setting.exists}")
        value = setting.parse(text)
        if value is None:
            raise ConfigError(f"{text!r} is no value of {name!r} of {pooler.title}, which takes {setting.expects}")
        resolved[name] = value
    return MappingProxyType(resolved)


def _title(pooler: Pooler, version: str | None, mode: str) -> str:
    name = pooler.title if version is None or pooler.based_on else f"{pooler.title} {version}"
    return name if len(pooler.modes) == 1 else f"{name}, {mode} mode"


def _known(words: Iterable[str]) -> str:
    return ", ".join(words)
