"""`.sql` files: what runs them, what of them reaches the server, and where it stands."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sql.test_lexer import TEXTS
from tests.sql.test_may_hold import STATELESS
from txsafe.model import HOLE_CHARACTERS, Hole, SourceFile, Transaction, TransactionEnd
from txsafe.model import StatementKind as Kind
from txsafe.sql.reading import Detail
from txsafe.sql.scripts import ScriptReading, ScriptRunner, read_script

SQL = HOLE_CHARACTERS[Hole.SQL]
NAME = HOLE_CHARACTERS[Hole.IDENTIFIER]
VALUE = HOLE_CHARACTERS[Hole.VALUE]


def source(text: str) -> SourceFile:
    starts = (0, *(index + 1 for index, character in enumerate(text) if character == "\n"))
    return SourceFile(path="x.sql", text=text, encoding="utf-8", bom=False, line_starts=starts)


def read(text: str) -> ScriptReading:
    return read_script(source(text))


def spelled(text: str, reading: ScriptReading | None = None) -> list[str]:
    """Return what stands where each statement, nested ones included, is said to be."""
    pieces = []
    for section in (reading or read(text)).sections:
        for statement in section.statements:
            place = section.site.template.locate(statement.span)
            pieces.append(text[place.span.start : place.span.end])
    return pieces


def kinds(text: str) -> list[Kind]:
    return [statement.kind for statement in read(text).statements]


def transactions(text: str) -> list[Transaction]:
    return [statement.transaction.kind for statement in read(text).statements]


def scoped(text: str) -> list[tuple[Transaction, str]]:
    return [
        (statement.transaction.kind, section.site.scope)
        for section in read(text).sections
        for statement in section.statements
    ]


def test_nothing_is_known_of_how_a_plain_script_runs() -> None:
    reading = read("SET a = 1;\nSELECT 2;")
    (section,) = reading.sections
    assert [statement.transaction.kind for statement in section.statements] == [Transaction.UNKNOWN] * 2
    assert {statement.transaction.block for statement in section.statements} == {None}
    assert (section.site.sink, section.site.driver) == ("script", None)
    assert reading.errors == ()
    assert reading.dialect is None


def test_a_statement_is_followed_by_those_within() -> None:
    text = "-- x\nSELECT 1;\nDO $$ BEGIN SET a = 1; END $$;\n"
    assert spelled(text) == ["SELECT 1", "DO $$ BEGIN SET a = 1; END $$", "SET a = 1"]


def test_the_user_can_say_that_a_runner_wraps_the_script() -> None:
    reading = read_script(source("SET a = 1; RESET a"), assume_in_transaction=ScriptRunner.IN_TRANSACTION)
    (context,) = {statement.transaction for statement in reading.statements}
    assert (context.kind, context.end) == (Transaction.EXPLICIT, TransactionEnd.COMMIT)
    assert context.block is not None


def test_a_script_that_opens_its_own_transaction() -> None:
    assert transactions("SET a = 1; BEGIN; SET LOCAL a = 1; COMMIT; SET b = 1") == [
        Transaction.UNKNOWN,
        Transaction.EXPLICIT,
        Transaction.EXPLICIT,
        Transaction.EXPLICIT,
        Transaction.AUTOCOMMIT,
    ]


# ---------------------------------------------------------------- migration tools


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "-- migrate:up\nSET a = 1;\n-- migrate:down\nRESET a;",
            [(Transaction.EXPLICIT, "up"), (Transaction.EXPLICIT, "down")],
        ),
        ("-- migrate:up transaction:false\nSET a = 1", [(Transaction.AUTOCOMMIT, "up")]),
        (
            "--migrate:up transaction: false\nSET a = 1;\n-- migrate:down\nb",
            [(Transaction.AUTOCOMMIT, "up"), (Transaction.EXPLICIT, "down")],
        ),
        ("-- migrate:up transaction:false\nSET a = 1; b", [(Transaction.EXPLICIT, "up"), (Transaction.EXPLICIT, "up")]),
        ("-- +goose Up\nSET a = 1;\n-- +goose Down\nb", [(Transaction.EXPLICIT, "up"), (Transaction.EXPLICIT, "down")]),
        ("-- +goose NO TRANSACTION\n-- +goose Up\nSET a = 1; b", [(Transaction.AUTOCOMMIT, "up")] * 2),
        (
            (
                "-- +goose NO TRANSACTION\n-- +goose Up\n"
                "-- +goose StatementBegin\nSET a = 1; b;\n-- +goose StatementEnd\nc;"
            ),
            [(Transaction.EXPLICIT, "up")] * 2 + [(Transaction.AUTOCOMMIT, "up")],
        ),
        (
            "-- +goose Up\n-- +goose StatementBegin\nSET a = 1;\n-- +goose StatementEnd\nc",
            [(Transaction.EXPLICIT, "up")] * 2,
        ),
        (
            "-- +migrate Up\nSET a = 1;\n-- +migrate Down\nb",
            [(Transaction.EXPLICIT, "up"), (Transaction.EXPLICIT, "down")],
        ),
        ("-- +migrate Up notransaction\nSET a = 1", [(Transaction.AUTOCOMMIT, "up")]),
        ("-- depends: 0001\n\nSET a = 1; b", [(Transaction.EXPLICIT, "")] * 2),
        ("-- depends: 0001\n-- transactional: false\nSET a = 1", [(Transaction.AUTOCOMMIT, "")]),
        ("-- transactional: true\nSET a = 1", [(Transaction.EXPLICIT, "")]),
        ("SELECT 'depends: x'", [(Transaction.UNKNOWN, "")]),
        ("z; -- x\n-- migrate:up\nSET a = 1", [(Transaction.UNKNOWN, ""), (Transaction.EXPLICIT, "up")]),
    ],
)
def test_migration_tools_say_how_a_section_is_run(text: str, expected: list[tuple[Transaction, str]]) -> None:
    assert scoped(text) == expected


def test_up_and_down_are_two_transactions() -> None:
    first, second = read("-- migrate:up\na;\n-- migrate:down\nb;").statements
    assert first.transaction.block != second.transaction.block
    assert first.transaction.end is TransactionEnd.COMMIT


def test_what_a_tool_says_outweighs_what_the_user_assumes() -> None:
    text = source("-- +migrate Up notransaction\nSET a = 1")
    (statement,) = read_script(text, assume_in_transaction=ScriptRunner.IN_TRANSACTION).statements
    assert statement.transaction.kind is Transaction.AUTOCOMMIT


@pytest.mark.parametrize(
    "text",
    [
        "-- name: first\nLISTEN a;\n\n-- name: second :one\nSET b = 1;",
        "-- name: first(a, b)\nLISTEN a;\n-- name: second\nSET b = 1;",
        "-- :name first :affected\nLISTEN a;\n-- :name second\nSET b = 1;",
        "-- first --\n-- What it does\nLISTEN a;\n-- second --\nSET b = 1;",
    ],
)
def test_named_queries_are_run_one_by_one_by_a_driver(text: str) -> None:
    assert scoped(text) == [(Transaction.UNKNOWN, "first"), (Transaction.UNKNOWN, "second")]


def test_decorated_comments_do_not_tear_a_transaction_apart() -> None:
    assert transactions("BEGIN;\n-- tables --\nSET LOCAL a = 1;\nCOMMIT;") == [Transaction.EXPLICIT] * 3


# ---------------------------------------------------------------- psql


@pytest.mark.parametrize(
    "text",
    [
        "\\c other\nSET a = 1;",
        "\\connect other\nSET a = 1;",
        "SET a = 1;\n\\i more.sql\n",
        "SET a = :'value';",
        'SET a = :"name";',
        "SET a = 1 \\g\n",
        "SELECT 1 \\gset\nSET a = 1;",
        "\\set x 'it''s\nSET a = 1;\n\\if :x\n\\endif\n",
        "COPY t FROM stdin;\n1\tit's\n\\.\nSET a = 1;",
        "--\n-- PostgreSQL database dump\n--\n\nSET a = 1;",
        "\\getenv folder FOLDER\nSELECT '{{1,2},{a,b}}'::text[];\nSET a = 1;",
        "\\pset null ''\nSELECT '{{a}}';\nSET a = 1;",
        "\\pset fieldsep `cat separator`\nSET a = 1;",
    ],
)
def test_what_only_psql_can_run_is_run_statement_by_statement(text: str) -> None:
    reading = read(text)
    sets = [statement for statement in reading.statements if statement.kind is Kind.SET]
    assert [statement.transaction.kind for statement in sets] == [Transaction.AUTOCOMMIT]
    assert reading.errors == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("SET a = :'v';", VALUE),
        ('SET a = :"v";', NAME),
        ("\\set v 1\nSET a = :v;", SQL),
        ("\\echo x\nSET a = 'b:v';", "'b:v'"),
        ("SET a = :v;", ":v"),
        ("\\echo x\nSET a = :{?v};", VALUE),
    ],
)
def test_variables_of_psql_are_holes(text: str, value: str) -> None:
    (statement,) = read(text).statements
    assert statement.facts["value"] == value


def test_casts_are_no_variables() -> None:
    reading = read("\\echo x\nSELECT 'a'::text, x[1:2]; SET a = 1;")
    assert reading.sections[0].site.template.text.count(SQL) == 0


def test_copy_data_never_reaches_the_parser() -> None:
    text = "SELECT 1;\n-- data\nCOPY public.t (a) FROM stdin WITH (FORMAT csv);\nDISCARD ALL; it's\n\\.\n\nLISTEN a;\n"
    assert spelled(text) == ["SELECT 1", "COPY public.t (a) FROM stdin WITH (FORMAT csv)", "LISTEN a"]


@pytest.mark.parametrize("lead", ["\\d+ t\n", "/* rows; of t */", "-- rows\n\n"])
@pytest.mark.parametrize("copy", ["COPY t FROM stdin;", "copy t from stdout;"])
def test_copy_data_follows_whatever_stands_before_the_command(lead: str, copy: str) -> None:
    text = f"SELECT 1;\n{lead}{copy}\nDISCARD ALL; it's\n\\.\nLISTEN a;\n"
    assert kinds(text) == [Kind.QUERY, Kind.COPY, Kind.LISTEN]


def test_psqls_own_copy_reads_its_data_from_the_script() -> None:
    assert kinds("\\copy t from stdin\nDISCARD ALL; it's\n\\.\nLISTEN a;\n") == [Kind.LISTEN]
    assert kinds("\\copy t from 'rows.csv'\nLISTEN a;\n") == [Kind.LISTEN]
    assert kinds("\\copy t to stdout\nLISTEN a;\n") == [Kind.LISTEN]


def test_arrays_of_arrays_are_no_templates() -> None:
    reading = read("SET a = '{{1,2},{3,4}}';\nSELECT '{{x,y}}';\nSELECT '{%' || b || '%d';")
    assert [each.facts.get("value") for each in reading.statements] == ["'{{1,2},{3,4}}'", None, None]
    assert SQL not in reading.sections[0].site.template.text


def test_copy_data_may_end_with_the_file() -> None:
    assert kinds("COPY t FROM stdin;\nDISCARD ALL;\n") == [Kind.COPY]
    assert kinds("COPY t FROM stdin;") == [Kind.COPY]


def test_meta_commands_that_send_end_the_statement() -> None:
    text = "SELECT 1 \\gset p_\nLISTEN a \\g out.txt\nSELECT 2 \\; SET b = 1;\n"
    assert spelled(text) == ["SELECT 1", "LISTEN a", "SELECT 2", "SET b = 1"]


# ---------------------------------------------------------------- jinja


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("create {% if temporary %}temporary{% endif %} table {{ name }} as ({{ sql }});", Kind.CREATE_TEMPORARY),
        ("create {%- if t -%} temporary {%- endif -%} table a (b int)", Kind.CREATE_TEMPORARY),
        ("{{ config(materialized='table') }}\n\ncreate temp table t as select 1", Kind.CREATE_TEMPORARY),
        ('{{ config(\n  pre_hook="it\'s }} here",\n) }}\nset a = 1', Kind.SET),
        ("{{ sql_header if sql_header is not none }}\nset a = 1", Kind.SET),
        ("{# set x = 1; ' #}\n{% macro m() %}\nset a = 1\n{% endmacro %}", Kind.SET),
        ("set search_path to {{ schema }}, public", Kind.SET),
        ("set a = '{{ var(\"it's\") }}'", Kind.SET),
        ("listen {{ prefix }}_jobs", Kind.LISTEN),
        ("{{ anything }} search_path", Kind.OTHER),
        ("select '{{1,2},{3,4}}'", Kind.QUERY),
        ("select '{{', '{%', '{#'", Kind.QUERY),
        ('{{ "unbalanced }}\nset a = 1', Kind.SET),
    ],
)
def test_jinja_is_read_for_what_it_may_become(text: str, kind: Kind) -> None:
    assert kinds(text) == [kind]


def test_places_lead_around_jinja() -> None:
    text = "{{ config(a) }}\nselect 1;\n{% if x %}\nset search_path to {{ y }};\n{% endif %}listen z"
    assert spelled(text) == ["select 1", "set search_path to {{ y }}", "listen z"]


# ---------------------------------------------------------------- what is wrong


def test_an_unterminated_quote_is_an_error_that_names_its_line_and_the_rest_is_read() -> None:
    reading = read("LISTEN a;\n\nSELECT 'x;\nLISTEN b;\n")
    assert [(error.path, error.line, error.message) for error in reading.errors] == [
        ("x.sql", 3, "unterminated quoted string")
    ]
    assert [statement.kind for statement in reading.statements] == [Kind.LISTEN, Kind.QUERY, Kind.LISTEN]


def test_errors_name_the_line_behind_jinja_too() -> None:
    (error,) = read("{% x\n\n %}\nSELECT /* y").errors
    assert (error.line, error.message) == (4, "unterminated /* comment")


def test_another_databases_script_is_left_alone() -> None:
    reading = read("CREATE TABLE `a` (b int) ENGINE=InnoDB;\nSET NAMES utf8mb4;")
    assert (reading.dialect, reading.sections) == ("mysql", ())


def test_an_empty_script_holds_nothing() -> None:
    assert read("") == ScriptReading(sections=())


@given(TEXTS)
def test_any_text_is_read_and_every_statement_stands_within_its_site(text: str) -> None:
    for section in read(text).sections:
        outer = section.site.place.span
        for statement in section.statements:
            place = section.site.template.locate(statement.span)
            assert 0 <= outer.start <= place.span.start < place.span.end <= outer.end <= len(text)


PIECES = st.sampled_from(
    [
        *(
            "SELECT 1;",
            "INSERT INTO a VALUES (1);",
            "CREATE TABLE b (c int);",
            "BEGIN;",
            "COMMIT;",
            "LISTEN d;",
            "'",
            "$$",
        ),
        *(
            "SELECT pg_advisory_lock(1);",
            "COMMIT AND CHAIN;",
            "\n-- +goose Up\n",
            "\n-- name: e\n",
            "{{ f }}",
            "\\;",
            "/*",
        ),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.sampled_from(ScriptRunner))
def test_what_a_quick_reading_leaves_out_tells_nothing(text: str, runner: ScriptRunner) -> None:
    whole = read_script(source(text), assume_in_transaction=runner)
    quick = read_script(source(text), assume_in_transaction=runner, detail=Detail.TELLING)
    telling = [each for each in whole.statements if each.kind not in STATELESS or each.calls]
    assert [each for each in quick.statements if each.kind not in STATELESS or each.calls] == telling
    assert all(each in whole.statements for each in quick.statements)
    assert quick.errors == whole.errors


@pytest.mark.parametrize(
    "unit",
    [
        "{{ ",
        "{% ' ",
        "{{ x }}\n",
        "{# ",
        "\\g\n",
        ":'v' ",
        "copy t from stdin;\n",
        "COPY t FROM stdin;\n\\.\n",
        "-- name: a\n",
        "-- +goose Up\n",
    ],
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("text", "unclosed"),
    [
        ("select {{ ref('a') }};\nselect {{ ref('b' ;\nSET a.b TO 1;\n", "{{"),
        ("select {{ ref('a') }};\n{% if b \nSET a.b TO 1;\n", "{%"),
        ("select {{ ref('a') }};\n{# SET a.b TO 1;\n", "{#"),
        ("select {{ ref('a') }};\n{# {{ #} SET a.b TO '{% }}';\n", "{%"),
        ("select {{ ref('a') }}, '{{1,2},{3,4}}';\n{% if b %}SET a.b TO 1;{% endif %}\n", ""),
        ("SELECT '{{1,2'; SET a.b TO 1;\n", ""),
    ],
)
def test_text_behind_what_a_template_leaves_open_is_unresolved(text: str, unclosed: str) -> None:
    script = source(text)
    found = read_script(script).unresolved
    assert [text[each.place.span.start : each.place.span.end] for each in found] == [unclosed] * bool(unclosed)
    assert all(f"`{unclosed}`" in each.reason for each in found)
