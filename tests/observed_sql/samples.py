"""Where the logs of real servers stand, and what the script that wrote them ran."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.observed_sql.formats import LogReader

if TYPE_CHECKING:
    from txsafe.observed_sql.entries import Entry

SAMPLES = Path(__file__).parent / "samples"
LOGS = sorted(
    path.name for path in SAMPLES.iterdir() if path.suffix in {".log", ".csv", ".json"} and path.stem != "statements"
)
PREFIX = "%m [%p] c=%c v=%v x=%x %q%u@%d/%a "


def read(data: bytes, *, prefix: str | None = None, piece: int = 1 << 20) -> tuple[LogReader, list[Entry]]:
    reader = LogReader(prefix=prefix, piece=piece)
    return reader, list(reader.entries(io.BytesIO(data)))


def line(message: str, *, session: str = "6b01c865.1", transaction: str = "2/1", client: str = "app@shop/web") -> str:
    """Return a line of a log on stderr, written with `PREFIX`; further lines of a message are indented."""
    text = message.replace("\n", "\n\t")
    return f"2026-11-21 16:35:49.499 UTC [77] c={session} v={transaction} x=0 {client} LOG:  {text}\n"
