"""A `Budget` comes in, the part of the audit that tells it goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.audit.section import Align, Bullets, Cell, Column, Item, Paragraph, Section, Table, Tone
from txsafe.budget.arithmetic import CLIENTS_PER_SERVER, Standing
from txsafe.catalog.drivers import PoolKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.audit.section import Block
    from txsafe.budget.arithmetic import Budget, Check, Share, Shrink
    from txsafe.budget.figures import Figure, Source
    from txsafe.budget.limits import PoolerLimits
    from txsafe.budget.pools import Pool
    from txsafe.report.json_text import JsonValue

_TONES = {Standing.HOLDS: Tone.GOOD, Standing.FAILS: Tone.BAD, Standing.DEPENDS: Tone.UNKNOWN}

_PER = {PoolKind.SHARED: "process", PoolKind.THREAD: "thread", PoolKind.UNBOUNDED: "use"}
MOST_SOURCES = 4


def tell_budget(budget: Budget) -> Section:
    """Return the section: what is wanted, what is to be had, what to ask and what to change."""
    return Section(
        id="connection-budget",
        title="Connection budget",
        blocks=tuple(_tell(budget)),
        data=_data(budget),
    )


def _tell(budget: Budget) -> Iterator[Block]:
    for check in budget.checks:
        yield Paragraph(text=f"{check.text} {check.advice}".strip(), tone=_TONES[check.standing])
    if budget.fan_in is not None:
        yield Paragraph(text=f"{budget.fan_in:,.1f} clients share one server connection.")
    if budget.shrink is not None:
        yield from _tell_shrink(budget.shrink, budget.pooler)
    if budget.questions:
        yield Paragraph(text="What is written nowhere, and would make this exact:")
        yield Bullets(items=tuple(Item(text=_ask(each.flag, each.text)) for each in budget.questions))
    heads = ("Service", "Instances", "Processes", "Connections per process", "Wanted")
    yield Table(caption="Clients", columns=_columns(*heads), rows=tuple(_row(share) for share in budget.shares))
    if budget.pools:
        yield _tell_pools(budget.pools)
    yield _tell_limits(budget)


def _ask(flag: str, text: str) -> str:
    return f"`{flag}`: {text}" if flag else text


def _tell_shrink(shrink: Shrink, pooler: PoolerLimits | None) -> Iterator[Block]:
    now = shrink.now
    if pooler is None:
        if now.least > shrink.start:
            yield Paragraph(
                text=f"Without a pooler, {shrink.start:,} connections per process would fit; now it is {now.shown}.",
                tone=Tone.FAIR,
            )
        return
    most = "" if shrink.most is None else f", more than {shrink.most:,} are refused"
    text = (
        f"Connections per process: {shrink.start:,} to begin with ({CLIENTS_PER_SERVER} clients for each server "
        f"connection, a rule of thumb: watch `cl_waiting` in `SHOW POOLS`); below {shrink.least:,} server connections "
        f"stand idle{most}. Now it is {now.shown}."
    )
    yield Paragraph(text=text, tone=Tone.FAIR if now.least > shrink.start else Tone.PLAIN)


def _columns(first: str, *numbers: str) -> tuple[Column, ...]:
    return (Column(head=first), *(Column(head=head, align=Align.RIGHT) for head in numbers), Column(head="From"))


def _row(share: Share) -> tuple[Cell, ...]:
    figures = (share.instances, share.processes, share.per_process, share.demand)
    sources = (*share.instances.sources, *share.processes.sources)
    service = share.service
    placed = service is None or any((each.path, each.line) == (service.path, service.line) for each in sources)
    where = () if placed or service is None else (f"{service.path}:{service.line}",)
    return (Cell(text=share.name), *map(_cell, figures), Cell(text="; ".join((*where, *_sources(sources)))))


def _cell(figure: Figure) -> Cell:
    return Cell(text=figure.shown, tone=Tone.PLAIN if figure.exact is not None else Tone.UNKNOWN)


def _sources(sources: tuple[Source, ...]) -> tuple[str, ...]:
    shown = tuple(source.shown for source in sources[:MOST_SOURCES])
    more = len(sources) - len(shown)
    return (*shown, f"and {more} more") if more else shown


def _tell_pools(pools: tuple[Pool, ...]) -> Table:
    rows = tuple(
        (
            Cell(text=f"{pool.name} ({pool.path}:{pool.line})"),
            _cell(pool.size),
            Cell(text=f"per {_PER[pool.kind]}"),
            Cell(text="; ".join(filter(None, (*_sources(pool.size.sources), pool.note)))),
        )
        for pool in pools
    )
    columns = (Column(head="Pool"), Column(head="Most", align=Align.RIGHT), Column(head="Per"), Column(head="From"))
    caption = "Pools in the code; those of tests, examples and migrations are left out"
    return Table(caption=caption, columns=columns, rows=rows)


def _tell_limits(budget: Budget) -> Table:
    limits: list[tuple[str, Figure]] = [("connections that the server has for clients", budget.available)]
    if budget.pooler is not None:
        limits += [
            (f"clients that {budget.pooler.title} takes", budget.pooler.clients),
            ("pools: pairs of database and user", budget.pooler.pools),
            ("server connections that it opens, all pools and reserves together", budget.pooler.servers),
        ]
    rows = tuple(
        (Cell(text=name), _cell(figure), Cell(text="; ".join(_sources(figure.sources)))) for name, figure in limits
    )
    return Table(caption="Limits", columns=_columns("Limit", "Number"), rows=rows)


# ---------------------------------------------------------------- for programs


def _data(budget: Budget) -> Mapping[str, JsonValue]:
    pooler = budget.pooler
    return {
        "demand": _figure(budget.demand),
        "available": _figure(budget.available),
        "pooler": None if pooler is None else _pooler(pooler),
        "fan_in": None if budget.fan_in is None else f"{budget.fan_in:.1f}",
        "checks": [_check(check) for check in budget.checks],
        "shrink": None if budget.shrink is None else _shrink(budget.shrink),
        "services": [
            {
                "name": share.name,
                "instances": _figure(share.instances),
                "processes": _figure(share.processes),
                "connections_per_process": _figure(share.per_process),
                "demand": _figure(share.demand),
            }
            for share in budget.shares
        ],
        "pools": [
            {
                "name": pool.name,
                "path": pool.path,
                "line": pool.line,
                "kind": pool.kind.value,
                "size": _figure(pool.size),
            }
            for pool in budget.pools
        ],
        "questions": [{"flag": each.flag, "text": each.text} for each in budget.questions],
    }


def _figure(figure: Figure) -> JsonValue:
    return {
        "least": figure.least,
        "most": figure.most,
        "unlimited": figure.unlimited,
        "sources": [
            {
                "origin": source.origin.value,
                "text": source.text,
                "path": source.path,
                "line": source.line,
                "reference": source.reference,
            }
            for source in figure.sources
        ],
    }


def _pooler(pooler: PoolerLimits) -> JsonValue:
    return {
        "title": pooler.title,
        "path": pooler.path,
        "clients": _figure(pooler.clients),
        "pools": _figure(pooler.pools),
        "servers": _figure(pooler.servers),
    }


def _check(check: Check) -> JsonValue:
    return {"id": check.id, "standing": check.standing.value, "text": check.text, "advice": check.advice}


def _shrink(shrink: Shrink) -> JsonValue:
    return {"least": shrink.least, "start": shrink.start, "most": shrink.most, "now": _figure(shrink.now)}
