"""The expression of a PL/pgSQL EXECUTE → the text that it is known to make, holes where it is not.

Constants, `||`, `format()`, `concat()`, `quote_ident()` and `quote_literal()` are understood; everything else could
be any SQL.
https://www.postgresql.org/docs/current/functions-string.html#FUNCTIONS-STRING-FORMAT
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Hole
from txsafe.sql.lexer import Token, TokenKind, identifier
from txsafe.sql.literals import Assembly, Origin, Passage, decode_into

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SPECIFIER = re.compile(r"%(?:[0-9]+\$)?-?(?:[0-9]+|\*(?:[0-9]+\$)?)?([sIL%])")
_FORMAT_HOLES = {"s": Hole.SQL, "I": Hole.IDENTIFIER, "L": Hole.VALUE}
_QUOTING = {
    "quote_ident": Hole.IDENTIFIER,
    "quote_literal": Hole.VALUE,
    "quote_nullable": Hole.VALUE,
}
_DEPTH = 16
"""How deep parentheses are followed; deeper nesting counts as unknown, so that hostile nesting costs linear time."""


def evaluate(tokens: Sequence[Token], parent: Origin) -> Passage:
    """Return what the expression is known to make."""
    assembly = Assembly()
    _concatenation(assembly, tokens, 0)
    return assembly.passage(parent)


def _concatenation(assembly: Assembly, tokens: Sequence[Token], depth: int) -> None:
    for operand in _split(tokens, "||"):
        _operand(assembly, operand, depth)


def _split(tokens: Sequence[Token], separator: str) -> Iterator[Sequence[Token]]:
    level = first = 0
    for index, token in enumerate(tokens):
        if token.text in ("(", "["):
            level += 1
        elif token.text in (")", "]"):
            level -= 1
        elif level == 0 and token.text == separator:
            yield tokens[first:index]
            first = index + 1
    yield tokens[first:]


def _operand(assembly: Assembly, tokens: Sequence[Token], depth: int) -> None:
    if not tokens:
        return
    tokens = next(_split(tokens, "::"))
    if tokens and all(token.kind is TokenKind.STRING for token in tokens):
        for token in tokens:
            decode_into(assembly, token)
        return
    inner = _parenthesised(tokens, 0)
    if inner is not None and depth < _DEPTH:
        _concatenation(assembly, inner, depth + 1)
        return
    if not _call(assembly, tokens, depth):
        _hole(assembly, Hole.SQL, tokens)


def _hole(assembly: Assembly, hole: Hole, tokens: Sequence[Token]) -> None:
    assembly.add(HOLE_CHARACTERS[hole], tokens[0].start if tokens else 0)


def _parenthesised(tokens: Sequence[Token], first: int) -> Sequence[Token] | None:
    """Return what stands between the parenthesis at `first` and the one at the end, if these two belong together."""
    if len(tokens) < first + 2 or tokens[first].text != "(" or tokens[-1].text != ")":
        return None
    level = 0
    for index in range(first, len(tokens)):
        if tokens[index].text == "(":
            level += 1
        elif tokens[index].text == ")":
            level -= 1
            if level == 0:
                return tokens[first + 1 : -1] if index == len(tokens) - 1 else None
    return None


def _call(assembly: Assembly, tokens: Sequence[Token], depth: int) -> bool:
    first = 3 if len(tokens) > 3 and tokens[1].text == "." else 1
    arguments = _parenthesised(tokens, first)
    if arguments is None:
        return False
    match identifier(tokens[first - 1]):
        case "format" if depth < _DEPTH:
            template = next(_split(arguments, ","))
            return _format(assembly, template, depth)
        case "concat" if depth < _DEPTH:
            for argument in _split(arguments, ","):
                _concatenation(assembly, argument, depth + 1)
            return True
        case name if name in _QUOTING:
            _hole(assembly, _QUOTING[name], tokens)
            return True
    return False


def _format(assembly: Assembly, template: Sequence[Token], depth: int) -> bool:
    """Append a format() template with holes for its arguments; False where it is no constant."""
    literal = Assembly()
    _concatenation(literal, template, depth + 1)
    passage = literal.passage(Origin())
    position = 0
    for specifier in _SPECIFIER.finditer(passage.text):
        _copy(assembly, passage, position, specifier.start())
        kind = specifier[1]
        piece = "%" if kind == "%" else HOLE_CHARACTERS[_FORMAT_HOLES[kind]]
        assembly.add(piece, passage.origin.at(specifier.start()))
        position = specifier.end()
    _copy(assembly, passage, position, len(passage.text))
    return True


def _copy(assembly: Assembly, passage: Passage, first: int, last: int) -> None:
    """Append a stretch of a passage, cut where its characters do not stand side by side."""
    cuts = [first, *(cut for cut in passage.origin.breaks if first < cut < last), last]
    for start, stop in itertools.pairwise(cuts):
        if start < stop:
            assembly.add(passage.text[start:stop], passage.origin.at(start))
