"""Comments that silence: where they count, when they do not, and what is said about them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.model import Applicability, Confidence, Diagnostic, Outcome, Severity, SourceFile
from txsafe.source import decode
from txsafe.suppressions import SuppressionOptions, apply_suppressions

OPTIONS = SuppressionOptions(rules=("listen", "session-set", "temp-table"), today=dt.date(2026, 11, 21))
STRICT = SuppressionOptions(rules=OPTIONS.rules, today=OPTIONS.today, require_reason=True)


def source(text: str, path: str = "a.py") -> SourceFile:
    return decode(text.encode(), path)


def diagnose(file: SourceFile, snippet: str, rule: str = "listen") -> Diagnostic:
    start = file.text.index(snippet)
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        path=file.path,
        start=file.position(start),
        end=file.position(start + len(snippet)),
        message="m",
    )


def apply(
    text: str,
    snippet: str = "LISTEN x",
    *,
    rule: str = "listen",
    path: str = "a.py",
    options: SuppressionOptions = OPTIONS,
) -> tuple[bool, list[Diagnostic]]:
    """Return whether the diagnostic at a snippet is suppressed, and what is said besides."""
    file = source(text, path)
    first, *own = apply_suppressions(file, [diagnose(file, snippet, rule)], options)
    return first.suppressed, own


def fixed(text: str, path: str = "a.py") -> str:
    """Apply the fix of the only diagnostic of a file in which nothing else is found."""
    (own,) = apply_suppressions(source(text, path), [], OPTIONS)
    assert own.fix is not None
    assert own.fix.applicability is Applicability.SAFE
    (edit,) = own.fix.edits
    return text[: edit.place.span.start] + edit.replacement + text[edit.place.span.end :]


@pytest.mark.parametrize(
    "text",
    [
        "c.execute('LISTEN x')  # txsafe: ignore[listen]\n",
        "c.execute('LISTEN x')  # noqa: S608  # txsafe: ignore[listen] on purpose  # type: ignore\n",
        "c.execute('LISTEN x')  #txsafe:ignore\n",
        "c.execute('LISTEN x')  # txsafe: ignore[ temp-table , listen ]\n",
        "# txsafe: ignore[listen]\nc.execute('LISTEN x')\n",
        "# txsafe: ignore[listen] because\n# of that\nc.execute('LISTEN x')\n",
        "c.execute(\n    'LISTEN x',\n)  # txsafe: ignore[listen]\n",
        "c.execute(  # txsafe: ignore[listen]\n    'LISTEN x',\n)\n",
        "c.execute(\n    # txsafe: ignore[listen]\n    'LISTEN x',\n)\n",
        "with c.execute('LISTEN x') as r:  # txsafe: ignore[listen]\n    pass\n",
        "if a:\n    f()\n    c.execute(\n'LISTEN x'\n    )  # txsafe: ignore[listen]\n",
        "c.execute('''\n  LISTEN x -- txsafe: ignore[listen]\n''')\n",
        "c.execute('''\n  -- txsafe: ignore[listen]\n  LISTEN x\n''')\n",
        "def f(:\n c.execute('LISTEN x')  # txsafe: ignore[listen]\n",
        "c.execute('LISTEN x')  # txsafe: ignore[listen] until=2026-11-21 until then\n",
        "# txsafe: ignore-file[listen]\n\n\nc.execute('LISTEN x')\n",
        "c.execute('LISTEN x')\n# txsafe: ignore-file\n",
    ],
)
def test_a_comment_silences_the_statement_that_it_stands_at(text: str) -> None:
    suppressed, own = apply(text)
    assert suppressed
    assert [each.variant for each in own if "temp-table" not in each.message] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("LISTEN x; -- txsafe: ignore[listen]\n", "a.sql"),
        ("-- txsafe: ignore[listen]\n-- more\nLISTEN x;\n", "a.sql"),
        ("-- txsafe: ignore-file\r\n\r\nLISTEN x;\r\n", "a.sql"),
        ("SELECT 1;\n  LISTEN x --txsafe:ignore[listen] why\n", "a.sql.j2"),
    ],
)
def test_a_sql_comment_silences_in_sql_files(text: str, path: str) -> None:
    assert apply(text, path=path) == (True, [])


@pytest.mark.parametrize(
    "text",
    [
        "# txsafe: ignore[listen]\n\nc.execute('LISTEN x')\n",
        "f()  # txsafe: ignore[listen]\nc.execute('LISTEN x')\n",
        "c.execute('LISTEN x')  # txsafe: ignore[session-set]\n",
        "with a:  # txsafe: ignore[listen]\n    c.execute('LISTEN x')\n",
        "c.execute('LISTEN x')\n# txsafe: ignore[listen]\n",
    ],
)
def test_a_comment_elsewhere_silences_nothing_and_is_reported(text: str) -> None:
    suppressed, own = apply(text)
    assert not suppressed
    assert [(each.variant, each.severity, each.outcome) for each in own] == [("unused", Severity.NOTE, Outcome.UNKNOWN)]


@pytest.mark.parametrize(
    ("comment", "variant", "word"),
    [
        ("ignroe[listen]", "malformed", "did you mean 'ignore'"),
        ("", "malformed", "`ignore` or `ignore-file`"),
        ("ignore [listen]", "malformed", "right behind"),
        ("ignore(listen)", "malformed", "right behind"),
        ("ignore[listen", "malformed", "right behind"),
        ("ignore[]", "malformed", "missing between"),
        ("ignore[listen,]", "malformed", "missing between"),
        ("ignore=listen", "malformed", "unexpected '='"),
        ("ignore[listne]", "unknown-rule", "did you mean 'listen'"),
        ("ignore[listen, foo]", "unknown-rule", "'foo'"),
        ("ignore[listen] until=tomorrow", "malformed", "not a date"),
        ("ignore[listen] until=", "malformed", "not a date"),
        ("ignore[listen] until=2026-11-20 x", "expired", "2026-11-20"),
    ],
)
def test_a_wrong_comment_silences_nothing_and_is_reported(comment: str, variant: str, word: str) -> None:
    suppressed, own = apply(f"c.execute('LISTEN x')  # txsafe: {comment}\n")
    assert not suppressed
    (diagnostic,) = own
    assert (diagnostic.rule, diagnostic.variant, diagnostic.severity) == (
        "unused-suppression",
        variant,
        Severity.WARNING,
    )
    assert word in diagnostic.message
    assert (diagnostic.start.line, diagnostic.start.column) == (1, 24)


@pytest.mark.parametrize(
    ("comment", "counts"),
    [
        ("ignore[listen]", False),
        ("ignore[listen] -", False),
        ("ignore[listen] until=2027-01-01", False),
        ("ignore[listen] until=2027-01-01 moved by then", True),
        ("ignore a listener of its own", True),
    ],
)
def test_a_project_can_demand_reasons(comment: str, counts: bool) -> None:
    suppressed, own = apply(f"c.execute('LISTEN x')  # txsafe: {comment}\n", options=STRICT)
    assert suppressed is counts
    assert [each.variant for each in own] == ([] if counts else ["missing-reason"])


def test_a_hash_in_a_string_is_no_comment() -> None:
    assert apply("c.execute('LISTEN x', '# txsafe: ignore[listen]')\n") == (False, [])
    assert apply('c.execute("LISTEN x", """\n# txsafe: ignore-file\n""")\n') == (False, [])


