"""A place in a token sequence, and the small questions that every statement's grammar asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Hole
from txsafe.sql.lexer import Token, TokenKind, identifier
from txsafe.sql.literals import string_value

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME_KINDS = (TokenKind.WORD, TokenKind.QUOTED, TokenKind.PLACEHOLDER)
_END = Token(TokenKind.OTHER, "", -1)


@dataclass(frozen=True, slots=True)
class Name:
    """A possibly qualified name, each part folded as the server folds it."""

    parts: tuple[str, ...]

    @property
    def last(self) -> str:
        """The name without its schema."""
        return self.parts[-1]

    @property
    def schema(self) -> str | None:
        """What qualifies the name."""
        return self.parts[-2] if len(self.parts) > 1 else None

    @property
    def dotted(self) -> str:
        """The parts, joined."""
        return ".".join(self.parts)


class Cursor:
    """Walks over the significant tokens `[index, end)` of one statement."""

    __slots__ = ("end", "index", "text", "tokens")

    def __init__(self, text: str, tokens: Sequence[Token], index: int, end: int) -> None:
        self.text = text
        self.tokens = tokens
        self.index = index
        self.end = end

    @property
    def at_end(self) -> bool:
        """Whether no token is left."""
        return self.index >= self.end

    def peek(self, ahead: int = 0) -> Token:
        """Return a token without taking it; beyond the end, an empty one."""
        index = self.index + ahead
        return self.tokens[index] if index < self.end else _END

    def word(self, ahead: int = 0) -> str:
        """Return the folded word ahead, or nothing."""
        return self.peek(ahead).word

    def next(self) -> Token:
        """Take a token."""
        token = self.peek()
        self.index += 1
        return token

    def take(self, *words: str) -> bool:
        """Take this sequence of words if it is next."""
        if all(self.word(ahead) == word for ahead, word in enumerate(words)):
            self.index += len(words)
            return True
        return False

    def take_any(self, *words: str) -> str:
        """Take one of these words if it is next, and return it."""
        word = self.word()
        if not word or word not in words:
            return ""
        self.index += 1
        return word

    def take_symbol(self, symbol: str) -> bool:
        """Take an operator or punctuation mark if it is next."""
        if self.peek().text != symbol:
            return False
        self.index += 1
        return True

    def name(self) -> Name | None:
        """Take a qualified name; pieces that touch (`{prefix}_t`, a hole between words) are one part."""
        parts = []
        while (part := self._name_part()) is not None:
            parts.append(part)
            if self.peek().text != ".":
                break
            self.index += 1
        return Name(tuple(parts)) if parts else None

    def _name_part(self) -> str | None:
        token = self.peek()
        if token.kind not in _NAME_KINDS:
            return None
        part = ""
        end = token.start
        while token.kind in _NAME_KINDS and token.start == end:
            part += identifier(token)
            end = token.end
            self.index += 1
            token = self.peek()
        return part

    def lone_name(self) -> Name | None:
        """Take a name that must be all that is left."""
        name = self.name()
        return name if self.at_end else None

    def name_or_string(self) -> str | None:
        """Take a name or a string constant, and return what it means."""
        if self.peek().kind is TokenKind.STRING:
            return string_value(self.next())
        name = self.name()
        return name.dotted if name else None

    def skip_parentheses(self) -> bool:
        """Take a parenthesised group if one is next; an unclosed one runs to the end."""
        if self.peek().text != "(":
            return False
        depth = 0
        while not self.at_end:
            text = self.next().text
            if text == "(":
                depth += 1
            elif text == ")":
                depth -= 1
                if depth == 0:
                    break
        return True

    def rest(self) -> str:
        """Return the text from here to the last token, as spelled."""
        return self.slice(self.index, self.end)

    def slice(self, first: int, last: int) -> str:
        """Return the text of the tokens `[first, last)`, as spelled."""
        if first >= last:
            return ""
        return self.text[self.tokens[first].start : self.tokens[last - 1].end]

    def is_sql_hole(self) -> bool:
        """Whether what is next could be any SQL at all."""
        return HOLE_CHARACTERS[Hole.SQL] in self.peek().text and self.peek().kind is TokenKind.WORD
