"""A settings file as reports may quote it: of the same length, without passwords."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.connection_strings import mask_passwords

if TYPE_CHECKING:
    from txsafe.model import SourceFile

_SECRET = re.compile(
    r"((?:passw(?:or)?d|secret|token|api[_-]?key|credential|private[_-]?key)[\w.-]{0,40}+[\"']?+"
    r"[ \t]{0,20}+[=:][ \t]{0,20}+)"
    r"([^\s][^\r\n]*+)",
    re.IGNORECASE,
)


def without_secrets(source: SourceFile) -> SourceFile:
    """Return the file with asterisks in place of what connection strings and telling names keep secret."""
    text = mask_passwords(source.text)
    return replace(source, text=_SECRET.sub(lambda found: found[1] + "*" * len(found[2]), text))
