"""What holds for the fixes of every program: it compiles, it settles, its findings go, the rest stays as it is."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import assume, given
from hypothesis import settings as options
from hypothesis import strategies as st

from tests.rewrites.rewriting import APPLIED, check, rewrite
from txsafe.edits import apply_edits, choose

SQL = [
    "SET search_path TO a, b",
    "set session work_mem = '1MB'",
    "SET ROLE reporting",
    "SELECT set_config('app.x', 'y', false)",
    "SELECT pg_advisory_lock(42)",
    "SELECT pg_advisory_unlock(42)",
    "SELECT pg_try_advisory_lock_shared(1, 2)",
    "CREATE TEMP TABLE batch (id int)",
    "create temp table batch as select 1",
    "INSERT INTO batch SELECT n FROM job WHERE text = '\\'",
    "SELECT * FROM batch",
    "DROP TABLE batch",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "FETCH 1 FROM c",
    "SELECT 1",
    "UPDATE t SET x = 1",
    "COMMIT",
    "BEGIN",
    "RESET work_mem",
    "RESET ROLE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "set transaction isolation level serializable",
    "CREATE TABLE job (id serial, text text)",
    "INSERT INTO job (text) VALUES ('x')",
    "SELECT lastval()",
    "SELECT currval('job_id_seq') AS number",
    "PREPARE p (int, text) AS SELECT * FROM job WHERE id = $1 OR text = $2",
    "EXECUTE p(-1, 'it''s')",
    "execute p(%s, null)",
    "DEALLOCATE p",
    "COPY (SELECT * FROM batch) TO STDOUT",
    "CREATE TABLE kept AS SELECT * FROM batch",
]
MODES = [
    "c.autocommit = True",
    "c.readonly = True",
    "c.isolation_level = 'SERIALIZABLE'  # why",
    "c.set_session(readonly=True)",
    "c.set_session('SERIALIZABLE', deferrable=True, autocommit=True)",
    "c.set_session(\n    autocommit=True,\n    readonly=True,\n)",
]
CONNECTS = [
    "psycopg.connect(dsn)",
    "psycopg.connect(dsn, autocommit=True)",
    "psycopg2.connect(dsn)",
    "psycopg2.connect('postgresql://h/d?options=-c%20jit%3Doff&sslmode=require')",
    "psycopg2.connect(f'postgresql://{dsn}/d?connect_timeout=1' '&options=-c%20jit%3Doff')",
    "psycopg.connect(dsn, options='-c jit=off', autocommit=True)",
    "None",
]
PREFIXES = ["", "r", "b", "f", "rb", "u"]
QUOTES = ["'", '"', "'''", '"""']
BLOCKS = [
    "with c.transaction():",
    "with psycopg.connect(dsn) as c, c.transaction():",
    "try:",
    "if dsn:",
    "for _ in dsn:",
]


@st.composite
def literals(draw: st.DrawFn) -> str:
    """Return one statement, or two in a message, in any spelling."""
    texts = draw(st.lists(st.sampled_from(SQL), min_size=1, max_size=2))
    text = draw(st.sampled_from([";", "; ", " ;\n"])).join(texts)
    prefix, quote = draw(st.sampled_from(PREFIXES)), draw(st.sampled_from(QUOTES))
    if len(quote) == 1:
        text = text.replace("\n", " ")
    if draw(st.booleans()) and "r" not in prefix:
        text = text.replace(" ", "\\x20", 1)
    if quote in text:
        quote = '"""' if prefix else '"'
    if draw(st.booleans()) and " " in text and not prefix:
        first, rest = text.split(" ", 1)
        return f"{quote}{first} {quote} {quote}{rest}{quote}"
    return f"{prefix}{quote}{text}{quote}"


