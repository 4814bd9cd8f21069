"""Pools, services, limits and answers come in, a `Budget` goes out: what is wanted, what is to be had, what to change.

demand = instances x processes x connections per process, for each service; the server gives `max_connections` less
what it reserves; a pooler takes `max_client_conn` clients and opens so many server connections. A number that nobody
said stays open above and is asked for: what holds even so is said, the rest depends.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.budget.commands import THREADS, WORKERS
from txsafe.budget.figures import Figure, Origin, Question, Source, known, product, total, unknown
from txsafe.budget.pools import SIZE
from txsafe.catalog.drivers import PoolKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from txsafe.budget.commands import Service
    from txsafe.budget.limits import PoolerLimits
    from txsafe.budget.pools import Pool

CLIENTS_PER_SERVER = 3
"""Clients that may share one server connection to begin with: a rule of thumb, for requests that spend about a third
of their time in transactions. `SHOW POOLS` tells how it is: `cl_waiting` above zero for long means too many."""
DESCRIPTORS = 1024
"""Open files that a process may have if nobody allows it more: `ulimit -n` of most systems."""
INSTANCES = Question("--instances N", "how many instances run?")
MAX_CONNECTIONS = Question("--max-connections N", "how many connections does the server allow (SHOW max_connections)?")
APPLICATION = "the application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the user says: flags."""

    instances: int | None = None
    instances_of: Mapping[str, int] = field(default_factory=dict)
    """Service → its instances."""
    workers: int | None = None
    threads: int | None = None
    pool_size: int | None = None
    max_connections: int | None = None
    reserved_connections: int | None = None
    users: int | None = None
    databases: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one service wants."""

    service: Service | None
    """None where no file says what runs the code."""
    name: str
    instances: Figure
    processes: Figure
    per_process: Figure
    """Connections of one process, all its pools together."""
    demand: Figure


class Standing(enum.StrEnum):
    """How a check turned out."""

    HOLDS = "holds"
    FAILS = "fails"
    DEPENDS = "depends"
    """On what is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison of what is wanted with what is to be had."""

    id: str
    standing: Standing
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrink:
    """The size that pools of the application should have."""

    least: int
    """Below it, server connections stand idle however busy the application is."""
    start: int
    """`CLIENTS_PER_SERVER` clients for each server connection."""
    most: int | None
    """Above it, clients are refused."""
    now: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """All of it."""

    pools: tuple[Pool, ...]
    shares: tuple[Share, ...]
    demand: Figure
    available: Figure
    """Connections that the server has for ordinary clients."""
    pooler: PoolerLimits | None
    fan_in: float | None
    """Clients for each server connection; None where either is not known."""
    checks: tuple[Check, ...]
    shrink: Shrink | None
    questions: tuple[Question, ...]


def compute(
    pools: Iterable[Pool],
    services: Iterable[Service],
    answers: Answers,
    *,
    pooler: PoolerLimits | None = None,
    reserved: Mapping[str, int],
) -> Budget:
    """Return the budget; `reserved` are the server's parameters that keep connections from ordinary clients."""
    every = tuple(pools)
    known_services = tuple(services)
    listed: tuple[Service | None, ...] = known_services or (None,)
    shares = tuple(_share(each, every, answers) for each in listed)
    demand = total(share.demand for share in shares)
    available = _available(answers, reserved)
    checks = (*_direct(demand, available), *_pooled(demand, available, pooler))
    figures = [demand, available, *([] if pooler is None else [pooler.clients, pooler.servers])]
    return Budget(
        pools=every,
        shares=shares,
        demand=demand,
        available=available,
        pooler=pooler,
        fan_in=None if pooler is None else _fan_in(demand, pooler.servers),
        checks=checks,
        shrink=_shrink(shares, available, pooler),
        questions=tuple(dict.fromkeys((*_ask(figures, every, answers), *_ask_which(known_services, answers)))),
    )


