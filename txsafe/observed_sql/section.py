"""`Evidence` comes in, the part of the audit that tells it goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.audit.section import Align, Bullets, Cell, Column, Item, Paragraph, Section, Table, Tone
from txsafe.judge import judge
from txsafe.model import Outcome
from txsafe.observed_sql.evidence import tell_client
from txsafe.observed_sql.matching import Fit
from txsafe.observed_sql.recognition import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.audit.section import Block
    from txsafe.catalog import Catalog
    from txsafe.model import Profile
    from txsafe.observed_sql.entries import Client
    from txsafe.observed_sql.evidence import Evidence, ObservedFeature, SourceRead
    from txsafe.observed_sql.sessions import Mark, Proof
    from txsafe.report.json_text import JsonValue

MOST_ROWS = 100
MOST_CLIENTS = 3
MOST_PLACES = 3
LONGEST_SQL = 160
_TONES = {Outcome.SAFE: Tone.GOOD, Outcome.COSTLY: Tone.FAIR, Outcome.UNSAFE: Tone.BAD, Outcome.UNKNOWN: Tone.UNKNOWN}
_FITS = {Fit.EXACT: "", Fit.PARTIAL: " (in part: the program puts it together)", Fit.DRIVER: " (the driver sends it)"}
_TOLD = {
    State.SETTING: "set for the session, then other statements ran",
    State.LISTENING: "listened, then other statements ran",
    State.LOCK: "locked, then unlocked",
    State.STATEMENT: "prepared, then executed",
    State.TABLE: "temporary table made, then used",
    State.CURSOR: "cursor declared, then read",
    State.ANY: "",
}


def tell_evidence(evidence: Evidence, *, profile: Profile, catalog: Catalog) -> Section:
    """Return the section; verdicts are those of the profile."""
    return Section(
        id="observed-sql",
        title="What really runs",
        blocks=tuple(_tell(evidence, profile, catalog)),
        data=_data(evidence),
    )


def _tell(evidence: Evidence, profile: Profile, catalog: Catalog) -> Iterator[Block]:
    yield Bullets(items=tuple(Item(text=_tell_source(source)) for source in evidence.sources))
    yield from _warn(evidence)
    if evidence.proofs:
        text = (
            f"State of a session was used across transactions {evidence.proved:,} times: each is a pair of lines below."
        )
        yield Paragraph(text=text, tone=Tone.BAD)
        yield _proofs(evidence.proofs)
    known = [feature for feature in evidence.features if feature.issuers]
    strangers = [feature for feature in evidence.features if not feature.issuers]
    if known:
        yield from _features("Session state that runs, and the code that issues it", known, profile, catalog)
    if strangers:
        text = "No code was found for these: an ORM, a driver, a BI tool, cron or a person may send them."
        yield Paragraph(text=text)
        yield from _features("Session state that runs without any code found", strangers, profile, catalog)
    if not evidence.features:
        yield Paragraph(text="None of these statements uses session state.")
    if evidence.left_out:
        yield Paragraph(text=f"{evidence.left_out:,} further runs, of ever new statements, are not told apart.")


def _tell_source(source: SourceRead) -> str:
    prefix = f", log_line_prefix `{source.prefix}`" if source.prefix is not None else ""
    return f"{source.path}: {source.format}{prefix}, {source.bytes:,} bytes, {source.statements:,} statements"


def _warn(evidence: Evidence) -> Iterator[Block]:
    logs = [source for source in evidence.sources if source.format != "pg_stat_statements"]
    if 0 < len(logs) < len(evidence.sources):
        yield Paragraph(text="Runs in logs and in pg_stat_statements are added up: some may be counted in both.")
    for source in logs:
        if source.unread:
            text = f"{source.path}: {source.unread:,} records could not be read: cut off, damaged or of another format."
            yield Paragraph(text=text, tone=Tone.FAIR)
        if source.bytes and not source.statements:
            text = (
                f"{source.path}: no statement is in it. The server writes them with `log_statement = all`, or "
                "`log_min_duration_statement = 0`, and they are recognised in English (`lc_messages = C`)."
            )
            yield Paragraph(text=text, tone=Tone.FAIR)
        elif source.statements and not source.has_sessions:
            text = (
                f"{source.path}: it does not tell sessions and transactions, so that it proves nothing about state "
                "across transactions. Add `%c %v` to `log_line_prefix`, or log to csvlog or jsonlog."
            )
            yield Paragraph(text=text, tone=Tone.FAIR)


def _features(caption: str, features: Sequence[ObservedFeature], profile: Profile, catalog: Catalog) -> Iterator[Block]:
    columns = (
        Column(head="Statement"),
        Column(head="Rule"),
        Column(head=profile.title or profile.name),
        Column(head="Runs", align=Align.RIGHT),
        Column(head="By"),
        Column(head="Code"),
        Column(head="First seen"),
    )
    rows = tuple(_row(feature, profile, catalog) for feature in features[:MOST_ROWS])
    yield Table(caption=caption, columns=columns, rows=rows)
    yield from _more(len(features))


def _more(count: int) -> Iterator[Block]:
    if count > MOST_ROWS:
        yield Paragraph(text=f"{count - MOST_ROWS:,} more are in the JSON form of this document.")


def _row(feature: ObservedFeature, profile: Profile, catalog: Catalog) -> tuple[Cell, ...]:
    outcome = judge(feature.use, profile, catalog).outcome
    return (
        Cell(text=_cut(feature.sql)),
        Cell(text=feature.use.rule),
        Cell(text=outcome.value, tone=_TONES[outcome]),
        Cell(text=f"{feature.calls:,}"),
        Cell(text=_clients(feature.clients)),
        Cell(text=_places(feature)),
        Cell(text=feature.first),
    )


def _cut(sql: str) -> str:
    return sql if len(sql) <= LONGEST_SQL else sql[: LONGEST_SQL - 1] + "…"


def _clients(clients: Sequence[tuple[Client, int]]) -> str:
    shown = [f"{tell_client(client)} {count:,}" for client, count in clients[:MOST_CLIENTS]]
    return _joined(shown, len(clients) - MOST_CLIENTS)


def _places(feature: ObservedFeature) -> str:
    shown = [f"{issuer.path}:{issuer.line}{_FITS[issuer.fit]}" for issuer in feature.issuers[:MOST_PLACES]]
    return _joined(shown, len(feature.issuers) - MOST_PLACES)


def _joined(shown: Iterable[str], more: int) -> str:
    return ", ".join((*shown, f"and {more:,} more") if more > 0 else shown)


def _proofs(proofs: Sequence[Proof]) -> Table:
    columns = tuple(Column(head=head) for head in ("What", "In one transaction", "In another one", "By", "Session"))
    rows = tuple(
        (
            Cell(text=_TOLD[proof.state], tone=Tone.BAD),
            Cell(text=_mark(proof.opened)),
            Cell(text=_mark(proof.used)),
            Cell(text=tell_client(proof.client)),
            Cell(text=proof.session),
        )
        for proof in proofs[:MOST_ROWS]
    )
    return Table(caption="State of a session that was used across transactions", columns=columns, rows=rows)


def _mark(mark: Mark) -> str:
    return f"{mark.path}:{mark.line}: {_cut(mark.sql)}"


# ---------------------------------------------------------------- for programs


def _data(evidence: Evidence) -> Mapping[str, JsonValue]:
    return {
        "sources": [
            {
                "path": source.path,
                "format": source.format,
                "log_line_prefix": source.prefix,
                "bytes": source.bytes,
                "statements": source.statements,
                "unread": source.unread,
            }
            for source in evidence.sources
        ],
        "features": [_feature(feature) for feature in evidence.features],
        "left_out": evidence.left_out,
        "proofs": [_proof(proof) for proof in evidence.proofs],
        "proved": evidence.proved,
    }


def _feature(feature: ObservedFeature) -> JsonValue:
    return {
        "rule": feature.use.rule,
        "variant": feature.use.variant,
        "sql": feature.sql,
        "calls": feature.calls,
        "clients": [
            {"application": client.application, "user": client.user, "database": client.database, "calls": calls}
            for client, calls in feature.clients
        ],
        "first": feature.first,
        "code": [
            {"path": issuer.path, "line": issuer.line, "rule": issuer.rule, "fit": issuer.fit.value}
            for issuer in feature.issuers
        ],
    }


def _proof(proof: Proof) -> JsonValue:
    return {
        "state": proof.state.value,
        "key": proof.key,
        "opened": _place(proof.opened),
        "used": _place(proof.used),
        "session": proof.session,
        "client": {
            "application": proof.client.application,
            "user": proof.client.user,
            "database": proof.client.database,
        },
    }


def _place(mark: Mark) -> JsonValue:
    return {"path": mark.path, "line": mark.line, "sql": mark.sql, "transaction": mark.transaction}
