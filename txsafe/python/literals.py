"""Text literals that reached no sink → `SqlSite`s of low confidence, where they read as SQL with session state.

What is evidently no SQL on its way to a server is left out: docstrings, messages, comparisons, patterns, expectations.
"""

from __future__ import annotations

import ast
import bisect
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from txsafe.model import Confidence, SqlSite, StatementKind
from txsafe.python.names import last_name
from txsafe.python.sinks import PREAMBLE, scope_name
from txsafe.python.values import Text, evaluate
from txsafe.sql import may_hold_session_state, read_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.model import Span, SqlTemplate
    from txsafe.python.guards import Guards
    from txsafe.python.receivers import Receivers
    from txsafe.python.scopes import Module

_MAX_LENGTH = 2_000_000
_WORD = re.compile(r"[A-Za-z]{2,}")
_HEAD = re.compile(
    PREAMBLE + r"(?:"
    r"set\s+(?:session\s+|local\s+)?(?:[\w.\"]|[\uf8f0-\uf8f2])+\s*=\s*\S|set\s+session\s+characteristics"
    r"|(?-i:SET)\s+(?:SESSION\s+|LOCAL\s+)?(?:[\w.\"]|[\uf8f0-\uf8f2])+\s+to\s+\S"
    r"|set\s+(?:search_path|\w+\.\w+|\w+_\w+)\s+to\s+\S"
    r"|set\s+(?:role|session\s+authorization|time\s+zone)\s+\S+\s*+(?:;\s*+)?\Z|load\s+'"
    # what will be filled in by `format` counts as a name
    r"|(?:(?-i:RESET|LISTEN|UNLISTEN|DISCARD|DEALLOCATE)\s+(?:[\w.*]+|\"?\{\w*\}\"?)|reset\s+(?:all|role|\w+[_.][\w.]+)"
    r"|(?:un)?listen\s+(?:\"[^\"]+\"|[\uf8f0-\uf8f2])|discard\s+(?:all|plans|temp|sequences)|deallocate\s+all)\s*+(?:;\s*+)?\Z"
    r"|prepare\s+\w+\s*(?:\([^)]*\)\s*)?as\s|declare\s+.{1,80}?cursor\s+with\s+hold|do\s+['$]|begin\b"
    r"|(?:create|select|with|update|perform)\s|(?:insert\s+into|delete\s+from)\s)",
    re.IGNORECASE | re.DOTALL,
)
"""How SQL with session state begins; stricter than the reader, because prose begins with `set` and `listen` too:
what could be an English sentence must be written in capitals."""
_STATEFUL = frozenset(
    {
        StatementKind.SET, StatementKind.RESET, StatementKind.SET_ROLE, StatementKind.SET_SESSION_AUTHORIZATION,
        StatementKind.SET_CHARACTERISTICS, StatementKind.DISCARD, StatementKind.PREPARE, StatementKind.DEALLOCATE,
        StatementKind.LISTEN, StatementKind.UNLISTEN, StatementKind.LOAD, StatementKind.CREATE_TEMPORARY,
        StatementKind.DECLARE_CURSOR,
    }
)  # fmt: skip
_SQL_NAME = re.compile(r"(?i)(?:^|_)(?:sql|query|queries|stmt|stmts|statement|statements|ddl|cmd|command)s?\d*$")
_TALK = frozenset(
    {
        "print", "warn", "warning", "debug", "info", "error", "exception", "critical", "log", "fatal", "trace", "secho",
        "echo", "style", "write", "add_argument", "option", "argument", "Field", "add_parser", "ArgumentParser",
        "compile", "match", "search", "sub", "findall", "fullmatch", "finditer", "split", "rsplit", "startswith",
        "endswith", "replace", "strip", "lstrip", "rstrip", "count", "index", "find", "partition",
        "parametrize", "mark", "skip", "xfail", "raises", "fail", "patch", "call", "isinstance", "getattr", "hasattr",
        "setattr", "get", "pop", "setdefault", "publish", "subscribe", "notify", "emit", "send_message", "reply",
        "_", "gettext", "gettext_lazy", "Markdown", "markdown", "Exception", "deprecated",
    }
)  # fmt: skip
"""Functions whose text arguments people, patterns or tests read."""
_TALK_KEYWORDS = frozenset(
    {
        "help", "description", "title", "doc", "reason", "msg", "message", "epilog", "match", "help_text",
        "verbose_name", "label", "ids", "id", "examples", "example", "summary",
    }
)  # fmt: skip


