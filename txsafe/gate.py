"""Bytes in, whether it is worth parsing them out: the first, cheapest stage, which leaves most Python files unparsed.

Its law: no file is dropped in which the full analysis would find a site, an API use or an unresolved call. So the words
here stand for every call, attribute, module and statement that the driver files and the rules know
(`tests/test_gate.py` holds them against each other). `in` over lower-cased bytes runs at 1 GB/s for each stem, so stems
are few, and a pattern anchored at each hit decides; one large alternation would be slower than parsing every file.
What stands in a comment counts for nothing, and words of a statement only where one may begin: prose has them, too.
"""

from __future__ import annotations

import re

from txsafe.patterns import later
from txsafe.source import FileKind

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MODULES = (
    "aiopg", "alembic.op", "apscheduler.eventbrokers", "asyncpg", "broadcaster", "chancy", "databases", "dbos",
    "django_pg_utils", "django_pglocks", "django_tenants", "dramatiq_pg", "gino", "langgraph", "pals", "peewee",
    "pg8000", "pglock", "pgpubsub", "pgqueuer", "piccolo", "playhouse", "pony", "pq", "procrastinate",
    "psycopg", "saq", "sqlalchemy_dlock", "tenant_schemas", "tortoise",
)  # fmt: skip
"""Drivers and libraries whose mere import is rare enough; a longer name that begins so counts, too."""

_MODULE = "|".join(map(re.escape, MODULES))
_NAME = r"[a-z_\"'{%][\w.\"'{}%()]*"
_WORD = r"(?:(?<![\w$])|(?<=\\[nrt]))"
"""No part of a longer word: `fieldset x=` sets nothing."""
_BEGIN = rf"{_WORD}(?:(?<![a-z,][ ])|(?<=\\[nrt][ ])|(?<=begin[ ])|(?<=then[ ])|(?<=else[ ])|(?<=loop[ ])|(?<=do[ ]))"
"""Where a statement may begin, and not the middle of a sentence, or of an UPDATE."""
_NO_NAME = r"(?!(?:it|its|the|them|these|this|those|that|an?)\s)"
"""What `set … to` says of in prose."""

# Stem → what must stand at the stem; None where the stem is telling enough. All in lower case but what is a constant.
_STEMS: Mapping[str, str | None] = {
    # what a file imports
    "from": rf"from[\s\\]+(?:{_MODULE})",
    # calls and attributes
    "callproc(": None,
    ".copy(": r"(?<!\bcopy)(?<!\bshutil)\.copy\((?!\s*\))",
    ".exec": (
        r"\.exec(?:_driver_sql|_params|_?\(|ute(?:many|_(?:batch|insert|many|query(?:_dict)?|script|sql|values))?\b)"
        r"(?!\(\s*\))"
    ),
    ".send_query": None,
    ".extra(": None,
    ".iterat": r"\.iterat(?:or|e)\(",
    ".raw(": None,
    ".scalar": None,
    ".stream": r"\.stream(?:_scalars)?\(",
    "copy_": r"copy_(?:expert|from_query)\b",
    "cursor(": r"cursor\((?!\s*\))",
    "execution_options": None,
    "engine": r"engine_(?:from_config|options)|(?:(?<=create_)|(?<=async_))engine",
    "fetch": r"fetch(?:_all|_one|_val|many|row|val)\b|(?<=\.)fetch\(",
    "notif": r"notif(?:ies\b|y_handler)",
    "create_pool": None,
    "run_": r"run_(?:ddl|worker)",
    "sql(": r"(?:(?<=raw)|(?<=run))sql\(",
    "read_": r"read_(?:sql|database)",
    # settings
    "-c": r"(?:(?<![a-z_-])|(?<=%3d)|(?<=\\[nrt]))-c(?:\s|%20)*[a-z_]+(?:\.[a-z_]+)?\s*(?:=|%3d|\{)",
    "assume_role": None,
    "DATABASES": r"DATABASES[\"']?\s*[\[=:]",
    "isolation_level": None,
    "pgoptions": None,
    "prefixes": r"prefixes\s*=|prefixes[\"']",
    "server_s": r"server_s(?:ettings|ide_cursors)",
    "statement_cache": None,
    "withhold": None,
    # statements, for SQL whose way to a call is not in the file
    "advisory": None,
    "backend_pid": None,
    "currval": None,
    "dblink": None,
    "deallocate": None,
    "discard": rf"{_BEGIN}discard\s+(?:all|plans|sequences|temp)\b",
    "lastval": r"lastval(?!ue)",
    "listen": (
        rf"listen(?:\s+(?!\w+[ \t]+\w){_NAME}|\s+\*|\s*[\"']|\(|s_for\b"
        r"|(?:(?<=add_listen)|(?<=remove_listen))er\()"
    ),
    "load": rf"{_BEGIN}load\s+'",
    "prepare": rf"prepare(?:_threshold|d_statement|\s+{_NAME}\s*(?:as\b|\())|(?<=\.)prepare\(",
    "reset": rf"{_BEGIN}reset\s+(?:all\b|role\b|session\b|{_NAME}\s*[;\"'])",
    "search_path": r"(?<![a-z]_)search_path",
    "session": r"session\s+(?:authorization|characteristics)|(?<=\.set_)session\b",
    "set ": (
        rf"{_BEGIN}set\s+(?:(?:session|local)\s|role\b|time\s+zone\b|names\b|{_NAME}\s*=|{_NO_NAME}{_NAME}\s*to\b)"
    ),
    "set_bind": None,
    "set_config": None,
    "setseed": None,
    "channels_postgres": None,
    "tortoise.backends": None,
    "temp": r"temp(?:orary)?(?:\s+(?:table|view|sequence|recursive)\b|\s*=\s*true|[\"'])|(?<=pg_)temp",
    "with hold": None,
}

