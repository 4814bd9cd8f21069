"""A report and the files that were looked at → the texts that reports may quote, without their passwords."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from txsafe.discovery import FileInput, read_input
from txsafe.errors import SourceError
from txsafe.own_rules import POOLER_CONFIG
from txsafe.source import FileKind, decode

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from txsafe.config import Config
    from txsafe.model import Report, SourceFile


def quotable_sources(files: Sequence[FileInput], report: Report, config: Config) -> Callable[[str], SourceFile | None]:
    """Return a function from a shown path to the text that was analysed; None where that is gone.

    The pooler's own files and settings files are quoted with asterisks for their secrets.
    """
    inputs = {file.display: file for file in files}
    masked = {each.path for each in report.diagnostics if each.rule == POOLER_CONFIG}

    @lru_cache(maxsize=32)
    def find(display: str) -> SourceFile | None:
        if display in masked:
            from txsafe.poolerconfig.complaints import read_masked

            return read_masked(display)
        file = inputs.get(display) or FileInput(Path(display), display)
        try:
            source = decode(read_input(file, limit=config.max_file_size), display)
        except SourceError:
            return None
        if file.kind is not FileKind.SETTINGS:
            return source
        from txsafe.settings.secrets import without_secrets

        return without_secrets(source)

    return find
