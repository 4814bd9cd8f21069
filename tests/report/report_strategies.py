"""Any report at all, as hypothesis draws it: every text can hold every code point, lone surrogates included."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.report.report_samples import make_source
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
from txsafe.report import Baselined, RenderContext, Verbosity

texts = st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(
    [
        "",
        "SET x TO 1",
        "\x1b[31m",
        "a\r\nb",
        "]]>",
        "\ud800",
        "\udcff",
        "日本\t🙂",
        "::error::x",
        "C:/x",
        "/abs",
        "\x9b",
    ]
)
positions = st.builds(Position, st.integers(1, 12), st.integers(1, 60) | st.integers(1, 10**7))
spans = st.tuples(st.integers(0, 80), st.integers(0, 80)).map(lambda ends: Span(min(ends), max(ends)))
paths = st.sampled_from(["a.py", "b/c d.sql", "a:b,\n%.py", "/abs/ü.py", "C:\\x.py", "\udcff.py"]) | texts
edits = st.builds(Edit, place=st.builds(Place, paths, spans), replacement=texts)
fixes = st.builds(
    Fix, title=texts, edits=st.lists(edits, max_size=2).map(tuple), applicability=st.sampled_from(Applicability)
)
locations = st.builds(Location, path=paths, start=positions, end=positions, message=texts)
diagnostics = st.builds(
    Diagnostic,
    rule=st.sampled_from(["session-set", "listen", "own-rule"]) | texts,
    severity=st.sampled_from(Severity),
    confidence=st.sampled_from(Confidence),
    path=paths,
    start=positions,
    end=positions,
    message=texts,
    sql=texts,
    outcome=st.sampled_from(Outcome),
    effects=st.lists(st.sampled_from(Effect), max_size=2, unique=True).map(tuple),
    transaction=st.sampled_from(Transaction),
    driver=st.none() | texts,
    suggestion=texts,
    related=st.lists(locations, max_size=2).map(tuple),
    fix=st.none() | fixes,
    fingerprint=st.sampled_from(["", "f", "g"]),
    profile=texts,
    variant=texts,
    reference=texts,
    suppressed=st.booleans(),
    baselined=st.booleans(),
)
file_reports = st.builds(
    FileReport,
    path=paths,
    parsed=st.booleans(),
    diagnostics=st.lists(diagnostics, max_size=3).map(tuple),
    unresolved=st.lists(
        st.builds(UnresolvedSink, path=paths, start=positions, sink=texts, reason=texts), max_size=2
    ).map(tuple),
    errors=st.lists(st.builds(FileError, path=paths, line=st.integers(0, 9), message=texts), max_size=2).map(tuple),
    sinks=st.integers(0, 5),
)
profiles = st.builds(
    Profile,
    name=texts,
    pooler=texts,
    version=st.none() | texts,
    mode=texts,
    settings=st.dictionaries(texts, texts, max_size=2),
    title=texts,
)
reports = st.builds(Report, profile=profiles, files=st.lists(file_reports, max_size=3).map(tuple))


def source_for(text: str | None, path: str) -> SourceFile | None:
    return None if text is None else make_source(path, text)


contexts = st.builds(
    lambda text, color, width, verbosity, statistics, show, baselined: RenderContext(
        sources=lambda path: source_for(text, path),
        color=color,
        width=width,
        verbosity=verbosity,
        statistics=statistics,
        show_suppressed=show,
        baselined=baselined,
    ),
    st.none() | st.lists(texts, max_size=15).map("\n".join),
    st.booleans(),
    st.integers(1, 200),
    st.sampled_from(Verbosity),
    st.booleans(),
    st.booleans(),
    st.sampled_from(Baselined),
)