TRANSACTION_WORDS = (b"atomic", b"begin", b"schema_editor", b"transaction")
"""What opens a transaction without any SQL: everyday words, further tokens for poolers that allow none."""

_TOKENS = tuple(
    (stem.encode("ascii"), later(pattern.encode("ascii")) if pattern else None) for stem, pattern in _STEMS.items()
)


_LINE = later(rb"[^\r\n\\]*+(?:\\(?:\r\n|.)[^\r\n\\]*+)*+", re.DOTALL)
"""To its end, which a backslash before it puts off."""
_REST_OF_LINE = later(rb"[^\r\n]*")
_SETTING = later(rb"options=|prepare|pool|init[-_]?sql|schema|search_path|role|statement_cache")
"""Of what settings speak that driver files know, or that decides how many connections there are."""
_ANY_WORD = later(rb"\w+")
_MODULE_WORDS = tuple(module.encode("ascii") for module in MODULES)


def may_matter(data: bytes, kind: FileKind, *, tokens: Iterable[bytes] = ()) -> bool:
    """Say whether a file has to be parsed; `tokens` (lower case) are those of a project's own rules, drivers and sinks.

    SQL files always are: reading their statements costs no more than looking for so many words.
    """
    if kind is FileKind.SQL:
        return bool(data) and not data.isspace()
    if kind is FileKind.SETTINGS:
        return may_hold_settings(data)
    lowered = data.lower()
    for stem, pattern in _TOKENS:  # a loop: `any` and a generator take longer than the search in a short file
        text = lowered if stem.islower() else data
        if stem in text and _holds(text, stem, pattern):
            return True
    return _imports_driver(lowered) or any(token in lowered for token in tokens)


def may_hold_settings(data: bytes) -> bool:
    """Say whether a settings file may say something of connections to PostgreSQL that matters here."""
    lowered = data.lower()
    if b"pgoptions" in lowered:
        return True
    return b"postgres" in lowered and _SETTING.search(lowered) is not None


def words_of(names: Iterable[str]) -> tuple[bytes, ...]:
    """Return the tokens of qualified names (`myapp.db.run`): their last parts, which a call cannot do without."""
    return tuple(sorted({name.rpartition(".")[2].lower().encode() for name in names}))


def _imports_driver(lowered: bytes) -> bool:
    """Look at each line with an `import` once, however many it has."""
    position = lowered.find(b"import")
    while position >= 0:
        line = _LINE.match(lowered, position)
        end = len(lowered) if line is None else line.end()
        for word in _ANY_WORD.finditer(lowered, position, end):
            if lowered.startswith(_MODULE_WORDS, word.start(), end):
                return True
        position = lowered.find(b"import", end)
    return False


def _holds(text: bytes, stem: bytes, pattern: re.Pattern[bytes] | None) -> bool:
    """Say whether what must stand at a stem does, anywhere but in a comment that has its lines to itself."""
    match = None if pattern is None else pattern.match
    position = text.find(stem)
    while position >= 0:
        following = position + 1
        if match is None or match(text, position):
            begin = text.rfind(b"\n", 0, position) + 1
            begin = max(begin, text.rfind(b"\r", begin, position) + 1)
            if not text[begin:position].lstrip().startswith(b"#"):
                return True
            rest = _REST_OF_LINE.match(text, position)
            following = position + 1 if rest is None else rest.end()
        position = text.find(stem, following)
    return False
