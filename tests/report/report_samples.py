"""Reports made by hand: what the golden files and the properties of this folder are about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import (
    Applicability,
    Confidence,
    Diagnostic,
    Edit,
    Effect,
    FileError,
    FileReport,
    Fix,
    Location,
    Outcome,
    Place,
    Position,
    Profile,
    Report,
    Severity,
    SourceFile,
    Span,
    Transaction,
    UnresolvedSink,
)
from txsafe.report import RenderContext

if TYPE_CHECKING:
    from txsafe.report.context import RuleHelp

PROFILE = Profile(
    name="pgbouncer-1.26/transaction",
    pooler="pgbouncer",
    version="1.26",
    mode="transaction",
    settings={"max_prepared_statements": "200"},
    title="PgBouncer 1.26, transaction mode",
)

SHOP = '''import psycopg

SEARCH = "SET search_path TO tenant_1"


def use(connection: psycopg.Connection) -> None:
    connection.execute(SEARCH)
\tconnection.execute("LISTEN jobs")
    connection.execute("""
        CREATE TEMP TABLE batch (
            id bigint,
            price numeric,
            name text
        )
    """)
'''
HOSTILE = 'print("\x1b[2J\u202e 日本 e\u0301 🙂 SET x TO \x00 1")\t# ]]> --> \x9b1m\r\nsecond line\r\n'
HOSTILE_PATH = "a:b\n::error::,c/\udcff ü%20]]>\x1b[31m.py"


def make_source(path: str, text: str) -> SourceFile:
    starts = (0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text)))
    return SourceFile(path=path, text=text, encoding="utf-8", bom=False, line_starts=starts)


SOURCES = {"shop/tenant.py": make_source("shop/tenant.py", SHOP), HOSTILE_PATH: make_source(HOSTILE_PATH, HOSTILE)}


@dataclass(frozen=True)
class Help:
    """A rule as the catalogue has it."""

    id: str
    title: str
    severity: Severity
    explanation: str
    references: tuple[str, ...]


RULES: dict[str, RuleHelp] = {
    "session-set": Help(
        "session-set",
        "Session-level SET",
        Severity.ERROR,
        "`SET` belongs to the session.\n\nWrite `SET LOCAL`.\n",
        ("https://www.postgresql.org/docs/current/sql-set.html", "https://www.pgbouncer.org/features.html"),
    ),
    "listen": Help("listen", "LISTEN", Severity.ERROR, "", ()),
    "temp-table": Help("temp-table", "Temporary table", Severity.WARNING, "It outlives the transaction.", ()),
}


def span_of(path: str, text: str) -> tuple[Position, Position]:
    source = SOURCES[path]
    start = source.text.index(text)
    return source.position(start), source.position(start + len(text))


def diagnose(
    *,
    rule: str = "session-set",
    severity: Severity = Severity.ERROR,
    confidence: Confidence = Confidence.HIGH,
    path: str = "shop/tenant.py",
    span: tuple[Position, Position] = (Position(3, 11), Position(3, 38)),
    message: str = "`SET search_path` outlives the transaction: PgBouncer does not track search_path",
    sql: str = "SET search_path TO tenant_1",
    suggestion: str = "",
    **more: object,
) -> Diagnostic:
    return Diagnostic(
        rule=rule,
        severity=severity,
        confidence=confidence,
        path=path,
        start=span[0],
        end=span[1],
        message=message,
        sql=sql,
        suggestion=suggestion,
        **more,  # type: ignore[arg-type]  # the other fields, for tests that name them
    )


SET = diagnose(
    effects=(Effect.LOST, Effect.LEAKED),
    transaction=Transaction.IMPLICIT,
    driver="psycopg",
    suggestion="SELECT set_config('search_path', 'tenant_1', true)\n",
    related=(Location(path="shop/tenant.py", start=Position(7, 5), end=Position(7, 31), message="executed here"),),
    fix=Fix(
        title="Write SET LOCAL",
        edits=(Edit(place=Place("shop/tenant.py", Span(26, 29)), replacement="SET LOCAL"),),
        applicability=Applicability.UNSAFE,
    ),
    fingerprint="5e7",
    profile=PROFILE.name,
    variant="parameter",
    reference="https://www.pgbouncer.org/features.html",
)
LISTEN = diagnose(
    rule="listen",
    severity=Severity.WARNING,
    span=span_of("shop/tenant.py", "LISTEN jobs"),
    message="`LISTEN jobs` pins the connection",
    sql="LISTEN jobs",
    outcome=Outcome.COSTLY,
    fingerprint="115",
    profile="rds-proxy",
)
TEMP = diagnose(
    rule="temp-table",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    span=span_of("shop/tenant.py", SHOP[SHOP.index("CREATE TEMP") : SHOP.index('\n    """)')]),
    message="temporary table `batch` outlives the transaction",
    sql="CREATE TEMP TABLE batch (…)",
    effects=(Effect.LOST,),
    suggestion="CREATE TEMP TABLE batch (\n    id bigint\n) ON COMMIT DROP",
    fingerprint="7e3",
)
SYNTAX = diagnose(
    rule="syntax-error",
    path="broken.py",
    span=(Position(2, 1), Position(2, 1)),
    message="invalid syntax",
    sql="",
    outcome=Outcome.UNKNOWN,
)
EVIL = diagnose(
    path=HOSTILE_PATH,
    span=(Position(1, 15), Position(1, 30)),
    message="\x1b]8;;http://x\x07[click](http://x) ]]> <b> \ud800\n::error::forged\u2028%0A",
    sql="SET x TO '\x00\udcff'",
    suggestion="one\x1b[31m\r\n\ttwo ]]>\n\n",
    effects=(Effect.WRONG_RESULT, Effect.ERROR, Effect.STUCK, Effect.IGNORED),
    related=(
        Location(path=HOSTILE_PATH, start=Position(2, 1), end=Position(2, 3), message="\x1b[0m\n"),
        Location(path="gone.py", start=Position(9, 1), end=Position(9, 3), message="gone"),
    ),
    driver="psy\x1bcopg",
    reference="https://example.org/\x1b",
)
SUPPRESSED = diagnose(span=(Position(4, 1), Position(4, 2)), suppressed=True, fingerprint="5e7")
BASELINED = diagnose(span=(Position(5, 1), Position(5, 2)), baselined=True, fingerprint="5e7")

