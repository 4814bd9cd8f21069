"""No text can become markup, whatever it holds."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from txsafe.audit.elements import Verbatim, element, preformatted, render_nodes, text_with_code
from txsafe.audit.prose import link, list_references, read_prose

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\x00\u202e`</code>`"


class Reader(HTMLParser):
    """What a browser would make of markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


def test_a_hostile_text_stays_text() -> None:
    found = read(render_nodes([element("p", HOSTILE, title=HOSTILE)]))
    assert found.tags == ["p"]
    assert found.text == HOSTILE.replace("\x00", "\\x00").replace("\u202e", "\\u202e")
    assert found.attributes == [("title", found.text)]


@given(st.text())
def test_any_text_stays_text(text: str) -> None:
    found = read(render_nodes([element("p", text), preformatted(text), element("a", *text_with_code(text), href=text)]))
    assert set(found.tags) <= {"p", "pre", "code", "a"}
    assert found.tags[:3] == ["p", "pre", "code"]


def test_what_stands_between_backticks_is_code() -> None:
    assert render_nodes(text_with_code("set `a < b` now")) == "set <code>a &lt; b</code> now"


def test_attributes_that_are_off_are_left_out() -> None:
    markup = render_nodes([element("input", hidden=True, disabled=False, name=None, for_="x", data_a_b="1")])
    assert markup == '<input hidden="" for="x" data-a-b="1">'


def test_only_what_is_ours_goes_in_as_it_is() -> None:
    assert render_nodes([Verbatim("<b>"), None, "<b>"]) == "<b>&lt;b&gt;"


def test_preformatted_lines_keep_their_breaks() -> None:
    assert render_nodes([preformatted("a\n b\n\n")]) == '<pre tabindex="0"><code>a\n b</code></pre>'


def test_explanations_become_paragraphs_lists_and_code() -> None:
    markdown = (
        "One *line*\nof `text`.\n\n**Write instead**\n\n- first\n  goes on\n- **second**\n\n```sql\nSELECT 1;\n```\n"
    )
    assert render_nodes(read_prose(markdown)) == (
        "<p>One *line* of <code>text</code>.</p><p><strong>Write instead</strong></p>"
        "<ul><li>first goes on</li><li><strong>second</strong></li></ul>"
        '<pre tabindex="0"><code>SELECT 1;</code></pre>'
    )


def test_a_list_may_follow_its_lead_at_once() -> None:
    assert render_nodes(read_prose("lead:\n- a\n- b")) == "<p>lead:</p><ul><li>a</li><li>b</li></ul>"


def test_no_other_scheme_than_https_becomes_a_link() -> None:
    assert link("javascript:alert(1)") == "javascript:alert(1)"
    markup = render_nodes([list_references(["https://example.org/a?b=1&c=2", "observed in the lab"])])
    assert 'href="https://example.org/a?b=1&amp;c=2" rel="noreferrer"' in markup
    assert "<li>observed in the lab</li>" in markup
