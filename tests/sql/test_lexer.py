"""Tokens follow the server's lexical rules, lose nothing, and never take more than linear time."""

from __future__ import annotations

import time
from typing import Any

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.sql.lexer import TokenKind as Kind
from txsafe.sql.lexer import fold, identifier, significant_tokens, tokenize
from txsafe.sql.literals import Origin, decode, string_value

PIECES = st.sampled_from(
    ["'", '"', "$", "$$", "$a$", "E'", "u&'", 'U&"', "\\", "--", "/*", "*/", "\n", " ", ";", "(", ")", ",", ".", "a",
     "set", "1", ".5", "1..2", ":x", "::", ":=", "%s", "%(a)s", "?", "?|", "{x}", "{", "\uf8f0", "\uf8f2", "é", "\x00",
     "begin", "atomic", "end"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join))


def spelled(text: str) -> list[tuple[Kind, str]]:
    return [(token.kind, token.text) for token in significant_tokens(text)]


@given(TEXTS)
def test_tokens_put_together_give_the_text_back(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(token.text for token in tokens) == text
    assert all(text[token.start : token.end] == token.text for token in tokens)


@given(TEXTS)
def test_the_fast_way_gives_the_same_tokens_but_for_space_and_comments(text: str) -> None:
    trivia = (Kind.SPACE, Kind.COMMENT)
    assert significant_tokens(text) == [token for token in tokenize(text) if token.kind not in trivia]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'it''s'", Kind.STRING),
        (r"E'it\'s'", Kind.STRING),
        (r"e'\\'", Kind.STRING),
        (r"'\'", Kind.STRING),
        ("B'01'", Kind.STRING),
        ("x'ff'", Kind.STRING),
        ("N'a'", Kind.STRING),
        (r"U&'d\0061t'", Kind.STRING),
        ("$$a'b$$", Kind.STRING),
        ("$tag$a$$b$tag$", Kind.STRING),
        ("'never closed", Kind.STRING),
        (r"E'never closed\'", Kind.STRING),
        ("$x$ never closed $y$", Kind.STRING),
        ('"a""b"', Kind.QUOTED),
        (r'U&"d\0061t"', Kind.QUOTED),
        ('"never closed', Kind.QUOTED),
        ("a$b$c", Kind.WORD),
        ("pg_\uf8f2advisory_lock", Kind.WORD),
        ("été", Kind.WORD),
        ("\u00a0", Kind.WORD),
        ("1.5e-3", Kind.NUMBER),
        ("1_000", Kind.NUMBER),
        ("0xFF", Kind.NUMBER),
        (".5", Kind.NUMBER),
        ("$1", Kind.PLACEHOLDER),
        ("%s", Kind.PLACEHOLDER),
        ("%(name)s", Kind.PLACEHOLDER),
        (":name", Kind.PLACEHOLDER),
        ("?", Kind.PLACEHOLDER),
        ("{name}", Kind.PLACEHOLDER),
        ("{}", Kind.PLACEHOLDER),
        ("::", Kind.PUNCTUATION),
        (":=", Kind.PUNCTUATION),
        ("?|", Kind.OPERATOR),
        ("->>", Kind.OPERATOR),
        ("||", Kind.OPERATOR),
        ("\\", Kind.OTHER),
    ],
)
def test_one_token(text: str, kind: Kind) -> None:
    assert spelled(text) == [(kind, text)]


@pytest.mark.parametrize(
    "text", ["-- c", "/* a /* b */ c */", "/* never /* closed */", "/* a * / b */", "/**/", " \t\r\n\f\v"]
)
def test_comments_and_space_are_insignificant(text: str) -> None:
    assert spelled(text) == []


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a--b\nc", ["a", "c"]),
        ("1..10", ["1", "..", "10"]),
        ("a=%s", ["a", "=", "%s"]),
        ("a>=%(b)s", ["a", ">=", "%(b)s"]),
        ("a=?", ["a", "=", "?"]),
        ("a=-%s", ["a", "=-", "%s"]),
        ("a @? b", ["a", "@?", "b"]),
        ("a ->%size", ["a", "->%", "size"]),
        ("a::b", ["a", "::", "b"]),
        ("a[1:n]", ["a", "[", "1", ":n", "]"]),
        ("x+-- c\n1", ["x", "+", "1"]),
        ("x*/* c */1", ["x", "*", "1"]),
        ("$$a$$$$b$$", ["$$a$$", "$$b$$"]),
        ("'a' 'b'", ["'a'", "'b'"]),
        ("v:=E'x'", ["v", ":=", "E'x'"]),
        ("name'x'", ["name", "'x'"]),
        ("/* a /* b */ c */ d /* e */ f", ["d", "f"]),
    ],
)
def test_tokens_end_where_the_server_ends_them(text: str, pieces: list[str]) -> None:
    assert [token.text for token in significant_tokens(text)] == pieces


@pytest.mark.parametrize(
    "text", [r"'a''b'", r"E'a\n\x41\102\u0041\U00000042\'\q'", r"E'a''b'", "$$a$$", "$q$a'b$q$", r"'a\nb'", "''", "E''"]
)
def test_constants_mean_what_they_mean_to_the_server(text: str) -> None:
    statement: Any = pglast.parse_sql(f"SELECT {text}")[0].stmt
    (token,) = significant_tokens(text)
    assert string_value(token) == statement.targetList[0].val.val.sval


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'open", "open"),
        ("E'open\\", "open\\"),
        ("$$open", "open"),
        ("'", ""),
        ("E'\\U00110000'", "\ufffd"),
        ("E'\\x'", "x"),
    ],
)
def test_broken_constants_mean_what_is_there(text: str, value: str) -> None:
    (token,) = significant_tokens(text)
    assert string_value(token) == value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Abc", "abc"),
        ('"A""b"', 'A"b'),
        (r'U&"d\0061t\+000061\\"', "data\\"),
        (r'U&"\+FFFFFF"', "\ufffd"),
        ("ÄB", "Äb"),
        ("$1", "$1"),
    ],
)
def test_names_are_folded_as_the_server_folds_them(text: str, name: str) -> None:
    assert identifier(significant_tokens(text)[0]) == name


def test_folding_touches_ascii_letters_only() -> None:
    assert fold("SETÀ\u212a") == "setÀ\u212a"


@given(st.text(alphabet=st.sampled_from("ab'\\n\n x0"), max_size=30))
def test_every_character_of_a_decoded_constant_stands_in_the_constant(inner: str) -> None:
    for text in ("E'" + inner.replace("'", "''") + "'", "'" + inner.replace("'", "''") + "'"):
        tokens = significant_tokens(text)[:1]
        passage = decode(tokens, Origin())
        offsets = [passage.origin.at(index) for index in range(len(passage.text))]
        assert offsets == sorted(set(offsets))
        assert all(0 < offset < len(text) for offset in offsets)


def test_plain_constants_decode_to_the_text_that_was_quoted() -> None:
    (token,) = significant_tokens("'SET a = ''b'''")
    passage = decode((token,), Origin())
    assert passage.text == "SET a = 'b'"
    assert [token.text[passage.origin.at(index)] for index in range(len(passage.text))] == list(passage.text)


@pytest.mark.parametrize(
    "unit",
    [
        "'",
        "''",
        "$a$ ",
        "$$",
        "/*",
        "/* ",
        "(",
        "E'\\",
        '"',
        "a.",
        "--\n",
        "\\",
        "%(",
        "{",
        "u&'",
        "1",
        "$1",
        ";",
        "e'\\''",
    ],
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.process_time()
    assert tokenize(text)
    assert time.process_time() - started < 5