@st.composite
def bodies(draw: st.DrawFn, depth: int = 2) -> list[str]:
    """Return the lines of a block."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        if depth and draw(st.integers(0, 3)) == 0:
            head = draw(st.sampled_from(BLOCKS))
            inner = draw(bodies(depth=depth - 1))
            lines += [head, *(f"    {line}" for line in inner)]
            if head == "try:":
                lines += ["finally:", *(f"    {line}" for line in draw(bodies(depth=0)))]
            continue
        if draw(st.integers(0, 5)) == 0:
            lines.append(draw(st.sampled_from(MODES)))
            continue
        call = f"{draw(st.sampled_from(['c', 'c.cursor()', 'cur']))}.execute({draw(literals())})"
        lines += draw(
            st.sampled_from([[call], [f"{call}  # why"], [f"x = {call}"], ["# a comment", call], [call, "x"]])
        )
    return [part for line in lines for part in line.split("\n")]


@st.composite
def programs(draw: st.DrawFn) -> str:
    connect = draw(st.sampled_from(CONNECTS))
    lines = ["import psycopg", "import psycopg2", "", "", "def f(dsn, c: psycopg.Connection, cur: psycopg.Cursor):"]
    lines += [f"    c = {connect}", "    cur = c.cursor()"] if connect != "None" else []
    lines += [f"    {part}" for line in draw(bodies()) for part in line.split("\n")]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


@options(max_examples=40)
@given(text=programs())
def test_fixes_of_any_program_hold(text: str) -> None:
    try:
        compile(text, "app.py", "exec")
    except SyntaxError:
        return
    done = rewrite(text)
    compile(done.after, "app.py", "exec")
    assert not done.fixing.refused
    assert rewrite(done.after).after == done.after
    before, after = said(text), said(done.after)
    assert not after - before
    for diagnostic in done.fixing.fixed:
        key = diagnostic.rule, diagnostic.variant, diagnostic.sql
        assert after[key] < before[key]
    if not done.fixing.fixed:
        assert done.after == text


SCRIPTED = [
    "CREATE TEMP TABLE batch AS SELECT id, 'a;b' AS x FROM job -- all\n",
    "create temporary table batch (id) as (\n  select 1\n)",
    "SELECT id INTO TEMP batch FROM job",
    "CREATE TEMP TABLE batch (id int)",
    "INSERT INTO batch\n    SELECT id\n    FROM job",
    "SELECT * FROM batch",
    "WITH q AS (SELECT 1) DELETE FROM job USING batch, q",
    "UPDATE job SET id = 1 FROM batch b",
    "SELECT * FROM batch, batch b",
    "DROP TABLE IF EXISTS batch",
    "CREATE TEMP TABLE other AS SELECT * FROM batch",
    "SELECT * FROM other JOIN batch USING (id)",
    "BEGIN",
    "COMMIT",
    "ANALYZE batch",
    "COPY (SELECT id FROM batch) TO STDOUT",
    "COPY batch TO STDOUT",
    "CREATE TABLE kept AS (SELECT * FROM batch) -- kept\n",
    "INSERT INTO job (x) VALUES ('a')",
    "SELECT lastval() AS number",
    "CREATE TABLE job (id serial, x text)",
    "PREPARE p (int) AS SELECT * FROM job /* all */ WHERE id = $1",
    "EXECUTE p(1)",
    "DEALLOCATE p",
    "SET jit = off",
    "RESET jit",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SELECT 1",
    "/* batch */ SELECT now()",
]


@options(max_examples=60)
@given(
    statements=st.lists(st.sampled_from(SCRIPTED), min_size=2, max_size=7),
    between=st.sampled_from([";\n", ";\n\n", "; ", ";\r\n", "; -- batch\n"]),
)
def test_fixes_of_any_script_hold(statements: list[str], between: str) -> None:
    text = between.join(statements) + between
    done = rewrite(text, name="app.sql")
    assert not done.fixing.refused
    assert rewrite(done.after, name="app.sql").after == done.after
    before, after = said(text, "app.sql"), said(done.after, "app.sql")
    assert not after - before
    for diagnostic in done.fixing.fixed:
        key = diagnostic.rule, diagnostic.variant, diagnostic.sql
        assert after[key] < before[key]
    kept = Counter(re.findall(r"--[^\r\n]*|/\*.*?\*/", text)) - Counter(re.findall(r"--[^\r\n]*|/\*.*?\*/", done.after))
    assert not kept


@options(max_examples=30)
@given(text=programs())
def test_lines_that_no_edit_touches_stay(text: str) -> None:
    report = check(text)
    fixes = [each.fix for each in report.diagnostics if each.fix is not None and each.fix.applicability in APPLIED]
    edits = [edit for fix in choose(fixes, lambda fix: fix) for edit in fix.edits]
    once = apply_edits(text, edits)
    after = rewrite(text).after
    assume(after == once)
    offset = 0
    untouched = []
    for line in text.splitlines(keepends=True):
        end = offset + len(line)
        if not any(edit.place.span.start < end and offset <= edit.place.span.end for edit in edits):
            untouched.append(line)
        offset = end
    rest = iter(after.splitlines(keepends=True))
    assert all(line in rest for line in untouched)
    assert after.count("\r") == after.count("\r\n")


def said(text: str, name: str = "app.py") -> Counter[tuple[str, str, str]]:
    return Counter((each.rule, each.variant, each.sql) for each in check(text, name=name).diagnostics)