# ---------------------------------------------------------------- what is wanted


def _share(service: Service | None, pools: tuple[Pool, ...], answers: Answers) -> Share:
    name = APPLICATION if service is None else service.name
    instances = _instances(service, answers)
    where = f"how many processes does one instance of {name} run?"
    processes = unknown(Question(WORKERS, where)) if service is None else service.processes
    processes = _answered("--workers", answers.workers) or processes
    where = f"how many threads does one process of {name} run?"
    threads = unknown(Question(THREADS, where)) if service is None else service.threads
    threads = _answered("--threads", answers.threads) or threads
    per_process = _per_process(pools, threads, answers)
    return Share(
        service=service,
        name=name,
        instances=instances,
        processes=processes,
        per_process=per_process,
        demand=product(instances, processes, per_process),
    )


def _instances(service: Service | None, answers: Answers) -> Figure:
    if service is not None and service.name in answers.instances_of:
        number = answers.instances_of[service.name]
        return known(number, Source(Origin.FLAG, f"--instances {service.name}={number}"))
    given = _answered("--instances", answers.instances)
    if given is not None:
        return given
    if service is None:
        return unknown(INSTANCES)
    if service.instances is not None:
        return service.instances
    return unknown(Question(f"--instances {service.name}=N", f"how many instances of {service.name} run?"))


def _per_process(pools: tuple[Pool, ...], threads: Figure, answers: Answers) -> Figure:
    given = _answered("--pool-size", answers.pool_size)
    if given is not None:
        return given
    if not pools:
        return unknown(SIZE)
    return total(product(pool.size, threads) if pool.kind is PoolKind.THREAD else pool.size for pool in pools)


def _answered(flag: str, number: int | None) -> Figure | None:
    return None if number is None else known(number, Source(Origin.FLAG, f"{flag} {number}"))


# ---------------------------------------------------------------- what is to be had


def _available(answers: Answers, reserved: Mapping[str, int]) -> Figure:
    if answers.max_connections is None:
        return unknown(MAX_CONNECTIONS, least=0)
    kept = sum(reserved.values()) if answers.reserved_connections is None else answers.reserved_connections
    if answers.reserved_connections is None:
        text = f"{kept} reserved, the default of PostgreSQL ({' + '.join(reserved)})"
        source = Source(
            Origin.DEFAULT, text, reference="https://www.postgresql.org/docs/current/runtime-config-connection.html"
        )
    else:
        source = Source(Origin.FLAG, f"--reserved-connections {kept}")
    flag = Source(Origin.FLAG, f"--max-connections {answers.max_connections}")
    return known(answers.max_connections - kept, flag, source)


def _standing(wanted: Figure, had: Figure) -> Standing:
    if had.unlimited:
        return Standing.HOLDS
    if had.most is not None and (wanted.unlimited or wanted.least > had.most):
        return Standing.FAILS
    if wanted.most is not None and had.least >= wanted.most:
        return Standing.HOLDS
    return Standing.DEPENDS


def _direct(demand: Figure, available: Figure) -> Iterator[Check]:
    standing = _standing(demand, available)
    text = f"{demand.shown} connections wanted, {_had(available)}"
    advice = ""
    if standing is Standing.FAILS:
        text += f": the server refuses client {available.least + 1:,} and every one after it"
        advice = "Put a pooler in between, or make the pools smaller."
    yield Check(id="direct", standing=standing, text=f"Without a pooler: {text}.", advice=advice)


def _had(available: Figure) -> str:
    """Say what the server gives."""
    if available.most is None and not available.least:
        return "how many the server allows is not known"
    return f"{available.shown} to be had"


