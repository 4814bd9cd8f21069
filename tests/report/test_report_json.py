from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from tests.report.report_samples import BASELINED, CONTEXT, FULL, HOSTILE_PATH, PROFILE, SET, SUPPRESSED
from tests.report.report_strategies import contexts, reports
from txsafe.model import FileReport, Report
from txsafe.report import RenderContext, render

SCHEMA = json.loads(resources.files("txsafe.report").joinpath("json_schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def load(report: Report, context: RenderContext = CONTEXT) -> Any:
    return json.loads(render("json", report, context))


def find(loaded: Any, rule: str) -> Any:
    return next(diagnostic for diagnostic in loaded["diagnostics"] if diagnostic["rule"] == rule)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@settings(max_examples=40, deadline=None)
@given(report=reports, context=contexts)
def test_any_report_follows_the_shipped_schema(report: Report, context: RenderContext) -> None:
    VALIDATOR.validate(load(report, context))


def test_the_profile_and_the_summary_come_with_every_report() -> None:
    loaded = load(FULL)
    assert loaded["schema"] == 1
    assert loaded["profile"] == {
        "name": "pgbouncer-1.26/transaction",
        "pooler": "pgbouncer",
        "version": "1.26",
        "mode": "transaction",
        "settings": {"max_prepared_statements": "200"},
    }
    assert loaded["summary"] == {
        "files": 5,
        "files_parsed": 2,
        "sinks": 1501,
        "sinks_resolved": 1500,
        "diagnostics": 5,
        "by_rule": {"listen": 1, "session-set": 2, "syntax-error": 1, "temp-table": 1},
        "by_severity": {"error": 3, "warning": 2, "note": 0},
    }


def test_suppressed_and_baselined_diagnostics_are_listed_and_marked_but_not_counted() -> None:
    report = Report(profile=PROFILE, files=(FileReport(path="a.py", diagnostics=(SUPPRESSED, BASELINED)),))
    loaded = load(report)
    assert [(found["suppressed"], found["baselined"]) for found in loaded["diagnostics"]] == [
        (True, False),
        (False, True),
    ]
    assert loaded["summary"]["diagnostics"] == 0
    assert loaded["summary"]["by_rule"] == {}


def test_diagnostics_stand_in_the_order_of_path_line_column_and_rule() -> None:
    places = [(found["path"], found["line"], found["column"], found["rule"]) for found in load(FULL)["diagnostics"]]
    assert places == sorted(places)


def test_a_fix_has_lines_and_columns_with_an_exclusive_end() -> None:
    fix = next(found["fix"] for found in load(FULL)["diagnostics"] if found["fix"])
    assert fix == {
        "title": "Write SET LOCAL",
        "applicability": "unsafe",
        "edits": [
            {
                "path": "shop/tenant.py",
                "start": {"line": 3, "column": 11},
                "end": {"line": 3, "column": 14},
                "replacement": "SET LOCAL",
            }
        ],
    }


def test_a_fix_whose_text_is_gone_is_left_out_rather_than_placed_wrongly() -> None:
    loaded = load(FULL, replace(CONTEXT, sources=lambda _path: None))
    assert all(found["fix"] is None for found in loaded["diagnostics"])


def test_undecodable_bytes_of_a_path_are_visible() -> None:
    path = next(found["path"] for found in load(FULL)["diagnostics"] if "ü" in found["path"])
    assert path == HOSTILE_PATH.replace("\udcff", "\\xff")


@pytest.mark.parametrize("text", ["plain", "🙂 日本 ü", "\x1b[31m", "C:\\user\\udir", "tab\tline\n"])
def test_texts_without_lone_surrogates_survive_unchanged(text: str) -> None:
    report = Report(profile=PROFILE, files=(FileReport(path="a", diagnostics=(replace(SET, sql=text),)),))
    assert find(load(report), "session-set")["sql"] == text


def test_related_places_and_unresolved_calls_and_errors_are_listed() -> None:
    loaded = load(FULL)
    related = [place for found in loaded["diagnostics"] for place in found["related"]]
    assert {"path": "shop/tenant.py", "line": 7, "column": 5, "message": "executed here"} in related
    assert loaded["unresolved"] == [
        {
            "path": "shop/tenant.py",
            "line": 20,
            "column": 5,
            "sink": "psycopg.Cursor.execute",
            "reason": "its SQL is a parameter",
        }
    ]
    assert loaded["errors"] == [
        {"path": "broken.py", "line": 2, "message": "invalid syntax"},
        {"path": "notes.txt", "line": 0, "message": "cannot be read"},
    ]
