"""Names and values → SQL that spells them."""

from __future__ import annotations

import re

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
_NAME_LIST = re.compile(r"""\s*(?:"[^"]+"|[A-Za-z_][\w$]*)(?:\s*,\s*(?:"[^"]+"|[A-Za-z_][\w$]*))*\s*""")
_NAME_IN_LIST = re.compile(r""""[^"]+"|[^\s,]+""")
_RESERVED = frozenset(
    {
        "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
        "both", "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create",
        "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
        "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end",
        "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike",
        "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left", "like",
        "limit", "localtime", "localtimestamp", "natural", "none", "not", "notnull", "null", "offset", "on", "only",
        "or", "order", "outer", "overlaps", "placing", "primary", "references", "returning", "right", "select",
        "session_user", "similar", "some", "symmetric", "system_user", "table", "tablesample", "then", "to",
        "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose", "when", "where", "window",
        "with",
    }
)  # fmt: skip
"""https://www.postgresql.org/docs/current/sql-keywords-appendix.html: words that are no names unless quoted."""


def quote_name(name: str) -> str | None:
    """Spell a name, dotted or not, so that the server reads it as it is; None where no name can be."""
    if not name.isprintable() or not all(part.strip('"') for part in name.split(".")):
        return None
    return ".".join(_quote_part(part) for part in name.split("."))


def _quote_part(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.strip('"').replace('"', '""') + '"'


def quote_constant(text: str) -> str | None:
    """Spell a text as a string constant; None where it cannot be printed."""
    if not text.isprintable():
        return None
    escaped = text.replace("'", "''")
    return f"'{escaped}'" if "\\" not in text else "E'" + escaped.replace("\\", "\\\\") + "'"


def quote_list(text: str) -> str | None:
    """Spell a list of plain names, as `search_path` takes it; None where it is something else."""
    if not _NAME_LIST.fullmatch(text):
        return None
    return ", ".join(f'"{name}"' if name.lower() in _RESERVED else name for name in _NAME_IN_LIST.findall(text))
