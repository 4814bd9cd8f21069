from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.analysed import marked, module_of, source_of
from txsafe.model import HOLE_CHARACTERS, Fragment, Hole, Place, SourceFile, Span, SqlTemplate
from txsafe.python.plain_literals import spell_fields, spell_plain
from txsafe.python.scopes import Module
from txsafe.python.spelling import respell
from txsafe.python.values import text_values


def spelled(code: str) -> tuple[SqlTemplate, SourceFile]:
    """Return the one text that is shown, respelled, and its file."""
    module = Module.of(source_of(code))
    (template,) = text_values(module, marked(module)[0])
    result = respell(template, lambda path: module.source if path == module.source.path else None)
    assert result.text == template.text
    return result, module.source


def pieces(code: str) -> list[tuple[str, str]]:
    """Return each fragment's text and spelling; exact ones are checked to be equal."""
    template, source = spelled(code)
    found = []
    for fragment in template.fragments:
        spelling = source.text[fragment.place.span.start : fragment.place.span.end]
        assert not fragment.exact or spelling == fragment.text
        found.append((fragment.hole.name if fragment.hole else fragment.text, "=" if fragment.exact else spelling))
    return found


CASES = {
    "plain": ("show('LISTEN x')", [("LISTEN x", "=")]),
    "raw": (r"show(r'\d x')", [(r"\d x", "=")]),
    "bytes": ("show(b'x')", [("x", "=")]),
    "empty": ("show('')", [("", "''")]),
    "an unknown escape is two characters": (r"show('a\d')", [(r"a\d", "=")]),
    "hexadecimal": (r"show('LIS\x54EN x')", [("LIS", "="), ("T", r"\x54"), ("EN x", "=")]),
    "octal and unicode": (r"show('\124\u0054\U00000054')", [("T", r"\124"), ("T", r"\u0054"), ("T", r"\U00000054")]),
    "named": (r"show('\N{LATIN CAPITAL LETTER T}x')", [("T", r"\N{LATIN CAPITAL LETTER T}"), ("x", "=")]),
    "simple escapes": (r"""show('a\n\'\\')""", [("a", "="), ("\n", r"\n"), ("'", r"\'"), ("\\", r"\\")]),
    "bytes know fewer escapes": (r"show(b'\x41\u0041')", [("A", r"\x41"), (r"\u0041", "=")]),
    "continued line": ("show('a\\\nb')", [("a", "="), ("b", "=")]),
    "continued line, CRLF": ("show('a\\\r\nb')", [("a", "="), ("b", "=")]),
    "triple quotes": ("show('''a\n  b''')", [("a\n  b", "=")]),
    "triple quotes, CRLF": ("show('''a\r\nb''')", [("a", "="), ("\n", "\r\n"), ("b", "=")]),
    "triple quotes, CR": ("show('''a\rb''')", [("a", "="), ("\n", "\r"), ("b", "=")]),
    "adjacent": ("show('a' \"b\"   r'c')", [("a", "="), ("b", "="), ("c", "=")]),
    "adjacent on lines, with comments": ("show('a' # 'x'\n\n   'b' \\\n  'c')", [("a", "="), ("b", "="), ("c", "=")]),
    "adjacent of all kinds": (
        "show('a' f'{x}b' u'c' rf'\\{y}')",
        [("a", "="), ("SQL", "{x}"), ("b", "="), ("c", "="), ("\\", "="), ("SQL", "{y}")],
    ),
    "f-string": (
        "show(f'a {x} b {y!r} c')",
        [("a ", "="), ("SQL", "{x}"), (" b ", "="), ("VALUE", "{y!r}"), (" c", "=")],
    ),
    "f-string with braces": ("show(f'{{{x}}}')", [("{", "{{"), ("SQL", "{x}"), ("}", "}}")]),
    "raw f-string with braces": (r"show(rf'\{{{x}')", [("\\", "="), ("{", "{{"), ("SQL", "{x}")]),
    "f-string with a nested format": (
        "show(f'a{x:{w}}b{d[\"}\"]}c\\n')",
        [("a", "="), ("SQL", "{x:{w}}"), ("b", "="), ("SQL", '{d["}"]}'), ("c", "="), ("\n", r"\n")],
    ),
    "f-string that shows its expression": (
        "show(f'a { x = } b')",
        [("a ", "="), (" x = ", "="), ("VALUE", "{ x = }"), (" b", "=")],
    ),
    "template string": ("show(t'a\\t{x}')", [("a", "="), ("\t", r"\t"), ("VALUE", "{x}")]),
    "pieces of a format": (
        r"show('a\t%s b\n%s' % (x, y))",
        [("a", "="), ("\t", r"\t"), ("SQL", "x"), (" b", "="), ("\n", r"\n"), ("SQL", "y")],
    ),
    "used twice": (r"S = 'a\n'" + "\nshow(S + S)", [("a", "="), ("\n", r"\n"), ("a", "="), ("\n", r"\n")]),
    "changed": (r"show('a\n'.upper())", [("A\n", r"'a\n'")]),
    "stripped in an escape": (r"show('\x20 a'.lstrip())", [("a", "=")]),
    "code points beyond ASCII": ("é = 1\nshow('é😀' 'b')", [("é😀", "="), ("b", "=")]),
}


@pytest.mark.parametrize(("code", "expected"), CASES.values(), ids=CASES.keys())
def test_each_character_is_mapped_to_its_spelling(code: str, expected: list[tuple[str, str]]) -> None:
    assert pieces(code) == expected