def test_a_comment_in_a_string_ends_with_the_string() -> None:
    assert apply("c.execute('LISTEN x -- txsafe: ignore[listen]', 1)\n") == (True, [])


def test_a_bare_ignore_does_not_hide_that_a_file_was_not_read() -> None:
    text = "LISTEN x  # txsafe: ignore\n"
    assert apply(text, rule="syntax-error")[0] is False
    assert apply("# txsafe: ignore-file[syntax-error]\nLISTEN x\n", rule="syntax-error") == (True, [])


def test_an_unused_suppression_can_be_silenced_by_name() -> None:
    text = "# txsafe: ignore-file[unused-suppression]\nf()  # txsafe: ignore[listen]\n"
    (own,) = apply_suppressions(source(text), [], OPTIONS)
    assert (own.variant, own.suppressed) == ("unused", True)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("f()  # txsafe: ignore[listen] why\ng()\n", "a.py", "f()\ng()\n"),
        ("  # txsafe: ignore\r\ng()\r\n", "a.py", "g()\r\n"),
        ("f()  # txsafe: ignore see #12  # noqa\n", "a.py", "f()  # noqa\n"),
        ("x = '''\n-- txsafe: ignore\nSELECT 1'''\n", "a.py", "x = '''\nSELECT 1'''\n"),
        ("SELECT 1; -- txsafe: ignore", "a.sql", "SELECT 1;"),
        ("x = '''SELECT 1 -- txsafe: ignore'''\n", "a.py", "x = '''SELECT 1'''\n"),
    ],
)
def test_the_fix_removes_an_unused_comment(text: str, path: str, expected: str) -> None:
    assert fixed(text, path) == expected


def test_the_fix_keeps_the_rules_that_are_used() -> None:
    text = "c.execute('LISTEN x')  # txsafe: ignore[temp-table, listen, session-set] why\n"
    suppressed, (own,) = apply(text)
    assert suppressed
    assert "`temp-table`, `session-set`" in own.message
    assert own.fix is not None
    (edit,) = own.fix.edits
    span = edit.place.span
    assert text[: span.start] + edit.replacement + text[span.end :] == (
        "c.execute('LISTEN x')  # txsafe: ignore[listen] why\n"
    )


def test_a_file_without_comments_is_returned_as_it_is() -> None:
    file = source("c.execute('LISTEN x')\n")
    given = (diagnose(file, "LISTEN x"),)
    assert apply_suppressions(file, given, OPTIONS) == given


@given(st.text(st.sampled_from("#'\"\\\n -txsafe:ignore[]lt,()é")))
def test_no_text_makes_it_fail_or_lose_a_diagnostic(text: str) -> None:
    file = source(f"LISTEN x\n{text}\n# txsafe:\n")
    given = diagnose(file, "LISTEN x")
    first, *own = apply_suppressions(file, [given], OPTIONS)
    assert first.start == given.start
    assert own or not text or "'" in text or '"' in text
    assert all(each.rule == "unused-suppression" for each in own)
