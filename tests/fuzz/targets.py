"""Bytes → one run of something that reads what others wrote.

A target returns, or fails where a promise is broken: an exception that is not the expected one, a span outside of the
text, a text that does not come out as it went in.
"""

from __future__ import annotations

import ast
import contextlib
import datetime as dt
import io
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.analysis import Analyzer
from txsafe.baseline import read_baseline
from txsafe.catalog.document import read_document
from txsafe.catalog.drivers import decode_drivers
from txsafe.catalog.rules import read_rule
from txsafe.config import Config
from txsafe.config_file import read_config
from txsafe.connection_strings import mask_passwords, read_keywords, read_options, read_url
from txsafe.edits import apply_edits
from txsafe.errors import SourceError, TxsafeError
from txsafe.model import Edit, Place, SourceFile, Span
from txsafe.observed_sql.counters import read_counters
from txsafe.observed_sql.formats import LogReader
from txsafe.observed_sql.normalise import normalise
from txsafe.poolerconfig import read_pooler_file
from txsafe.profiles import read_profile_id
from txsafe.python.scopes import Bodies, Module
from txsafe.settings import read_settings
from txsafe.source import FileKind, decode, line_starts
from txsafe.sql import may_hold_session_state, read_statements
from txsafe.sql.lexer import tokenize
from txsafe.sql.scripts import read_script
from txsafe.sql.splitting import split_statements
from txsafe.suppressions import SuppressionOptions, apply_suppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TODAY = dt.date(2026, 1, 31)
SQL_PIECES = (
    "SET ¦LOCAL ¦search_path¦ = ¦ TO ¦'¦\"¦$$¦$a$¦;¦--¦/*¦*/¦\n¦(¦)¦,¦BEGIN¦COMMIT¦ROLLBACK¦PREPARE p AS "
    "¦EXECUTE ¦DEALLOCATE ALL¦LISTEN a¦DISCARD ALL¦DO ¦CREATE ¦TEMP ¦TABLE t "
    "¦FUNCTION f() RETURNS int LANGUAGE ¦plpgsql¦sql ¦AS ¦SELECT ¦1¦pg_advisory_lock¦set_config¦DECLARE c "
    "¦CURSOR WITH HOLD FOR ¦IF ¦THEN ¦END IF¦LOOP ¦END¦%s¦%(a)s¦:a¦$1¦?¦{a}¦{{ a }}¦{% if a %}¦\\set a 1\n"
    "¦COPY t FROM stdin;\n¦\\.\n¦E'\\x53¦U&'¦::¦:=¦-- migrate:up\n¦-- name: a\n¦EXPLAIN ANALYZE ¦\uf8f0¦\uf8f2"
    "¦`a`"
).split("¦")
PYTHON_PIECES = (
    "import psycopg\n¦import asyncpg\n¦from sqlalchemy import text, event\n¦conn = psycopg.connect('')\n¦conn"
    "¦.execute(¦.cursor()¦.commit()¦.autocommit = True¦cur¦ = ¦(¦)¦,¦\n¦\n    ¦def f(self, sql):"
    "¦async def g(c=conn):¦class A(B):¦with ¦async with ¦ as ¦for x in ¦try:¦finally:¦except E:¦if ¦else:"
    '¦return ¦yield ¦await ¦lambda x: ¦@decorated\n¦f¦a¦b¦\'SET x = 1\'¦"LISTEN jobs"¦f"SET x = {a}"'
    '¦\'SELECT pg_advisory_lock(%s)\'¦\'BEGIN\'¦"""DO $$¦"""¦ % ¦ + ¦.format(¦.join(¦[¦]¦{¦}¦:¦*a¦**b'
    "¦# txsafe: ignore[listen]\n¦\\\n¦conn.transaction()¦withhold=True¦text(¦A()¦self."
    "¦'CREATE TEMP TABLE t AS SELECT 1'¦;¦0"
).split("¦")
LINES = (
    "def f():\n¦async def f(a=1):\n¦class A:\n¦if x:\n¦else:\n¦ ¦    ¦        ¦\t¦x = 1\n¦x = (\n¦1)\n¦return x\n"
    "¦import x\n¦from x import *\n¦global x\n¦# def g():\n¦x = 1  # y\n¦x = 1;\n¦x = \\\n¦'''a\n¦'''\n¦\"\"\"\"\"\"\n"
    "¦r'\\'\n¦'#'\n¦f'{x}'\n¦def f(a, b='):',\n¦c): pass\n¦c):\n¦@p\n¦pass\n¦lambda: 1\n¦\f¦\r¦ä¦\n¦def f¦(¦)¦:¦'"
).split("¦")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="txsafe-fuzz-"))


@cache
def _analyzer() -> Analyzer:
    return Analyzer.of(Config(follow_imports=False))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _file(data: bytes, name: str) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _source(text: str, path: str) -> SourceFile:
    return SourceFile(path=path, text=text, encoding="utf-8", bom=False, line_starts=line_starts(text))


def _assembled(data: bytes, pieces: Sequence[str]) -> str:
    """Return a text in which a byte stands for a piece where there are so many, else for itself."""
    return "".join(pieces[byte] if byte < len(pieces) else chr(byte) for byte in data)


# ---------------------------------------------------------------- sources


def decoding(data: bytes) -> None:
    """A source is decoded or refused; its lines are where its text says."""
    with contextlib.suppress(SourceError):
        source = decode(data, "a.py")
        assert source.position(len(source.text)).line <= len(source.line_starts)


def tokens(data: bytes) -> None:
    """Tokens add up to the text."""
    text = _text(data)
    assert "".join(token.text for token in tokenize(text)) == text


