"""What commands write beside their report: refused before the work where it cannot be, told of afterwards."""

from __future__ import annotations

from pathlib import Path

from txsafe.cli.inputs import note
from txsafe.errors import ConfigError

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable

    from txsafe.cli.flags import Flags
    from txsafe.config import Config
    from txsafe.model import Report


def check_writable(targets: Iterable[Path | None]) -> None:
    """Refuse before the work what would fail after it."""
    for target in targets:
        if target is not None and (target.is_dir() or not target.parent.is_dir()):
            raise ConfigError(f"{target}: cannot be written: {'it is a' if target.is_dir() else 'no such'} folder")


def written_baseline(flags: Flags) -> Path | None:
    """Return the file of `--write-baseline`."""
    written = flags.get("write_baseline")
    return Path(written) if isinstance(written, str) else None


def record_baseline(report: Report, flags: Flags, config: Config) -> None:
    """Write down what is found now where `--write-baseline` asks for it."""
    written = written_baseline(flags)
    if written is not None:
        from txsafe.baseline import write_baseline
        from txsafe.selection import select

        count = write_baseline(written, select(report, config).diagnostics, root=config.root)
        note(f"{written}: wrote {count} {'entry' if count == 1 else 'entries'}")
