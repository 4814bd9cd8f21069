"""Which suggestions claim to be SQL or Python, and whether they are."""

from __future__ import annotations

import ast
import re

import pglast

_SQL = re.compile(r"(?:SELECT|SET|BEGIN|ALTER|CREATE|WITH|DECLARE|INSERT)\b(?! (?:is|it)\b)")
_PYTHON = re.compile(r"#|await |async |with |[\w.]+\(|\w+\.\w+ = |\"\w+\": ")
_PARAMETER = re.compile(r"%\(\w+\)s|%s|(?<!:):value_\d")


def is_sql(text: str) -> bool:
    return _SQL.match(text) is not None


def is_python(text: str) -> bool:
    return _PYTHON.match(text) is not None


def parse(text: str) -> None:
    """Raise if PostgreSQL's own grammar refuses it, what stands in its comments as an alternative included."""
    sql = _PARAMETER.sub("$1", text)
    pglast.parse_sql(sql)
    for alternative in re.findall(r"--.*?: (ALTER .*)", sql):
        pglast.parse_sql(alternative)


def compile_python(text: str) -> None:
    """Raise if it is no Python; a block without a body and an item of a dictionary are given what they lack."""
    code = text
    if re.search(r"^(?:async )?with .*:(?:\s*#.*)?$", text, re.MULTILINE):
        code += "\n    pass"
    if re.search(r'^"\w+": ', text, re.MULTILINE):
        code = "{\n" + text + "\n}"
    compile(code, "suggestion", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
