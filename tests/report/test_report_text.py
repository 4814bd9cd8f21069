from __future__ import annotations

from dataclasses import replace

import pytest

from tests.report.report_samples import (
    BASELINED,
    CLEAN,
    CONTEXT,
    EMPTY,
    EVIL,
    FULL,
    HALF_SEEN,
    LISTEN,
    PROFILE,
    SET,
    SUPPRESSED,
    SYNTAX,
    TEMP,
)
from txsafe.model import Diagnostic, FileError, FileReport, Outcome, Position, Report
from txsafe.report import RenderContext, Verbosity, render


def show(*diagnostics: Diagnostic, context: RenderContext = CONTEXT) -> str:
    return render("text", Report(profile=PROFILE, files=(FileReport(path="a.py", diagnostics=diagnostics),)), context)


def test_a_diagnostic_shows_its_frame_effect_remedy_and_related_places() -> None:
    assert show(SET).split("\n\n")[0] == (
        "shop/tenant.py:3:11: error[session-set] `SET search_path` outlives the transaction:"
        " PgBouncer does not track search_path\n"
        "   |\n"
        ' 3 | SEARCH = "SET search_path TO tenant_1"\n'
        "   |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "   = effect: lost for this client · leaked to other clients\n"
        "   = instead:\n"
        "       SELECT set_config('search_path', 'tenant_1', true)\n"
        "   = shop/tenant.py:7: note: executed here\n"
        "       7 | connection.execute(SEARCH)\n"
        "   = see https://www.pgbouncer.org/features.html"
    )


def test_a_diagnostic_of_another_profile_says_so() -> None:
    assert "= judged for: rds-proxy" in show(LISTEN)
    assert "judged for:" not in show(SET)


def test_doubt_is_said_and_certainty_is_not() -> None:
    assert "= confidence: medium" in show(TEMP)
    assert "confidence" not in show(SET)


def test_costly_and_unknown_outcomes_are_explained() -> None:
    assert "= effect: works, but pins the server connection" in show(LISTEN)
    assert "= effect: nobody could confirm" in show(replace(SET, outcome=Outcome.UNKNOWN, effects=()))


def test_the_tools_own_diagnostics_have_no_effect_on_a_pooler() -> None:
    assert "effect" not in show(SYNTAX)


def test_hostile_text_is_shown_as_escapes() -> None:
    text = show(EVIL)
    assert "\x1b" not in text
    assert "a:b\\n::error::,c/\\xff ü%20]]>\\x1b[31m.py:1:15:" in text
    assert "\\x1b]8;;http://x\\x07[click](http://x)" in text


def test_colours_come_only_when_asked_for() -> None:
    assert "\x1b" not in show(SET)
    assert show(SET, context=replace(CONTEXT, color=True)).startswith("\x1b[1mshop/tenant.py:3:11:\x1b[0m \x1b[1;31m")


def test_the_summary_counts_what_was_found_seen_and_hidden() -> None:
    lines = render("text", FULL, CONTEXT).splitlines()
    assert lines[-4:] == [
        "Found 5 problems (3 errors, 2 warnings) in 3 of 5 files, judged for PgBouncer 1.26, transaction mode.",
        (
            "1,500 of 1,501 SQL calls resolved; 1 could not be seen"
            " (list them with -v, fail on them with --require-full-coverage)."
        ),
        "2 files could not be analysed, in whole or in part.",
        "1 in the baseline and 1 suppressed, not shown.",
    ]


def test_a_clean_report_is_one_line_that_also_says_what_was_seen() -> None:
    assert render("text", CLEAN, CONTEXT) == (
        "All clear: nothing in 2 files depends on a session that PgBouncer 1.26, transaction mode would not keep."
        " 12 of 12 SQL calls resolved.\n"
    )


def test_a_clean_report_does_not_claim_what_it_did_not_see() -> None:
    assert render("text", HALF_SEEN, CONTEXT) == (
        "Nothing found for PgBouncer 1.26, transaction mode in what could be read of 1 file."
        " 1 of 2 SQL calls resolved; 1 could not be seen"
        " (list them with -v, fail on them with --require-full-coverage).\n"
    )


