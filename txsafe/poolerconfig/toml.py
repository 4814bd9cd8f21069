"""`pgcat.toml`, and `pgdog.toml` with its `users.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.errors import ConfigError
from txsafe.poolerconfig.entries import Budget, Database, Entry, PoolerFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PLACE = re.compile(r" \(at (line (\d+), column \d+|end of document)\)$")
Table = Mapping[str, object]


def _load(path: Path, budget: Budget) -> tuple[str, Table]:
    import tomllib

    text = budget.read(path)
    shown = display_path(path)
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = f":{place[2]}" if place and place[2] else ""
        raise ConfigError(f"{shown}{line}: {_PLACE.sub('', str(error))}") from None
    except RecursionError:
        raise ConfigError(f"{shown}: is nested too deeply") from None


def _table(value: object) -> Table:
    return value if isinstance(value, Mapping) else {}


class _Places:
    """Looks up where a key is set: `tomllib` gives no places. Of several tables' equal keys, the first counts."""

    def __init__(self, text: str, path: str) -> None:
        self._path = path
        self._lines: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if found := re.match(r"\s*([\w-]+)\s*=", line):
                self._lines.setdefault(found[1], number)

    def entries(self, table: Table) -> dict[str, Entry]:
        """Return what is set in one table, but for tables in it."""
        return {
            key: Entry(key, _spell(value), self._path, self._lines.get(key, 1))
            for key, value in table.items()
            if isinstance(value, str | int | bool)
        }


def _spell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def read_pgcat(path: Path) -> PoolerFile:
    """Read `pgcat.toml`; a user's `pool_mode` wins over its pool's."""
    text, document = _load(path, Budget())
    places = _Places(text, display_path(path))
    general = places.entries(_table(document.get("general")))
    databases = []
    for name, pool in _table(document.get("pools")).items():
        settings = {**general, **places.entries(_table(pool))}
        users = list(_table(_table(pool).get("users")).values())
        own = [places.entries(_table(user)) for user in users]
        modes = {user["pool_mode"].value for user in own if "pool_mode" in user}
        if len(modes) == 1 and all("pool_mode" in user for user in own):
            settings["pool_mode"] = own[0]["pool_mode"]
        mode = settings.pop("pool_mode", None)
        databases.append(Database(name=name, mode=mode, settings=settings))
    return PoolerFile(
        pooler="pgcat",
        path=display_path(path),
        default_mode="transaction",
        databases=tuple(databases) or (Database(name="*", settings=general),),
        users=tuple(_forced_pgcat(document, places)),
    )


def _forced_pgcat(document: Table, places: _Places) -> Iterator[Entry]:
    for pool in _table(document.get("pools")).values():
        for user in _table(_table(pool).get("users")).values():
            own = places.entries(_table(user))
            if "pool_mode" in own and "username" in own:
                mode = own["pool_mode"]
                yield Entry(own["username"].value, mode.value, mode.path, mode.line)


USERS = "users.toml"
"""PgDog's users, beside its `pgdog.toml` where nobody says otherwise."""


def read_pgdog(path: Path) -> PoolerFile:
    """Read `pgdog.toml`, and `users.toml` beside it.

    A user's `pooler_mode` wins over a database's, that over the general one; where all users of a database have the
    same, it is the database's.
    """
    budget = Budget()
    text, document = _load(path, budget)
    places = _Places(text, display_path(path))
    general = places.entries(_table(document.get("general")))
    users = tuple(_read_users(path.with_name(USERS), budget))
    databases: dict[str, Database] = {}
    for table in _tables(document.get("databases")):
        own = places.entries(table)
        name = own["name"].value if "name" in own else "*"
        mode = _common_mode(name, users) or own.get("pooler_mode") or general.get("pooler_mode")
        # Of several servers of one database, the first counts.
        databases.setdefault(name, Database(name=name, mode=mode, settings=general, own=own))
    default = Database(name="*", mode=general.get("pooler_mode"), settings=general)
    return PoolerFile(
        pooler="pgdog",
        path=display_path(path),
        default_mode="transaction",
        databases=tuple(databases.values()) or (default,),
        users=tuple(replace(user.mode, key=user.name) for user in users if user.mode is not None),
    )


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    databases: frozenset[str]
    """Empty: all of them."""
    mode: Entry | None


def _read_users(path: Path, budget: Budget) -> Iterator[_User]:
    if not path.exists():
        return
    text, document = _load(path, budget)
    places = _Places(text, display_path(path))
    for table in _tables(document.get("users")):
        own = places.entries(table)
        listed = table.get("databases")
        names = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
        names += [own["database"].value] if "database" in own else []
        name = own["name"].value if "name" in own else "?"
        yield _User(name, frozenset(names), own.get("pooler_mode"))


def _common_mode(database: str, users: Sequence[_User]) -> Entry | None:
    own = [user.mode for user in users if not user.databases or database in user.databases]
    modes = {None if mode is None else mode.value for mode in own}
    return own[0] if len(modes) == 1 else None


def _tables(value: object) -> Iterator[Table]:
    yield from (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()
