"""The audit in a real browser: it loads nothing, complains of nothing, filters, fits, and can be read by everybody."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PROJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.browser.chromium import Browser, Page

    Report = Callable[[Path], str]

NAMES = sorted(each.name for each in PROJECTS.iterdir())
WIDTHS = (400, 1600)
SHOWN = "[...document.querySelectorAll('article.finding')].filter((each) => each.offsetParent !== null)"
FILTERS = "[...document.querySelectorAll('[data-filter]')].map((each) => each.dataset.filter)"
CHOOSE = """(() => {{
  const select = document.querySelector('[data-filter="{name}"]');
  select.value = select.options[1].value;
  select.dispatchEvent(new Event('input', {{bubbles: true}}));
  return select.value;
}})()"""
SELECT = """(() => {{
  const select = document.querySelector('[data-filter="{name}"]');
  select.value = {value};
  select.dispatchEvent(new Event('input', {{bubbles: true}}));
}})()"""
WIDER = """[...document.querySelectorAll('main > section > *, article.finding > *')]
  .filter((each) => each.getBoundingClientRect().right > {width})
  .map((each) => each.outerHTML.slice(0, 100))"""
SEARCH = """(() => {{
  const search = document.getElementById('search');
  search.value = {text};
  search.dispatchEvent(new Event('input', {{bubbles: true}}));
}})()"""


@cache
def axe() -> str:
    """Return axe-core, which is under the MPL and so never part of what is shipped."""
    return resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@contextmanager
def opened(browser: Browser, url: str, *, width: int = 1200, dark: bool = False) -> Iterator[Page]:
    page = browser.open(url, width=width, dark=dark)
    try:
        yield page
    finally:
        page.close()


def filters(page: Page) -> tuple[str, ...]:
    """Name the filters of a page; one that would have a single value is not shown."""
    names = page.evaluate(FILTERS)
    assert isinstance(names, list)
    assert names
    return tuple(map(str, names))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_and_nothing_complained_of(browser: Browser, report: Report, name: str) -> None:
    url = report(PROJECTS / name)
    with opened(browser, url) as page:
        for each in filters(page):
            page.evaluate(CHOOSE.format(name=each))
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert page.faults() == []
        assert page.requests() == [url]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_never_scrolls_sideways(browser: Browser, report: Report, name: str, width: int) -> None:
    with opened(browser, report(PROJECTS / name), width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(WIDER.format(width=width)) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)], ids=["400-dark", "1600-light"])
def test_axe_finds_no_fault(browser: Browser, report: Report, name: str, dark: bool, width: int) -> None:
    with opened(browser, report(PROJECTS / name), width=width, dark=dark) as page:
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        page.evaluate(f"{axe()}; undefined")
        found = page.evaluate("axe.run().then((found) => JSON.stringify([found.violations, found.passes.length]))")
        violations, passes = json.loads(str(found))
        shown = [
            (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in violations
        ]
        assert shown == []
        assert passes > 20


def test_axe_would_find_a_fault(browser: Browser, report: Report) -> None:
    with opened(browser, report(PROJECTS / NAMES[0])) as page:
        page.evaluate(f"{axe()}; document.querySelector('h1').style.color = '#ddd'; undefined")
        found = page.evaluate(
            "axe.run('header').then((found) => JSON.stringify(found.violations.map((each) => each.id)))"
        )
        assert "color-contrast" in str(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_shows_what_fits_and_nothing_else(browser: Browser, report: Report, name: str) -> None:
    with opened(browser, report(PROJECTS / name)) as page:
        every = page.evaluate(f"{SHOWN}.length")
        for each in filters(page):
            value = page.evaluate(CHOOSE.format(name=each))
            shown = page.evaluate(f"{SHOWN}.map((each) => each.dataset.{each})")
            assert isinstance(shown, list)
            assert shown
            assert all(value in (str(one).split() if each == "owner" else [one]) for one in shown)
            status = page.evaluate("document.getElementById('shown').textContent")
            assert status == f"{len(shown)} of {every} findings shown"
            page.evaluate("document.querySelector('#filters button').click()")
            page.wait_until(f"{SHOWN}.length === {every}")


def test_findings_of_several_owners_are_shown_for_each(browser: Browser, report: Report, tmp_path: Path) -> None:
    (tmp_path / "shared folder").mkdir()
    (tmp_path / "shared folder" / "both.sql").write_text("LISTEN jobs;\n")
    (tmp_path / "own.sql").write_text("LISTEN jobs;\n")
    (tmp_path / "CODEOWNERS").write_text("* @one\n/shared* @one @two\n")
    with opened(browser, report(tmp_path)) as page:
        for name, value, count in [("owner", "@one", 2), ("owner", "@two", 1), ("directory", "shared folder", 1)]:
            page.evaluate(SELECT.format(name=name, value=json.dumps(value)))
            assert page.evaluate(f"{SHOWN}.length") == count
            page.evaluate("document.querySelector('#filters button').click()")
            page.wait_until(f"{SHOWN}.length === 2")


def test_a_search_shows_what_has_all_words(browser: Browser, report: Report) -> None:
    with opened(browser, report(PROJECTS / "sqlalchemy_worker")) as page:
        page.evaluate(SEARCH.format(text=json.dumps("LISTEN  events.py")))
        assert page.evaluate(f"{SHOWN}.length") == 2
        assert page.evaluate("[...document.querySelectorAll('.group')].filter((each) => !each.hidden).length") == 1
        page.evaluate(SEARCH.format(text=json.dumps("no such word")))
        assert page.evaluate("document.getElementById('shown').textContent") == "0 of 23 findings shown"


def test_a_link_shows_a_finding_that_a_filter_hides(browser: Browser, report: Report) -> None:
    with opened(browser, report(PROJECTS / "sqlalchemy_worker")) as page:
        target = page.evaluate("document.querySelector('article.finding').id")
        page.evaluate(SEARCH.format(text=json.dumps("no such word")))
        page.evaluate(f"location.hash = '#{target}'")
        page.wait_until(f"document.getElementById('{target}').offsetParent !== null")


def test_the_keyboard_meets_the_skip_link_first(browser: Browser, report: Report) -> None:
    with opened(browser, report(PROJECTS / NAMES[0])) as page:
        page.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0") is True
        page.press("Enter")
        page.wait_until("document.activeElement.id === 'main'")


def test_without_script_all_is_there_to_read(browser: Browser, report: Report) -> None:
    url = report(PROJECTS / NAMES[0])
    with opened(browser, url) as page:
        every = page.evaluate(f"{SHOWN}.length")
        page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.call("Page.reload")
        page.wait_until("document.readyState === 'complete' && document.getElementById('filters').hidden")
        assert page.evaluate(f"{SHOWN}.length") == every


def test_on_paper_everything_is_open_and_no_control_is_left(browser: Browser, report: Report) -> None:
    with opened(browser, report(PROJECTS / NAMES[0])) as page:
        page.call("Emulation.setEmulatedMedia", media="print")
        assert page.evaluate("getComputedStyle(document.getElementById('filters')).display") == "none"
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0


MARKUP = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"


def test_hostile_names_and_sql_run_nothing(browser: Browser, report: Report, tmp_path: Path) -> None:
    (tmp_path / "<img src=x onerror=window.broken=1>.sql").write_text(f'LISTEN "{MARKUP}";\nSET a.b = $${MARKUP}$$;\n')
    (tmp_path / "CODEOWNERS").write_text("* @<img/src=x/onerror=window.broken=1>\n")
    url = report(tmp_path)
    with opened(browser, url) as page:
        assert page.evaluate("document.body.textContent.includes('window.broken')") is True
        assert page.evaluate("typeof window.broken") == "undefined"
        assert page.evaluate("document.querySelectorAll('img, script').length") == 1
        assert page.faults() == []
        assert page.requests() == [url]
