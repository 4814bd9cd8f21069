"""The schema in `data/` is Microsoft's copy (MIT, as distributed with sarif-om) of SARIF 2.1.0's JSON schema."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import jsonschema
import pytest
from hypothesis import given, settings

from tests.report.report_samples import BASELINED, CLEAN, CONTEXT, FULL, PROFILE, RULES, SET, SUPPRESSED, diagnose
from tests.report.report_strategies import contexts, reports
from txsafe.model import Confidence, FileReport, Fix, Position, Report, Severity
from txsafe.report import Baselined, RenderContext, render
from txsafe.report.sarif import MOST_RESULTS

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0-rtm.4.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
URI = re.compile(r"(?:[A-Za-z0-9\-._~/!$&'()*+,;=@:]|%[0-9A-F]{2})*")


def load(report: Report, context: RenderContext = CONTEXT) -> Any:
    return json.loads(render("sarif", report, context))["runs"][0]


def report_of(*diagnostics: object) -> Report:
    return Report(profile=PROFILE, files=(FileReport(path="a.py", diagnostics=diagnostics),))  # type: ignore[arg-type]


def result_of(diagnostic: object, context: RenderContext = CONTEXT) -> Any:
    (result,) = load(report_of(diagnostic), context)["results"]
    return result


@settings(max_examples=30, deadline=None)
@given(report=reports, context=contexts)
def test_any_report_validates_against_the_schema_of_sarif(report: Report, context: RenderContext) -> None:
    VALIDATOR.validate(json.loads(render("sarif", report, context)))


@pytest.mark.parametrize("report", [FULL, CLEAN, Report(profile=PROFILE)], ids=["full", "clean", "empty"])
def test_the_samples_validate_against_the_schema_of_sarif(report: Report) -> None:
    VALIDATOR.validate(json.loads(render("sarif", report, CONTEXT)))


def test_all_rules_are_declared_where_nothing_is_found_so_that_alerts_close() -> None:
    rules = load(CLEAN)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(RULES)


def test_a_rule_says_its_level_and_its_help() -> None:
    rule = next(rule for rule in load(CLEAN)["tool"]["driver"]["rules"] if rule["id"] == "session-set")
    assert rule["name"] == "SessionSet"
    assert rule["shortDescription"] == {"text": "Session-level SET"}
    assert rule["fullDescription"] == {"text": "`SET` belongs to the session."}
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["helpUri"] == "https://www.postgresql.org/docs/current/sql-set.html"
    assert rule["help"]["text"] == "`SET` belongs to the session.\n\nWrite `SET LOCAL`."
    assert rule["help"]["markdown"].endswith("- <https://www.pgbouncer.org/features.html>")


def test_every_result_points_to_its_rule() -> None:
    run = load(FULL)
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert "syntax-error" in {rule["id"] for rule in rules}


def test_suppressed_and_baselined_results_are_left_out() -> None:
    assert load(report_of(SUPPRESSED, BASELINED))["results"] == []


def test_suppressed_results_are_marked_when_asked_for() -> None:
    result = result_of(SUPPRESSED, replace(CONTEXT, show_suppressed=True))
    assert result["suppressions"] == [{"kind": "inSource"}]


def test_every_result_has_a_baseline_state_when_one_has() -> None:
    run = load(report_of(SET, BASELINED), replace(CONTEXT, baselined=Baselined.MARKED))
    assert [result["baselineState"] for result in run["results"]] == ["new", "unchanged"]
    assert "baselineState" not in result_of(SET)


def test_a_fingerprint_survives_moved_lines() -> None:
    moved = replace(SET, start=Position(90, 1), end=Position(90, 9))
    assert result_of(SET)["partialFingerprints"] == result_of(moved)["partialFingerprints"]
    computed = replace(SET, fingerprint="")
    moved = replace(moved, fingerprint="")
    assert result_of(computed)["partialFingerprints"] == result_of(moved)["partialFingerprints"]


def test_equal_statements_have_different_fingerprints() -> None:
    again = replace(SET, start=Position(90, 1), end=Position(90, 9))
    prints = [result["partialFingerprints"]["txsafe/v1"] for result in load(report_of(SET, again))["results"]]
    assert prints == ["5e7", "5e7:2"]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("shop/tenant.py", {"uri": "shop/tenant.py", "uriBaseId": "%SRCROOT%"}),
        ("a b/ü#?%.py", {"uri": "a%20b/%C3%BC%23%3F%25.py", "uriBaseId": "%SRCROOT%"}),
        ("c:d.py", {"uri": "c%3Ad.py", "uriBaseId": "%SRCROOT%"}),
        ("\udcff.py", {"uri": "%FF.py", "uriBaseId": "%SRCROOT%"}),
        ("\ud800.py", {"uri": "%ED%A0%80.py", "uriBaseId": "%SRCROOT%"}),
        ("../up.py", {"uri": "../up.py", "uriBaseId": "%SRCROOT%"}),
        ("/tmp/x y.py", {"uri": "file:///tmp/x%20y.py"}),
        ("C:/x.py", {"uri": "file:///C:/x.py"}),
    ],
)
def test_paths_become_uris(path: str, location: object) -> None:
    result = result_of(diagnose(path=path))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == location


@settings(max_examples=30, deadline=None)
@given(report=reports, context=contexts)
def test_uris_are_uris_and_relative_ones_have_no_scheme(report: Report, context: RenderContext) -> None:
    for result in load(report, context)["results"]:
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert URI.fullmatch(location["uri"])
        assert ("uriBaseId" in location) == (urlsplit(location["uri"]).scheme == "")
        assert unquote_to_bytes(location["uri"]) is not None


def test_a_region_is_in_code_points_with_an_exclusive_end() -> None:
    assert load(CLEAN)["columnKind"] == "unicodeCodePoints"
    region = result_of(SET)["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 38}


def test_a_region_never_ends_before_it_starts() -> None:
    region = result_of(replace(SET, end=Position(1, 1)))["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 11}


def test_a_fix_becomes_an_artifact_change() -> None:
    (fix,) = result_of(SET)["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "shop/tenant.py"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 14},
            "insertedContent": {"text": "SET LOCAL"},
        }
    ]


def test_a_fix_that_cannot_be_placed_is_left_out() -> None:
    assert "fixes" not in result_of(SET, replace(CONTEXT, sources=lambda _path: None))
    assert SET.fix is not None
    empty = Fix(title="nothing", edits=(), applicability=SET.fix.applicability)
    assert "fixes" not in result_of(replace(SET, fix=empty))


def test_a_message_holds_effects_and_suggestion_but_no_link_from_outside() -> None:
    text = result_of(replace(SET, message="[click](http://evil)"))["message"]["text"]
    assert "](" not in text
    assert "Effect: lost for this client · leaked to other clients." in text
    assert text.endswith("Instead:\nSELECT set_config('search_path', 'tenant_1', true)")


def test_properties_say_how_sure_it_is() -> None:
    properties = result_of(replace(SET, confidence=Confidence.LOW))["properties"]
    assert properties["confidence"] == properties["precision"] == "low"
    assert properties["outcome"] == "unsafe"
    assert properties["effects"] == ["lost", "leaked"]


def test_what_could_not_be_seen_is_a_notification() -> None:
    (invocation,) = load(FULL)["invocations"]
    notes = [(note["level"], note["message"]["text"]) for note in invocation["toolExecutionNotifications"]]
    assert notes == [
        ("error", "invalid syntax"),
        ("error", "cannot be read"),
        ("note", "1 SQL call of 1,501 could not be seen; `--format json` lists them."),
    ]


def test_above_githubs_limit_the_mildest_results_are_left_out_and_that_is_said() -> None:
    notes = [diagnose(severity=Severity.NOTE, span=(Position(n, 1), Position(n, 2))) for n in range(1, 4)]
    errors = [diagnose(span=(Position(n, 1), Position(n, 2))) for n in range(2, MOST_RESULTS + 1)]
    run = load(report_of(*notes, *errors))
    assert len(run["results"]) == MOST_RESULTS
    assert [result["level"] for result in run["results"]].count("error") == MOST_RESULTS - 1
    assert run["results"][0]["level"] == "note"
    (said,) = run["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"].startswith("2 results left out, the mildest")
