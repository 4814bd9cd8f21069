"""A statement's text in, what it has in common with all that differ from it only in values out.

Constants, numbers and placeholders become `?`, lists of them one; comments go, white space and the case of keywords
do not count. What a program does not spell (`…`) stays. Normalising twice is normalising once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING
from txsafe.model import HOLE_CHARACTERS, Hole
from txsafe.sql.lexer import Token, TokenKind, fold, significant_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUE = "?"
MADE = "x0"
"""What stands for a part of a name that is made while the program runs."""
MOST_ROUNDS = 8
"""A broken text may read differently once its comments and values are gone."""
LONGEST = 20_000
"""Characters of a statement that count."""
_VALUES = frozenset({TokenKind.STRING, TokenKind.NUMBER, TokenKind.PLACEHOLDER})
_HOLES = str.maketrans(
    {
        HOLE_CHARACTERS[Hole.VALUE]: VALUE,
        HOLE_CHARACTERS[Hole.IDENTIFIER]: MISSING,
        HOLE_CHARACTERS[Hole.SQL]: MISSING,
    }
)
_GENERATED = re.compile(r"[0-9a-f]*[0-9][0-9a-f]{7,}|[0-9]{3,}")
"""Parts of names that are made while the program runs: hashes, ids, dates."""
_PLAIN_NAME = re.compile(r"\"([a-z_][a-z0-9_$]*)\"")
_LIST = re.compile(r"\?(?: ?, ?\?)+")
_ROWS = re.compile(r"\( ?\? ?\)(?: ?, ?\( ?\? ?\))+")
_CAST = re.compile(r"\? ?:: ?[a-z_][a-z0-9_.]*(?: ?\( ?\? ?\))?(?: ?\[ ?\])?")
_SIGN = re.compile(r"(?<=[=(,<>]) ?- ?\?")
_SETTING = re.compile(
    r"(set (?:session |local )?(?!transaction|session|role|constraints)[\w.…]+) (?:=|to) (?!default$).+", re.DOTALL
)
_BEFORE = re.compile(r" ([,;)\[\].])")
_AFTER = re.compile(r"([(\[.]) ")
_CALL = re.compile(r"([\w$]+) \(")
_APART = frozenset(
    (
        *(
            "all",
            "and",
            "any",
            "as",
            "between",
            "by",
            "case",
            "else",
            "exists",
            "from",
            "in",
            "int",
            "into",
            "join",
            "key",
        ),
        *("like", "not", "on", "or", "over", "select", "set", "then", "to", "using", "values", "when", "where", "with"),
    )
)
"""Words that are no function before a parenthesis."""
_WITH_BODY = frozenset({"do", "create"})
DEPTH = 2
"""Of bodies in bodies: what they do counts, not only that they are there."""


def normalise(sql: str) -> str:
    """Return the normal form of one statement; a text that is cut or broken has one, too."""
    text = _normalise_once(sql[:LONGEST].translate(_HOLES))
    for _ in range(MOST_ROUNDS):
        again = _normalise_once(text)
        if again == text:
            break
        text = again
    return text


def tidy(form: str) -> str:
    """Return a normal form with the spaces that people write."""
    text = _BEFORE.sub(r"\1", _AFTER.sub(r"\1", form))
    return _CALL.sub(lambda found: found[0] if found[1] in _APART else f"{found[1]}(", text)


def _normalise_once(sql: str) -> str:
    text = " ".join(_spell(significant_tokens(sql))).strip("; ")
    text = _CAST.sub(VALUE, text)
    text = _SIGN.sub(f" {VALUE}", text)
    text = _LIST.sub(VALUE, text)
    text = _ROWS.sub(f"( {VALUE} )", text)
    return _SETTING.sub(rf"\1 = {VALUE}", text)


def _spell(tokens: list[Token], *, depth: int = 0) -> Iterator[str]:
    named = -1
    has_body = bool(tokens) and tokens[0].word in _WITH_BODY
    for index, token in enumerate(tokens):
        if has_body and depth < DEPTH and token.text.startswith("$") and token.kind is TokenKind.STRING:
            yield from _spell(significant_tokens(_body(token.text)), depth=depth + 1)
        elif token.kind in _VALUES:
            # The first argument of set_config() is a name.
            keeps = index == named and token.kind is TokenKind.STRING and MISSING not in token.text
            yield token.text.lower() if keeps else VALUE
        elif token.kind is TokenKind.WORD:
            word = fold(token.text)
            if word == "set_config":
                named = index + 2
            yield _GENERATED.sub(MADE, word)
        elif token.kind is TokenKind.QUOTED:
            plain = _PLAIN_NAME.fullmatch(token.text)
            yield _GENERATED.sub(MADE, plain[1] if plain else token.text)
        else:
            yield token.text


def _body(text: str) -> str:
    """Return what stands between dollar quotes."""
    end = text.find("$", 1) + 1
    return text[end:].removesuffix(text[:end])
