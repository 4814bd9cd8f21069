"""A pooler's file and a server's settings come in, how many connections each allows goes out.

A pooler keeps one pool of server connections for every pair of database and user
(https://www.pgbouncer.org/config.html#default_pool_size), unless a database's entry names the user to become.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.budget.figures import Figure, Origin, Question, Source, known, product, smaller, total, unknown, unlimited
from txsafe.catalog.poolers import LimitKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.catalog.poolers import Limit, Pooler
    from txsafe.poolerconfig.entries import Database, Entry, PoolerFile

ANY = "*"
"""The database that stands for all that the file does not name."""
USERS = Question("--users N", "how many database users connect through the pooler? Each has pools of its own")
DATABASES = Question("--databases N", "how many databases does the entry * stand for?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerLimits:
    """What a pooler allows."""

    title: str
    path: str
    clients: Figure
    servers: Figure
    """Server connections that it may open, all pools together, reserves among them."""
    pools: Figure
    """How many pools there are: pairs of database and user."""
    reserve: Figure
    """What one pool adds when clients wait."""


def read_limits(file: PoolerFile, pooler: Pooler, *, users: Figure | None, databases: Figure | None) -> PoolerLimits:
    """Return what a pooler's file allows; `users` and `databases` answer what no file says."""
    reader = _Reader(file, pooler)
    pools, servers, reserves = [], [], []
    for database in file.databases:
        count = _count_pools(database, users=users, databases=databases)
        size, reserve = reader.of(LimitKind.POOL, database), reader.of(LimitKind.RESERVE, database)
        bound = product(total((size, reserve)), count)
        servers.append(smaller(bound, reader.of(LimitKind.DATABASE, database)))
        pools.append(count)
        reserves.append(reserve)
    everything = smaller(total(servers), reader.of(LimitKind.SERVER, file.databases[0]))
    per_user = reader.of(LimitKind.USER, file.databases[0])
    if not per_user.unlimited:
        everything = smaller(everything, product(per_user, users or unknown(USERS)))
    return PoolerLimits(
        title=pooler.title,
        path=file.path,
        clients=reader.of(LimitKind.CLIENTS, file.databases[0]),
        servers=everything,
        pools=total(pools),
        reserve=reserves[0],
    )


def _count_pools(database: Database, *, users: Figure | None, databases: Figure | None) -> Figure:
    name, _, user = database.name.partition("/")
    one_user = bool(user and user != ANY) or "user" in database.own
    own_users = known(1) if one_user else users or unknown(USERS)
    own_databases = known(1) if name != ANY else databases or unknown(DATABASES)
    return product(own_databases, own_users)


class _Reader:
    """Looks up what a file, or the pooler's default, says of a limit."""

    def __init__(self, file: PoolerFile, pooler: Pooler) -> None:
        self._file = file
        self._pooler = pooler

    def of(self, kind: LimitKind, database: Database) -> Figure:
        """Return a limit; one that the pooler does not have is none."""
        limit = self._pooler.limits.get(kind)
        if limit is None:
            return self._absent(kind)
        entry = self._entry(limit, database)
        if entry is None:
            text = f"{limit.setting} = {limit.default}, the default of {self._pooler.title}"
            return _figure(limit, limit.default, Source(Origin.DEFAULT, text, reference=limit.reference))
        number = entry.value.strip()
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            question = Question("", f"{entry.path}:{entry.line}: {entry.key} is no number of connections")
            return unknown(question, least=0)
        source = Source(Origin.FILE, f"{entry.key} = {number}", entry.path, entry.line)
        return _figure(limit, int(number), source)

    def _entry(self, limit: Limit, database: Database) -> Entry | None:
        own: Mapping[str, Entry] = database.own
        return next((own[name] for name in limit.own if name in own), database.settings.get(limit.setting))

    def _absent(self, kind: LimitKind) -> Figure:
        if kind is LimitKind.RESERVE:
            return known(0)
        if kind is LimitKind.POOL and LimitKind.SERVER not in self._pooler.limits:
            return unknown(Question("", f"how many server connections may {self._pooler.title} open?"), least=0)
        return unlimited()


def _figure(limit: Limit, number: int, source: Source) -> Figure:
    return unlimited(source) if limit.unlimited and number == 0 else known(number, source)