def _pooled(demand: Figure, available: Figure, pooler: PoolerLimits | None) -> Iterator[Check]:
    if pooler is None:
        return
    clients = _standing(demand, pooler.clients)
    advice = ""
    if clients is Standing.FAILS and not demand.unlimited:
        advice = f"Allow at least {demand.least:,} clients, or make the application's pools smaller."
    text = f"{demand.shown} clients come, {pooler.title} takes {pooler.clients.shown}"
    if clients is Standing.FAILS:
        text += f": it refuses client {pooler.clients.least + 1:,} and every one after it"
    yield Check(id="clients", standing=clients, text=f"{text}.", advice=advice)
    servers = _standing(pooler.servers, available)
    text = f"{pooler.title} opens up to {pooler.servers.shown} server connections, {_had(available)}."
    yield Check(id="servers", standing=servers, text=text, advice=_smaller_pool(servers, available, pooler))
    yield from _descriptors(pooler)


def _smaller_pool(standing: Standing, available: Figure, pooler: PoolerLimits) -> str:
    pools, reserve = pooler.pools.exact, pooler.reserve.exact
    if standing is not Standing.FAILS or not pools or reserve is None or available.exact is None:
        return ""
    size = available.exact // pools - reserve
    if size < 1:
        return "Allow fewer users and databases, raise max_connections, or set a limit per database."
    return f"At most {size:,} server connections per pool fit, with a reserve of {reserve:,}, for {pools:,} of them."


def _descriptors(pooler: PoolerLimits) -> Iterator[Check]:
    """Each client and each server connection takes a file descriptor of the pooler."""
    clients, servers = pooler.clients.exact, pooler.servers.exact
    if clients is not None and servers is not None and clients + servers > DESCRIPTORS:
        needed = f"{clients + servers:,} open files, and a few for itself, where {DESCRIPTORS:,} are usual"
        yield Check(
            id="descriptors",
            standing=Standing.DEPENDS,
            text=f"{pooler.title} needs {needed}.",
            advice=f"LimitNOFILE={_rounded_up(clients + servers + 100)} in its service, or `ulimit -n`.",
        )


def _rounded_up(number: int) -> int:
    return math.ceil(number / 1000) * 1000


def _fan_in(demand: Figure, servers: Figure) -> float | None:
    if demand.exact is None or not servers.exact:
        return None
    return demand.exact / servers.exact


# ---------------------------------------------------------------- what to change


def _shrink(shares: tuple[Share, ...], available: Figure, pooler: PoolerLimits | None) -> Shrink | None:
    """Return the size of the pools of one process; None where it is not known what they share."""
    processes = total(product(share.instances, share.processes) for share in shares)
    servers = available if pooler is None else pooler.servers
    if not processes.exact or not servers.exact:
        return None
    now = shares[0].per_process
    if pooler is None:
        size = servers.exact // processes.exact
        return Shrink(least=min(size, 1), start=size, most=size, now=now)
    bounded = None if pooler.clients.exact is None else pooler.clients.exact // processes.exact
    start = max(1, servers.exact * CLIENTS_PER_SERVER // processes.exact)
    return Shrink(
        least=math.ceil(servers.exact / processes.exact),
        start=start if bounded is None else min(start, bounded),
        most=bounded,
        now=now,
    )


def _ask(figures: Iterable[Figure], pools: tuple[Pool, ...], answers: Answers) -> Iterator[Question]:
    for figure in figures:
        yield from figure.questions
    if len(pools) > 1 and answers.pool_size is None:
        names = ", ".join(f"{pool.path}:{pool.line}" for pool in pools[:5])
        text = f"does every process open all {len(pools)} pools ({names})? They are added up; say so if it is fewer"
        yield Question(SIZE.flag, text)


def _ask_which(services: tuple[Service, ...], answers: Answers) -> Iterator[Question]:
    """Ask which services a number of instances is meant for: it is taken for each of them."""
    others = [service.name for service in services if service.name not in answers.instances_of]
    if answers.instances is not None and len(others) > 1:
        text = f"does each of {', '.join(others[:8])} run {answers.instances:,} instances? That is what is added up"
        yield Question(f"--instances {others[-1]}=N", text)