FULL = Report(
    profile=PROFILE,
    files=(
        FileReport(path=HOSTILE_PATH, parsed=True, diagnostics=(EVIL,), sinks=1),
        FileReport(
            path="broken.py",
            diagnostics=(SYNTAX,),
            errors=(FileError(path="broken.py", line=2, message="invalid syntax"),),
        ),
        FileReport(path="notes.txt", errors=(FileError(path="notes.txt", line=0, message="cannot be read"),)),
        FileReport(path="quiet.py"),
        FileReport(
            path="shop/tenant.py",
            parsed=True,
            diagnostics=(TEMP, SET, LISTEN, SUPPRESSED, BASELINED),
            unresolved=(
                UnresolvedSink(
                    path="shop/tenant.py",
                    start=Position(20, 5),
                    sink="psycopg.Cursor.execute",
                    reason="its SQL is a parameter",
                ),
            ),
            sinks=1500,
        ),
    ),
)
CLEAN = Report(
    profile=PROFILE, files=(FileReport(path="a.py", parsed=True, sinks=12), FileReport(path="b.py", parsed=False))
)
HALF_SEEN = Report(
    profile=PROFILE,
    files=(
        FileReport(
            path="a.py",
            parsed=True,
            sinks=2,
            unresolved=(UnresolvedSink(path="a.py", start=Position(1, 1), sink="execute", reason="a parameter"),),
        ),
    ),
)
EMPTY = Report(profile=PROFILE)
CONTEXT = RenderContext(rules=RULES, sources=SOURCES.get)
