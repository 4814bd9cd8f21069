"""The pipeline for one file, and the laws that its diagnostics keep whatever the program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.analysis import Analyzer
from txsafe.config import Config
from txsafe.discovery import FileInput, FileKind
from txsafe.errors import ConfigError
from txsafe.gate import may_matter

if TYPE_CHECKING:
    from txsafe.model import Diagnostic, FileReport

ROOT = Path(__file__).parent.parent
CONNECTED = 'import psycopg\nc = psycopg.connect("")\n'
LISTEN = 'c.execute("LISTEN jobs")\n'


def analyze(text: str, *, name: str = "a.py", **options: object) -> FileReport:
    config = Config(**options)  # type: ignore[arg-type]  # the options of a test
    return Analyzer.of(config).analyze(FileInput(Path(name), name, text.encode()))


def found(report: FileReport) -> list[tuple[int, str]]:
    return [(each.start.line, each.rule) for each in report.diagnostics if not each.suppressed]


# ---------------------------------------------------------------- one file


def test_a_report_counts_what_was_seen() -> None:
    report = analyze(f"{CONNECTED}{LISTEN}def f(sql):\n    c.execute(sql)\n")
    assert (report.path, report.parsed, report.sinks) == ("a.py", True, 2)
    assert found(report) == [(3, "listen")]
    assert [(each.start.line, each.sink) for each in report.unresolved] == [(5, "psycopg.Connection.execute")]


def test_a_statement_that_may_be_one_of_several_is_one_diagnostic() -> None:
    code = "def f(shared):\n    name = 'pg_advisory_lock' + ('_shared' if shared else '')\n"
    report = analyze(f"{CONNECTED}{code}    c.execute(f'SELECT {{name}}(1)')\n")
    (lock,) = [each for each in report.diagnostics if each.rule == "session-advisory-lock"]
    assert lock.sql == "SELECT pg_advisory_lock_shared(1)"
    assert "or, at times: SELECT pg_advisory_lock(1)" in [related.message for related in lock.related]


def test_two_locks_of_one_statement_are_two_diagnostics() -> None:
    report = analyze(f"{CONNECTED}c.execute('SELECT pg_advisory_lock(1), pg_advisory_lock(2)')\n")
    assert [diagnostic.sql for diagnostic in report.diagnostics if diagnostic.rule == "session-advisory-lock"] == [
        "SELECT pg_advisory_lock(1), pg_advisory_lock(2)",
        "SELECT pg_advisory_lock(1), pg_advisory_lock(2)",
    ]


@dataclass(frozen=True, slots=True)
class Broken(FileInput):
    """A file that makes the analysis fail as a defect would."""

    error: type[Exception] = ZeroDivisionError

    @property
    def kind(self) -> FileKind:
        raise self.error("oops")


def test_a_defect_is_told_of_its_file_and_has_a_traceback_only_under_debug() -> None:
    file = Broken(Path("a.py"), "a.py", b"x")
    report = Analyzer.of(Config()).analyze(file)
    assert [each.rule for each in report.diagnostics] == ["internal-error"]
    assert report.errors[0].message == "txsafe failed on this file: ZeroDivisionError: oops"
    assert "Traceback" in Analyzer.of(Config(debug=True)).analyze(file).errors[0].message


def test_nesting_that_no_one_foresaw_is_told_of_its_file() -> None:
    report = Analyzer.of(Config()).analyze(Broken(Path("a.py"), "a.py", b"x", error=RecursionError))
    assert [(each.rule, each.message) for each in report.diagnostics] == [
        ("syntax-error", "nested too deeply to be analysed")
    ]


def test_a_route_is_judged_under_its_own_profile() -> None:
    text = (
        "import os, psycopg\n"
        'a = psycopg.connect(os.environ["DIRECT_URL"])\n'
        'b = psycopg.connect(os.environ["POOLED_URL"])\n'
        'a.execute("LISTEN jobs")\nb.execute("LISTEN jobs")\n'
    )
    assert found(analyze(text)) == [(4, "listen"), (5, "listen")]
    report = analyze(text, routes={"DIRECT_*": "direct", "POOLED_URL": "pgbouncer-1.25"})
    assert found(report) == [(5, "listen")]
    assert report.diagnostics[0].profile == "pgbouncer-1.25"


def test_an_unknown_profile_of_a_route_is_an_error() -> None:
    with pytest.raises(ConfigError, match="routes: 'A': unknown pooler 'pgbuncer'; did you mean 'pgbouncer'"):
        Analyzer.of(Config(routes={"A": "pgbuncer"}))


def test_files_that_bypass_the_pooler_are_judged_so() -> None:
    text = CONNECTED + LISTEN
    assert found(analyze(text, name="migrations/a.py", direct=("migrations/**",))) == []
    assert found(analyze(text, name="app/a.py", direct=("migrations/**",))) == [(3, "listen")]


def test_a_runner_may_wrap_a_script_in_a_transaction() -> None:
    text = "SELECT pg_advisory_lock(1);\nSELECT pg_advisory_unlock(1);\n"
    assert found(analyze(text, name="db/migrate/1.sql", assume_in_transaction=("db/migrate/**",))) == []
    assert len(found(analyze(text, name="db/migrate/1.sql", assume_in_transaction=("other/**",)))) == 2


def test_declared_sinks_are_followed() -> None:
    text = "from app.db import run\n\nrun('LISTEN jobs')\n"
    assert (analyze(text).sinks, analyze(text, sinks={"app.db.run": 0}).sinks) == (0, 1)
    assert found(analyze(text, sinks={"app.db.run": 0})) == [(3, "listen")]


def test_a_demanded_reason_makes_a_suppression_count() -> None:
    text = f"{CONNECTED}{LISTEN.strip()}  # txsafe: ignore[listen]\n"
    assert found(analyze(text)) == []
    assert found(analyze(text, require_reason=True)) == [(3, "listen"), (3, "unused-suppression")]


def test_the_place_is_that_of_the_statement_in_a_literal() -> None:
    report = analyze(f'{CONNECTED}QUERY = """\n  SELECT 1;\n  LISTEN jobs\n"""\nc.execute(QUERY)\n')
    assert [(each.start.line, each.start.column) for each in report.diagnostics] == [(5, 3)]
    assert [each.start.line for each in report.diagnostics[0].related] == [7]


def test_comments_beyond_what_was_read_are_not_called_unused() -> None:
    idle = "SELECT 1; -- txsafe: ignore[listen]\n"
    assert found(analyze(idle, name="a.sql")) == [(1, "unused-suppression")]
    assert found(analyze(f"{idle}SELECT 'x\n", name="a.sql")) == []


# ---------------------------------------------------------------- laws

LOCALS = ("alpha", "beta", "gamma")
_SQL = (
    "LISTEN jobs", "SET search_path TO app", "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)", "COMMIT",
    "BEGIN", "SELECT 1", "RESET ALL; LISTEN b", "CREATE TEMP TABLE t AS SELECT 1", "INSERT INTO x SELECT * FROM t",
    "DEALLOCATE ALL", "SET LOCAL lock_timeout = '1s'", "PREPARE p AS SELECT 1", "SELECT\\n  1;\\nLISTEN c", "SET ROLE",
)  # fmt: skip
_FORMS = (
    'c.execute("{sql}")',
    '{name} = "{sql}"; c.execute({name})',
    'c.execute(f"{sql} {{{name}}}")',
    'c.execute("""\n        {sql}\n    """)',
    'c.execute("{sql}" + {name})',
    "with c.transaction():\n        c.execute('{sql}')".replace("'", '"'),
    'if {name}:\n        {name} = "{sql}"',
    'send({name}, "{sql}")',
    "c.commit()",
    "c.autocommit = True",
    "{name} = 1",
    "c.execute({name})",
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """Return a statement of a program, which may go over lines."""
    form = draw(st.sampled_from(_FORMS))
    return form.format(sql=draw(st.sampled_from(_SQL)), name=draw(st.sampled_from(LOCALS)))


@st.composite
def programs(draw: st.DrawFn) -> list[str]:
    """Return a program as a list of what can have a line between it and the next: its head, and its statements."""
    drawn = draw(st.lists(statements(), min_size=1, max_size=6))
    names = ", ".join(LOCALS)
    head = ["import psycopg\n", 'c = psycopg.connect("")\n', f"def work({names}):\n"]
    return [*head, *(f"    {statement}\n" for statement in drawn)]


@cache
def analyzer() -> Analyzer:
    return Analyzer.of(Config(profile="pgbouncer/transaction"))


def diagnostics(text: str, name: str = "a.py") -> tuple[Diagnostic, ...]:
    report = analyzer().analyze(FileInput(Path(name), name, text.encode()))
    assert report.errors == ()
    return tuple(dataclasses.replace(each, fix=None) for each in report.diagnostics)  # whose edits move with the text


def moved(diagnostic: Diagnostic, lines: dict[int, int]) -> Diagnostic:
    """Return a diagnostic as it is where each line has another number."""
    related = tuple(
        dataclasses.replace(
            each,
            start=dataclasses.replace(each.start, line=lines[each.start.line]),
            end=dataclasses.replace(each.end, line=lines[each.end.line]),
        )
        for each in diagnostic.related
    )
    return dataclasses.replace(
        diagnostic,
        start=dataclasses.replace(diagnostic.start, line=lines[diagnostic.start.line]),
        end=dataclasses.replace(diagnostic.end, line=lines[diagnostic.end.line]),
        related=related,
    )


@given(parts=programs(), data=st.data())
def test_suppressing_a_diagnostic_removes_exactly_it(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    before = diagnostics(text)
    if not before:
        return
    chosen = data.draw(st.sampled_from(before))
    statement = place_of(parts, chosen.start.line)
    lines = ["".join(parts[:statement]), parts[statement][:-1], f"  # txsafe: ignore[{chosen.rule}]\n"]
    after = diagnostics("".join([*lines, *parts[statement + 1 :]]))
    silenced = [each for each in before if each.rule == chosen.rule and place_of(parts, each.start.line) == statement]
    assert [each for each in after if each.suppressed] == [
        dataclasses.replace(each, suppressed=True) for each in silenced
    ]
    assert [each for each in after if not each.suppressed] == [each for each in before if each not in silenced]


def place_of(parts: list[str], line: int) -> int:
    """Return which part of a program a line belongs to."""
    last = 0
    for number, part in enumerate(parts):
        last += part.count("\n")
        if line <= last:
            return number
    raise AssertionError(line)


@given(parts=programs(), data=st.data())
def test_a_further_line_moves_diagnostics_and_changes_nothing_else(parts: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(parts)))
    extra = data.draw(st.sampled_from(["\n", "# a comment\n", "    # LISTEN jobs\n", "\t\n"]))
    first = "".join(parts[:place]).count("\n") + 1
    total = "".join(parts).count("\n") + 1
    lines = {line: line + (line >= first) for line in range(1, total + 1)}
    before = diagnostics("".join(parts))
    after = diagnostics("".join([*parts[:place], extra, *parts[place:]]))
    assert after == tuple(moved(each, lines) for each in before)


@given(parts=programs(), names=st.permutations(["delta", "omega", "kappa"]))
def test_names_of_local_variables_do_not_matter(parts: list[str], names: list[str]) -> None:
    text = "".join(parts)
    renamed = text
    for old, new in zip(LOCALS, names, strict=True):
        renamed = renamed.replace(old, new)

    def essence(text: str) -> list[tuple[int, str, str, str]]:
        return [(each.start.line, each.rule, each.message, each.confidence) for each in diagnostics(text)]

    assert essence(text) == essence(renamed)


@given(parts=programs(), end=st.sampled_from(["\r\n", "\r"]))
def test_line_ends_of_a_program_do_not_matter(parts: list[str], end: str) -> None:
    text = "".join(parts)
    assert diagnostics(text.replace("\n", end)) == diagnostics(text)


@given(
    parts=st.lists(st.sampled_from([*_SQL, "-- a comment", "/* one\ntwo */", "SELECT 'a\nb'"]), max_size=8),
    end=st.sampled_from(["\r\n", "\r"]),
)
def test_line_ends_of_a_script_do_not_matter(parts: list[str], end: str) -> None:
    text = ";\n".join(parts).replace("\\n", "\n") + ";\n"
    assert diagnostics(text.replace("\n", end), "a.sql") == diagnostics(text, "a.sql")


@given(parts=programs())
def test_the_gate_drops_no_program_in_which_something_is_found(parts: list[str]) -> None:
    head, body = "".join(parts[2:3]), parts[3:]
    for statement in body:
        for program in (head + statement, CONNECTED + head + statement):
            if diagnostics(program):
                assert may_matter(program.encode(), FileKind.PYTHON)


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures").rglob("*.py")), ids=lambda path: path.name)
def test_the_gate_drops_no_fixture_in_which_something_is_found(path: Path) -> None:
    report = analyzer().analyze(FileInput(path, path.name))
    if report.diagnostics or report.sinks or report.unresolved:
        assert may_matter(path.read_bytes(), FileKind.PYTHON)


FOREIGN = {
    "a text of MySQL's": "QUERY = \"SET SESSION sql_mode = 'ANSI'\"\n",
    "MySQL's quotes": 'QUERY = "SET x = 1; SELECT * FROM `orders`"\n',
    "a call that may be any database's": "def f(cursor):\n    cursor.execute('SET SESSION wait_timeout = 5')\n",
    "SQLAlchemy on something": "from sqlalchemy import text\ndef f(session):\n"
    "    session.execute(text('SET foreign_key_checks = 0'))\n",
}


@pytest.mark.parametrize("code", FOREIGN.values(), ids=FOREIGN.keys())
def test_sql_that_is_evidently_another_databases_is_passed_over(code: str) -> None:
    assert found(analyze(code)) == []
    for name in ("sql_mode", "wait_timeout", "foreign_key_checks"):
        code = code.replace(name, "work_mem")
    assert [rule for _, rule in found(analyze(code.replace("`", "")))] == ["session-set"]


def test_a_driver_that_speaks_only_to_postgresql_is_believed() -> None:
    assert (3, "session-set") in found(analyze(f"{CONNECTED}c.execute('SET sql_mode = 1')\n"))