def test_a_word_with_an_escape_covers_the_whole_word() -> None:
    template, source = spelled(r"show('LIS\x54EN x')")
    place = template.locate(Span(0, 6))
    assert source.text[place.span.start : place.span.end] == r"LIS\x54EN"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_of_a_long_literal_are_right(newline: str) -> None:
    template, source = spelled(f"x = 1{newline}show('''{newline}SELECT \\t 1;{newline}LISTEN x;{newline}''')")
    start = template.text.index("LISTEN")
    position = source.position(template.locate(Span(start, start + 6)).span.start)
    assert (position.line, position.column) == (4, 1)


# ---------------------------------------------------------------- laws

TEXTS = st.text(st.sampled_from("aé😀 '\"\\\n\r\t{}%\x00#") | st.characters(codec="utf-8"), max_size=12)
ESCAPES = st.sampled_from(["repr", "ascii", "hex", "long", "octal"])


def written(text: str, style: str) -> str:
    """Spell a text as a literal in one of many ways."""
    match style:
        case "repr":
            return repr(text)
        case "ascii":
            return ascii(text)
        case "hex":
            return '"' + "".join(f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\U{ord(c):08x}" for c in text) + '"'
        case "octal":
            return '"' + "".join(f"\\{ord(c):03o}" if ord(c) < 256 else f"\\U{ord(c):08X}" for c in text) + '"'
    body = text.replace("\\", "\\\\").replace("'", "\\'").replace("\r", "\\r").replace("\0", "\\0")
    return f"'''{body}'''" if not body.endswith("\\0") else repr(text)


SEPARATORS = st.sampled_from([" ", "\n", "  # comment 'x'\n  ", " \\\n", "\r\n\t"])


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, ESCAPES), min_size=1, max_size=4), SEPARATORS)
def test_whatever_the_spelling_the_fragments_are_the_value(parts: list[tuple[str, str]], separator: str) -> None:
    literals = [written(text, style).replace("\n", "\n") for text, style in parts]
    template, source = spelled(f"é = 1\nshow({separator.join(literals)})")
    assert template.text == "".join(text for text, _ in parts)
    for fragment in template.fragments:
        spelling = source.text[fragment.place.span.start : fragment.place.span.end]
        if fragment.exact:
            assert spelling == fragment.text
        elif fragment.text:
            assert ast.literal_eval(f"'''{spelling}'''") == fragment.text


@settings(deadline=None)
@given(st.lists(st.text("aé{} \n\t'", max_size=5), min_size=1, max_size=4), st.sampled_from(["f", "F", "rf", "fR"]))
def test_the_texts_of_f_strings_are_mapped(texts: list[str], prefix: str) -> None:
    texts = ["a" + texts[0], *texts[1:]]
    body = "{x}".join(text.replace("{", "{{").replace("}", "}}").replace("'", '"') for text in texts)
    template, source = spelled(f"show({prefix}'''{body}''')")
    hole = HOLE_CHARACTERS[Hole.SQL]
    assert template.text.replace(HOLE_CHARACTERS[Hole.IDENTIFIER], hole).replace(
        HOLE_CHARACTERS[Hole.VALUE], hole
    ) == hole.join(text.replace("'", '"') for text in texts)
    for fragment in template.fragments:
        spelling = source.text[fragment.place.span.start : fragment.place.span.end]
        assert spelling == fragment.text or spelling in {"{{", "}}", "{x}"} or not template.text


# ---------------------------------------------------------------- what cannot be spelled

PLACE = Place("app/db.py", Span(0, 5))
INEXACT = SqlTemplate(fragments=(Fragment(text="a", place=PLACE),))


@pytest.mark.parametrize(
    "text",
    [
        "name ",
        "'\\N{}'",
        "'abc",
        "'b'''''",
        "f'{-' ",
        "'''b  ",
        "'\\N{NO SUCH NAME}'",
    ],
)
def test_what_is_no_literal_stays_as_it_is(text: str) -> None:
    source = source_of(text)
    template = SqlTemplate(fragments=(Fragment(text="zz", place=Place("app/db.py", Span(0, len(text)))),))
    assert respell(template, lambda _path: source) == template


def test_a_file_that_is_gone_is_no_error() -> None:
    assert respell(INEXACT, lambda _path: None) == INEXACT


@pytest.mark.parametrize("text", ["name", "'a", "'a' + b", "(x)"])
def test_what_is_no_single_literal_is_not_plain(text: str) -> None:
    source = source_of(text)
    assert spell_plain(source, Span(0, len(text)), "a") is None
    assert spell_fields(source, Span(0, len(text)), ["a"]) is None


def test_deeply_nested_fields_are_left_alone() -> None:
    text = "f'a{" + "-" * 3000 + "1}b'"
    template = SqlTemplate(fragments=(Fragment(text="a", place=Place("app/db.py", Span(0, len(text)))),))
    assert respell(template, lambda _path: source_of(text)) == template


@pytest.mark.parametrize("hole", [None, Hole.VALUE])
def test_a_part_that_is_not_there_stays_as_it_is(hole: Hole | None) -> None:
    source = source_of(r"'\x41'")
    fragment = Fragment(text="A", place=Place("app/db.py", Span(0, 6)), part=3, hole=hole)
    template = SqlTemplate(fragments=(fragment,))
    assert respell(template, lambda _path: source) == template


def test_half_of_an_escape_keeps_the_place_of_all_of_it() -> None:
    module = module_of("show('''\\\n  a\n''')")
    assert [template.text for template in text_values(module, marked(module)[0])] == ["  a\n"]


def test_this_very_file_is_spelled() -> None:
    code = Path(__file__).read_text(encoding="utf-8")
    module = Module.of(source_of(code))
    for literal in module.strings:
        for template in text_values(module, literal):
            result = respell(template, lambda _path: module.source)
            assert result.text == template.text
            for fragment in result.fragments:
                if fragment.exact:
                    assert code[fragment.place.span.start : fragment.place.span.end] == fragment.text
