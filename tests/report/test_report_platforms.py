"""GitHub annotations, GitLab code quality, JUnit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.report.report_samples import BASELINED, CLEAN, CONTEXT, EVIL, FULL, LISTEN, PROFILE, SET, SUPPRESSED, TEMP
from txsafe.model import Confidence, Diagnostic, Effect, FileReport, Position, Report, Severity
from txsafe.report import render

EVERYTHING = replace(CONTEXT, show_suppressed=True)


def report_of(*diagnostics: Diagnostic) -> Report:
    return Report(profile=PROFILE, files=(FileReport(path="a.py", diagnostics=diagnostics),))


def rate(diagnostic: Diagnostic) -> str:
    (issue,) = json.loads(render("gitlab", report_of(diagnostic), CONTEXT))
    return str(issue["severity"])


def test_github_gets_a_command_with_an_inclusive_last_column() -> None:
    assert render("github", report_of(replace(SET, suggestion="", effects=())), CONTEXT) == (
        "::error file=shop/tenant.py,line=3,endLine=3,col=11,endColumn=37,title=txsafe session-set::"
        "`SET search_path` outlives the transaction: PgBouncer does not track search_path\n"
    )


def test_github_gets_no_columns_for_several_lines() -> None:
    line = render("github", report_of(TEMP), CONTEXT)
    assert line.startswith("::warning file=shop/tenant.py,line=10,endLine=14,title=txsafe temp-table::")


def test_github_notes_are_notices() -> None:
    assert render("github", report_of(replace(SET, severity=Severity.NOTE)), CONTEXT).startswith("::notice ")


def test_github_properties_and_messages_cannot_forge_a_command() -> None:
    (line,) = render("github", report_of(EVIL), CONTEXT).splitlines()
    assert line.startswith("::error file=a%3Ab\\n%3A%3Aerror%3A%3A%2Cc/\\xff ü%2520]]>\\x1b[31m.py,line=1,")
    assert "\\n::error::forged\\u2028%250A%0A" in line


def test_github_messages_carry_effects_and_the_remedy_in_lines() -> None:
    line = render("github", report_of(SET), CONTEXT)
    assert "%0Alost for this client · leaked to other clients%0AInstead:%0A  SELECT set_config(" in line


def test_github_gets_nothing_where_nothing_is_found() -> None:
    assert render("github", CLEAN, CONTEXT) == ""


def test_github_gets_errors_of_files_once() -> None:
    lines = render("github", FULL, CONTEXT).splitlines()
    assert lines[-1] == "::error file=notes.txt,title=txsafe could not analyse this file::cannot be read"
    assert sum("invalid syntax" in line for line in lines) == 1


def test_github_shows_suppressed_ones_only_when_asked_for() -> None:
    assert render("github", report_of(SUPPRESSED, BASELINED), CONTEXT) == ""
    first, second = render("github", report_of(SUPPRESSED, BASELINED), EVERYTHING).splitlines()
    assert first.endswith("%0A(suppressed)")
    assert second.endswith("%0A(in the baseline)")


def test_gitlab_entries_have_what_gitlab_demands() -> None:
    issues = json.loads(render("gitlab", FULL, EVERYTHING))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 8
    for issue in issues:
        assert issue["description"]
        assert issue["check_name"]
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1


def test_gitlab_fingerprints_do_not_depend_on_lines() -> None:
    moved = replace(SET, start=Position(80, 1), end=Position(80, 2))
    before, after = (json.loads(render("gitlab", report_of(found), CONTEXT)) for found in (SET, moved))
    assert before[0]["fingerprint"] == after[0]["fingerprint"]


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({}, "blocker"),
        ({"effects": (Effect.LOST,)}, "critical"),
        ({"confidence": Confidence.MEDIUM}, "critical"),
        ({"confidence": Confidence.LOW}, "major"),
        ({"severity": Severity.WARNING}, "major"),
        ({"severity": Severity.WARNING, "confidence": Confidence.LOW}, "minor"),
        ({"severity": Severity.NOTE}, "info"),
        ({"severity": Severity.NOTE, "confidence": Confidence.LOW}, "info"),
    ],
)
def test_gitlab_severities_spread_over_five(change: dict[str, Any], severity: str) -> None:
    assert rate(replace(SET, **change)) == severity


def test_junit_has_a_case_per_file_and_counts_them() -> None:
    root = ET.fromstring(render("junit", FULL, CONTEXT))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "2", "2")
    cases = {case.get("name"): [child.tag for child in case] for case in root.findall("testsuite/testcase")}
    assert cases["quiet.py"] == []
    assert cases["broken.py"] == ["error"]
    assert cases["shop/tenant.py"] == ["failure"]


def test_junit_lists_all_diagnostics_of_a_file_in_one_failure() -> None:
    (failure,) = ET.fromstring(render("junit", report_of(SET, LISTEN, TEMP), CONTEXT)).iter("failure")
    assert failure.get("type") == "session-set"
    assert str(failure.get("message")).endswith("(and 2 more)")
    assert str(failure.text).count("\nshop/tenant.py:") == 2


def test_junit_survives_what_xml_forbids() -> None:
    (failure,) = ET.fromstring(render("junit", report_of(EVIL), CONTEXT)).iter("failure")
    assert "]]> <b> \\ud800\\n::error::forged" in str(failure.text)
    assert "    one\\x1b[31m\n        two ]]>" in str(failure.text)


def test_junit_passes_files_with_suppressed_diagnostics_only() -> None:
    assert "<failure" not in render("junit", report_of(SUPPRESSED), CONTEXT)
    assert "<failure" in render("junit", report_of(SUPPRESSED), EVERYTHING)
