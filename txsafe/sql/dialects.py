"""SQL text → the other database that it is evidently written for, or None.

Only what PostgreSQL could never accept, or what nobody would write for it, is evidence. Strings, comments and
dollar-quoted bodies are none: Markdown in a comment has backticks too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from txsafe.sql.lexer import skip_opaque

_START = r"(?:\A|[\r\n;])\s*+"
_MYSQL_SETTINGS = (
    "sql_mode|sql_safe_updates|sql_log_bin|sql_notes|foreign_key_checks|unique_checks|group_concat_max_len|innodb_\\w+"
    "|net_\\w+_timeout|wait_timeout|max_execution_time|character_set_\\w+|collation_connection"
)
_MSSQL_SETTINGS = "nocount|xact_abort|quoted_identifier|ansi_nulls|ansi_padding|ansi_warnings|identity_insert"
_SNOWFLAKE_SETTINGS = "query_tag|week_start|timestamp_\\w+|statement_timeout_in_seconds|multi_statement_count"


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A pattern in the code of a text, and words without one of which it cannot match."""

    dialect: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]


def _evidence(dialect: str, words: str, *patterns: str) -> _Evidence:
    return _Evidence(dialect, tuple(words.split()), re.compile("|".join(patterns)))


_EVIDENCE = (
    _evidence("bigquery", "`", r"`[\w-]++\.[\w.*-]++`"),
    _evidence("bigquery", "function", r"\bcreate\s+temp(?:orary)?\s+function\b"),
    _evidence("clickhouse", "engine", r"\bengine\s*=\s*\w*(?:mergetree|distributed|kafka)\b"),
    _evidence("mysql", "`", r"`[^`\s;]++`"),
    _evidence("mysql", "engine", r"\bengine\s*=\s*(?:innodb|myisam|memory|heap|aria|archive|ndb\w*)\b"),
    _evidence("mysql", "auto_increment", r"\b(?:null|key|\w*int|unsigned|default)\s+auto_increment\b", r"\bint\(\d+\)"),
    _evidence(
        "mysql",
        "set",
        rf"\bset\s+(?:session\s+|global\s+|@@(?:session|global)\.|@@)?(?:{_MYSQL_SETTINGS})\s*:?=",
        rf"{_START}set\s+(?:global|persist)\s+\w",
        r"\bset\s+(?:session|global)\s+transaction\s+(?:isolation|read)\b",
        r"\bset\s+names\s+'?(?:utf8mb[34]|latin1|binary)\b",
        r"\bset\s+@@?[a-z_]",
    ),
    _evidence(
        "mysql", "infile inpath", r"\bload\s+data\s+(?:local\s+|low_priority\s+|concurrent\s+)?in(?:file|path)\b"
    ),
    _evidence("mysql", "get_lock release_lock", r"(?<![\w.])(?:get|release)_lock\s*\("),
    _evidence("mysql", "lock", rf"{_START}(?:un)?lock\s+tables\b"),
    _evidence(
        "mysql",
        "flush master replica slave",
        rf"{_START}flush\s+(?:privileges|tables|hosts|(?:binary\s+|relay\s+|slow\s+)?logs)\b",
        rf"{_START}(?:reset|start|stop)\s+(?:master|slave|replica)\b",
        rf"{_START}change\s+(?:master|replication\s+source)\s+to\b",
    ),
    _evidence("mysql", "delimiter", rf"{_START}delimiter\s+[^\w\s]"),
    _evidence("mysql", "show", rf"{_START}show\s+(?:tables|databases|create\s+table|engine|processlist|variables)\b"),
    _evidence("sqlite", "pragma", rf"{_START}pragma\s+[\w.]+\s*(?:[=(;\r\n]|\Z)"),
    _evidence("sqlite", "autoincrement", r"\bkey\s+(?:asc\s+|desc\s+)?autoincrement\b"),
    _evidence("sqlite", "begin", rf"{_START}begin\s+(?:immediate|exclusive|deferred)\b"),
    _evidence("sqlite", "attach", rf"{_START}attach\s+database\b"),
    _evidence("mssql", "#", r"\b(?:table|into|from|join)\s+##?[a-z_]\w*"),
    _evidence("mssql", "nolock", r"\bwith\s*\(\s*nolock\s*\)"),
    _evidence("mssql", "snapshot", r"\bset\s+transaction\s+isolation\s+level\s+snapshot\b"),
    _evidence("mssql", "set", rf"{_START}set\s+(?:{_MSSQL_SETTINGS})\s+(?:on|off|\w+\s+o[nf])"),
    _evidence("mssql", "sp_", r"\bexec(?:ute)?\s+sp_\w+"),
    _evidence("mssql", "identity", r"\bidentity\s*\(\s*1\s*,\s*1\s*\)"),
    _evidence("mssql", "[", r"\[dbo\]\.", rf"{_START}(?:use|create\s+table|insert\s+into|update)\s+\[\w+\]"),
    _evidence("mssql", "@", r"\bdeclare\s+@\w+"),
    _evidence("snowflake", "alter", rf"\balter\s+session\s+(?:un)?set\s+(?:{_SNOWFLAKE_SETTINGS})\b"),
    _evidence("snowflake", "use", rf"{_START}use\s+(?:warehouse|role)\s+\w"),
    _evidence(
        "snowflake", "replace", r"\bcreate\s+or\s+replace\s+(?:transient\s+|(?:local\s+)?temp(?:orary)?\s+)?table\b"
    ),
    _evidence("oracle", "alter", r"\balter\s+session\s+(?:set|enable|force|close)\b"),
    _evidence("oracle", "dual varchar2", r"\bfrom\s+dual\b", r"\bvarchar2\s*\("),
    _evidence("trino", "session", r"\breset\s+session\s+(?!authorization\b)\w", r"\bset\s+session\s+query_max_\w+\s*="),
    _evidence("hive", "hive spark", rf"{_START}set\s+(?:hive|spark)\.\w"),
    _evidence("hive", "stored", r"\bstored\s+as\s+(?:orc|parquet|textfile|avro)\b"),
    _evidence("hive", "row", r"\brow\s+format\s+(?:delimited|serde)\b"),
)
_WORDS = frozenset(word for evidence in _EVIDENCE for word in evidence.words)
_EXECUTABLE_COMMENT = re.compile(r"/\*!\d{5}")
_OPAQUE = re.compile(r"['\"$/-]")
_SHORT_STRING = re.compile(r"'\w{1,9}'")


def foreign_dialect(text: str) -> str | None:
    """Name the database that the text is evidently for, if that is not PostgreSQL; None where nothing says so."""
    if "/*!" in text and _EXECUTABLE_COMMENT.search(text):
        return "mysql"
    lowered = text.lower()
    present = {word for word in _WORDS if word in lowered}
    possible = [evidence for evidence in _EVIDENCE if not present.isdisjoint(evidence.words)]
    if not possible:
        return None
    code = _code(lowered)
    return next((evidence.dialect for evidence in possible if evidence.pattern.search(code)), None)


def _code(text: str) -> str:
    """Return the text without comments and quotations; one short word in quotes stays (`SET NAMES 'utf8mb4'`)."""
    pieces: list[str] = []
    position = kept = 0
    while (mark := _OPAQUE.search(text, position)) is not None:
        offset = mark.start()
        position, _ = skip_opaque(text, offset, after=position)
        if position - offset > 1 and not _SHORT_STRING.fullmatch(text, offset, position):
            pieces.append(text[kept:offset])
            pieces.append(" ")
            kept = position
    pieces.append(text[kept:])
    return "".join(pieces)