class Literals:
    """Finds SQL in the literals of one module that no sink is known to take."""

    def __init__(self, module: Module, receivers: Receivers, guards: Guards) -> None:
        self._module = module
        self._receivers = receivers
        self._guards = guards
        self.loose: set[str] = set()
        """Names under which other files may get hold of what was found."""

    def find(self, covered: frozenset[Span]) -> Iterator[SqlSite]:
        """Yield a site for each text with session state outside the `covered` spans."""
        sent = _Ranges(covered)
        for literal in self._module.strings:
            if sent.overlap(self._module.span(literal)):
                continue
            template = self._template(literal)
            if template is None or not self._may_be_sent(literal):
                continue
            self.loose.update(_names_of(self._module, literal))
            yield SqlSite(
                place=self._module.place(literal),
                sink="literal",
                driver=None,
                template=template,
                scope=scope_name(self._module, literal),
                confidence=self._confidence(literal),
            )

    def _template(self, literal: ast.Constant | ast.JoinedStr) -> SqlTemplate | None:
        """Return the text of a literal if it holds session state."""
        if isinstance(literal, ast.Constant):
            if (
                not isinstance(literal.value, str)
                or len(literal.value) > _MAX_LENGTH
                or not _reads_like_sql(literal.value)
            ):
                return None
        elif not any(
            isinstance(part, ast.Constant) and isinstance(part.value, str) and may_hold_session_state(part.value)
            for part in literal.values
        ):
            return None
        for value in evaluate(self._module, literal):
            if isinstance(value, Text) and _reads_like_sql(value.template.text) and _is_stateful(value.template.text):
                return value.template
        return None

    def _may_be_sent(self, literal: ast.expr) -> bool:
        if self._guards.is_excluded(literal) or self._guards.is_named_foreign(literal):
            return False
        if self._receivers.foreign_in_view and not self._receivers.drivers_in_view:
            return False
        child: ast.AST = literal
        for ancestor in self._module.ancestors(literal):
            if _is_talk(ancestor, child):
                return False
            if isinstance(ancestor, ast.stmt):
                return not (isinstance(ancestor, ast.Expr) and child is literal)
            child = ancestor
        return True

    def _confidence(self, literal: ast.expr) -> Confidence:
        for ancestor in self._module.ancestors(literal):
            match ancestor:
                case ast.Return():
                    return Confidence.MEDIUM
                case ast.Assign(targets=[target]) | ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                    return Confidence.MEDIUM if _SQL_NAME.search(_target_name(target)) else Confidence.LOW
                case ast.stmt():
                    return Confidence.LOW
                case _:
                    continue
        return Confidence.LOW


def _names_of(module: Module, literal: ast.expr) -> Iterator[str]:
    """Yield the names that a literal can be reached by: of the constant or attribute, or of the function around it."""
    names: list[str] = []
    for ancestor in module.ancestors(literal):
        match ancestor:
            case ast.Assign(targets=targets):
                names = [last_name(target) for target in targets]
            case ast.AnnAssign(target=target):
                names = [last_name(target)]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
    yield from (name for name in names if name and not name.startswith("__"))


class _Ranges:
    """Spans put together, so that one bisection tells whether another span overlaps any."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for span in sorted(spans):
            if self._ends and span.start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], span.end)
            else:
                self._starts.append(span.start)
                self._ends.append(span.end)

    def overlap(self, span: Span) -> bool:
        before = bisect.bisect_left(self._starts, span.end)
        return before > 0 and span.start < self._ends[before - 1]


def _reads_like_sql(text: str) -> bool:
    """Return whether a text begins like SQL; a word that is merely capitalised begins a sentence."""
    if not may_hold_session_state(text) or _HEAD.match(text) is None:
        return False
    word = _WORD.search(text)
    return word is None or not (word.group()[0].isupper() and word.group()[1:].islower())


def _is_stateful(text: str) -> bool:
    statements = read_statements(text)
    if not statements or statements[0].kind is StatementKind.OTHER:
        return False
    return any(statement.kind in _STATEFUL or statement.calls for statement in statements)


def _is_talk(ancestor: ast.AST, child: ast.AST) -> bool:  # noqa: PLR0911 - one for each kind of node
    """Return whether what stands in `ancestor` as `child` is read by people or tests rather than by a server."""
    match ancestor:
        case ast.Raise() | ast.Assert() | ast.Compare() | ast.arg() | ast.Delete():
            return True
        case ast.AnnAssign(annotation=annotation):
            return child is annotation
        case ast.Dict():
            return child in _keys(ancestor)
        case ast.Subscript(slice=index):
            return child is index
        case ast.keyword(arg=name):
            return name in _TALK_KEYWORDS
        case ast.Call(func=ast.Attribute(attr="write", value=ast.Attribute(attr="stdin"))):
            return False  # of a process: psql reads it
        case ast.Call(func=func):
            name = last_name(func)
            return child is not func and (
                name in _TALK or name.endswith(("Error", "Exception", "Warning")) or name.startswith("assert")
            )
        case ast.Attribute(attr=name):
            return name in _TALK
        case ast.Assign(targets=[target]):
            return (
                _target_name(target) in {"__doc__", "help", "description"} or "expected" in _target_name(target).lower()
            )
        case _:
            return False


@lru_cache(maxsize=1)
def _keys(node: ast.Dict) -> frozenset[ast.AST | None]:
    """Return the keys of a dictionary, which may have thousands, each asked for in turn."""
    return frozenset(node.keys)


def _target_name(target: ast.expr) -> str:
    match target:
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case _:
            return last_name(target)
