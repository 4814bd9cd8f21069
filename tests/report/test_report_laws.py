from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from tests.report.report_samples import CONTEXT, EMPTY, FULL
from tests.report.report_strategies import contexts, reports
from txsafe.errors import ConfigError
from txsafe.report import FORMATS, RenderContext, render

if TYPE_CHECKING:
    from txsafe.model import Report

COLOR = re.compile("\x1b\\[[0-9;]+m")
COMMAND = re.compile(r"::(error|warning|notice) file=[^:,]*(,[a-zA-Z]+=[^:,]*)*::")
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@settings(max_examples=60, deadline=None)
@given(report=reports, context=contexts)
def test_any_report_renders_in_any_format(report: Report, context: RenderContext) -> None:
    texts = {name: render(name, report, context) for name in FORMATS}
    for name, text in texts.items():
        plain = COLOR.sub("", text) if name == "text" and context.color else text
        assert not FORBIDDEN.search(plain), f"{name}: a control character from outside"
        assert text.endswith("\n") or not text
    check_json(texts["json"], texts["sarif"], texts["gitlab"])
    assert len(ET.fromstring(texts["junit"]).findall("testsuite/testcase")) == len(report.files)
    assert all(COMMAND.match(line) for line in texts["github"].splitlines())


def check_json(*texts: str) -> None:
    for text in texts:
        assert text.isascii()
        json.dumps(json.loads(text), ensure_ascii=False).encode()  # fails on lone surrogates
    names = [issue["fingerprint"] for issue in json.loads(texts[-1]) if issue["check_name"] != "not-analysed"]
    assert len(names) == len(set(names)), "GitLab merges equal fingerprints"


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_report_gives_the_same_bytes(name: str) -> None:
    assert render(name, FULL, CONTEXT) == render(name, FULL, CONTEXT)


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_of_no_files_renders(name: str) -> None:
    assert isinstance(render(name, EMPTY, RenderContext()), str)


def test_an_unknown_format_is_a_users_error_with_a_hint() -> None:
    with pytest.raises(ConfigError, match="unknown format 'sarf'; did you mean 'sarif'"):
        render("sarf", EMPTY, RenderContext())
