"""A profile and the uses of a program come in; the single changes around the code that are worth a judgement go out.

A change is another version of the pooler, one of its settings, another version of the server, or a setting that only a
newer pooler or server makes possible. What a setting may become is what the pooler's file says of it; nothing is known
here of any one pooler.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.catalog.conditions import split_names
from txsafe.catalog.poolers import Setting, SettingType
from txsafe.errors import ConfigError
from txsafe.judge import list_requirements
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.catalog import Catalog
    from txsafe.catalog.poolers import Pooler
    from txsafe.model import FeatureUse, Profile

MIGRATIONS = ("migrations", "alembic", "migrate")
"""Folders of scripts that change the schema, as Django, Alembic, Flask-Migrate and others call them. They run by
themselves, one after the other, so that nothing is gained by a pooler in their way."""
_PARAMETER = "parameter"
"""The kind of capability that settings with lists of names are about."""


class ChangeKind(enum.StrEnum):
    """What would have to be changed."""

    SETTING = "setting"
    UPGRADE = "upgrade"
    SERVER = "server"
    ROUTE = "route"
    """Some files' connections bypass the pooler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change around the code, and the profile that it leads to."""

    kind: ChangeKind
    label: str
    """`max_prepared_statements = 200`, `upgrade to PgBouncer 1.22`: with backticks around what is typed."""
    profile: Profile
    group: str
    """Changes of one group are steps of one ladder: of two that do the same, the first is the one to name."""
    direct: tuple[str, ...] = ()
    """Globs of the files that bypass the pooler."""
    price: str = ""
    """What it costs beside the work, where that is known."""


def list_changes(profile: Profile, catalog: Catalog, uses: Sequence[FeatureUse]) -> tuple[Change, ...]:
    """Return the changes to judge for, in the order in which they are easy."""
    pooler = catalog.poolers[profile.pooler]
    names = _list_names(uses, catalog)
    found = (
        *_change_settings(profile, pooler, catalog, names),
        *_upgrade(profile, pooler, catalog, names),
        *_upgrade_server(profile, catalog),
        *_bypass(profile, uses),
    )
    return tuple(found)


def _bypass(profile: Profile, uses: Iterable[FeatureUse]) -> Iterator[Change]:
    """Give the folders that are better run over a direct connection."""
    folders = {part for use in uses for part in use.place.path.split("/")[:-1]}
    for name in MIGRATIONS:
        if name in folders:
            glob = f"**/{name}/**"
            label = f"run the files of `{glob}` over a direct connection"
            yield Change(kind=ChangeKind.ROUTE, label=label, profile=profile, group=label, direct=(glob,))


def _list_names(uses: Iterable[FeatureUse], catalog: Catalog) -> tuple[str, ...]:
    """Return the parameters that a program sets and that some server reports: others cannot be followed."""
    required = {capability for use in uses for capability in list_requirements(use, catalog)}
    names = {name for kind, _, name in (each.partition(":") for each in required) if kind == _PARAMETER}
    return tuple(sorted(name for name in names if name in catalog.server.reported))


# ---------------------------------------------------------------- settings


def _change_settings(profile: Profile, pooler: Pooler, catalog: Catalog, names: tuple[str, ...]) -> Iterator[Change]:
    for name, value in profile.settings.items():
        for other in _list_values(pooler.settings[name], value, names):
            changed = replace(profile, settings={**profile.settings, name: other})
            label = f"`{name} = {other}`"
            price = pooler.settings[name].price
            yield Change(kind=ChangeKind.SETTING, label=label, profile=changed, group=label, price=price)
            if pooler.settings[name].type is SettingType.NAMES:
                yield from _with_newer_servers(changed, label, catalog)


def _with_newer_servers(profile: Profile, label: str, catalog: Catalog) -> Iterator[Change]:
    """Give the same setting with each newer server, which reports more parameters."""
    for server, version in _list_newer_servers(profile, catalog):
        text = f"{label}, from PostgreSQL {version} on"
        yield Change(kind=ChangeKind.SETTING, label=text, profile=server, group=label)


def _list_values(setting: Setting, value: str, names: tuple[str, ...]) -> Iterator[str]:
    """Give what else a setting may be."""
    match setting.type:
        case SettingType.FLAG:
            candidates: tuple[str, ...] = ("yes", "no")
        case SettingType.WORD:
            candidates = setting.values
        case SettingType.NAMES:
            known = split_names(value)
            missing = tuple(name for name in names if name not in known)
            lists = [(name,) for name in missing] + ([missing] if len(missing) > 1 else [])
            candidates = tuple(", ".join(filter(None, (value, *each))) for each in lists)
        case SettingType.NUMBER | SettingType.TEXT:
            candidates = (*(default.value for default in setting.defaults), *setting.worth_trying)
    yield from (each for each in dict.fromkeys(candidates) if each != value)


# ---------------------------------------------------------------- versions


def _upgrade(profile: Profile, pooler: Pooler, catalog: Catalog, names: tuple[str, ...]) -> Iterator[Change]:
    """Give the newer versions of a pooler, and what settings that they bring could do."""
    if pooler.based_on or profile.version is None:
        return
    kept = {name: value for name, value in profile.settings.items() if value != _default_of(pooler, name, profile)}
    newer = [version for version in pooler.versions if _is_newer(version, profile.version)]
    for version in newer:
        other = _resolve(profile, pooler, catalog, version=version, settings=kept)
        if other is None:
            continue
        label = f"upgrade to {pooler.title} {version}"
        yield Change(kind=ChangeKind.UPGRADE, label=label, profile=other, group="upgrade")
        for name in other.settings.keys() - profile.settings.keys():
            yield from _set_what_is_new(other, name, pooler, names)


def _set_what_is_new(profile: Profile, name: str, pooler: Pooler, names: tuple[str, ...]) -> Iterator[Change]:
    for value in _list_values(pooler.settings[name], profile.settings[name], names):
        changed = replace(profile, settings={**profile.settings, name: value})
        setting = f"`{name} = {value}`"
        label = f"upgrade to {pooler.title} {profile.version} with {setting}"
        yield Change(kind=ChangeKind.UPGRADE, label=label, profile=changed, group=f"upgrade with {setting}")


def _upgrade_server(profile: Profile, catalog: Catalog) -> Iterator[Change]:
    for server, version in _list_newer_servers(profile, catalog):
        label = f"upgrade to PostgreSQL {version}"
        yield Change(kind=ChangeKind.SERVER, label=label, profile=server, group="server")


def _list_newer_servers(profile: Profile, catalog: Catalog) -> Iterator[tuple[Profile, int]]:
    first = profile.server_version or catalog.server.oldest_supported
    for version in range(first + 1, catalog.server.newest_known + 1):
        yield replace(profile, server_version=version), version


def _default_of(pooler: Pooler, name: str, profile: Profile) -> str:
    return pooler.settings[name].default(profile.version)


def _is_newer(version: str, than: str) -> bool:
    from packaging.version import Version

    return Version(version) > Version(than)


def _resolve(
    profile: Profile, pooler: Pooler, catalog: Catalog, *, version: str, settings: Mapping[str, str]
) -> Profile | None:
    """Return the same profile of another version; None where that does not take the settings any more."""
    name = f"{pooler.id}-{version}/{profile.mode}"
    try:
        return resolve_profile(name, catalog, settings=settings, server_version=profile.server_version)
    except ConfigError:
        return None
