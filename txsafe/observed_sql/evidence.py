"""Logs, pg_stat_statements and uses in the code come in, `Evidence` goes out: what really runs, and who issues it."""

from __future__ import annotations

import sys
from collections import Counter as Tally
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.errors import ConfigError
from txsafe.observed_sql.counters import MAX_BYTES, read_counters
from txsafe.observed_sql.formats import PIECE, LogReader
from txsafe.observed_sql.matching import Code, Issuer
from txsafe.observed_sql.normalise import normalise, tidy
from txsafe.observed_sql.recognition import Recogniser
from txsafe.observed_sql.sessions import Proof, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from txsafe.catalog import Catalog
    from txsafe.model import FeatureUse
    from txsafe.observed_sql.entries import Client
    from txsafe.observed_sql.matching import CodeUse
    from txsafe.observed_sql.recognition import Use
    from txsafe.observed_sql.sessions import Mark

STDIN = "-"
MOST_FEATURES = 2_000
"""Different statements with session state; further ones are counted together."""
MOST_CLIENTS = 50
"""Of one statement."""
MOST_PROOFS = 200
"""Kept with their lines; all are counted."""
PROOFS_OF_ONE = 3
"""… of one statement that opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """What was made of one file."""

    path: str
    format: str
    prefix: str | None
    bytes: int
    statements: int
    unread: int
    has_sessions: bool
    """Some entry says its session and transaction: what a proof needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFeature:
    """A statement with session state that was seen to run."""

    use: FeatureUse
    sql: str
    """Normal form, as people write it."""
    calls: int
    clients: tuple[tuple[Client, int], ...]
    """Who ran it how often, most often first."""
    first: str
    """Where it was seen first: `file:line`."""
    issuers: tuple[Issuer, ...]
    """Code that issues it; none where nobody knows it: an ORM, another program, a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it."""

    sources: tuple[SourceRead, ...]
    features: tuple[ObservedFeature, ...]
    """The most frequent first."""
    left_out: int
    """Runs of statements beyond `MOST_FEATURES` different ones."""
    proofs: tuple[Proof, ...]
    proved: int
    """How many there were in all."""


@dataclass(slots=True)
class _Count:
    use: Use
    first: str
    calls: int = 0
    clients: Tally[Client] = field(default_factory=Tally)


class _Gatherer:
    """Counts what is seen, in memory that does not grow with the logs."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], _Count] = {}
        self.left_out = 0
        self.proofs: list[Proof] = []
        self.proved = 0
        self._proofs_of: Tally[tuple[str, str]] = Tally()

    def count(self, use: Use, client: Client, first: str, calls: int = 1) -> None:
        key = (use.use.rule, use.use.variant, use.sql)
        found = self.counts.get(key)
        if found is None:
            if len(self.counts) >= MOST_FEATURES:
                self.left_out += calls
                return
            found = self.counts[key] = _Count(use, first)
        found.calls += calls
        if client in found.clients or len(found.clients) < MOST_CLIENTS:
            found.clients[client] += calls

    def prove(self, proof: Proof) -> None:
        self.proved += 1
        key = (proof.state.value, proof.opened.sql)
        if len(self.proofs) < MOST_PROOFS and self._proofs_of[key] < PROOFS_OF_ONE:
            self._proofs_of[key] += 1
            self.proofs.append(replace(proof, opened=_shown(proof.opened), used=_shown(proof.used)))


def _shown(mark: Mark) -> Mark:
    """Return a mark whose statement has no values in it: they are nobody's business."""
    return replace(mark, sql=tidy(normalise(mark.sql)))