def splitting(data: bytes) -> None:
    """Statements lie in the text, one after the other."""
    text = _text(data)
    end = 0
    for start, stop in split_statements(text).ranges:
        assert end <= start <= stop <= len(text)
        end = stop


def statements(data: bytes) -> None:
    """Statements of assembled SQL lie in the text; the quick question never drops a SET."""
    text = _assembled(data, SQL_PIECES)
    found = read_statements(text)
    assert all(0 <= each.span.start < each.span.end <= len(text) for each in found)
    assert may_hold_session_state(text) or not any(each.kind == "set" for each in found)


def scripts(data: bytes) -> None:
    """A script is read, and each statement stands where it is said to."""
    source = _source(_assembled(data, SQL_PIECES), "a.sql")
    for section in read_script(source).sections:
        for statement in section.statements:
            place = section.site.template.locate(statement.span)
            assert 0 <= place.span.start <= place.span.end <= len(source.text)


def programs(data: bytes) -> None:
    """A program is analysed without an internal error, and its fixes can be applied."""
    text = _assembled(data, PYTHON_PIECES)
    source = _source(text, "a.py")
    try:
        report = _analyzer().analyze_source(source, FileKind.PYTHON)
    except (SourceError, RecursionError):
        return
    for diagnostic in report.diagnostics:
        assert 1 <= diagnostic.start.line <= len(source.line_starts)
        if diagnostic.fix is not None:
            apply_edits(text, diagnostic.fix.edits)


def outlines(data: bytes) -> None:
    """A module is what it would be, whether the bodies of its functions were left out at first or not."""
    source = _source(_assembled(data, LINES), "a.py")
    try:
        whole = Module.of(source)
    except (SourceError, RecursionError):
        with contextlib.suppress(SourceError, RecursionError):
            Module.of(source, bodies=Bodies.CLOSED)
        return
    opened = Module.of(source, bodies=Bodies.CLOSED).open_all()
    assert ast.dump(opened.tree, include_attributes=True) == ast.dump(whole.tree, include_attributes=True)


def suppressions(data: bytes) -> None:
    """Comments are read whatever is in them."""
    options = SuppressionOptions(rules=("listen", "session-set"), today=TODAY)
    for path in ("a.py", "a.sql"):
        apply_suppressions(_source("x = 1  # txsafe: " + _text(data), path), (), options)


def edits(data: bytes) -> None:
    """Edits are applied, and what is outside of them stays, or they are refused."""
    text = _text(data)
    numbers = list(data[:12])
    spans = [Span(a, a + b % 5) for a, b in zip(numbers[::2], numbers[1::2], strict=False)]
    with contextlib.suppress(ValueError):
        after = apply_edits(text, [Edit(place=Place("a.py", span), replacement="") for span in spans])
        gone = {index for span in spans for index in range(span.start, span.end)}
        assert after == "".join(character for index, character in enumerate(text) if index not in gone)


# ---------------------------------------------------------------- files of users


def catalogue(data: bytes) -> None:
    """A rule file is read or refused with its place."""
    path = _file(data, "rule.yaml")
    with contextlib.suppress(TxsafeError):
        read_rule(read_document(path, "rule.yaml"))
    with contextlib.suppress(TxsafeError):
        decode_drivers((read_document(path, "rule.yaml"),))
    with contextlib.suppress(TxsafeError):
        read_profile_id(path)


def configuration(data: bytes) -> None:
    """A configuration file is read or refused."""
    for name in ("txsafe.toml", "pyproject.toml"):
        with contextlib.suppress(TxsafeError):
            read_config(_file(data, name))


def pooler_files(data: bytes) -> None:
    """A pooler's file is read or refused, whichever pooler it is for."""
    for head in (b"[pgbouncer]\n", b'storage "a" {\n', b"[pgagroal]\n", b"backend_hostname0 = 'a'\n", b"[general]\n"):
        with contextlib.suppress(TxsafeError):
            read_pooler_file(_file(head + data, "pooler.conf"))
    for name in ("pgcat.toml", "pgdog.toml", "pgbouncer.ini"):
        with contextlib.suppress(TxsafeError):
            read_pooler_file(_file(data, name))


def settings(data: bytes) -> None:
    """Settings files give what they hold."""
    text = _text(data)
    for name in (".env", "alembic.ini", "application.properties", "settings.toml", "settings.yaml"):
        read_settings(_source(text, name))


def connections(data: bytes) -> None:
    """Connection strings are read, and no password is left in what is shown."""
    text = _text(data)
    read_url("postgresql://" + text)
    read_keywords(text)
    read_options(text)
    mask_passwords(text)


def baselines(data: bytes) -> None:
    """A baseline is read or refused."""
    with contextlib.suppress(TxsafeError):
        read_baseline(_file(data, "baseline.json"))


def logs(data: bytes) -> None:
    """A server's log is read or refused, in each of its formats."""
    heads = (b"", b"2026-01-31 10:00:00.000 UTC [1] LOG:  statement: ", b'{"timestamp":"2026-01-31 10:00:00.000 UTC"')
    for head in heads:
        with contextlib.suppress(TxsafeError):
            for entry in LogReader().entries(io.BytesIO(head + data)):
                normalise(entry.sql)


def counters(data: bytes) -> None:
    """Counters of statements are read or refused."""
    for head in (b"query,calls\n", b"[{"):
        with contextlib.suppress(TxsafeError):
            list(read_counters(head + data, "counters"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        decoding, tokens, splitting, statements, scripts, programs, outlines, suppressions, edits, catalogue,
        configuration, pooler_files, settings, connections, baselines, logs, counters,
    )
}  # fmt: skip