def test_no_files_are_not_a_success() -> None:
    assert render("text", EMPTY, CONTEXT) == "No files to look at. No SQL calls seen.\n"


def test_verbose_lists_the_calls_that_could_not_be_seen() -> None:
    text = render("text", HALF_SEEN, replace(CONTEXT, verbosity=Verbosity.VERBOSE))
    assert text.startswith("a.py:1:1: not seen: execute: a parameter\n\n")
    assert "1 could not be seen (listed above)." in text


def test_verbose_with_everything_seen_lists_nothing() -> None:
    assert render("text", CLEAN, replace(CONTEXT, verbosity=Verbosity.VERBOSE)).startswith("All clear")


def test_quiet_is_one_line_each_and_nothing_where_nothing_is_found() -> None:
    quiet = replace(CONTEXT, verbosity=Verbosity.QUIET)
    assert render("text", CLEAN, quiet) == ""
    assert len(render("text", FULL, quiet).splitlines()) == 6


def test_an_error_that_is_a_diagnostic_is_said_once() -> None:
    text = render("text", FULL, CONTEXT)
    assert text.count("invalid syntax") == 1
    assert "notes.txt: not analysed: cannot be read\n" in text


def test_an_error_names_its_line_where_it_has_one() -> None:
    error = FileError(path="x.sql", line=7, message="odd")
    report = Report(profile=PROFILE, files=(FileReport(path="x.sql", errors=(error,)),))
    assert "x.sql:7: not analysed: odd\n" in render("text", report, CONTEXT)


def test_suppressed_and_baselined_diagnostics_are_marked_when_asked_for() -> None:
    assert "session-set" not in show(SUPPRESSED, BASELINED)
    text = show(SUPPRESSED, BASELINED, context=replace(CONTEXT, show_suppressed=True))
    assert "error[session-set] (suppressed) `SET" in text
    assert "error[session-set] (baseline) `SET" in text
    assert text.endswith("1 in the baseline and 1 suppressed.\n")


def test_statistics_are_a_table_by_rule() -> None:
    text = show(TEMP, SET, SYNTAX, SET, context=replace(CONTEXT, statistics=True))
    table = text[text.index("count") : text.index("\n\nFound")]
    assert table == (
        "count  errors  warnings  notes  rule\n"
        "    2       2         0      0  session-set   Session-level SET\n"
        "    1       1         0      0  syntax-error\n"
        "    1       0         1      0  temp-table    Temporary table"
    )


def test_statistics_of_nothing_are_no_table() -> None:
    assert render("text", CLEAN, replace(CONTEXT, statistics=True)).startswith("All clear")


@pytest.mark.parametrize("gone", [True, False])
def test_a_frame_needs_the_text_that_was_analysed(gone: bool) -> None:
    context = replace(CONTEXT, sources=lambda _path: None) if gone else CONTEXT
    assert ("SEARCH =" in show(SET, context=context)) is not gone


def test_what_is_about_a_whole_file_shows_no_line_of_it() -> None:
    whole = replace(SYNTAX, path="shop/tenant.py", start=Position(1, 1), end=Position(1, 1))
    assert "import psycopg" not in show(whole)
    assert "import psycopg" in show(replace(whole, end=Position(1, 3)))


@pytest.mark.parametrize(
    ("suggestion", "shown"),
    [
        ("::error file=x::forged", "\\x3a:error file=x::forged"),
        ("SELECT 1 ##[error]forged", "SELECT 1 \\x23#[error]forged"),
        ("::jsonb", "::jsonb"),
        ("a::text, b::text", "a::text, b::text"),
    ],
)
def test_a_log_of_github_actions_sees_no_command_in_analysed_text(suggestion: str, shown: str) -> None:
    assert f"       {shown}\n" in show(replace(SET, suggestion=suggestion))


def test_what_was_observed_is_said_as_it_is() -> None:
    assert "   = observed on PgBouncer 1.25\n" in show(replace(SET, reference="observed on PgBouncer 1.25"))