def gather(
    logs: Iterable[str],
    statements: Iterable[str],
    *,
    code: Iterable[CodeUse],
    catalog: Catalog,
    prefix: str | None = None,
    piece: int = PIECE,
) -> Evidence:
    """Read logs (`-` is standard input) and pg_stat_statements, and find who issues what.

    Raises `ConfigError` where a file cannot be read or is none of these.
    """
    gatherer, recogniser = _Gatherer(), Recogniser(catalog)
    sources = [_read_log(path, gatherer, recogniser, LogReader(prefix=prefix, piece=piece)) for path in logs]
    sources += [_read_statements(path, gatherer, recogniser) for path in statements]
    known = Code(code)
    features = (_feature(count, known) for count in gatherer.counts.values())
    return Evidence(
        sources=tuple(sources),
        features=tuple(sorted(features, key=lambda each: (-each.calls, each.sql, each.use.rule))),
        left_out=gatherer.left_out,
        proofs=tuple(gatherer.proofs),
        proved=gatherer.proved,
    )


def _feature(count: _Count, code: Code) -> ObservedFeature:
    return ObservedFeature(
        use=count.use.use,
        sql=tidy(count.use.sql),
        calls=count.calls,
        clients=tuple(sorted(count.clients.items(), key=lambda each: (-each[1], each[0]))),
        first=count.first,
        issuers=code.issuers(count.use),
    )


def _read_log(path: str, gatherer: _Gatherer, recogniser: Recogniser, reader: LogReader) -> SourceRead:
    shown = "standard input" if path == STDIN else display_path(path)
    tracker = Tracker(shown)
    with _open(path, shown) as stream:
        try:
            for entry in reader.entries(stream):
                reading = recogniser.read(entry.sql)
                for use in reading.uses:
                    gatherer.count(use, entry.client, f"{shown}:{entry.line}")
                if entry.statement_name:
                    for use in recogniser.read_named(entry.statement_name).uses:
                        gatherer.count(use, entry.client, f"{shown}:{entry.line}")
                for proof in tracker.see(entry, reading):
                    gatherer.prove(proof)
        except ConfigError as error:
            raise ConfigError(f"{shown}: {error}") from None
        except OSError as error:
            raise ConfigError(f"{shown}: cannot be read: {error.strerror or error}") from None
    return SourceRead(
        path=shown,
        format="" if reader.format is None else reader.format.value,
        prefix=reader.prefix,
        bytes=reader.bytes,
        statements=reader.statements,
        unread=reader.unread,
        has_sessions=reader.has_sessions,
    )


@contextmanager
def _open(path: str, shown: str) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - what is raised here must not be taken for what is raised inside
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    with stream:
        yield stream


def _read_statements(path: str, gatherer: _Gatherer, recogniser: Recogniser) -> SourceRead:
    shown = "standard input" if path == STDIN else display_path(path)
    with _open(path, shown) as stream:
        data = stream.read(MAX_BYTES + 1)
    rows = 0
    for counter in read_counters(data, shown):
        rows += 1
        for use in recogniser.read(counter.sql).uses:
            gatherer.count(use, counter.client, f"{shown}: row {counter.row}", counter.calls)
    return SourceRead(
        path=shown,
        format="pg_stat_statements",
        prefix=None,
        bytes=len(data),
        statements=rows,
        unread=0,
        has_sessions=False,
    )


def tell_places(evidence: Evidence) -> dict[tuple[str, int, str], str]:
    """Return a sentence for each place in the code, with its rule, that was seen to issue something."""
    found: dict[tuple[str, int, str], list[ObservedFeature]] = defaultdict(list)
    for feature in evidence.features:
        for issuer in feature.issuers:
            found[issuer.path, issuer.line, issuer.rule].append(feature)
    return {place: _tell(features) for place, features in found.items()}


def _tell(features: list[ObservedFeature]) -> str:
    calls = sum(feature.calls for feature in features)
    clients: Tally[Client] = Tally()
    for feature in features:
        clients.update(dict(feature.clients))
    names = ", ".join(tell_client(client) for client, _ in clients.most_common(3))
    times = "once" if calls == 1 else f"{calls:,} times"
    return f"run {times}, by {names}"


def tell_client(client: Client) -> str:
    """Return who somebody is: `web (app@shop)`."""
    where = "@".join(filter(None, (client.user, client.database)))
    if not client.application:
        return where or "a client that the log does not name"
    return f"{client.application} ({where})" if where else client.application
